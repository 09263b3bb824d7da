//! Waiting, notifying, and being interrupted.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wamr::{TrapCode, WaitResult};

use super::{World, each_world};

/// Long enough that a test which waits for it fails.
const LONG: Duration = Duration::from_secs(600);

/// Notifies until so many have been woken, since those that shall wait may not yet do so.
fn notify_all(world: &World, at: u64, count: u32) {
    let mut woken = 0;
    while woken < count {
        woken += world.memory.atomic_notify(at, count - woken).unwrap();
        thread::yield_now();
    }
    assert_eq!(woken, count);
}

#[test]
fn waits_end_as_they_should() {
    each_world(|world| {
        let mut user = world.user();
        user.call::<_, ()>("store", (8, 5));
        assert_eq!(user.call::<_, i32>("wait32", (8, 4, -1_i64)), 1);
        assert_eq!(user.call::<_, i32>("wait64", (8, 4_i64, -1_i64)), 1);
        assert_eq!(user.call::<_, i32>("wait32", (8, 5, 0_i64)), 2);
        let start = Instant::now();
        assert_eq!(user.call::<_, i32>("wait64", (8, 5_i64, 20_000_000_i64)), 2);
        assert!(start.elapsed() >= Duration::from_millis(20));
        assert_eq!(user.call::<_, i32>("notify", (8, -1)), 0);

        let wait = |expected, timeout| world.memory.atomic_wait32(8, expected, timeout).unwrap();
        assert_eq!(wait(4, None), WaitResult::Mismatch);
        assert_eq!(wait(5, Some(Duration::ZERO)), WaitResult::TimedOut);
        assert!(world.memory.atomic_wait64(4, 0, None).is_err());
        assert!(world.memory.atomic_wait32(65_536, 0, None).is_err());
        assert!(world.memory.atomic_notify(2, 0).is_err());
    });
}

#[test]
fn guests_and_hosts_wake_each_other() {
    each_world(|world| {
        thread::scope(|scope| {
            let guest = scope.spawn(|| world.user().call::<_, i32>("wait32", (0, 0, -1_i64)));
            let wide = scope.spawn(|| world.user().call::<_, i32>("wait64", (8, 0_i64, i64::MAX)));
            let host = scope.spawn(|| world.memory.atomic_wait32(16, 0, None).unwrap());
            let timed = scope.spawn(|| world.memory.atomic_wait64(24, 0, Some(LONG)).unwrap());
            notify_all(world, 0, 1);
            notify_all(world, 8, 1);
            let mut user = world.user();
            while user.call::<_, i32>("notify", (16, 1)) == 0 {}
            while user.call::<_, i32>("notify", (24, -1)) == 0 {}
            assert_eq!((guest.join().unwrap(), wide.join().unwrap()), (0, 0));
            assert_eq!(host.join().unwrap(), WaitResult::Woken);
            assert_eq!(timed.join().unwrap(), WaitResult::Woken);
        });
    });
}

#[test]
fn a_notification_wakes_as_many_as_it_says() {
    each_world(|world| {
        let woken = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    assert_eq!(world.user().call::<_, i32>("wait32", (64, 0, -1_i64)), 0);
                    woken.fetch_add(1, Ordering::SeqCst);
                });
            }
            assert_eq!(world.memory.atomic_notify(64, 0).unwrap(), 0);
            // Words next to it are other queues.
            assert_eq!(world.memory.atomic_notify(68, 6).unwrap(), 0);
            notify_all(world, 64, 2);
            while woken.load(Ordering::SeqCst) < 2 {
                thread::yield_now();
            }
            notify_all(world, 64, 4);
        });
        assert_eq!(woken.into_inner(), 6);
    });
}

#[test]
fn threads_take_turns() {
    each_world(|world| {
        const PLAYERS: u32 = 3;
        world.on_threads(PLAYERS, |number, user| {
            user.call::<_, ()>("take_turns", (number, (number + 1) % PLAYERS, 500));
        });
        assert_eq!(world.word(0), 0);
    });
}

