//! Memory that C gets and gives back: from `malloc`, from the embedder's functions, or from a
//! buffer of the embedder's. Both APIs take it from here.
//!
//! Where blocks came from is remembered, unless it was `malloc`, so that whatever comes back goes
//! there, whichever source is in use by then. Linear memories, the heap of objects and the
//! runtime's own structures are the system's whatever is set here.

use core::ffi::c_void;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) mod pool;

use pool::{ALIGNMENT, Pool};

/// Functions of the embedder; their sizes are C's `unsigned int`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Callbacks {
    /// `void *malloc(unsigned int size)`
    pub(crate) malloc: unsafe extern "C" fn(u32) -> *mut c_void,
    /// `void *realloc(void *block, unsigned int size)`
    pub(crate) realloc: Option<unsafe extern "C" fn(*mut c_void, u32) -> *mut c_void>,
    /// `void free(void *block)`
    pub(crate) free: unsafe extern "C" fn(*mut c_void),
}

/// Where memory comes from.
#[derive(Clone, Default)]
enum Source {
    #[default]
    System,
    Callbacks(Callbacks),
    Pool(Arc<Mutex<Pool>>),
}

#[derive(Default)]
struct State {
    source: Source,
    /// Blocks that came from functions, with their sizes.
    blocks: HashMap<usize, (usize, Callbacks)>,
    /// Pools that are in use, or have blocks out.
    pools: Vec<Arc<Mutex<Pool>>>,
}

/// What a block is one of.
enum Owner {
    System,
    Callbacks(usize, Callbacks),
    Pool(Arc<Mutex<Pool>>),
}

static STATE: Mutex<Option<State>> = Mutex::new(None);
/// How much is in `STATE`; 0 for the common case that everything is the system's.
static CUSTOM: AtomicUsize = AtomicUsize::new(0);

fn with_state<R>(body: impl FnOnce(&mut State) -> R) -> R {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    let state = state.get_or_insert_default();
    let result = body(state);
    let is_custom = !matches!(state.source, Source::System);
    let count = state.blocks.len() + state.pools.len() + usize::from(is_custom);
    CUSTOM.store(count, Ordering::Release);
    result
}

fn lock(pool: &Mutex<Pool>) -> std::sync::MutexGuard<'_, Pool> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}

fn set_source(source: Source) {
    with_state(|state| {
        state.pools.retain(|pool| !lock(pool).is_unused());
        if let Source::Pool(pool) = &source {
            state.pools.push(pool.clone());
        }
        state.source = source;
    });
}

/// Memory comes from `malloc` from now on.
pub(crate) fn use_system() {
    set_source(Source::System);
}

/// Memory comes from functions of the embedder from now on.
pub(crate) fn use_callbacks(callbacks: Callbacks) {
    set_source(Source::Callbacks(callbacks));
}

/// Memory comes from a buffer of the embedder from now on; false, and nothing changes, if that has
/// no room for anything.
pub(crate) fn use_pool(buffer: *mut c_void, bytes: usize) -> bool {
    let pool = Pool::new(buffer.expose_provenance(), bytes).filter(|_| !buffer.is_null());
    let is_pool = pool.is_some();
    if let Some(pool) = pool {
        set_source(Source::Pool(Arc::new(Mutex::new(pool))));
    }
    is_pool
}

/// How many bytes the pool in use has, how many of them are free, and how many were in use at most.
pub(crate) fn pool_report() -> Option<[usize; 3]> {
    match source() {
        Source::Pool(pool) => Some(lock(&pool).report()),
        _ => None,
    }
}

fn source() -> Source {
    match CUSTOM.load(Ordering::Acquire) {
        0 => Source::System,
        _ => with_state(|state| state.source.clone()),
    }
}

fn pointer(at: usize) -> Option<NonNull<c_void>> {
    NonNull::new(core::ptr::with_exposed_provenance_mut(at))
}

/// Allocates, aligned for anything; `None` for nothing, or where there is no memory.
pub(crate) fn allocate(bytes: usize) -> Option<NonNull<c_void>> {
    // No object is larger, which tools for finding errors hold against whoever asks.
    if bytes == 0 || isize::try_from(bytes).is_err() {
        return None;
    }
    match source() {
        // SAFETY: `malloc` takes any size.
        Source::System => NonNull::new(unsafe { libc::malloc(bytes) }),
        Source::Pool(pool) => pointer(lock(&pool).alloc(bytes, ALIGNMENT, true)?),
        Source::Callbacks(callbacks) => {
            // SAFETY: the embedder vouches for its function.
            let block = NonNull::new(unsafe { (callbacks.malloc)(u32::try_from(bytes).ok()?) })?;
            note(block, bytes, callbacks);
            Some(block)
        }
    }
}

