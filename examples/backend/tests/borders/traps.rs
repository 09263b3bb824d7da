//! A trap arrives as what it is, and leaves a store that works.

use wamr_runtime::{Error, Func, Val};
use wamr_types::{TrapCode, ValType};

use crate::support::{GUESTS, MODES, Mode, NOTHING, WAYS, World, chains, on_thread};

/// Bodies of functions, and what they end in. Table `$t` has one element: null at first, then a
/// function of another type.
const TRAPS: [(&str, TrapCode); 10] = [
    ("unreachable", TrapCode::Unreachable),
    ("(call_indirect (type $nothing) (i32.const 1))", TrapCode::UndefinedElement),
    ("(call_indirect (type $nothing) (i32.const -1))", TrapCode::UndefinedElement),
    ("(call_indirect (type $nothing) (i32.const 0))", TrapCode::UninitializedElement),
    (
        "(table.set $t (i32.const 0) (ref.func $other)) (call_indirect (type $nothing) (i32.const 0))",
        TrapCode::IndirectCallTypeMismatch,
    ),
    ("(return_call_indirect (type $nothing) (i32.const 1))", TrapCode::UndefinedElement),
    ("(drop (table.get $t (i32.const 1)))", TrapCode::TableOutOfBounds),
    ("(table.set $t (i32.const 1) (ref.null func))", TrapCode::TableOutOfBounds),
    ("(drop (i32.load (i32.const 65533)))", TrapCode::MemoryOutOfBounds),
    ("(i32.store offset=4294967295 (i32.const -1) (i32.const 0))", TrapCode::MemoryOutOfBounds),
];

fn trapping(world: &mut World, mode: Mode, body: &str, code: TrapCode) -> Func {
    if mode == Mode::Host {
        return world.host(NOTHING, move |_, _, _| Err(Error::from(code)));
    }
    let text = format!(
        r#"(module (type $nothing (func)) (table $t 1 1 funcref) (memory 1)
           (func $other (param i32)) (elem declare func $other)
           (func (export "f") {body}))"#
    );
    world.guest(mode, &text, &[])
}

/// A function that adds one to a number.
fn healthy(world: &mut World, mode: Mode) -> Func {
    let one = [ValType::I32];
    if mode == Mode::Host {
        return world.host((&one, &one), |_, args, results| {
            results[0] = Val::I32(args[0].i32().expect("a number") + 1);
            Ok(())
        });
    }
    let text = r#"(module (func (export "f") (param i32) (result i32)
        (i32.add (local.get 0) (i32.const 1))))"#;
    world.guest(mode, text, &[])
}

/// Stores whose memories are guarded by the hardware, where it can, and by comparisons.
fn guarded_and_not() -> [World; 2] {
    [true, false].map(|guard| World::with(|tunables| tunables.memory_guard = guard))
}

#[test]
fn every_trap_crosses_every_pair() {
    for mut world in guarded_and_not() {
        every_trap_crosses_every_pair_of(&mut world);
    }
}

fn every_trap_crosses_every_pair_of(world: &mut World) {
    for inner in GUESTS {
        for (body, code) in TRAPS {
            let func = trapping(world, inner, body, code);
            for outer in MODES {
                for via in WAYS {
                    let func = world.chain(&[outer], via, &func);
                    let error = world.run(&func).expect_err(body);
                    assert_eq!(
                        error.trap_code(),
                        Some(code),
                        "{outer:?} {via:?} {inner:?}: {body}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_trap_crosses_every_chain_and_the_store_goes_on() {
    let mut world = World::new();
    for modes in chains() {
        for via in WAYS {
            let inner = trapping(&mut world, modes[2], "unreachable", TrapCode::Unreachable);
            let trap = world.chain(&modes[..2], via, &inner);
            let one = [ValType::I32];
            let inner = healthy(&mut world, modes[2]);
            let relay = world.relay(modes[0], via, (&one, &one), &inner);
            for _ in 0..3 {
                let error = world.run(&trap).expect_err("a trap");
                assert_eq!(error.trap_code(), Some(TrapCode::Unreachable), "{modes:?}");
                let found = world.call(&relay, &[Val::I32(41)]).expect("values");
                assert_eq!((found[0].i32(), found[1].i32()), (Some(41), Some(42)), "{modes:?}");
            }
        }
    }
}

/// Traps leave nothing behind on either stack: hundreds of them fit in where dozens would not.
#[test]
fn traps_leave_no_frames_behind() {
    on_thread(256 << 10, || {
        let mut world = World::with_stacks(96 << 10, 64 << 10);
        for modes in chains() {
            for (body, code) in [TRAPS[0], TRAPS[8]] {
                let inner = trapping(&mut world, modes[2], body, code);
                let func = world.chain(&modes, WAYS[1], &inner);
                for _ in 0..700 {
                    let error = world.run(&func).expect_err("a trap");
                    assert_eq!(error.trap_code(), Some(code), "{modes:?}");
                }
            }
        }
    });
}

/// A host function that handles the failure of what it calls, so that the call succeeds.
#[test]
fn hosts_handle_traps_in_the_middle() {
    let mut world = World::new();
    for inner in MODES {
        let trap = trapping(&mut world, inner, "unreachable", TrapCode::Unreachable);
        for outer in GUESTS {
            let callee = trap.clone();
            let handler = world.host(NOTHING, move |mut caller, _, _| {
                let error = callee.call(&mut caller, &[], &mut []).expect_err("a trap");
                assert_eq!(error.trap_code(), Some(TrapCode::Unreachable));
                Ok(())
            });
            let func = world.chain(&[outer, inner, outer], WAYS[0], &handler);
            world.run(&func).expect("the trap was handled");
        }
    }
}

/// Interpreted frames on both sides of compiled ones are in the backtrace, innermost first.
#[test]
fn backtraces_span_modes() {
    let mut world = World::new();
    let trap =
        world.guest(Mode::Interp, r#"(module $inner (func $trap (export "f") unreachable))"#, &[]);
    let func = world.chain(&[Mode::Compiled, Mode::Host, Mode::Compiled], WAYS[1], &trap);
    let text = r#"(module $outer (import "" "" (func $callee))
        (func $call (export "f") (call $callee)))"#;
    let func = world.guest(Mode::Interp, text, &[func.into()]);
    let error = world.run(&func).expect_err("a trap");
    let frames = error.backtrace().frames();
    let names = frames.iter().map(|frame| (frame.module().name(), frame.func_name()));
    let names: Vec<String> = names
        .map(|(module, func)| format!("{}!{}", module.unwrap_or("?"), func.unwrap_or("?".into())))
        .collect();
    let interpreted: Vec<&str> =
        names.iter().map(|name| &**name).filter(|name| !name.contains('?')).collect();
    assert_eq!(interpreted, ["inner!trap", "outer!call"]);
}
