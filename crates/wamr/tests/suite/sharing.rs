//! One table, one memory, one global: whoever writes or grows it, everybody sees it.

use wamr::{
    Extern, Func, Global, GlobalType, Memory, MemoryType, RefType, Store, Table, TableType, Val,
    ValType,
};

use crate::support::{call, each_mode, instantiate, trap};

const MEMORY_USER: &str = r#"(module
    (import "" "m" (memory 1))
    (func (export "size") (result i32) (memory.size))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1))))"#;

#[test]
fn growth_of_a_memory_is_seen_by_every_holder() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        let users: Vec<_> = (0..3)
            .map(|_| instantiate(engine, &mut store, MEMORY_USER, &[memory.clone().into()]))
            .collect();
        let mut pages = 1;
        for round in 0..6 {
            // Each holder in turn, the host the last one, adds a page and writes into it.
            let at = pages * 65_536 + round;
            match users.get(round as usize % 4) {
                Some(user) => {
                    assert_eq!(call::<i32, i32>(&mut store, user, "grow", 1).unwrap(), pages);
                    call::<_, ()>(&mut store, user, "store", (at, round + 1)).unwrap();
                }
                None => {
                    assert_eq!(memory.grow(&mut store, 1).unwrap(), pages as u64);
                    memory.write(&mut store, at as usize, &[round as u8 + 1]).unwrap();
                }
            }
            pages += 1;
            assert_eq!(memory.size(&store).unwrap(), pages as u64);
            assert_eq!(memory.data(&store).unwrap()[at as usize], round as u8 + 1);
            for user in &users {
                assert_eq!(call::<_, i32>(&mut store, user, "size", ()).unwrap(), pages);
                assert_eq!(call::<_, i32>(&mut store, user, "load", at).unwrap(), round + 1);
                let beyond = call::<_, i32>(&mut store, user, "load", pages * 65_536);
                assert_eq!(trap(beyond), wamr::TrapCode::MemoryOutOfBounds);
            }
        }
    });
}

#[test]
fn a_caller_sees_a_memory_that_its_callee_grew() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        let grown = memory.clone();
        let by_host = Func::wrap(&mut store, move |mut caller: wamr::Caller<'_, ()>| {
            grown.grow(&mut caller, 1).unwrap();
        });
        let callee = instantiate(
            engine,
            &mut store,
            r#"(module (import "" "m" (memory 1))
                (func (export "grow") (drop (memory.grow (i32.const 1)))))"#,
            &[memory.clone().into()],
        );
        let by_wasm = callee.get_func(&mut store, "grow").unwrap();
        for func in [by_host, by_wasm] {
            let caller = instantiate(
                engine,
                &mut store,
                r#"(module (import "" "m" (memory 1)) (import "" "f" (func $f))
                    (func (export "run") (result i32) (local $end i32)
                        (local.set $end (i32.mul (memory.size) (i32.const 65536)))
                        (call $f)
                        (i32.store (local.get $end) (i32.const 77))
                        (i32.load (local.get $end))))"#,
                &[memory.clone().into(), func.into()],
            );
            assert_eq!(call::<(), i32>(&mut store, &caller, "run", ()).unwrap(), 77);
        }
    });
}

const TABLE_USER: &str = r#"(module
    (import "" "t" (table $t 1 funcref))
    (type $number (func (result i32)))
    (func (export "size") (result i32) (table.size $t))
    (func (export "grow") (param i32 funcref) (result i32)
        (table.grow $t (local.get 1) (local.get 0)))
    (func (export "set") (param i32 funcref) (table.set $t (local.get 0) (local.get 1)))
    (func (export "call") (param i32) (result i32)
        (call_indirect $t (type $number) (local.get 0))))"#;

#[test]
fn growth_of_a_table_is_seen_by_every_holder() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let ty = TableType::new(RefType::FUNCREF, 1, None);
        let table = Table::new(&mut store, ty, Val::FuncRef(None)).unwrap();
        let users: Vec<_> = (0..3)
            .map(|_| instantiate(engine, &mut store, TABLE_USER, &[table.clone().into()]))
            .collect();
        for round in 0..6i32 {
            let size = round + 1;
            let func = Func::wrap(&mut store, move || round * 10);
            match users.get(round as usize % 4) {
                Some(user) => {
                    let params = (1, Some(func));
                    assert_eq!(call::<_, i32>(&mut store, user, "grow", params).unwrap(), size);
                }
                None => {
                    assert_eq!(table.grow(&mut store, 1, func.into()).unwrap(), size as u64);
                }
            }
            assert_eq!(table.size(&store).unwrap(), size as u64 + 1);
            for user in &users {
                assert_eq!(call::<_, i32>(&mut store, user, "size", ()).unwrap(), size + 1);
                assert_eq!(call::<_, i32>(&mut store, user, "call", size).unwrap(), round * 10);
                let beyond = call::<_, i32>(&mut store, user, "call", size + 1);
                assert_eq!(trap(beyond), wamr::TrapCode::UndefinedElement);
            }
        }
    });
}

