//! Stopping a computation from another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wamr::{Caller, Engine, Extern, Func, Instance, Store, TrapCode};

use crate::support::{call, each_mode, instantiate, trap};

const LOOPS: &str = r#"(module
    (memory 1) (data (i32.const 8) "\01")
    (func (export "step") (local $i i32)
        (loop $l (br_if $l (i32.ne
            (local.tee $i (i32.add (local.get $i) (i32.const 2))) (i32.const 1)))))
    (func (export "step by a local") (local $i i32) (local $by i32)
        (local.set $by (i32.const 2))
        (loop $l (br_if $l (i32.ne
            (local.tee $i (i32.add (local.get $i) (local.get $by))) (i32.const 1)))))
    (func (export "two steps") (local $i i32) (local $j i32)
        (loop $l
            (local.set $j (i32.add (local.get $j) (i32.const 1)))
            (br_if $l (i32.ne
                (local.tee $i (i32.add (local.get $i) (i32.const 2))) (i32.const 1)))))
    (func (export "step and a condition") (local $i i32) (local $always i32)
        (local.set $always (i32.const 1))
        (loop $l
            (local.set $i (i32.add (local.get $i) (i32.const 2)))
            (br_if $l (local.get $always))))
    (func (export "load") (local $at i32)
        (local.set $at (i32.const 8))
        (loop $l (br_if $l (i32.load (local.get $at)))))
    (func (export "loop") (loop $l (br $l)))
    (func (export "branch") (loop $l (br_if $l (i32.const 1))))
    (func (export "table") (loop $l (br_table $l $l (i32.const 0))))
    (func $f) (func (export "calls") (loop $l (call $f) (br $l)))
    (func $recurse (export "recurse") (call $once) (call $recurse)) (func $once)
    (func (export "fine") (result i32) (i32.const 3)))"#;

#[test]
fn every_kind_of_loop_stops() {
    each_mode(|engine| {
        let steps = ["step", "step by a local", "two steps", "step and a condition"];
        for name in ["loop", "branch", "table", "calls", "load"].into_iter().chain(steps) {
            let mut store = Store::new(engine, ());
            let instance = instantiate(engine, &mut store, LOOPS, &[]);
            let handle = store.interrupt_handle();
            let thread = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(10));
                handle.interrupt();
            });
            let ended = trap(call::<(), ()>(&mut store, &instance, name, ()));
            assert_eq!(ended, TrapCode::Interrupted, "{name}");
            thread.join().unwrap();
            assert_eq!(call::<(), i32>(&mut store, &instance, "fine", ()).unwrap(), 3);
        }
    });
}

#[test]
fn a_stale_interruption_hits_one_call_at_most() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let instance = instantiate(engine, &mut store, LOOPS, &[]);
        for times in 1..4 {
            for _ in 0..times {
                store.interrupt_handle().interrupt();
            }
            let first = call::<(), i32>(&mut store, &instance, "fine", ());
            assert_eq!(trap(first), TrapCode::Interrupted);
            for _ in 0..3 {
                assert_eq!(call::<(), i32>(&mut store, &instance, "fine", ()).unwrap(), 3);
            }
            let overflow = call::<(), ()>(&mut store, &instance, "recurse", ());
            assert_eq!(trap(overflow), TrapCode::StackOverflow);
        }
    });
}

#[test]
fn interruptions_from_many_threads_are_never_anything_else() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let instance = instantiate(engine, &mut store, LOOPS, &[]);
        let (handle, done) = (store.interrupt_handle(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        handle.interrupt();
                        std::hint::spin_loop();
                    }
                });
            }
            for _ in 0..30_000 {
                match call::<(), i32>(&mut store, &instance, "fine", ()) {
                    Ok(got) => assert_eq!(got, 3),
                    Err(error) => {
                        let code = error.trap_code();
                        if code != Some(TrapCode::Interrupted) {
                            done.store(true, Ordering::Relaxed);
                            panic!("{error:?}");
                        }
                    }
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        // At most one is left over, and the limits are what they were.
        let _ = call::<(), i32>(&mut store, &instance, "fine", ());
        assert_eq!(call::<(), i32>(&mut store, &instance, "fine", ()).unwrap(), 3);
        let overflow = call::<(), ()>(&mut store, &instance, "recurse", ());
        assert_eq!(trap(overflow), TrapCode::StackOverflow);
    });
}

#[test]
fn a_handle_may_outlive_its_store() {
    each_mode(|engine| {
        let handle = Store::new(engine, ()).interrupt_handle();
        std::thread::spawn(move || handle.interrupt()).join().unwrap();
    });
}

fn mutual(engine: &Engine, store: &mut Store<()>) -> Instance {
    let back = Func::wrap(&mut *store, |mut caller: Caller<'_, ()>| {
        let run = caller.get_export("recurse").and_then(Extern::into_func).unwrap();
        run.call(&mut caller, &[], &mut [])
    });
    let quiet = Func::wrap(&mut *store, |mut caller: Caller<'_, ()>| {
        let run = caller.get_export("loop").and_then(Extern::into_func).unwrap();
        let error = run.call(&mut caller, &[], &mut []).unwrap_err();
        assert_eq!(error.trap_code(), Some(TrapCode::Interrupted));
    });
    instantiate(
        engine,
        store,
        r#"(module (import "" "back" (func $back)) (import "" "quiet" (func $quiet))
            (func (export "loop") (loop $l (br $l)))
            (func (export "recurse") (call $back))
            (func (export "run") (call $quiet) (call $back)))"#,
        &[back.into(), quiet.into()],
    )
}

#[test]
fn the_stack_is_guarded_after_an_interruption_that_the_host_swallowed() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let instance = mutual(engine, &mut store);
        let handle = store.interrupt_handle();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            handle.interrupt();
        });
        let ended = trap(call::<(), ()>(&mut store, &instance, "run", ()));
        assert_eq!(ended, TrapCode::StackOverflow);
        thread.join().unwrap();
    });
}
