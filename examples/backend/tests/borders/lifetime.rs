//! Who keeps whom alive: a function that can still be called lives, with its instance and code,
//! whatever mode it runs in; and nothing else does.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use wamr_linker::Instance;
use wamr_runtime::{Extern, Func, Global, Table, Val};
use wamr_types::{GlobalType, ValType};

use crate::support::{GUESTS, Mode, NOTHING, Via, World};

/// Counts how many of its values were dropped.
#[derive(Clone, Default)]
struct Drops(Arc<AtomicUsize>);

impl Drops {
    fn value(&self) -> Counted {
        Counted(self.clone())
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

struct Counted(Drops);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

const NUMBER: (&[ValType], &[ValType]) = (&[], &[ValType::I32]);

/// A function that calls a host function for a number, or that function itself. It owns a
/// counted value.
fn owner(world: &mut World, mode: Mode, drops: &Drops) -> Func {
    let counted = drops.value();
    let host = world.host(NUMBER, move |_, _, results| {
        results[0] = Val::I32(7 + counted.0.count() as i32);
        Ok(())
    });
    if mode == Mode::Host { host } else { world.relay(mode, Via::Import, NUMBER, &host) }
}

/// A function that calls element 0 of a table.
fn table_caller(world: &mut World, mode: Mode, table: &Table) -> Func {
    let text = r#"(module (import "" "" (table 1 funcref))
        (func (export "f") (result i32) (call_indirect (result i32) (i32.const 0))))"#;
    world.guest(mode, text, &[table.clone().into()])
}

/// Lets go of everything that the test does not hold.
fn collect(world: &mut World) {
    world.forget_modules();
    world.store.gc();
}

fn assert_works(world: &mut World, func: &Func) {
    for _ in 0..3 {
        let found = world.call(func, &[]).expect("the function lives");
        assert_eq!(found[0].i32(), Some(7));
    }
}

#[test]
fn a_table_keeps_functions_alive() {
    for owned in [Mode::Interp, Mode::Compiled, Mode::Host] {
        for caller in GUESTS {
            let (mut world, drops) = (World::new(), Drops::default());
            let world = &mut world;
            let table = world.table(1, 1);
            let func = owner(world, owned, &drops);
            table.set(&mut world.store, 0, func.into()).expect("a slot");
            let caller = table_caller(world, caller, &table);
            collect(world);
            assert_works(world, &caller);
            collect(world);
            assert_eq!(drops.count(), 0, "{owned:?}");

            table.set(&mut world.store, 0, Val::FuncRef(None)).expect("a slot");
            collect(world);
            assert_eq!(drops.count(), 1, "{owned:?}");
            let error = world.call(&caller, &[]).expect_err("null");
            assert!(error.trap_code().is_some());
        }
    }
}

#[test]
fn imports_globals_and_handles_keep_functions_alive() {
    for owned in [Mode::Interp, Mode::Compiled, Mode::Host] {
        for caller in GUESTS {
            let (mut world, drops) = (World::new(), Drops::default());
            let world = &mut world;
            // A handle.
            let func = owner(world, owned, &drops);
            collect(world);
            assert_works(world, &func);
            // An import, when the handle is gone.
            let caller = world.relay(caller, Via::Import, NUMBER, &func);
            drop(func);
            collect(world);
            assert_works(world, &caller);
            // A global, when the instance's handle is gone too.
            let ty = GlobalType { content: ValType::FUNCREF, mutable: true };
            let global = Global::new(&mut world.store, ty, caller.into()).expect("a global");
            collect(world);
            let held = global.get(&mut world.store).expect("the global");
            let Val::FuncRef(Some(func)) = held else { panic!("{held:?} in the global") };
            assert_works(world, &func);
            // Nothing.
            drop(func);
            global.set(&mut world.store, Val::FuncRef(None)).expect("a global");
            assert_eq!(drops.count(), 0, "{owned:?}");
            collect(world);
            assert_eq!(drops.count(), 1, "{owned:?}");
        }
    }
}

/// Two instances that refer to each other by a table and an import, and to nothing else.
#[test]
fn circles_between_modes_are_reclaimed() {
    for modes in [GUESTS, [GUESTS[1], GUESTS[0]]] {
        let (mut world, drops) = (World::new(), Drops::default());
        let world = &mut world;
        let table = world.table(1, 1);
        let counted = drops.value();
        let host = world.host(NOTHING, move |_, _, _| {
            assert_eq!(counted.0.count(), 0);
            Ok(())
        });
        let text = r#"(module (import "" "" (table 1 funcref)) (import "" "" (func $host))
            (func (export "f") (param i32)
              (call $host)
              (if (local.get 0) (then
                (call_indirect (param i32) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))))))"#;
        let first = world.guest(modes[0], text, &[table.clone().into(), host.into()]);
        let one = [ValType::I32];
        let second = world.relay(modes[1], Via::Import, (&one, &[]), &first);
        let text = r#"(module (import "" "" (func $g (param i32) (result i32)))
            (func (export "f") (param i32) (drop (call $g (local.get 0)))))"#;
        let second = world.guest(modes[1], text, &[second.into()]);
        table.set(&mut world.store, 0, second.clone().into()).expect("a slot");

        drop((first, table));
        collect(world);
        world.call(&second, &[Val::I32(5)]).expect("the circle lives");
        assert_eq!(drops.count(), 0);
        drop(second);
        collect(world);
        assert_eq!(drops.count(), 1, "{modes:?}");
    }
}

