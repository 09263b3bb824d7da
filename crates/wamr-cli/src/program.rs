//! Programs of several modules.

use std::path::Path;

use wamr::loading::{Loading, LoadingError, Precedence, Program, SearchPath};
use wamr::{Engine, Error, InstantiateError, Module, ProgramPre, Source, Store};

use crate::host::{Builtins, Host};
use crate::options::{CommonOptions, LoadingOptions, RunOptions};
use crate::run::load;
use crate::{Failure, aot};

#[path = "program/started.rs"]
mod started;
pub(crate) use started::Started;

/// How the modules are found that a program needs.
pub(crate) fn loading<'a, T: 'static>(
    engine: &Engine,
    sources: impl IntoIterator<Item = (&'static str, &'a dyn Source<T>)>,
    options: &LoadingOptions,
    common: &CommonOptions,
    file: &str,
    main: &Module,
) -> Result<Loading<'a, T>, Failure> {
    let beside = Path::new(file).parent().filter(|dir| !dir.as_os_str().is_empty());
    let beside = beside.unwrap_or(Path::new("."));
    let path = if options.module_path.is_empty() {
        SearchPath::new([beside])
    } else {
        SearchPath::new(&options.module_path)
    };
    let trusts_aot = options.trust_aot || aot::is_aot(main);
    let mut loading = aot::loading(engine, path, trusts_aot, common);
    for (label, source) in sources {
        loading = loading.source(label, source);
    }
    for preload in &options.preload {
        let module = load(engine, &preload.file, common)?;
        let registered = loading.registry_mut().register(&preload.name, &module);
        registered.map_err(|error| Failure::unusable(format!("--preload: {error}")))?;
        // Who gives a module for a name means it, also where the host has something of that name.
        loading = loading.precedence(Precedence::Modules);
    }
    Ok(loading)
}

/// Instantiates a program and what it needs.
pub(crate) fn start(
    engine: &Engine,
    store: &mut Store<Host>,
    module: &Module,
    builtins: &Builtins,
    options: &RunOptions,
) -> Result<Started<Program>, Failure> {
    let RunOptions { loading: paths, common, file, .. } = options;
    let mut loading = loading(engine, builtins.sources(), paths, common, file, module)?;
    match loading.instantiate(store, module) {
        Ok(program) => Ok(Started::Running(program)),
        Err(error) => match run_error(error) {
            Ok(error) => Ok(Started::Ended(error)),
            Err(error) => Err(Failure::unusable(format!("{}: {error}", options.file))),
        },
    }
}

/// Links a program of several threads and what it needs.
pub(crate) fn link<'a, T: 'static>(
    engine: &Engine,
    sources: impl IntoIterator<Item = (&'static str, &'a dyn Source<T>)>,
    module: &Module,
    options: &RunOptions,
) -> Result<ProgramPre<T>, Failure> {
    let RunOptions { loading: paths, common, file, .. } = options;
    let mut loading = loading(engine, sources, paths, common, file, module)?;
    loading.link(module).map_err(|error| Failure::unusable(format!("{file}: {error}")))
}

/// The error of a module's own code, if it is one.
fn run_error(error: LoadingError) -> Result<Error, LoadingError> {
    match error {
        LoadingError::Instantiate { error: InstantiateError::Run(error), .. }
        | LoadingError::Initialize { error, .. } => Ok(error),
        other => Err(other),
    }
}
