//! Functions that have no meaning here, and answer so.
//!
//! The debugging server, and profiles for LLVM.

use super::handle::Name;

c_api! {
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
