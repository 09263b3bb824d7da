//! Why a program could not be loaded.

use core::fmt;

use wamr_runtime::Error;

use super::ReadError;
use crate::{InstantiateError, LinkError, UnresolvedImports};

/// The imports of one module that could not be resolved.
#[derive(Clone, Debug)]
pub struct UnresolvedModule {
    /// Name of the module.
    pub module: Box<str>,
    /// Its imports.
    pub imports: UnresolvedImports,
}

/// Why a program could not be loaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadingError {
    /// A module could not be read.
    Read {
        /// Its name.
        name: Box<str>,
        /// Name of the module that imports from it; `None` if the host asked for it.
        importer: Option<Box<str>>,
        /// What the reader says.
        error: ReadError,
    },
    /// There is no module of that name, which the host asked for.
    NotFound(Box<str>),
    /// A name is taken already.
    Duplicate(Box<str>),
    /// Modules need each other. The first and the last name are the same.
    Cycle(Vec<Box<str>>),
    /// Imports that nobody supplies, or that have another type, of all modules.
    Unresolved(Vec<UnresolvedModule>),
    /// The program is larger than the limits allow.
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much the limits allow.
        limit: u64,
    },
    /// A module could not be instantiated.
    Instantiate {
        /// Its name.
        name: Box<str>,
        /// Why.
        error: InstantiateError,
    },
    /// A module's `_initialize` failed.
    Initialize {
        /// Its name.
        name: Box<str>,
        /// What it ended in.
        error: Error,
    },
}

impl LoadingError {
    /// The error of a module's own code: of its segments, its start function or its `_initialize`.
    pub fn run_error(&self) -> Option<&Error> {
        match self {
            Self::Instantiate { error: InstantiateError::Run(error), .. }
            | Self::Initialize { error, .. } => Some(error),
            _ => None,
        }
    }

    pub(super) fn link(name: &str, error: LinkError) -> Self {
        Self::Instantiate { name: name.into(), error: error.into() }
    }
}

impl fmt::Display for LoadingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { name, importer: Some(importer), error } => {
                let (name, importer) = (name.escape_debug(), importer.escape_debug());
                write!(f, "module `{name}`, which `{importer}` imports from: {error}")
            }
            Self::Read { name, importer: None, error } => {
                write!(f, "module `{}`: {error}", name.escape_debug())
            }
            Self::NotFound(name) => write!(f, "there is no module `{}`", name.escape_debug()),
            Self::Duplicate(name) => {
                write!(f, "there is a module `{}` already", name.escape_debug())
            }
            Self::Cycle(names) => {
                f.write_str("modules need each other: ")?;
                for (i, name) in names.iter().enumerate() {
                    write!(f, "{}`{}`", if i == 0 { "" } else { " -> " }, name.escape_debug())?;
                }
                Ok(())
            }
            Self::Unresolved(modules) => {
                for (i, UnresolvedModule { module, imports }) in modules.iter().enumerate() {
                    let separator = if i == 0 { "" } else { "\n" };
                    write!(f, "{separator}`{}`: {imports}", module.escape_debug())?;
                }
                Ok(())
            }
            Self::Limit { what, limit } => {
                write!(f, "the program has too {what}: the limit is {limit}")
            }
            Self::Instantiate { name, error } => {
                write!(f, "module `{}`: {error}", name.escape_debug())
            }
            Self::Initialize { name, error } => {
                write!(f, "`_initialize` of module `{}`: {error}", name.escape_debug())
            }
        }
    }
}

impl core::error::Error for LoadingError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Read { error, .. } => Some(&**error),
            Self::Instantiate { error, .. } => Some(error),
            Self::Initialize { error, .. } => Some(error),
            _ => None,
        }
    }
}
