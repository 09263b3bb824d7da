//! Address space by `mmap`.

use core::ptr::{self, NonNull};

/// Asks for no swap space, where the system has a word for that.
#[cfg(not(any(target_os = "freebsd", target_os = "dragonfly")))]
const NO_RESERVE: libc::c_int = libc::MAP_NORESERVE;
#[cfg(any(target_os = "freebsd", target_os = "dragonfly"))]
const NO_RESERVE: libc::c_int = 0;

pub(super) fn reserve(bytes: usize) -> Option<NonNull<u8>> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON | NO_RESERVE;
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

/// Makes committed memory zeros again that nothing is left of; `is_plain` if nothing was mapped over
/// it. False, with whatever contents, where the system refuses.
pub(super) unsafe fn clear(base: *mut u8, bytes: usize, is_plain: bool) -> bool {
    if bytes == 0 {
        return true;
    }
    if is_plain && cfg!(target_os = "linux") {
        // SAFETY: the caller owns the range, whose pages come back as zeros, being anonymous.
        return unsafe { libc::madvise(base.cast(), bytes, libc::MADV_DONTNEED) == 0 };
    }
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_FIXED | NO_RESERVE;
    // SAFETY: the caller owns the range that is replaced.
    unsafe { libc::mmap(base.cast(), bytes, access, flags, -1, 0) == base.cast() }
}

/// Lets nobody access committed memory any more.
pub(super) unsafe fn protect(base: *mut u8, bytes: usize) -> bool {
    // SAFETY: the caller owns the range, which is mapped and page-aligned.
    unsafe { libc::mprotect(base.cast(), bytes, libc::PROT_NONE) == 0 }
}
