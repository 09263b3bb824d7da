//! Address space where it cannot be had without memory: the heap.

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

pub(super) unsafe fn clear(_: *mut u8, _: usize, _: bool) -> bool {
    false
}

pub(super) unsafe fn protect(_: *mut u8, _: usize) -> bool {
    false
}
