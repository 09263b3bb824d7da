//! Memory that C gets and gives back: from `malloc`, or from the embedder's allocator.
//!
//! Blocks of the embedder's allocator are remembered, so that whatever comes back goes where it
//! came from, whichever allocator is in use by then.

use core::ffi::c_void;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Functions of the embedder; their sizes are C's `unsigned int`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocator {
    /// `void *malloc(unsigned int size)`
    pub(crate) malloc: unsafe extern "C" fn(u32) -> *mut c_void,
    /// `void free(void *block)`
    pub(crate) free: unsafe extern "C" fn(*mut c_void),
}

#[derive(Default)]
struct State {
    allocator: Option<Allocator>,
    /// Blocks that came from an embedder's allocator, with their sizes and where they go back to.
    blocks: Option<HashMap<usize, (usize, Allocator)>>,
}

static STATE: Mutex<State> = Mutex::new(State { allocator: None, blocks: None });
/// How many blocks are in `STATE`, and one more if there is an allocator: 0 for the common case.
static CUSTOM: AtomicUsize = AtomicUsize::new(0);

fn with_state<R>(body: impl FnOnce(&mut State) -> R) -> R {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    let result = body(&mut state);
    let blocks = state.blocks.as_ref().map_or(0, HashMap::len);
    CUSTOM.store(blocks + usize::from(state.allocator.is_some()), Ordering::Release);
    result
}

/// Sets where memory comes from, from now on; `None` for `malloc`.
pub(crate) fn set_allocator(allocator: Option<Allocator>) {
    with_state(|state| state.allocator = allocator);
}

/// Allocates, aligned for anything; `None` for nothing, or where there is no memory.
pub(crate) fn allocate(bytes: usize) -> Option<NonNull<c_void>> {
    if bytes == 0 {
        return None;
    }
    if CUSTOM.load(Ordering::Acquire) != 0
        && let Some(allocator) = with_state(|state| state.allocator)
    {
        // SAFETY: the embedder vouches for its function.
        let block = NonNull::new(unsafe { (allocator.malloc)(u32::try_from(bytes).ok()?) })?;
        with_state(|state| {
            let blocks = state.blocks.get_or_insert_default();
            blocks.insert(block.as_ptr() as usize, (bytes, allocator));
        });
        return Some(block);
    }
    // SAFETY: `malloc` takes any size.
    NonNull::new(unsafe { libc::malloc(bytes) })
}

/// Allocates zeros.
pub(crate) fn allocate_zeroed(bytes: usize) -> Option<NonNull<c_void>> {
    let block = allocate(bytes)?;
    // SAFETY: the block has that many bytes.
    unsafe { core::ptr::write_bytes(block.as_ptr().cast::<u8>(), 0, bytes) };
    Some(block)
}

/// Takes a block out of those of embedders' allocators, if it is one.
fn forget_block(block: *mut c_void) -> Option<(usize, Allocator)> {
    if CUSTOM.load(Ordering::Acquire) == 0 {
        return None;
    }
    with_state(|state| state.blocks.as_mut()?.remove(&(block as usize)))
}

/// Changes a block's size; null is a new one. `None` where there is no memory, and the block is as
/// it was.
///
/// # Safety
/// `block` must be null or come from here, or from `malloc`.
pub(crate) unsafe fn reallocate(block: *mut c_void, bytes: usize) -> Option<NonNull<c_void>> {
    if block.is_null() {
        return allocate(bytes);
    }
    let Some((old_bytes, allocator)) = forget_block(block) else {
        // SAFETY: the caller's promise.
        return NonNull::new(unsafe { libc::realloc(block, bytes.max(1)) });
    };
    let fresh = allocate(bytes.max(1));
    match fresh {
        // SAFETY: both blocks have that many bytes, and the old one is not used again.
        Some(fresh) => unsafe {
            let copied = old_bytes.min(bytes);
            core::ptr::copy_nonoverlapping(block.cast::<u8>(), fresh.as_ptr().cast(), copied);
            (allocator.free)(block);
        },
        None => with_state(|state| {
            let blocks = state.blocks.get_or_insert_default();
            blocks.insert(block as usize, (old_bytes, allocator));
        }),
    }
    fresh
}

/// Frees a block; null is nothing.
///
/// # Safety
/// `block` must be null or come from here, or from `malloc`, and not be used again.
pub(crate) unsafe fn free(block: *mut c_void) {
    match forget_block(block) {
        // SAFETY: the block came from that allocator.
        Some((_, allocator)) => unsafe { (allocator.free)(block) },
        // SAFETY: the caller's promise.
        None => unsafe { libc::free(block) },
    }
}
