//! What every kind of object has, for each kind.

use core::ffi::c_void;
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicUsize, Ordering};

use iwasm::c_api::*;

use crate::support::*;

unsafe extern "C" fn count(data: *mut c_void) {
    // SAFETY: the test gave the address of a counter, which outlives what has it.
    unsafe { &*data.cast::<AtomicUsize>() }.fetch_add(1, Ordering::Relaxed);
}

/// Copies, identity, what is attached, conversions to references and back.
macro_rules! reference {
    ($test:ident: |$store:ident| $make:expr; $delete:ident, $copy:ident, $same:ident, $get:ident,
        $set:ident, $set_with_finalizer:ident
        $(, $as_ref:ident, $as_ref_const:ident, $ref_as:ident, $ref_as_const:ident)?) => {
        #[test]
        fn $test() {
            // SAFETY: pointers are the API's, to locals that live long enough, or null.
            each_mode(|_, $store| unsafe {
                let finalized = AtomicUsize::new(0);
                let info = core::ptr::from_ref(&finalized).cast_mut().cast::<c_void>();
                let (a, b): (Ptr, Ptr) = ($make, $make);
                let copy = $copy(a);
                assert!(!copy.is_null() && $same(a, copy) && !$same(a, b) && !$same(a, null()));
                assert!($get(a).is_null());
                $set(a, info);
                assert_eq!(($get(copy), $get(b)), (info, null_mut()));
                $set_with_finalizer(copy, info, Some(count));
                assert_eq!((finalized.load(Ordering::Relaxed), $get(a)), (0, info));
                $set(a, null_mut());
                assert_eq!(finalized.load(Ordering::Relaxed), 1);
                $(
                    let reference = $as_ref(a);
                    assert_eq!((reference, $ref_as(reference)), (a, a));
                    assert_eq!($as_ref_const(a), $ref_as_const(a));
                    assert!($ref_as($store).is_null());
                )?
                $delete(copy);
                // What was deleted is known as such.
                $delete(copy);
                assert!($copy(copy).is_null() && $get(copy).is_null() && !$same(copy, a));
                $delete(a);
                $delete(b);
                $delete(null_mut());
            });
        }
    };
}

reference! {
    references: |store| wasm_func_as_ref(host_func(store));
    wasm_ref_delete,
    wasm_ref_copy,
    wasm_ref_same,
    wasm_ref_get_host_info,
    wasm_ref_set_host_info,
    wasm_ref_set_host_info_with_finalizer
}

reference! {
    traps: |store| trap(store, "no");
    wasm_trap_delete,
    wasm_trap_copy,
    wasm_trap_same,
    wasm_trap_get_host_info,
    wasm_trap_set_host_info,
    wasm_trap_set_host_info_with_finalizer,
    wasm_trap_as_ref,
    wasm_trap_as_ref_const,
    wasm_ref_as_trap,
    wasm_ref_as_trap_const
}

reference! {
    foreigns: |store| wasm_foreign_new(store);
    wasm_foreign_delete,
    wasm_foreign_copy,
    wasm_foreign_same,
    wasm_foreign_get_host_info,
    wasm_foreign_set_host_info,
    wasm_foreign_set_host_info_with_finalizer,
    wasm_foreign_as_ref,
    wasm_foreign_as_ref_const,
    wasm_ref_as_foreign,
    wasm_ref_as_foreign_const
}

reference! {
    funcs: |store| host_func(store);
    wasm_func_delete,
    wasm_func_copy,
    wasm_func_same,
    wasm_func_get_host_info,
    wasm_func_set_host_info,
    wasm_func_set_host_info_with_finalizer,
    wasm_func_as_ref,
    wasm_func_as_ref_const,
    wasm_ref_as_func,
    wasm_ref_as_func_const
}

reference! {
    globals: |store| global(store);
    wasm_global_delete,
    wasm_global_copy,
    wasm_global_same,
    wasm_global_get_host_info,
    wasm_global_set_host_info,
    wasm_global_set_host_info_with_finalizer,
    wasm_global_as_ref,
    wasm_global_as_ref_const,
    wasm_ref_as_global,
    wasm_ref_as_global_const
}

reference! {
    tables: |store| table(store);
    wasm_table_delete,
    wasm_table_copy,
    wasm_table_same,
    wasm_table_get_host_info,
    wasm_table_set_host_info,
    wasm_table_set_host_info_with_finalizer,
    wasm_table_as_ref,
    wasm_table_as_ref_const,
    wasm_ref_as_table,
    wasm_ref_as_table_const
}

