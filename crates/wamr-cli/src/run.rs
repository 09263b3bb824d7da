//! Running a program.

use std::sync::Arc;
use std::thread;

use wamr::wasi::{self, Exit, WasiCtx};
use wamr::{
    Config, Engine, Error, InstantiateError, Linker, Module, ModuleError, Store, StoreLimits,
    Validation,
};

use crate::options::{CommonOptions, RunOptions};
use crate::{EXIT_TRAP, Failure, invoke};

/// Makes an engine as the options ask.
pub(crate) fn engine(options: &CommonOptions, validation: Validation) -> Result<Engine, Failure> {
    engine_with(options, validation, |_| {})
}

fn engine_with(
    options: &CommonOptions,
    validation: Validation,
    set: impl FnOnce(&mut Config),
) -> Result<Engine, Failure> {
    let mut config = Config::new();
    set(&mut config);
    config.validation(validation);
    if let Some(mode) = options.mode {
        config.mode(mode);
    }
    if let Some(bytes) = options.stack_bytes {
        config.interp_stack_bytes(bytes);
    }
    Engine::new(&config).map_err(Failure::unusable)
}

/// Loads a module; the message names the file.
pub(crate) fn load(engine: &Engine, file: &str) -> Result<Module, Failure> {
    Module::from_file(engine, file)
        .map_err(|error: ModuleError| Failure::unusable(format!("{file}: {error}")))
}

/// Runs a program and gives its exit code.
pub(crate) fn run(options: &RunOptions) -> Result<u8, Failure> {
    let engine = engine_with(&options.common, Validation::Lazy, |config| {
        config.consume_fuel(options.fuel.is_some());
    })?;
    let module = load(&engine, &options.file)?;
    let mut store = store(&engine, options)?;
    let mut linker = Linker::new(&engine);
    wasi::add_to_linker(&mut linker, |host: &mut Host| &mut host.wasi)
        .map_err(Failure::unusable)?;
    let instance = match linker.instantiate(&mut store, &module) {
        Ok(instance) => instance,
        Err(InstantiateError::Run(error)) => return ended(Err(error)),
        Err(error) => return Err(Failure::unusable(format!("{}: {error}", options.file))),
    };
    if let Some(name) = &options.function {
        return invoke::invoke(&mut store, &instance, name, &options.args);
    }
    for name in ["_start", "main", "_main"] {
        if let Some(start) = instance.get_func(&mut store, name) {
            let results = start.ty(&store).map_err(Failure::unusable)?.results().len();
            let mut results = vec![wamr::Val::I32(0); results];
            return ended(start.call(&mut store, &[], &mut results));
        }
    }
    let message = "the module has no `_start`; name a function to call with `--function`";
    Err(Failure::unusable(format!("{}: {message}", options.file)))
}

/// The exit code of a program that ended so.
pub(crate) fn ended(outcome: Result<(), Error>) -> Result<u8, Failure> {
    match outcome {
        Ok(()) => Ok(0),
        Err(error) => match error.downcast_ref::<Exit>() {
            Some(Exit(code)) => Ok(*code as u8),
            None => Err(Failure { message: format!("{error:#}"), code: EXIT_TRAP }),
        },
    }
}

/// What the host functions of a program work on.
struct Host {
    wasi: WasiCtx,
    limits: StoreLimits,
}

/// Makes the program's store, with its limits and its clock ticking.
fn store(engine: &Engine, options: &RunOptions) -> Result<Store<Host>, Failure> {
    let mut limits = StoreLimits::new();
    if let Some(bytes) = options.max_memory_bytes {
        limits = limits.memory_bytes(bytes);
    }
    let host = Host { wasi: context(options)?, limits };
    let mut store = Store::try_new(engine, host).map_err(Failure::unusable)?;
    store.limiter(|host| &mut host.limits);
    if let Some(fuel) = options.fuel {
        store.set_fuel(fuel).map_err(Failure::unusable)?;
    }
    if let Some(timeout) = options.timeout {
        let handle = store.interrupt_handle();
        let waiting = handle.clone();
        store.data_mut().wasi.set_interrupt(Arc::new(move || waiting.is_interrupted()));
        thread::spawn(move || {
            thread::sleep(timeout);
            handle.interrupt();
        });
    }
    Ok(store)
}

fn context(options: &RunOptions) -> Result<WasiCtx, Failure> {
    let mut builder = WasiCtx::builder();
    builder.inherit_stdio().arg(&options.file).args(&options.args);
    for (name, value) in &options.env {
        builder.env(name, value);
    }
    for dir in &options.dirs {
        builder
            .preopen_dir(&dir.host, &dir.guest)
            .map_err(|error| Failure::unusable(format!("{}: {error}", dir.host)))?;
    }
    Ok(builder.build())
}
