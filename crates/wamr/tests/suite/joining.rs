//! Stores that become one: handles, objects, exceptions and host values of both go on together.

use wamr::{
    AnyRef, Caller, Config, Engine, Error, ErrorKind, ExnRef, ExternRef, Func, FuncType, Global,
    GlobalType, Instance, Memory, MemoryType, RefType, Store, Table, TableType, Tag, TrapCode, Val,
    ValType,
};

use crate::support::{Census, call, each_config, each_mode, instantiate, trap};

/// Reads and calls what another instance put into a table, a memory and a global.
const READER: &str = r#"(module
    (import "" "t" (table 1 funcref)) (import "" "m" (memory 1))
    (import "" "g" (global $g (mut i32)))
    (func (export "read") (result i32)
        (i32.add (call_indirect (result i32) (i32.const 0))
            (i32.add (i32.load (i32.const 8)) (global.get $g)))))"#;

/// Owns them, and a function that the table holds.
const OWNER: &str = r#"(module
    (table (export "t") 1 funcref) (memory (export "m") 1) (global (export "g") (mut i32) (i32.const 0))
    (func $f (result i32) (global.get 0)) (elem (i32.const 0) $f)
    (func (export "write") (param i32)
        (i32.store (i32.const 8) (local.get 0)) (global.set 0 (i32.add (local.get 0) (i32.const 1)))))"#;

#[test]
fn entities_of_both_stores_are_linked() {
    each_mode(|engine| {
        let mut store = Store::new(engine, 1);
        let mut other = Store::new(engine, 2);
        let owner = instantiate(engine, &mut other, OWNER, &[]);
        let foreign = owner.get_memory(&mut other, "m").unwrap();
        let own = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        assert!(!foreign.belongs_to(&store));
        assert_eq!(store.join(other).unwrap(), 2);
        assert!(foreign.belongs_to(&store) && own.belongs_to(&store));
        let imports: Vec<_> =
            ["t", "m", "g"].map(|name| owner.get_export(&mut store, name).unwrap()).into();
        let reader = instantiate(engine, &mut store, READER, &imports);
        call::<i32, ()>(&mut store, &owner, "write", 20).unwrap();
        // 21 by the function, 20 in the memory, 21 in the global.
        assert_eq!(call::<(), i32>(&mut store, &reader, "read", ()).unwrap(), 62);
    });
}

#[test]
fn host_functions_find_the_data_of_the_store_they_are_in_now() {
    each_mode(|engine| {
        let mut store = Store::new(engine, String::from("kept"));
        let mut other = Store::new(engine, String::from("given back"));
        let func = Func::wrap(&mut other, |mut caller: Caller<'_, String>| {
            caller.data_mut().push('!');
            caller.data().len() as i32
        });
        let wat = r#"(module (import "" "h" (func $h (result i32)))
            (func (export "f") (result i32) (call $h)))"#;
        let instance = instantiate(engine, &mut other, wat, &[func.clone().into()]);
        assert_eq!(call::<(), i32>(&mut other, &instance, "f", ()).unwrap(), 11);
        assert_eq!(store.join(other).unwrap(), "given back!");
        assert_eq!(call::<(), i32>(&mut store, &instance, "f", ()).unwrap(), 5);
        assert_eq!(func.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 6);
        assert_eq!(store.data(), "kept!!");
    });
}

