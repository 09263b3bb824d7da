//! Faults of running code on x86-64 Linux: out-of-bounds accesses to guarded memories, and
//! whatever compiled code means to be a trap.
//!
//! # What running code promises
//! An access that may fault is one instruction of assembly, and its address is an entry of a
//! table that was given to [`register`]. While it executes, `rdx` holds the base of the guarded
//! memory. The code between the frame that the landing returns to and the access has nothing to
//! drop, and whatever the landing needs is in registers: it finds all of them but the instruction
//! pointer as they were at the access.
//!
//! Compiled code promises that its tables ([`crate::compiled::CodeTables`]) name every instruction
//! that may fault, and nothing else that could; and that it keeps frame pointers, by which the
//! failing activation is found. It may fault by `SIGSEGV`, `SIGILL` and `SIGFPE`.
//!
//! # What the handler does
//! It is installed once, before the first guarded memory comes into being. A fault at such an
//! instruction, and at an address within that memory's reservation, goes on at the landing. All
//! else is not ours: whoever handled `SIGSEGV` before gets it, or the default action. Hence a
//! fault of host code kills as ever, and native stack overflows are still told by `std`.
//!
//! The handler runs on the alternative stack of threads that have one, which includes all of
//! `std`'s. It needs none of its own: at an access the native stack is intact. `SIGBUS` is not
//! handled: on Linux protected pages raise `SIGSEGV`, and a page that cannot be provided is not
//! the guest's fault. A handler that the embedder installs later must hand on what it does not
//! know, or guarded memories must be off
//! ([`Tunables::memory_guard`](crate::Tunables::memory_guard)).

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod linux;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use linux as sys;

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod none;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
use none as sys;

pub use sys::{SUPPORTED, register};
pub(crate) use sys::{install, install_for_code};
