//! What is not compiled ahead of time says so.

use std::ptr::{null, null_mut};

use super::support::text_at;
use crate::export::aot::*;

#[test]
fn nothing_is_compiled_ahead_of_time_yet() {
    assert!(aot_compiler_init());
    assert!(aot_create_comp_data(null_mut(), null(), false).is_null());
    aot_destroy_comp_data(null_mut());
    assert!(aot_create_comp_context(null_mut(), null_mut()).is_null());
    aot_destroy_comp_context(null_mut());
    assert!(!aot_compile_wasm(null_mut()));
    assert!(aot_obj_data_create(null_mut()).is_null());
    aot_obj_data_destroy(null_mut());
    assert_eq!(aot_get_aot_file_size(null_mut(), null_mut(), null_mut()), 0);
    let mut size = 5;
    assert!(aot_emit_aot_file_buf(null_mut(), null_mut(), &mut size).is_null());
    assert_eq!(size, 0);
    assert!(!aot_emit_aot_file_buf_ex(null_mut(), null_mut(), null_mut(), null_mut(), 0));
    assert!(!aot_emit_llvm_file(null_mut(), null()));
    assert!(!aot_emit_object_file(null_mut(), null()));
    assert!(!aot_emit_aot_file(null_mut(), null_mut(), null()));
    aot_destroy_aot_file(null_mut());
    assert_eq!(aot_get_plt_table_size(), 0);
    assert!(text_at(aot_get_last_error()).unwrap().contains("AOT"));
    let mut features = CallStackFeatures([false; 6]);
    aot_call_stack_features_init_default(&mut features);
    assert!(features.0[0] && !features.0[5]);
    aot_compiler_destroy();
}
