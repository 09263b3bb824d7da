//! Waiting that an embedder can interrupt: no call of a guest blocks the host for longer than a
//! slice without asking. What is waited for stands with the callers.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::errno::Errno;
use crate::sys::{self, Handle, Interest, Readiness};

/// How often a waiting guest is checked, if the embedder can interrupt it.
pub(crate) const SLICE: Duration = Duration::from_millis(20);

/// The longest single wait of the host if nobody can interrupt it.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The embedder's question whether a waiting guest should stop.
#[derive(Clone, Default)]
pub(crate) struct Interrupt(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl Interrupt {
    pub(crate) fn new(interrupted: Arc<dyn Fn() -> bool + Send + Sync>) -> Self {
        Self(Some(interrupted))
    }

    /// Whether anybody can interrupt.
    pub(crate) fn is_installed(&self) -> bool {
        self.0.is_some()
    }

    /// Answers [`Errno::Intr`] if the guest should stop.
    pub(crate) fn check(&self) -> Result<(), Errno> {
        match &self.0 {
            Some(interrupted) if interrupted() => Err(Errno::Intr),
            _ => Ok(()),
        }
    }

    /// Waits for at most one slice, or less if something is ready or `timeout` passes first.
    pub(crate) fn poll(
        &self,
        interests: &[Interest<'_>],
        timeout: Duration,
    ) -> Result<Vec<Readiness>, Errno> {
        let slice = if self.is_installed() { SLICE } else { LONGEST_WAIT };
        let timeout = timeout.min(slice);
        if interests.is_empty() {
            std::thread::sleep(timeout);
            return Ok(Vec::new());
        }
        Ok(sys::poll(interests, timeout)?)
    }

    /// Waits until `handle` is ready.
    pub(crate) fn wait_ready(&self, handle: Handle<'_>, write: bool) -> Result<(), Errno> {
        self.wait_ready_until(handle, write, None)
    }

    /// Waits until `handle` is ready; after `deadline` the answer is [`Errno::Again`].
    pub(crate) fn wait_ready_until(
        &self,
        handle: Handle<'_>,
        write: bool,
        deadline: Option<Instant>,
    ) -> Result<(), Errno> {
        loop {
            self.check()?;
            let timeout = match deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => Duration::MAX,
            };
            let found = self.poll(&[Interest { handle, write }], timeout)?;
            if found.iter().any(|readiness| readiness.ready) {
                return Ok(());
            }
            if timeout.is_zero() {
                return Err(Errno::Again);
            }
        }
    }

    /// Repeats `operation` until it doesn't ask to wait, waiting for `handle` in between. Without a
    /// handle, or if the guest asked not to wait, it is tried once.
    pub(crate) fn retry<R>(
        &self,
        handle: Option<Handle<'_>>,
        write: bool,
        nonblocking: bool,
        operation: impl FnMut() -> io::Result<R>,
    ) -> Result<R, Errno> {
        self.retry_for(handle, write, nonblocking, None, operation)
    }

    /// Does as [`retry`](Self::retry), but waits no longer than `timeout`.
    pub(crate) fn retry_for<R>(
        &self,
        handle: Option<Handle<'_>>,
        write: bool,
        nonblocking: bool,
        timeout: Option<Duration>,
        mut operation: impl FnMut() -> io::Result<R>,
    ) -> Result<R, Errno> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            match operation() {
                Ok(result) => return Ok(result),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => self.check()?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !nonblocking => {
                    match handle {
                        Some(handle) => self.wait_ready_until(handle, write, deadline)?,
                        None => return Err(Errno::Again),
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Interrupt").field(&self.is_installed()).finish()
    }
}
