//! Running a program.

use std::io;
use std::time::Instant;

use wamr::types::LoadErrorKind;
use wamr::{
    Config, Engine, Error, Extern, ExternType, Instance, Module, ModuleError, Store, Val,
    Validation,
};
use wamr::{libc_builtin, wasi};

use crate::host::{Builtins, Host, store};
use crate::options::{CommonOptions, RunOptions, Verbosity, is_option, meant_command};
use crate::program::Started;
use crate::report::{Progress, Reports};
use crate::{EXIT_TRAP, Failure, complain, invoke, program, repl, threads};

/// What compiled frames have if the command line asks for less.
const LEAST_NATIVE_STACK_BYTES: usize = 1 << 20;

/// How many functions are named where none was.
const SHOWN_EXPORTS: usize = 5;

/// Makes an engine as the options ask, and tells what they ask for in vain.
pub(crate) fn engine(options: &CommonOptions, validation: Validation) -> Result<Engine, Failure> {
    engine_with(options, validation, |_| {})
}

fn engine_with(
    options: &CommonOptions,
    validation: Validation,
    set: impl FnOnce(&mut Config),
) -> Result<Engine, Failure> {
    if options.verbosity >= Verbosity::WARNINGS {
        for warning in &options.warnings {
            complain(format_args!("iwasm: warning: {warning}"));
        }
    }
    let mut config = Config::new();
    set(&mut config);
    config.validation(validation).wasm_features(options.features);
    if let Some(mode) = options.mode {
        config.mode(mode);
    }
    #[cfg(feature = "jit")]
    options.inlining.apply(&mut config);
    if let Some(bytes) = options.stack_bytes {
        config.interp_stack_bytes(bytes);
        config.native_stack_bytes(bytes.max(LEAST_NATIVE_STACK_BYTES));
    }
    if let Some(bytes) = options.gc_heap_bytes {
        config.gc_heap_bytes(bytes);
    }
    Engine::new(&config).map_err(Failure::unusable)
}

/// How often code was found that had been compiled before.
#[cfg(feature = "jit")]
fn kept(engine: &Engine) -> u64 {
    engine.config().kept_code().map_or(0, |cache| cache.stats().used)
}

/// Never, where nothing is compiled.
#[cfg(not(feature = "jit"))]
fn kept(_: &Engine) -> u64 {
    0
}

/// Loads a module; the message names the file.
pub(crate) fn load(
    engine: &Engine,
    file: &str,
    options: &CommonOptions,
) -> Result<Module, Failure> {
    let start = Instant::now();
    let kept = kept(engine);
    let module = Progress::compiling("iwasm", "loading and compiling", file, || {
        crate::aot::load(engine, file, options)
    });
    let module = module.map_err(|error| Failure::unusable(not_loaded(file, &error)))?;
    if options.verbosity >= Verbosity::STEPS {
        let (mode, took) = (module.mode(), start.elapsed().as_millis());
        let kept = if self::kept(engine) > kept { ", with code kept from before" } else { "" };
        complain(format_args!("iwasm: {file}: loaded for mode {mode} in {took} ms{kept}"));
    }
    Ok(module)
}

/// Why a file cannot be loaded.
fn not_loaded(file: &str, error: &ModuleError) -> String {
    match error {
        ModuleError::Read(error) if error.kind() == io::ErrorKind::NotFound => {
            format!("{file}: {error}{}", meant_command(file))
        }
        // Nobody wants to hear about text who never wrote any.
        ModuleError::Load(error)
            if file.ends_with(".wasm") && matches!(error.kind, LoadErrorKind::Text(_)) =>
        {
            format!("{file}: this is no WebAssembly module, neither in binary nor as text")
        }
        error => format!("{file}: {error}"),
    }
}

