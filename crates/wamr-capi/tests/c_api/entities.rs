//! Globals, tables, memories, tags.

use core::ptr::{null, null_mut};

use iwasm::c_api::*;

use crate::support::*;

#[test]
fn globals_are_read_and_written() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|_, store| unsafe {
        let global = global(store);
        let ty = wasm_global_type(global);
        assert_eq!(wasm_globaltype_mutability(ty), WASM_VAR);
        wasm_globaltype_delete(ty);
        let mut value = wasm_val_t::i64(0);
        wasm_global_get(global, &mut value);
        assert_eq!((value.kind, value.of.i32), (WASM_I32, 7));
        wasm_global_set(global, &wasm_val_t::i32(8));
        wasm_global_set(global, &wasm_val_t::i64(9));
        wasm_global_set(global, null());
        wasm_global_get(global, &mut value);
        assert_eq!(value.of.i32, 8);
        let text = r#"(module (import "" "" (global $g (mut i32)))
            (func (export "bump") (result i32)
                (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g)))"#;
        let mut exports = exports(store, text, &mut [global]);
        assert_eq!(call(exports.as_slice()[0], &[]), Ok(vec![9]));
        wasm_global_get(global, &mut value);
        assert_eq!(value.of.i32, 9);
        wasm_global_delete(global);
        wasm_extern_vec_delete(&mut exports);
    });
}

#[test]
fn tables_are_read_written_and_grown() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|_, store| unsafe {
        let (table, func) = (table(store), host_func(store));
        assert_eq!(wasm_table_size(table), 2);
        assert!(wasm_table_get(table, 0).is_null());
        assert!(wasm_table_set(table, 0, wasm_func_as_ref(func)));
        assert!(!wasm_table_set(table, 2, wasm_func_as_ref(func)));
        assert!(!wasm_table_set(table, 1, store));
        let found = wasm_table_get(table, 0);
        assert!(wasm_func_same(wasm_ref_as_func(found), func));
        wasm_ref_delete(found);
        assert!(wasm_table_grow(table, 2, wasm_func_as_ref(func)));
        assert!(!wasm_table_grow(table, 2, null_mut()));
        assert_eq!(wasm_table_size(table), 4);
        let ty = wasm_table_type(table);
        assert_eq!(*wasm_tabletype_limits(ty), wasm_limits_t { min: 4, max: 5 });
        wasm_tabletype_delete(ty);
        let text = r#"(module (import "" "" (table $t 4 5 funcref))
            (func (export "size") (result i32) (table.size $t))
            (func (export "call") (param i32) (call_indirect $t (local.get 0))))"#;
        let mut exports = exports(store, text, &mut [table]);
        let functions = exports.as_slice();
        assert!(wasm_table_grow(table, 1, null_mut()));
        assert_eq!(call(functions[0], &[]), Ok(vec![5]));
        assert_eq!(call(functions[1], &[3]), Ok(vec![]));
        assert_eq!(call(functions[1], &[4]).unwrap_err(), "Exception: uninitialized element");
        wasm_table_delete(table);
        wasm_func_delete(func);
        wasm_extern_vec_delete(&mut exports);
    });
}

#[test]
fn memories_are_read_written_and_grown() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|_, store| unsafe {
        let memory = memory(store);
        assert_eq!((wasm_memory_size(memory), wasm_memory_data_size(memory)), (1, 65536));
        let text = r#"(module (import "" "" (memory 1 3))
            (func (export "size") (result i32) (memory.size))
            (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))"#;
        let mut exports = exports(store, text, &mut [memory]);
        let functions = exports.as_slice();
        *wasm_memory_data(memory).add(10) = 99;
        assert_eq!(call(functions[1], &[10]), Ok(vec![99]));
        assert!(wasm_memory_grow(memory, 2) && !wasm_memory_grow(memory, 1));
        assert_eq!(call(functions[0], &[]), Ok(vec![3]));
        *wasm_memory_data(memory).add(3 * 65536 - 1) = 5;
        assert_eq!(call(functions[1], &[3 * 65536 - 1]), Ok(vec![5]));
        let ty = wasm_memory_type(memory);
        assert_eq!(*wasm_memorytype_limits(ty), wasm_limits_t { min: 3, max: 3 });
        wasm_memorytype_delete(ty);
        wasm_memory_delete(memory);
        wasm_extern_vec_delete(&mut exports);
    });
}

#[test]
fn shared_memories_keep_what_their_types_say() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|_, store| unsafe {
        let mut bytes = binary(r#"(module (import "" "" (memory 1 2 shared)))"#);
        let module = wasm_module_new(store, &bytes);
        wasm_byte_vec_delete(&mut bytes);
        if module.is_null() {
            // Not every mode has shared memories.
            return;
        }
        let mut imports = wasm_handle_vec_t::empty();
        wasm_module_imports(module, &mut imports);
        let ty = wasm_importtype_type(imports.as_slice()[0]);
        let memory = wasm_memory_new(store, wasm_externtype_as_memorytype_const(ty));
        wasm_importtype_vec_delete(&mut imports);
        let instance = wasm_instance_new(store, module, &over(&mut [memory]), null_mut());
        assert!(!instance.is_null() && !wasm_memory_data(memory).is_null());
        assert_eq!(wasm_memory_data_size(memory), 65536);
        wasm_instance_delete(instance);
        wasm_memory_delete(memory);
        wasm_module_delete(module);
    });
}

#[test]
fn tags_have_types() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|_, store| unsafe {
        let tag = tag(store);
        let ty = wasm_tag_type(tag);
        assert_eq!((*wasm_functype_params(wasm_tagtype_functype(ty))).size, 0);
        wasm_tagtype_delete(ty);
        let text = r#"(module (import "" "" (tag $t)) (func (export "f") (throw $t))
            (export "again" (tag $t)))"#;
        let mut exports = exports(store, text, &mut [tag]);
        assert!(wasm_tag_same(exports.as_slice()[1], tag));
        assert!(call(exports.as_slice()[0], &[]).unwrap_err().contains("exception"));
        // No tag has results.
        let ty = wasm_tagtype_new(wasm_functype_new_0_1(wasm_valtype_new_i32()));
        assert!(wasm_tag_new(store, ty).is_null());
        wasm_tagtype_delete(ty);
        wasm_tag_delete(tag);
        wasm_extern_vec_delete(&mut exports);
    });
}

#[test]
fn external_values_tell_their_types() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|_, store| unsafe {
        for value in [host_func(store), global(store), table(store), memory(store), tag(store)] {
            let ty = wasm_extern_type(value);
            assert_eq!(wasm_externtype_kind(ty), wasm_extern_kind(value));
            wasm_externtype_delete(ty);
            wasm_extern_delete(value);
            assert_eq!(wasm_extern_kind(value), INVALID_KIND);
        }
        let empty = wasm_extern_new_empty(store, WASM_EXTERN_GLOBAL);
        assert_eq!(wasm_extern_kind(empty), WASM_EXTERN_GLOBAL);
        assert!(wasm_extern_type(empty).is_null());
        wasm_extern_delete(empty);
        assert!(wasm_extern_new_empty(store, 9).is_null());
        assert!(wasm_extern_new_empty(null_mut(), WASM_EXTERN_FUNC).is_null());
    });
}
