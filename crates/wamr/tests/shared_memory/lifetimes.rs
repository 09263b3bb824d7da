//! Who goes first: memories, stores, handles, waiters.

use std::thread;
use std::time::Duration;

use wamr::{Memory, SharedMemory, Store};

use super::{World, each_world, memory_type};

#[test]
fn a_memory_lives_as_long_as_anyone_holds_it() {
    each_world(|world| {
        let memory = SharedMemory::new(&world.engine, memory_type()).unwrap();
        let world = World { engine: world.engine.clone(), memory, module: world.module.clone() };
        let (mut first, mut second) = (world.user(), world.user());
        drop(world);
        first.call::<_, ()>("store", (100, 42));
        assert_eq!(second.call::<_, i32>("load", 100), 42);
        drop(first);
        assert_eq!(second.call::<_, i32>("grow", 3), 1);
        second.call::<_, ()>("store", (0x3_fffc, 43));
        assert_eq!(second.call::<_, i32>("load", 0x3_fffc), 43);
    });
}

#[test]
fn handles_outlive_stores() {
    each_world(|world| {
        let mut store = Store::new(&world.engine, ());
        let memory = Memory::new(&mut store, memory_type()).unwrap();
        memory.write(&mut store, 9, &[9]).unwrap();
        let shared = memory.shared(&store).unwrap().unwrap();
        drop(store);
        let mut byte = [0];
        shared.read(9, &mut byte).unwrap();
        assert_eq!(byte, [9]);
        let mut other = Store::new(&world.engine, ());
        assert!(memory.read(&other, 9, &mut byte).is_err(), "the handle is void");
        let again = shared.to_memory(&mut other).unwrap();
        drop(shared);
        other.gc();
        again.read(&other, 9, &mut byte).unwrap();
        assert_eq!(byte, [9]);
    });
}

#[test]
fn stores_are_dropped_while_others_wait() {
    each_world(|world| {
        thread::scope(|scope| {
            let waiter = scope.spawn(|| world.user().call::<_, i32>("wait32", (0, 0, -1_i64)));
            for round in 0..50 {
                // Stores that wait, are interrupted and dropped, here and on threads of their own.
                let mut user = world.user();
                let handle = user.store.interrupt_handle();
                let thread = scope.spawn(move || {
                    let ended = user.try_call::<_, i32>("wait32", (0, 0, -1_i64));
                    assert!(ended.is_err());
                });
                if round % 2 == 0 {
                    thread::sleep(Duration::from_micros(100));
                }
                handle.interrupt();
                thread.join().unwrap();
                // The store is gone; its handle does nothing.
                handle.interrupt();
                drop(world.user());
            }
            assert!(!waiter.is_finished());
            while world.memory.atomic_notify(0, 1).unwrap() == 0 {}
            assert_eq!(waiter.join().unwrap(), 0);
        });
    });
}

#[test]
fn stores_let_go_of_memories() {
    each_world(|world| {
        let mut store = Store::new(&world.engine, ());
        // More address space than there is, if the store kept what nobody refers to.
        for _ in 0..20_000 {
            drop(Memory::new(&mut store, memory_type()).unwrap());
        }
        for _ in 0..2_000 {
            world.memory.to_memory(&mut store).unwrap();
        }
    });
}
