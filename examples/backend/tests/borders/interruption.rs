//! Another thread stops what runs, whoever runs it, within a call or a turn of a loop.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wamr_runtime::{Func, InterruptHandle, Val};
use wamr_types::TrapCode;

use crate::support::{GUESTS, MODES, Mode, NOTHING, Via, World, chains, on_thread};

const THREAD_BYTES: usize = 512 << 10;

/// A small store in which a thread interrupts what runs as soon as a host function is called.
struct Interrupted {
    world: World,
    /// Says that the computation is under way.
    started: Func,
}

impl Interrupted {
    fn new() -> Self {
        let mut world = World::with_stacks(128 << 10, 64 << 10);
        let (sender, receiver): (Sender<()>, Receiver<()>) = channel();
        let handle = world.store.interrupt_handle();
        thread::spawn(move || {
            while receiver.recv().is_ok() {
                handle.interrupt();
            }
        });
        let started = world.host(NOTHING, move |_, _, _| {
            sender.send(()).expect("the other thread listens");
            Ok(())
        });
        Self { world, started }
    }

    /// A function that begins with a message to the other thread and then runs `body`, which
    /// can `call $callee`.
    fn endless(&mut self, mode: Mode, body: &str, callee: &Func) -> Func {
        let text = format!(
            r#"(module (import "" "" (func $started)) (import "" "" (func $callee))
              (func (export "f") (call $started) {body}))"#
        );
        self.world.guest(mode, &text, &[self.started.clone().into(), callee.clone().into()])
    }

    /// Runs a function that does not end by itself, several times, and checks that other calls
    /// work afterwards.
    fn check(&mut self, func: &Func, what: &dyn std::fmt::Debug) {
        for _ in 0..3 {
            let error = self.world.run(func).expect_err("it was stopped");
            assert_eq!(error.trap_code(), Some(TrapCode::Interrupted), "{what:?}: {error}");
            for mode in GUESTS {
                let fine = self.world.guest(mode, LEAF, &[]);
                let fine = self.world.chain(&MODES, Via::Table, &fine);
                self.world.run(&fine).unwrap_or_else(|error| panic!("{what:?}: {error:?}"));
            }
        }
    }
}

/// A function that does nothing.
const LEAF: &str = r#"(module (func (export "f")))"#;

fn test(test: impl FnOnce(&mut Interrupted) + Send + 'static) {
    on_thread(THREAD_BYTES, || test(&mut Interrupted::new()));
}

#[test]
fn a_loop() {
    test(|this| {
        for mode in GUESTS {
            for callee in MODES {
                let leaf = match callee {
                    Mode::Host => this.world.host(NOTHING, |_, _, _| Ok(())),
                    _ => this.world.guest(callee, LEAF, &[]),
                };
                for body in [
                    "(loop (br 0))",
                    "(loop (br_if 0 (i32.const 1)))",
                    "(loop (call $callee) (br 0))",
                    "(loop (loop (call $callee)) (br 0))",
                ] {
                    let func = this.endless(mode, body, &leaf);
                    for outer in MODES {
                        let func = this.world.chain(&[outer], Via::Table, &func);
                        this.check(&func, &(mode, callee, body, outer));
                    }
                }
            }
        }
    });
}

#[test]
fn tail_calls_of_one_function() {
    test(|this| {
        for mode in GUESTS {
            let own = r#"(module (func $f (export "f") (return_call $f)))"#;
            let own = this.world.guest(mode, own, &[]);
            for outer in GUESTS {
                let func = this.endless(outer, "(return_call $callee)", &own);
                this.check(&func, &(outer, mode));
            }
        }
    });
}

#[test]
fn tail_calls_from_mode_to_mode() {
    test(|this| {
        for [a, b] in [GUESTS, [GUESTS[1], GUESTS[0]]] {
            let table = this.world.table(2, 2);
            for (mode, at) in [(a, 0), (b, 1)] {
                let text = format!(
                    r#"(module (import "" "" (table 2 funcref))
                      (func (export "f") (return_call_indirect (i32.const {}))))"#,
                    1 - at
                );
                let func = this.world.guest(mode, &text, &[table.clone().into()]);
                table.set(&mut this.world.store, at, func.into()).expect("a slot");
            }
            let first = table.get(&mut this.world.store, 0).expect("the table");
            let Some(Val::FuncRef(Some(first))) = first else { panic!("{first:?} in the table") };
            for outer in GUESTS {
                for body in ["(call $callee)", "(return_call $callee)"] {
                    let func = this.endless(outer, body, &first);
                    this.check(&func, &(outer, body, a, b));
                }
            }
        }
    });
}

/// A tree of calls as deep as the stack, walked for ever: a host function in the circle goes on
/// where the stack is exhausted. The interruption comes at any depth.
#[test]
fn recursion_through_the_host() {
    test(|this| {
        for modes in chains()
            .filter(|modes| modes.contains(&Mode::Interp) || modes.contains(&Mode::Compiled))
        {
            let table = this.world.table(1, 1);
            let slot = table.clone();
            let back = this.world.host(NOTHING, move |mut caller, _, _| {
                let first = slot.get(&mut caller, 0)?;
                let Some(Val::FuncRef(Some(first))) = first else { panic!("{first:?}") };
                for _ in 0..2 {
                    match first.call(&mut caller, &[], &mut []) {
                        Err(error) if error.trap_code() == Some(TrapCode::StackOverflow) => {}
                        ended => return ended,
                    }
                }
                Ok(())
            });
            let func = this.world.chain(&modes, Via::Import, &back);
            table.set(&mut this.world.store, 0, func.clone().into()).expect("a slot");
            let func = this.endless(GUESTS[0], "(loop (call $callee) (br 0))", &func);
            this.check(&func, &modes);
        }
    });
}

