//! Running a program.

use wamr::{
    Config, Engine, Error, Instance, Module, ModuleError, Store, Validation, libc_builtin, wasi,
};

use crate::host::{Builtins, store};
use crate::options::{CommonOptions, RunOptions};
use crate::program::Started;
use crate::{EXIT_TRAP, Failure, invoke, program, threads};

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
pub(crate) fn load(
    engine: &Engine,
    file: &str,
    options: &CommonOptions,
) -> Result<Module, Failure> {
    crate::aot::load(engine, file, options)
        .map_err(|error: ModuleError| Failure::unusable(format!("{file}: {error}")))
}

/// Runs a program and gives its exit code.
pub(crate) fn run(options: &RunOptions) -> Result<u8, Failure> {
    let engine = engine_with(&options.common, Validation::Lazy, |config| {
        config.consume_fuel(options.fuel.is_some());
    })?;
    let module = load(&engine, &options.file, &options.common)?;
    if options.wasi_threads {
        return threads::run(options, &engine, &module);
    }
    let mut store = store(&engine, options)?;
    let builtins = Builtins::new(&engine)?;
    let program = match program::start(&engine, &mut store, &module, &builtins, options)? {
        Started::Running(program) => program,
        Started::Ended(error) => return ended(Err(error)),
    };
    let instance = program.main().clone();
    start(&mut store, &instance, options)
}

/// Calls the function that the options name, or the one that programs start with.
pub(crate) fn start<T: 'static>(
    store: &mut Store<T>,
    instance: &Instance,
    options: &RunOptions,
) -> Result<u8, Failure> {
    if let Some(name) = &options.function {
        return invoke::invoke(store, instance, name, &options.args);
    }
    for name in ["_start", "main", "_main"] {
        if let Some(start) = instance.get_func(&mut *store, name) {
            let results = start.ty(&*store).map_err(Failure::unusable)?.results().len();
            let mut results = vec![wamr::Val::I32(0); results];
            return ended(start.call(store, &[], &mut results));
        }
    }
    let message = "the module has no `_start`; name a function to call with `--function`";
    Err(Failure::unusable(format!("{}: {message}", options.file)))
}

/// The exit code of a program that ended so.
pub(crate) fn ended(outcome: Result<(), Error>) -> Result<u8, Failure> {
    match outcome {
        Ok(()) => Ok(0),
        Err(error) => {
            let wasi = error.downcast_ref::<wasi::Exit>().map(|exit| exit.0 as u8);
            let libc = error.downcast_ref::<libc_builtin::Exit>().map(|exit| exit.0 as u8);
            let trap = || Failure { message: format!("{error:#}"), code: EXIT_TRAP };
            wasi.or(libc).ok_or_else(trap)
        }
    }
}
