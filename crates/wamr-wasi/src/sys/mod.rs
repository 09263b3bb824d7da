//! What differs between operating systems, behind one set of names. No policy lives here:
//! permissions and sandboxing are the callers' business.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(crate) use other::*;
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
