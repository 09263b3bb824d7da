//! Natives: signatures, checked pointers, shadowing, attachments.

use wamr::native::{GuestBuf, GuestPtr, GuestStr, NativeArg, NativeEnv};
use wamr::{
    Engine, Error, ExternRef, Imports, Instance, LinkError, Native, Natives, Store, TrapCode, Val,
};

use crate::support::{call, each_mode, module, trap};

/// An instance whose imports from `env` are natives of a registry.
fn link(
    engine: &Engine,
    store: &mut Store<Vec<String>>,
    natives: &Natives<Vec<String>>,
    wat: &str,
) -> Result<Instance, LinkError> {
    let module = module(engine, wat);
    let list = Imports::of(&module).source("natives", natives).build(&mut *store)?;
    Ok(list.instantiate(store).unwrap())
}

/// A module that passes `run`'s parameters on to one native; its memory, which it does not export,
/// has one page with a string at 16 and another one without an end.
fn passing_on(name: &str, params: &str, result: &str) -> String {
    let gets: String =
        (0..params.split_whitespace().count()).map(|i| format!("(local.get {i})")).collect();
    format!(
        r#"(module (import "env" "{name}" (func $f (param {params}) {result}))
            (memory 1) (data (i32.const 16) "hello\00") (data (i32.const 65532) "open")
            (func (export "run") (param {params}) {result} (call $f {gets})))"#
    )
}

#[test]
fn closures_get_numbers_strings_and_buffers() {
    each_mode(|engine| {
        let mut store = Store::new(engine, Vec::new());
        let mut natives = Natives::new();
        natives.register(
            "env",
            [
                Native::new("add", |a: i32, b: i64, c: f32, d: f64| {
                    f64::from(a) + b as f64 + f64::from(c) + d
                }),
                Native::new("say", |env: &mut NativeEnv<'_, Vec<String>>, text: GuestStr| {
                    let said = text.to_text(env)?;
                    env.data_mut().push(said);
                    Ok::<_, Error>(text.0.len_bytes as u32)
                }),
                Native::new(
                    "sum",
                    |env: &mut NativeEnv<'_, Vec<String>>, bytes: GuestBuf| -> Result<u32, Error> {
                        Ok(env.slice(bytes)?.iter().map(|&byte| u32::from(byte)).sum())
                    },
                ),
                Native::new("at", |pointer: GuestPtr| pointer.0),
            ],
        );
        let wat = passing_on("add", "i32 i64 f32 f64", "(result f64)");
        let add = link(engine, &mut store, &natives, &wat).unwrap();
        let sum = call::<_, f64>(&mut store, &add, "run", (-1, 1i64 << 40, 0.5f32, 0.25f64));
        assert_eq!(sum.unwrap(), (1u64 << 40) as f64 - 0.25);

        let wat = passing_on("say", "i32", "(result i32)");
        let say = link(engine, &mut store, &natives, &wat).unwrap();
        let mut say = |at: i32| call::<_, i32>(&mut store, &say, "run", at);
        assert_eq!((say(16).unwrap(), say(18).unwrap(), say(21).unwrap()), (5, 3, 0));
        for at in [65532, 65536, -1] {
            assert_eq!(trap(say(at)), TrapCode::MemoryOutOfBounds, "{at}");
        }
        assert_eq!(*store.data(), ["hello", "llo", ""]);

        let wat = passing_on("sum", "i32 i32", "(result i32)");
        let sum = link(engine, &mut store, &natives, &wat).unwrap();
        let mut sum = |at: i32, len: i32| call::<_, i32>(&mut store, &sum, "run", (at, len));
        assert_eq!(sum(16, 2).unwrap(), i32::from(b'h') + i32::from(b'e'));
        assert_eq!(sum(65536, 0).unwrap(), 0);
        for (at, len) in [(65536, 1), (65535, 2), (0, 65537), (-1, -1), (1, -1), (65537, 0)] {
            assert_eq!(trap(sum(at, len)), TrapCode::MemoryOutOfBounds, "{at} {len}");
        }
        // A pointer without a length: one byte.
        let wat = passing_on("at", "i32", "(result i64)");
        let at = link(engine, &mut store, &natives, &wat).unwrap();
        assert_eq!(call::<_, i64>(&mut store, &at, "run", 65535).unwrap(), 65535);
        let outside = call::<_, i64>(&mut store, &at, "run", 65536);
        assert_eq!(trap(outside), TrapCode::MemoryOutOfBounds);
    });
}

