//! Why something could not be linked, naming every import that is to blame.

use core::fmt;

use wamr_runtime::Error;
use wamr_types::ExternType;

use crate::UnresolvedImports;

/// One import that could not be satisfied.
#[derive(Clone, Debug)]
pub struct ImportError {
    /// Name of the module to import from.
    pub module: Box<str>,
    /// Name of the item.
    pub name: Box<str>,
    /// What the module wants.
    pub wanted: ExternType,
    /// What there is under that name; `None` where there is nothing.
    pub found: Option<ExternType>,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (module, name) = (self.module.escape_debug(), self.name.escape_debug());
        write!(f, "`{module}` `{name}`: wanted {}, ", self.wanted)?;
        match &self.found {
            Some(found) => write!(f, "found {found}"),
            None => f.write_str("found nothing"),
        }
    }
}

/// Why something could not be linked.
#[derive(Debug)]
#[non_exhaustive]
pub enum LinkError {
    /// Imports that nothing was found for, or something of another type.
    Imports(Vec<ImportError>),
    /// Imports that a list could not be completed with.
    Unresolved(Box<UnresolvedImports>),
    /// A list of imports has another length than the module's import section.
    ImportCount {
        /// How many imports the module has.
        wanted: usize,
        /// How many external values were given.
        found: usize,
    },
    /// A name is defined already, and shadowing is not allowed.
    Duplicate {
        /// Name of the module.
        module: Box<str>,
        /// Name of the item.
        name: Box<str>,
    },
    /// Something belongs to another store or engine.
    Foreign(Error),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Imports(imports) => {
                let unknown = imports.iter().filter(|import| import.found.is_none()).count();
                match (unknown, imports.len() - unknown) {
                    (unknown, 0) => write!(f, "unknown import ({unknown}):")?,
                    (0, other) => write!(f, "incompatible import type ({other}):")?,
                    (unknown, other) => write!(
                        f,
                        "unknown import ({unknown}) and incompatible import type ({other}):"
                    )?,
                }
                imports.iter().try_for_each(|import| write!(f, "\n  {import}"))
            }
            Self::Unresolved(unresolved) => unresolved.fmt(f),
            Self::ImportCount { wanted, found } => {
                write!(f, "the module has {wanted} imports, but {found} were given")
            }
            Self::Duplicate { module, name } => {
                let (module, name) = (module.escape_debug(), name.escape_debug());
                write!(f, "`{module}` `{name}` is defined already")
            }
            Self::Foreign(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for LinkError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Foreign(error) => Some(error),
            Self::Unresolved(unresolved) => Some(unresolved),
            _ => None,
        }
    }
}

/// Why a module could not be instantiated.
#[derive(Debug)]
#[non_exhaustive]
pub enum InstantiateError {
    /// Its imports could not be satisfied; nothing has happened.
    Link(LinkError),
    /// An active segment did not fit, the start function failed, or memory ran out. What was
    /// written to imported memories and tables stays written.
    Run(Error),
}

impl fmt::Display for InstantiateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(error) => error.fmt(f),
            Self::Run(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for InstantiateError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Link(error) => Some(error),
            Self::Run(error) => Some(error),
        }
    }
}

impl From<LinkError> for InstantiateError {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl From<Error> for InstantiateError {
    fn from(error: Error) -> Self {
        Self::Run(error)
    }
}