reference! {
    memories: |store| memory(store);
    wasm_memory_delete,
    wasm_memory_copy,
    wasm_memory_same,
    wasm_memory_get_host_info,
    wasm_memory_set_host_info,
    wasm_memory_set_host_info_with_finalizer,
    wasm_memory_as_ref,
    wasm_memory_as_ref_const,
    wasm_ref_as_memory,
    wasm_ref_as_memory_const
}

reference! {
    tags: |store| tag(store);
    wasm_tag_delete,
    wasm_tag_copy,
    wasm_tag_same,
    wasm_tag_get_host_info,
    wasm_tag_set_host_info,
    wasm_tag_set_host_info_with_finalizer,
    wasm_tag_as_ref,
    wasm_tag_as_ref_const,
    wasm_ref_as_tag,
    wasm_ref_as_tag_const
}

reference! {
    externs: |store| wasm_memory_as_extern(memory(store));
    wasm_extern_delete,
    wasm_extern_copy,
    wasm_extern_same,
    wasm_extern_get_host_info,
    wasm_extern_set_host_info,
    wasm_extern_set_host_info_with_finalizer,
    wasm_extern_as_ref,
    wasm_extern_as_ref_const,
    wasm_ref_as_extern,
    wasm_ref_as_extern_const
}

reference! {
    instances: |store| instance(store, "(module)", &mut []);
    wasm_instance_delete,
    wasm_instance_copy,
    wasm_instance_same,
    wasm_instance_get_host_info,
    wasm_instance_set_host_info,
    wasm_instance_set_host_info_with_finalizer,
    wasm_instance_as_ref,
    wasm_instance_as_ref_const,
    wasm_ref_as_instance,
    wasm_ref_as_instance_const
}

reference! {
    modules: |store| module(store, "(module)");
    wasm_module_delete,
    wasm_module_copy,
    wasm_module_same,
    wasm_module_get_host_info,
    wasm_module_set_host_info,
    wasm_module_set_host_info_with_finalizer,
    wasm_module_as_ref,
    wasm_module_as_ref_const,
    wasm_ref_as_module,
    wasm_ref_as_module_const
}

/// External values: conversions.
macro_rules! external {
    ($test:ident: $make:ident, $kind:ident; $as_extern:ident, $as_extern_const:ident,
        $extern_as:ident, $extern_as_const:ident, $delete:ident) => {
        #[test]
        fn $test() {
            // SAFETY: pointers are the API's, to locals that live long enough, or null.
            each_mode(|_, store| unsafe {
                let it = $make(store);
                assert_eq!(($as_extern(it), $extern_as(it)), (it, it));
                assert_eq!($as_extern_const(it), $extern_as_const(it));
                assert_eq!(wasm_extern_kind(it), $kind);
                let kinds = [
                    wasm_extern_as_func(it),
                    wasm_extern_as_global(it),
                    wasm_extern_as_table(it),
                    wasm_extern_as_memory(it),
                    wasm_extern_as_tag(it),
                ];
                assert_eq!(kinds.iter().filter(|it| !it.is_null()).count(), 1);
                $delete(it);
                assert!($as_extern(it).is_null());
            });
        }
    };
}

external! {
    func_as_extern: host_func, WASM_EXTERN_FUNC; wasm_func_as_extern, wasm_func_as_extern_const,
    wasm_extern_as_func, wasm_extern_as_func_const, wasm_func_delete
}

external! {
    global_as_extern: global, WASM_EXTERN_GLOBAL; wasm_global_as_extern, wasm_global_as_extern_const,
    wasm_extern_as_global, wasm_extern_as_global_const, wasm_global_delete
}

external! {
    table_as_extern: table, WASM_EXTERN_TABLE; wasm_table_as_extern, wasm_table_as_extern_const,
    wasm_extern_as_table, wasm_extern_as_table_const, wasm_table_delete
}

external! {
    memory_as_extern: memory, WASM_EXTERN_MEMORY; wasm_memory_as_extern, wasm_memory_as_extern_const,
    wasm_extern_as_memory, wasm_extern_as_memory_const, wasm_memory_delete
}

