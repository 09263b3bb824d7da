//! What modules of different modes share: one table, one global, one memory, whoever changes
//! it.

use std::thread;

use wamr_runtime::{Extern, Func, Global, Memory, Val};
use wamr_types::{GlobalType, IndexType, Limits, MemoryType, TrapCode, ValType};

use crate::support::{GUESTS, Mode, World};

/// Exports that do one thing to a shared table, from text.
const TABLE_USER: &str = r#"(module
    (type $get (func (result i32)))
    (import "" "" (table $t 1 8 funcref))
    (func $own (type $get) (i32.const %))
    (func (export "set") (param i32) (table.set $t (local.get 0) (ref.func $own)))
    (func (export "move") (param i32 i32)
      (table.set $t (local.get 0) (table.get $t (local.get 1))))
    (func (export "clear") (param i32) (table.set $t (local.get 0) (ref.null func)))
    (func (export "grow") (param i32) (result i32) (table.grow $t (ref.func $own) (local.get 0)))
    (func (export "size") (result i32) (table.size $t))
    (func (export "call") (param i32) (result i32) (call_indirect (type $get) (local.get 0)))
    (func (export "is_null") (param i32) (result i32) (ref.is_null (table.get $t (local.get 0))))
    (elem declare func $own))"#;

/// A module of one mode: its exports by name.
struct Peer {
    mode: Mode,
    exports: Vec<(String, Extern)>,
}

impl Peer {
    fn new(world: &mut World, mode: Mode, text: &str, imports: &[Extern]) -> Self {
        let instance = world.instance(mode, text, imports);
        Self { mode, exports: instance.exports(&mut world.store).expect("exports") }
    }

    fn func(&self, name: &str) -> Func {
        let (_, found) = self.exports.iter().find(|(export, _)| export == name).expect(name);
        found.clone().into_func().expect("a function")
    }

    /// Calls an export, for its result where it has one.
    fn call(&self, world: &mut World, name: &str, args: &[i32]) -> Result<Option<i32>, TrapCode> {
        let args: Vec<Val> = args.iter().copied().map(Val::I32).collect();
        match world.call(&self.func(name), &args) {
            Ok(results) => Ok(results.first().and_then(Val::i32)),
            Err(error) => Err(error.trap_code().expect("a trap")),
        }
    }

    /// Calls an export that does not trap.
    fn get(&self, world: &mut World, name: &str, args: &[i32]) -> Option<i32> {
        self.call(world, name, args)
            .unwrap_or_else(|code| panic!("{:?} {name} {args:?}: {code}", self.mode))
    }
}

/// Both modes, in both orders.
fn pairs() -> [[Mode; 2]; 2] {
    [GUESTS, [GUESTS[1], GUESTS[0]]]
}

#[test]
fn one_table() {
    for modes in pairs() {
        let mut world = World::new();
        let world = &mut world;
        let table = world.table(2, 8);
        let [a, b] = [(modes[0], "10"), (modes[1], "20")].map(|(mode, own)| {
            Peer::new(world, mode, &TABLE_USER.replace('%', own), &[table.clone().into()])
        });
        let ten = [ValType::I32];
        let host = world.host((&[], &ten), |_, _, results| {
            results[0] = Val::I32(30);
            Ok(())
        });

        // Each sets; everybody calls.
        a.get(world, "set", &[0]);
        b.get(world, "set", &[1]);
        for peer in [&a, &b] {
            assert_eq!(peer.get(world, "call", &[0]), Some(10));
            assert_eq!(peer.get(world, "call", &[1]), Some(20));
            assert_eq!(peer.call(world, "call", &[2]), Err(TrapCode::UndefinedElement));
        }

        // The host grows; both see the length, and what they set is seen by both.
        assert_eq!(table.grow(&mut world.store, 2, host.into()).expect("room"), 2);
        for peer in [&a, &b] {
            assert_eq!(peer.get(world, "size", &[]), Some(4));
            assert_eq!(peer.get(world, "call", &[3]), Some(30));
        }
        b.get(world, "move", &[2, 0]);
        a.get(world, "move", &[3, 1]);
        assert_eq!(a.get(world, "call", &[2]), Some(10));
        assert_eq!(b.get(world, "call", &[3]), Some(20));

        // Each grows, up to the maximum.
        assert_eq!(a.get(world, "grow", &[1]), Some(4));
        assert_eq!(b.get(world, "call", &[4]), Some(10));
        assert_eq!(b.get(world, "grow", &[3]), Some(5));
        assert_eq!(a.get(world, "call", &[7]), Some(20));
        for peer in [&a, &b] {
            assert_eq!(peer.get(world, "grow", &[1]), Some(-1));
            assert_eq!(peer.get(world, "size", &[]), Some(8));
        }
        assert_eq!(table.size(&world.store).expect("the table"), 8);

        // Nulls are null for everybody.
        a.get(world, "clear", &[7]);
        assert_eq!(b.get(world, "is_null", &[7]), Some(1));
        assert_eq!(b.call(world, "call", &[7]), Err(TrapCode::UninitializedElement));
        table.set(&mut world.store, 6, Val::FuncRef(None)).expect("a slot");
        assert_eq!(a.call(world, "call", &[6]), Err(TrapCode::UninitializedElement));
        assert_eq!(a.call(world, "is_null", &[8]), Err(TrapCode::TableOutOfBounds));
    }
}

