//! Which frames are live while the host runs, as host functions see them.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use wamr::{
    AsContextMut, Backtrace, Caller, Engine, Error, Extern, Func, FuncType, Instance, Store, Val,
    ValType,
};

use crate::support::{call, each_mode, instantiate, module};

/// Calls the host in every way that there is.
const CALLS: &str = r#"(module $calls
    (type $int (func (param i32 f64) (result i32)))
    (import "host" "int" (func $int (type $int)))
    (import "host" "float" (func $float (param f32 i64) (result f64)))
    (import "host" "wide" (func $wide
        (param v128 i32 i32 i32 i32 i64 i64) (result i32 i64 v128)))
    (import "host" "again" (func $again (param i32) (result i32)))
    (import "host" "throw" (func $throw))
    (table funcref (elem $int))
    (global $noise (mut i32) (i32.const 0))
    ;; Large enough not to be inlined everywhere.
    (func $below (param i32) (result i32)
        (global.set $noise (i32.add (global.get $noise) (local.get 0)))
        (i32.add (local.get 0) (call $int (local.get 0) (f64.const 2.5))))
    (func (export "int") (param i32) (result i32) (call $below (local.get 0)))
    (func (export "float") (param i32) (result i32)
        (i32.trunc_f64_s (call $float (f32.const 1.5) (i64.extend_i32_s (local.get 0)))))
    (func (export "wide") (param i32) (result i32) (local v128 i64)
        (call $wide (v128.const i64x2 3 4) (local.get 0) (local.get 0) (i32.const 1) (i32.const 2)
            (i64.const 3) (i64.const 4))
        (local.set 1) (local.set 2)
        (i32.add (i32.wrap_i64 (local.get 2)) (i32.wrap_i64 (i64x2.extract_lane 1 (local.get 1))))
        (i32.add))
    (func (export "indirect") (param i32) (result i32)
        (call_indirect (type $int) (local.get 0) (f64.const 0) (i32.const 0)))
    (func (export "ref") (param i32) (result i32)
        (call_ref $int (local.get 0) (f64.const 0) (ref.func $int)))
    (func $tail (param i32) (result i32) (return_call $int (local.get 0) (f64.const 0)))
    (func (export "tail") (param i32) (result i32)
        (i32.add (call $tail (local.get 0)) (i32.const 0)))
    (func (export "tail alone") (param i32) (result i32)
        (return_call $int (local.get 0) (f64.const 0)))
    (func $nested (export "nested") (param i32) (result i32)
        (if (result i32) (local.get 0)
            (then (call $again (i32.sub (local.get 0) (i32.const 1))))
            (else (call $below (i32.const 7)))))
    (func (export "thrice") (param i32) (result i32)
        (drop (call $int (local.get 0) (f64.const 0)))
        (drop (call $below (local.get 0)))
        (call $int (local.get 0) (f64.const 0)))
    (func (export "caught") (param i32) (result i32)
        (block $caught (try_table (catch_all $caught) (call $throw)))
        (call $below (local.get 0)))
    (func $deep (export "deep") (param i32) (result i32)
        (if (result i32) (local.get 0)
            (then (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
            (else (call $int (i32.const 0) (f64.const 0))))))"#;

/// Whatever host functions have seen, and what they do.
#[derive(Default)]
struct Host {
    seen: Vec<Backtrace>,
    nested: Option<Func>,
    fails: bool,
}

fn see(caller: &mut Caller<'_, Host>) -> Result<(), Error> {
    let live = Backtrace::capture(&*caller);
    let host = caller.data_mut();
    host.seen.push(live);
    if host.fails { Err(Error::msg("as it is told")) } else { Ok(()) }
}

fn host(store: &mut Store<Host>) -> [Extern; 5] {
    type Me<'a> = Caller<'a, Host>;
    let int = Func::wrap(&mut *store, |mut caller: Me<'_>, value: i32, _: f64| {
        see(&mut caller).map(|()| value)
    });
    let float = Func::wrap(&mut *store, |mut caller: Me<'_>, _: f32, value: i64| {
        see(&mut caller).map(|()| value as f64)
    });
    let params = [ValType::V128].into_iter().chain([ValType::I32; 4]).chain([ValType::I64; 2]);
    let ty = FuncType::new(params, [ValType::I32, ValType::I64, ValType::V128]);
    let wide = Func::new(&mut *store, ty, |mut caller: Me<'_>, _, results| {
        results.clone_from_slice(&[Val::I32(1), Val::I64(2), Val::V128(0)]);
        see(&mut caller)
    });
    let again = Func::wrap(&mut *store, |mut caller: Me<'_>, value: i32| -> Result<i32, Error> {
        let nested = caller.data().nested.clone().unwrap();
        let result = nested.typed::<i32, i32>(&mut caller)?.call(&mut caller, value)?;
        // What was entered here has gone again.
        see(&mut caller).map(|()| result)
    });
    let tag = wamr::Tag::new(&mut *store, FuncType::new([], [])).unwrap();
    let throw = Func::wrap(&mut *store, move |mut caller: Me<'_>| -> Result<(), Error> {
        Err(wamr::ExnRef::new(&mut caller, &tag, &[])?.into())
    });
    [int.into(), float.into(), wide.unwrap().into(), again.into(), throw.into()]
}

