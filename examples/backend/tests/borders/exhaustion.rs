//! Recursion without end is a trap, whoever recurses; never a crash.

use wamr_runtime::{Func, Table, Val};
use wamr_types::{TrapCode, ValType};

use crate::support::{
    GUESTS, Guard, MODES, Mode, NOTHING, Via, World, chains, func_type, local_gets, on_thread,
};

/// The native stack ends first, or the interpreter's.
const STACK_BYTES: [(usize, usize); 2] = [(128 << 10, 64 << 10), (3 << 20, 64 << 10)];
/// What frames of the host may take below the limit.
const HEADROOM_BYTES: usize = 256 << 10;

/// Runs a test in stores of both kinds.
fn on_small_stacks(test: impl Fn(&mut World) + Clone + Send + 'static) {
    for (native, interp) in STACK_BYTES {
        let test = test.clone();
        on_thread(native + HEADROOM_BYTES, move || test(&mut World::with_stacks(native, interp)));
    }
}

/// Exhausts the stack several times, and checks that other calls work afterwards.
fn check(world: &mut World, func: &Func, what: &dyn std::fmt::Debug) {
    for _ in 0..3 {
        let error = world.run(func).expect_err("a trap");
        assert_eq!(error.trap_code(), Some(TrapCode::StackOverflow), "{what:?}: {error}");
        for mode in GUESTS {
            let fine = world.guest(mode, r#"(module (func (export "f")))"#, &[]);
            let fine = world.chain(&MODES, Via::Import, &fine);
            world.run(&fine).unwrap_or_else(|error| panic!("{what:?}: {error:?}"));
        }
    }
}

#[test]
fn a_function_that_calls_itself() {
    on_small_stacks(|world| {
        for mode in GUESTS {
            let func = world.guest(mode, r#"(module (func $f (export "f") (call $f)))"#, &[]);
            check(world, &func, &mode);
            let indirect = r#"(module (table funcref (elem $f))
                (func $f (export "f") (call_indirect (i32.const 0)) (drop (i32.const 0))))"#;
            let func = world.guest(mode, indirect, &[]);
            check(world, &func, &mode);
        }
    });
}

/// The last of three functions in any modes calls the first.
#[test]
fn circles_of_modes() {
    on_small_stacks(|world| {
        for modes in chains() {
            let table = world.table(1, 1);
            let back: Func = if modes[2] == Mode::Host {
                let table = table.clone();
                world.host(NOTHING, move |mut caller, _, _| {
                    let _guard = Guard::new();
                    match table.get(&mut caller, 0)? {
                        Some(Val::FuncRef(Some(first))) => first.call(&mut caller, &[], &mut []),
                        other => panic!("{other:?} in the table"),
                    }
                })
            } else {
                let text = r#"(module (import "" "" (table 1 funcref))
                    (func (export "f") (call_indirect (i32.const 0))))"#;
                world.guest(modes[2], text, &[table.clone().into()])
            };
            let first = world.chain(&modes[..2], Via::Import, &back);
            table.set(&mut world.store, 0, first.clone().into()).expect("a slot");
            check(world, &first, &modes);
        }
    });
}

/// Frames of many values, so that arguments are copied close to where the stacks end.
#[test]
fn circles_with_many_values() {
    on_small_stacks(|world| {
        let types = [ValType::I64, ValType::F64].repeat(60);
        let values: Vec<Val> =
            types.iter().map(|&ty| Val::default_for(ty).expect("a number")).collect();
        for modes in GUESTS.into_iter().flat_map(|first| MODES.map(|second| [first, second])) {
            let table = world.table(2, 2);
            for (at, mode) in modes.into_iter().enumerate() {
                let next = 1 - at as u64;
                let func = caller_of(world, mode, &table, next, &types);
                table.set(&mut world.store, at as u64, func.into()).expect("a slot");
            }
            let first = table.get(&mut world.store, 0).expect("the table");
            let Some(Val::FuncRef(Some(first))) = first else { panic!("{first:?} in the table") };
            for _ in 0..3 {
                let error = world.call(&first, &values).expect_err("a trap");
                assert_eq!(error.trap_code(), Some(TrapCode::StackOverflow), "{modes:?}: {error}");
            }
        }
    });
}

/// A function that passes its parameters on to an element of a table, and returns what that
/// returns.
fn caller_of(world: &mut World, mode: Mode, table: &Table, next: u64, types: &[ValType]) -> Func {
    if mode == Mode::Host {
        let table = table.clone();
        return world.host((types, types), move |mut caller, args, results| {
            match table.get(&mut caller, next)? {
                Some(Val::FuncRef(Some(func))) => func.call(&mut caller, args, results),
                other => panic!("{other:?} in the table"),
            }
        });
    }
    let (ty, gets) = (func_type(types, types), local_gets(0..types.len()));
    let text = format!(
        r#"(module (type $t (func {ty})) (import "" "" (table 2 funcref))
          (func (export "f") (type $t) {gets} (call_indirect (type $t) (i32.const {next}))))"#
    );
    world.guest(mode, &text, &[table.clone().into()])
}

/// The limit is one of the thread that calls.
#[test]
fn stores_move_between_threads() {
    let (native, interp) = STACK_BYTES[0];
    let (mut world, funcs) = on_thread(native + HEADROOM_BYTES, move || {
        let mut world = World::with_stacks(native, interp);
        let text = r#"(module (func $f (export "f") (call $f)))"#;
        let funcs = GUESTS.map(|mode| world.guest(mode, text, &[]));
        for func in &funcs {
            check(&mut world, func, &"the first thread");
        }
        (world, funcs)
    });
    for _ in 0..3 {
        let moved = funcs.clone();
        world = on_thread(native + HEADROOM_BYTES, move || {
            for func in &moved {
                check(&mut world, func, &"another thread");
            }
            world
        });
    }
}
