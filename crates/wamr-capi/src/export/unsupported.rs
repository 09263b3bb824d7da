//! Functions that have no meaning here, and answer so.
//!
//! Heaps of the host's inside a guest's address space, the debugging server, and profiles for LLVM.

use std::ffi::c_void;
use std::ptr::null_mut;

use super::handle::Name;

c_api! {
    fn wasm_runtime_create_shared_heap(_args: *mut c_void) -> Name {
        null_mut()
    }

    fn wasm_runtime_chain_shared_heaps(_head: Name, _body: Name) -> Name {
        null_mut()
    }

    fn wasm_runtime_unchain_shared_heaps(_head: Name, _entire_chain: bool) -> Name {
        null_mut()
    }

    fn wasm_runtime_reset_shared_heap_chain(_heap: Name) -> bool {
        false
    }

    fn wasm_runtime_attach_shared_heap(_inst: Name, _heap: Name) -> bool {
        false
    }

    fn wasm_runtime_detach_shared_heap(_inst: Name) {}

    fn wasm_runtime_shared_heap_malloc(_inst: Name, _size: u64, native: *mut *mut c_void) -> u64 {
        super::text::write(native, null_mut());
        0
    }

    fn wasm_runtime_shared_heap_free(_inst: Name, _at: u64) {}

    fn wasm_runtime_start_debug_instance_with_port(_env: Name, _port: i32) -> u32 {
        0
    }

    fn wasm_runtime_start_debug_instance(_env: Name) -> u32 {
        0
    }

    fn wasm_runtime_get_pgo_prof_data_size(_inst: Name) -> u32 {
        0
    }

    fn wasm_runtime_dump_pgo_prof_data_to_buf(_inst: Name, _buf: *mut u8, _len: u32) -> u32 {
        0
    }
}