#[test]
fn pointers_have_the_width_of_their_memory() {
    each_mode(|engine| {
        let mut store = Store::new(engine, Vec::new());
        let mut natives = Natives::new();
        natives.register("env", [Native::new("len", |text: GuestStr| text.0.len_bytes)]);
        let wat = r#"(module (import "env" "len" (func $len (param i64) (result i64)))
            (memory i64 1) (data (i64.const 9) "four\00")
            (func (export "run") (param i64) (result i64) (call $len (local.get 0))))"#;
        let instance = link(engine, &mut store, &natives, wat).unwrap();
        assert_eq!(call::<_, i64>(&mut store, &instance, "run", 9i64).unwrap(), 4);
        let outside = call::<_, i64>(&mut store, &instance, "run", -1i64);
        assert_eq!(trap(outside), TrapCode::MemoryOutOfBounds);
    });
}

#[test]
fn shared_memories_are_checked_and_copied() {
    each_mode(|engine| {
        let mut store = Store::new(engine, Vec::new());
        let mut natives = Natives::new();
        natives.register(
            "env",
            [
                Native::new("say", |env: &mut NativeEnv<'_, Vec<String>>, text: GuestStr| {
                    assert!(text.bytes(env).is_err(), "nothing is lent");
                    let said = text.to_text(env)?;
                    env.data_mut().push(said);
                    Ok::<_, Error>(text.0.len_bytes as u32)
                }),
                Native::new("fill", |env: &mut NativeEnv<'_, Vec<String>>, bytes: GuestBuf| {
                    env.write(bytes.address, &vec![b'x'; bytes.len_bytes as usize])
                }),
            ],
        );
        let wat = r#"(module (import "env" "say" (func $say (param i32) (result i32)))
            (import "env" "fill" (func $fill (param i32 i32))) (memory 1 1 shared)
            (data (i32.const 16) "hello\00") (data (i32.const 65532) "open")
            (func (export "say") (param i32) (result i32) (call $say (local.get 0)))
            (func (export "fill") (param i32 i32) (call $fill (local.get 0) (local.get 1))))"#;
        let instance = link(engine, &mut store, &natives, wat).unwrap();
        let mut say = |at: i32| call::<_, i32>(&mut store, &instance, "say", at);
        assert_eq!((say(16).unwrap(), say(18).unwrap(), say(300).unwrap()), (5, 3, 0));
        for at in [65532, 65536, -1] {
            assert_eq!(trap(say(at)), TrapCode::MemoryOutOfBounds, "{at}");
        }
        call::<_, ()>(&mut store, &instance, "fill", (30, 600)).unwrap();
        assert_eq!(call::<_, i32>(&mut store, &instance, "say", 29).unwrap(), 0);
        assert_eq!(call::<_, i32>(&mut store, &instance, "say", 31).unwrap(), 599);
        let outside = call::<_, ()>(&mut store, &instance, "fill", (65535, 2));
        assert_eq!(trap(outside), TrapCode::MemoryOutOfBounds);
        assert_eq!(store.data()[..2], ["hello", "llo"]);
    });
}

