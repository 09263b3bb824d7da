//! Platforms on which no code can be loaded.

use core::ptr::NonNull;
use std::io;

/// Refuses.
pub(super) fn map_code(_: &[u8], _: usize, _: &[usize]) -> io::Result<(NonNull<u8>, usize)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Does nothing: there are no mappings.
///
/// # Safety
/// None here; see the other platforms.
pub(super) unsafe fn unmap(_: NonNull<u8>, _: usize) {}
