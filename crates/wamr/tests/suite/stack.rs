//! Recursion ends in a trap, whoever recurses and however small the thread's stack is.

use wamr::{Caller, Config, Engine, Error, Extern, Func, Instance, Mode, Store, TrapCode};

use crate::support::{call, each_config, each_mode, instantiate, interp_config, trap};

const RECURSION: &str = r#"(module (table 1 funcref) (elem (i32.const 0) $indirect)
    (func $direct (export "direct") (call $direct))
    (func $indirect (export "indirect") (call_indirect (i32.const 0)))
    (func $wide (export "wide") (param i64 i64 i64 i64) (result i64) (local i64 i64 i64 i64)
        (i64.add (local.get 0)
            (call $wide (local.get 1) (local.get 2) (local.get 3) (local.get 0))))
    (func (export "fine") (result i32) (i32.const 3)))"#;

#[test]
fn recursion_in_wasm_traps_and_the_store_goes_on() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let instance = instantiate(engine, &mut store, RECURSION, &[]);
        for _ in 0..3 {
            for name in ["direct", "indirect"] {
                let ended = trap(call::<(), ()>(&mut store, &instance, name, ()));
                assert_eq!(ended, TrapCode::StackOverflow, "{name}");
            }
            let ended = call::<_, i64>(&mut store, &instance, "wide", (1i64, 2i64, 3i64, 4i64));
            assert_eq!(trap(ended), TrapCode::StackOverflow);
            assert_eq!(call::<(), i32>(&mut store, &instance, "fine", ()).unwrap(), 3);
        }
    });
}

/// Two instances that call each other by way of a host function.
fn mutual(engine: &Engine, store: &mut Store<u32>) -> Instance {
    let back = Func::wrap(&mut *store, |mut caller: Caller<'_, u32>| -> Result<(), Error> {
        *caller.data_mut() += 1;
        let run = caller.get_export("run").and_then(Extern::into_func);
        run.ok_or_else(|| Error::msg("no export"))?.call(&mut caller, &[], &mut [])
    });
    instantiate(
        engine,
        store,
        r#"(module (import "" "" (func $back)) (func (export "run") (call $back))
            (func (export "fine")))"#,
        &[back.into()],
    )
}

fn overflow(engine: &Engine) -> u32 {
    let mut store = Store::new(engine, 0);
    let instance = mutual(engine, &mut store);
    let error = call::<(), ()>(&mut store, &instance, "run", ()).unwrap_err();
    assert_eq!(error.trap_code(), Some(TrapCode::StackOverflow), "{error:?}");
    assert!(!error.backtrace().frames().is_empty());
    call::<(), ()>(&mut store, &instance, "fine", ()).unwrap();
    *store.data()
}

#[test]
fn recursion_through_the_host_traps() {
    each_mode(|engine| {
        assert!(overflow(engine) > 100);
    });
}

#[test]
fn recursion_through_the_host_traps_on_small_stacks() {
    each_mode(|engine| {
        for kib in [2048, 1024, 512, 256] {
            let engine = engine.clone();
            let thread = std::thread::Builder::new().stack_size(kib << 10);
            let depth = thread.spawn(move || overflow(&engine)).unwrap().join().unwrap();
            assert!(depth > 5, "{kib} KiB: {depth}");
        }
    });
}

#[test]
fn a_call_from_deep_in_the_stack_traps_too() {
    fn deeper(engine: &Engine, levels: u32) -> u32 {
        let space = [levels as u8; 64 << 10];
        if levels == 0 {
            return overflow(engine);
        }
        deeper(engine, levels - 1) + u32::from(std::hint::black_box(&space)[0] == 255)
    }
    each_mode(|engine| {
        let engine = engine.clone();
        let thread = std::thread::Builder::new().stack_size(2 << 20);
        let depth = thread.spawn(move || deeper(&engine, 25)).unwrap().join().unwrap();
        assert!(depth > 5, "{depth}");
    });
}

#[test]
fn the_smallest_interpreter_stacks() {
    for bytes in [0, 1, 4096, 65_536] {
        each_config(
            |config| {
                config.interp_stack_bytes(bytes);
            },
            |engine| {
                let mut store = Store::new(engine, ());
                let instance = instantiate(engine, &mut store, RECURSION, &[]);
                let ended = trap(call::<(), ()>(&mut store, &instance, "direct", ()));
                assert_eq!(ended, TrapCode::StackOverflow);
            },
        );
    }
}

#[test]
fn frames_larger_than_the_stack_trap() {
    interp_config(
        |config| {
            config.interp_stack_bytes(65_536);
        },
        |engine| {
            let mut store = Store::new(engine, ());
            let locals = " i64".repeat(20_000);
            let wat = format!(
                r#"(module (func $large (export "large") (local{locals}))
                    (func (export "call") (call $large)) (func (export "fine")))"#
            );
            let instance = instantiate(engine, &mut store, &wat, &[]);
            for name in ["large", "call", "large"] {
                let ended = trap(call::<(), ()>(&mut store, &instance, name, ()));
                assert_eq!(ended, TrapCode::StackOverflow, "{name}");
            }
            call::<(), ()>(&mut store, &instance, "fine", ()).unwrap();
        },
    );
}

/// How deep a recursion gets before it traps.
fn depth(engine: &Engine) -> u32 {
    let mut store = Store::new(engine, 0);
    let instance = instantiate(
        engine,
        &mut store,
        r#"(module (global $n (export "n") (mut i32) (i32.const 0))
            (func $f (export "f") (param i64 i64)
                (global.set $n (i32.add (global.get $n) (i32.const 1)))
                (call $f (local.get 0) (local.get 1))))"#,
        &[],
    );
    let outcome = call::<_, ()>(&mut store, &instance, "f", (1_i64, 2_i64));
    assert_eq!(trap(outcome), TrapCode::StackOverflow);
    let n = instance.get_global(&mut store, "n").unwrap();
    n.get(&mut store).unwrap().i32().unwrap() as u32
}

#[test]
fn stacks_are_as_large_as_configured() {
    for &mode in Mode::ALL {
        let engine = |set: fn(&mut Config, usize), bytes| {
            let mut config = Config::new();
            config.mode(mode);
            set(&mut config, bytes);
            Engine::new(&config).unwrap()
        };
        let interp: fn(&mut Config, usize) = |config, bytes| {
            config.interp_stack_bytes(bytes);
        };
        let native: fn(&mut Config, usize) = |config, bytes| {
            config.native_stack_bytes(bytes);
        };
        // Compiled code has its frames on the native stack.
        let frames = if mode == Mode::Interp { interp } else { native };
        let (small, large) = (depth(&engine(frames, 1 << 17)), depth(&engine(frames, 1 << 20)));
        assert!((small * 7..small * 9).contains(&large), "{small} {large}");
        let through_host = |bytes| overflow(&engine(native, bytes));
        let (small, large) = (through_host(1 << 17), through_host(1 << 20));
        assert!(small * 4 < large && large < small * 16, "{small} {large}");
    }
}
