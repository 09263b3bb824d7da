//! What keeps what alive: cycles, drop orders, threads. Tokens in host closures count.

use std::panic::{AssertUnwindSafe, catch_unwind};

use wamr::{
    ErrorKind, Extern, ExternRef, Func, Global, GlobalType, Instance, Memory, MemoryType, RefType,
    Store, Table, TableType, Val, ValType,
};

use crate::support::{Census, call, each_mode, instantiate, module};

/// A host function that holds a token.
fn counted(store: &mut Store<()>, census: &Census) -> Func {
    let token = census.token();
    Func::wrap(store, move || {
        token.touch();
        1
    })
}

#[test]
fn cycles_through_tables_are_reclaimed() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let census = Census::default();
        let wat = r#"(module (import "" "t" (table 2 funcref)) (import "" "h" (func $h (result i32)))
            (func $f (result i32) (call_indirect (result i32) (global.get $other)))
            (global $other i32 (i32.const 1))
            (func $g (result i32) (call $h))
            (export "f" (func $f)) (elem (i32.const 0) $f $g))"#;
        for _ in 0..10 {
            let ty = TableType::new(RefType::FUNCREF, 2, None);
            let table = Table::new(&mut store, ty, Val::FuncRef(None)).unwrap();
            let (h1, h2) = (counted(&mut store, &census), counted(&mut store, &census));
            let a = instantiate(engine, &mut store, wat, &[table.clone().into(), h1.into()]);
            let b = instantiate(engine, &mut store, wat, &[table.into(), h2.into()]);
            // Instance a is in the table through b's writing only as long as it is called.
            assert_eq!(call::<(), i32>(&mut store, &a, "f", ()).unwrap(), 1);
            drop(a);
            store.gc();
            assert_eq!(census.alive(), 1, "a was overwritten in the table");
            assert_eq!(call::<(), i32>(&mut store, &b, "f", ()).unwrap(), 1);
            drop(b);
            store.gc();
            assert_eq!(census.alive(), 0);
        }
    });
}

#[test]
fn cycles_through_globals_are_reclaimed_and_do_not_dangle() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let census = Census::default();
        let ty = GlobalType { content: ValType::FUNCREF, mutable: true };
        let wat = r#"(module (import "" "g" (global $g (mut funcref)))
            (import "" "h" (func $h (result i32))) (table $t 1 funcref)
            (func $f (export "f") (result i32) (i32.add (call $h) (i32.const 41)))
            (func (export "publish") (global.set $g (ref.func $f)))
            (func (export "call") (result i32)
                (table.set $t (i32.const 0) (global.get $g))
                (call_indirect $t (result i32) (i32.const 0))))"#;
        let global = Global::new(&mut store, ty, Val::FuncRef(None)).unwrap();
        let (h1, h2) = (counted(&mut store, &census), counted(&mut store, &census));
        let a = instantiate(engine, &mut store, wat, &[global.clone().into(), h1.into()]);
        let b = instantiate(engine, &mut store, wat, &[global.clone().into(), h2.into()]);
        call::<(), ()>(&mut store, &a, "publish", ()).unwrap();
        drop(a);
        store.gc();
        assert_eq!(census.alive(), 2, "b reaches a by the global");
        assert_eq!(call::<(), i32>(&mut store, &b, "call", ()).unwrap(), 42);
        // Now b's own table holds a's function, too.
        global.set(&mut store, Val::FuncRef(None)).unwrap();
        store.gc();
        assert_eq!(census.alive(), 2);
        call::<(), ()>(&mut store, &b, "publish", ()).unwrap();
        drop((b, global));
        store.gc();
        assert_eq!(census.alive(), 0);
    });
}

