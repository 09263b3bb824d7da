//! Accesses of several threads, by guests and hosts.

use std::sync::Barrier;
use std::sync::atomic::Ordering;

use wamr::{ErrorKind, Memory, MemoryType, SharedMemory, Store, TrapCode};

use super::{each_engine, each_world, memory_type};

#[test]
fn no_increment_is_lost() {
    each_world(|world| {
        world.on_threads(8, |number, user| {
            user.call::<_, ()>("add", (8, 10_000));
            user.call::<_, ()>("add", (16 + 8 * number, 1000));
        });
        assert_eq!(world.word(8), 80_000);
        assert!((0..8).all(|number| world.word(16 + 8 * number) == 1000));
    });
}

#[test]
fn atomics_are_in_one_order_for_all() {
    each_world(|world| {
        // Two threads each write a word, then read the other's: one of them must see a 1.
        for round in 0..300 {
            let start = Barrier::new(2);
            let seen: [std::sync::atomic::AtomicI32; 2] = [(-1).into(), (-1).into()];
            world.memory.write(0, &[0; 128]).unwrap();
            world.on_threads(2, |number, user| {
                let (own, other) = (number * 64, (1 - number) * 64);
                start.wait();
                user.call::<_, ()>("atomic_store", (own, 1));
                let found = user.call::<_, i32>("atomic_load", other);
                seen[number as usize].store(found, Ordering::SeqCst);
            });
            let seen = seen.map(|seen| seen.into_inner());
            assert_ne!(seen, [0, 0], "round {round}");
        }
    });
}

#[test]
fn bulk_operations_may_race() {
    each_world(|world| {
        world.on_threads(6, |number, user| {
            for round in 0..200_u32 {
                match number % 3 {
                    0 => user.call::<_, ()>("fill", (1, round, 40_001)),
                    1 => user.call::<_, ()>("copy", (3, 20_000, 30_005)),
                    _ => user.call::<_, ()>("copy", (20_000, 3, 30_005)),
                }
            }
        });
        let mut user = world.user();
        user.call::<_, ()>("fill", (0, 7, 65_536));
        assert!(world.memory.data().iter().all(|byte| byte.load(Ordering::Relaxed) == 7));
        assert!(user.try_call::<_, ()>("fill", (1, 7, 65_536)).is_err());
        assert!(user.try_call::<_, ()>("copy", (1, 0, 65_536)).is_err());
    });
}

#[test]
fn hosts_copy_and_never_borrow() {
    each_world(|world| {
        let mut store = Store::new(&world.engine, ());
        let memory = world.memory.to_memory(&mut store).unwrap();
        let is_refused = |error: &wamr::Error| matches!(error.kind(), ErrorKind::SharedMemory);
        assert!(is_refused(&memory.data(&store).unwrap_err()));
        assert!(is_refused(&memory.data_mut(&mut store).unwrap_err()));
        assert!(is_refused(&memory.data_and_store_mut(&mut store).unwrap_err()));

        memory.write(&mut store, 65_530, b"abcdef").unwrap();
        let mut bytes = [0; 4];
        world.memory.read(65_532, &mut bytes).unwrap();
        assert_eq!(&bytes, b"cdef");
        assert_eq!(world.memory.data()[65_530].load(Ordering::Relaxed), b'a');
        world.memory.write(0, b"xy").unwrap();
        memory.read(&store, 0, &mut bytes[..2]).unwrap();
        assert_eq!(&bytes, b"xyef");
        for at in [65_531, usize::MAX] {
            assert!(world.memory.write(at, b"abcdef").is_err());
            assert!(world.memory.read(at, &mut [0; 6]).is_err());
            assert!(memory.write(&mut store, at, b"abcdef").is_err());
        }
        let back = memory.shared(&store).unwrap().expect("shared");
        assert!(SharedMemory::same(&back, &world.memory));
    });
}

#[test]
fn types_are_checked() {
    each_engine(|engine| {
        let refused = |ty| {
            let error = SharedMemory::new(engine, ty).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::InvalidType(_)), "{error}");
        };
        refused(MemoryType::new(1, Some(2)));
        refused(MemoryType { shared: true, ..MemoryType::new(1, None) });
        refused(MemoryType { shared: true, ..MemoryType::new(2, Some(1)) });
        refused(MemoryType { shared: true, ..MemoryType::new(1, Some(1 << 20)) });

        let mut store = Store::new(engine, ());
        let made = Memory::new(&mut store, memory_type()).unwrap();
        assert!(made.shared(&store).unwrap().is_some());
        let own = Memory::new(&mut store, MemoryType::new(1, Some(16))).unwrap();
        assert!(own.shared(&store).unwrap().is_none());
        let importer = |text: &str| wamr::Module::new(engine, text).unwrap();
        let wants_shared = importer(r#"(module (memory (import "" "m") 1 16 shared))"#);
        let wants_own = importer(r#"(module (memory (import "" "m") 1 16))"#);
        let mut link = |module, memory: &Memory| {
            wamr::Instance::new(&mut store, module, &[memory.clone().into()]).is_ok()
        };
        assert!(link(&wants_shared, &made) && link(&wants_own, &own));
        assert!(!link(&wants_shared, &own) && !link(&wants_own, &made));
    });
}

#[test]
fn engines_are_told_apart() {
    each_world(|world| {
        let other = wamr::Engine::default();
        let mut store = Store::new(&other, ());
        let error = world.memory.to_memory(&mut store).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WrongEngine));
    });
}

#[test]
fn accesses_trap_where_they_must() {
    each_world(|world| {
        let mut user = world.user();
        let mut trap = |name: &str, at: u32| {
            let outcome = match name {
                "load" | "atomic_load" => user.try_call::<_, i32>(name, at).map(drop),
                "store" | "atomic_store" => user.try_call::<_, ()>(name, (at, 1)),
                "notify" => user.try_call::<_, i32>(name, (at, 1)).map(drop),
                "wait32" => user.try_call::<_, i32>(name, (at, 1, 0_i64)).map(drop),
                _ => user.try_call::<_, i32>(name, (at, 1_i64, 0_i64)).map(drop),
            };
            outcome.expect_err(name).trap_code().expect(name)
        };
        for name in ["load", "store"] {
            assert_eq!(trap(name, 65_533), TrapCode::MemoryOutOfBounds, "{name}");
        }
        for name in ["atomic_load", "atomic_store", "notify", "wait32", "wait64"] {
            assert_eq!(trap(name, 65_530), TrapCode::UnalignedAtomic, "{name}");
            assert_eq!(trap(name, 65_536), TrapCode::MemoryOutOfBounds, "{name}");
            assert_eq!(trap(name, u32::MAX - 7), TrapCode::MemoryOutOfBounds, "{name}");
        }
        assert_eq!(trap("wait64", 4), TrapCode::UnalignedAtomic);
    });
}
