//! Instantiation linking: from a module and external values to an instance.
//!
//! [`Instance::new`] takes the imports by position, as the specification defines it;
//! [`Linker`] finds them by name, and makes [`InstancePre`]s for many instances; [`Imports`]
//! completes a partial list from sources, by a policy, and tells where each entry came from. What
//! does not live here: where modules come from, and what
//! instances are made of.

mod error;
pub use error::{ImportError, InstantiateError, LinkError};

mod instance;
pub use instance::{Instance, resolve};

mod linker;
pub use linker::Linker;

mod pre;
pub use pre::InstancePre;

mod imports;
#[cfg(feature = "dummies")]
pub use imports::NoDummy;
pub use imports::{
    Candidate, ForThreads, Found, ImportList, ImportProblem, Imports, Missing, MissingFunc,
    NearMiss, Order, Origin, Policy, Shadowing, Source, UnresolvedImport, UnresolvedImports,
};

pub mod native;
pub use native::{Native, Natives};

mod program;
pub use program::{ProgramBuilder, ProgramInstance, ProgramPre, ThreadPre};

#[cfg(feature = "loading-linking")]
pub mod loading;