/// An interruption of nothing stops the next call, once.
#[test]
fn before_the_call() {
    test(|this| {
        for modes in chains() {
            let leaf = this.world.host(NOTHING, |_, _, _| Ok(()));
            let func = this.world.chain(&modes, Via::Table, &leaf);
            let handle = this.world.store.interrupt_handle();
            handle.interrupt();
            handle.interrupt();
            let error = this.world.run(&func).expect_err("it was stopped");
            assert_eq!(error.trap_code(), Some(TrapCode::Interrupted), "{modes:?}");
            this.world.run(&func).expect("the interruption is over");
        }
    });
}

/// A host function that goes on after an interruption still finds the stack's end where it is.
#[test]
fn stacks_stay_limited_after_one_that_was_handled() {
    test(|this| {
        let handle = this.world.store.interrupt_handle();
        for mode in GUESTS {
            for recursing in MODES {
                let endless =
                    this.world.guest(mode, r#"(module (func (export "f") (loop (br 0))))"#, &[]);
                let handle = handle.clone();
                let table = this.world.table(1, 1);
                let slot = table.clone();
                let func = this.world.host(NOTHING, move |mut caller, _, _| {
                    handle.interrupt();
                    let error =
                        endless.call(&mut caller, &[], &mut []).expect_err("it was stopped");
                    assert_eq!(error.trap_code(), Some(TrapCode::Interrupted));
                    let first = slot.get(&mut caller, 0)?;
                    let Some(Val::FuncRef(Some(first))) = first else { panic!("{first:?}") };
                    first.call(&mut caller, &[], &mut [])
                });
                let text = r#"(module (func $f (export "f") (call $f)))"#;
                let deep = match recursing {
                    Mode::Host => {
                        let slot = table.clone();
                        this.world.host(NOTHING, move |mut caller, _, _| {
                            let own = slot.get(&mut caller, 0)?;
                            let Some(Val::FuncRef(Some(own))) = own else { panic!("{own:?}") };
                            own.call(&mut caller, &[], &mut [])
                        })
                    }
                    _ => this.world.guest(recursing, text, &[]),
                };
                table.set(&mut this.world.store, 0, deep.into()).expect("a slot");
                let func = this.world.chain(&[mode], Via::Import, &func);
                let error = this.world.run(&func).expect_err("a trap");
                assert_eq!(
                    error.trap_code(),
                    Some(TrapCode::StackOverflow),
                    "{mode:?} {recursing:?}"
                );
            }
        }
    });
}

/// How long a race is looked for. One that is there may go unnoticed, but none is found where
/// there is none.
const RACE: Duration = Duration::from_millis(400);

/// Threads that interrupt once for each round, at about the time that it begins.
struct Interrupters {
    round: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Interrupters {
    fn new(count: usize, handle: &InterruptHandle) -> Self {
        let round = Arc::new(AtomicUsize::new(0));
        let interrupter = || {
            let (handle, round) = (handle.clone(), round.clone());
            thread::spawn(move || {
                let mut last = 0;
                while last != usize::MAX {
                    let now = round.load(Ordering::Acquire);
                    if now == last {
                        spin_loop();
                    } else if now != usize::MAX {
                        (0..now % 16).for_each(|_| spin_loop());
                        handle.interrupt();
                    }
                    last = now;
                }
            })
        };
        let threads = (0..count).map(|_| interrupter()).collect();
        Self { round, threads }
    }

    /// Numbers the rounds, and begins each as it is asked for, until the time is over.
    fn rounds(&self) -> impl Iterator<Item = usize> {
        let began = Instant::now();
        let rounds = (1..).take_while(move |_| began.elapsed() < RACE);
        rounds.inspect(|&now| self.round.store(now, Ordering::Release))
    }

    fn join(self) {
        self.round.store(usize::MAX, Ordering::Release);
        self.threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    }
}

/// Interruptions at any moment of a call, from two threads at once, end it as interruptions or
/// not at all; and once they are over, so is what they did.
#[test]
fn at_any_moment() {
    test(|this| {
        let mut funcs = Vec::new();
        for mode in GUESTS {
            let leaf = this.world.guest(mode, LEAF, &[]);
            funcs.extend(GUESTS.map(|outer| this.world.chain(&[outer, mode], Via::Import, &leaf)));
        }
        let interrupters = Interrupters::new(2, &this.world.store.interrupt_handle());
        for round in interrupters.rounds() {
            if let Err(error) = this.world.run(&funcs[round % funcs.len()]) {
                assert_eq!(error.trap_code(), Some(TrapCode::Interrupted), "{error}");
            }
        }
        interrupters.join();
        // The last interruptions may be pending still.
        let _ = this.world.run(&funcs[0]);
        for func in &funcs {
            this.world.run(func).expect("all interruptions are over");
        }
    });
}

/// An interruption that comes just as the call begins is not lost: what would run for ever ends.
#[test]
fn as_the_call_begins() {
    test(|this| {
        let text = r#"(module (func (export "f") (loop (br 0))))"#;
        let endless = GUESTS.map(|mode| this.world.guest(mode, text, &[]));
        let interrupters = Interrupters::new(1, &this.world.store.interrupt_handle());
        for round in interrupters.rounds() {
            let error = this.world.run(&endless[round % 2]).expect_err("it was stopped");
            assert_eq!(error.trap_code(), Some(TrapCode::Interrupted), "{error}");
        }
        interrupters.join();
    });
}
