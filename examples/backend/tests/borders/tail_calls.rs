//! Tail calls from mode to mode take constant stack, native and interpreted, however many.

use wamr_runtime::{Error, Func, Table, Val};
use wamr_types::{TrapCode, ValType};

use crate::support::{GUESTS, Guard, Mode, NOTHING, Via, World, func_type, local_gets, on_thread};

/// Fewer bytes than there are calls, on either stack.
const STACK_BYTES: usize = 64 << 10;
const THREAD_BYTES: usize = 256 << 10;
const CALLS: i64 = 1_000_000;

/// What two functions pass each other: a number that counts down, then so many integers and
/// floats.
#[derive(Clone, Copy)]
struct Cargo {
    ints: usize,
    floats: usize,
}

/// As little as can be: all in registers.
const LIGHT: Cargo = Cargo { ints: 1, floats: 0 };
/// More of both classes than registers hold.
const HEAVY: Cargo = Cargo { ints: 7, floats: 11 };

impl Cargo {
    fn types(self) -> Vec<ValType> {
        [vec![ValType::I64; self.ints], vec![ValType::F64; self.floats]].concat()
    }

    fn params(self) -> Vec<ValType> {
        [vec![ValType::I64], self.types()].concat()
    }

    fn values(self) -> Vec<Val> {
        let ints = (0..self.ints as i64).map(|at| Val::I64(-1 - at));
        ints.chain((0..self.floats).map(|at| Val::from(at as f64 + 0.5))).collect()
    }

    /// The values after so many calls, each of which rotates both groups by one.
    fn rotated(self, calls: i64) -> Vec<Val> {
        let mut values = self.values();
        let (ints, floats) = values.split_at_mut(self.ints);
        ints.rotate_left(calls as usize % self.ints.max(1));
        floats.rotate_left(calls as usize % self.floats.max(1));
        values
    }
}

fn assert_same(found: &[Val], expected: &[Val], what: &dyn std::fmt::Debug) {
    assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{what:?}");
}

/// A function that returns its cargo when the count is zero, and otherwise tail-calls `call`
/// with the count less one and the cargo rotated.
fn stepper(cargo: Cargo, imports: &str, call: &str) -> String {
    let (params, results) = (cargo.params(), cargo.types());
    let ty = func_type(&params, &results);
    let (ints, floats) = (1..1 + cargo.ints, 1 + cargo.ints..params.len());
    let rotate = |range: std::ops::Range<usize>| range.clone().skip(1).chain(range.take(1));
    let rotated = local_gets(rotate(ints).chain(rotate(floats)));
    let gets = local_gets(1..params.len());
    format!(
        r#"(module
          (type $step (func {ty}))
          {imports}
          (func $f (export "f") (type $step)
            (if (i64.eqz (local.get 0)) (then {gets} return))
            (i64.sub (local.get 0) (i64.const 1)) {rotated}
            {call}))"#
    )
}

/// Two functions that tail-call each other through a table.
fn through_table(world: &mut World, modes: [Mode; 2], cargo: Cargo) -> [Func; 2] {
    let table = world.table(2, 2);
    let mut member = |mode, at: u64| {
        let imports = r#"(import "" "" (table 2 funcref))"#;
        let call = format!("(return_call_indirect (type $step) (i32.const {}))", 1 - at);
        let func = world.guest(mode, &stepper(cargo, imports, &call), &[table.clone().into()]);
        table.set(&mut world.store, at, func.clone().into()).expect("a slot");
        func
    };
    [member(modes[0], 0), member(modes[1], 1)]
}

/// As above, but the second calls the first by an import.
fn through_import(world: &mut World, modes: [Mode; 2], cargo: Cargo) -> [Func; 2] {
    let table: Table = world.table(1, 1);
    let imports = r#"(import "" "" (table 1 funcref))"#;
    let call = "(return_call_indirect (type $step) (i32.const 0))";
    let first = world.guest(modes[0], &stepper(cargo, imports, call), &[table.clone().into()]);
    let imports = r#"(import "" "" (func $first (type $step)))"#;
    let call = "(return_call $first)";
    let second = world.guest(modes[1], &stepper(cargo, imports, call), &[first.clone().into()]);
    table.set(&mut world.store, 0, second.clone().into()).expect("a slot");
    [first, second]
}

fn pairs() -> impl Iterator<Item = [Mode; 2]> {
    GUESTS.into_iter().flat_map(|a| GUESTS.map(|b| [a, b]))
}

/// Runs a test on a small stack, in a store with small stacks.
fn on_small_stack(test: impl FnOnce(&mut World) + Send + 'static) {
    on_thread(THREAD_BYTES, || test(&mut World::with_stacks(STACK_BYTES, STACK_BYTES)));
}

fn run(world: &mut World, func: &Func, cargo: Cargo, calls: i64, what: &dyn std::fmt::Debug) {
    let params = [vec![Val::I64(calls)], cargo.values()].concat();
    let found = world.call(func, &params).unwrap_or_else(|error| panic!("{what:?}: {error:?}"));
    assert_same(&found, &cargo.rotated(calls), what);
}

#[test]
fn a_million_through_a_table() {
    on_small_stack(|world| {
        for modes in pairs() {
            let [func, _] = through_table(world, modes, LIGHT);
            run(world, &func, LIGHT, CALLS, &modes);
        }
    });
}

#[test]
fn a_million_through_an_import() {
    on_small_stack(|world| {
        for modes in [[Mode::Interp, Mode::Compiled], [Mode::Compiled, Mode::Interp]] {
            let [_, func] = through_import(world, modes, LIGHT);
            run(world, &func, LIGHT, CALLS, &modes);
        }
    });
}

