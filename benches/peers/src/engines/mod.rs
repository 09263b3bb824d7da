//! What every engine has to do here, in its own way.
//!
//! Modules are given as a list: each is instantiated under its name and may import what those
//! before it export; the last one is the program. Beside those there are WASI's functions and
//! `host.add`, which adds two numbers.

use std::any::Any;

pub mod ours;
pub mod sf_nano;
pub mod wasmi;
pub mod wasmtime;

/// How many functions `host.f0` and so on there are beside `host.add`.
pub const HOST_FUNCS: usize = wamr_benches::HOST_FUNCS;

/// What went wrong, in an engine's words.
pub type Result<T> = std::result::Result<T, String>;

/// The error of an engine as text.
pub fn text(error: impl std::fmt::Display) -> String {
    format!("{error:#}")
}

/// Modules and names of imports.
pub type Names = [(String, String)];

/// An engine in one configuration.
pub trait Engine {
    /// The name in tables.
    fn name(&self) -> &'static str;

    /// Loads modules.
    fn load(&self, modules: &[(&str, &[u8])]) -> Result<Box<dyn Program>>;

    /// Loads a module as lazily as the engine can and instantiates it; functions that it imports
    /// fail when they are called.
    fn start(&self, wasm: &[u8], imports: &Names) -> Result<Box<dyn Any>>;

    /// What makes an instance of a module in a store of its own and drops both, with as much done
    /// before as the engine can do before.
    fn repeat(&self, wasm: &[u8]) -> Result<Box<dyn FnMut() -> Result<()>>>;

    /// Loads a module without translating anything; `None` if the engine does not offer that.
    fn untranslated(&self, _wasm: &[u8]) -> Option<Result<Box<dyn Any>>> {
        None
    }

    /// Validates a module and translates all of it, on so many threads; `None` if the engine does
    /// not offer that.
    fn translate(
        &self,
        wasm: &[u8],
        imports: &Names,
        threads: usize,
    ) -> Option<Result<Box<dyn Any>>>;
}

/// A program that was loaded.
pub trait Program {
    /// Makes instances, in a store of their own.
    fn instantiate(&self, args: &[&str]) -> Result<Box<dyn Instance>>;
}

/// An instance of a program.
pub trait Instance {
    /// Runs `_start`; a program that ends itself with code 0 has succeeded.
    fn start(&mut self) -> Result<()>;

    /// Calls `run`.
    fn run(&mut self, n: i32) -> Result<i32>;

    /// Calls the export `add` so many times, each with the result of the one before.
    fn add_often(&mut self, times: u32) -> Result<i32>;

    /// What was written.
    fn output(&self) -> Vec<u8>;
}

/// The engines by name, in the order of tables.
pub fn all() -> Vec<Box<dyn Engine>> {
    use ours::Ours;
    vec![
        Box::new(Ours::interp()),
        Box::new(Ours::checked()),
        Box::new(wasmi::Wasmi),
        Box::new(sf_nano::SfNano),
        Box::new(Ours::jit()),
        Box::new(wasmtime::Wasmtime::new()),
    ]
}

/// An engine in a configuration that matters where instances come and go.
pub fn for_instances(engines: &[Box<dyn Engine>]) -> Option<Box<dyn Engine>> {
    let has_wasmtime = engines.iter().any(|engine| engine.name() == "wasmtime");
    has_wasmtime.then(|| Box::new(wasmtime::Wasmtime::pooling()) as _)
}
