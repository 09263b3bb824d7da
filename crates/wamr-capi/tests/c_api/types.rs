//! Types.

use core::ptr::{null, null_mut};

use iwasm::c_api::*;

use crate::support::*;

#[test]
fn value_types() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let made = [
            (wasm_valtype_new_i32(), WASM_I32),
            (wasm_valtype_new_i64(), WASM_I64),
            (wasm_valtype_new_f32(), WASM_F32),
            (wasm_valtype_new_f64(), WASM_F64),
            (wasm_valtype_new_v128(), WASM_V128),
            (wasm_valtype_new_anyref(), WASM_EXTERNREF),
            (wasm_valtype_new_externref(), WASM_EXTERNREF),
            (wasm_valtype_new_funcref(), WASM_FUNCREF),
            (wasm_valtype_new(WASM_F64), WASM_F64),
        ];
        for (ty, kind) in made {
            assert_eq!(wasm_valtype_kind(ty), kind);
            assert_eq!(wasm_valtype_is_num(ty), wasm_valkind_is_num(kind));
            assert_eq!(wasm_valtype_is_ref(ty), wasm_valkind_is_ref(kind));
            assert_ne!(wasm_valtype_is_ref(ty), wasm_valtype_is_num(ty));
            let copy = wasm_valtype_copy(ty);
            wasm_valtype_delete(ty);
            assert_eq!(wasm_valtype_kind(copy), kind);
            wasm_valtype_delete(copy);
        }
        assert!(wasm_valtype_new(5).is_null());
    }
}

#[test]
fn function_types() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let ty = || wasm_valtype_new_i32();
        let made = [
            wasm_functype_new_0_0(),
            wasm_functype_new_1_0(ty()),
            wasm_functype_new_2_0(ty(), ty()),
            wasm_functype_new_3_0(ty(), ty(), ty()),
            wasm_functype_new_0_1(ty()),
            wasm_functype_new_1_1(ty(), ty()),
            wasm_functype_new_2_1(ty(), ty(), ty()),
            wasm_functype_new_3_1(ty(), ty(), ty(), ty()),
            wasm_functype_new_0_2(ty(), ty()),
            wasm_functype_new_1_2(ty(), ty(), ty()),
            wasm_functype_new_2_2(ty(), ty(), ty(), ty()),
            wasm_functype_new_3_2(ty(), ty(), ty(), ty(), ty()),
        ];
        for (i, ty) in made.into_iter().enumerate() {
            assert_eq!((*wasm_functype_params(ty)).size, i % 4);
            assert_eq!((*wasm_functype_results(ty)).size, i / 4);
            let copy = wasm_functype_copy(ty);
            wasm_functype_delete(ty);
            assert_eq!((*wasm_functype_params(copy)).size, i % 4);
            wasm_functype_delete(copy);
        }
        // Vectors are taken over, whatever comes of them.
        let mut params = wasm_handle_vec_t::empty();
        wasm_valtype_vec_new(&mut params, 1, &wasm_functype_new_0_0());
        assert!(wasm_functype_new(&mut params, null_mut()).is_null());
        assert_eq!(params.size, 0);
    }
}

#[test]
fn types_of_entities() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let limits = wasm_limits_t { min: 3, max: 9 };
        let global = wasm_globaltype_new(wasm_valtype_new_f64(), WASM_VAR);
        assert_eq!(wasm_valtype_kind(wasm_globaltype_content(global)), WASM_F64);
        assert_eq!(wasm_globaltype_mutability(global), WASM_VAR);
        assert!(wasm_globaltype_new(wasm_valtype_new_f64(), 2).is_null());
        let table = wasm_tabletype_new(wasm_valtype_new_externref(), &limits);
        assert_eq!(wasm_valtype_kind(wasm_tabletype_element(table)), WASM_EXTERNREF);
        assert_eq!(*wasm_tabletype_limits(table), limits);
        assert!(wasm_tabletype_new(wasm_valtype_new_i32(), &limits).is_null());
        let memory = wasm_memorytype_new(&limits);
        assert_eq!(*wasm_memorytype_limits(memory), limits);
        let tag = wasm_tagtype_new(wasm_functype_new_1_0(wasm_valtype_new_i32()));
        assert_eq!((*wasm_functype_params(wasm_tagtype_functype(tag))).size, 1);
        for (ty, copy, delete) in [
            (
                global,
                wasm_globaltype_copy as unsafe extern "C" fn(*const Handle) -> Ptr,
                wasm_globaltype_delete as unsafe extern "C" fn(Ptr),
            ),
            (table, wasm_tabletype_copy, wasm_tabletype_delete),
            (memory, wasm_memorytype_copy, wasm_memorytype_delete),
            (tag, wasm_tagtype_copy, wasm_tagtype_delete),
        ] {
            let copied = copy(ty);
            assert!(!copied.is_null());
            assert_eq!(wasm_externtype_kind(copied), wasm_externtype_kind(ty));
            delete(ty);
            assert_eq!(wasm_externtype_kind(ty), INVALID_KIND);
            let again = wasm_externtype_copy(copied);
            wasm_externtype_delete(again);
            delete(copied);
        }
    }
}