#[test]
fn an_interruption_ends_a_wait_and_nothing_else() {
    each_world(|world| {
        let mut user = world.user();
        let handle = user.store.interrupt_handle();
        thread::scope(|scope| {
            let other = scope.spawn(|| world.user().call::<_, i32>("wait32", (0, 0, -1_i64)));
            for round in 0..200 {
                let ended = thread::scope(|scope| {
                    scope.spawn(|| {
                        // Before the wait, about when it begins, or in the middle of it.
                        if round % 3 == 1 {
                            thread::yield_now();
                        } else if round % 3 == 2 {
                            thread::sleep(Duration::from_micros(200));
                        }
                        handle.interrupt();
                    });
                    user.try_call::<_, i32>("wait32", (0, 0, -1_i64))
                });
                let code = ended.expect_err("nobody notifies").trap_code();
                assert_eq!(code, Some(TrapCode::Interrupted));
                // The store is as good as before.
                assert_eq!(user.call::<_, i32>("wait32", (0, 1, -1_i64)), 1);
                assert_eq!(user.call::<_, i32>("wait32", (0, 0, 1000_i64)), 2);
            }
            assert!(!other.is_finished(), "nobody interrupted the other");
            notify_all(world, 0, 1);
            assert_eq!(other.join().unwrap(), 0);
        });
    });
}

#[test]
fn notifications_and_interruptions_race() {
    each_world(|world| {
        let (woken, sent) = (AtomicU32::new(0), AtomicU32::new(0));
        world.on_threads(3, |number, user| {
            let handle = user.store.interrupt_handle();
            let done = AtomicBool::new(false);
            thread::scope(|scope| {
                scope.spawn(|| {
                    while !done.load(Ordering::SeqCst) {
                        handle.interrupt();
                        thread::sleep(Duration::from_micros(50));
                    }
                });
                for _ in 0..300 {
                    match user.try_call::<_, i32>("wait32", (8 * number, 0, 100_000_i64)) {
                        Ok(0) => drop(woken.fetch_add(1, Ordering::SeqCst)),
                        Ok(result) => assert_eq!(result, 2),
                        Err(error) => {
                            assert_eq!(error.trap_code(), Some(TrapCode::Interrupted));
                        }
                    }
                    let next = (number + 1) % 3;
                    let count = world.memory.atomic_notify(u64::from(8 * next), 1).unwrap();
                    sent.fetch_add(count, Ordering::SeqCst);
                }
                done.store(true, Ordering::SeqCst);
            });
        });
        assert_eq!(woken.into_inner(), sent.into_inner(), "who is counted is woken");
    });
}

#[test]
fn a_memory_of_ones_own_has_nobody_to_wait_for() {
    super::each_engine(|engine| {
        let text = r#"(module (memory 1)
            (func (export "wait") (result i32)
                (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
            (func (export "notify") (param i32) (result i32)
                (memory.atomic.notify (local.get 0) (i32.const 1)))
            (func (export "add") (result i32)
                (i32.atomic.rmw8.add_u (i32.const 65535) (i32.const 0x1ff))))"#;
        let module = wamr::Module::new(engine, text).unwrap();
        let mut store = wamr::Store::new(engine, ());
        let instance = wamr::Instance::new(&mut store, &module, &[]).unwrap();
        let mut user = super::User { store, instance };
        let trap = user.try_call::<_, i32>("wait", ()).unwrap_err().trap_code();
        assert_eq!(trap, Some(TrapCode::ExpectedSharedMemory));
        assert_eq!(user.call::<_, i32>("notify", 0), 0);
        assert!(user.try_call::<_, i32>("notify", 2).is_err());
        let seen = [(); 3].map(|()| user.call::<_, i32>("add", ()));
        assert_eq!(seen, [0, 255, 254]);
    });
}