/// A function whose last handle and last table slot go while it runs: it returns to code that
/// is still there. Making many instances meanwhile would collect, were no wasm running.
#[test]
fn running_code_is_not_reclaimed() {
    for modes in [GUESTS, [GUESTS[1], GUESTS[0]]] {
        let (mut world, drops) = (World::new(), Drops::default());
        let world = &mut world;
        let table = world.table(1, 1);
        let held: Arc<Mutex<Option<Func>>> = Arc::default();
        let (own, slot, counted) = (held.clone(), table.clone(), drops.value());
        let filler = world.module(modes[1], "(module (func (export \"f\")) (table 1 funcref))");
        let host = world.host(NUMBER, move |mut caller, _, results| {
            own.lock().expect("the handle").take();
            slot.set(&mut caller, 0, Val::FuncRef(None))?;
            for _ in 0..400 {
                Instance::new(&mut caller, &filler, &[]).map_err(wamr_runtime::Error::new)?;
            }
            results[0] = Val::I32(counted.0.count() as i32);
            Ok(())
        });
        let middle = world.relay(modes[0], Via::Import, NUMBER, &host);
        drop(host);
        table.set(&mut world.store, 0, middle.clone().into()).expect("a slot");
        *held.lock().expect("the handle") = Some(middle);
        let func = table_caller(world, modes[1], &table);
        world.forget_modules();

        let found = world.call(&func, &[]).expect("a number");
        assert_eq!(found[0].i32(), Some(0), "{modes:?}");
        collect(world);
        assert_eq!(drops.count(), 1, "{modes:?}");
    }
}

/// What a failed instantiation has written to a shared table can be called.
#[test]
fn functions_of_a_failed_instantiation_live() {
    for owned in GUESTS {
        for caller in GUESTS {
            let (mut world, drops) = (World::new(), Drops::default());
            let world = &mut world;
            let table = world.table(1, 1);
            let counted = drops.value();
            let host = world.host(NUMBER, move |_, _, results| {
                results[0] = Val::I32(7 + counted.0.count() as i32);
                Ok(())
            });
            let text = r#"(module (import "" "" (table $t 1 funcref))
                (import "" "" (func $host (result i32)))
                (func $f (result i32) (call $host))
                (elem (table $t) (i32.const 0) func $f)
                (elem (table $t) (i32.const 9) func $f))"#;
            let module = world.module(owned, text);
            let imports: [Extern; 2] = [table.clone().into(), host.into()];
            Instance::new(&mut world.store, &module, &imports).expect_err("a segment is outside");
            drop((module, imports));
            let caller = table_caller(world, caller, &table);
            collect(world);
            assert_works(world, &caller);
            drop((caller, table));
            collect(world);
            assert_eq!(drops.count(), 1, "{owned:?}");
        }
    }
}

/// A destructor that panics during a collection leaves a store that is whole: nothing is freed
/// twice, and what lives goes on living.
#[test]
fn panics_of_destructors_are_survived() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            resume_unwind(Box::new("dropped"));
        }
    }

    for owned in GUESTS {
        let (mut world, drops) = (World::new(), Drops::default());
        let world = &mut world;
        let table = world.table(1, 1);
        let func = owner(world, owned, &drops);
        table.set(&mut world.store, 0, func.into()).expect("a slot");
        let caller = table_caller(world, GUESTS[0], &table);
        drop(table);
        for _ in 0..2 {
            let panics = Panics;
            let host = world.host(NUMBER, move |_, _, _| {
                let _ = &panics;
                Ok(())
            });
            drop(world.relay(owned, Via::Import, NUMBER, &host));
            drop(host);
            let ended = catch_unwind(AssertUnwindSafe(|| collect(world)));
            assert!(ended.is_err(), "{owned:?}");
            assert_works(world, &caller);
        }
        collect(world);
        assert_works(world, &caller);
        assert_eq!(drops.count(), 0);
    }
}

/// A store that ends takes everything along, whoever still holds handles; those turn void.
#[test]
fn stores_end_with_handles_left() {
    for owned in GUESTS {
        let (mut world, drops) = (World::new(), Drops::default());
        let table = world.table(1, 1);
        let func = owner(&mut world, owned, &drops);
        table.set(&mut world.store, 0, func.clone().into()).expect("a slot");
        drop(world);
        assert_eq!(drops.count(), 1);
        let mut other = World::new();
        assert!(other.call(&func, &[]).is_err());
        assert!(table.get(&mut other.store, 0).is_err());
    }
}
