//! The guest as a process.

use std::fmt;

use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::guest::GuestMemory;

/// The guest called `proc_exit` with this code.
///
/// It travels as the error of the call that ran the guest; an embedder finds it there by its type.
/// Code 0 is success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub i32);

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exited with code {}", self.0)
    }
}

impl std::error::Error for Exit {}

/// Ends the guest: the answer unwinds it.
#[must_use]
pub fn proc_exit(code: u32) -> Exit {
    Exit(code as i32)
}

/// Would send a signal to the guest itself.
///
/// # Errors
/// Always `Notsup`: guests have no signals.
pub fn proc_raise(
    _ctx: &mut WasiCtx,
    _mem: &mut GuestMemory<'_>,
    _signal: u32,
) -> Result<(), Errno> {
    Err(Errno::Notsup)
}

/// Lets others run.
///
/// # Errors
/// `Intr` if the embedder interrupts the guest.
pub fn sched_yield(ctx: &mut WasiCtx, _mem: &mut GuestMemory<'_>) -> Result<(), Errno> {
    std::thread::yield_now();
    ctx.interrupt.check()
}
