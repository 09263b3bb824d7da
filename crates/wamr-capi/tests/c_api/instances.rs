//! Instances.

use core::ffi::c_void;
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicUsize, Ordering};

use iwasm::c_api::*;

use crate::support::*;

#[test]
fn instances_are_made_in_three_ways() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|_, store| unsafe {
        let text = r#"(module (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
            (func (export "f")) (memory (export "m") 1))"#;
        let module = module(store, text);
        let empty = wasm_extern_new_empty(store, WASM_EXTERN_FUNC);
        let mut entries = [empty];
        let imports = over(&mut entries);
        let mut trap = null_mut();
        let args = InstantiationArgs {
            default_stack_size: 0,
            host_managed_heap_size: 0,
            max_memory_pages: 0,
        };
        let made = [
            wasm_instance_new(store, module, &imports, &mut trap),
            wasm_instance_new_with_args(store, module, &imports, &mut trap, 65536, 65536),
            wasm_instance_new_with_args_ex(store, module, null(), &mut trap, &args),
        ];
        for instance in made {
            assert!(!instance.is_null() && trap.is_null());
            let (mut exports, mut again) = (wasm_handle_vec_t::empty(), wasm_handle_vec_t::empty());
            wasm_instance_exports(instance, &mut exports);
            wasm_instance_exports(instance, &mut again);
            let pairs = exports.as_slice().iter().zip(again.as_slice());
            assert_eq!(exports.size, 2);
            pairs.for_each(|(&a, &b)| assert!(a != b && wasm_extern_same(a, b)));
            assert_eq!(wasm_instance_sum_wasm_exec_time(instance), 0.0);
            assert_eq!(wasm_instance_get_wasm_func_exec_time(instance, c"f".as_ptr()), 0.0);
            assert_eq!(wasm_instance_get_wasm_func_exec_time(instance, null()), 0.0);
            wasm_extern_vec_delete(&mut exports);
            wasm_extern_vec_delete(&mut again);
            wasm_instance_delete(instance);
        }
        wasm_extern_delete(empty);
        wasm_module_delete(module);
    });
}

#[test]
fn imports_that_nobody_has_or_that_do_not_fit() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|_, store| unsafe {
        let text = r#"(module (import "a" "one" (func)) (import "b" "two" (memory 2)))"#;
        let module = module(store, text);
        let (func, memory) = (host_func(store), memory(store));
        let fail = |entries: &mut [Ptr]| {
            let mut trap = null_mut();
            assert!(wasm_instance_new(store, module, &over(entries), &mut trap).is_null());
            message(trap)
        };
        let nobody = fail(&mut []);
        assert!(nobody.contains("one") && nobody.contains("two"), "{nobody}");
        assert!(fail(&mut [memory, func]).contains("incompatible"));
        assert!(fail(&mut [func, memory]).contains("memory"));
        assert!(fail(&mut [store, memory]).contains("no external value"));
        assert!(wasm_memory_grow(memory, 1));
        let instance = wasm_instance_new(store, module, &over(&mut [func, memory]), null_mut());
        assert!(!instance.is_null());
        wasm_instance_delete(instance);
        wasm_func_delete(func);
        wasm_memory_delete(memory);
        wasm_module_delete(module);
    });
}

unsafe extern "C" fn count(data: *mut c_void) {
    // SAFETY: the test gave the address of a counter, which outlives what has it.
    unsafe { &*data.cast::<AtomicUsize>() }.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn what_is_attached_to_exports_stays_with_them() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    each_mode(|engine, _| unsafe {
        let finalized = AtomicUsize::new(0);
        let data = core::ptr::from_ref(&finalized).cast_mut().cast::<c_void>();
        let store = wasm_store_new(engine);
        let instance = instance(store, r#"(module (func (export "f")))"#, &mut []);
        let mut exports = wasm_handle_vec_t::empty();
        wasm_instance_exports(instance, &mut exports);
        wasm_func_set_host_info_with_finalizer(exports.as_slice()[0], data, Some(count));
        wasm_extern_vec_delete(&mut exports);
        wasm_instance_exports(instance, &mut exports);
        assert_eq!(wasm_extern_get_host_info(exports.as_slice()[0]), data);
        wasm_instance_delete(instance);
        // The store lives on with what is in it.
        wasm_store_delete(store);
        assert_eq!(call(exports.as_slice()[0], &[]), Ok(vec![]));
        assert_eq!(finalized.load(Ordering::Relaxed), 0);
        wasm_extern_vec_delete(&mut exports);
        assert_eq!(finalized.load(Ordering::Relaxed), 1);
    });
}
