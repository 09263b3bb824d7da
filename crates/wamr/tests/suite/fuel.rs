//! Fuel: what is charged, when, and what happens when there is none.

use std::panic::{AssertUnwindSafe, catch_unwind};

use wamr::{
    Caller, Config, Engine, Error, ErrorKind, Instance, Linker, Mode, Store, TrapCode, WasmParams,
    WasmResults,
};

use crate::support::{call, each_mode, instantiate, module, trap};

/// Runs a test once for each mode, with an engine that counts fuel.
fn each(test: impl Fn(&Engine)) {
    for &mode in Mode::ALL {
        let mut config = Config::new();
        test(&Engine::new(config.mode(mode).consume_fuel(true)).unwrap());
    }
}

/// What a call costs, and what it ends in.
fn cost<T: 'static, P: WasmParams, R: WasmResults>(
    store: &mut Store<T>,
    instance: &Instance,
    name: &str,
    params: P,
) -> (u64, Result<R, Error>) {
    const MUCH: u64 = 1 << 40;
    store.set_fuel(MUCH).unwrap();
    let outcome = call::<P, R>(&mut *store, instance, name, params);
    (MUCH - store.get_fuel().unwrap(), outcome)
}

#[test]
fn blocks_cost_what_their_operators_do() {
    // Costs by hand, beside the operators.
    let wat = r#"(module
        (table 1 funcref) (elem (i32.const 0) $one)
        (tag $tag)
        (func $one (export "one") (result i32) (i32.const 1))               ;; 1
        (func (export "empty"))                                             ;; 0
        (func (export "free") (nop) (block (nop)) (drop (i32.const 1)))     ;; 1
        (func (export "call") (result i32) (call $one))                     ;; 1 + 1
        (func (export "indirect") (result i32)
            (call_indirect (result i32) (i32.const 0)))                     ;; 2 + 1
        (func (export "if") (param i32) (result i32)
            (if (result i32) (local.get 0)                                  ;; 2
                (then (i32.add (i32.const 1) (i32.const 2)))                ;; 3
                (else (i32.const 5))))                                      ;; 1
        (func (export "loop") (param i32)
            (loop $again                                                    ;; for each round:
                (local.set 0 (i32.sub (local.get 0) (i32.const 1)))         ;; 4
                (br_if $again (local.get 0))))                              ;; 2
        (func (export "halfway") (param i32) (result i32)
            (i32.div_u (i32.const 8) (local.get 0))                         ;; 3
            (i32.add (i32.const 1)))                                        ;; 2
        (func (export "table") (param i32)
            (block $b (block $a (br_table $a $b (local.get 0)))             ;; 2
                (drop (i32.const 1)))                                       ;; 1
            (drop (i32.add (i32.const 1) (i32.const 1))))                   ;; 3
        (func (export "catch") (result i32)
            (block $caught
                (try_table (catch_all $caught) (throw $tag)))               ;; 1
            (i32.const 3))                                                  ;; 1
        (func (export "return") (param i32) (result i32)
            (if (local.get 0) (then (return (i32.const 1))))                ;; 2 + 2
            (i32.const 7))                                                  ;; 1
        (func (export "unreachable") (result i32)
            (return (i32.const 1)) (drop (i32.const 4)) (i32.const 5)))"#; // 2
    each(|engine| {
        let mut store = Store::new(engine, ());
        let instance = instantiate(engine, &mut store, wat, &[]);
        let store = &mut store;
        let unit = |store: &mut Store<()>, name: &str, wanted: u64| {
            let (cost, outcome) = cost::<_, _, ()>(store, &instance, name, ());
            assert_eq!((cost, outcome.is_ok()), (wanted, true), "{name}");
        };
        for (name, wanted) in [("empty", 0), ("free", 1)] {
            unit(store, name, wanted);
        }
        for (name, wanted) in
            [("one", 1), ("call", 2), ("indirect", 3), ("catch", 2), ("unreachable", 2)]
        {
            let (cost, outcome) = cost::<_, _, i32>(store, &instance, name, ());
            assert_eq!((cost, outcome.is_ok()), (wanted, true), "{name}");
        }
        for (name, param, wanted) in [
            ("if", 1, 5),
            ("if", 0, 3),
            ("halfway", 2, 5),
            ("halfway", 0, 5),
            ("return", 1, 4),
            ("return", 0, 3),
        ] {
            let (cost, _) = cost::<_, _, i32>(store, &instance, name, param);
            assert_eq!(cost, wanted, "{name} {param}");
        }
        for (name, param, wanted) in
            [("loop", 1, 6), ("loop", 10, 60), ("table", 0, 6), ("table", 1, 5)]
        {
            let (cost, outcome) = cost::<_, _, ()>(store, &instance, name, param);
            assert_eq!((cost, outcome.is_ok()), (wanted, true), "{name} {param}");
        }
    });
}

