//! Typed calls between host and guest whose values fit into registers, or just do not: in both
//! directions, with failures.

use wamr::{AsContextMut, Caller, Error, Extern, Func, Store, TrapCode};

use crate::support::{call, each_mode, instantiate};

/// A module whose `run` passes its parameters on to a host function, and what that gives back.
fn forwarding(params: &str, result: &str) -> String {
    let count = params.split_whitespace().count();
    let gets: String = (0..count).map(|local| format!("(local.get {local})")).collect();
    let result = if result.is_empty() { String::new() } else { format!("(result {result})") };
    format!(
        r#"(module (import "" "" (func $f (param {params}) {result}))
            (func (export "run") (param {params}) {result} (call $f {gets})))"#
    )
}

#[test]
fn values_of_every_type_arrive_in_both_directions() {
    each_mode(|engine| {
        let mut store = Store::new(engine, Vec::<String>::new());
        let mixed = Func::wrap(
            &mut store,
            |a: f32, b: i32, c: f64, d: i64, e: f32, f: u32, g: u64| -> f32 {
                assert_eq!((a, b, c, d), (1.5, -2, f64::MIN_POSITIVE, i64::MIN));
                assert_eq!((f, g), (u32::MAX, u64::MAX - 1));
                e
            },
        );
        let text = forwarding("f32 i32 f64 i64 f32 i32 i64", "f32");
        let instance = instantiate(engine, &mut store, &text, &[mixed.into()]);
        let params = (1.5_f32, -2, f64::MIN_POSITIVE, i64::MIN, f32::MAX, u32::MAX, u64::MAX - 1);
        let result: f32 = call(&mut store, &instance, "run", params).unwrap();
        assert_eq!(result, f32::MAX);

        let floats = Func::wrap(
            &mut store,
            |a: f64, b: f64, c: f64, d: f64, e: f64, f: f64, g: f64, h: f64| {
                a + 10.0
                    * (b + 10.0
                        * (c + 10.0 * (d + 10.0 * (e + 10.0 * (f + 10.0 * (g + 10.0 * h))))))
            },
        );
        let text = forwarding("f64 f64 f64 f64 f64 f64 f64 f64", "f64");
        let instance = instantiate(engine, &mut store, &text, &[floats.into()]);
        let params = (8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0);
        let result: f64 = call(&mut store, &instance, "run", params).unwrap();
        assert_eq!(result, 12_345_678.0);

        // One more than there are registers.
        let integers = Func::wrap(&mut store, |a: i32, b: i64, c: i32, d: i64, e: i32| -> i64 {
            i64::from(a) - b + i64::from(c) - d + i64::from(e)
        });
        let text = forwarding("i32 i64 i32 i64 i32", "i64");
        let instance = instantiate(engine, &mut store, &text, &[integers.into()]);
        let result: i64 = call(&mut store, &instance, "run", (1, 2_i64, 3, 4_i64, -5)).unwrap();
        assert_eq!(result, -7);

        // Bits of a NaN, negative numbers of 32 bits, and no result.
        let nan = f32::from_bits(0x7fa0_0001);
        let keep = Func::wrap(&mut store, |mut caller: Caller<'_, Vec<String>>, a: f32, b: i32| {
            caller.data_mut().push(format!("{:#x} {b}", a.to_bits()));
        });
        let text = forwarding("f32 i32", "");
        let instance = instantiate(engine, &mut store, &text, &[keep.into()]);
        call::<_, ()>(&mut store, &instance, "run", (nan, -1)).unwrap();
        assert_eq!(*store.data(), ["0x7fa00001 -1"]);
    });
}

#[test]
fn references_pass_and_failures_travel() {
    each_mode(|engine| {
        let mut store = Store::new(engine, 0);
        let refuse = Func::wrap(
            &mut store,
            |mut caller: Caller<'_, i32>,
             func: Option<Func>,
             turn: i32|
             -> Result<Option<Func>, Error> {
                *caller.data_mut() += 1;
                match turn {
                    0 => Ok(func),
                    1 => Ok(None),
                    2 => Err(TrapCode::Unreachable.into()),
                    _ => panic!("a host function's panic"),
                }
            },
        );
        let text = r#"(module
            (import "" "" (func $f (param funcref i32) (result funcref)))
            (elem declare func $me)
            (func $me (export "me") (param i32) (result i32)
                (ref.is_null (call $f (ref.func $me) (local.get 0))))
            (func (export "tail") (param funcref i32) (result funcref)
                (return_call $f (local.get 0) (local.get 1))))"#;
        let instance = instantiate(engine, &mut store, text, &[refuse.into()]);
        assert_eq!(call::<_, i32>(&mut store, &instance, "me", 0).unwrap(), 0);
        assert_eq!(call::<_, i32>(&mut store, &instance, "me", 1).unwrap(), 1);
        let error = call::<_, i32>(&mut store, &instance, "me", 2).unwrap_err();
        assert_eq!(error.trap_code(), Some(TrapCode::Unreachable));
        assert_eq!(error.backtrace().frames().len(), 1);
        let panicked = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
            call::<_, i32>(&mut store, &instance, "me", 3)
        }));
        let payload = panicked.unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"a host function's panic"));

        let me = instance.get_export(store.as_context_mut(), "me").and_then(Extern::into_func);
        let tail = call::<_, Option<Func>>(&mut store, &instance, "tail", (me.clone(), 0)).unwrap();
        assert!(Func::same(&tail.unwrap(), &me.unwrap()));
        let error = call::<_, Option<Func>>(&mut store, &instance, "tail", (None::<Func>, 2));
        assert_eq!(error.unwrap_err().trap_code(), Some(TrapCode::Unreachable));
        assert_eq!(*store.data(), 6);
    });
}