#[test]
fn signatures_must_fit_the_import() {
    each_mode(|engine| {
        let mut store = Store::new(engine, Vec::new());
        let mut natives = Natives::new();
        let none = |_: &mut NativeEnv<'_, Vec<String>>, _: &[NativeArg]| Ok(None);
        natives.register("env", [Native::checked("f", Some("(*~$)"), none).unwrap()]);
        let import = |ty: &str| format!(r#"(module (import "env" "f" {ty}) (memory 1))"#);
        link(engine, &mut store, &natives, &import("(func (param i32 i32 i32))")).unwrap();
        for ty in [
            "(func (param i32 i32))",
            "(func (param i32 f32 i32))",
            "(func (param i32 i32 i32) (result i32))",
            "(global i32)",
        ] {
            let error = link(engine, &mut store, &natives, &import(ty)).unwrap_err().to_string();
            assert!(error.contains("found native function (*~$) (natives)"), "{error}");
        }
        assert!(Native::checked("f", Some("(~)"), none).is_err());
    });
}

#[test]
fn the_newest_shadows_and_a_leading_underscore_is_dropped() {
    each_mode(|engine| {
        let mut store = Store::new(engine, Vec::new());
        let mut natives = Natives::new();
        let old = natives.register("env", [Native::new("f", || 1), Native::new("g", || 10)]);
        let new = natives.register("env", [Native::new("f", || 2)]);
        let wat = r#"(module (import "env" "f" (func $f (result i32)))
            (import "env" "_g" (func $g (result i32)))
            (func (export "run") (result i32) (i32.add (call $f) (call $g))))"#;
        let run = |store: &mut Store<Vec<String>>, natives: &Natives<Vec<String>>| {
            let instance = link(engine, store, natives, wat)?;
            Ok::<_, LinkError>(call::<(), i32>(store, &instance, "run", ()).unwrap())
        };
        assert_eq!(run(&mut store, &natives).unwrap(), 12);
        // What was linked goes on when its native is gone.
        let before = link(engine, &mut store, &natives, wat).unwrap();
        assert!(natives.unregister(new) && !natives.unregister(new));
        assert_eq!(run(&mut store, &natives).unwrap(), 11);
        assert_eq!(call::<(), i32>(&mut store, &before, "run", ()).unwrap(), 12);
        // An underscore of its own goes before the retry.
        natives.register("env", [Native::new("_g", || 20)]);
        assert_eq!(run(&mut store, &natives).unwrap(), 21);
        assert!(natives.unregister(old));
        let error = run(&mut store, &natives).unwrap_err().to_string();
        assert!(error.contains("unknown import (1)"), "{error}");
        // Another registry knows nothing of it.
        assert!(Natives::<()>::new().get("env", "_g").is_none());
    });
}

#[test]
fn raw_natives_and_attachments() {
    each_mode(|engine| {
        let mut store = Store::new(engine, Vec::new());
        let mut natives = Natives::new();
        let raw = Native::raw("f", None, |env: &mut NativeEnv<'_, Vec<String>>, slots| {
            let offset = *env.attachment::<u64>().ok_or_else(|| Error::msg("no attachment"))?;
            slots[0] = slots[0] + slots[1] + offset;
            Ok(())
        });
        let raw = raw.unwrap();
        natives.register("env", [raw.clone().attachment(100u64)]);
        let wat = passing_on("f", "i64 i32", "(result i64)");
        let instance = link(engine, &mut store, &natives, &wat).unwrap();
        assert_eq!(call::<_, i64>(&mut store, &instance, "run", (1i64, 2)).unwrap(), 103);
        natives.register("env", [raw]);
        let instance = link(engine, &mut store, &natives, &wat).unwrap();
        let error = call::<_, i64>(&mut store, &instance, "run", (1i64, 2)).unwrap_err();
        assert_eq!(error.to_string(), "no attachment");
        // References stand as numbers in slots.
        let swap = Native::raw("swap", Some("(rr)r"), |env, slots| {
            assert!(env.reference(slots[0]).is_some() && env.reference(99).is_none());
            slots[0] = slots[1];
            Ok(())
        });
        natives.register("env", [swap.unwrap()]);
        let wat = passing_on("swap", "externref externref", "(result externref)");
        let instance = link(engine, &mut store, &natives, &wat).unwrap();
        let run = instance.get_func(&mut store, "run").unwrap();
        let [a, b] = ["a", "b"].map(|value| Val::from(ExternRef::new(&mut store, value).unwrap()));
        let mut results = [Val::ExternRef(None)];
        run.call(&mut store, &[a.clone(), b], &mut results).unwrap();
        let [Val::ExternRef(Some(value))] = &results else { panic!("{results:?}") };
        assert_eq!(value.data(&store).unwrap().unwrap().downcast_ref(), Some(&"b"));
        run.call(&mut store, &[a, Val::ExternRef(None)], &mut results).unwrap();
        assert!(matches!(results[0], Val::ExternRef(None)));
    });
}

#[test]
fn natives_with_pointers_need_a_memory() {
    each_mode(|engine| {
        let mut store = Store::new(engine, Vec::new());
        let mut natives = Natives::new();
        natives.register("env", [Native::new("f", |_: GuestStr| {})]);
        let wat = r#"(module (import "env" "f" (func $f (param i32)))
            (func (export "run") (call $f (i32.const 0))))"#;
        let instance = link(engine, &mut store, &natives, wat).unwrap();
        let error = call::<(), ()>(&mut store, &instance, "run", ()).unwrap_err();
        assert!(error.to_string().contains("without a memory"), "{error}");
    });
}
