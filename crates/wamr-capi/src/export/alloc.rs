//! `wasm_runtime_malloc` and its like: memory that the API hands out, from the system, from the
//! embedder's callbacks, or from a pool of the embedder's.
//!
//! Linear memories, the heap of objects and the runtime's own structures are the system's whatever
//! is set here.

use std::collections::BTreeMap;
use std::ffi::{c_int, c_uint, c_void};
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn realloc(ptr: *mut c_void, size: usize) -> *mut c_void;
    fn free(ptr: *mut c_void);
}

/// `MemAllocOption`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) union MemAllocOption {
    pub(crate) pool: PoolOption,
    pub(crate) allocator: AllocatorOption,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct PoolOption {
    pub(crate) heap_buf: *mut c_void,
    pub(crate) heap_size: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct AllocatorOption {
    pub(crate) malloc_func: Option<extern "C" fn(c_uint) -> *mut c_void>,
    pub(crate) realloc_func: Option<extern "C" fn(*mut c_void, c_uint) -> *mut c_void>,
    pub(crate) free_func: Option<extern "C" fn(*mut c_void)>,
    pub(crate) user_data: *mut c_void,
}

/// `mem_alloc_info_t`
#[repr(C)]
pub(crate) struct MemAllocInfo {
    total_size: u32,
    total_free_size: u32,
    highmark_size: u32,
}

const POOL: c_int = 0;
const ALLOCATOR: c_int = 1;
const SYSTEM: c_int = 2;

/// Blocks are aligned to this, and take multiples of it.
const ALIGNMENT: usize = 16;

/// What is known about a pool stands outside of it.
struct Pool {
    start: usize,
    bytes: usize,
    /// Free ranges by address, none beside another.
    free: BTreeMap<usize, usize>,
    /// Blocks that are given out, and whether they may be reallocated.
    used: BTreeMap<usize, (usize, bool)>,
    in_use: usize,
    most_in_use: usize,
}

impl Pool {
    fn new(start: usize, bytes: usize) -> Option<Self> {
        let first = start.checked_next_multiple_of(ALIGNMENT)?;
        let end = start.checked_add(bytes)? & !(ALIGNMENT - 1);
        let len = end.checked_sub(first).filter(|len| *len > 0)?;
        let (used, free) = (BTreeMap::new(), BTreeMap::from([(first, len)]));
        Some(Self { start, bytes: len, free, used, in_use: 0, most_in_use: 0 })
    }

    fn alloc(&mut self, size: usize, alignment: usize, movable: bool) -> Option<usize> {
        let wanted = size.max(1).checked_next_multiple_of(ALIGNMENT)?;
        let (at, begin, end) = self.free.iter().find_map(|(&start, &len)| {
            let at = start.checked_next_multiple_of(alignment)?;
            let fits = at.checked_add(wanted)? <= start + len;
            fits.then_some((at, start, start + len))
        })?;
        self.free.remove(&begin);
        if at > begin {
            self.free.insert(begin, at - begin);
        }
        if end > at + wanted {
            self.free.insert(at + wanted, end - at - wanted);
        }
        self.used.insert(at, (wanted, movable));
        self.in_use += wanted;
        self.most_in_use = self.most_in_use.max(self.in_use);
        Some(at)
    }

    fn free(&mut self, at: usize) {
        let Some((mut len, _)) = self.used.remove(&at) else { return };
        self.in_use -= len;
        let mut start = at;
        if let Some((&before, &before_len)) = self.free.range(..at).next_back()
            && before + before_len == at
        {
            self.free.remove(&before);
            (start, len) = (before, len + before_len);
        }
        if let Some(behind) = self.free.remove(&(start + len)) {
            len += behind;
        }
        self.free.insert(start, len);
    }
}

enum Allocator {
    System,
    Callbacks(AllocatorOption),
    Pool(Pool),
}

// SAFETY: the embedder's callbacks may be called from any thread, by the header's contract; pools
// are used behind the lock.
unsafe impl Send for Allocator {}

static ALLOCATOR_NOW: Mutex<Allocator> = Mutex::new(Allocator::System);

fn now() -> MutexGuard<'static, Allocator> {
    ALLOCATOR_NOW.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is asked for is the system's from now on.
pub(crate) fn use_system() {
    *now() = Allocator::System;
}

/// What is asked for comes from where the arguments say; false if they make no sense.
pub(crate) fn set_up(kind: c_int, option: &MemAllocOption) -> bool {
    let allocator = match kind {
        SYSTEM => Some(Allocator::System),
        ALLOCATOR => {
            // SAFETY: the kind says which part of the union is set.
            let option = unsafe { option.allocator };
            let complete = option.malloc_func.is_some()
                && option.realloc_func.is_some()
                && option.free_func.is_some();
            complete.then_some(Allocator::Callbacks(option))
        }
        POOL => {
            // SAFETY: as above.
            let option = unsafe { option.pool };
            let pool = Pool::new(option.heap_buf.expose_provenance(), option.heap_size as usize);
            pool.filter(|_| !option.heap_buf.is_null()).map(Allocator::Pool)
        }
        _ => None,
    };
    let Some(allocator) = allocator else { return false };
    *now() = allocator;
    true
}

fn pointer(at: Option<usize>) -> *mut c_void {
    at.map_or(null_mut(), std::ptr::with_exposed_provenance_mut)
}

/// Memory for what the API hands out.
pub(crate) fn allocate(size: usize) -> *mut c_void {
    let mut allocator = now();
    match &mut *allocator {
        // SAFETY: any size may be asked for.
        Allocator::System => unsafe { malloc(size.max(1)) },
        Allocator::Pool(pool) => pointer(pool.alloc(size, ALIGNMENT, true)),
        Allocator::Callbacks(AllocatorOption { malloc_func, .. }) => {
            let function = *malloc_func;
            drop(allocator);
            let Ok(size) = c_uint::try_from(size.max(1)) else { return null_mut() };
            function.map_or(null_mut(), |malloc| malloc(size))
        }
    }
}

/// Takes such memory back.
pub(crate) fn release(ptr: *mut c_void) {
    if ptr.is_null() {
        return;
    }
    let mut allocator = now();
    match &mut *allocator {
        // SAFETY: by the header's contract it was given out by this API.
        Allocator::System => unsafe { free(ptr) },
        Allocator::Pool(pool) => pool.free(ptr.addr()),
        Allocator::Callbacks(AllocatorOption { free_func, .. }) => {
            let function = *free_func;
            drop(allocator);
            if let Some(free) = function {
                free(ptr);
            }
        }
    }
}

fn reallocate(ptr: *mut c_void, size: usize) -> *mut c_void {
    if ptr.is_null() {
        return allocate(size);
    }
    let mut allocator = now();
    match &mut *allocator {
        // SAFETY: by the header's contract it was given out by this API.
        Allocator::System => unsafe { realloc(ptr, size.max(1)) },
        Allocator::Callbacks(AllocatorOption { realloc_func, .. }) => {
            let function = *realloc_func;
            drop(allocator);
            let Ok(size) = c_uint::try_from(size) else { return null_mut() };
            function.map_or(null_mut(), |realloc| realloc(ptr, size))
        }
        Allocator::Pool(pool) => {
            let Some(&(len, true)) = pool.used.get(&ptr.addr()) else { return null_mut() };
            let Some(at) = pool.alloc(size, ALIGNMENT, true) else { return null_mut() };
            let to = pointer(Some(at));
            // SAFETY: both are blocks of the pool, and apart from each other.
            unsafe {
                ptr.cast::<u8>().copy_to_nonoverlapping(to.cast::<u8>(), len.min(size));
            }
            pool.free(ptr.addr());
            to
        }
    }
}

c_api! {
    fn wasm_runtime_malloc(size: c_uint) -> *mut c_void {
        allocate(size as usize)
    }

    fn wasm_runtime_aligned_alloc(size: c_uint, alignment: c_uint) -> *mut c_void {
        let (size, alignment) = (size as usize, alignment as usize);
        let fits = alignment.is_power_of_two() && (8..=4096).contains(&alignment);
        if !fits || size == 0 || size % alignment != 0 {
            return null_mut();
        }
        match &mut *now() {
            Allocator::Pool(pool) => pointer(pool.alloc(size, alignment.max(ALIGNMENT), false)),
            _ => null_mut(),
        }
    }

    fn wasm_runtime_realloc(ptr: *mut c_void, size: c_uint) -> *mut c_void {
        reallocate(ptr, size as usize)
    }

    fn wasm_runtime_free(ptr: *mut c_void) {
        release(ptr);
    }

    fn wasm_runtime_get_mem_alloc_info(info: *mut MemAllocInfo) -> bool {
        match &*now() {
            Allocator::Pool(pool) => {
                debug_assert!(pool.start != 0);
                let total_size = pool.bytes as u32;
                let total_free_size = (pool.bytes - pool.in_use) as u32;
                let highmark_size = pool.most_in_use as u32;
                super::text::write(
                    info,
                    MemAllocInfo { total_size, total_free_size, highmark_size },
                )
            }
            _ => false,
        }
    }
}