/// Runs a program and gives its exit code.
pub(crate) fn run(options: &RunOptions) -> Result<u8, Failure> {
    // Whoever takes features away wants to be told of them before anything runs.
    let is_restricted = options.common.features != Config::new().features();
    let validation = if is_restricted { Validation::Eager } else { Validation::Lazy };
    let engine = engine_with(&options.common, validation, |config| {
        config.consume_fuel(options.fuel.is_some());
        #[cfg(feature = "jit")]
        crate::cache::set(config, options);
    })?;
    let module = load(&engine, &options.file, &options.common)?;
    let reports = Reports::begin(options)?;
    let code = if options.wasi_threads || options.max_threads.is_some() && spawns(&module) {
        threads::run(options, &engine, &module, &reports)
    } else {
        run_alone(options, &engine, &module, &reports)
    };
    // A program that ends badly has a profile too.
    let written = reports.finish();
    code.and_then(|code| written.map(|()| code))
}

/// Whether a module imports what starts threads.
fn spawns(module: &Module) -> bool {
    module.imports().any(|import| {
        import.module() == "wasi"
            && import.name() == "thread-spawn"
            && matches!(import.ty(), ExternType::Func { .. })
    })
}

fn run_alone(
    options: &RunOptions,
    engine: &Engine,
    module: &Module,
    reports: &Reports,
) -> Result<u8, Failure> {
    let mut store: Store<Host> = store(engine, options)?;
    reports.attach(&mut store, "main");
    let builtins = Builtins::new(engine)?;
    let program = match program::start(engine, &mut store, module, &builtins, options)? {
        Started::Running(program) => program,
        Started::Ended(error) => return ended(&mut store, options, Err(error)),
    };
    let instance = program.main().clone();
    start(&mut store, &instance, options, reports)
}

/// Calls the function that the options name, or the one that programs start with.
pub(crate) fn start<T: 'static>(
    store: &mut Store<T>,
    instance: &Instance,
    options: &RunOptions,
    reports: &Reports,
) -> Result<u8, Failure> {
    reports.instantiated()?;
    if options.is_repl {
        return repl::run(store, instance, options);
    }
    if let Some(name) = &options.function {
        return invoke::invoke(store, instance, name, options);
    }
    for name in ["_start", "main", "_main"] {
        if let Some(start) = instance.get_func(&mut *store, name) {
            let results = start.ty(&*store).map_err(Failure::unusable)?.results().len();
            let mut results = vec![Val::I32(0); results];
            let outcome = start.call(&mut *store, &[], &mut results);
            return ended(store, options, outcome);
        }
    }
    let exports = instance.exports(&mut *store).map_err(Failure::unusable)?;
    let funcs = exports.iter().filter(|(_, value)| matches!(value, Extern::Func(_)));
    let names: Vec<String> =
        funcs.map(|(name, _)| format!("`{}`", name.escape_debug())).take(SHOWN_EXPORTS).collect();
    let there = match &names[..] {
        [] => "and no other function that could be called".into(),
        names => format!("name a function to call with `--function`, such as {}", names.join(", ")),
    };
    // What follows the file is the program's.
    let behind = options.args.iter().find(|arg| is_option(arg));
    let hint = behind.map_or(String::new(), |option| {
        format!("; options stand before the file, and `{option}` does not")
    });
    Err(Failure::unusable(format!("{}: the module has no `_start`; {there}{hint}", options.file)))
}

/// The exit code of a program that ended so.
pub(crate) fn ended<T: 'static>(
    store: &mut Store<T>,
    options: &RunOptions,
    outcome: Result<(), Error>,
) -> Result<u8, Failure> {
    let Err(error) = outcome else { return Ok(0) };
    if let Some(code) = exit_code(&error) {
        return Ok(code);
    }
    let mut message = format!("{error:#}");
    if let Some(file) = &options.core_dump {
        match crate::report::dump_core(store, &error, &options.file, file) {
            Ok(()) => message += &format!("\ncore dumped to {file}"),
            Err(error) => message += &format!("\nno core dumped: {file}: {error}"),
        }
    }
    Err(Failure { message, code: EXIT_TRAP })
}

/// The code of a program that has exited by itself.
pub(crate) fn exit_code(error: &Error) -> Option<u8> {
    let wasi = error.downcast_ref::<wasi::Exit>().map(|exit| exit.0 as u8);
    let libc = error.downcast_ref::<libc_builtin::Exit>().map(|exit| exit.0 as u8);
    wasi.or(libc)
}