const COUNT: &str = r#"(module (global $n (export "n") (mut i32) (i32.const 0))
    (func (export "count") (param i32) (result i32)
        (loop $again
            (global.set $n (i32.add (global.get $n) (i32.const 1)))
            (br_if $again (i32.lt_s (global.get $n) (local.get 0))))
        (global.get $n)))"#;

#[test]
fn running_out_is_a_trap_before_the_block_runs() {
    each(|engine| {
        let mut store = Store::new(engine, ());
        let instance = instantiate(engine, &mut store, COUNT, &[]);
        let count = |store: &mut Store<()>| call::<_, i32>(store, &instance, "count", 1000);
        assert_eq!(trap(count(&mut store)), TrapCode::OutOfFuel, "a new store has none");
        // A round costs 8.
        store.set_fuel(8 * 5 + 7).unwrap();
        let error = count(&mut store).unwrap_err();
        assert_eq!(error.trap_code(), Some(TrapCode::OutOfFuel));
        assert!(error.to_string().contains("all fuel consumed"), "{error}");
        assert_eq!(store.get_fuel().unwrap(), 7);
        let n = instance.get_global(&mut store, "n").unwrap();
        assert_eq!(n.get(&mut store).unwrap().i32(), Some(5));
        // Just enough: what is behind the loop costs 1.
        store.set_fuel(8 * 995 + 1).unwrap();
        assert_eq!(count(&mut store).unwrap(), 1000);
        assert_eq!(store.get_fuel().unwrap(), 0);
    });
}

#[test]
fn refilling_goes_on_where_fuel_ran_out() {
    each(|engine| {
        let mut store = Store::new(engine, Vec::<u64>::new());
        let instance = instantiate(engine, &mut store, COUNT, &[]);
        store.refill_fuel(|asked, lacking| {
            asked.push(lacking);
            if asked.len() < 5 { 24 } else { 0 }
        });
        let count = call::<_, i32>(&mut store, &instance, "count", 1000);
        assert_eq!(trap(count), TrapCode::OutOfFuel);
        assert_eq!(store.data()[..], [8; 5]);
        let n = instance.get_global(&mut store, "n").unwrap();
        assert_eq!(n.get(&mut store).unwrap().i32(), Some(12));
        // Asked again as long as it helps.
        store.refill_fuel(|_, _| 3);
        assert_eq!(call::<_, i32>(&mut store, &instance, "count", 1000).unwrap(), 1000);

        store.refill_fuel(|_, _| panic!("no fuel"));
        store.set_fuel(0).unwrap();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let _ = call::<_, i32>(&mut store, &instance, "count", 1);
        }));
        assert_eq!(outcome.unwrap_err().downcast_ref::<&str>(), Some(&"no fuel"));
        store.set_fuel(100).unwrap();
        assert_eq!(call::<_, i32>(&mut store, &instance, "count", 1).unwrap(), 1001);
    });
}

/// Numbers of all classes that live in a loop, many more than there are registers for one of them.
#[test]
fn what_lives_in_a_loop_survives_refilling() {
    let locals: String = (0..12).map(|i| format!("(local $f{i} f64) (local $v{i} v128)")).collect();
    let steps: String = (0..12)
        .map(|i| {
            let next = (i + 1) % 12;
            format!(
                "(local.set $f{i} (f64.add (local.get $f{next}) (f64.const {i}.5)))
                (local.set $v{i} (i32x4.add (local.get $v{next}) (i32x4.splat (local.get $n))))"
            )
        })
        .collect();
    let sum: String = (0..12)
        .map(|i| {
            format!(
                "(local.set $sum (f64.add (local.get $sum) (f64.add (local.get $f{i})
                    (f64.convert_i32_u (i32x4.extract_lane 2 (local.get $v{i}))))))"
            )
        })
        .collect();
    let wat = format!(
        r#"(module (func (export "run") (param $n i32) (result f64) (local $sum f64) {locals}
            (loop $again
                {steps}
                (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            {sum} (local.get $sum)))"#
    );
    let results = core::cell::RefCell::new(Vec::new());
    each(|engine| {
        let mut store = Store::new(engine, ());
        let instance = instantiate(engine, &mut store, &wat, &[]);
        store.set_fuel(1 << 40).unwrap();
        let plain = call::<_, f64>(&mut store, &instance, "run", 40).unwrap();
        store.set_fuel(0).unwrap();
        store.refill_fuel(|_, lacking| {
            // Uses registers as a host may.
            let noise: f64 = (0..lacking.min(50)).map(|i| (i as f64).sqrt()).sum();
            lacking + u64::from(noise < 0.0)
        });
        let refilled = call::<_, f64>(&mut store, &instance, "run", 40).unwrap();
        assert_eq!(refilled, plain);
        results.borrow_mut().push(plain);
    });
    let results: Vec<f64> = results.into_inner();
    assert!(results.iter().all(|result| *result == results[0] && *result > 0.0));
}

