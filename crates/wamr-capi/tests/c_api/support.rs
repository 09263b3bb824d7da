//! Engines of each mode, modules from text, vectors.

use core::ptr::{null, null_mut};
use std::ffi::CString;

use iwasm::c_api::*;

/// A pointer to an object, as C has it.
pub(crate) type Ptr = *mut Handle;

/// Has `body` use a store in every mode, and deletes it.
pub(crate) fn each_mode(body: impl Fn(Ptr, Ptr)) {
    for mode in ["interp", "jit", "aot"] {
        let mode = CString::new(mode).unwrap();
        // SAFETY: pointers are the API's, to locals that live long enough, or null.
        unsafe {
            let config = wasm_config_new();
            assert!(wasm_config_set_mode(config, mode.as_ptr()));
            let engine = wasm_engine_new_with_config(config);
            let store = wasm_store_new(engine);
            assert!(!engine.is_null() && !store.is_null());
            body(engine, store);
            wasm_store_delete(store);
            wasm_engine_delete(engine);
        }
    }
}

/// The binary format of a module in text.
pub(crate) fn binary(text: &str) -> wasm_byte_vec_t {
    let bytes = wat::parse_str(text).unwrap();
    let mut vec = wasm_byte_vec_t::empty();
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe { wasm_byte_vec_new(&mut vec, bytes.len(), bytes.as_ptr()) };
    vec
}

/// A module.
pub(crate) fn module(store: Ptr, text: &str) -> Ptr {
    let mut bytes = binary(text);
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let module = wasm_module_new(store, &bytes);
        wasm_byte_vec_delete(&mut bytes);
        assert!(!module.is_null());
        module
    }
}

/// A vector over pointers.
pub(crate) fn over<T>(elements: &mut [T]) -> wasm_vec_t<T> {
    wasm_vec_t { size: elements.len(), data: elements.as_mut_ptr(), ..wasm_vec_t::empty() }
}

/// An instance, with these imports.
pub(crate) fn instance(store: Ptr, text: &str, imports: &mut [Ptr]) -> Ptr {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let module = module(store, text);
        let mut trap = null_mut();
        let instance = wasm_instance_new(store, module, &over(imports), &mut trap);
        assert!(!instance.is_null(), "{}", message(trap));
        assert!(trap.is_null());
        wasm_module_delete(module);
        instance
    }
}

/// The exports of an instance, which is deleted.
pub(crate) fn exports(store: Ptr, text: &str, imports: &mut [Ptr]) -> wasm_handle_vec_t {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let instance = instance(store, text, imports);
        let mut exports = wasm_handle_vec_t::empty();
        wasm_instance_exports(instance, &mut exports);
        wasm_instance_delete(instance);
        exports
    }
}

/// What a trap says; it is deleted.
pub(crate) fn message(trap: Ptr) -> String {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let mut message = wasm_byte_vec_t::empty();
        wasm_trap_message(trap, &mut message);
        let text = String::from_utf8(message.as_slice().to_vec()).unwrap();
        wasm_byte_vec_delete(&mut message);
        wasm_trap_delete(trap);
        text.trim_end_matches('\0').to_owned()
    }
}

/// Calls a function of numbers.
pub(crate) fn call(func: *const Handle, args: &[i32]) -> Result<Vec<i32>, String> {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let mut args: Vec<wasm_val_t> = args.iter().map(|&arg| wasm_val_t::i32(arg)).collect();
        let mut results = vec![wasm_val_t::i32(0); wasm_func_result_arity(func)];
        let trap = wasm_func_call(func, &over(&mut args), &mut over(&mut results));
        if !trap.is_null() {
            return Err(message(trap));
        }
        Ok(results.iter().map(|result| result.of.i32).collect())
    }
}

/// A callback that does nothing.
pub(crate) unsafe extern "C" fn nothing(_: *const wasm_val_vec_t, _: *mut wasm_val_vec_t) -> Ptr {
    null_mut()
}

/// A function of the host without parameters and results.
pub(crate) fn host_func(store: Ptr) -> Ptr {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let ty = wasm_functype_new_0_0();
        let func = wasm_func_new(store, ty, Some(nothing));
        wasm_functype_delete(ty);
        assert!(!func.is_null());
        func
    }
}

/// A mutable global, 7.
pub(crate) fn global(store: Ptr) -> Ptr {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let ty = wasm_globaltype_new(wasm_valtype_new_i32(), WASM_VAR);
        let global = wasm_global_new(store, ty, &wasm_val_t::i32(7));
        wasm_globaltype_delete(ty);
        global
    }
}

/// A memory of 1 to 3 pages.
pub(crate) fn memory(store: Ptr) -> Ptr {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let ty = wasm_memorytype_new(&wasm_limits_t { min: 1, max: 3 });
        let memory = wasm_memory_new(store, ty);
        wasm_memorytype_delete(ty);
        memory
    }
}

/// A table of 2 to 5 functions.
pub(crate) fn table(store: Ptr) -> Ptr {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let limits = wasm_limits_t { min: 2, max: 5 };
        let ty = wasm_tabletype_new(wasm_valtype_new_funcref(), &limits);
        let table = wasm_table_new(store, ty, null_mut());
        wasm_tabletype_delete(ty);
        table
    }
}

/// A tag without payload.
pub(crate) fn tag(store: Ptr) -> Ptr {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let ty = wasm_tagtype_new(wasm_functype_new_0_0());
        let tag = wasm_tag_new(store, ty);
        wasm_tagtype_delete(ty);
        tag
    }
}

/// A trap that says something.
pub(crate) fn trap(store: Ptr, text: &str) -> Ptr {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let mut message = wasm_byte_vec_t::empty();
        wasm_name_new_from_string_nt(&mut message, CString::new(text).unwrap().as_ptr());
        let trap = wasm_trap_new(store, &message);
        wasm_byte_vec_delete(&mut message);
        trap
    }
}

/// A frame.
pub(crate) fn frame(store: Ptr) -> Ptr {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let module = module(store, "(module (func $start unreachable) (start $start))");
        let mut trap = null_mut();
        assert!(wasm_instance_new(store, module, null(), &mut trap).is_null());
        wasm_module_delete(module);
        let frame = wasm_trap_origin(trap);
        wasm_trap_delete(trap);
        assert!(!frame.is_null());
        frame
    }
}

/// A name.
pub(crate) fn name(text: &str) -> wasm_name_t {
    let mut name = wasm_name_t::empty();
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe { wasm_name_new_from_string(&mut name, CString::new(text).unwrap().as_ptr()) };
    name
}