fn calls(engine: &Engine) -> (Store<Host>, Instance) {
    let mut store = Store::new(engine, Host::default());
    let imports = host(&mut store);
    let instance = instantiate(engine, &mut store, CALLS, &imports);
    store.data_mut().nested = instance.get_func(&mut store, "nested");
    (store, instance)
}

/// Functions and offsets of frames.
fn places(backtrace: &Backtrace) -> Vec<(u32, usize)> {
    let place = |frame: &wamr::Frame| (frame.func().0, frame.offset().expect("all are known"));
    backtrace.frames().iter().map(place).collect()
}

fn names(backtrace: &Backtrace) -> Vec<String> {
    let name = |frame: &wamr::Frame| frame.func_name().unwrap_or_else(|| frame.func().to_string());
    backtrace.frames().iter().map(name).collect()
}

#[test]
fn what_is_live_is_what_a_failure_would_pass_through() {
    each_mode(|engine| {
        let (mut store, instance) = calls(engine);
        let exports =
            ["int", "float", "wide", "indirect", "ref", "tail", "tail alone", "nested", "caught"];
        for name in exports {
            store.data_mut().fails = false;
            call::<i32, i32>(&mut store, &instance, name, 3).unwrap();
            let returned = std::mem::take(&mut store.data_mut().seen);
            store.data_mut().fails = true;
            let error = call::<i32, i32>(&mut store, &instance, name, 3).unwrap_err();
            let failed = std::mem::take(&mut store.data_mut().seen);
            let expected = places(error.backtrace());
            assert_eq!(places(&returned[0]), expected, "{name}");
            assert_eq!(places(&failed[0]), expected, "{name}");
            // A tail call may have left nothing.
            assert!(!expected.is_empty() || name == "tail alone", "{name}");
        }
    });
}

#[test]
fn frames_are_those_of_the_moment() {
    each_mode(|engine| {
        let (mut store, instance) = calls(engine);
        assert!(Backtrace::capture(&store).frames().is_empty());
        call::<i32, i32>(&mut store, &instance, "thrice", 3).unwrap();
        let seen = std::mem::take(&mut store.data_mut().seen);
        let [first, below, last] = &seen[..] else { panic!("three calls of the host") };
        assert_eq!((places(first).len(), places(last).len()), (1, 1));
        assert_eq!(names(below)[0], "below");
        let (first, outer, last) = (places(first)[0], places(below)[1], places(last)[0]);
        assert!(first.0 == outer.0 && outer.0 == last.0);
        assert!(first.1 < outer.1 && outer.1 < last.1);
        assert!(Backtrace::capture(&store).frames().is_empty());
    });
}

#[test]
fn calls_back_into_wasm_and_out_again_are_all_there() {
    each_mode(|engine| {
        let (mut store, instance) = calls(engine);
        call::<i32, i32>(&mut store, &instance, "nested", 3).unwrap();
        let seen: Vec<_> = store.data().seen.iter().map(names).collect();
        let nested = |count: usize| vec!["nested".to_owned(); count];
        assert_eq!(seen.len(), 4);
        assert_eq!(seen[0], [vec!["below".to_owned()], nested(4)].concat());
        assert_eq!(seen[1..], [nested(3), nested(2), nested(1)]);
        assert!(Backtrace::capture(&store).frames().is_empty());
    });
}

