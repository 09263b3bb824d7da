//! References to host values that only frames hold: the values live through collections,
//! whichever modes the frames belong to, and are reclaimed after.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wamr_runtime::{Caller, Error, ExternRef, Func, Val};
use wamr_types::ValType;

use crate::support::{GUESTS, MODES, Mode, Via, WAYS, World, func_type, local_gets};

/// The heap holds some thousand host values.
const HEAP_BYTES: usize = 128 << 10;
/// More than the heap holds.
const CHURN: usize = 10_000;
/// More references than go in registers.
const COUNT: usize = 9;

/// What references refer to.
struct Value {
    number: i32,
    alive: Arc<AtomicUsize>,
}

impl Drop for Value {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A store with a small heap.
struct Heap {
    world: World,
    alive: Arc<AtomicUsize>,
    /// `(i32) -> externref`: makes a value of that number.
    make: Func,
    /// `() -> ()`: makes so many others that what nothing refers to is gone.
    churn: Func,
    /// `(externref, i32) -> ()`: panics unless the value has that number.
    check: Func,
}

impl Heap {
    fn new() -> Self {
        let mut world = World::with(|tunables| tunables.gc_heap_bytes = HEAP_BYTES);
        let alive = Arc::new(AtomicUsize::new(0));
        let counter = alive.clone();
        let make = Func::wrap(&mut world.store, move |caller: Caller<'_, ()>, number: i32| {
            counter.fetch_add(1, Ordering::Relaxed);
            ExternRef::new(caller, Value { number, alive: counter.clone() }).map(Some)
        });
        let churn = Func::wrap(&mut world.store, |mut caller: Caller<'_, ()>| {
            (0..CHURN).try_for_each(|number| ExternRef::new(&mut caller, number).map(drop))
        });
        let check = Func::wrap(&mut world.store, check);
        Self { world, alive, make, churn, check }
    }

    /// A function that makes some values, passes references to `callee`, and checks those that
    /// it kept and those that came back.
    fn maker(&mut self, mode: Mode, callee: &Func, results: usize) -> Func {
        let (types, returned) =
            (vec![ValType::EXTERNREF; COUNT], vec![ValType::EXTERNREF; results]);
        let ty = func_type(&types, &returned);
        let make: String = (0..COUNT)
            .map(|at| format!("(local.set {at} (call $make (i32.const {at})))"))
            .collect();
        let gets = local_gets(0..COUNT);
        let sets: String =
            (COUNT..COUNT + results).rev().map(|at| format!("local.set {at} ")).collect();
        let checks: String = (0..COUNT + results)
            .map(|at| format!("(call $check (local.get {at}) (i32.const {}))", at % COUNT))
            .collect();
        let locals = "externref ".repeat(COUNT + results);
        let text = format!(
            r#"(module
              (import "" "" (func $make (param i32) (result externref)))
              (import "" "" (func $check (param externref i32)))
              (import "" "" (func $callee {ty}))
              (func (export "f") (local {locals})
                {make} {gets} (call $callee) {sets} {checks}))"#
        );
        let imports = [&self.make, &self.check, callee].map(|func| func.clone().into());
        self.world.guest(mode, &text, &imports)
    }

    /// A function that churns and then returns its parameters, by a tail call of `next`.
    fn churner(&mut self, mode: Mode, next: &Func) -> Func {
        let types = [ValType::EXTERNREF; COUNT];
        if mode == Mode::Host {
            let (churn, next) = (self.churn.clone(), next.clone());
            return self.world.host((&types, &types), move |mut caller, args, results| {
                churn.call(&mut caller, &[], &mut [])?;
                next.call(&mut caller, args, results)
            });
        }
        let (ty, gets) = (func_type(&types, &types), local_gets(0..COUNT));
        let text = format!(
            r#"(module (import "" "" (func $churn)) (import "" "" (func $next {ty}))
              (func (export "f") {ty} (call $churn) {gets} (return_call $next)))"#
        );
        self.world.guest(mode, &text, &[self.churn.clone().into(), next.clone().into()])
    }

    /// A function that returns its parameters.
    fn identity(&mut self, mode: Mode) -> Func {
        let types = [ValType::EXTERNREF; COUNT];
        if mode == Mode::Host {
            return self.world.host((&types, &types), |_, args, results| {
                results.clone_from_slice(args);
                Ok(())
            });
        }
        let (ty, gets) = (func_type(&types, &types), local_gets(0..COUNT));
        self.world.guest(mode, &format!(r#"(module (func (export "f") {ty} {gets}))"#), &[])
    }

    /// Frees what is left, which must be all.
    fn assert_reclaimed(&mut self) {
        self.world.store.gc();
        assert_eq!(self.alive.load(Ordering::Relaxed), 0);
    }
}

fn check(caller: Caller<'_, ()>, value: Option<ExternRef>, number: i32) -> Result<(), Error> {
    let value = value.expect("not null");
    let value = value.data(&caller)?.expect("a host value");
    let value = value.downcast_ref::<Value>().expect("a value that was not reclaimed");
    assert_eq!(value.number, number);
    Ok(())
}

#[test]
fn frames_of_every_mode_hold_references() {
    let mut heap = Heap::new();
    let types = [ValType::EXTERNREF; COUNT];
    for outer in GUESTS {
        for middle in MODES {
            for inner in MODES {
                for (via, last) in WAYS.into_iter().zip([Mode::Interp, Mode::Compiled]) {
                    let callee = heap.identity(last);
                    let callee = heap.churner(inner, &callee);
                    let callee = heap.world.relay(middle, via, (&types, &types), &callee);
                    let func = heap.maker(outer, &callee, 2 * COUNT);
                    heap.world.run(&func).expect("the values live");
                }
            }
        }
    }
    heap.assert_reclaimed();
}

/// Values that the host hands over for good, and results that it gets.
#[test]
fn the_host_hands_references_over() {
    let mut heap = Heap::new();
    for mode in GUESTS {
        let text = r#"(module
            (import "" "" (func $churn)) (import "" "" (func $check (param externref i32)))
            (func (export "f") (param externref i32) (result externref)
              (call $churn) (call $check (local.get 0) (local.get 1)) (local.get 0)))"#;
        let imports = [&heap.churn, &heap.check].map(|func| func.clone().into());
        let func = heap.world.guest(mode, text, &imports);
        let func = func.typed::<(Option<ExternRef>, i32), Option<ExternRef>>(&heap.world.store);
        let func = func.expect("its type");
        let made = heap.world.call(&heap.make.clone(), &[Val::I32(5)]).expect("a value");
        let Some(Val::ExternRef(value)) = made.into_iter().next() else { panic!("no reference") };
        let value = func.call(&mut heap.world.store, (value, 5)).expect("the value lives");
        let churn = heap.churn.clone();
        heap.world.run(&churn).expect("no failure");
        let value = Val::ExternRef(value);
        heap.world.call(&heap.check.clone(), &[value, Val::I32(5)]).expect("the value lives");
    }
    heap.assert_reclaimed();
}

/// What a failure drops on its way is reclaimed, and what it passes by lives.
#[test]
fn failures_drop_references() {
    let mut heap = Heap::new();
    for outer in GUESTS {
        for inner in GUESTS {
            let types = [ValType::EXTERNREF; COUNT];
            let ty = func_type(&types, &[]);
            let text = format!(r#"(module (func (export "f") {ty} unreachable))"#);
            let trap = heap.world.guest(inner, &text, &[]);
            let func = heap.maker(outer, &trap, 0);
            let churn = heap.churn.clone();
            let handler = heap.world.host((&[], &[]), move |mut caller, _, _| {
                func.call(&mut caller, &[], &mut []).expect_err("a trap");
                churn.call(&mut caller, &[], &mut [])
            });
            let func = heap.world.chain(&[outer, inner], Via::Import, &handler);
            heap.world.run(&func).expect("the trap was handled");
        }
    }
    heap.assert_reclaimed();
}
