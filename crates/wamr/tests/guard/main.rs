//! Memories of both kinds: bounds of every load and store, growth, mixed linking, faults that
//! are not a guest's, threads, address space that runs out, initial contents.

mod bounds;
mod image;
mod mixing;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod process;
mod threads;

use wamr::{Config, Engine, Error, Instance, Module, Store, TrapCode};

/// A store, and the engine that its modules are made with.
struct Host {
    engine: Engine,
    store: Store<()>,
}

impl Host {
    /// With memories that are guarded where they can be, or all checked.
    fn new(guard: bool) -> Self {
        let mut config = Config::new();
        config.memory_guard(guard);
        let engine = Engine::new(&config).expect("an engine");
        let store = Store::new(&engine, ());
        Self { engine, store }
    }

    fn both() -> [Self; 2] {
        [true, false].map(Self::new)
    }

    fn module(&self, text: &str) -> Module {
        Module::new(&self.engine, text).expect("a valid module")
    }

    fn instantiate(&mut self, text: &str, imports: &[wamr::Extern]) -> Instance {
        let module = self.module(text);
        Instance::new(&mut self.store, &module, imports).expect("an instance")
    }

    /// Calls a function from an address to a number.
    fn call(&mut self, instance: &Instance, name: &str, address: u32) -> Result<i32, Error> {
        let func = instance.get_typed_func::<i32, i32>(&mut self.store, name).expect("a function");
        func.call(&mut self.store, address as i32)
    }
}

fn is_out_of_bounds<T>(result: Result<T, Error>) -> bool {
    result.is_err_and(|error| error.trap_code() == Some(TrapCode::MemoryOutOfBounds))
}

/// A memory of one page that may grow to three, with functions that read and grow it.
const READER: &str = r#"(module
    (memory (export "memory") 1 3)
    (func (export "read") (param i32) (result i32) local.get 0 i32.load)
    (func (export "grow") (param i32) (result i32) local.get 0 memory.grow))"#;
