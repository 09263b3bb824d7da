//! Memories that several stores share, each store on a thread of its own. Every case runs in every
//! mode, with guarded and with checked memories.

mod access;
mod growth;
mod lifetimes;
mod programs;
mod waiting;

use std::thread;

use wamr::{
    Config, Engine, Error, Instance, MemoryType, Mode, Module, SharedMemory, Store, WasmParams,
    WasmResults,
};

/// Imports the shared memory `m` and does something of everything to it.
const GUEST: &str = r#"(module
    (memory (import "" "m") 1 16 shared)
    (func (export "add") (param $at i32) (param $times i32)
        (loop $next
            (drop (i64.atomic.rmw.add (local.get $at) (i64.const 1)))
            (br_if $next
                (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
    (func (export "wait32") (param i32 i32 i64) (result i32)
        (memory.atomic.wait32 (local.get 0) (local.get 1) (local.get 2)))
    (func (export "wait64") (param i32 i64 i64) (result i32)
        (memory.atomic.wait64 (local.get 0) (local.get 1) (local.get 2)))
    (func (export "notify") (param i32 i32) (result i32)
        (memory.atomic.notify (local.get 0) (local.get 1)))
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
    (func (export "atomic_load") (param i32) (result i32) (i32.atomic.load (local.get 0)))
    (func (export "atomic_store") (param i32 i32)
        (i32.atomic.store (local.get 0) (local.get 1)))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "size") (result i32) (memory.size))
    (func (export "copy") (param i32 i32 i32)
        (memory.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export "fill") (param i32 i32 i32)
        (memory.fill (local.get 0) (local.get 1) (local.get 2)))
    ;; Waits in a loop for the word at 0 to be 1, and uses the page after the first one then.
    (func (export "use_second_page") (result i32)
        (loop $again
            (br_if $again (i32.ne (i32.atomic.load (i32.const 0)) (i32.const 1))))
        (i32.store (i32.const 65536) (i32.const 5))
        (v128.store (i32.const 65552) (v128.load (i32.const 65536)))
        (drop (i32.atomic.rmw.add (i32.const 65552) (i32.const 2)))
        (v128.store32_lane 0 (i32.const 65600) (v128.load32_zero (i32.const 65552)))
        (i32.load (i32.const 65600)))
    ;; Takes turns with another thread: waits for the word at 0 to be `mine`, makes it `other`.
    (func (export "take_turns") (param $mine i32) (param $other i32) (param $times i32)
        (local $seen i32)
        (loop $next
            (loop $wait
                (local.set $seen (i32.atomic.load (i32.const 0)))
                (if (i32.ne (local.get $seen) (local.get $mine)) (then
                    (drop (memory.atomic.wait32 (i32.const 0) (local.get $seen) (i64.const -1)))
                    (br $wait))))
            (i32.atomic.store (i32.const 0) (local.get $other))
            (drop (memory.atomic.notify (i32.const 0) (i32.const -1)))
            (br_if $next
                (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))))"#;

/// The type of the memory that [`GUEST`] imports.
fn memory_type() -> MemoryType {
    MemoryType { shared: true, ..MemoryType::new(1, Some(16)) }
}

/// Runs a test once for each mode and kind of memory.
fn each_engine(test: impl Fn(&Engine)) {
    for &mode in Mode::ALL {
        for memory_guard in [true, false] {
            let mut config = Config::new();
            config.mode(mode).memory_guard(memory_guard);
            test(&Engine::new(&config).expect("a mode of this build"));
        }
    }
}

/// Runs a test with a new memory and a prepared [`GUEST`], for each mode and kind of memory.
fn each_world(test: impl Fn(&World)) {
    each_engine(|engine| {
        let memory = SharedMemory::new(engine, memory_type()).expect("memory");
        let module = Module::new(engine, GUEST).expect("a module");
        test(&World { engine: engine.clone(), memory, module });
    });
}

/// A shared memory, and what its users are made of.
struct World {
    engine: Engine,
    memory: SharedMemory,
    module: Module,
}

impl World {
    /// A user of the memory with a store of its own.
    fn user(&self) -> User {
        let mut store = Store::new(&self.engine, ());
        let memory = self.memory.to_memory(&mut store).expect("the same engine");
        let instance = Instance::new(&mut store, &self.module, &[memory.into()]);
        User { instance: instance.expect("an instance"), store }
    }

    /// Has users on `count` threads do the same at the same time.
    fn on_threads(&self, count: u32, work: impl Fn(u32, &mut User) + Sync) {
        thread::scope(|scope| {
            for number in 0..count {
                let work = &work;
                scope.spawn(move || work(number, &mut self.user()));
            }
        });
    }

    /// Reads a word.
    fn word(&self, at: usize) -> u32 {
        let mut bytes = [0; 4];
        self.memory.read(at, &mut bytes).expect("in bounds");
        u32::from_le_bytes(bytes)
    }
}

struct User {
    store: Store<()>,
    instance: Instance,
}

impl User {
    fn try_call<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
        params: P,
    ) -> Result<R, Error> {
        let func = self.instance.get_typed_func::<P, R>(&mut self.store, name)?;
        func.call(&mut self.store, params)
    }

    fn call<P: WasmParams, R: WasmResults>(&mut self, name: &str, params: P) -> R {
        self.try_call(name, params).unwrap_or_else(|error| panic!("{name}: {error:?}"))
    }
}
