//! Modules linked beforehand.

use std::sync::Arc;

use wamr::{
    AsContextMut, Engine, ErrorKind, Extern, Func, Instance, InstancePre, InstantiateError,
    LinkError, Linker, Memory, MemoryType, Store, TrapCode, Val,
};

use crate::support::{Census, call, each_mode, module, run_error, trap};

/// State of every kind that instances must not share.
const STATEFUL: &str = r#"(module
    (import "host" "next" (func $next (result i32)))
    (import "host" "twice" (func $twice (param i32) (result i32)))
    (memory (export "memory") 2 4)
    (table (export "table") 5 8 funcref)
    (global $count (export "count") (mut i32) (i32.const 7))
    (global $wide i64 (i64.const -1))
    (global $lanes v128 (v128.const i64x2 3 4))
    (global $sum i32 (i32.add (i32.const 40) (i32.const 2)))
    (global $self funcref (ref.func $bump))
    (elem (i32.const 0) func $next $bump $twice)
    (elem $later func $bump $twice)
    (data (i32.const 10) "hello")
    (func $bump (export "bump") (result i32)
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (global.get $count))
    (func (export "slot") (param i32) (result i32) (call_indirect (result i32) (local.get 0)))
    (func (export "twice") (param i32) (result i32)
        (call_indirect (param i32) (result i32) (local.get 0) (i32.const 2)))
    (func (export "init") (table.init $later (i32.const 3) (i32.const 0) (i32.const 2)))
    (func (export "constants") (result i32)
        (i32.add (global.get $sum) (i32.wrap_i64 (i64.add (global.get $wide)
            (i64x2.extract_lane 1 (global.get $lanes)))))))"#;

fn linker(engine: &Engine) -> Linker<i32> {
    let mut linker = Linker::new(engine);
    let next = |mut caller: wamr::Caller<'_, i32>| {
        *caller.data_mut() += 1;
        *caller.data()
    };
    linker.func_wrap("host", "next", next).unwrap();
    linker.func_wrap("host", "twice", |x: i32| x * 2).unwrap();
    linker
}

fn check(store: &mut Store<i32>, instance: &Instance) {
    let started = *store.data();
    assert_eq!(call::<_, i32>(&mut *store, instance, "bump", ()).unwrap(), 8);
    assert_eq!(call::<_, i32>(&mut *store, instance, "slot", 0).unwrap(), started + 1);
    assert_eq!(call::<_, i32>(&mut *store, instance, "slot", 1).unwrap(), 9);
    assert_eq!(call::<_, i32>(&mut *store, instance, "twice", 21).unwrap(), 42);
    let null = call::<_, i32>(&mut *store, instance, "slot", 3);
    assert_eq!(trap(null), TrapCode::UninitializedElement);
    call::<(), ()>(&mut *store, instance, "init", ()).unwrap();
    assert_eq!(call::<_, i32>(&mut *store, instance, "slot", 3).unwrap(), 10);
    assert_eq!(call::<_, i32>(&mut *store, instance, "constants", ()).unwrap(), 45);
    let memory = instance.get_memory(&mut *store, "memory").unwrap();
    assert_eq!(&memory.data(&*store).unwrap()[10..15], b"hello");
    memory.data_mut(&mut *store).unwrap()[10] = b'j';
}

#[test]
fn instances_are_as_good_as_any_and_share_nothing() {
    each_mode(|engine| {
        let module = module(engine, STATEFUL);
        let linker = linker(engine);
        let linked = linker.instantiate_pre(&module).unwrap();
        let mut store = Store::new(engine, 0);
        for _ in 0..3 {
            let instance = linked.instantiate(&mut store).unwrap();
            check(&mut store, &instance);
            let instance = linker.instantiate(&mut store, &module).unwrap();
            check(&mut store, &instance);
        }
        let mut other = Store::new(engine, 100);
        let instance = linked.instantiate(&mut other).unwrap();
        check(&mut other, &instance);
    });
}

