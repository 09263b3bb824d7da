//! Programs of one module.

use wamr::{Engine, Imports, Instance, InstantiateError, Module, Store};

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
    match list.instantiate(store) {
        Ok(instance) => Ok(Started::Running(Program(instance))),
        Err(InstantiateError::Run(error)) => Ok(Started::Ended(error)),
        Err(error) => Err(unusable(&error)),
    }
}