#[test]
fn failures_and_panics_leave_nothing_behind() {
    each_mode(|engine| {
        let (mut store, instance) = calls(engine);
        store.data_mut().fails = true;
        call::<i32, i32>(&mut store, &instance, "nested", 2).unwrap_err();
        assert!(Backtrace::capture(&store).frames().is_empty());
        store.data_mut().fails = false;
        store.data_mut().nested = None;
        let panic =
            catch_unwind(AssertUnwindSafe(|| call::<i32, i32>(&mut store, &instance, "nested", 2)));
        assert!(panic.is_err());
        assert!(Backtrace::capture(&store).frames().is_empty());
        store.data_mut().seen.clear();
        // What a trap further in left is not seen by who goes on.
        let trap = instantiate(engine, &mut store, TRAPS, &[]);
        let trap = trap.get_typed_func::<(), ()>(&mut store, "trap").unwrap();
        let again = Func::wrap(&mut store, move |mut caller: Caller<'_, Host>, value: i32| {
            trap.call(&mut caller, ()).unwrap_err();
            see(&mut caller).map(|()| value)
        });
        let mut imports = host(&mut store);
        imports[3] = again.into();
        let instance = instantiate(engine, &mut store, CALLS, &imports);
        call::<i32, i32>(&mut store, &instance, "nested", 2).unwrap();
        assert_eq!(names(&store.data().seen[0]), ["nested"]);
    });
}

const TRAPS: &str = r#"(module
    (func $trap (export "trap") (call $deeper))
    (func $deeper (drop (i32.div_s (i32.const 1) (i32.const 0)))))"#;

#[test]
fn deep_stacks_are_counted_and_visited_as_far_as_asked() {
    each_mode(|engine| {
        let (mut store, instance) = calls(engine);
        call::<i32, i32>(&mut store, &instance, "deep", 999).unwrap();
        let seen = store.data_mut().seen.pop().unwrap();
        assert_eq!(seen.frames().len(), Backtrace::MAX_FRAMES);
        assert_eq!(seen.frames().len() + seen.omitted(), 1000);

        let visits = Func::wrap(&mut store, |caller: Caller<'_, Host>, enough: i32, _: f64| {
            let mut count = 0;
            Backtrace::visit_live(&caller, |_| {
                count += 1;
                if count == enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            count
        });
        let mut imports = host(&mut store);
        imports[0] = visits.into();
        let instance = instantiate(engine, &mut store, CALLS, &imports);
        assert_eq!(call::<i32, i32>(&mut store, &instance, "deep", 500).unwrap(), 501 + 500);
        assert_eq!(call::<i32, i32>(&mut store, &instance, "indirect", 1).unwrap(), 1);
    });
}

#[test]
fn frames_say_whose_they_are() {
    const PASSES: &str = r#"(module (import "" "" (func $next))
        (func (export "pass") (call $next)) (func $start (call $next)) (start $start))"#;
    each_mode(|engine| {
        let mut store = Store::new(engine, Host::default());
        let host = Func::wrap(&mut store, |mut caller: Caller<'_, Host>| {
            let live = Backtrace::capture(&caller);
            assert_eq!(live.frames()[0].instance_id(), caller.instance_id());
            see(&mut caller)
        });
        let passes = module(engine, PASSES);
        let inner = Instance::new(&mut store, &passes, &[host.into()]).unwrap();
        let next = inner.get_export(&mut store, "pass").unwrap();
        let outer = Instance::new(&mut store, &passes, &[next]).unwrap();
        let (inner, outer_id) = (inner.id(&store).unwrap(), outer.id(&store).unwrap());
        store.data_mut().seen.clear();
        call::<(), ()>(&mut store, &outer, "pass", ()).unwrap();
        let seen = store.data_mut().seen.pop().unwrap();
        let ids: Vec<_> = seen.frames().iter().map(wamr::Frame::instance_id).collect();
        assert_eq!(ids[0], Some(inner));
        // Frames of compiled code may not know it, but never say something else.
        assert!(ids[1].is_none_or(|id| id == outer_id));
        assert_eq!(ids.len(), 2);
    });
}

#[test]
fn a_host_function_that_the_host_calls_sees_what_was_there_before() {
    each_mode(|engine| {
        let (mut store, instance) = calls(engine);
        let seen = Func::wrap(&mut store, |mut caller: Caller<'_, Host>, value: i32| {
            see(&mut caller).map(|()| value)
        });
        seen.typed::<i32, i32>(&store).unwrap().call(&mut store, 1).unwrap();
        store.data_mut().nested = Some(seen);
        call::<i32, i32>(store.as_context_mut(), &instance, "nested", 1).unwrap();
        let seen: Vec<_> = store.data().seen.iter().map(names).collect();
        assert_eq!(seen, [vec![], vec!["nested".to_owned()], vec!["nested".to_owned()]]);
    });
}
