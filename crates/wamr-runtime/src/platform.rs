//! The operating system: the only place that asks it for address space.

use core::ptr::NonNull;

/// A range of reserved address space, of which a prefix is committed (readable, writable and
/// zero at first). It never moves.
pub(crate) struct Reservation {
    base: NonNull<u8>,
    reserved: usize,
    committed: usize,
}

// SAFETY: a reservation is plain memory; who may touch it is its owner's business.
unsafe impl Send for Reservation {}

/// Sizes of reservations are multiples of this.
pub(crate) const GRANULE: usize = 64 << 10;

impl Reservation {
    /// Reserves `bytes` of address space (rounded up), nothing of it committed.
    pub(crate) fn new(bytes: usize) -> Option<Self> {
        let reserved = bytes.max(1).checked_next_multiple_of(GRANULE)?;
        Some(Self { base: sys::reserve(reserved)?, reserved, committed: 0 })
    }

    pub(crate) fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    pub(crate) fn reserved_bytes(&self) -> usize {
        self.reserved
    }

    /// Makes at least the first `bytes` usable; false if the reservation or the system's memory
    /// does not suffice.
    pub(crate) fn commit(&mut self, bytes: usize) -> bool {
        if bytes <= self.committed {
            return true;
        }
        let Some(wanted) = bytes.checked_next_multiple_of(GRANULE) else { return false };
        if wanted > self.reserved {
            return false;
        }
        // SAFETY: `committed..wanted` lies inside the reservation, which we own.
        let ok =
            unsafe { sys::commit(self.base.as_ptr().add(self.committed), wanted - self.committed) };
        if ok {
            self.committed = wanted;
        }
        ok
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: the range came from `sys::reserve` with this length, and is given back once.
        unsafe { sys::release(self.base, self.reserved) }
    }
}

#[cfg(unix)]
mod sys {
    use core::ptr::{self, NonNull};

    pub(super) fn reserve(bytes: usize) -> Option<NonNull<u8>> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_NORESERVE;
        // SAFETY: an anonymous mapping at an address of the system's choice touches nothing.
        let base = unsafe { libc::mmap(ptr::null_mut(), bytes, libc::PROT_NONE, flags, -1, 0) };
        if base == libc::MAP_FAILED { None } else { NonNull::new(base.cast()) }
    }

    pub(super) unsafe fn commit(base: *mut u8, bytes: usize) -> bool {
        // SAFETY: the caller owns the range, which is mapped and page-aligned.
        unsafe { libc::mprotect(base.cast(), bytes, libc::PROT_READ | libc::PROT_WRITE) == 0 }
    }

    pub(super) unsafe fn release(base: NonNull<u8>, bytes: usize) {
        // SAFETY: the caller owns the mapping and uses it no more.
        unsafe { libc::munmap(base.as_ptr().cast(), bytes) };
    }
}

#[cfg(not(unix))]
mod sys {
    use core::ptr::NonNull;
    use std::alloc::{Layout, alloc_zeroed, dealloc};

    fn layout(bytes: usize) -> Option<Layout> {
        Layout::from_size_align(bytes, 4096).ok()
    }

    pub(super) fn reserve(bytes: usize) -> Option<NonNull<u8>> {
        // SAFETY: the layout's size is not zero: reservations are at least one granule.
        NonNull::new(unsafe { alloc_zeroed(layout(bytes)?) })
    }

    pub(super) unsafe fn commit(_: *mut u8, _: usize) -> bool {
        true
    }

    pub(super) unsafe fn release(base: NonNull<u8>, bytes: usize) {
        if let Some(layout) = layout(bytes) {
            // SAFETY: the range came from `reserve` with the same layout.
            unsafe { dealloc(base.as_ptr(), layout) }
        }
    }
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
