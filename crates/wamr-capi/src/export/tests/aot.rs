//! Compiling ahead of time.

use std::ptr::{null, null_mut};

use super::support::*;
use crate::export::aot::*;
use crate::export::instance::*;
use crate::export::module::*;

#[test]
fn modules_are_compiled_to_bytes_and_files_and_loaded_again() {
    let _runtime = start();
    let module =
        super::support::load(r#"(module (func (export "f") (result i32) (i32.const 11)))"#);
    assert!(aot_compiler_init());
    let data = aot_create_comp_data(module.name, null(), false);
    let context = aot_create_comp_context(data, null());
    assert!(!data.is_null() && !context.is_null());
    assert!(aot_compile_wasm(context));
    let object = aot_obj_data_create(context);
    let size = aot_get_aot_file_size(context, data, object);
    let mut wrote = 0;
    let buf = aot_emit_aot_file_buf(context, data, &mut wrote);
    assert!(!buf.is_null() && wrote == size && size > 0);
    let mut copy = vec![0u8; size as usize];
    assert!(aot_emit_aot_file_buf_ex(context, data, object, copy.as_mut_ptr(), size));
    assert!(!aot_emit_aot_file_buf_ex(context, data, object, copy.as_mut_ptr(), size - 1));
    assert!(text_at(aot_get_last_error()).unwrap().contains("too small"));
    aot_destroy_aot_file(buf);
    let file = std::env::temp_dir().join(format!("wamr-capi-{}.aot", std::process::id()));
    let name = c(file.to_str().unwrap());
    assert!(aot_emit_object_file(context, name.as_ptr()));
    assert!(aot_emit_aot_file(context, data, name.as_ptr()));
    assert_eq!(std::fs::read(&file).unwrap(), copy);
    std::fs::remove_file(&file).unwrap();
    assert!(!aot_emit_aot_file(context, data, null()));
    assert!(!aot_emit_llvm_file(context, name.as_ptr()));
    aot_obj_data_destroy(object);
    aot_destroy_comp_context(context);
    aot_destroy_comp_data(data);
    assert!(!aot_compile_wasm(context) && aot_obj_data_create(context).is_null());
    assert!(aot_create_comp_data(null_mut(), null(), false).is_null());
    assert!(aot_create_comp_context(data, null()).is_null());

    assert_eq!(get_package_type(copy.as_ptr(), size), 1);
    let version = wasm_runtime_get_current_package_version(1);
    assert_eq!(wasm_runtime_get_file_package_version(copy.as_ptr(), size), version);
    let mut message = Message::new();
    let loaded = wasm_runtime_load(copy.as_mut_ptr(), size, message.at(), 256);
    assert!(!loaded.is_null(), "{}", message.text());
    let loaded = Loaded::of(loaded);
    assert_eq!(wasm_runtime_get_module_package_type(loaded.name), 1);
    let inst = instantiate(&loaded);
    assert_eq!(wasm_runtime_get_running_mode(inst.name), 0);
    assert!(wasm_runtime_set_running_mode(inst.name, 1));
    assert_eq!(inst.call("f", &[]).unwrap()[0], 11);
    assert!(aot_create_comp_data(loaded.name, null(), false).is_null());
    assert_eq!(aot_get_plt_table_size(), 0);
    let mut features = CallStackFeatures([0; 6]);
    aot_call_stack_features_init_default(&mut features);
    assert!(features.0[0] == 1 && features.0[5] == 0);
    aot_compiler_destroy();
}

#[test]
fn other_machines_and_formats_are_refused() {
    let _runtime = start();
    let module = super::support::load("(module)");
    let create = |arch: &std::ffi::CStr| aot_create_comp_data(module.name, arch.as_ptr(), false);
    assert!(create(c"z80").is_null());
    assert!(text_at(aot_get_last_error()).unwrap().contains("z80"));
    let host = c(std::env::consts::ARCH);
    let data = create(&host);
    assert!(!data.is_null());
    // SAFETY: null and 0 are values of all fields.
    let mut option = unsafe { std::mem::zeroed::<CompOption>() };
    assert_eq!(std::mem::offset_of!(CompOption, output_format), 88);
    option.target_arch = host.as_ptr();
    let context = aot_create_comp_context(data, &option);
    assert!(!context.is_null());
    aot_destroy_comp_context(context);
    option.output_format = 2;
    assert!(aot_create_comp_context(data, &option).is_null());
    aot_destroy_comp_data(data);
}
