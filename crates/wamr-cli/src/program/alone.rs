//! Programs of one module.

use wamr::{
    Engine, Error, Imports, Instance, InstantiateError, Module, ProgramBuilder, ProgramPre, Source,
    Store,
};

use crate::Failure;
use crate::host::{Builtins, Host};
use crate::options::RunOptions;

#[path = "started.rs"]
mod started;
pub(crate) use started::Started;

/// A running program.
pub(crate) struct Program(Instance);

impl Program {
    pub(crate) fn main(&self) -> &Instance {
        &self.0
    }
}

/// Links a program of several threads.
pub(crate) fn link<'a, T: 'static>(
    engine: &Engine,
    sources: impl IntoIterator<Item = (&'static str, &'a dyn Source<T>)>,
    module: &Module,
    options: &RunOptions,
) -> Result<ProgramPre<T>, Failure> {
    let builder = ProgramBuilder::of_engine(engine);
    let builder = sources.into_iter().fold(builder, |builder, (_, source)| builder.source(source));
    let linked = builder.build(module);
    linked.map_err(|error| Failure::unusable(format!("{}: {error}", options.file)))
}

/// Instantiates a program.
pub(crate) fn start(
    _: &Engine,
    store: &mut Store<Host>,
    module: &Module,
    builtins: &Builtins,
    options: &RunOptions,
) -> Result<Started<Program>, Failure> {
    let imports = Imports::of(module);
    let imports = builtins
        .sources()
        .into_iter()
        .fold(imports, |imports, (label, source)| imports.source(label, source));
    let unusable =
        |error: &dyn std::fmt::Display| Failure::unusable(format!("{}: {error}", options.file));
    let list = imports.build(&mut *store).map_err(|error| unusable(&error))?;
    match list.instantiate(&mut *store) {
        Ok(instance) => Ok(match initialize(store, module, &instance) {
            Ok(()) => Started::Running(Program(instance)),
            Err(error) => Started::Ended(error),
        }),
        Err(InstantiateError::Run(error)) => Ok(Started::Ended(error)),
        Err(error) => Err(unusable(&error)),
    }
}

/// Initialises a reactor, which has no `_start`.
fn initialize(store: &mut Store<Host>, module: &Module, instance: &Instance) -> Result<(), Error> {
    if module.get_export("_start").is_some() {
        return Ok(());
    }
    match instance.get_typed_func::<(), ()>(&mut *store, "_initialize") {
        Ok(initialize) => initialize.call(store, ()),
        Err(_) => Ok(()),
    }
}
