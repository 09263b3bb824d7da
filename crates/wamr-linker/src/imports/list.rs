//! A complete list of imports, and where each entry came from.

use core::fmt;
use std::sync::Arc;

use wamr_runtime::{AsContextMut, Extern, ImportType, Module};

use crate::{Instance, InstantiateError};

/// Where the value for an import came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// The embedder gave it for this position.
    Position,
    /// The embedder gave it under this name.
    Name,
    /// An export of an instance that stands under this module name.
    Instance(Arc<str>),
    /// A source, by its label.
    Source(Arc<str>),
    /// A stub for a function that nobody has.
    Stub,
    /// An export of a dummy instance.
    Dummy,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position => f.write_str("given by position"),
            Self::Name => f.write_str("given by name"),
            Self::Instance(name) => write!(f, "instance `{name}`"),
            Self::Source(label) => f.write_str(label),
            Self::Stub => f.write_str("stub"),
            Self::Dummy => f.write_str("dummy"),
        }
    }
}

/// A complete list of imports for one module and one store, in the order of the import section.
///
/// Made by [`Imports::build`](crate::Imports::build). `Display` lists where each entry came from.
#[derive(Clone, Debug)]
pub struct ImportList {
    module: Module,
    /// Each value fits its import, if the store is the one that the list was made for.
    values: Vec<Extern>,
    origins: Vec<Origin>,
}

impl ImportList {
    /// The values must fit the module's imports.
    pub(super) fn new(module: &Module, values: Vec<Extern>, origins: Vec<Origin>) -> Self {
        Self { module: module.clone(), values, origins }
    }

    /// The module that the list is for.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The values, one for each import.
    pub fn values(&self) -> &[Extern] {
        &self.values
    }

    /// Where the values came from, one entry for each import.
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// Imports with their values and where those came from.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ImportType<'_>, &Extern, &Origin)> {
        let found = self.values.iter().zip(&self.origins);
        self.module.imports().zip(found).map(|(import, (value, origin))| (import, value, origin))
    }

    /// The values.
    pub fn into_values(self) -> Vec<Extern> {
        self.values
    }

    /// Instantiates the module. The list can be used again.
    ///
    /// # Errors
    /// [`InstantiateError::Run`] tells what active segments or the start function ended in, or
    /// that the store is not the one that the list was made for.
    pub fn instantiate(&self, store: impl AsContextMut) -> Result<Instance, InstantiateError> {
        // Handles are void for other stores, and no entity's type changes so that it would fit
        // less: tables and memories only grow.
        Instance::of_checked(store, &self.module, &self.values)
    }
}

impl fmt::Display for ImportList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (import, _, origin)) in self.iter().enumerate() {
            let (module, name, ty) = (import.module(), import.name(), import.ty());
            writeln!(f, "{i}: `{module}` `{name}`: {ty}: {origin}")?;
        }
        Ok(())
    }
}