/// A table that grows while a function of either mode is between two of its own accesses.
#[test]
fn a_table_grows_during_a_call() {
    for modes in pairs() {
        let mut world = World::new();
        let world = &mut world;
        let table = world.table(1, 8);
        let peer = TABLE_USER.replace('%', "10");
        let peer = Peer::new(world, modes[1], &peer, &[table.clone().into()]);
        let text = r#"(module
            (type $get (func (result i32)))
            (import "" "" (table $t 1 8 funcref))
            (import "" "" (func $grow (param i32) (result i32)))
            (func (export "f") (result i32 i32 i32)
              (table.size $t) (drop (call $grow (i32.const 4)))
              (table.size $t) (call_indirect (type $get) (i32.const 4))))"#;
        let func = world.guest(modes[0], text, &[table.into(), peer.func("grow").into()]);
        let found = world.call(&func, &[]).expect("numbers");
        let found: Vec<Option<i32>> = found.iter().map(Val::i32).collect();
        assert_eq!(found, [Some(1), Some(5), Some(10)], "{modes:?}");
    }
}

#[test]
fn one_global_of_each_type() {
    let types = [
        (ValType::I32, "i32", Val::I32(i32::MIN)),
        (ValType::I64, "i64", Val::I64(i64::MIN + 1)),
        (ValType::F32, "f32", Val::F32(0xffa0_0001)),
        (ValType::F64, "f64", Val::F64(0xfff4_0000_0000_0001)),
    ];
    for modes in pairs() {
        for (ty, name, value) in &types {
            let mut world = World::new();
            let ty = GlobalType { content: *ty, mutable: true };
            let zero = Val::default_for(ty.content).expect("a number");
            let global = Global::new(&mut world.store, ty, zero.clone()).expect("a global");
            let text = format!(
                r#"(module (import "" "" (global $g (mut {name})))
                  (func (export "get") (result {name}) (global.get $g))
                  (func (export "set") (param {name}) (global.set $g (local.get 0))))"#
            );
            let [a, b] =
                modes.map(|mode| Peer::new(&mut world, mode, &text, &[global.clone().into()]));
            world.call(&a.func("set"), std::slice::from_ref(value)).expect("the value fits");
            let found = world.call(&b.func("get"), &[]).expect("a value");
            assert_eq!(format!("{:?}", found[0]), format!("{value:?}"), "{modes:?}");
            let found = global.get(&mut world.store).expect("a value");
            assert_eq!(format!("{found:?}"), format!("{value:?}"), "{modes:?}");
            global.set(&mut world.store, zero.clone()).expect("the value fits");
            let found = world.call(&b.func("get"), &[]).expect("a value");
            assert_eq!(format!("{:?}", found[0]), format!("{zero:?}"), "{modes:?}");
        }
    }
}

#[test]
fn a_global_holds_functions_of_any_mode() {
    for modes in pairs() {
        let mut world = World::new();
        let ty = GlobalType { content: ValType::FUNCREF, mutable: true };
        let global = Global::new(&mut world.store, ty, Val::FuncRef(None)).expect("a global");
        let owner = world.guest(
            modes[0],
            r#"(module (import "" "" (global $g (mut funcref)))
              (func $own (result i32) (i32.const 7)) (elem declare func $own)
              (func (export "f") (global.set $g (ref.func $own))))"#,
            &[global.clone().into()],
        );
        let user = world.guest(
            modes[1],
            r#"(module (import "" "" (global $g (mut funcref))) (table $t 1 funcref)
              (func (export "f") (result i32)
                (table.set $t (i32.const 0) (global.get $g))
                (call_indirect (result i32) (i32.const 0))))"#,
            &[global.into()],
        );
        let error = world.call(&user, &[]).expect_err("null");
        assert_eq!(error.trap_code(), Some(TrapCode::UninitializedElement), "{modes:?}");
        world.run(&owner).expect("the global is set");
        let found = world.call(&user, &[]).expect("a number");
        assert_eq!(found[0].i32(), Some(7), "{modes:?}");
    }
}

