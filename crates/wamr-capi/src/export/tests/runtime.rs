//! Starting the runtime, allocators, modes, limits and reports.

use std::ffi::{c_uint, c_void};
use std::ptr::null_mut;

use super::support::*;
use crate::export::alloc::*;
use crate::export::context::*;
use crate::export::env::*;
use crate::export::handle::Name;
use crate::export::instance::*;
use crate::export::native::*;
use crate::export::report::*;
use crate::export::runtime::*;

fn init_args() -> RuntimeInitArgs {
    // SAFETY: zeros are what C programs begin with.
    unsafe { std::mem::zeroed() }
}

#[test]
fn pools_hand_out_and_take_back() {
    let _alone = alone();
    let mut pool = vec![0u64; 1024];
    let mut args = init_args();
    args.mem_alloc_option.pool = PoolOption { heap_buf: pool.as_mut_ptr().cast(), heap_size: 8192 };
    assert!(wasm_runtime_full_init(&mut args));
    let mut info = [0u32; 3];
    assert!(wasm_runtime_get_mem_alloc_info(info.as_mut_ptr().cast()));
    let all = info[1];
    assert!(all > 8000 && info[2] == 0);
    let a = wasm_runtime_malloc(100);
    let b = wasm_runtime_aligned_alloc(256, 256);
    assert!(!a.is_null() && b.addr().is_multiple_of(256) && !b.is_null());
    assert!(wasm_runtime_aligned_alloc(100, 64).is_null());
    assert!(wasm_runtime_realloc(b, 300).is_null());
    let a = wasm_runtime_realloc(a, 1000);
    assert!(!a.is_null());
    assert!(wasm_runtime_malloc(8192).is_null());
    wasm_runtime_free(a);
    wasm_runtime_free(b);
    wasm_runtime_free(b);
    wasm_runtime_free(null_mut());
    assert!(wasm_runtime_get_mem_alloc_info(info.as_mut_ptr().cast()));
    assert_eq!(info[1], all);
    assert!(info[2] >= 1256);
    wasm_runtime_destroy();
}

extern "C" fn alloc(size: c_uint) -> *mut c_void {
    let mut block = vec![0u64; size as usize / 8 + 1];
    block.insert(0, size.into());
    let len = block.len();
    let at: *mut u64 = Box::into_raw(block.into_boxed_slice()).cast();
    // SAFETY: the block is longer than that.
    unsafe {
        *at = len as u64;
        at.add(1).cast()
    }
}

extern "C" fn realloc(_: *mut c_void, _: c_uint) -> *mut c_void {
    null_mut()
}

extern "C" fn dealloc(at: *mut c_void) {
    // SAFETY: `alloc` made it.
    unsafe {
        let at = at.cast::<u64>().sub(1);
        drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(at, *at as usize)));
    }
}

#[test]
fn callbacks_are_used_and_bad_arguments_refused() {
    let _alone = alone();
    let mut args = init_args();
    args.mem_alloc_type = 1;
    assert!(!wasm_runtime_full_init(&mut args));
    args.mem_alloc_option.allocator = AllocatorOption {
        malloc_func: Some(alloc),
        realloc_func: Some(realloc),
        free_func: Some(dealloc),
        user_data: null_mut(),
    };
    args.running_mode = 9;
    assert!(!wasm_runtime_full_init(&mut args));
    args.running_mode = MODE_INTERP;
    args.max_thread_num = 2;
    assert!(wasm_runtime_full_init(&mut args));
    let block = wasm_runtime_malloc(10);
    assert!(!block.is_null());
    assert!(wasm_runtime_realloc(block, 20).is_null());
    wasm_runtime_free(block);
    assert!(!wasm_runtime_get_mem_alloc_info(null_mut()));
    assert!(wasm_runtime_aligned_alloc(64, 64).is_null());
    wasm_runtime_destroy();
    assert!(!wasm_runtime_full_init(null_mut()));
    assert!(wasm_runtime_init());
    assert!(wasm_runtime_init());
    wasm_runtime_destroy();
    assert!(wasm_runtime_set_default_running_mode(MODE_INTERP));
    wasm_runtime_destroy();
    wasm_runtime_destroy();
    assert!(!wasm_runtime_set_default_running_mode(MODE_INTERP));
}

#[test]
fn instances_run_in_the_mode_that_is_set() {
    let _runtime = start();
    wasm_runtime_set_log_level(4);
    let (mut major, mut minor, mut patch) = (0, 0, 0);
    wasm_runtime_get_version(&mut major, &mut minor, &mut patch);
    assert_eq!((major, minor, patch), (2, 4, 3));
    wasm_runtime_get_version(null_mut(), null_mut(), null_mut());
    assert!(wasm_runtime_is_running_mode_supported(1) && wasm_runtime_is_running_mode_supported(3));
    assert!(wasm_runtime_is_running_mode_supported(0) && wasm_runtime_set_default_running_mode(0));
    assert!(!wasm_runtime_is_running_mode_supported(5));
    assert!(!wasm_runtime_set_default_running_mode(77));
    let (module, inst) = instance(
        r#"(module (memory 1) (global $g (mut i32) (i32.const 4))
            (func (export "f") (result i32) (global.get $g)))"#,
    );
    assert_eq!(wasm_runtime_get_running_mode(inst.name), 1);
    assert!(wasm_runtime_set_running_mode(inst.name, 3));
    assert_eq!(wasm_runtime_get_running_mode(inst.name), 3);
    assert_eq!(inst.call("f", &[]).unwrap()[0], 4);
    // It is too late for another one, but not for another name of the same.
    assert!(!wasm_runtime_set_running_mode(inst.name, 1));
    assert!(wasm_runtime_set_running_mode(inst.name, 2));
    assert!(!wasm_runtime_set_running_mode(inst.name, 55));
    let _ = module;
    wasm_runtime_set_bounds_checks(inst.name, false);
    assert!(wasm_runtime_is_bounds_checks_enabled(inst.name));
}