#[test]
fn threads_instantiate_the_same_form() {
    each_mode(|engine| {
        let linked = linker(engine).instantiate_pre(&module(engine, STATEFUL)).unwrap();
        std::thread::scope(|scope| {
            for start in 0..4 {
                let linked = linked.clone();
                scope.spawn(move || {
                    let mut store = Store::new(linked.module().engine(), start);
                    for _ in 0..50 {
                        let instance = linked.instantiate(&mut store).unwrap();
                        check(&mut store, &instance);
                    }
                });
            }
        });
    });
}

#[test]
fn garbage_of_many_instances_is_reclaimed() {
    each_mode(|engine| {
        let linked = linker(engine).instantiate_pre(&module(engine, STATEFUL)).unwrap();
        let mut store = Store::new(engine, 0);
        for _ in 0..2000 {
            let instance = linked.instantiate(&mut store).unwrap();
            assert_eq!(call::<_, i32>(&mut store, &instance, "bump", ()).unwrap(), 8);
        }
    });
}

#[test]
fn an_entity_binds_to_its_store() {
    each_mode(|engine| {
        let module = module(
            engine,
            r#"(module (import "host" "memory" (memory 1))
                (func (export "read") (result i32) (i32.load8_u (i32.const 3))))"#,
        );
        let mut store = Store::new(engine, ());
        let memory = Memory::new(&mut store, MemoryType::new(1, Some(3))).unwrap();
        memory.data_mut(&mut store).unwrap()[3] = 9;
        let mut linker = Linker::new(engine);
        linker.define(&mut store, "host", "memory", memory.clone()).unwrap();
        let linked = linker.instantiate_pre(&module).unwrap();
        memory.grow(&mut store, 1).unwrap();
        let instance = linked.instantiate(&mut store).unwrap();
        assert_eq!(call::<_, i32>(&mut store, &instance, "read", ()).unwrap(), 9);

        let foreign = |store: Store<()>, kind: fn(&ErrorKind) -> bool| {
            let mut store = store;
            match linked.instantiate(store.as_context_mut()).unwrap_err() {
                InstantiateError::Link(LinkError::Foreign(error)) => assert!(kind(error.kind())),
                other => panic!("{other}"),
            }
        };
        foreign(Store::new(engine, ()), |kind| matches!(kind, ErrorKind::WrongStore));
        foreign(Store::new(&Engine::default(), ()), |kind| matches!(kind, ErrorKind::WrongEngine));
        drop(store);
        foreign(Store::new(engine, ()), |kind| matches!(kind, ErrorKind::WrongStore));
    });
}

#[test]
fn types_are_checked_when_linking() {
    each_mode(|engine| {
        let wat = r#"(module (import "host" "next" (func (result i64)))
            (import "host" "nothing" (func)) (import "host" "memory" (memory 2)))"#;
        let mut linker = linker(engine);
        let mut store = Store::new(engine, 0);
        let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        linker.define(&mut store, "host", "memory", Extern::from(memory.clone())).unwrap();
        let refused = |linker: &Linker<i32>, wat| match linker.instantiate_pre(&module(engine, wat))
        {
            Err(LinkError::Imports(errors)) => {
                errors.iter().map(|error| error.name.to_string()).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(&linker, wat), ["next", "nothing", "memory"]);
        let elsewhere = module(&Engine::default(), "(module)");
        assert!(matches!(linker.instantiate_pre(&elsewhere), Err(LinkError::Foreign(_))));
        // Beforehand a memory counts as it was defined; with its store at hand, as it is.
        memory.grow(&mut store, 1).unwrap();
        let wat = r#"(module (import "host" "memory" (memory 2)))"#;
        assert_eq!(refused(&linker, wat), ["memory"]);
        linker.instantiate(&mut store, &module(engine, wat)).unwrap();
    });
}

