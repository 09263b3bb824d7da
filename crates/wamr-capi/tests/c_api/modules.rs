//! Modules.

use core::ptr::{null, null_mut};
use std::ffi::CStr;

use iwasm::c_api::*;

use crate::support::*;

#[test]
fn modules_tell_what_they_import_and_export() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|_, store| unsafe {
        let text = r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
            (import "env" "other" (global i32)) (memory (export "m") 1) (func (export "f")))"#;
        let module = module(store, text);
        let (mut imports, mut exports) = (wasm_handle_vec_t::empty(), wasm_handle_vec_t::empty());
        wasm_module_imports(module, &mut imports);
        wasm_module_exports(module, &mut exports);
        let [exit, other] = imports.as_slice() else { panic!("two imports") };
        assert!(wasm_importtype_is_linked(*exit) && !wasm_importtype_is_linked(*other));
        assert_eq!((*wasm_importtype_name(*other)).as_slice(), b"other");
        let [memory, func] = exports.as_slice() else { panic!("two exports") };
        assert_eq!(wasm_externtype_kind(wasm_exporttype_type(*memory)), WASM_EXTERN_MEMORY);
        assert_eq!((*wasm_exporttype_name(*func)).as_slice(), b"f");
        wasm_importtype_vec_delete(&mut imports);
        wasm_exporttype_vec_delete(&mut exports);
        wasm_module_delete(module);
    });
}

#[test]
fn modules_become_bytes_and_modules_again() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|_, store| unsafe {
        let module = module(store, r#"(module $named (func (export "f")))"#);
        assert_eq!(CStr::from_ptr(wasm_module_get_name(module)), c"named");
        assert!(wasm_module_set_name(module, c"other".as_ptr()));
        assert_eq!(CStr::from_ptr(wasm_module_get_name(module)), c"other");
        assert!(!wasm_module_set_name(module, null()));
        assert!(wasm_module_is_underlying_binary_freeable(module));
        let mut bytes = wasm_byte_vec_t::empty();
        wasm_module_serialize(module, &mut bytes);
        let mut plain = binary("(module)");
        assert!(wasm_module_validate(store, &plain));
        wasm_byte_vec_delete(&mut plain);
        let again = wasm_module_deserialize(store, &bytes);
        assert_eq!(CStr::from_ptr(wasm_module_get_name(again)), c"named");
        *bytes.data = 1;
        assert!(!wasm_module_validate(store, &bytes));
        assert!(wasm_module_deserialize(store, &bytes).is_null());
        wasm_byte_vec_delete(&mut bytes);
        wasm_module_delete(again);
        wasm_module_delete(module);

        let mut bytes = binary("(module)");
        let mut args = LoadArgs {
            name: c"given".as_ptr().cast_mut(),
            clone_wasm_binary: 0,
            wasm_binary_freeable: 1,
            no_resolve: 0,
        };
        let module = wasm_module_new_ex(store, &mut bytes, &mut args);
        wasm_byte_vec_delete(&mut bytes);
        assert_eq!(CStr::from_ptr(wasm_module_get_name(module)), c"given");
        wasm_module_delete(module);
    });
}

#[test]
fn modules_are_shared_among_stores() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|engine, store| unsafe {
        let module = module(store, r#"(module (func (export "f") (result i32) (i32.const 4)))"#);
        let shared = wasm_module_share(module);
        wasm_module_delete(module);
        let (engine, shared) = (engine as usize, shared as usize);
        let work = move || {
            let store = wasm_store_new(engine as Ptr);
            let module = wasm_module_obtain(store, shared as Ptr);
            let instance = wasm_instance_new(store, module, null(), null_mut());
            let mut exports = wasm_handle_vec_t::empty();
            wasm_instance_exports(instance, &mut exports);
            assert_eq!(call(exports.as_slice()[0], &[]), Ok(vec![4]));
            wasm_extern_vec_delete(&mut exports);
            wasm_instance_delete(instance);
            wasm_module_delete(module);
            wasm_store_delete(store);
        };
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(work)).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let other = wasm_engine_new();
        let other_store = wasm_store_new(other);
        assert!(wasm_module_obtain(other_store, shared as Ptr).is_null());
        wasm_store_delete(other_store);
        wasm_engine_delete(other);
        wasm_shared_module_delete(shared as Ptr);
        wasm_shared_module_delete(shared as Ptr);
    });
}
