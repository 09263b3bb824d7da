//! Wrong use that the other files do not come by.

use core::ffi::c_void;
use core::ptr::null_mut;

use iwasm::c_api::*;

use crate::support::*;

#[test]
fn what_is_no_handle_is_told() {
    let noise = [0x55_u64; 16];
    let noise: Ptr = core::ptr::from_ref(&noise).cast_mut().cast();
    // SAFETY: what is wrong here is what the headers say is found out; all else is as they want it.
    unsafe {
        assert!(wasm_store_new(noise).is_null());
        let mut error = wasm_byte_vec_t::empty();
        wasm_last_error(&mut error);
        assert_eq!(error.as_slice(), b"expected an engine, got what was deleted or never was\0");
        wasm_byte_vec_delete(&mut error);
        assert!(wasm_func_type(noise).is_null());
        assert_eq!(wasm_memory_data_size(noise), 0);
        assert!(wasm_store_new(noise.byte_add(1)).is_null());
        wasm_ref_delete(noise);
        assert!(
            message(wasm_func_call(noise, core::ptr::null(), null_mut())).contains("never was")
        );
    }
}

#[test]
fn a_value_that_holds_what_was_deleted() {
    // SAFETY: what is wrong here is what the headers say is found out; all else is as they want it.
    each_mode(|_, store| unsafe {
        let text = r#"(module (func (export "f") (param externref)))"#;
        let mut exports = exports(store, text, &mut []);
        let foreign = wasm_foreign_new(store);
        wasm_foreign_delete(foreign);
        let mut args = [wasm_val_t::reference(WASM_EXTERNREF, foreign)];
        let trap = wasm_func_call(exports.as_slice()[0], &over(&mut args), null_mut());
        assert!(message(trap).contains("deleted"));
        wasm_extern_vec_delete(&mut exports);
    });
}

#[test]
fn entities_of_other_stores_are_refused() {
    // SAFETY: what is wrong here is what the headers say is found out; all else is as they want it.
    each_mode(|engine, store| unsafe {
        let other = wasm_store_new(engine);
        let (func, table) = (host_func(other), table(store));
        assert!(!wasm_table_set(table, 0, func) && !wasm_table_grow(table, 1, func));
        let module = module(store, r#"(module (import "" "" (func)))"#);
        let mut trap = null_mut();
        assert!(wasm_instance_new(store, module, &over(&mut [func]), &mut trap).is_null());
        assert!(message(trap).contains("another store"));
        wasm_module_delete(module);
        wasm_table_delete(table);
        wasm_func_delete(func);
        wasm_store_delete(other);
    });
}

unsafe extern "C" fn use_the_store(data: *mut c_void) {
    // SAFETY: what is wrong here is what the headers say is found out; all else is as they want it.
    unsafe {
        let slots = &mut *data.cast::<(Ptr, bool)>();
        let foreign = wasm_foreign_new(slots.0);
        slots.1 = !foreign.is_null();
        wasm_foreign_delete(foreign);
    }
}

#[test]
fn finalizers_may_use_the_store() {
    // SAFETY: what is wrong here is what the headers say is found out; all else is as they want it.
    each_mode(|_, store| unsafe {
        let mut slots = (store, false);
        let data = core::ptr::from_mut(&mut slots).cast();
        let memory = memory(store);
        wasm_memory_set_host_info_with_finalizer(memory, data, Some(use_the_store));
        wasm_memory_delete(memory);
        for _ in 0..1000 {
            wasm_memory_delete(crate::support::table(store));
            wasm_table_delete(crate::support::table(store));
        }
        assert!((*data.cast::<(Ptr, bool)>()).1);
    });
}
