//! Reservations that are gone, kept for new ones of the same size: making and unmaking address
//! space, and the tables of pages for it, is most of what a small memory costs.
//!
//! What is kept is zeros, takes no memory but for those tables, and is bounded in number: but for a
//! few stacks, whose owners read nothing that they have not written. Committed stays what was
//! committed, so that the next owner, who often wants as much, need not ask.

use core::ptr::NonNull;

use parking_lot::Mutex;

use super::sys;

/// How many reservations are kept. Those of guarded memories are 8 GiB of address space each.
const MAX_KEPT: usize = 64;

/// What is committed beyond this is given back together with its reservation: clearing it takes
/// as long as making it anew.
const MAX_COMMITTED_BYTES: usize = 64 << 20;

/// How many reservations are kept with their contents.
const MAX_WITH_CONTENTS: usize = 4;

/// A reservation that nobody owns.
pub(super) struct Kept {
    pub(super) base: NonNull<u8>,
    pub(super) reserved: usize,
    pub(super) committed: usize,
    /// Whether it is to be zeros, which it is once it is kept.
    pub(super) is_clear: bool,
}

// SAFETY: nobody else has the address.
unsafe impl Send for Kept {}

static KEPT: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

/// Takes a reservation of that size, the one that was used last: one of zeros, unless contents do
/// not matter.
pub(super) fn take(reserved: usize, of_any_contents: bool) -> Option<Kept> {
    let mut kept = KEPT.lock();
    let fits = |kept: &Kept| kept.reserved == reserved && (kept.is_clear || of_any_contents);
    let position = kept.iter().rposition(fits)?;
    Some(kept.remove(position))
}

/// Keeps a reservation, or gives it back to the system; `is_plain` says whether nothing was mapped
/// over it.
///
/// # Safety
/// The reservation must be the caller's, and nobody may use it any more.
pub(super) unsafe fn put(mut gone: Kept, is_plain: bool) {
    let is_full = || KEPT.lock().iter().filter(|kept| !kept.is_clear).count() >= MAX_WITH_CONTENTS;
    gone.is_clear |= !is_plain || is_full();
    // SAFETY: the caller's promise.
    let is_kept = gone.committed <= MAX_COMMITTED_BYTES
        && (!gone.is_clear || unsafe { sys::clear(gone.base.as_ptr(), gone.committed, is_plain) });
    let surplus = if is_kept {
        let mut kept = KEPT.lock();
        kept.push(gone);
        // The one that was not asked for the longest.
        (kept.len() > MAX_KEPT).then(|| kept.remove(0))
    } else {
        Some(gone)
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{ErrorKind, Write};
    use std::slice;

    use super::super::image::Image;
    use super::super::{GRANULE, Reservation};

    /// Whether the system would read a byte there.
    fn is_readable(at: *const u8) -> bool {
        let (_reader, mut writer) = std::io::pipe().unwrap();
        // SAFETY: the slice is handed to the system alone, which says if nothing is there.
        match writer.write(unsafe { slice::from_raw_parts(at, 1) }) {
            Ok(written) => written == 1,
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::Interrupted);
                false
            }
        }
    }

    fn check(this: &Reservation, committed: usize) {
        assert_eq!(this.committed_bytes(), committed);
        // SAFETY: so much is committed, and nobody else has it.
        let bytes = unsafe { slice::from_raw_parts(this.base(), committed) };
        assert!(bytes.iter().all(|&byte| byte == 0));
        assert!(is_readable(this.base().wrapping_add(committed - 1)));
        assert!(!is_readable(this.base().wrapping_add(committed)));
    }

    fn fill(this: &Reservation) {
        // SAFETY: as above.
        unsafe { this.base().write_bytes(7, this.committed_bytes()) };
    }

    #[test]
    fn what_was_used_before_is_zeros_and_not_usable_beyond_what_is_asked_for() {
        // Of a size that nothing else here has.
        let size = 1237 * GRANULE;
        let image = Image::new(GRANULE, [(5, &b"data"[..])].into_iter()).unwrap();
        for (committed, maps) in [(3, false), (1, true), (2, true), (2, false), (4, false)] {
            let mut this = Reservation::with_committed(size, committed * GRANULE).unwrap();
            check(&this, committed * GRANULE);
            assert!(this.commit((committed + 1) * GRANULE));
            check(&this, (committed + 1) * GRANULE);
            fill(&this);
            if maps {
                this.is_mapped_over();
                // SAFETY: the granule is committed, and the reservation is this test's.
                assert!(unsafe { image.map(this.base().add(GRANULE)) });
            }
        }
        let mut this = Reservation::new(size).unwrap();
        assert!(!is_readable(this.base()));
        assert!(this.commit(2 * GRANULE));
        check(&this, 2 * GRANULE);
    }
}
