//! The functions of `wasi_snapshot_preview1`, one Rust function each.
//!
//! Arguments are those of the [specification], as they arrive from WebAssembly: pointers into the
//! guest's memory, lengths, flags that haven't been checked. A function answers the
//! [`Errno`](crate::Errno) that the guest sees, among them `Fault` for an address outside the
//! memory and `Inval` for unknown flags.
//!
//! [specification]: https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md

pub mod args;
pub mod clock;
pub mod fd;
mod io;
pub mod path;
pub mod poll;
pub mod proc;
pub mod random;
pub mod sock;
