//! What differs between operating systems, behind one set of names. No policy lives here:
//! permissions and sandboxing are the callers' business.

use std::net::SocketAddr;

#[cfg(unix)]
mod net;
#[cfg(not(unix))]
mod other;
#[cfg(not(unix))]
mod std_net;
#[cfg(unix)]
mod unix;

#[cfg(unix)]
pub(crate) use net::*;
#[cfg(not(unix))]
pub(crate) use other::*;
#[cfg(not(unix))]
pub(crate) use std_net::*;
#[cfg(unix)]
pub(crate) use unix::*;

/// Something of the operating system to wait for, and in which direction.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(unix), expect(dead_code, reason = "nothing can be polled there"))]
pub(crate) struct Interest<'a> {
    pub(crate) handle: Handle<'a>,
    pub(crate) write: bool,
}

/// What a poll found for one [`Interest`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Readiness {
    pub(crate) ready: bool,
    pub(crate) hangup: bool,
}

/// The advice of `fd_advise`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Advice {
    Normal,
    Sequential,
    Random,
    WillNeed,
    DontNeed,
    NoReuse,
}

/// What one receive found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) count: usize,
    /// The rest of a datagram is lost.
    pub(crate) truncated: bool,
    /// Who sent it, if it was a datagram.
    pub(crate) from: Option<SocketAddr>,
}

/// What is on or off at a socket.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NetFlag {
    Broadcast,
    KeepAlive,
    ReuseAddr,
    ReusePort,
    NoDelay,
    QuickAck,
    FastOpenConnect,
    V6Only,
    MulticastLoopV4,
    MulticastLoopV6,
}

/// What is a number at a socket.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NetNumber {
    RecvBufferBytes,
    SendBufferBytes,
    KeepIdleSeconds,
    KeepIntervalSeconds,
    Ttl,
    MulticastTtl,
}