/// Makes a list of structs, of which each also holds a host value, behind a global, a table and an
/// element segment, and adds up what hosts and wasm put there.
const OBJECTS: &str = r#"(module
    (type $node (struct (field $next (mut (ref null $node))) (field $host (mut externref))
        (field $n (mut i32)) (field $any (mut anyref))))
    (type $nodes (array (mut (ref null $node))))
    (global $list (export "list") (mut (ref null $node)) (ref.null $node))
    (table $t (export "t") 3 (ref null $node))
    (table $h (export "h") 1 externref)
    (elem $segment (ref null $node) (item (struct.new $node (ref.null $node) (ref.null extern)
        (i32.const 1000) (ref.i31 (i32.const 5)))))
    (func (export "push") (param $host externref) (param $n i32)
        (global.set $list (struct.new $node (global.get $list) (local.get $host) (local.get $n)
            (array.new_fixed $nodes 2 (global.get $list) (ref.null $node))))
        (table.set $t (i32.const 1) (global.get $list))
        (table.set $h (i32.const 0) (local.get $host)))
    (func (export "sum") (result i32) (local $at (ref null $node)) (local $sum i32)
        (local.set $at (global.get $list))
        (block $end (loop $again
            (br_if $end (ref.is_null (local.get $at)))
            (local.set $sum (i32.add (local.get $sum) (struct.get $node $n (local.get $at))))
            ;; The array repeats the link.
            (if (i32.eqz (ref.eq (struct.get $node $next (local.get $at))
                    (array.get $nodes (ref.cast (ref $nodes) (struct.get $node $any (local.get $at)))
                        (i32.const 0))))
                (then (unreachable)))
            (local.set $at (struct.get $node $next (local.get $at)))
            (br $again)))
        (if (i32.eqz (ref.eq (global.get $list) (table.get $t (i32.const 1)))) (then (unreachable)))
        (table.init $t $segment (i32.const 2) (i32.const 0) (i32.const 1))
        (i32.add (local.get $sum) (i32.add
            (struct.get $node $n (table.get $t (i32.const 2)))
            (i31.get_s (ref.cast i31ref (struct.get $node $any (table.get $t (i32.const 2))))))))
    (func (export "host") (param $skip i32) (result externref) (local $at (ref null $node))
        (local.set $at (global.get $list))
        (loop $again (if (local.get $skip) (then
            (local.set $at (struct.get $node $next (local.get $at)))
            (local.set $skip (i32.sub (local.get $skip) (i32.const 1)))
            (br $again))))
        (struct.get $node $host (local.get $at))))"#;

fn number(store: &Store<()>, value: &Option<ExternRef>) -> u32 {
    let value = value.as_ref().and_then(|value| value.data(store).unwrap());
    *value.expect("a host value").downcast_ref().expect("a number")
}

/// A store with a list of numbers 1 to `n`, each a host value too.
fn with_list(engine: &Engine, n: u32) -> (Store<()>, Instance) {
    let mut store = Store::new(engine, ());
    let instance = instantiate(engine, &mut store, OBJECTS, &[]);
    for i in 1..=n {
        let host = ExternRef::new(&mut store, i).unwrap();
        call::<_, ()>(&mut store, &instance, "push", (Some(host), i as i32)).unwrap();
    }
    (store, instance)
}

#[test]
fn objects_keep_contents_and_identity() {
    each_mode(|engine| {
        let (mut store, own) = with_list(engine, 100);
        let (mut other, foreign) = with_list(engine, 5000);
        // Garbage and free cells on both sides.
        store.gc();
        other.gc();
        let list = foreign.get_global(&mut other, "list").unwrap();
        let Val::AnyRef(Some(head)) = list.get(&mut other).unwrap() else { panic!("a list") };
        let small = AnyRef::from_i31(&mut other, -3);
        let clone = head.clone();
        store.join(other).unwrap();
        for _ in 0..2 {
            assert_eq!(call::<(), i32>(&mut store, &own, "sum", ()).unwrap(), 5050 + 1005);
            let sum = 5000 * 5001 / 2 + 1005;
            assert_eq!(call::<(), i32>(&mut store, &foreign, "sum", ()).unwrap(), sum);
            let skipped = |skip: i32, instance, store: &mut Store<()>| {
                let host = call::<i32, Option<ExternRef>>(&mut *store, instance, "host", skip);
                number(store, &host.unwrap())
            };
            assert_eq!(skipped(0, &own, &mut store), 100);
            assert_eq!(skipped(99, &own, &mut store), 1);
            assert_eq!(skipped(4000, &foreign, &mut store), 1000);
            // Handles find what they were made for.
            assert_eq!(head.field(&mut store, 2).unwrap().i32(), Some(5000));
            assert_eq!(small.as_i31(&store).unwrap(), Some(-3));
            let Val::AnyRef(Some(now)) = list.get(&mut store).unwrap() else { panic!("a list") };
            assert!(AnyRef::same(&now, &clone));
            // New objects take no cell that is in use.
            for i in 0..1000 {
                call::<_, ()>(&mut store, &own, "push", (None::<ExternRef>, i)).unwrap();
            }
            let list = own.get_global(&mut store, "list").unwrap();
            let tail = own_tail(&mut store, &own, 1000);
            list.set(&mut store, tail).unwrap();
            let table = own.get_table(&mut store, "t").unwrap();
            let tail = list.get(&mut store).unwrap();
            table.set(&mut store, 1, tail).unwrap();
            store.gc();
        }
    });
}

