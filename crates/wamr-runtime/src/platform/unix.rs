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
