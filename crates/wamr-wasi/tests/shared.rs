//! The tests of the suite once more, with guests that have shared memory.

/// Whether guests have shared memory.
const SHARED: bool = true;

#[path = "suite/files.rs"]
mod files;
#[path = "suite/hostile.rs"]
mod hostile;
#[cfg(unix)]
#[path = "suite/network.rs"]
mod network;
#[path = "suite/poll.rs"]
mod poll;
#[path = "suite/process.rs"]
mod process;
#[path = "suite/read_only.rs"]
mod read_only;
#[path = "suite/sandbox.rs"]
mod sandbox;
#[path = "suite/sockets.rs"]
mod sockets;
#[path = "suite/streams.rs"]
mod streams;
#[path = "suite/support.rs"]
mod support;
#[path = "suite/unstable.rs"]
mod unstable;
