//! One module on many threads, each with its own store.

use std::sync::Barrier;

use wamr::{Engine, Linker, Store, Validation};

use crate::support::{call, each_config, module};

/// Many functions, each of which calls the one before it.
fn chain(engine: &Engine, length: u32) -> wamr::Module {
    let mut wat = String::from("(module (func $f0 (param i64) (result i64) local.get 0)");
    for i in 1..length {
        wat += &format!(
            "(func $f{i} (param i64) (result i64)
                (i64.add (i64.const {i}) (call $f{} (local.get 0))))",
            i - 1
        );
    }
    wat += &format!(
        r#"(memory (export "m") 1)
        (func (export "run") (param i64) (result i64)
            (i64.store (i32.const 0) (local.get 0))
            (call $f{} (i64.load (i32.const 0)))))"#,
        length - 1
    );
    module(engine, &wat)
}

#[test]
fn sixteen_threads_translate_one_module_at_once() {
    for validation in [Validation::Eager, Validation::Lazy] {
        each_config(
            |config| {
                config.validation(validation);
            },
            |engine| {
                const THREADS: u64 = 16;
                let module = chain(engine, 300);
                let linker = Linker::<()>::new(engine);
                let barrier = Barrier::new(THREADS as usize);
                std::thread::scope(|scope| {
                    for thread in 0..THREADS {
                        let (module, linker, barrier) = (&module, &linker, &barrier);
                        scope.spawn(move || {
                            let mut store = Store::new(engine, ());
                            let instance = linker.instantiate(&mut store, module).unwrap();
                            barrier.wait();
                            for round in 0..20 {
                                let x = thread * 1_000 + round;
                                let got: u64 = call(&mut store, &instance, "run", x).unwrap();
                                assert_eq!(got, x + 299 * 300 / 2);
                            }
                        });
                    }
                });
            },
        );
    }
}

#[test]
fn modules_with_the_same_and_other_types_load_at_once() {
    each_config(
        |_| {},
        |engine| {
            std::thread::scope(|scope| {
                for thread in 0..8 {
                    scope.spawn(move || {
                        for round in 0..20 {
                            let own = " i32".repeat(thread * 20 + round);
                            let wat = format!(
                                r#"(module (type (func (param{own}))) (type (func (result i64)))
                                    (func (export "f") (type 1) (i64.const {round})))"#
                            );
                            let mut store = Store::new(engine, ());
                            let module = module(engine, &wat);
                            let linker = Linker::<()>::new(engine);
                            let instance = linker.instantiate(&mut store, &module).unwrap();
                            let got = call::<(), i64>(&mut store, &instance, "f", ()).unwrap();
                            assert_eq!(got, round as i64);
                        }
                    });
                }
            });
        },
    );
}