#[test]
fn one_handle_of_any_kind_keeps_a_whole_graph() {
    each_mode(|engine| {
        for export in ["f", "t", "g", "own"] {
            let mut store = Store::new(engine, ());
            let census = Census::default();
            let host = counted(&mut store, &census);
            let instance = instantiate(
                engine,
                &mut store,
                r#"(module (import "" "h" (func $h (result i32)))
                    (export "f" (func $h)) (table (export "t") 1 funcref)
                    (func $own (export "own") (result i32) (call $h))
                    (elem (i32.const 0) $own)
                    (global (export "g") funcref (ref.func $own)))"#,
                &[host.into()],
            );
            let handle = instance.get_export(&mut store, export).unwrap();
            drop(instance);
            store.gc();
            assert_eq!(census.alive(), 1, "{export}");
            let func = match &handle {
                Extern::Func(func) => func.clone(),
                Extern::Table(table) => match table.get(&mut store, 0).unwrap() {
                    Some(Val::FuncRef(Some(func))) => func,
                    other => panic!("{other:?}"),
                },
                Extern::Global(global) => match global.get(&mut store).unwrap() {
                    Val::FuncRef(Some(func)) => func,
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            };
            let mut results = [Val::I32(0)];
            func.call(&mut store, &[], &mut results).unwrap();
            assert_eq!(results[0].i32(), Some(1));
            drop((handle, func));
            store.gc();
            assert_eq!(census.alive(), 0, "{export}");
        }
    });
}

#[test]
fn a_store_reclaims_by_itself_whatever_the_host_makes() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let census = Census::default();
        for _ in 0..5_000 {
            ExternRef::new(&mut store, census.token()).unwrap();
            counted(&mut store, &census);
            // 4 GiB of address space each, of which there is not enough for all.
            Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        }
        assert!(census.alive() < 2_000, "{} alive", census.alive());
        drop(store);
        assert_eq!(census.alive(), 0);
    });
}

#[test]
fn host_values_live_as_long_as_somebody_refers_to_them() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let census = Census::default();
        let instance = instantiate(
            engine,
            &mut store,
            r#"(module (table $t (export "t") 2 externref)
                (func (export "keep") (param i32 externref)
                    (table.set $t (local.get 0) (local.get 1))))"#,
            &[],
        );
        for (slot, left) in [(0, 1), (1, 2), (0, 2)] {
            let value = ExternRef::new(&mut store, census.token()).unwrap();
            call::<_, ()>(&mut store, &instance, "keep", (slot, Some(value))).unwrap();
            store.gc();
            assert_eq!(census.alive(), left);
        }
        call::<_, ()>(&mut store, &instance, "keep", (0, None::<ExternRef>)).unwrap();
        store.gc();
        assert_eq!(census.alive(), 1);
        drop(store);
        assert_eq!(census.alive(), 0);
    });
}

#[test]
fn a_panic_in_a_destructor_leaves_the_store_sound() {
    struct Grenade(Census, Option<crate::support::Token>);
    impl Drop for Grenade {
        fn drop(&mut self) {
            self.1 = None;
            if self.0.alive() == 1 {
                panic!("boom");
            }
        }
    }
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let census = Census::default();
        let ty = TableType::new(RefType::FUNCREF, 1, None);
        let table = Table::new(&mut store, ty, Val::FuncRef(None)).unwrap();
        for _ in 0..3 {
            let grenade = Grenade(census.clone(), Some(census.token()));
            Func::wrap(&mut store, move || grenade.0.alive() as i32);
        }
        let kept = counted(&mut store, &Census::default());
        table.set(&mut store, 0, kept.into()).unwrap();
        let outcome = catch_unwind(AssertUnwindSafe(|| store.gc()));
        assert!(outcome.is_err());
        store.gc();
        assert_eq!(census.alive(), 0);
        let Some(Val::FuncRef(Some(func))) = table.get(&mut store, 0).unwrap() else {
            panic!("the table still holds its function");
        };
        func.call(&mut store, &[], &mut [Val::I32(0)]).unwrap();
    });
}

