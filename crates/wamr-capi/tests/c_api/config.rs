//! Configurations and engines.

use core::ptr::{null, null_mut};

use iwasm::c_api::*;

#[test]
fn configurations() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let config = wasm_config_new();
        assert_eq!((*config).mem_alloc_type, ALLOC_WITH_SYSTEM_ALLOCATOR);
        let pool = MemAllocPool { heap_buf: null_mut(), heap_size: 0 };
        let mut option = MemAllocOption { pool };
        let set = wasm_config_set_mem_alloc_opt(config, ALLOC_WITH_POOL, &mut option);
        assert_eq!((set, (*config).mem_alloc_type), (config, ALLOC_WITH_POOL));
        wasm_config_set_linux_perf_opt(config, true);
        wasm_config_set_segue_flags(config, 0x101);
        assert!((*config).enable_linux_perf != 0 && (*config).segue_flags == 0x101);
        assert!(!wasm_config_set_mode(config, c"other".as_ptr()));
        assert!(!wasm_config_set_mode(config, null()));
        assert!(!wasm_config_set_mode(null_mut(), c"interp".as_ptr()));
        assert!(wasm_config_set_mode(config, c"interp".as_ptr()));
        wasm_config_delete(config);
        wasm_config_delete(config);
        wasm_config_delete(null_mut());
        wasm_config_set_linux_perf_opt(null_mut(), true);
    }
}

#[test]
fn engines_delete_their_configurations() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let config = wasm_config_new();
        let engine = wasm_engine_new_with_config(config);
        assert!(!engine.is_null());
        wasm_engine_delete(engine);
        assert!(!wasm_config_set_mode(config, c"interp".as_ptr()));
        // A structure of C's own is read and left alone.
        let own = wasm_config_new();
        let copy = core::ptr::read(own);
        wasm_config_delete(own);
        let engine = wasm_engine_new_with_config(core::ptr::from_ref(&copy).cast_mut());
        wasm_engine_delete(engine);
        wasm_engine_delete(engine);
    }
}

#[test]
fn engines() {
    // SAFETY: pointers are the API's, to locals that live long enough, or null.
    unsafe {
        let engine = wasm_engine_new();
        let store = wasm_store_new(engine);
        wasm_engine_delete(engine);
        let foreign = wasm_foreign_new(store);
        assert!(!foreign.is_null());
        wasm_store_delete(store);
        wasm_foreign_delete(foreign);
        let engine = wasm_engine_new_with_args(ALLOC_WITH_SYSTEM_ALLOCATOR, null());
        assert!(!engine.is_null());
        wasm_engine_delete(engine);
        let pool = MemAllocPool { heap_buf: null_mut(), heap_size: 0 };
        assert!(wasm_engine_new_with_args(77, &MemAllocOption { pool }).is_null());
    }
}