external! {
    tag_as_extern: tag, WASM_EXTERN_TAG; wasm_tag_as_extern, wasm_tag_as_extern_const,
    wasm_extern_as_tag, wasm_extern_as_tag_const, wasm_tag_delete
}

/// Vectors of handles, and copies of what is in them.
macro_rules! vector {
    ($test:ident: |$store:ident| $make:expr; $empty:ident, $uninitialized:ident, $new:ident,
        $copy:ident, $delete:ident, $copy_element:ident, $delete_element:ident) => {
        #[test]
        fn $test() {
            // SAFETY: pointers are the API's, to locals that live long enough, or null.
            each_mode(|_, $store| unsafe {
                let (mut vec, mut copy) = (wasm_handle_vec_t::empty(), wasm_handle_vec_t::empty());
                $empty(&mut vec);
                assert!(vec.size == 0 && vec.data.is_null());
                $uninitialized(&mut vec, 3);
                assert_eq!(vec.as_slice(), [null_mut(); 3]);
                $delete(&mut vec);
                let element: Ptr = $make;
                let elements = [element, $copy_element(element)];
                assert!(!elements[1].is_null() && elements[0] != elements[1]);
                $new(&mut vec, 2, elements.as_ptr());
                assert_eq!((vec.as_slice(), vec.num_elems), (&elements[..], 2));
                $copy(&mut copy, &vec);
                assert!(copy.size == 2 && copy.as_slice().iter().all(|it| !elements.contains(it)));
                $delete(&mut vec);
                assert!(vec.size == 0 && vec.data.is_null());
                // Its elements went with it.
                assert!($copy_element(element).is_null());
                $delete_element(element);
                $delete(&mut copy);
                $delete(&mut copy);
                $copy(&mut copy, null());
                assert_eq!(copy.size, 0);
                $empty(null_mut());
                $delete(null_mut());
            });
        }
    };
}

const LIMITS: wasm_limits_t = wasm_limits_t { min: 1, max: 2 };

vector! {
    valtype_vectors: |_store| wasm_valtype_new_f32();
    wasm_valtype_vec_new_empty, wasm_valtype_vec_new_uninitialized, wasm_valtype_vec_new, wasm_valtype_vec_copy, wasm_valtype_vec_delete,
    wasm_valtype_copy, wasm_valtype_delete
}

vector! {
    functype_vectors: |_store| wasm_functype_new_0_0();
    wasm_functype_vec_new_empty, wasm_functype_vec_new_uninitialized, wasm_functype_vec_new, wasm_functype_vec_copy, wasm_functype_vec_delete,
    wasm_functype_copy, wasm_functype_delete
}

vector! {
    globaltype_vectors: |_store| wasm_globaltype_new(wasm_valtype_new_i32(), WASM_CONST);
    wasm_globaltype_vec_new_empty, wasm_globaltype_vec_new_uninitialized, wasm_globaltype_vec_new, wasm_globaltype_vec_copy, wasm_globaltype_vec_delete,
    wasm_globaltype_copy, wasm_globaltype_delete
}

vector! {
    tabletype_vectors: |_store| wasm_tabletype_new(wasm_valtype_new_funcref(), &LIMITS);
    wasm_tabletype_vec_new_empty, wasm_tabletype_vec_new_uninitialized, wasm_tabletype_vec_new, wasm_tabletype_vec_copy, wasm_tabletype_vec_delete,
    wasm_tabletype_copy, wasm_tabletype_delete
}

vector! {
    memorytype_vectors: |_store| wasm_memorytype_new(&LIMITS);
    wasm_memorytype_vec_new_empty, wasm_memorytype_vec_new_uninitialized, wasm_memorytype_vec_new, wasm_memorytype_vec_copy, wasm_memorytype_vec_delete,
    wasm_memorytype_copy, wasm_memorytype_delete
}

vector! {
    tagtype_vectors: |_store| wasm_tagtype_new(wasm_functype_new_0_0());
    wasm_tagtype_vec_new_empty, wasm_tagtype_vec_new_uninitialized, wasm_tagtype_vec_new, wasm_tagtype_vec_copy, wasm_tagtype_vec_delete,
    wasm_tagtype_copy, wasm_tagtype_delete
}

vector! {
    externtype_vectors: |_store| wasm_memorytype_as_externtype(wasm_memorytype_new(&LIMITS));
    wasm_externtype_vec_new_empty, wasm_externtype_vec_new_uninitialized, wasm_externtype_vec_new, wasm_externtype_vec_copy, wasm_externtype_vec_delete,
    wasm_externtype_copy, wasm_externtype_delete
}

