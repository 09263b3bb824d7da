//! Null, names of other kinds, and names that were destroyed.

use std::ptr::{null, null_mut};

use super::support::*;
use crate::export::call::*;
use crate::export::context::*;
use crate::export::entity::*;
use crate::export::env::*;
use crate::export::gc::*;
use crate::export::handle::Name;
use crate::export::imports::*;
use crate::export::instance::*;
use crate::export::instantiate::*;
use crate::export::loading::*;
use crate::export::memory::*;
use crate::export::module::*;
use crate::export::native::*;
use crate::export::report::*;
use crate::export::thread::*;
use crate::export::wasi::*;

/// Has every function that takes a name try one that is not of its kind.
fn try_all(wrong: Name) {
    assert!(wasm_runtime_instantiate(wrong, 0, 0, null_mut(), 0).is_null());
    assert!(wasm_runtime_instantiate_ex(wrong, null(), null_mut(), 0).is_null());
    assert!(wasm_runtime_instantiate_ex_with_imports(wrong, null(), null_mut(), 0).is_null());
    assert!(wasm_runtime_instantiate_ex2(wrong, wrong, null_mut(), 0).is_null());
    assert!(wasm_runtime_instantiate_with_builtin_linker(wrong, 0, 0, null_mut(), 0).is_null());
    wasm_runtime_deinstantiate(wrong);
    assert!(wasm_runtime_get_module(wrong).is_null());
    assert!(wasm_runtime_get_exception(wrong).is_null());
    wasm_runtime_set_exception(wrong, c"x".as_ptr());
    wasm_runtime_clear_exception(wrong);
    wasm_runtime_terminate(wrong);
    wasm_runtime_set_custom_data(wrong, null_mut());
    assert!(wasm_runtime_get_custom_data(wrong).is_null());
    wasm_runtime_set_context(wrong, wrong, null_mut());
    assert!(wasm_runtime_get_context(wrong, wrong).is_null());
    wasm_runtime_destroy_context_key(wrong);
    assert!(!wasm_runtime_set_running_mode(wrong, 1));
    assert_eq!(wasm_runtime_get_running_mode(wrong), 0);
    assert!(!wasm_runtime_is_wasi_mode(wrong));
    assert_eq!(wasm_runtime_get_wasi_exit_code(wrong), 0);
    assert!(wasm_runtime_lookup_function(wrong, c"f".as_ptr()).is_null());
    assert!(wasm_runtime_lookup_memory(wrong, c"f".as_ptr()).is_null());
    assert!(wasm_runtime_get_default_memory(wrong).is_null());
    assert_eq!(wasm_memory_get_cur_page_count(wrong), 0);
    assert!(wasm_memory_get_base_address(wrong).is_null());
    assert!(!wasm_memory_enlarge(wrong, 1));
    assert!(!wasm_runtime_validate_app_addr(wrong, 0, 0));
    assert!(wasm_runtime_addr_app_to_native(wrong, 0).is_null());
    assert_eq!(wasm_runtime_module_malloc(wrong, 1, null_mut()), 0);
    wasm_runtime_module_free(wrong, 8);
    assert_eq!(wasm_runtime_module_dup_data(wrong, c"x".as_ptr(), 1), 0);
    assert!(!wasm_runtime_get_export_global_inst(wrong, c"f".as_ptr(), null_mut()));
    assert!(!wasm_runtime_get_export_table_inst(wrong, c"f".as_ptr(), null_mut()));
    assert!(wasm_table_get_func_inst(wrong, null(), 0).is_null());
    assert!(!wasm_global_get_value(wrong, null_mut()));
    assert!(!wasm_global_set_value(wrong, null()));
    assert_eq!(wasm_table_get_cur_size(wrong), 0);
    assert!(!wasm_table_enlarge(wrong, 1, NULL));
    assert!(wasm_runtime_create_memory(wrong, wrong).is_null());
    assert!(wasm_runtime_create_table(wrong, wrong).is_null());
    assert!(wasm_runtime_create_global(wrong, wrong, null()).is_null());
    assert!(wasm_runtime_create_function(wrong, wrong, pointer(8)).is_null());
    assert!(wasm_runtime_create_tag(wrong, wrong).is_null());
    assert!(!wasm_runtime_create_imports_with_builtin(wrong, null_mut(), 0));
    wasm_runtime_destroy_imports(wrong, null_mut());
    assert_eq!(wasm_func_get_param_count(wrong, wrong), 0);
    assert!(wasm_runtime_create_exec_env(wrong, 8).is_null());
    assert!(!wasm_runtime_call_wasm(wrong, wrong, 0, null_mut()));
    assert!(!wasm_runtime_call_wasm_a(wrong, wrong, 0, null_mut(), 0, null()));
    assert!(!wasm_runtime_call_indirect(wrong, 0, 0, null_mut()));
    assert!(!wasm_application_execute_main(wrong, 0, null_mut()));
    assert!(!wasm_application_execute_func(wrong, null(), 0, null()));
    assert_eq!(wasm_runtime_get_import_count(wrong), -1);
    assert_eq!(wasm_runtime_get_export_count(wrong), -1);
    wasm_runtime_get_import_type(wrong, 0, null_mut());
    wasm_runtime_get_export_type(wrong, 0, null_mut());
    assert!(wasm_runtime_get_custom_section(wrong, c"x".as_ptr(), null_mut()).is_null());
    assert!(!wasm_runtime_set_module_name(wrong, c"x".as_ptr(), null_mut(), 0));
    assert!(!wasm_runtime_register_module(c"x".as_ptr(), wrong, null_mut(), 0));
    assert_eq!(wasm_runtime_get_call_stack_buf_size(wrong), 0);
    assert_eq!(wasm_copy_callstack(wrong, null_mut(), 1, 0, null_mut(), 0), 0);
    assert!(wasm_runtime_spawn_exec_env(wrong).is_null());
    assert!(wasm_externref_obj_new(wrong, null()).is_null());
    assert!(wasm_externref_obj_get_value(wrong).is_null());
    assert!(!wasm_runtime_pin_object(wrong, wrong));
    assert!(wasm_runtime_pop_local_obj_ref(wrong).is_null());
}