#[test]
fn a_table_calls_functions_of_every_owner_in_their_own_instance() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let ty = TableType::new(RefType::FUNCREF, 4, None);
        let table = Table::new(&mut store, ty, Val::FuncRef(None)).unwrap();
        let owner = |store: &mut Store<()>, index: u32, start: i32| {
            let wat = format!(
                r#"(module (import "" "t" (table 4 funcref))
                    (global $count (mut i32) (i32.const {start}))
                    (func $next (result i32)
                        (global.set $count (i32.add (global.get $count) (i32.const 1)))
                        (global.get $count))
                    (elem (i32.const {index}) $next))"#
            );
            instantiate(engine, store, &wat, &[table.clone().into()])
        };
        let (_a, _b) = (owner(&mut store, 0, 100), owner(&mut store, 1, 200));
        let host = Func::wrap(&mut store, || 300);
        table.set(&mut store, 2, host.into()).unwrap();
        let user = instantiate(engine, &mut store, TABLE_USER, &[table.clone().into()]);
        let mut number = |index| call::<i32, i32>(&mut store, &user, "call", index);
        assert_eq!(
            [number(0), number(0), number(1), number(2)].map(Result::unwrap),
            [101, 102, 201, 300]
        );
        assert_eq!(trap(number(3)), wamr::TrapCode::UninitializedElement);
    });
}

#[test]
fn diamonds_share_state() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let base = instantiate(
            engine,
            &mut store,
            r#"(module (global (export "g") (mut i32) (i32.const 0)) (memory (export "m") 1)
                (table (export "t") 1 funcref) (func (export "f") (result i32) (i32.const 1)))"#,
            &[],
        );
        let all = |store: &mut Store<()>, base: &wamr::Instance| -> Vec<Extern> {
            let exports = base.exports(store).unwrap();
            exports.into_iter().map(|(_, value)| value).collect()
        };
        let imports = all(&mut store, &base);
        let side = r#"(module
            (import "" "g" (global $g (mut i32))) (import "" "m" (memory $m 1))
            (import "" "t" (table $t 1 funcref)) (import "" "f" (func $f (result i32)))
            (export "g" (global $g)) (export "m" (memory $m)) (export "t" (table $t))
            (export "f" (func $f))
            (func (export "add") (global.set $g (i32.add (global.get $g) (call $f)))))"#;
        let left = instantiate(engine, &mut store, side, &imports);
        let right = instantiate(engine, &mut store, side, &imports);
        for side in [&left, &right, &left] {
            call::<(), ()>(&mut store, side, "add", ()).unwrap();
        }
        // The bottom takes half of its imports from each side; they are the same entities.
        let (l, r) = (all(&mut store, &left), all(&mut store, &right));
        for (a, b) in l.iter().zip(&r).take(4) {
            assert!(Extern::same(a, b), "{a:?}");
        }
        let mixed = [l[0].clone(), r[1].clone(), l[2].clone(), r[3].clone()];
        let bottom = instantiate(engine, &mut store, side, &mixed);
        call::<(), ()>(&mut store, &bottom, "add", ()).unwrap();
        let global = base.get_global(&mut store, "g").unwrap();
        assert_eq!(global.get(&mut store).unwrap().i32(), Some(4));
    });
}

#[test]
fn a_global_lies_behind_every_handle_to_it() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let ty = GlobalType { content: ValType::I32, mutable: true };
        let global = Global::new(&mut store, ty, Val::I32(1)).unwrap();
        let wat = r#"(module (import "" "g" (global $g (mut i32))) (export "again" (global $g))
            (func (export "double") (global.set $g (i32.mul (global.get $g) (i32.const 2)))))"#;
        let a = instantiate(engine, &mut store, wat, &[global.clone().into()]);
        let again = a.get_global(&mut store, "again").unwrap();
        let b = instantiate(engine, &mut store, wat, &[again.clone().into()]);
        for instance in [&a, &b, &a] {
            call::<(), ()>(&mut store, instance, "double", ()).unwrap();
        }
        assert_eq!(global.get(&mut store).unwrap().i32(), Some(8));
        again.set(&mut store, Val::I32(5)).unwrap();
        assert_eq!(global.get(&mut store).unwrap().i32(), Some(5));
        assert!(Global::same(&global, &again));
    });
}
