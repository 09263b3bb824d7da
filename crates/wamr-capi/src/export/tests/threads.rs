//! Threads that share memory.

use std::ffi::c_void;
use std::ptr::null_mut;

use super::support::*;
use crate::export::call::*;
use crate::export::entity::*;
use crate::export::env::*;
use crate::export::handle::Name;
use crate::export::runtime::*;
use crate::export::thread::*;

const SHARED: &str = r#"(module
    (memory (export "memory") 1 1 shared)
    (func (export "add") (param i32) (result i32)
        (i32.atomic.rmw.add (i32.const 0) (local.get 0))))"#;

extern "C" fn add(env: Name, arg: *mut c_void) -> *mut c_void {
    let inst = wasm_runtime_get_module_inst(env);
    let func = wasm_runtime_lookup_function(inst, c"add".as_ptr());
    for _ in 0..100 {
        let mut cells = [arg.addr() as u32];
        if !wasm_runtime_call_wasm(env, func, 1, cells.as_mut_ptr()) {
            return null_mut();
        }
    }
    arg
}

#[test]
fn threads_have_instances_of_their_own_with_one_memory() {
    let _runtime = start();
    wasm_runtime_set_max_thread_num(8);
    let (_module, inst) = instance(SHARED);
    let mut ids = [0usize; 3];
    for (i, id) in ids.iter_mut().enumerate() {
        assert_eq!(wasm_runtime_spawn_thread(inst.env, id, Some(add), pointer(i + 1)), 0);
    }
    for (i, id) in ids.into_iter().enumerate() {
        let mut result = null_mut();
        assert_eq!(wasm_runtime_join_thread(id, &mut result), 0);
        assert_eq!(result.addr(), i + 1);
        assert_ne!(wasm_runtime_join_thread(id, null_mut()), 0);
    }
    assert_eq!(inst.call("add", &[0]).unwrap()[0], 600);
    let spawned = wasm_runtime_spawn_exec_env(inst.env);
    assert!(!spawned.is_null());
    assert_ne!(wasm_runtime_get_module_inst(spawned), inst.name);
    wasm_runtime_destroy_exec_env(spawned);
    wasm_runtime_destroy_spawned_exec_env(inst.env);
    wasm_runtime_destroy_spawned_exec_env(spawned);
    wasm_runtime_destroy_spawned_exec_env(spawned);
    assert_eq!(inst.call("add", &[0]).unwrap()[0], 600);
    assert_eq!(wasm_runtime_spawn_thread(inst.env, null_mut(), Some(add), null_mut()), -1);
    let mut id = 0;
    assert_eq!(wasm_runtime_spawn_thread(inst.env, &mut id, None, null_mut()), -1);
    assert!(wasm_runtime_init_thread_env() && wasm_runtime_thread_env_inited());
    wasm_runtime_destroy_thread_env();
    assert!(!wasm_runtime_thread_env_inited());
}

#[test]
fn guests_start_threads() {
    let _runtime = start();
    wasm_runtime_set_max_thread_num(8);
    let (_module, inst) = instance(
        r#"(module
            (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
            (memory (export "memory") 1 1 shared)
            (func (export "wasi_thread_start") (param i32 i32)
                (i32.atomic.store (i32.const 8) (local.get 1))
                (drop (memory.atomic.notify (i32.const 8) (i32.const 1))))
            (func (export "run") (result i32)
                (if (i32.lt_s (call $spawn (i32.const 44)) (i32.const 0)) (then unreachable))
                (drop (memory.atomic.wait32 (i32.const 8) (i32.const 0) (i64.const -1)))
                (i32.atomic.load (i32.const 8))))"#,
    );
    assert_eq!(inst.call("run", &[]).unwrap()[0], 44);
}

#[test]
fn unrelated_instances_run_at_once() {
    let _runtime = start();
    let module = load(r#"(module (func (export "f") (param i32) (result i32) (local.get 0)))"#);
    std::thread::scope(|scope| {
        for i in 0..4 {
            let module = module.name.addr();
            scope.spawn(move || {
                let module: Name = std::ptr::without_provenance_mut(module);
                let mut message = Message::new();
                let name = crate::export::instantiate::wasm_runtime_instantiate(
                    module,
                    0,
                    0,
                    message.at(),
                    256,
                );
                let inst = Instance::of(name);
                for j in 0..200 {
                    assert_eq!(inst.call("f", &[i * j]).unwrap()[0], i * j);
                }
            });
        }
    });
}

#[test]
fn threads_of_guests_end_with_the_program() {
    let _runtime = start();
    wasm_runtime_set_max_thread_num(8);
    let (module, inst) = instance(
        r#"(module
            (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
            (memory (export "memory") 1 1 shared)
            (func (export "wasi_thread_start") (param i32 i32)
                (if (local.get 1) (then (drop (call $spawn (i32.const 0)))))
                (loop (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))) (br 0)))
            (func (export "run") (result i32) (call $spawn (i32.const 1)))
            (func (export "at") (result i32)
                (drop (call $spawn (i32.const 0))) (i32.atomic.load (i32.const 0))))"#,
    );
    assert!(inst.call("run", &[]).unwrap()[0] as i32 > 0);
    inst.call("at", &[]).unwrap();
    let family = crate::export::handle::get::<crate::export::instance::Inst>(inst.name);
    let family = family.unwrap().family.clone();
    drop(inst);
    // The guests' instances are gone when their threads have ended.
    assert!(family.members().is_empty());
    drop(module);
}
