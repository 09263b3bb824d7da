//! Errors and panics of host functions reach the host that called, across frames of every mode.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wamr_runtime::{Error, ErrorKind, Func};
use wamr_types::TrapCode;

use crate::support::{GUESTS, Guard, Mode, NOTHING, Via, WAYS, World, chains, on_thread};

/// What fails.
#[derive(Debug, PartialEq, Eq)]
struct Custom(u32);

impl fmt::Display for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failure number {}", self.0)
    }
}

impl std::error::Error for Custom {}

/// How a host function fails.
#[derive(Clone, Copy, Debug)]
enum Failing {
    Error,
    Panic,
}

/// A host function that fails as long as the switch is on.
fn failing(world: &mut World, how: Failing) -> (Func, Arc<AtomicBool>) {
    let switch = Arc::new(AtomicBool::new(true));
    let is_on = switch.clone();
    let func = world.host(NOTHING, move |_, _, _| {
        let _guard = Guard::new();
        match how {
            _ if !is_on.load(Ordering::Relaxed) => Ok(()),
            Failing::Error => Err(Error::new(Custom(7))),
            // As a panic, but without a message on the terminal.
            Failing::Panic => resume_unwind(Box::new(Custom(8))),
        }
    });
    (func, switch)
}

fn hosts(modes: &[Mode]) -> usize {
    modes.iter().filter(|&&mode| mode == Mode::Host).count()
}

fn panic_of(call: impl FnOnce() -> Result<(), Error>) -> Box<dyn Any + Send> {
    catch_unwind(AssertUnwindSafe(call)).expect_err("a panic")
}

#[test]
fn errors_cross_every_chain() {
    let mut world = World::new();
    for modes in chains() {
        for via in WAYS {
            let (callee, is_on) = failing(&mut world, Failing::Error);
            let func = world.chain(&modes, via, &callee);
            let error = world.run(&func).expect_err("an error");
            assert_eq!(error.downcast_ref(), Some(&Custom(7)), "{modes:?} {via:?}");
            assert_eq!(error.downcast::<Custom>().expect("it is one"), Custom(7));
            assert_eq!(Guard::take_dropped(), 1 + hosts(&modes));
            is_on.store(false, Ordering::Relaxed);
            world.run(&func).expect("the store goes on");
            assert_eq!(Guard::take_dropped(), 1 + hosts(&modes));
        }
    }
}

#[test]
fn panics_cross_every_chain() {
    let mut world = World::new();
    for modes in chains() {
        for via in WAYS {
            let (callee, is_on) = failing(&mut world, Failing::Panic);
            let func = world.chain(&modes, via, &callee);
            let payload = panic_of(|| world.run(&func));
            assert_eq!(payload.downcast_ref(), Some(&Custom(8)), "{modes:?} {via:?}");
            assert_eq!(Guard::take_dropped(), 1 + hosts(&modes), "{modes:?} {via:?}");
            is_on.store(false, Ordering::Relaxed);
            world.run(&func).expect("the store goes on");
            assert_eq!(Guard::take_dropped(), 1 + hosts(&modes));
        }
    }
}

/// A host function in the middle turns a panic into an error, and an error into a panic.
#[test]
fn hosts_handle_failures_in_the_middle() {
    let mut world = World::new();
    for [inner, outer] in [[0, 0], [0, 1], [1, 0], [1, 1]].map(|pair| pair.map(|at| GUESTS[at])) {
        let (callee, _) = failing(&mut world, Failing::Panic);
        let callee = world.chain(&[inner], Via::Import, &callee);
        let to_error = world.host(NOTHING, move |mut caller, _, _| {
            let payload = panic_of(|| callee.call(&mut caller, &[], &mut []));
            Err(Error::new(*payload.downcast::<Custom>().expect("the payload")))
        });
        let func = world.chain(&[outer], Via::Table, &to_error);
        let error = world.run(&func).expect_err("an error");
        assert_eq!(error.downcast_ref(), Some(&Custom(8)), "{inner:?} {outer:?}");

        let callee = func;
        let to_panic = world.host(NOTHING, move |mut caller, _, _| {
            let error = callee.call(&mut caller, &[], &mut []).expect_err("an error");
            resume_unwind(Box::new(error))
        });
        let func = world.chain(&[inner, outer], Via::Table, &to_panic);
        let payload = panic_of(|| world.run(&func));
        let error = payload.downcast::<Error>().expect("the payload");
        assert_eq!(error.downcast_ref(), Some(&Custom(8)), "{inner:?} {outer:?}");
    }
}

