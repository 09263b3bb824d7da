//! Files of compiled code that earlier versions wrote; `golden/README.md` says how.
#![cfg(all(feature = "aot", feature = "interp", target_os = "linux", target_arch = "x86_64"))]

use std::path::{Path, PathBuf};

use wamr::{
    Caller, Config, Engine, Error, ExnRef, Extern, Func, FuncType, Global, GlobalType, Instance,
    Memory, MemoryType, Module, RefType, Store, Table, TableType, Tag, TrapCode, Val, ValType,
    WasmParams, WasmResults,
};

fn files(of: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let entries = std::fs::read_dir(dir).expect("it is there");
    let files = entries.map(|entry| entry.expect("it can be read").path());
    let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    let of = format!("{of}.v");
    files.filter(|path| name(path).starts_with(&of) && name(path).ends_with(".aot")).collect()
}

/// For each file written from the module of that name, with guarded memories and with checked.
fn each(of: &str, test: impl Fn(&Engine, &Module)) {
    let files = files(of);
    assert!(!files.is_empty());
    for path in files {
        for guard in [true, false] {
            let engine = Engine::new(Config::new().memory_guard(guard)).unwrap();
            // SAFETY: `wamrc` made it, and nobody has changed it since.
            let module = unsafe { Module::deserialize_file(&engine, &path) };
            test(&engine, &module.unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        }
    }
}

fn call<P: WasmParams, R: WasmResults>(
    store: &mut Store<()>,
    instance: &Instance,
    name: &str,
    params: P,
) -> Result<R, Error> {
    instance.get_typed_func::<P, R>(&mut *store, name)?.call(store, params)
}

#[test]
fn functions_run_as_ever() {
    each("functions", |engine, module| {
        assert_eq!((module.name(), module.mode()), (Some("functions"), "aot"));
        let mut store = Store::new(engine, ());
        let double = Func::wrap(&mut store, |value: i32| value * 2);
        let ty = GlobalType { content: ValType::I32, mutable: false };
        let base = Global::new(&mut store, ty, Val::I32(1000)).unwrap();
        let imports: [Extern; 2] = [double.into(), base.into()];
        let instance = Instance::new(&mut store, module, &imports).unwrap();
        let store = &mut store;
        assert_eq!(call::<_, i32>(store, &instance, "factorial", 10).unwrap(), 3_628_800);
        assert_eq!(call::<_, i32>(store, &instance, "indirect", (0, 5)).unwrap(), 120);
        assert_eq!(call::<_, i32>(store, &instance, "indirect", (1, 2)).unwrap(), i32::from(b'l'));
        assert_eq!(call::<_, i32>(store, &instance, "doubled", 21).unwrap(), 1042);
        assert_eq!(call::<_, i32>(store, &instance, "grow", ()).unwrap(), 1);
        let trap = |result: Result<i32, Error>| result.unwrap_err().trap_code();
        let far = call::<_, i32>(store, &instance, "far", ());
        assert_eq!(trap(far), Some(TrapCode::MemoryOutOfBounds));
        let undefined = call::<_, i32>(store, &instance, "indirect", (2, 0));
        assert_eq!(trap(undefined), Some(TrapCode::UndefinedElement));
        let endless = call::<_, i32>(store, &instance, "factorial", -1);
        assert_eq!(trap(endless), Some(TrapCode::StackOverflow));
        let divide = |store: &mut Store<()>, a: f64, b: i64| {
            call::<_, i64>(store, &instance, "divide", (a, b)).map_err(|error| error.trap_code())
        };
        assert_eq!(divide(store, 9.5, 2), Ok(4));
        assert_eq!(divide(store, 1.0, 0), Err(Some(TrapCode::IntegerDivideByZero)));
        assert_eq!(divide(store, f64::NAN, 1), Err(Some(TrapCode::InvalidConversionToInteger)));
        assert_eq!(divide(store, i64::MIN as f64, -1), Err(Some(TrapCode::IntegerOverflow)));
    });
}

#[test]
fn entities_are_shared_as_ever() {
    each("entities", |engine, module| {
        let mut store = Store::new(engine, ());
        let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        let ty = TableType::new(RefType::FUNCREF, 2, None);
        let table = Table::new(&mut store, ty, Val::FuncRef(None)).unwrap();
        let tag = Tag::new(&mut store, FuncType::new([ValType::I32], [])).unwrap();
        let thrown = tag.clone();
        let fail = Func::wrap(&mut store, move |mut caller: Caller<'_, ()>, value: i32| {
            if value == 0 {
                return Ok(());
            }
            Err(Error::from(ExnRef::new(&mut caller, &thrown, &[Val::I32(value + 1)])?))
        });
        let imports: [Extern; 4] =
            [memory.clone().into(), table.clone().into(), tag.into(), fail.into()];
        let instance = Instance::new(&mut store, module, &imports).unwrap();
        let store = &mut store;
        assert_eq!(call::<_, i32>(store, &instance, "catch", 0).unwrap(), -1);
        assert_eq!(call::<_, i32>(store, &instance, "catch", 6).unwrap(), 7);
        let error = call::<_, ()>(store, &instance, "throw", 3).unwrap_err();
        let fields = error.exception().expect("it was thrown").fields(&mut *store).unwrap();
        assert!(matches!(fields[..], [Val::I32(3)]));
        let copied = call::<_, i32>(store, &instance, "copy", ()).unwrap();
        assert_eq!(copied, i32::from_le_bytes(*b"pass"));
        assert_eq!(memory.data(&*store).unwrap()[100..107], *b"passive");
        assert_eq!(call::<_, f64>(store, &instance, "objects", ()).unwrap(), 9.5);
        assert_eq!(call::<_, i32>(store, &instance, "down", 1_000_000).unwrap(), 5);
        assert_eq!(call::<_, i32>(store, &instance, "vector", 5).unwrap(), 20);
        let Some(Val::FuncRef(Some(answer))) = table.get(&mut *store, 1).unwrap() else {
            panic!("it was put there");
        };
        let mut results = [Val::I32(0)];
        answer.call(store, &[], &mut results).unwrap();
        assert!(matches!(results, [Val::I32(42)]));
    });
}
