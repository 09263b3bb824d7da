//! `aot_export.h`: compiling ahead of time, which this library does not do yet.

use std::ffi::{c_char, c_void};
use std::ptr::null_mut;

use super::text;

/// `AOTCallStackFeatures`
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallStackFeatures(pub(crate) [bool; 6]);

c_api! {
    fn aot_compiler_init() -> bool {
        true
    }

    fn aot_compiler_destroy() {}

    fn aot_call_stack_features_init_default(features: *mut CallStackFeatures) {
        text::write(features, CallStackFeatures([true, true, true, true, true, false]));
    }

    fn aot_create_comp_data(
        _module: *mut c_void,
        _arch: *const c_char,
        _gc: bool,
    ) -> *mut c_void {
        null_mut()
    }

    fn aot_destroy_comp_data(_data: *mut c_void) {}

    fn aot_create_comp_context(_data: *mut c_void, _option: *mut c_void) -> *mut c_void {
        null_mut()
    }

    fn aot_destroy_comp_context(_context: *mut c_void) {}

    fn aot_compile_wasm(_context: *mut c_void) -> bool {
        false
    }

    fn aot_obj_data_create(_context: *mut c_void) -> *mut c_void {
        null_mut()
    }

    fn aot_obj_data_destroy(_data: *mut c_void) {}

    fn aot_get_aot_file_size(
        _context: *mut c_void,
        _data: *mut c_void,
        _object: *mut c_void,
    ) -> u32 {
        0
    }

    fn aot_emit_aot_file_buf(
        _context: *mut c_void,
        _data: *mut c_void,
        size: *mut u32,
    ) -> *mut u8 {
        text::write(size, 0);
        null_mut()
    }

    fn aot_emit_aot_file_buf_ex(
        _context: *mut c_void,
        _data: *mut c_void,
        _object: *mut c_void,
        _buf: *mut u8,
        _size: u32,
    ) -> bool {
        false
    }

    fn aot_emit_llvm_file(_context: *mut c_void, _file: *const c_char) -> bool {
        false
    }

    fn aot_emit_object_file(_context: *mut c_void, _file: *const c_char) -> bool {
        false
    }

    fn aot_emit_aot_file(
        _context: *mut c_void,
        _data: *mut c_void,
        _file: *const c_char,
    ) -> bool {
        false
    }

    fn aot_destroy_aot_file(_file: *mut u8) {}

    fn aot_get_last_error() -> *mut c_char {
        c"this library writes no AOT files".as_ptr().cast_mut()
    }

    fn aot_get_plt_table_size() -> u32 {
        0
    }
}
