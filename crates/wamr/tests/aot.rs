//! Modules that were compiled to bytes before.
#![cfg(all(feature = "jit", feature = "wat", target_os = "linux", target_arch = "x86_64"))]

use wamr::aot::{BoundsChecks, FileError, FileKind, Precompile};
use wamr::{
    Config, Engine, ErrorKind, Feature, Instance, Mode, Module, ModuleError, Store, TrapCode,
};

const FACTORIAL: &str = r#"(module
    (memory (export "memory") 1)
    (func $factorial (export "factorial") (param i64) (result i64)
        (if (result i64) (i64.eqz (local.get 0))
            (then (i64.const 1))
            (else (i64.mul (local.get 0) (call $factorial (i64.sub (local.get 0) (i64.const 1)))))))
    (func $fail (export "fail") (drop (i32.load (i32.const -1)))))"#;

fn engine(mode: Mode) -> Engine {
    Engine::new(Config::new().mode(mode)).expect("the mode is there")
}

/// Loads bytes that this file has just compiled.
fn load(engine: &Engine, bytes: &[u8]) -> Result<Module, ModuleError> {
    // SAFETY: the compiler made them.
    unsafe { Module::deserialize(engine, bytes) }
}

#[test]
fn what_was_compiled_runs_on_engines_of_every_mode() {
    let bytes = engine(Mode::Jit).precompile(FACTORIAL.as_bytes()).expect("it is compiled");
    for &mode in Mode::ALL {
        let engine = engine(mode);
        let module = load(&engine, &bytes).expect("it is loaded");
        assert_eq!(module.mode(), "aot");
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let factorial = instance.get_typed_func::<i64, i64>(&mut store, "factorial").unwrap();
        assert_eq!(factorial.call(&mut store, 20).unwrap(), 2_432_902_008_176_640_000);
        let fail = instance.get_typed_func::<(), ()>(&mut store, "fail").unwrap();
        let error = fail.call(&mut store, ()).unwrap_err();
        assert_eq!(error.trap_code(), Some(TrapCode::MemoryOutOfBounds));
        let frames = error.backtrace();
        let frame = &frames.frames()[0];
        assert_eq!((frame.func().0, frame.func_name().as_deref()), (1, Some("fail")));
        // Positions are those of the WebAssembly module.
        let interpreted = Module::new(&engine, FACTORIAL).unwrap();
        let instance = Instance::new(&mut store, &interpreted, &[]).unwrap();
        let fail = instance.get_typed_func::<(), ()>(&mut store, "fail").unwrap();
        let error = fail.call(&mut store, ()).unwrap_err();
        assert_eq!(error.backtrace().frames()[0].offset(), frame.offset());
    }
}

#[test]
fn any_module_can_be_written_to_bytes() {
    for &mode in Mode::ALL {
        let engine = engine(mode);
        let bytes = Module::new(&engine, FACTORIAL).unwrap().serialize().expect("it is compiled");
        if mode == Mode::Jit {
            assert!(bytes == engine.precompile(FACTORIAL.as_bytes()).unwrap());
        }
        assert!(load(&engine, &bytes).unwrap().serialize().unwrap() == bytes);
    }
}

#[test]
fn files_of_both_kinds_say_what_to_do_with_them() {
    let engine = engine(Mode::Interp);
    let bytes = engine.precompile(b"(module)").unwrap();
    assert!(matches!(Module::new(&engine, &bytes), Err(ModuleError::IsAot)));
    let of_c = Module::new(&engine, b"\0aot\x03\0\0\0").unwrap_err();
    assert!(matches!(of_c, ModuleError::IsWamrCAot));
    let wasm = load(&engine, b"\0asm\x01\0\0\0").unwrap_err();
    assert!(matches!(wasm, ModuleError::Aot(FileError::NotAot(FileKind::Wasm))));
    assert!(wasm.to_string().contains("wamrc"));
}

#[test]
fn code_for_guarded_memories_runs_with_no_others() {
    let unguarded = Engine::new(Config::new().memory_guard(false)).unwrap();
    let guarded = engine(Mode::Jit);
    let bytes = guarded.precompile(FACTORIAL.as_bytes()).unwrap();
    let error = load(&unguarded, &bytes).unwrap_err();
    let ModuleError::Prepare(error) = error else { panic!("{error}") };
    assert!(matches!(error.kind(), ErrorKind::NotGuarded));

    for (checks, engine) in [
        (BoundsChecks::Always, &guarded),
        (BoundsChecks::Both, &guarded),
        (BoundsChecks::Auto, &unguarded),
    ] {
        let bytes = Precompile::new().bounds_checks(checks).compile(engine, FACTORIAL.as_bytes());
        let bytes = bytes.unwrap();
        for engine in [&guarded, &unguarded] {
            let module = load(engine, &bytes).unwrap();
            let mut store = Store::new(engine, ());
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let fail = instance.get_typed_func::<(), ()>(&mut store, "fail").unwrap();
            let error = fail.call(&mut store, ()).unwrap_err();
            assert_eq!(error.trap_code(), Some(TrapCode::MemoryOutOfBounds));
        }
    }
}