/// Everything that can be dropped, in every order.
#[test]
fn every_order_of_dropping() {
    each_mode(|engine| {
        for order in permutations(5) {
            let engine = engine.clone();
            let census = Census::default();
            let mut store = Some(Store::new(&engine, ()));
            let live = store.as_mut().unwrap();
            let host = counted(live, &census);
            let mut module = Some(module(
                &engine,
                r#"(module (import "" "h" (func $h (result i32))) (memory (export "m") 1)
                    (func (export "f") (result i32) (call $h)))"#,
            ));
            let instance = Instance::new(&mut *live, module.as_ref().unwrap(), &[host.into()]);
            let mut instance = Some(instance.unwrap());
            let func = instance.as_ref().unwrap().get_func(&mut *live, "f").unwrap();
            let mut func = Some(func);
            let mut memory = instance.as_ref().unwrap().get_memory(&mut *live, "m");
            for step in order {
                match step {
                    0 => store = None,
                    1 => drop(module.take()),
                    2 => drop(instance.take()),
                    3 => func = None,
                    _ => drop(memory.take()),
                }
                if let (Some(store), Some(func)) = (&mut store, &func) {
                    let mut results = [Val::I32(0)];
                    store.gc();
                    func.call(store, &[], &mut results).unwrap();
                    assert_eq!(results[0].i32(), Some(1));
                }
            }
            assert_eq!(census.alive(), 0);
        }
    });
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(count - 1);
    let insert = |at| shorter.iter().map(move |order| (at, order.clone()));
    (0..count)
        .flat_map(insert)
        .map(|(at, mut order)| {
            order.insert(at, count - 1);
            order
        })
        .collect()
}

#[test]
fn handles_outlive_their_store_on_other_threads() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let instance = instantiate(
            engine,
            &mut store,
            r#"(module (func (export "f")) (memory (export "m") 1) (table (export "t") 1 funcref)
                (global (export "g") i32 (i32.const 0)))"#,
            &[],
        );
        let exports = instance.exports(&mut store).unwrap();
        let extern_ref = ExternRef::new(&mut store, 1u8).unwrap();
        let threads: Vec<_> = exports
            .into_iter()
            .map(|(_, export)| {
                let (instance, extern_ref) = (instance.clone(), extern_ref.clone());
                std::thread::spawn(move || {
                    for _ in 0..1_000 {
                        drop((export.clone(), instance.clone(), extern_ref.clone()));
                    }
                    (export, instance, extern_ref)
                })
            })
            .collect();
        store.gc();
        drop(store);
        let mut other = Store::new(engine, ());
        for thread in threads {
            let (export, instance, extern_ref) = thread.join().unwrap();
            let error = export.ty(&other).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::WrongStore));
            assert!(instance.module(&mut other).is_err());
            assert!(extern_ref.data(&other).is_err());
            assert!(!Extern::same(&export, &export), "there is no entity any more");
        }
    });
}

#[test]
fn a_store_moves_between_threads() {
    each_mode(|engine| {
        let mut store = Store::new(engine, 0);
        let bump =
            Func::wrap(&mut store, |mut caller: wamr::Caller<'_, i32>| *caller.data_mut() += 1);
        let instance = instantiate(
            engine,
            &mut store,
            r#"(module (import "" "" (func $bump)) (func (export "run") (call $bump)))"#,
            &[bump.into()],
        );
        for _ in 0..8 {
            let instance = instance.clone();
            store = std::thread::spawn(move || {
                call::<(), ()>(&mut store, &instance, "run", ()).unwrap();
                store
            })
            .join()
            .unwrap();
        }
        assert_eq!(store.into_data(), 8);
    });
}

#[test]
fn data_of_the_embedder_may_hold_handles_of_its_own_store() {
    each_mode(|engine| {
        let mut store = Store::new(engine, None::<Func>);
        let census = Census::default();
        let token = census.token();
        let func = Func::wrap(&mut store, move || token.touch());
        *store.data_mut() = Some(func);
        store.gc();
        let func = store.data().clone().unwrap();
        func.call(&mut store, &[], &mut []).unwrap();
        drop(func);
        drop(store);
        assert_eq!(census.alive(), 0);
    });
}