/// What is left of an instance's list without its first `skip` nodes.
fn own_tail(store: &mut Store<()>, instance: &Instance, skip: usize) -> Val {
    let mut at = instance.get_global(&mut *store, "list").unwrap().get(&mut *store).unwrap();
    for _ in 0..skip {
        let Val::AnyRef(Some(node)) = at else { panic!("the list is too short") };
        at = node.field(&mut *store, 0).unwrap();
    }
    at
}

#[test]
fn objects_of_one_store_are_stored_in_the_others() {
    each_mode(|engine| {
        let (mut store, own) = with_list(engine, 3);
        let (other, foreign) = with_list(engine, 4);
        store.join(other).unwrap();
        let from = foreign.get_table(&mut store, "h").unwrap();
        let to = own.get_table(&mut store, "h").unwrap();
        let host = from.get(&mut store, 0).unwrap().expect("an element");
        to.set(&mut store, 0, host).unwrap();
        drop((foreign, from));
        store.gc();
        let Some(Val::ExternRef(host)) = to.get(&mut store, 0).unwrap() else {
            panic!("a host value")
        };
        assert_eq!(number(&store, &host), 4);
    });
}

#[test]
fn exceptions_keep_their_payload_and_identity() {
    each_mode(|engine| {
        let throwing = |store: &mut Store<()>, n: u32| {
            let ty = FuncType::new([ValType::I32, ValType::EXTERNREF], []);
            let tag = Tag::new(&mut *store, ty).unwrap();
            let host = ExternRef::new(&mut *store, n).unwrap();
            let exn = ExnRef::new(store, &tag, &[Val::I32(n as i32), host.into()]).unwrap();
            (tag, exn)
        };
        let mut store = Store::new(engine, ());
        let mut other = Store::new(engine, ());
        let (_, own) = throwing(&mut store, 1);
        let (tag, foreign) = throwing(&mut other, 2);
        let ty = GlobalType { content: ValType::Ref(RefType::EXNREF), mutable: true };
        let global = Global::new(&mut other, ty, Val::ExnRef(Some(foreign.clone()))).unwrap();
        store.join(other).unwrap();
        for (exn, n) in [(&own, 1), (&foreign, 2)] {
            let fields = exn.fields(&mut store).unwrap();
            assert_eq!(fields[0].i32(), Some(n));
            let Val::ExternRef(host) = &fields[1] else { panic!("a host value") };
            assert_eq!(number(&store, host), n as u32);
        }
        assert!(Tag::same(&foreign.tag(&mut store).unwrap(), &tag));
        let Val::ExnRef(Some(read)) = global.get(&mut store).unwrap() else { panic!("exn") };
        assert!(ExnRef::same(&read, &foreign) && !ExnRef::same(&read, &own));
        // It is thrown and caught as ever.
        let thrown = foreign.clone();
        let func = Func::wrap(&mut store, move || Err::<(), _>(Error::from(thrown.clone())));
        let wat = r#"(module (import "" "e" (tag $e (param i32 externref)))
            (import "" "f" (func $f))
            (func (export "catch") (result i32) (block $h (result i32 externref)
                (try_table (catch $e $h) (call $f)) (unreachable)) (drop)))"#;
        let catcher = instantiate(engine, &mut store, wat, &[tag.into(), func.into()]);
        assert_eq!(call::<(), i32>(&mut store, &catcher, "catch", ()).unwrap(), 2);
    });
}