/// Failures leave nothing behind on either stack: thousands of them fit in where dozens would
/// not.
#[test]
fn failures_leave_no_frames_behind() {
    on_thread(256 << 10, || {
        let mut world = World::with_stacks(96 << 10, 64 << 10);
        for how in [Failing::Error, Failing::Panic] {
            for modes in [[Mode::Interp, Mode::Compiled], [Mode::Compiled, Mode::Interp]] {
                let (callee, is_on) = failing(&mut world, how);
                let callee = world.chain(&[Mode::Host], Via::Import, &callee);
                let func = world.chain(&[modes, modes].concat(), Via::Import, &callee);
                for _ in 0..1000 {
                    let ended = catch_unwind(AssertUnwindSafe(|| world.run(&func)));
                    assert!(!matches!(ended, Ok(Ok(()))));
                }
                is_on.store(false, Ordering::Relaxed);
                world.run(&func).expect("the store goes on");
            }
        }
    });
}

/// A failure that a host function holds is not the store's any more: what it calls meanwhile
/// succeeds or fails on its own.
#[test]
fn a_failure_that_is_held_does_not_mix_with_the_next() {
    let mut world = World::new();
    for guest in GUESTS {
        let (failing, _) = failing(&mut world, Failing::Error);
        let failing = world.chain(&[guest], Via::Import, &failing);
        let trap = world.guest(guest, r#"(module (func (export "f") unreachable))"#, &[]);
        let fine = world.guest(guest, r#"(module (func (export "f")))"#, &[]);
        let host = world.host(NOTHING, move |mut caller, _, _| {
            let held = failing.call(&mut caller, &[], &mut []).expect_err("an error");
            fine.call(&mut caller, &[], &mut []).expect("no error");
            let second = trap.call(&mut caller, &[], &mut []).expect_err("a trap");
            assert_eq!(second.trap_code(), Some(TrapCode::Unreachable));
            Err(held)
        });
        let func = world.chain(&[guest], Via::Table, &host);
        let error = world.run(&func).expect_err("an error");
        assert_eq!(error.downcast_ref(), Some(&Custom(7)), "{guest:?}");
    }
}

/// Misuse by a host function is an error like any other.
#[test]
fn misuse_is_an_error_across_modes() {
    let mut world = World::new();
    for guest in GUESTS {
        let callee = world.guest(guest, r#"(module (func (export "f") (param i32)))"#, &[]);
        let host = world.host(NOTHING, move |caller, _, _| callee.call(caller, &[], &mut []));
        let func = world.chain(&[guest, guest], Via::Table, &host);
        let error = world.run(&func).expect_err("an error");
        assert!(matches!(error.kind(), ErrorKind::SignatureMismatch { .. }), "{error:?}");
    }
}

/// A body that turns out to be invalid when it is first called.
#[test]
fn invalid_bodies_are_errors_across_modes() {
    let mut world = World::new();
    let text = r#"(module (func (export "f") i32.add drop))"#;
    for guest in GUESTS {
        let callee = world.guest(Mode::Interp, text, &[]);
        let func = world.chain(&[guest, Mode::Host, guest], Via::Table, &callee);
        for _ in 0..2 {
            let error = world.run(&func).expect_err("an error");
            assert!(matches!(error.kind(), ErrorKind::InvalidBody(_)), "{error:?}");
        }
    }
}

#[test]
fn a_mode_that_counts_no_fuel_is_refused_where_it_is_to_be_counted() {
    let world = World::with(|tunables| tunables.consume_fuel = true);
    for mode in GUESTS {
        let counts = match world.try_module(mode, "(module)") {
            Ok(_) => true,
            Err(error) => {
                assert!(error.to_string().ends_with("does not count fuel"), "{error}");
                false
            }
        };
        assert_eq!(counts, mode.counts_fuel(), "{mode:?}");
    }
}
