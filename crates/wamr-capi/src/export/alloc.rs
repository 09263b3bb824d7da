//! `wasm_runtime_malloc` and its like; see `crate::memory`.

use std::ffi::{c_int, c_uint, c_void};
use std::ptr::{NonNull, null_mut};

use crate::memory::{self, Callbacks};

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
    pub(crate) malloc_func: Option<unsafe extern "C" fn(c_uint) -> *mut c_void>,
    pub(crate) realloc_func: Option<unsafe extern "C" fn(*mut c_void, c_uint) -> *mut c_void>,
    pub(crate) free_func: Option<unsafe extern "C" fn(*mut c_void)>,
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

/// What is asked for comes from where the arguments say; false if they make no sense.
pub(crate) fn set_up(kind: c_int, option: &MemAllocOption) -> bool {
    match kind {
        SYSTEM => memory::use_system(),
        ALLOCATOR => {
            // SAFETY: the kind says which part of the union is set.
            let AllocatorOption { malloc_func, realloc_func, free_func, .. } =
                unsafe { option.allocator };
            let (Some(malloc), Some(free)) = (malloc_func, free_func) else { return false };
            memory::use_callbacks(Callbacks { malloc, realloc: realloc_func, free });
        }
        POOL => {
            // SAFETY: as above.
            let PoolOption { heap_buf, heap_size } = unsafe { option.pool };
            return memory::use_pool(heap_buf, heap_size as usize);
        }
        _ => return false,
    }
    true
}

fn pointer(block: Option<NonNull<c_void>>) -> *mut c_void {
    block.map_or(null_mut(), NonNull::as_ptr)
}

c_api! {
    fn wasm_runtime_malloc(size: c_uint) -> *mut c_void {
        pointer(memory::allocate(size.max(1) as usize))
    }

    fn wasm_runtime_aligned_alloc(size: c_uint, alignment: c_uint) -> *mut c_void {
        let (size, alignment) = (size as usize, alignment as usize);
        let fits = alignment.is_power_of_two() && (8..=4096).contains(&alignment);
        if !fits || size == 0 || size % alignment != 0 {
            return null_mut();
        }
        pointer(memory::allocate_aligned(size, alignment))
    }

    fn wasm_runtime_realloc(ptr: *mut c_void, size: c_uint) -> *mut c_void {
        // SAFETY: by the header's contract it was given out by this API.
        pointer(unsafe { memory::reallocate(ptr, size.max(1) as usize) })
    }

    fn wasm_runtime_free(ptr: *mut c_void) {
        // Who sends a block of a shared heap to a queue of WAMR's has it freed here, too.
        if !super::shared_heap::has(ptr.addr()) {
            // SAFETY: by the header's contract it was given out by this API.
            unsafe { memory::free(ptr) }
        }
    }

    fn wasm_runtime_get_mem_alloc_info(info: *mut MemAllocInfo) -> bool {
        memory::pool_report().is_some_and(|[total, free, most]| {
            let [total_size, total_free_size, highmark_size] = [total, free, most].map(|n| n as u32);
            super::text::write(info, MemAllocInfo { total_size, total_free_size, highmark_size })
        })
    }
}
