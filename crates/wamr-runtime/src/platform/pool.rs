//! Reservations that are gone, kept for new ones of the same size: making and unmaking address
//! space, and the tables of pages for it, is most of what a small memory costs.
//!
//! What is kept is zeros, takes no memory but for those tables, and is bounded in number. Committed
//! stays what was committed, so that the next owner, who often wants as much, need not ask.

use core::ptr::NonNull;

use parking_lot::Mutex;

use super::sys;

/// How many reservations are kept. Those of guarded memories are 8 GiB of address space each.
const MAX_KEPT: usize = 64;

/// What is committed beyond this is given back together with its reservation: clearing it takes
/// as long as making it anew.
const MAX_COMMITTED_BYTES: usize = 64 << 20;

/// A reservation of zeros that nobody owns.
pub(super) struct Kept {
    pub(super) base: NonNull<u8>,
    pub(super) reserved: usize,
    pub(super) committed: usize,
}

// SAFETY: nobody else has the address.
unsafe impl Send for Kept {}

static KEPT: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

/// Takes a reservation of that size, the one that was used last.
pub(super) fn take(reserved: usize) -> Option<Kept> {
    let mut kept = KEPT.lock();
    let position = kept.iter().rposition(|kept| kept.reserved == reserved)?;
    Some(kept.remove(position))
}

/// Keeps a reservation, or gives it back to the system; `is_plain` says whether nothing was mapped
/// over it.
///
/// # Safety
/// The reservation must be the caller's, and nobody may use it any more.
pub(super) unsafe fn put(gone: Kept, is_plain: bool) {
    let Kept { base, reserved, committed } = gone;
    // SAFETY: the caller's promise.
    let is_clear = committed <= MAX_COMMITTED_BYTES
        && unsafe { sys::clear(base.as_ptr(), committed, is_plain) };
    let surplus = if is_clear {
        let mut kept = KEPT.lock();
        kept.push(gone);
        // The one that was not asked for the longest.
        (kept.len() > MAX_KEPT).then(|| kept.remove(0))
    } else {
        Some(Kept { base, reserved, committed })
    };
    if let Some(surplus) = surplus {
        // SAFETY: it is nobody's but the pool's.
        unsafe { sys::release(surplus.base, surplus.reserved) };
    }
}

/// Gives all of it back to the system; false if there was nothing.
pub(super) fn drain() -> bool {
    let kept = core::mem::take(&mut *KEPT.lock());
    for Kept { base, reserved, .. } in &kept {
        // SAFETY: they were the pool's, and are in no list any more.
        unsafe { sys::release(*base, *reserved) };
    }
    !kept.is_empty()
}