/// A memory that grows during a call, by whoever is called, and is then written and read behind
/// its old end by both sides.
#[test]
fn a_memory_grows_during_a_call() {
    const LAST: i32 = 2 * 65536 - 4;
    let by_whom = [false, true].into_iter().flat_map(|host| [(host, false), (host, true)]);
    for modes in pairs() {
        for (by_host, memory_guard) in by_whom.clone() {
            let mut world = World::with(|tunables| tunables.memory_guard = memory_guard);
            let world = &mut world;
            let ty = MemoryType {
                index: IndexType::I32,
                limits: Limits { min: 1, max: Some(3) },
                shared: false,
                page_size_log2: 16,
            };
            let memory = Memory::new(&mut world.store, ty).expect("a memory");
            let grower = if by_host {
                let memory = memory.clone();
                world.host((&[], &[]), move |mut caller, _, _| {
                    memory.grow(&mut caller, 1)?;
                    memory.write(&mut caller, LAST as usize, &42i32.to_le_bytes())
                })
            } else {
                let text = r#"(module (import "" "" (memory 1 3))
                    (func (export "f") (drop (memory.grow (i32.const 1)))
                      (i32.store (i32.const 131068) (i32.const 42))))"#;
                world.guest(modes[1], text, &[memory.clone().into()])
            };
            let text = r#"(module (import "" "" (memory 1 3)) (import "" "" (func $grow))
                (func (export "read") (param i32) (result i32) (i32.load (local.get 0)))
                (func (export "f") (param i32) (result i32)
                  (i32.store (i32.const 8) (memory.size)) (call $grow)
                  (i32.store (i32.const 12) (memory.size))
                  (i32.store (i32.add (local.get 0) (i32.const -4)) (i32.const 43))
                  (i32.load (local.get 0))))"#;
            let user = Peer::new(world, modes[0], text, &[memory.clone().into(), grower.into()]);
            assert_eq!(user.call(world, "read", &[LAST]), Err(TrapCode::MemoryOutOfBounds));
            assert_eq!(user.get(world, "f", &[LAST]), Some(42), "{modes:?}");
            assert_eq!(user.get(world, "read", &[8]), Some(1));
            assert_eq!(user.get(world, "read", &[12]), Some(2));
            let mut bytes = [0; 4];
            memory.read(&world.store, LAST as usize - 4, &mut bytes).expect("in bounds");
            assert_eq!(i32::from_le_bytes(bytes), 43);
            // Behind the new end, and beyond the maximum.
            assert_eq!(user.call(world, "read", &[LAST + 1]), Err(TrapCode::MemoryOutOfBounds));
            assert!(memory.grow(&mut world.store, 2).is_err());
        }
    }
}

/// Stores on several threads run the same modules at the same time, from their first call on.
#[test]
fn modules_in_stores_of_many_threads() {
    let even_or_odd = |at: u64| {
        format!(
            r#"(module (import "" "" (table 2 funcref))
              (func (export "f") (param i32) (result i32)
                (if (i32.eqz (local.get 0)) (then (return (i32.const {at}))))
                (i32.sub (local.get 0) (i32.const 1))
                (return_call_indirect (param i32) (result i32) (i32.const {}))))"#,
            1 - at
        )
    };
    for _ in 0..10 {
        let mut world = World::new();
        for (mode, at) in GUESTS.into_iter().zip(0..) {
            world.module(mode, &even_or_odd(at));
        }
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let mut world = world.beside();
                thread::spawn(move || {
                    let table = world.table(2, 2);
                    let members = GUESTS.into_iter().zip(0..).map(|(mode, at)| {
                        let func = world.guest(mode, &even_or_odd(at), &[table.clone().into()]);
                        table.set(&mut world.store, at, func.clone().into()).expect("a slot");
                        func
                    });
                    let members: Vec<Func> = members.collect();
                    for calls in 0..200 {
                        let found = world.call(&members[0], &[Val::I32(calls)]).expect("a number");
                        assert_eq!(found[0].i32(), Some(calls % 2));
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    }
}
