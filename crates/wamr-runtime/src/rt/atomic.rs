//! Services for atomic accesses.
//!
//! Addresses are effective ones: what is on the stack plus the instruction's offset, which must
//! not have wrapped around. Values are bits of slots.

use wamr_types::TrapCode;

use super::instance;
use crate::entity::{AtomicWord, Rmw, timeout_from_ns};
use crate::vm::VmContext;

/// `t.atomic.load`, of a width.
pub unsafe fn load<W: AtomicWord>(
    ctx: *mut VmContext,
    memory: u32,
    address: u64,
) -> Result<u64, TrapCode> {
    // SAFETY: as the module says; the word is aligned and in bounds.
    unsafe {
        let at = instance(ctx).memory(memory).atomic_place(address, W::BYTES)?;
        Ok(W::load(at).to_bits())
    }
}

/// `t.atomic.store`, of a width.
pub unsafe fn store<W: AtomicWord>(
    ctx: *mut VmContext,
    memory: u32,
    address: u64,
    value: u64,
) -> Result<(), TrapCode> {
    // SAFETY: as for loads.
    unsafe {
        let at = instance(ctx).memory(memory).atomic_place(address, W::BYTES)?;
        W::from_bits(value).store(at);
        Ok(())
    }
}

/// `t.atomic.rmw`, of a width: the old value.
pub unsafe fn rmw<W: AtomicWord>(
    ctx: *mut VmContext,
    memory: u32,
    op: Rmw,
    address: u64,
    value: u64,
) -> Result<u64, TrapCode> {
    // SAFETY: as for loads.
    unsafe {
        let at = instance(ctx).memory(memory).atomic_place(address, W::BYTES)?;
        Ok(W::from_bits(value).rmw(at, op).to_bits())
    }
}

/// `t.atomic.rmw.cmpxchg`, of a width: the old value.
pub unsafe fn cmpxchg<W: AtomicWord>(
    ctx: *mut VmContext,
    memory: u32,
    address: u64,
    expected: u64,
    value: u64,
) -> Result<u64, TrapCode> {
    // SAFETY: as for loads.
    unsafe {
        let at = instance(ctx).memory(memory).atomic_place(address, W::BYTES)?;
        Ok(W::from_bits(value).cmpxchg(at, W::from_bits(expected)).to_bits())
    }
}

/// `memory.atomic.wait32` and, of 64 bits, `memory.atomic.wait64`: 0 for woken, 1 for another
/// value, 2 for the time is over.
///
/// # Errors
/// The traps of the access, and [`TrapCode::Interrupted`].
pub unsafe fn wait<W: AtomicWord + PartialEq>(
    ctx: *mut VmContext,
    memory: u32,
    address: u64,
    expected: u64,
    timeout_ns: i64,
) -> Result<u32, TrapCode> {
    // SAFETY: as the module says. The store cannot go while it waits.
    let (memory, store) = unsafe { (instance(ctx).memory(memory), &*(*ctx).store) };
    let timeout = timeout_from_ns(timeout_ns);
    memory.wait(address, W::from_bits(expected), timeout, Some(store)).map(|result| result as u32)
}

/// `memory.atomic.notify`: how many were woken.
pub unsafe fn notify(
    ctx: *mut VmContext,
    memory: u32,
    address: u64,
    count: u32,
) -> Result<u32, TrapCode> {
    // SAFETY: as the module says.
    unsafe { instance(ctx) }.memory(memory).notify(address, count)
}

/// `atomic.fence`
pub fn fence() {
    core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
}
