//! Objects: instructions that read and write them are handlers of their own, those that make
//! them or touch many elements are calls of the runtime.
//!
//! A reference is a 32-bit offset from `VmStore::gc_base`, zero-extended in its slot; see
//! [`wamr_runtime::gc`].

mod access;
mod cast;
mod make;

pub(crate) use access::*;
pub(crate) use cast::*;
pub(crate) use make::*;
