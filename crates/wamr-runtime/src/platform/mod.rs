//! The operating system: the only place that asks it for address space, and for a word when
//! running code touches what is not committed.

use core::cell::Cell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use pages::Pages;

pub mod fault;
pub(crate) mod image;
pub(crate) mod pages;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod stack;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as sys;

#[cfg(not(unix))]
mod heap;
#[cfg(not(unix))]
use heap as sys;

mod pool;

/// A range of reserved address space, of which a prefix is committed (readable, writable and
/// zero at first). It never moves.
pub(crate) struct Reservation {
    base: NonNull<u8>,
    reserved: usize,
    committed: usize,
    /// Where pages of somebody else's begin, which nothing is committed beyond.
    usable: usize,
    /// Whether nothing was mapped over what is committed.
    is_plain: bool,
    /// Whether more than what is committed may be usable, or may be somebody else's.
    is_unsure: bool,
    /// Whether its owner reads nothing that it has not written.
    of_any_contents: bool,
}

// SAFETY: a reservation is plain memory; who may touch it is its owner's business.
unsafe impl Send for Reservation {}

/// Sizes of reservations are multiples of this.
pub(crate) const GRANULE: usize = 64 << 10;

impl Reservation {
    /// Reserves `bytes` of address space (rounded up), nothing of it committed.
    pub(crate) fn new(bytes: usize) -> Option<Self> {
        Self::with_committed(bytes, 0)
    }

    /// Reserves `bytes` of address space, of which the first `committed` (both rounded up) are
    /// usable, and no more.
    pub(crate) fn with_committed(bytes: usize, committed: usize) -> Option<Self> {
        let reserved = bytes.max(1).checked_next_multiple_of(GRANULE)?;
        if is_refused(reserved) {
            return None;
        }
        if let Some(mut this) = pool::take(reserved, false).map(Self::of_kept)
            && this.shrink(committed)
            && this.commit(committed)
        {
            return Some(this);
        }
        Self::made(reserved, committed)
    }

    /// Reserves `bytes` of address space (rounded up), all of it committed. What it contains may be
    /// zeros, or what others like it contained before.
    pub(crate) fn of_any_contents(bytes: usize) -> Option<Self> {
        let reserved = bytes.max(1).checked_next_multiple_of(GRANULE)?;
        if is_refused(reserved) {
            return None;
        }
        let mut this = pool::take(reserved, true)
            .map(Self::of_kept)
            .filter(|kept| kept.committed == reserved)
            .or_else(|| Self::made(reserved, reserved))?;
        this.of_any_contents = true;
        Some(this)
    }

    /// Asks the system.
    fn made(reserved: usize, committed: usize) -> Option<Self> {
        let base = sys::reserve(reserved).or_else(|| {
            // What is kept may be what is lacking.
            pool::drain().then(|| sys::reserve(reserved)).flatten()
        })?;
        let mut this = Self::of(base, reserved, 0);
        this.commit(committed).then_some(this)
    }

    fn of(base: NonNull<u8>, reserved: usize, committed: usize) -> Self {
        Self {
            base,
            reserved,
            committed,
            usable: reserved,
            is_plain: true,
            is_unsure: false,
            of_any_contents: false,
        }
    }

    fn of_kept(kept: pool::Kept) -> Self {
        Self::of(kept.base, kept.reserved, kept.committed)
    }

    /// Makes all but the first `bytes` unusable, which must be zeros.
    fn shrink(&mut self, bytes: usize) -> bool {
        let Some(wanted) = bytes.checked_next_multiple_of(GRANULE) else { return false };
        if wanted >= self.committed {
            return true;
        }
        // SAFETY: `wanted..committed` lies inside the reservation, which we own.
        let ok = unsafe { sys::protect(self.base.as_ptr().add(wanted), self.committed - wanted) };
        if ok {
            self.committed = wanted;
        }
        // A refusal may have left half of it.
        self.is_unsure |= !ok;
        ok
    }

    /// To be told when something is mapped over part of what is committed.
    pub(crate) fn is_mapped_over(&mut self) {
        self.is_plain = false;
    }

    pub(crate) fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    pub(crate) fn reserved_bytes(&self) -> usize {
        self.reserved
    }

    pub(crate) fn committed_bytes(&self) -> usize {
        self.committed
    }

