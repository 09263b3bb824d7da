//! Engines of every mode, and shorter forms of what most tests do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wamr::{
    AsContextMut, Config, Engine, Error, Extern, ImportError, Instance, InstantiateError,
    LinkError, Mode, Module, TrapCode, WasmParams, WasmResults,
};

/// Runs a test once for each mode of this build.
pub(crate) fn each_mode(test: impl Fn(&Engine)) {
    each_config(|_| {}, test);
}

/// Runs a test once for each mode, with something else in the configuration too.
pub(crate) fn each_config(set: impl Fn(&mut Config), test: impl Fn(&Engine)) {
    for &mode in Mode::ALL {
        let mut config = Config::new();
        config.mode(mode);
        set(&mut config);
        test(&Engine::new(&config).expect("a mode of this build"));
    }
}

/// Runs a test in the interpreter alone: it is about interpreted frames, or so large that only a
/// mode that compiles nothing before it is called does it in time.
pub(crate) fn interp_config(set: impl Fn(&mut Config), test: impl Fn(&Engine)) {
    let mut config = Config::new();
    config.mode(Mode::Interp);
    set(&mut config);
    test(&Engine::new(&config).expect("a mode of this build"));
}

/// A module in the text format.
pub(crate) fn module(engine: &Engine, wat: &str) -> Module {
    Module::new(engine, wat).unwrap_or_else(|error| panic!("{error}\n{wat}"))
}

/// An instance of a module in the text format.
pub(crate) fn instantiate(
    engine: &Engine,
    store: impl AsContextMut,
    wat: &str,
    imports: &[Extern],
) -> Instance {
    Instance::new(store, &module(engine, wat), imports).unwrap_or_else(|error| panic!("{error}"))
}

/// Calls an exported function.
pub(crate) fn call<P: WasmParams, R: WasmResults>(
    mut store: impl AsContextMut,
    instance: &Instance,
    name: &str,
    params: P,
) -> Result<R, Error> {
    instance.get_typed_func::<P, R>(store.as_context_mut(), name)?.call(store, params)
}

/// The trap that a call ended in.
pub(crate) fn trap<T: core::fmt::Debug>(outcome: Result<T, Error>) -> TrapCode {
    let error = outcome.expect_err("a trap");
    error.trap_code().unwrap_or_else(|| panic!("{error:?}"))
}

/// The imports that an instantiation was refused for.
pub(crate) fn bad_imports(outcome: Result<Instance, InstantiateError>) -> Vec<ImportError> {
    match outcome.expect_err("bad imports") {
        InstantiateError::Link(LinkError::Imports(imports)) => imports,
        other => panic!("{other}"),
    }
}

/// The error of a segment or start function that ended an instantiation.
pub(crate) fn run_error(outcome: Result<Instance, InstantiateError>) -> Error {
    match outcome.expect_err("a failure of the module's own") {
        InstantiateError::Run(error) => error,
        other => panic!("{other}"),
    }
}

/// Counts how many of its tokens are alive.
#[derive(Clone, Default)]
pub(crate) struct Census(Arc<AtomicUsize>);

impl Census {
    /// A token that counts until it is dropped.
    pub(crate) fn token(&self) -> Token {
        self.0.fetch_add(1, Ordering::Relaxed);
        Token(self.0.clone())
    }

    /// How many tokens are alive.
    pub(crate) fn alive(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts in a [`Census`] until it is dropped.
#[derive(Debug)]
pub(crate) struct Token(Arc<AtomicUsize>);

impl Token {
    /// Does nothing, but has a closure capture the token.
    pub(crate) fn touch(&self) {}
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
