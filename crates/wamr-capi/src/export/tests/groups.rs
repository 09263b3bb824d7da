//! Groups: instances that wait for each other, limits of each, interruptions, and ends.

use std::ffi::c_void;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::ptr::{null, null_mut};
use std::sync::{Barrier, Mutex};

use wamr::{Engine, Func, Store, TrapCode};

use super::support::*;
use crate::export::call::wasm_runtime_call_wasm;
use crate::export::context::wasm_runtime_get_custom_data;
use crate::export::entity::*;
use crate::export::env::*;
use crate::export::handle::Name;
use crate::export::imports::ExternInst;
use crate::export::instance::*;
use crate::export::instantiate::*;
use crate::export::memory::*;
use crate::export::native::*;

/// An instance whose arguments a closure sets.
fn with_args(module: &Loaded, set: impl FnOnce(Name)) -> Instance {
    let mut args = null_mut();
    assert!(wasm_runtime_instantiation_args_create(&mut args));
    set(args);
    let mut message = Message::new();
    let inst = wasm_runtime_instantiate_ex2(module.name, args, message.at(), 256);
    wasm_runtime_instantiation_args_destroy(args);
    assert!(!inst.is_null(), "{}", message.text());
    Instance::of(inst)
}

/// An entry that stands for an import by its position.
fn by_position(kind: i32, value: Name) -> ExternInst {
    ExternInst { module_name: null(), field_name: null(), kind, value, dep_inst: null_mut() }
}

/// What the native calls: an environment and a function of another group.
struct Other {
    env: Name,
    func: Name,
}

static BOTH_RUN: Barrier = Barrier::new(2);
static WHY: Mutex<Vec<String>> = Mutex::new(Vec::new());

extern "C" fn cross(env: Name, slots: *mut u64) {
    let other = wasm_runtime_get_custom_data(wasm_runtime_get_module_inst(env));
    // SAFETY: the test leaks what it made the data of both instances.
    let other = unsafe { &*other.cast::<Other>() };
    BOTH_RUN.wait();
    let ok = wasm_runtime_call_wasm(other.env, other.func, 0, null_mut());
    if !ok {
        // The call that was refused fails the call that it is part of.
        let why = text_at(wasm_runtime_get_exception(wasm_runtime_get_module_inst(env)));
        WHY.lock().unwrap().extend(why);
    }
    // SAFETY: there is room for the result.
    unsafe { *slots = ok.into() };
}

#[test]
fn who_would_wait_for_ever_is_refused() {
    let _runtime = start();
    let symbol = NativeSymbol {
        symbol: c"cross".as_ptr(),
        func_ptr: cross as *mut c_void,
        signature: NO_TEXT,
        attachment: null_mut(),
    };
    let symbols = Box::leak(Box::new([symbol]));
    assert!(wasm_runtime_register_natives_raw(c"groups".as_ptr(), symbols.as_mut_ptr(), 1));
    let module = load(
        r#"(module (import "groups" "cross" (func $cross (result i32)))
            (func (export "run") (result i32) (call $cross))
            (func (export "leaf")))"#,
    );
    let instances = [instantiate(&module), instantiate(&module)];
    for (own, other) in [(0, 1), (1, 0)] {
        let other = &instances[other];
        let data = Box::new(Other { env: other.env, func: other.func("leaf") });
        let data = Box::into_raw(data).cast();
        crate::export::context::wasm_runtime_set_custom_data(instances[own].name, data);
    }
    let names = instances.each_ref().map(|inst| (inst.env.addr(), inst.func("run").addr()));
    let outcomes: Vec<(bool, u32)> = std::thread::scope(|scope| {
        let run = |(env, func): (usize, usize)| {
            scope.spawn(move || {
                let [env, func]: [Name; 2] = [env, func].map(std::ptr::without_provenance_mut);
                let mut cells = [9];
                let ok = wasm_runtime_call_wasm(env, func, 0, cells.as_mut_ptr());
                (ok, cells[0])
            })
        };
        let threads = names.map(run);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    // One was refused, so that the other went on.
    let refused = outcomes.iter().position(|(ok, _)| !ok).unwrap();
    assert_eq!(outcomes[1 - refused], (true, 1));
    let why = WHY.lock().unwrap();
    assert!(
        why[0].contains("waits for one that this thread is using") && why.len() == 1,
        "{why:?}"
    );
    assert_eq!(instances[1 - refused].exception(), None);
    for inst in &instances {
        assert!(inst.call("leaf", &[]).is_ok());
    }
}

#[test]
fn limits_hold_for_the_instance_that_has_them() {
    let _runtime = start();
    let source = r#"(module (memory (export "m") 1)
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#;
    let module = load(source);
    let limited = with_args(&module, |args| {
        wasm_runtime_instantiation_args_set_max_memory_pages(args, 2);
    });
    let importer = load(
        r#"(module (import "a" "m" (memory 1)) (memory $own 1)
            (func (export "grow") (param i32) (result i32) (memory.grow $own (local.get 0)))
            (func (export "grow_shared") (param i32) (result i32) (memory.grow (local.get 0))))"#,
    );
    let m = wasm_runtime_lookup_memory(limited.name, c"m".as_ptr());
    let list = [by_position(2, m)];
    let free = with_args(&importer, |args| {
        wasm_runtime_instantiation_args_set_imports(args, list.as_ptr(), 1);
    });
    // Both are in one group.
    assert_eq!(free.call("grow", &[5]).unwrap()[0], 1);
    assert_eq!(limited.call("grow", &[1]).unwrap()[0], 1);
    assert_eq!(limited.call("grow", &[1]).unwrap()[0], u32::MAX);
    assert_eq!(free.call("grow_shared", &[1]).unwrap()[0], u32::MAX);
    assert_eq!(wasm_memory_get_max_page_count(m), 2);
    // What a memory begins with is never too much.
    let small = with_args(&load("(module (memory (export \"m\") 3))"), |args| {
        wasm_runtime_instantiation_args_set_max_memory_pages(args, 1);
    });
    assert!(!wasm_runtime_enlarge_memory(small.name, 1));
}

