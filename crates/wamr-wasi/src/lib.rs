//! WASI preview 1 (`wasi_snapshot_preview1`, and its predecessor `wasi_unstable`) for command-line
//! programs.
//!
//! A [`WasiCtx`] is the world of one guest; [`WasiCtxBuilder`] describes it. With the feature
//! `link`, `add_to_linker` gives the functions to a linker. Without it, [`preview1`] has them as
//! plain functions over a [`WasiCtx`] and a [`GuestMemory`], independent of any runtime.
//!
//! A guest may have several threads: a [`SharedWasiCtx`] is one world for all of them, and
//! `WasiThreads` lets guests start them (wasi-threads).
//!
//! # Sandbox
//! A guest reaches the files beneath the directories that were preopened for it and nothing else:
//! every path is resolved by [`cap-std`](https://docs.rs/cap-std), which holds `..`, absolute paths
//! and symbolic links inside. Beneath a [read-only](DirAccess::ReadOnly) directory nothing can be
//! changed. A [`MemoryDir`] behaves alike, and is nowhere on the host. Everything that a guest can
//! make large is limited, and whatever it passes, calls answer with an [`Errno`] and never panic.
//!
//! Of the network, a guest reaches the sockets that it was given; [`sockets`] of its own making
//! lead where the embedder allows it, which is nowhere by default.
//!
//! # Not here
//! Rights that can be dropped: `fd_fdstat_get` reports rights for the sake of C libraries,
//! permissions are those of the preopened directory.

#![forbid(unsafe_code)]

mod ctx;
mod dir;
mod errno;
mod escapes;
mod fd;
mod file;
mod functions;
mod guest;
#[cfg(feature = "link")]
mod link;
mod memory;
mod network;
pub mod preview1;
mod shared;
mod socket;
pub mod sockets;
mod stream;
mod sys;
#[cfg(feature = "link")]
mod threads;
mod types;
pub mod unstable;
mod wait;

pub use ctx::{DirAccess, WasiCtx, WasiCtxBuilder};
pub use errno::Errno;
pub use guest::{GuestMemory, SharedBytes};
#[cfg(feature = "link")]
pub use link::{MissingMemory, add_shared_to_linker, add_to_linker};
pub use memory::{MemoryDir, MemoryEntry};
pub use network::{AddressRange, InvalidAddressRange};
pub use preview1::proc::Exit;
pub use shared::SharedWasiCtx;
pub use stream::MemoryOutput;
#[cfg(feature = "link")]
pub use threads::WasiThreads;