#[test]
fn wrong_names_are_answered_and_break_nothing() {
    let _runtime = start();
    let (module, inst) = instance(
        r#"(module (memory (export "m") 1) (table (export "t") 1 funcref)
            (global (export "g") i32 (i32.const 1)) (func (export "f")))"#,
    );
    try_all(NULL);
    try_all(pointer(0x1234_5678));
    try_all(std::ptr::without_provenance_mut(usize::MAX));
    let key = wasm_runtime_create_context_key(None);
    let gone = {
        let (_module, inst) = instance("(module)");
        inst.name
    };
    try_all(gone);
    wasm_runtime_destroy_context_key(key);
    try_all(key);
    // Of another kind each time.
    for name in [c"m", c"t", c"g"] {
        let mut entry = std::mem::MaybeUninit::<ExternInst>::uninit();
        assert!(wasm_runtime_get_export_extern(inst.name, name.as_ptr(), entry.as_mut_ptr()));
        // SAFETY: it was written.
        let value = unsafe { entry.assume_init() }.value;
        assert!(!wasm_runtime_call_wasm(inst.env, value, 0, null_mut()));
        wasm_runtime_destroy_function(module.name, value);
    }
    assert!(wasm_runtime_lookup_function(inst.name, c"m".as_ptr()).is_null());
    assert!(wasm_runtime_lookup_function(inst.name, null()).is_null());
    inst.call("f", &[]).unwrap();
    assert!(!wasm_runtime_register_natives(null(), null_mut(), 1));
    assert!(!wasm_runtime_register_natives(c"m".as_ptr(), null_mut(), 1));
    assert!(!wasm_runtime_instantiation_args_create(null_mut()));
    let unsigned = NativeSymbol {
        symbol: c"f".as_ptr(),
        func_ptr: pointer(8),
        signature: c"(~)".as_ptr(),
        attachment: null_mut(),
    };
    let mut symbols = [unsigned];
    assert!(!wasm_runtime_register_natives(c"m".as_ptr(), symbols.as_mut_ptr(), 1));
}