#[test]
fn what_a_guest_had_open_closes_when_its_instance_ends() {
    let _runtime = start();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let module = load(
        r#"(module (import "wasi_snapshot_preview1" "fd_write"
                (func (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1))"#,
    );
    let guest = with_args(&module, |args| {
        let stdout = i64::from(writer.as_raw_fd());
        wasm_runtime_instantiation_args_set_wasi_stdio(args, -1, stdout, -1);
    });
    drop(writer);
    let importer = load(r#"(module (import "a" "memory" (memory 1)) (func (export "f")))"#);
    let memory = wasm_runtime_lookup_memory(guest.name, c"memory".as_ptr());
    let list = [by_position(2, memory)];
    let other = with_args(&importer, |args| {
        wasm_runtime_instantiation_args_set_imports(args, list.as_ptr(), 1);
    });
    drop(guest);
    // SAFETY: changes a setting of a handle that is open.
    unsafe { libc::fcntl(reader.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    // The end, and not "nothing yet": nobody has the other side.
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    assert!(other.call("f", &[]).is_ok());
}

#[test]
fn interruptions_hit_the_call_that_they_are_meant_for() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let interrupt = store.interrupt_handle();
    let bytes = wat::parse_str(r#"(module (func (export "f") (loop)))"#).unwrap();
    let module = wamr::Module::new(&engine, bytes).unwrap();
    let made = wamr::Linker::new(&engine).instantiate(&mut store, &module).unwrap();
    let f: Func = made.get_func(&mut store, "f").unwrap();
    assert!(!interrupt.take_back());
    interrupt.interrupt();
    assert!(interrupt.take_back() && !interrupt.is_interrupted());
    f.call(&mut store, &[], &mut []).unwrap();
    interrupt.interrupt();
    let error = f.call(&mut store, &[], &mut []).unwrap_err();
    assert_eq!(error.trap_code(), Some(TrapCode::Interrupted));

    // The same in a group, whose instances are terminated at any moment of a call.
    let _runtime = start();
    let (_module, one) = instance(r#"(module (memory (export "m") 1) (func (export "f") (loop)))"#);
    let importer = load(r#"(module (import "a" "m" (memory 1)) (func (export "f") (loop)))"#);
    let memory = wasm_runtime_lookup_memory(one.name, c"m".as_ptr());
    let list = [by_position(2, memory)];
    let two = with_args(&importer, |args| {
        wasm_runtime_instantiation_args_set_imports(args, list.as_ptr(), 1);
    });
    let victim = one.name.addr();
    for _ in 0..100 {
        std::thread::scope(|scope| {
            scope.spawn(move || wasm_runtime_terminate(std::ptr::without_provenance_mut(victim)));
            let _ = one.call("f", &[]);
            assert!(two.call("f", &[]).is_ok(), "{:?}", two.exception());
        });
        wasm_runtime_clear_exception(one.name);
        assert!(one.call("f", &[]).is_ok());
    }
}
