//! Memories, addresses, and room for data.

use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering};

use super::support::*;
use crate::export::entity::*;
use crate::export::externref::*;
use crate::export::handle::Name;
use crate::export::instantiate;
use crate::export::memory::*;
use crate::export::unsupported::*;

const MEMORY: &str = r#"(module
    (memory (export "memory") 1 3)
    (memory (export "second") 2 2)
    (data (i32.const 4) "text\00")
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#;

#[test]
fn memories_tell_about_themselves_and_grow() {
    let _runtime = start();
    let (_module, inst) = instance(MEMORY);
    let memory = wasm_runtime_get_default_memory(inst.name);
    assert_eq!(memory, wasm_runtime_lookup_memory(inst.name, c"memory".as_ptr()));
    let second = wasm_runtime_get_memory(inst.name, 1);
    assert_eq!(wasm_memory_get_cur_page_count(second), 2);
    assert!(wasm_runtime_get_memory(inst.name, 2).is_null());
    assert_eq!(wasm_memory_get_max_page_count(memory), 3);
    assert_eq!(wasm_memory_get_bytes_per_page(memory), 65536);
    assert!(!wasm_memory_get_shared(memory));
    assert!(!wasm_memory_get_base_address(memory).is_null());
    assert!(wasm_memory_enlarge(memory, 1));
    assert!(wasm_runtime_enlarge_memory(inst.name, 1));
    assert!(!wasm_runtime_enlarge_memory(inst.name, 1));
    assert_eq!(inst.call("grow", &[0]).unwrap()[0], 3);
}

static FAILURES: AtomicU32 = AtomicU32::new(0);

extern "C" fn failed(
    pages: u32,
    _: u64,
    _: u32,
    reason: c_int,
    _: Name,
    _: Name,
    data: *mut c_void,
) {
    assert_eq!((reason, data.addr()), (1, 6));
    FAILURES.fetch_add(pages, Ordering::SeqCst);
}

#[test]
fn failed_growth_is_told_whoever_asked() {
    let _alone = alone();
    assert!(crate::export::runtime::wasm_runtime_init());
    {
        let (_module, inst) = instance(MEMORY);
        wasm_runtime_set_enlarge_mem_error_callback(Some(failed), pointer(6));
        assert_eq!(inst.call("grow", &[7]).unwrap()[0], u32::MAX);
        assert_eq!(FAILURES.load(Ordering::SeqCst), 7);
        assert!(!wasm_runtime_enlarge_memory(inst.name, 9));
        assert_eq!(FAILURES.load(Ordering::SeqCst), 16);
        wasm_runtime_set_enlarge_mem_error_callback(None, null_mut());
    }
    crate::export::runtime::wasm_runtime_destroy();
}

#[test]
fn addresses_are_converted_and_checked() {
    let _runtime = start();
    let (_module, inst) = instance(MEMORY);
    let native = wasm_runtime_addr_app_to_native(inst.name, 4);
    assert_eq!(text_at(native.cast_const().cast()).unwrap(), "text");
    assert_eq!(wasm_runtime_addr_native_to_app(inst.name, native), 4);
    assert!(wasm_runtime_addr_app_to_native(inst.name, 65536).is_null());
    assert_eq!(wasm_runtime_addr_native_to_app(inst.name, pointer(8)), 0);
    assert!(wasm_runtime_validate_app_addr(inst.name, 65530, 6));
    assert!(!wasm_runtime_validate_app_addr(inst.name, 65530, 7));
    assert_eq!(inst.exception().unwrap(), "Exception: out of bounds memory access");
    assert!(!wasm_runtime_validate_app_addr(inst.name, u64::MAX, 2));
    assert!(wasm_runtime_validate_app_str_addr(inst.name, 4));
    assert!(!wasm_runtime_validate_app_str_addr(inst.name, 1 << 20));
    assert!(wasm_runtime_validate_native_addr(inst.name, native, 65532));
    assert!(!wasm_runtime_validate_native_addr(inst.name, native, 65533));
    let (mut start, mut end) = (1, 1);
    assert!(wasm_runtime_get_app_addr_range(inst.name, 9, &mut start, &mut end));
    assert_eq!((start, end), (0, 65536));
    assert!(!wasm_runtime_get_app_addr_range(inst.name, 65536, &mut start, &mut end));
    let (mut first, mut last) = (null_mut(), null_mut());
    let native = native.cast::<u8>();
    assert!(wasm_runtime_get_native_addr_range(inst.name, native, &mut first, &mut last));
    assert_eq!((native.addr() - first.addr(), last.addr() - first.addr()), (4, 65536));
    assert!(!wasm_runtime_get_native_addr_range(inst.name, last, &mut first, null_mut()));
}

