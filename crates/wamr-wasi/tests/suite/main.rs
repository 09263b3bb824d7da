//! Tests of the functions through their public, runtime-independent form, on real directories.

/// Whether guests have shared memory.
const SHARED: bool = false;

mod alike;
mod files;
mod hostile;
mod memory;
mod named;
#[cfg(unix)]
mod network;
mod poll;
mod process;
mod read_only;
mod sandbox;
mod sockets;
mod streams;
mod support;
mod unstable;