#[test]
fn instruction_limits_end_loops_where_instructions_are_counted() {
    let _alone = alone();
    assert!(wasm_runtime_init());
    assert!(wasm_runtime_set_instruction_metering(true));
    {
        let (_module, inst) = instance(
            r#"(module (func (export "spin") (loop (br 0)))
                (func (export "short") (result i32) (i32.const 1)))"#,
        );
        wasm_runtime_set_instruction_count_limit(inst.env, 1000);
        assert_eq!(inst.call("short", &[]).unwrap()[0], 1);
        assert!(inst.call("spin", &[]).unwrap_err().contains("all fuel consumed"));
        wasm_runtime_set_instruction_count_limit(inst.env, -1);
        assert_eq!(inst.call("short", &[]).unwrap()[0], 1);
        assert!(!wasm_runtime_set_instruction_metering(false));
    }
    wasm_runtime_destroy();
    assert!(wasm_runtime_init());
    {
        let (_module, inst) = instance(r#"(module (func (export "f")))"#);
        wasm_runtime_set_instruction_count_limit(inst.env, 1);
        assert!(inst.call("f", &[]).unwrap_err().contains("not counted"));
    }
    wasm_runtime_destroy();
}

static mut DESTROYED: usize = 0;

extern "C" fn destroy(_: Name, context: *mut c_void) {
    // SAFETY: one test alone uses it.
    unsafe { DESTROYED += context.addr() };
}

#[test]
fn instances_carry_contexts_and_data() {
    let _runtime = start();
    let (_module, inst) = instance("(module)");
    let key = wasm_runtime_create_context_key(Some(destroy));
    let plain = wasm_runtime_create_context_key(None);
    assert!(wasm_runtime_get_context(inst.name, key).is_null());
    wasm_runtime_set_context(inst.name, key, pointer(3));
    wasm_runtime_set_context_spread(inst.name, plain, pointer(4));
    assert_eq!(wasm_runtime_get_context(inst.name, key).addr(), 3);
    assert_eq!(wasm_runtime_get_context(inst.name, plain).addr(), 4);
    wasm_runtime_destroy_context_key(plain);
    wasm_runtime_set_custom_data(inst.name, pointer(8));
    assert_eq!(wasm_runtime_get_custom_data(inst.name).addr(), 8);
    drop(inst);
    // SAFETY: as above.
    assert_eq!(unsafe { DESTROYED }, 3);
    wasm_runtime_destroy_context_key(key);
}

#[test]
fn reports_tell_of_frames_and_times() {
    let _runtime = start();
    let (_module, inst) = instance(
        r#"(module (memory 1) (func $inner unreachable) (func $outer (export "f") (call $inner)))"#,
    );
    assert_eq!(wasm_runtime_get_call_stack_buf_size(inst.env), 1);
    inst.call("f", &[]).unwrap_err();
    let size = wasm_runtime_get_call_stack_buf_size(inst.env);
    let mut text = vec![0; size as usize];
    assert_eq!(wasm_runtime_dump_call_stack_to_buf(inst.env, text.as_mut_ptr(), size), size);
    let text = text_at(text.as_ptr()).unwrap();
    assert!(text.contains("#00") && text.contains("inner") && text.contains("outer"), "{text}");
    assert_eq!(wasm_runtime_dump_call_stack_to_buf(inst.env, null_mut(), 0), 0);
    wasm_runtime_dump_call_stack(inst.env);
    let mut frames = [0u64; 6 * 4];
    let copied = |frames: &mut [u64], len, skip| {
        wasm_copy_callstack(inst.env, frames.as_mut_ptr().cast(), len, skip, null_mut(), 0)
    };
    assert_eq!(copied(&mut frames, 4, 0), 2);
    assert_eq!(copied(&mut frames, 1, 1), 1);
    assert_eq!(copied(&mut frames, 4, 2), 0);
    wasm_runtime_dump_mem_consumption(inst.env);
    wasm_runtime_dump_perf_profiling(inst.name);
    assert!(wasm_runtime_sum_wasm_exec_time(inst.name) > 0.0);
    assert!(wasm_runtime_get_wasm_func_exec_time(inst.name, c"f".as_ptr()) > 0.0);
    assert_eq!(wasm_runtime_get_wasm_func_exec_time(inst.name, c"g".as_ptr()), 0.0);
    assert!(wasm_runtime_detect_native_stack_overflow(inst.env));
    assert!(!wasm_runtime_detect_native_stack_overflow_size(inst.env, u32::MAX));
    assert_eq!(inst.exception().unwrap(), "Exception: native stack overflow");
    let mut apis = null_mut();
    assert_eq!(get_base_lib_export_apis(&mut apis), 0);
}
