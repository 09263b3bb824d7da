//! Stopping a computation that takes too long, from another thread; the store goes on.

use std::error::Error;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use wamr::{Engine, Instance, Module, Store, TrapCode};

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
            (global $rounds (export "rounds") (mut i64) (i64.const 0))
            (func (export "spin")
                (loop $again
                    (global.set $rounds (i64.add (global.get $rounds) (i64.const 1)))
                    (br $again)))
            (func (export "answer") (result i32) (i32.const 42)))"#,
    )?;
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    let spin = instance.get_typed_func::<(), ()>(&mut store, "spin")?;

    // A watchdog: it interrupts unless it hears in time that the call has ended.
    let handle = store.interrupt_handle();
    let (ended, wait) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        if wait.recv_timeout(Duration::from_millis(50)) == Err(mpsc::RecvTimeoutError::Timeout) {
            handle.interrupt();
        }
    });
    let start = Instant::now();
    let error = spin.call(&mut store, ()).unwrap_err();
    drop(ended);
    watchdog.join().expect("the watchdog does not panic");
    assert_eq!(error.trap_code(), Some(TrapCode::Interrupted));

    // What the guest did before stays, and its instance is as good as ever.
    let rounds = instance.get_global(&mut store, "rounds").expect("exported");
    let rounds = rounds.get(&mut store)?.i64().expect("an i64");
    println!("stopped after {rounds} rounds and {:?}", start.elapsed());
    assert!(rounds > 0);
    let answer = instance.get_typed_func::<(), i32>(&mut store, "answer")?;
    assert_eq!(answer.call(&mut store, ())?, 42);
    Ok(())
}