/// Allocates with an alignment, from a pool alone; such a block is not reallocated.
pub(crate) fn allocate_aligned(bytes: usize, alignment: usize) -> Option<NonNull<c_void>> {
    match source() {
        Source::Pool(pool) => pointer(lock(&pool).alloc(bytes, alignment.max(ALIGNMENT), false)?),
        _ => None,
    }
}

/// Allocates zeros.
pub(crate) fn allocate_zeroed(bytes: usize) -> Option<NonNull<c_void>> {
    let block = allocate(bytes)?;
    // SAFETY: the block has that many bytes.
    unsafe { core::ptr::write_bytes(block.as_ptr().cast::<u8>(), 0, bytes) };
    Some(block)
}

fn note(block: NonNull<c_void>, bytes: usize, callbacks: Callbacks) {
    with_state(|state| state.blocks.insert(block.addr().get(), (bytes, callbacks)));
}

/// What a block is one of. It is no longer one of functions' then.
fn take(block: *mut c_void) -> Owner {
    if CUSTOM.load(Ordering::Acquire) == 0 {
        return Owner::System;
    }
    with_state(|state| {
        if let Some((bytes, callbacks)) = state.blocks.remove(&block.addr()) {
            return Owner::Callbacks(bytes, callbacks);
        }
        // What is freed twice is still known to be no block of the system's.
        let in_use = match &state.source {
            Source::Pool(pool) => Some(pool).filter(|pool| lock(pool).contains(block.addr())),
            _ => None,
        };
        let has_it = |pool: &&Arc<Mutex<Pool>>| lock(pool).has(block.addr());
        let pool = in_use.or_else(|| state.pools.iter().find(has_it));
        pool.map_or(Owner::System, |pool| Owner::Pool(pool.clone()))
    })
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
    let bytes = bytes.max(1);
    match take(block) {
        // SAFETY: the caller's promise.
        Owner::System => NonNull::new(unsafe { libc::realloc(block, bytes) }),
        Owner::Pool(pool) => {
            let old_bytes = lock(&pool).movable(block.addr())?;
            // SAFETY: the block has that many bytes.
            let fresh = unsafe { moved(block, old_bytes, bytes) }?;
            lock(&pool).free(block.addr());
            Some(fresh)
        }
        Owner::Callbacks(old_bytes, callbacks) => {
            let fresh = match callbacks.realloc {
                // SAFETY: the embedder vouches for its function, and the block came from there.
                Some(realloc) => u32::try_from(bytes)
                    .ok()
                    .and_then(|bytes| NonNull::new(unsafe { realloc(block, bytes) }))
                    .inspect(|fresh| note(*fresh, bytes, callbacks)),
                // SAFETY: the block has that many bytes, and came from those functions.
                None => unsafe { moved(block, old_bytes, bytes) }
                    .inspect(|_| unsafe { (callbacks.free)(block) }),
            };
            if let (None, Some(block)) = (fresh, NonNull::new(block)) {
                note(block, old_bytes, callbacks);
            }
            fresh
        }
    }
}

/// A new block with what an old one holds.
///
/// # Safety
/// The block has so many bytes.
unsafe fn moved(block: *mut c_void, old_bytes: usize, bytes: usize) -> Option<NonNull<c_void>> {
    let fresh = allocate(bytes)?;
    // SAFETY: both have that many bytes, and a new block is apart from others.
    unsafe {
        let (from, to) = (block.cast::<u8>(), fresh.as_ptr().cast::<u8>());
        from.copy_to_nonoverlapping(to, old_bytes.min(bytes));
    }
    Some(fresh)
}

/// Frees a block; null is nothing.
///
/// # Safety
/// `block` must be null or come from here, or from `malloc`, and not be used again.
pub(crate) unsafe fn free(block: *mut c_void) {
    match take(block) {
        // SAFETY: the block came from that function's counterpart.
        Owner::Callbacks(_, callbacks) => unsafe { (callbacks.free)(block) },
        Owner::Pool(pool) => {
            lock(&pool).free(block.addr());
        }
        // SAFETY: the caller's promise.
        Owner::System => unsafe { libc::free(block) },
    }
}