#[test]
fn types_as_external_types() {
    type Cast = unsafe extern "C" fn(Ptr) -> Ptr;
    type ConstCast = unsafe extern "C" fn(*const Handle) -> *const Handle;
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let limits = wasm_limits_t { min: 0, max: WASM_LIMITS_MAX_DEFAULT };
        let rows: [(Ptr, u8, Cast, ConstCast, Cast, ConstCast); 5] = [
            (
                wasm_functype_new_0_0(),
                WASM_EXTERN_FUNC,
                wasm_functype_as_externtype,
                wasm_functype_as_externtype_const,
                wasm_externtype_as_functype,
                wasm_externtype_as_functype_const,
            ),
            (
                wasm_globaltype_new(wasm_valtype_new_i32(), WASM_CONST),
                WASM_EXTERN_GLOBAL,
                wasm_globaltype_as_externtype,
                wasm_globaltype_as_externtype_const,
                wasm_externtype_as_globaltype,
                wasm_externtype_as_globaltype_const,
            ),
            (
                wasm_tabletype_new(wasm_valtype_new_funcref(), &limits),
                WASM_EXTERN_TABLE,
                wasm_tabletype_as_externtype,
                wasm_tabletype_as_externtype_const,
                wasm_externtype_as_tabletype,
                wasm_externtype_as_tabletype_const,
            ),
            (
                wasm_memorytype_new(&limits),
                WASM_EXTERN_MEMORY,
                wasm_memorytype_as_externtype,
                wasm_memorytype_as_externtype_const,
                wasm_externtype_as_memorytype,
                wasm_externtype_as_memorytype_const,
            ),
            (
                wasm_tagtype_new(wasm_functype_new_0_0()),
                WASM_EXTERN_TAG,
                wasm_tagtype_as_externtype,
                wasm_tagtype_as_externtype_const,
                wasm_externtype_as_tagtype,
                wasm_externtype_as_tagtype_const,
            ),
        ];
        for (i, (ty, kind, to, to_const, from, from_const)) in rows.into_iter().enumerate() {
            assert_eq!(wasm_externtype_kind(ty), kind);
            assert_eq!((to(ty), from(ty)), (ty, ty));
            assert_eq!((to_const(ty), from_const(ty)), (ty.cast_const(), ty.cast_const()));
            for (other, row) in rows.iter().enumerate().filter(|(other, _)| *other != i) {
                let _ = other;
                assert!(row.4(ty).is_null() && row.5(ty).is_null());
            }
        }
        rows.iter().for_each(|row| wasm_externtype_delete(row.0));
    }
}

#[test]
fn imports_and_exports() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let func = wasm_functype_new_0_0();
        let ty = wasm_importtype_new(&mut name("env"), &mut name("f"), func);
        assert_eq!((*wasm_importtype_module(ty)).as_slice(), b"env");
        assert_eq!((*wasm_importtype_name(ty)).as_slice(), b"f");
        assert_eq!(wasm_externtype_kind(wasm_importtype_type(ty)), WASM_EXTERN_FUNC);
        assert!(!wasm_importtype_is_linked(ty));
        let copy = wasm_importtype_copy(ty);
        wasm_importtype_delete(ty);
        assert_eq!((*wasm_importtype_name(copy)).as_slice(), b"f");
        wasm_importtype_delete(copy);
        assert!(wasm_importtype_module(copy).is_null());

        let memory = wasm_memorytype_new(&wasm_limits_t { min: 1, max: 1 });
        let ty = wasm_exporttype_new(&mut name("m"), memory);
        assert_eq!((*wasm_exporttype_name(ty)).as_slice(), b"m");
        assert_eq!(wasm_externtype_kind(wasm_exporttype_type(ty)), WASM_EXTERN_MEMORY);
        let copy = wasm_exporttype_copy(ty);
        wasm_exporttype_delete(ty);
        wasm_exporttype_delete(copy);
        assert!(wasm_exporttype_new(&mut name("m"), null_mut()).is_null());
        assert!(wasm_exporttype_name(null()).is_null());
    }
}