vector! {
    importtype_vectors: |_store| wasm_importtype_new(&mut name("a"), &mut name("b"), wasm_functype_new_0_0());
    wasm_importtype_vec_new_empty, wasm_importtype_vec_new_uninitialized, wasm_importtype_vec_new, wasm_importtype_vec_copy, wasm_importtype_vec_delete,
    wasm_importtype_copy, wasm_importtype_delete
}

vector! {
    exporttype_vectors: |_store| wasm_exporttype_new(&mut name("a"), wasm_functype_new_0_0());
    wasm_exporttype_vec_new_empty, wasm_exporttype_vec_new_uninitialized, wasm_exporttype_vec_new, wasm_exporttype_vec_copy, wasm_exporttype_vec_delete,
    wasm_exporttype_copy, wasm_exporttype_delete
}

vector! {
    frame_vectors: |store| frame(store);
    wasm_frame_vec_new_empty, wasm_frame_vec_new_uninitialized, wasm_frame_vec_new, wasm_frame_vec_copy, wasm_frame_vec_delete,
    wasm_frame_copy, wasm_frame_delete
}

vector! {
    extern_vectors: |store| memory(store);
    wasm_extern_vec_new_empty, wasm_extern_vec_new_uninitialized, wasm_extern_vec_new, wasm_extern_vec_copy, wasm_extern_vec_delete,
    wasm_extern_copy, wasm_extern_delete
}

#[test]
fn byte_vectors() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let (mut vec, mut copy) = (wasm_byte_vec_t::empty(), wasm_byte_vec_t::empty());
        wasm_byte_vec_new_empty(&mut vec);
        wasm_byte_vec_new_uninitialized(&mut vec, 2);
        assert_eq!(vec.as_slice(), [0, 0]);
        wasm_byte_vec_delete(&mut vec);
        wasm_byte_vec_new(&mut vec, 3, b"abc".as_ptr());
        wasm_byte_vec_copy(&mut copy, &vec);
        wasm_byte_vec_delete(&mut vec);
        assert_eq!(copy.as_slice(), b"abc");
        wasm_byte_vec_delete(&mut copy);
        wasm_byte_vec_new_uninitialized(&mut vec, usize::MAX);
        assert_eq!(vec.size, 0);
        wasm_name_new_from_string(&mut vec, c"name".as_ptr());
        wasm_name_new_from_string_nt(&mut copy, c"name".as_ptr());
        assert_eq!((vec.as_slice(), copy.as_slice()), (&b"name"[..], &b"name\0"[..]));
        wasm_byte_vec_delete(&mut vec);
        wasm_byte_vec_delete(&mut copy);
        wasm_name_new_from_string(&mut vec, null());
        assert_eq!(vec.size, 0);
    }
}

#[test]
fn val_vectors() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|_, store| unsafe {
        let (mut vec, mut copy) = (wasm_val_vec_t::empty(), wasm_val_vec_t::empty());
        wasm_val_vec_new_empty(&mut vec);
        wasm_val_vec_new_uninitialized(&mut vec, 2);
        assert_eq!(vec.as_slice()[1].kind, WASM_I32);
        wasm_val_vec_delete(&mut vec);
        let func = host_func(store);
        let values = [wasm_val_t::i64(5), wasm_val_t::reference(WASM_FUNCREF, func)];
        wasm_val_vec_new(&mut vec, 2, values.as_ptr());
        wasm_val_vec_copy(&mut copy, &vec);
        assert!(wasm_ref_same(copy.as_slice()[1].handle(), func));
        assert_ne!(copy.as_slice()[1].handle(), func);
        wasm_val_vec_delete(&mut vec);
        assert!(wasm_func_copy(func).is_null());
        let mut value = wasm_val_t::i32(0);
        wasm_val_copy(&mut value, &copy.as_slice()[1]);
        wasm_val_vec_delete(&mut copy);
        assert!(!wasm_ref_as_func(value.handle()).is_null());
        wasm_val_delete(&mut value);
        wasm_val_delete(&mut value);
        assert!(value.handle().is_null());
        wasm_val_init_ptr(&mut value, store.cast());
        assert_eq!(wasm_val_ptr(&value), store.cast());
        assert!(wasm_val_ptr(null()).is_null());
    });
}
