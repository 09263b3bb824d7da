//! Compiled code: a generator of machine code, and the loader of what it makes.
//!
//! * [`artifact`]: what compiling a module gives, as plain data. It does not depend on where it is
//!   loaded; what it needs of the runtime it names.
//! * [`mod@file`]: artifacts with their modules as bytes.
//! * `image`: an artifact in memory, ready to run.
//! * [`compiler`] (feature `compiler`): from decoded modules to artifacts, for any generator.
//! * `compiler/cranelift`: the generator that uses Cranelift.
//! * `jit` (feature `compiler`): the mode that compiles in process.
//! * `cache` (feature `compiler`): who may keep what it compiles.
//!
//! What does not live here: the calling convention and the walking of frames
//! ([`wamr_runtime::compiled`]), the semantics of anything that compiled code calls
//! ([`wamr_runtime::rt`]).
//!
//! Without the feature `compiler` there is neither a parser nor a generator in the crate.

pub mod artifact;
pub use artifact::CompiledModule;

pub mod file;

mod image;
pub use image::{FileMemory, LoadError, LoadedModule};

#[cfg(feature = "compiler")]
pub mod compiler;

#[cfg(feature = "compiler")]
mod cache;
#[cfg(feature = "compiler")]
pub use cache::{CacheKey, CodeCache};

#[cfg(feature = "compiler")]
mod jit;
#[cfg(feature = "compiler")]
pub use jit::Jit;