#[test]
fn many_stores_become_one_in_any_order() {
    each_mode(|engine| {
        let census = Census::default();
        let mut stores = Vec::new();
        let mut instances = Vec::new();
        for n in 0..16 {
            let (mut store, instance) = with_list(engine, n);
            let token = census.token();
            let host = ExternRef::new(&mut store, token).unwrap();
            call::<_, ()>(&mut store, &instance, "push", (Some(host), 0)).unwrap();
            stores.push(store);
            instances.push(instance);
        }
        while stores.len() > 1 {
            let mut joined = Vec::new();
            while let Some(mut store) = stores.pop() {
                if let Some(other) = stores.pop() {
                    store.join(other).unwrap();
                }
                joined.push(store);
            }
            stores = joined;
        }
        let mut store = stores.remove(0);
        for (n, instance) in (0..).zip(&instances) {
            let sum = call::<(), i32>(&mut store, instance, "sum", ()).unwrap();
            assert_eq!(sum, n * (n + 1) / 2 + 1005);
        }
        assert_eq!(census.alive(), 16);
        instances.truncate(4);
        store.gc();
        assert_eq!(census.alive(), 4);
        let left = instances[0].get_typed_func::<(), i32>(&mut store, "sum").unwrap();
        drop(store);
        assert_eq!(census.alive(), 0);
        let error = left.call(&mut Store::new(engine, ()), ()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WrongStore));
    });
}

#[test]
fn an_interrupt_handle_follows_its_store() {
    each_mode(|engine| {
        let mut first = Store::new(engine, ());
        let mut second = Store::new(engine, ());
        let third = Store::new(engine, ());
        let handle = third.interrupt_handle();
        let wat = r#"(module (func (export "f")) (func (export "spin") (loop (br 0))))"#;
        let instance = instantiate(engine, &mut first, wat, &[]);
        second.join(third).unwrap();
        // Asked for before the join, it is still owed after it.
        handle.interrupt();
        first.join(second).unwrap();
        assert!(handle.is_interrupted());
        assert_eq!(trap(call::<(), ()>(&mut first, &instance, "spin", ())), TrapCode::Interrupted);
        assert!(!handle.is_interrupted());
        call::<(), ()>(&mut first, &instance, "f", ()).unwrap();
        let interrupter = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            handle.interrupt();
        });
        assert_eq!(trap(call::<(), ()>(&mut first, &instance, "spin", ())), TrapCode::Interrupted);
        interrupter.join().unwrap();
    });
}

#[test]
fn what_cannot_be_joined_is_given_back_unchanged() {
    each_config(
        |config| {
            config.gc_heap_bytes(640 << 10);
        },
        |engine| {
            let (mut store, own) = with_list(engine, 5000);
            let (other, foreign) = with_list(engine, 5000);
            let refused = store.join(other).unwrap_err();
            assert_eq!(refused.reason.trap_code(), Some(TrapCode::GcHeapExhausted));
            let mut other = refused.store;
            let sum = 5000 * 5001 / 2 + 1005;
            assert_eq!(call::<(), i32>(&mut store, &own, "sum", ()).unwrap(), sum);
            assert_eq!(call::<(), i32>(&mut other, &foreign, "sum", ()).unwrap(), sum);
            // Garbage is no reason.
            let list = foreign.get_global(&mut other, "list").unwrap();
            list.set(&mut other, Val::AnyRef(None)).unwrap();
            let table = foreign.get_table(&mut other, "t").unwrap();
            table.set(&mut other, 1, Val::AnyRef(None)).unwrap();
            store.join(other).unwrap();
            assert_eq!(call::<(), i32>(&mut store, &foreign, "sum", ()).unwrap(), 1005);
        },
    );
}

#[test]
fn stores_of_different_engines_stay_apart() {
    let engines = [Engine::default(), Engine::new(&Config::new()).unwrap()];
    let mut store = Store::new(&engines[0], ());
    let mut other = Store::new(&engines[1], ());
    let ty = TableType::new(RefType::FUNCREF, 1, None);
    let table = Table::new(&mut other, ty, Val::FuncRef(None)).unwrap();
    let refused = store.join(other).unwrap_err();
    assert!(matches!(refused.reason.kind(), ErrorKind::WrongEngine), "{refused}");
    assert!(table.belongs_to(&refused.store) && !table.belongs_to(&store));
}

#[test]
fn a_long_chain_of_joined_stores_ends_without_recursion() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let first = store.interrupt_handle();
    for _ in 0..50_000 {
        let mut next = Store::new(&engine, ());
        next.join(store).unwrap();
        store = next;
    }
    first.interrupt();
    drop(store);
    drop(first);
}