#[test]
fn invalid_modules_are_not_compiled() {
    let engine = engine(Mode::Interp);
    let error = engine.precompile(b"(module (func (result i32)))").unwrap_err();
    assert!(matches!(error, ModuleError::Load(_)), "{error}");
}

#[test]
fn files_name_modules_that_do_not_name_themselves() {
    let engine = engine(Mode::Interp);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("program.aot");
    std::fs::write(&path, engine.precompile(b"(module)").unwrap()).unwrap();
    // SAFETY: the compiler has just made the file.
    let module = unsafe { Module::deserialize_file(&engine, &path) }.unwrap();
    assert_eq!(module.name(), Some("program"));
}

#[test]
fn what_a_module_goes_by_is_not_written_to_files() {
    let engine = engine(Mode::Interp);
    let named = Module::named(&engine, FACTORIAL.into(), "some name").unwrap();
    assert_eq!(named.name(), Some("some name"));
    let bytes = engine.precompile(FACTORIAL.as_bytes()).unwrap();
    assert!(named.serialize().unwrap() == bytes);
    assert!(Module::new(&engine, FACTORIAL).unwrap().serialize().unwrap() == bytes);
}

#[test]
fn fuel_is_counted_as_in_other_modes_where_both_sides_want_it() {
    let counting = |mode| Engine::new(Config::new().mode(mode).consume_fuel(true)).unwrap();
    let bytes = counting(Mode::Jit).precompile(FACTORIAL.as_bytes()).unwrap();
    let left = |engine: &Engine, module: &Module| {
        let mut store = Store::new(engine, ());
        store.set_fuel(10_000).unwrap();
        let instance = Instance::new(&mut store, module, &[]).unwrap();
        let factorial = instance.get_typed_func::<i64, i64>(&mut store, "factorial").unwrap();
        factorial.call(&mut store, 20).unwrap();
        store.get_fuel().unwrap()
    };
    let engine = counting(Mode::Interp);
    let interpreted = Module::new(&engine, FACTORIAL).unwrap();
    assert_eq!(left(&engine, &load(&engine, &bytes).unwrap()), left(&engine, &interpreted));

    let plain = self::engine(Mode::Jit);
    let error = load(&plain, &bytes).unwrap_err();
    assert!(matches!(error, ModuleError::Fuel { counted: true }));
    let error = load(&engine, &plain.precompile(FACTORIAL.as_bytes()).unwrap()).unwrap_err();
    assert!(matches!(error, ModuleError::Fuel { counted: false }));
}

#[test]
fn refused_files_leave_no_types_in_the_engine() {
    let text = "(module (memory 1) (func (param i32 f32 i64) (result f64) (f64.const 0)))";
    let bytes = engine(Mode::Jit).precompile(text.as_bytes()).unwrap();
    let counting = Engine::new(Config::new().consume_fuel(true)).unwrap();
    let unguarded = Engine::new(Config::new().memory_guard(false)).unwrap();
    for (engine, bytes) in [(counting, bytes.clone()), (unguarded, bytes)] {
        let before = engine.types().len();
        assert!(load(&engine, &bytes).is_err());
        assert_eq!(engine.types().len(), before);
    }
}

#[test]
fn engines_refuse_files_that_need_features_that_they_do_not_allow() {
    let narrow = Engine::new(Config::new().wasm_feature(Feature::Simd, false)).unwrap();
    let types = narrow.types().len();
    let vectors = b"(module (func (result v128) (v128.const i64x2 1 2)))";
    let bytes = engine(Mode::Jit).precompile(vectors).unwrap();
    let error = load(&narrow, &bytes).unwrap_err();
    assert!(matches!(error, ModuleError::Feature(Feature::Simd)), "{error}");
    assert_eq!(narrow.types().len(), types);
    // What the compiling engine allowed besides does not matter.
    let first = Engine::new(Config::new().wasm_features(wamr::Features::WASM_1_0)).unwrap();
    let bytes = engine(Mode::Jit).precompile(FACTORIAL.as_bytes()).unwrap();
    assert!(load(&first, &bytes).is_ok());
    assert!(first.precompile(FACTORIAL.as_bytes()).unwrap() == bytes);
}
