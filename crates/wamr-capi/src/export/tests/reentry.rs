//! Code of the embedder that uses the API in the middle of something.

use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::support::*;
use crate::export::call::*;
use crate::export::entity::*;
use crate::export::env::*;
use crate::export::handle::{self, Name};
use crate::export::instance::{
    Inst, wasm_runtime_clear_exception, wasm_runtime_get_exception, wasm_runtime_terminate,
};
use crate::export::memory::*;
use crate::export::native::*;
use crate::export::runtime::*;

/// Registers a raw native in the module `env`.
fn register(name: &std::ffi::CStr, func: extern "C" fn(Name, *mut u64)) {
    let symbol = NativeSymbol {
        symbol: name.as_ptr(),
        func_ptr: func as *mut c_void,
        signature: NO_TEXT,
        attachment: null_mut(),
    };
    // The runtime keeps the array's address.
    let symbols = Box::leak(Box::new([symbol]));
    assert!(wasm_runtime_register_natives_raw(c"env".as_ptr(), symbols.as_mut_ptr(), 1));
}

static SEEN: AtomicUsize = AtomicUsize::new(0);

extern "C" fn look(_: u32, _: u64, _: u32, _: c_int, inst: Name, _: Name, _: *mut c_void) {
    let address = wasm_runtime_addr_app_to_native(inst, 4);
    assert!(!address.is_null());
    SEEN.fetch_add(1, Ordering::SeqCst);
}

extern "C" fn enlarge(env: Name, slots: *mut u64) {
    let before = SEEN.load(Ordering::SeqCst);
    let grown = wasm_runtime_enlarge_memory(wasm_runtime_get_module_inst(env), 100);
    assert_eq!(SEEN.load(Ordering::SeqCst), before + 1);
    // SAFETY: there is room for the result.
    unsafe { *slots = grown.into() };
}

#[test]
fn the_callback_of_failed_growth_may_use_the_instance() {
    let _alone = alone();
    assert!(wasm_runtime_init());
    {
        register(c"enlarge", enlarge);
        let (_module, inst) = instance(
            r#"(module (import "env" "enlarge" (func $enlarge (result i32)))
                (memory (export "memory") 1 2)
                (func (export "grow") (result i32) (memory.grow (i32.const 100)))
                (func (export "enlarge") (result i32) (call $enlarge)))"#,
        );
        wasm_runtime_set_enlarge_mem_error_callback(Some(look), null_mut());
        assert_eq!(inst.call("enlarge", &[]).unwrap()[0], 0);
        assert_eq!(inst.call("grow", &[]).unwrap()[0], u32::MAX);
        assert_eq!(SEEN.load(Ordering::SeqCst), 2);
        wasm_runtime_set_enlarge_mem_error_callback(None, null_mut());
    }
    wasm_runtime_destroy();
}

extern "C" fn borrow_twice(env: Name, slots: *mut u64) {
    let inst = handle::get::<Inst>(wasm_runtime_get_module_inst(env)).unwrap();
    let inner = inst.with(|_| Some(inst.with(|_| Some(())))).unwrap();
    let after = inst.with(|_| Some(()));
    // SAFETY: there is room for the result.
    unsafe { *slots = u64::from(inner.is_some()) << 1 | u64::from(after.is_some()) };
}

#[test]
fn a_native_lends_its_store_to_one_at_a_time() {
    let _runtime = start();
    register(c"borrow_twice", borrow_twice);
    let (_module, inst) = instance(
        r#"(module (import "env" "borrow_twice" (func $f (result i32)))
            (func (export "f") (result i32) (call $f)))"#,
    );
    assert_eq!(inst.call("f", &[]).unwrap()[0], 1);
}

extern "C" fn again(env: Name, _: *mut u64) {
    let inst = wasm_runtime_get_module_inst(env);
    let func = wasm_runtime_lookup_function(inst, c"work".as_ptr());
    // Fails in the end, as the loop then does.
    wasm_runtime_call_wasm(env, func, 0, null_mut());
    wasm_runtime_clear_exception(inst);
}

#[test]
fn calls_by_natives_use_up_the_limit_of_the_call_around_them() {
    let _alone = alone();
    assert!(wasm_runtime_init());
    assert!(wasm_runtime_set_instruction_metering(true));
    {
        register(c"again", again);
        let (_module, inst) = instance(
            r#"(module (import "env" "again" (func $again))
                (func (export "work") (local i32) (local.set 0 (i32.const 50))
                    (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
                (func (export "spin") (loop (call $again) (br 0))))"#,
        );
        wasm_runtime_set_instruction_count_limit(inst.env, 10_000);
        assert!(inst.call("spin", &[]).unwrap_err().contains("fuel"));
        wasm_runtime_set_instruction_count_limit(inst.env, 10_000);
        inst.call("work", &[]).unwrap();
    }
    wasm_runtime_destroy();
}

extern "C" fn stop(env: Name, _: *mut u64) {
    let other = wasm_runtime_get_user_data(env);
    wasm_runtime_terminate(other);
    assert!(!wasm_runtime_get_exception(other).is_null());
}

#[cfg(feature = "loading-linking")]
#[test]
fn what_else_runs_in_a_group_is_not_terminated() {
    let _alone = alone();
    assert!(wasm_runtime_init());
    {
        register(c"stop", stop);
        let base = load(r#"(module (func (export "f")))"#);
        let register = crate::export::loading::wasm_runtime_register_module;
        assert!(register(c"base".as_ptr(), base.name, null_mut(), 0));
        let (_module, inst) = instance(
            r#"(module (import "base" "f" (func $base)) (import "env" "stop" (func $stop))
                (func (export "run") (result i32) (local i32) (call $stop) (call $base)
                    (local.set 0 (i32.const 50))
                    (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
                    (i32.const 3)))"#,
        );
        let group = handle::get::<Inst>(inst.name).unwrap().group().unwrap();
        let others = group.with(|store| {
            let instances = store.data().instances.values();
            instances.map(|inst| inst.name).filter(|name| *name != inst.name).collect::<Vec<_>>()
        });
        let [other] = others.unwrap()[..] else { panic!("there is another instance") };
        wasm_runtime_set_user_data(inst.env, other);
        assert_eq!(inst.call("run", &[]).unwrap()[0], 3);
    }
    wasm_runtime_destroy();
}

#[cfg(feature = "loading-linking")]
#[test]
fn functions_that_do_not_fit_a_cell_fail_the_call() {
    let _alone = alone();
    assert!(wasm_runtime_init());
    {
        let base = load(
            r#"(module (func $f (export "f")) (elem declare func $f)
                (func (export "ref") (result funcref) (ref.func $f)))"#,
        );
        let register = crate::export::loading::wasm_runtime_register_module;
        assert!(register(c"base".as_ptr(), base.name, null_mut(), 0));
        let (_module, inst) = instance(
            r#"(module (import "base" "ref" (func $ref (result funcref)))
                (func (export "own") (result funcref) (ref.func 1))
                (func (export "other") (result funcref) (call $ref)))"#,
        );
        assert_eq!(inst.call("own", &[]).unwrap()[0], 1);
        assert!(inst.call("other", &[]).unwrap_err().contains("does not fit"));
    }
    wasm_runtime_destroy();
}