#[test]
fn bulk_operations_pay_for_their_length() {
    let wat = r#"(module (memory 2) (table $table 1000 funcref) (table $grows 0 funcref)
        (type $bytes (array (mut i8)))
        (data $data "0123456789")
        (func (export "fill") (param i32)
            (memory.fill (i32.const 0) (i32.const 0) (local.get 0)))
        (func (export "copy") (param i32)
            (memory.copy (i32.const 0) (i32.const 0) (local.get 0)))
        (func (export "init") (param i32)
            (memory.init $data (i32.const 0) (i32.const 0) (local.get 0)))
        (func (export "table") (param i32)
            (table.fill $table (i32.const 0) (ref.null func) (local.get 0)))
        (func (export "grow") (param i32)
            (drop (table.grow $grows (ref.null func) (local.get 0))))
        (func (export "grown") (result i32) (table.size $grows))
        (func (export "array") (param i32)
            (drop (array.new_default $bytes (local.get 0)))))"#;
    each(|engine| {
        let mut store = Store::new(engine, ());
        let instance = instantiate(engine, &mut store, wat, &[]);
        for (name, len, wanted) in [
            ("fill", 63, 4),
            ("fill", 64, 5),
            ("fill", 6400, 104),
            ("copy", 6400, 104),
            ("init", 10, 4),
            ("table", 800, 104),
            ("grow", 800, 103),
            // No table has as many elements, and so none is written.
            ("grow", -1, 3),
            ("array", 800, 102),
        ] {
            let (cost, outcome) = cost::<_, _, ()>(&mut store, &instance, name, len);
            assert_eq!((cost, outcome.is_ok()), (wanted, true), "{name} {len}");
        }
        // Length is charged before bounds are checked.
        let (cost, outcome) = cost::<_, _, ()>(&mut store, &instance, "fill", -1);
        assert_eq!(
            (cost, trap(outcome)),
            (4 + (u64::from(u32::MAX) / 64), TrapCode::MemoryOutOfBounds)
        );
        store.set_fuel(50).unwrap();
        let outcome = call::<_, ()>(&mut store, &instance, "fill", 6400);
        assert_eq!((trap(outcome), store.get_fuel().unwrap()), (TrapCode::OutOfFuel, 46));
        // A table that there is no fuel to fill does not grow.
        store.set_fuel(50).unwrap();
        call::<_, ()>(&mut store, &instance, "grow", 6400).unwrap();
        assert_eq!(store.get_fuel().unwrap(), 47);
        assert_eq!(call::<(), i32>(&mut store, &instance, "grown", ()).unwrap(), 800);
    });
}

#[test]
fn host_functions_see_and_charge_fuel() {
    each(|engine| {
        let mut linker = Linker::<u64>::new(engine);
        let work = |mut caller: Caller<'_, u64>, units: u32| {
            *caller.data_mut() = caller.get_fuel()?;
            caller.charge_fuel(u64::from(units))
        };
        linker.func_wrap("host", "work", work).unwrap();
        let module = module(
            engine,
            r#"(module (import "host" "work" (func $work (param i32)))
                (func (export "run") (param i32) (call $work (local.get 0)) (nop)))"#,
        );
        let mut store = Store::new(engine, 0);
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let (cost, outcome) = cost::<_, _, ()>(&mut store, &instance, "run", 100);
        assert_eq!((cost, outcome.is_ok(), *store.data()), (102, true, (1 << 40) - 2));
        store.set_fuel(50).unwrap();
        let outcome = call::<_, ()>(&mut store, &instance, "run", 100);
        assert_eq!((trap(outcome), store.get_fuel().unwrap()), (TrapCode::OutOfFuel, 48));
        // A nested call takes from the same.
        linker.allow_shadowing(true);
        let nested = move |mut caller: Caller<'_, u64>, depth: u32| -> Result<(), Error> {
            if depth > 0 {
                let run = instance.get_typed_func::<u32, ()>(&mut caller, "run")?;
                run.call(&mut caller, 1)?;
            }
            Ok(())
        };
        linker.func_wrap("host", "work", nested).unwrap();
        let outer = linker.instantiate(&mut store, &module).unwrap();
        assert_eq!(self::cost::<_, _, ()>(&mut store, &outer, "run", 1).0, 2 + 2 + 1);
    });
}

#[test]
fn fuel_needs_an_engine_that_counts_it() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let is_disabled = |error: Error| matches!(error.kind(), ErrorKind::FuelDisabled);
        assert!(store.set_fuel(1).is_err_and(is_disabled));
        assert!(store.get_fuel().is_err_and(is_disabled));
        let instance = instantiate(engine, &mut store, COUNT, &[]);
        assert_eq!(call::<_, i32>(&mut store, &instance, "count", 1000).unwrap(), 1000);
    });
}
