//! Asking a store where it is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use wamr::{Caller, Engine, Extern, Func, InterruptHandle, Store};

use crate::support::{call, each_mode, instantiate};

/// Asks for a sample, then comes to a loop, to a call, or to nothing.
const ASKING: &str = r#"(module $asks
    (import "host" "ask" (func $ask))
    (import "host" "nothing" (func $nothing))
    (func $loops (local i32)
        (call $ask)
        (call $nothing)
        (local.set 0 (i32.const 3))
        (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
    (func $leaf (param i32) (if (local.get 0) (then (call $leaf (i32.const 0)))))
    (table (export "table") funcref (elem $leaf))
    ;; Through a table that others reach too, since nothing looks at limits where a small function is
    ;; inlined.
    (func $calls (call $ask) (call_indirect (param i32) (i32.const 0) (i32.const 0)))
    (func (export "loop") (call $loops))
    (func (export "call") (call $calls))
    (func (export "nothing") (call $ask) (call $nothing))
    (func (export "recurse") (call $ask) (call $again))
    (func $again (call $again)))"#;

type Seen = Arc<Mutex<Vec<Vec<String>>>>;

fn asking(engine: &Engine) -> (Store<Option<InterruptHandle>>, wamr::Instance, Seen) {
    let mut store = Store::new(engine, None);
    *store.data_mut() = Some(store.interrupt_handle());
    let ask = Func::wrap(&mut store, |caller: Caller<'_, Option<InterruptHandle>>| {
        caller.data().as_ref().unwrap().sample();
    });
    let nothing = Func::wrap(&mut store, || {});
    let seen = Seen::default();
    let sampler = seen.clone();
    store.sampler(move |backtrace| {
        let name = |frame: &wamr::Frame| frame.func_name().unwrap_or_else(|| "?".into());
        sampler.lock().unwrap().push(backtrace.frames().iter().map(name).collect());
    });
    let imports: [Extern; 2] = [ask.into(), nothing.into()];
    let instance = instantiate(engine, &mut store, ASKING, &imports);
    (store, instance, seen)
}

#[test]
fn a_store_says_where_it_is_and_goes_on() {
    each_mode(|engine| {
        let (mut store, instance, seen) = asking(engine);
        let mut run = |name: &str| {
            call::<(), ()>(&mut store, &instance, name, ()).unwrap();
            std::mem::take(&mut *seen.lock().unwrap())
        };
        // A question that cannot be answered where the limits are looked at stays open.
        assert_eq!(run("loop"), [["loops", "?"]]);
        let frames = run("call");
        assert_eq!(frames.len(), 1, "{frames:?}");
        assert!(frames[0].ends_with(&["calls".into(), "?".into()]), "{frames:?}");
        assert!(run("nothing").is_empty(), "there was no place to answer");
        // It is answered later, and once.
        assert!(run("loop").len() <= 2);
        assert_eq!(run("loop").len(), 1);
    });
}

#[test]
fn a_question_is_no_interruption_and_no_more_stack() {
    each_mode(|engine| {
        let (mut store, instance, seen) = asking(engine);
        let error = call::<(), ()>(&mut store, &instance, "recurse", ()).unwrap_err();
        assert_eq!(error.trap_code(), Some(wamr::TrapCode::StackOverflow));
        assert_eq!(seen.lock().unwrap().len(), 1);
        call::<(), ()>(&mut store, &instance, "loop", ()).unwrap();
    });
}

#[test]
fn many_threads_ask_at_once() {
    each_mode(|engine| {
        let (mut store, instance, seen) = asking(engine);
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let handle = store.interrupt_handle();
                std::thread::spawn(move || (0..2_000).for_each(|_| handle.sample()))
            })
            .collect();
        while threads.iter().any(|thread| !thread.is_finished()) {
            call::<(), ()>(&mut store, &instance, "loop", ()).unwrap();
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let whole = ["loops".to_owned(), "?".to_owned()];
        assert!(seen.lock().unwrap().iter().all(|frames| whole.ends_with(frames)));
    });
}

#[test]
fn a_panic_of_who_is_told_waits_for_the_host_that_called() {
    each_mode(|engine| {
        let (mut store, instance, _) = asking(engine);
        store.sampler(|_| panic!("told"));
        let run = || call::<(), ()>(&mut store, &instance, "loop", ());
        let payload = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"told"));
        store.sampler(|_| {});
        call::<(), ()>(&mut store, &instance, "loop", ()).unwrap();
    });
}
