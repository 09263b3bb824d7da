//! Lazy validation: bad bodies come up when they are called.

use core::num::NonZero;

use wamr::{Config, ErrorKind, Instance, LoadErrorKind, Module, ModuleError, Store, Validation};
use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, FunctionSection, TypeSection, ValType,
};

use crate::support::{call, each_config};

/// `good` gives 1; `bad` has nothing on the stack to return; `calls_bad` calls it.
fn half_bad() -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I32]);
    let (mut funcs, mut exports) = (FunctionSection::new(), ExportSection::new());
    let mut code = CodeSection::new();
    for (index, name) in ["good", "bad", "calls_bad", "malformed"].into_iter().enumerate() {
        funcs.function(0);
        exports.export(name, ExportKind::Func, index as u32);
        let mut body = Function::new([]);
        match name {
            "good" => drop(body.instructions().i32_const(1).end()),
            "bad" => drop(body.instructions().end()),
            "calls_bad" => drop(body.instructions().call(1).end()),
            // An opcode that means nothing.
            _ => drop(body.raw([0xff, 0xff])),
        }
        code.function(&body);
    }
    let mut module = wasm_encoder::Module::new();
    module.section(&types).section(&funcs).section(&exports).section(&code);
    module.finish()
}

fn lazy(config: &mut Config) {
    config.validation(Validation::Lazy);
}

#[test]
fn a_bad_body_is_an_error_at_each_call_of_it() {
    each_config(lazy, |engine| {
        let module = Module::new(engine, half_bad()).unwrap();
        for _ in 0..2 {
            let mut store = Store::new(engine, ());
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            for (name, frames) in [("bad", 1), ("calls_bad", 2), ("bad", 1), ("malformed", 1)] {
                let error = call::<(), i32>(&mut store, &instance, name, ()).unwrap_err();
                let ErrorKind::InvalidBody(inner) = error.kind() else { panic!("{error}") };
                assert!(inner.offset.is_some());
                let malformed = matches!(inner.kind, LoadErrorKind::Malformed(_));
                assert_eq!(malformed, name == "malformed", "{error}");
                assert_eq!(error.backtrace().frames().len(), frames, "{error:?}");
                assert_eq!(call::<(), i32>(&mut store, &instance, "good", ()).unwrap(), 1);
            }
        }
    });
}

#[test]
fn translation_on_demand_finds_the_first_bad_body_and_keeps_the_good_ones() {
    each_config(lazy, |engine| {
        let Ok(module) = Module::new(engine, half_bad()) else { return };
        for threads in [1, 4].map(|count| NonZero::new(count).unwrap()) {
            match module.translate(threads) {
                Err(error) => {
                    let ErrorKind::InvalidBody(inner) = error.kind() else { panic!("{error}") };
                    assert_eq!(inner.func.as_deref(), Some("#1"), "{error}");
                }
                // Modes without anything to translate find bad bodies at calls.
                Ok(()) => assert_ne!(module.mode(), "interp"),
            }
            let mut store = Store::new(engine, ());
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            assert_eq!(call::<(), i32>(&mut store, &instance, "good", ()).unwrap(), 1);
        }
        let wat = r#"(module (func $two (result i32) (i32.const 2))
            (func (export "f") (result i32) (i32.add (call $two) (i32.const 1))))"#;
        let module = Module::new(engine, wat).unwrap();
        module.translate(NonZero::new(2).unwrap()).unwrap();
        module.translate(NonZero::new(2).unwrap()).unwrap();
        let mut store = Store::new(engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        assert_eq!(call::<(), i32>(&mut store, &instance, "f", ()).unwrap(), 3);
    });
}

#[test]
fn the_same_module_is_refused_when_validation_is_eager() {
    for lazy in [false, true] {
        let set = |config: &mut Config| {
            config.validation(if lazy { Validation::Lazy } else { Validation::Eager });
        };
        each_config(set, |engine| {
            let eager = if lazy {
                Module::validate(engine, &half_bad())
            } else {
                Module::new(engine, half_bad()).map(drop)
            };
            let Err(ModuleError::Load(error)) = eager else { panic!("{eager:?}") };
            assert_eq!(error.func.as_deref(), Some("#1"));
            assert!(error.offset.is_some());
        });
    }
}

#[test]
fn everything_but_bodies_is_checked_at_once() {
    each_config(lazy, |engine| {
        for wat in [
            r#"(module (export "f" (func 3)))"#,
            "(module (memory 2 1))",
            "(module (func (type 7)))",
            "(module (global i32 (i64.const 0)))",
        ] {
            assert!(matches!(Module::new(engine, wat), Err(ModuleError::Load(_))), "{wat}");
        }
    });
}

#[test]
fn a_feature_that_no_backend_has_is_named_at_the_first_call() {
    each_config(lazy, |engine| {
        let wat = r#"(module (func (export "f") (result i32)
            (i32x4.extract_lane 0 (i32x4.splat (i32.const 1)))))"#;
        let mut store = Store::new(engine, ());
        let Ok(module) = Module::new(engine, wat) else { return };
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        if let Err(error) = call::<(), i32>(&mut store, &instance, "f", ()) {
            let ErrorKind::InvalidBody(inner) = error.kind() else { panic!("{error}") };
            assert!(matches!(inner.kind, LoadErrorKind::Unsupported(_)), "{inner}");
        }
    });
}