#[test]
fn room_comes_from_the_module_or_the_host() {
    let _runtime = start();
    let own = r#"(module
        (memory 1)
        (global $next (mut i32) (i32.const 1000))
        (global $freed (mut i32) (i32.const 0))
        (func (export "malloc") (param i32) (result i32) (global.get $next)
            (global.set $next (i32.add (global.get $next) (local.get 0))))
        (func (export "free") (param i32) (global.set $freed (local.get 0)))
        (func (export "freed") (result i32) (global.get $freed)))"#;
    let (_module, inst) = instance(own);
    let mut native = null_mut();
    let at = wasm_runtime_module_malloc(inst.name, 16, &mut native);
    assert_eq!(at, 1000);
    assert_eq!(native, wasm_runtime_addr_app_to_native(inst.name, 1000));
    wasm_runtime_module_free(inst.name, at);
    assert_eq!(inst.call("freed", &[]).unwrap()[0], 1000);

    for managed in [
        r#"(module (memory 1))"#,
        r#"(module (memory 1 1) (global (export "__heap_base") i32 (i32.const 4096)))"#,
    ] {
        let (_module, inst) = instance(managed);
        let at = wasm_runtime_module_dup_data(inst.name, c"hello".as_ptr(), 6);
        assert!(at >= 4096, "{at}");
        let native = wasm_runtime_addr_app_to_native(inst.name, at);
        assert_eq!(text_at(native.cast_const().cast()).unwrap(), "hello");
        wasm_runtime_module_free(inst.name, at);
        assert_eq!(wasm_runtime_module_malloc(inst.name, 6, null_mut()), at);
        assert_eq!(wasm_runtime_module_malloc(inst.name, 1 << 30, &mut native.clone()), 0);
        assert_eq!(wasm_runtime_module_malloc(inst.name, 1 << 40, null_mut()), 0);
        wasm_runtime_module_free(inst.name, 12345);
        assert!(inst.exception().unwrap().contains("not a block of the heap"));
    }
}

#[test]
fn a_heap_smaller_than_a_page_has_room() {
    let _runtime = start();
    let module = load("(module (memory 1))");
    let mut message = Message::new();
    let inst = instantiate::wasm_runtime_instantiate(module.name, 8192, 8192, message.at(), 256);
    let inst = Instance::of(inst);
    assert!(wasm_runtime_module_malloc(inst.name, 8000, null_mut()) >= 65536);
    assert_eq!(wasm_runtime_module_malloc(inst.name, 65536, null_mut()), 0);
    let none = instantiate::wasm_runtime_instantiate(module.name, 8192, 0, message.at(), 256);
    let none = Instance::of(none);
    assert_eq!(wasm_runtime_module_malloc(none.name, 1, null_mut()), 0);
}

static CLEANED: AtomicU32 = AtomicU32::new(0);

extern "C" fn clean(object: *mut c_void) {
    CLEANED.fetch_add(object.addr() as u32, Ordering::SeqCst);
}

#[test]
fn numbers_stand_for_pointers_of_the_host() {
    let _runtime = start();
    let (_module, inst) = instance("(module)");
    let (mut number, mut again, mut kept) = (0, 0, 0);
    assert!(wasm_externref_obj2ref(inst.name, pointer(0x100), &mut number));
    assert!(wasm_externref_obj2ref(inst.name, pointer(0x100), &mut again));
    assert_eq!(number, again);
    let mut object = null_mut();
    assert!(wasm_externref_ref2obj(number, &mut object));
    assert_eq!(object.addr(), 0x100);
    assert!(wasm_externref_set_cleanup(inst.name, object, Some(clean)));
    assert!(!wasm_externref_set_cleanup(inst.name, pointer(0x200), Some(clean)));
    assert!(wasm_externref_objdel(inst.name, object));
    assert!(!wasm_externref_objdel(inst.name, object));
    assert_eq!(CLEANED.load(Ordering::SeqCst), 0x100);
    assert!(!wasm_externref_ref2obj(number, &mut object));
    assert!(wasm_externref_obj2ref(inst.name, null_mut(), &mut number));
    assert_eq!(number, u32::MAX);
    assert!(wasm_externref_obj2ref(inst.name, pointer(0x300), &mut number));
    assert!(wasm_externref_obj2ref(inst.name, pointer(0x400), &mut kept));
    assert!(wasm_externref_retain(kept) && !wasm_externref_retain(0));
    assert!(!wasm_externref_obj2ref(NULL, pointer(0x300), &mut number));
    drop(inst);
    assert!(!wasm_externref_ref2obj(number, &mut object));
    assert!(wasm_externref_ref2obj(kept, &mut object));
}

#[test]
fn what_has_no_meaning_here_says_so() {
    let _runtime = start();
    let (_module, inst) = instance("(module (memory 1))");
    assert_eq!(wasm_runtime_start_debug_instance(inst.env), 0);
    assert_eq!(wasm_runtime_start_debug_instance_with_port(inst.env, 1), 0);
    assert_eq!(wasm_runtime_get_pgo_prof_data_size(inst.name), 0);
    assert_eq!(wasm_runtime_dump_pgo_prof_data_to_buf(inst.name, null_mut(), 0), 0);
}
