//! Host functions: arity, results, errors, the caller's memory, re-entrancy, panics.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use wamr::{
    Caller, Engine, Error, ErrorKind, Extern, ExternRef, Func, FuncType, HostFuncDef, Instance,
    Linker, Store, Val, ValType,
};

use crate::support::{call, each_mode, instantiate, module};

#[derive(Debug, PartialEq)]
struct Refused(u8);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with {}", self.0)
    }
}

impl std::error::Error for Refused {}

/// Checks a host function whose parameters are the numbers from 1 on and whose result their
/// weighted sum: directly, and through a module that passes them on.
fn check_sum(engine: &Engine, count: usize, make: impl FnOnce(&mut Store<()>) -> Func) {
    let mut store = Store::new(engine, ());
    let func = make(&mut store);
    let expected: i64 = (1..=count as i64).map(|n| n * n).sum();
    let params: Vec<Val> = (1..=count as i64).map(Val::I64).collect();
    let mut results = [Val::I32(0)];
    func.call(&mut store, &params, &mut results).unwrap();
    assert_eq!(results[0].i64(), Some(expected), "{count} parameters");
    let params = " i64".repeat(count);
    let consts: String = (1..=count).map(|n| format!("(i64.const {n})")).collect();
    let wat = format!(
        r#"(module (import "" "" (func $f (param{params}) (result i64)))
            (func (export "run") (result i64) (call $f {consts})))"#
    );
    let instance = instantiate(engine, &mut store, &wat, &[func.into()]);
    assert_eq!(call::<(), i64>(&mut store, &instance, "run", ()).unwrap(), expected);
}

macro_rules! sums {
    ($engine:ident: $($count:literal ($($name:ident)*))*) => {$(
        check_sum($engine, $count, |store| Func::wrap(store, |$($name: i64),*| {
            let values: &[i64] = &[$($name),*];
            values.iter().enumerate().map(|(i, n)| (i as i64 + 1) * n).sum::<i64>()
        }));
        check_sum($engine, $count, |store| {
            Func::wrap(store, |_: Caller<'_, ()>, $($name: i64),*| {
                let values: &[i64] = &[$($name),*];
                values.iter().enumerate().map(|(i, n)| (i as i64 + 1) * n).sum::<i64>()
            })
        });
    )*};
}

#[test]
fn closures_of_up_to_sixteen_parameters() {
    each_mode(|engine| {
        sums! { engine:
            0 () 1 (a) 2 (a b) 3 (a b c) 4 (a b c d) 5 (a b c d e) 6 (a b c d e f)
            7 (a b c d e f g) 8 (a b c d e f g h) 9 (a b c d e f g h i) 10 (a b c d e f g h i j)
            11 (a b c d e f g h i j k) 12 (a b c d e f g h i j k l)
            13 (a b c d e f g h i j k l m) 14 (a b c d e f g h i j k l m n)
            15 (a b c d e f g h i j k l m n o) 16 (a b c d e f g h i j k l m n o p)
        }
    });
}

#[test]
fn parameters_and_results_of_every_type() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        type Six = (i32, u64, f32, f64, Option<Func>, Option<ExternRef>);
        let mirror = Func::wrap(
            &mut store,
            |a: i32, b: u64, c: f32, d: f64, e: Option<Func>, f: Option<ExternRef>| {
                (f, e, d, c, b, a)
            },
        );
        let instance = instantiate(
            engine,
            &mut store,
            r#"(module
                (import "" "" (func $f (param i32 i64 f32 f64 funcref externref)
                    (result externref funcref f64 f32 i64 i32)))
                (func (export "run") (param i32 i64 f32 f64 funcref externref)
                    (result externref funcref f64 f32 i64 i32)
                    local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 local.get 5
                    call $f))"#,
            &[mirror.clone().into()],
        );
        let host = ExternRef::new(&mut store, 12u16).unwrap();
        let given: Six =
            (-1, u64::MAX, f32::MIN, f64::EPSILON, Some(mirror.clone()), Some(host.clone()));
        type Back = (Option<ExternRef>, Option<Func>, f64, f32, u64, i32);
        let got: Back = call(&mut store, &instance, "run", given).unwrap();
        assert!(ExternRef::same(got.0.as_ref().unwrap(), &host));
        let data = got.0.unwrap();
        assert_eq!(data.data(&store).unwrap().unwrap().downcast_ref::<u16>(), Some(&12));
        assert!(Func::same(&got.1.unwrap(), &mirror));
        assert_eq!((got.2, got.3, got.4, got.5), (f64::EPSILON, f32::MIN, u64::MAX, -1));
        let nulls: Back = call(
            &mut store,
            &instance,
            "run",
            (0, 0u64, 0f32, 0f64, None::<Func>, None::<ExternRef>),
        )
        .unwrap();
        assert!(nulls.0.is_none() && nulls.1.is_none());
    });
}