#[test]
fn values_beyond_the_registers_come_along() {
    on_small_stack(|world| {
        for modes in pairs() {
            for calls in [0, 1, 2, 3, 100_003] {
                let [first, second] = through_table(world, modes, HEAVY);
                run(world, &first, HEAVY, calls, &modes);
                run(world, &second, HEAVY, calls, &modes);
                let [first, second] = through_import(world, modes, HEAVY);
                run(world, &first, HEAVY, calls, &modes);
                run(world, &second, HEAVY, calls, &modes);
            }
        }
    });
}

/// The frame that the first tail call replaces need not be the bottom of its activation.
#[test]
fn they_start_from_any_frame() {
    on_small_stack(|world| {
        for modes in pairs() {
            let [func, _] = through_table(world, modes, LIGHT);
            for caller in GUESTS {
                for via in [Via::Table, Via::Import] {
                    let (params, results) = (LIGHT.params(), LIGHT.types());
                    let ty = (&*params, &*results);
                    let caller_func = world.relay(caller, via, ty, &func);
                    let found = world
                        .call(&caller_func, &[Val::I64(100_000), Val::I64(9)])
                        .unwrap_or_else(|error| panic!("{caller:?} {modes:?}: {error:?}"));
                    let expected = [Val::I64(100_000), Val::I64(9), Val::I64(9)];
                    assert_same(&found, &expected, &(caller, via, modes));
                }
            }
        }
    });
}

/// Host functions make no tail calls, but are the target of some. Each call of the host costs a
/// frame only while it lasts.
#[test]
fn hosts_are_tail_called() {
    on_small_stack(|world| {
        let types = HEAVY.types();
        let host = world.host((&types, &types), |_, args, results| {
            let _guard = Guard::new();
            results.clone_from_slice(args);
            Ok(())
        });
        for mode in GUESTS {
            for via in ["(return_call $host)", "(return_call_indirect (type $t) (i32.const 0))"] {
                let (ty, gets) = (func_type(&types, &types), local_gets(0..types.len()));
                let text = format!(
                    r#"(module (type $t (func {ty}))
                      (import "" "" (func $host (type $t)))
                      (table funcref (elem $host))
                      (func (export "f") (type $t) {gets} {via}))"#
                );
                let func = world.guest(mode, &text, &[host.clone().into()]);
                for outer in GUESTS {
                    let relay = world.relay(outer, Via::Import, (&types, &types), &func);
                    let found = world.call(&relay, &HEAVY.values()).expect("values");
                    assert_same(&found, &[HEAVY.values(), HEAVY.values()].concat(), &mode);
                }
            }
        }
        assert_eq!(Guard::take_dropped(), 8);
    });
}

/// Functions of one parameter and of many take each other's place.
#[test]
fn frames_of_different_sizes_alternate() {
    on_small_stack(|world| {
        let many = [vec![ValType::I64], [ValType::I64, ValType::F64].repeat(15)].concat();
        let (one, many) = (func_type(&many[..1], &many), func_type(&many, &many));
        let constants: String =
            (0..15).map(|at| format!("i64.const {at} f64.const {at} ")).collect();
        for [few, lots] in pairs() {
            let table = world.table(2, 2);
            let types = format!(
                r#"(import "" "" (table 2 funcref)) (type $one (func {one})) (type $many (func {many}))"#
            );
            let text = format!(
                r#"(module {types} (func (export "f") (type $one)
                  (i64.sub (local.get 0) (i64.const 1)) {constants}
                  (return_call_indirect (type $many) (i32.const 1))))"#
            );
            let first = world.guest(few, &text, &[table.clone().into()]);
            let gets = local_gets(0..31);
            let text = format!(
                r#"(module {types} (func (export "f") (type $many)
                  (if (i64.eqz (local.get 0)) (then {gets} return))
                  (return_call_indirect (type $one) (local.get 0) (i32.const 0))))"#
            );
            let second = world.guest(lots, &text, &[table.clone().into()]);
            table.set(&mut world.store, 0, first.clone().into()).expect("a slot");
            table.set(&mut world.store, 1, second.into()).expect("a slot");
            let found = world.call(&first, &[Val::I64(30_001)]).expect("numbers");
            let pairs = (0..15).flat_map(|at| [Val::I64(at), Val::from(at as f64)]);
            let expected: Vec<Val> = [Val::I64(0)].into_iter().chain(pairs).collect();
            assert_same(&found, &expected, &[few, lots]);
        }
    });
}

/// What a chain of tail calls ends in reaches the frame below it.
#[test]
fn failures_come_back_through_them() {
    on_small_stack(|world| {
        let failing = world.host(NOTHING, |_, _, _| Err(Error::from(TrapCode::Unreachable)));
        for [a, b] in pairs() {
            for outer in GUESTS {
                let text = r#"(module (import "" "" (func $next))
                    (func (export "f") (return_call $next)))"#;
                let func = world.guest(b, text, &[failing.clone().into()]);
                let func = world.guest(a, text, &[func.into()]);
                let func = world.guest(b, text, &[func.into()]);
                let func = world.chain(&[outer], Via::Import, &func);
                for _ in 0..1000 {
                    let error = world.run(&func).expect_err("a trap");
                    assert_eq!(error.trap_code(), Some(TrapCode::Unreachable), "{a:?} {b:?}");
                }
                let [func, _] = through_table(world, [a, b], LIGHT);
                run(world, &func, LIGHT, 1000, &[a, b]);
            }
        }
    });
}