    /// Makes at least the first `bytes` usable; false if the reservation or the system's memory
    /// does not suffice.
    pub(crate) fn commit(&mut self, bytes: usize) -> bool {
        if bytes <= self.committed {
            return true;
        }
        let Some(wanted) = bytes.checked_next_multiple_of(GRANULE) else { return false };
        if wanted > self.usable {
            return false;
        }
        // SAFETY: `committed..wanted` lies inside the reservation, which we own.
        let commit = || unsafe {
            sys::commit(self.base.as_ptr().add(self.committed), wanted - self.committed)
        };
        // Where the system counts what could be written, what is kept may be what is lacking.
        let ok = commit() || (pool::drain() && commit());
        if ok {
            self.committed = wanted;
        }
        self.is_unsure |= !ok;
        ok
    }

    /// Puts pages at a distance from the beginning; false, and nothing is changed, if they do not
    /// fit behind what is committed, or the system refuses.
    pub(crate) fn map(&mut self, offset: usize, pages: &Pages) -> bool {
        let end = offset.checked_add(pages.len());
        let fits = self.committed <= offset && end.is_some_and(|end| end <= self.reserved);
        if !fits || !offset.is_multiple_of(image::page_bytes()) {
            return false;
        }
        self.is_unsure = true;
        // SAFETY: the range lies in the reservation, which we own, and nothing of it is committed.
        let is_mapped = unsafe { pages.map(self.base.as_ptr().add(offset)) };
        if is_mapped {
            self.usable = self.usable.min(offset);
        } else {
            // A refusal may have left a hole.
            // SAFETY: as above.
            unsafe { pages::unmap(self.base.as_ptr().add(offset), pages.len()) };
        }
        is_mapped
    }

    /// Takes all pages away again: from a distance on, as many bytes; false where the system
    /// refuses, and they stay.
    ///
    /// # Safety
    /// Nobody may be using them.
    pub(crate) unsafe fn unmap(&mut self, offset: usize, len: usize) -> bool {
        let end = offset.checked_add(len);
        if offset < self.usable || end.is_none_or(|end| end > self.reserved) {
            return false;
        }
        // SAFETY: the range lies in the reservation, behind what is committed.
        let is_unmapped = unsafe { pages::unmap(self.base.as_ptr().add(offset), len) };
        if is_unmapped {
            self.usable = self.reserved;
        }
        is_unmapped
    }
}

/// The addresses of the current thread's stack, where the system tells them.
pub fn stack_bounds() -> Option<core::ops::Range<usize>> {
    std::thread_local! {
        static BOUNDS: Option<core::ops::Range<usize>> = stack::bounds();
    }
    BOUNDS.try_with(Clone::clone).ok().flatten()
}

/// Tells the current thread from all others that ever were; never 0.
#[inline]
pub(crate) fn thread_number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    std::thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    NUMBER.with(|number| {
        if number.get() == 0 {
            number.set(LAST.fetch_add(1, Ordering::Relaxed) + 1);
        }
        number.get()
    })
}

/// Other systems are not asked.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod stack {
    pub(super) fn bounds() -> Option<core::ops::Range<usize>> {
        None
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let Self { base, reserved, committed, is_plain, is_unsure, of_any_contents, .. } = *self;
        // SAFETY: the range came from `sys::reserve` with this length, and is given back once. If
        // it is kept, nothing but what was committed was ever anything but reserved.
        unsafe {
            if is_unsure {
                sys::release(base, reserved);
            } else {
                let is_clear = !of_any_contents;
                pool::put(pool::Kept { base, reserved, committed, is_clear }, is_plain);
            }
        }
    }
}

#[cfg(not(test))]
const fn is_refused(_bytes: usize) -> bool {
    false
}

#[cfg(test)]
std::thread_local! {
    /// Reservations of more bytes fail on this thread, as they do in tight address spaces.
    pub(crate) static REFUSED_ABOVE: core::cell::Cell<usize> =
        const { core::cell::Cell::new(usize::MAX) };
}

#[cfg(test)]
fn is_refused(bytes: usize) -> bool {
    bytes > REFUSED_ABOVE.get()
}

/// The registers that a function must preserve, as they are now: what compiled code may keep
/// references in while it calls.
#[cfg(target_arch = "x86_64")]
pub(crate) fn callee_saved_registers() -> [u64; 6] {
    let mut registers = [0u64; 6];
    // SAFETY: six registers are written to memory of that size.
    unsafe {
        core::arch::asm!(
            "mov [{to}], rbx",
            "mov [{to} + 8], rbp",
            "mov [{to} + 16], r12",
            "mov [{to} + 24], r13",
            "mov [{to} + 32], r14",
            "mov [{to} + 40], r15",
            to = in(reg) registers.as_mut_ptr(),
            options(nostack, preserves_flags),
        );
    }
    registers
}

/// Platforms without compiled code keep no references in registers across calls.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn callee_saved_registers() -> [u64; 0] {
    []
}