#[test]
fn many_results_from_wasm_and_host() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        type Sixteen =
            (i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32);
        let count = Func::wrap(&mut store, || -> Result<Sixteen, Error> {
            Ok((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16))
        });
        let results = " i32".repeat(16);
        let wat = format!(
            r#"(module (import "" "" (func $f (result{results})))
                (func (export "run") (result{results}) call $f))"#
        );
        let instance = instantiate(engine, &mut store, &wat, &[count.into()]);
        let got: Sixteen = call(&mut store, &instance, "run", ()).unwrap();
        assert_eq!((got.0, got.7, got.15), (1, 8, 16));
        // More results than any tuple: 1,000, of which the last one tells.
        let results = " i64".repeat(1000);
        let consts: String = (0..1000).map(|n| format!("(i64.const {n})")).collect();
        let wat = format!(
            r#"(module (func $f (result{results}) {consts})
                (func (export "run") (result{results}) (call $f)))"#
        );
        let instance = instantiate(engine, &mut store, &wat, &[]);
        let run = instance.get_func(&mut store, "run").unwrap();
        let mut got = vec![Val::I32(0); 1000];
        run.call(&mut store, &[], &mut got).unwrap();
        assert!(got.iter().enumerate().all(|(i, value)| value.i64() == Some(i as i64)));
    });
}

#[test]
fn errors_of_the_host_come_back_as_they_were() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let fail = Func::wrap(&mut store, |code: i32| -> Result<i32, Error> {
            if code > 0 { Err(Error::new(Refused(code as u8))) } else { Ok(code) }
        });
        let instance = instantiate(
            engine,
            &mut store,
            r#"(module (import "" "" (func $f (param i32) (result i32)))
                (func $middle (param i32) (result i32) (call $f (local.get 0)))
                (func (export "run") (param i32) (result i32) (call $middle (local.get 0))))"#,
            &[fail.into()],
        );
        assert_eq!(call::<i32, i32>(&mut store, &instance, "run", -3).unwrap(), -3);
        let error = call::<i32, i32>(&mut store, &instance, "run", 5).unwrap_err();
        assert_eq!(error.downcast_ref::<Refused>(), Some(&Refused(5)));
        assert!(error.trap_code().is_none() && matches!(error.kind(), ErrorKind::Host(_)));
        assert_eq!(error.backtrace().frames().len(), 2);
        assert_eq!(error.to_string(), "refused with 5");
        assert_eq!(error.downcast::<Refused>().unwrap(), Refused(5));
        // The store is as good as before.
        assert_eq!(call::<i32, i32>(&mut store, &instance, "run", 0).unwrap(), 0);
        let trapping = Func::wrap(&mut store, || -> Result<(), Error> {
            Err(wamr::TrapCode::IntegerOverflow.into())
        });
        let error = trapping.call(&mut store, &[], &mut []).unwrap_err();
        assert_eq!(error.trap_code(), Some(wamr::TrapCode::IntegerOverflow));
    });
}