#[test]
fn failures_of_the_module_itself_are_told_apart() {
    each_mode(|engine| {
        let linker = Linker::new(engine);
        for (wat, code) in [
            ("(module (memory 1) (data (i32.const 65535) \"ab\"))", TrapCode::MemoryOutOfBounds),
            (
                "(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))",
                TrapCode::TableOutOfBounds,
            ),
            ("(module (func $f unreachable) (start $f))", TrapCode::Unreachable),
        ] {
            let linked = linker.instantiate_pre(&module(engine, wat)).unwrap();
            for _ in 0..2 {
                let error = run_error(linked.instantiate(Store::new(engine, ())));
                assert_eq!(error.trap_code(), Some(code));
            }
        }
    });
}

/// Exports the host function that it imports, and keeps it in a table.
const HANDS_ON: &str = r#"(module (import "host" "get" (func $get (result i32)))
    (table 1 funcref) (elem (i32.const 0) $get)
    (export "get" (func $get))
    (func (export "run") (result i32) (call_indirect (result i32) (i32.const 0))))"#;

/// What [`HANDS_ON`] is linked with: a function that holds a token.
fn with_token(engine: &Engine, census: &Census) -> InstancePre<()> {
    let token = census.token();
    let mut linker = Linker::<()>::new(engine);
    let get = move || {
        token.touch();
        42
    };
    linker.func_wrap("host", "get", get).unwrap();
    linker.instantiate_pre(&module(engine, HANDS_ON)).unwrap()
}

fn export(store: &mut Store<()>, instance: &Instance) -> Func {
    instance.get_func(store, "get").unwrap()
}

#[test]
fn host_functions_last_as_long_as_something_can_reach_them() {
    each_mode(|engine| {
        let census = Census::default();
        let mut store = Store::new(engine, ());
        for _ in 0..3 {
            let linked = with_token(engine, &census);
            let (one, two) = (linked.instantiate(&mut store), linked.instantiate(&mut store));
            let (one, two) = (one.unwrap(), two.unwrap());
            let func = export(&mut store, &one);
            assert!(Func::same(&func, &export(&mut store, &two)));
            drop((linked, one));
            store.gc();
            assert_eq!(call::<(), i32>(&mut store, &two, "run", ()).unwrap(), 42);
            drop(two);
            store.gc();
            assert_eq!(census.alive(), 1, "by the handle");
            let typed = func.typed::<(), i32>(&store).unwrap();
            assert_eq!(typed.call(&mut store, ()).unwrap(), 42);
            drop((func, typed));
            store.gc();
            assert_eq!(census.alive(), 0);
        }
        let linked = with_token(engine, &census);
        let instance = linked.instantiate(&mut store).unwrap();
        drop((linked, store));
        assert_eq!(census.alive(), 0, "an instance's handle keeps nothing of a store that is gone");
        drop(instance);
    });
}

#[test]
fn stores_share_host_functions_and_nothing_else() {
    each_mode(|engine| {
        let census = Census::default();
        let linked = with_token(engine, &census);
        let (mut store, mut other) = (Store::new(engine, ()), Store::new(engine, ()));
        let (here, there) = (linked.instantiate(&mut store), linked.instantiate(&mut other));
        let (here, there) = (here.unwrap(), there.unwrap());
        let (func, foreign) = (export(&mut store, &here), export(&mut other, &there));
        assert!(!Func::same(&func, &foreign));
        let error = foreign.call(&mut store, &[], &mut [Val::I32(0)]).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WrongStore), "{error}");
        // What is attached is attached in one store.
        assert!(func.attach(&mut store, Arc::new(1)).unwrap().is_none());
        assert!(foreign.attach(&mut other, Arc::new(census.token())).unwrap().is_none());
        drop((linked, here));
        store.gc();
        assert!(func.attachment(&store).unwrap().is_some());
        // Once the stores are one, so is the function.
        store.join(other).unwrap();
        assert!(Func::same(&func, &foreign));
        assert!(foreign.attachment(&store).unwrap().unwrap().is::<i32>());
        assert_eq!(census.alive(), 1, "what was attached elsewhere is gone");
        drop(func);
        store.gc();
        assert_eq!(call::<(), i32>(&mut store, &there, "run", ()).unwrap(), 42);
        drop((there, foreign));
        store.gc();
        assert_eq!(census.alive(), 0);
    });
}