#[test]
fn a_caller_gives_exports_of_who_called() {
    each_mode(|engine| {
        let mut store = Store::new(engine, Vec::<String>::new());
        let mut linker = Linker::new(engine);
        linker
            .func_wrap("host", "log", |mut caller: Caller<'_, Vec<String>>, at: u32, len: u32| {
                let memory = caller.get_export("memory").and_then(Extern::into_memory);
                let memory = memory.ok_or_else(|| Error::msg("no memory"))?;
                let (bytes, log) = memory.data_and_store_mut(&mut caller)?;
                let text = bytes.get(at as usize..(at + len) as usize);
                let text = text.ok_or_else(|| Error::msg("outside"))?;
                log.push(String::from_utf8_lossy(text).into_owned());
                Ok(())
            })
            .unwrap();
        let program = |text: &str| {
            module(
                engine,
                &format!(
                    r#"(module (import "host" "log" (func $log (param i32 i32)))
                    (memory (export "memory") 1) (data (i32.const 16) "{text}")
                    (func (export "run") (call $log (i32.const 16) (i32.const {}))))"#,
                    text.len()
                ),
            )
        };
        for text in ["first", "second one"] {
            let instance = linker.instantiate(&mut store, &program(text)).unwrap();
            call::<(), ()>(&mut store, &instance, "run", ()).unwrap();
        }
        assert_eq!(store.data(), &["first", "second one"]);
        let without = module(
            engine,
            r#"(module (import "host" "log" (func $log (param i32 i32)))
                (func (export "run") (call $log (i32.const 0) (i32.const 0))))"#,
        );
        let instance = linker.instantiate(&mut store, &without).unwrap();
        let error = call::<(), ()>(&mut store, &instance, "run", ()).unwrap_err();
        assert_eq!(error.to_string(), "no memory");
        // Nobody called, so there are no exports either.
        let log = linker.get(&mut store, "host", "log").unwrap().unwrap().into_func().unwrap();
        assert!(log.call(&mut store, &[Val::I32(0), Val::I32(0)], &mut []).is_err());
    });
}

/// A module that counts down by way of a host function, which calls it again.
fn countdown(engine: &Engine, store: &mut Store<()>) -> Instance {
    let down = Func::wrap(&mut *store, |mut caller: Caller<'_, ()>, n: i32| {
        let run = caller.get_export("run").and_then(Extern::into_func);
        let run = run.ok_or_else(|| Error::msg("no export"))?;
        run.typed::<i32, i32>(&caller)?.call(&mut caller, n - 1)
    });
    instantiate(
        engine,
        store,
        r#"(module (import "" "" (func $down (param i32) (result i32)))
            (func $run (export "run") (param i32) (result i32)
                (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
                (if (i32.eq (local.get 0) (i32.const -1000)) (then unreachable))
                (i32.add (local.get 0) (call $down (local.get 0)))))"#,
        &[down.into()],
    )
}

#[test]
fn host_and_wasm_call_each_other() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let instance = countdown(engine, &mut store);
        assert_eq!(call::<i32, i32>(&mut store, &instance, "run", 50).unwrap(), 1275);
        assert_eq!(call::<i32, i32>(&mut store, &instance, "run", 50).unwrap(), 1275);
    });
}

#[test]
fn a_panic_of_the_host_goes_through_wasm() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let panicking = Func::wrap(&mut store, |x: i32| {
            if x == 0 {
                std::panic::panic_any(Refused(9));
            }
            x
        });
        let inner = instantiate(
            engine,
            &mut store,
            r#"(module (import "" "" (func $f (param i32) (result i32)))
                (func (export "run") (param i32) (result i32) (call $f (local.get 0))))"#,
            &[panicking.into()],
        );
        // Once more through the host, which must not see the panic end there.
        let run = inner.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
        let again = Func::wrap(&mut store, move |mut caller: Caller<'_, ()>, x: i32| {
            run.call(&mut caller, x)
        });
        let outer = instantiate(
            engine,
            &mut store,
            r#"(module (import "" "" (func $f (param i32) (result i32)))
                (func (export "run") (param i32) (result i32) (call $f (local.get 0))))"#,
            &[again.into()],
        );
        for _ in 0..3 {
            let outcome =
                catch_unwind(AssertUnwindSafe(|| call::<i32, i32>(&mut store, &outer, "run", 0)));
            let payload = outcome.expect_err("the panic");
            assert_eq!(payload.downcast_ref::<Refused>(), Some(&Refused(9)));
            assert_eq!(call::<i32, i32>(&mut store, &outer, "run", 4).unwrap(), 4);
        }
        store.gc();
        assert_eq!(call::<i32, i32>(&mut store, &outer, "run", 5).unwrap(), 5);
    });
}

#[test]
fn a_host_function_may_swallow_a_trap_and_go_on() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let bad =
            instantiate(engine, &mut store, r#"(module (func (export "f") unreachable))"#, &[]);
        let bad = bad.get_func(&mut store, "f").unwrap();
        let attempt = Func::wrap(&mut store, move |mut caller: Caller<'_, ()>| -> i32 {
            let error = bad.call(&mut caller, &[], &mut []).unwrap_err();
            assert_eq!(error.backtrace().frames().len(), 1);
            7
        });
        let instance = instantiate(
            engine,
            &mut store,
            r#"(module (import "" "" (func $f (result i32)))
                (func (export "run") (result i32) (i32.add (call $f) (call $f))))"#,
            &[attempt.into()],
        );
        assert_eq!(call::<(), i32>(&mut store, &instance, "run", ()).unwrap(), 14);
    });
}

#[test]
fn numbers_travel_in_slots_both_ways() {
    const SWAP: &str = r#"(module
        (import "host" "f" (func $f (param i32 f32 v128 i64) (result f64 i32 v128)))
        (func (export "f") (param i32 f32 v128 i64) (result f64 i32 v128)
            (call $f (local.get 0) (local.get 1) (local.get 2) (local.get 3))))"#;
    const HIGH: u64 = 0xdead_beef_0000_0000;
    each_mode(|engine| {
        let mut store = Store::new(engine, Vec::<Vec<u64>>::new());
        let params = [ValType::I32, ValType::F32, ValType::V128, ValType::I64];
        let ty = FuncType::new(params, [ValType::F64, ValType::I32, ValType::V128]);
        let f =
            HostFuncDef::with_slots(engine, ty, |mut caller: Caller<'_, Vec<Vec<u64>>>, slots| {
                caller.data_mut().push(slots.to_vec());
                slots[..4].copy_from_slice(&[2.5_f64.to_bits(), HIGH | 7, 8, 9]);
                if slots[4] == 0 { Err(Error::msg("nothing")) } else { Ok(()) }
            });
        let f = f.unwrap().to_func(&mut store).unwrap();
        let instance = instantiate(engine, &mut store, SWAP, &[f.clone().into()]);
        let through_wasm = instance.get_func(&mut store, "f").unwrap();
        for func in [f, through_wasm] {
            let func = func.with_slots(&store).unwrap().expect("numbers alone");
            assert_eq!((func.slot_count(), func.ty().params().len()), (5, 4));
            let mut slots = [HIGH | 1, HIGH | u64::from(1.5_f32.to_bits()), 3, 4, 5, 99];
            func.call(&mut store, &mut slots).unwrap();
            // What stands above numbers of 32 bits was cleared, both ways.
            let given = [1, u64::from(1.5_f32.to_bits()), 3, 4, 5];
            assert_eq!(store.data_mut().pop().unwrap(), given);
            assert_eq!(slots[..4], [2.5_f64.to_bits(), 7, 8, 9]);
            assert_eq!(slots[5], 99);
            // Too few slots, a failure, another store.
            assert!(matches!(
                func.call(&mut store, &mut [0; 4]).unwrap_err().kind(),
                ErrorKind::SignatureMismatch { .. }
            ));
            assert!(store.data().is_empty());
            let error = func.call(&mut store, &mut [0; 5]).unwrap_err();
            assert!(error.to_string().contains("nothing"));
            store.data_mut().clear();
            let mut other = Store::new(engine, ());
            let error = func.call(&mut other, &mut [1; 5]).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::WrongStore));
        }
        let ty = FuncType::new([ValType::EXTERNREF], []);
        let refused = HostFuncDef::with_slots(engine, ty.clone(), |_: Caller<'_, ()>, _| Ok(()));
        assert!(matches!(refused.unwrap_err().kind(), ErrorKind::InvalidType(_)));
        let mut store = Store::new(engine, ());
        let func = Func::new(&mut store, ty, |_, _, _| Ok(())).unwrap();
        assert!(func.with_slots(&store).unwrap().is_none());
        // Nothing in, nothing out.
        let none = Func::wrap(&mut store, || ());
        none.with_slots(&store).unwrap().unwrap().call(&mut store, &mut []).unwrap();
    });
}
