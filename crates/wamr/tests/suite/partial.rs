//! Instantiation that fails half-way: what was written stays written.

use wamr::{
    ErrorKind, Func, Instance, Memory, MemoryType, RefType, Store, Table, TableType, TrapCode, Val,
};

use crate::support::{Census, each_mode, module, run_error};

fn call_element(store: &mut Store<()>, table: &Table, index: u64) -> i32 {
    let Some(Val::FuncRef(Some(func))) = table.get(&mut *store, index).unwrap() else {
        panic!("no function at {index}");
    };
    func.typed::<(), i32>(&*store).unwrap().call(store, ()).unwrap()
}

#[test]
fn segments_before_the_one_that_does_not_fit_stay() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        let ty = TableType::new(RefType::FUNCREF, 4, None);
        let table = Table::new(&mut store, ty, Val::FuncRef(None)).unwrap();
        let module = module(
            engine,
            r#"(module (import "" "m" (memory 1)) (import "" "t" (table 4 funcref))
                (global $state (mut i32) (i32.const 40))
                (func $f (result i32)
                    (global.set $state (i32.add (global.get $state) (i32.const 1)))
                    (global.get $state))
                (elem (i32.const 0) $f $f) (elem (i32.const 3) $f $f)
                (data (i32.const 0) "never"))"#,
        );
        let imports = [memory.clone().into(), table.clone().into()];
        let error = run_error(Instance::new(&mut store, &module, &imports));
        assert_eq!(error.trap_code(), Some(TrapCode::TableOutOfBounds));
        assert_eq!(memory.data(&store).unwrap()[0], 0, "data comes after elements");
        assert!(matches!(table.get(&mut store, 3).unwrap(), Some(Val::FuncRef(None))));
        // The instance that nobody got lives on behind its functions.
        store.gc();
        assert_eq!(call_element(&mut store, &table, 0), 41);
        assert_eq!(call_element(&mut store, &table, 1), 42);
    });
}

#[test]
fn data_before_the_one_that_does_not_fit_stays() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        let module = module(
            engine,
            r#"(module (import "" "m" (memory 1))
                (data (i32.const 0) "here") (data (i32.const 65534) "over") (data (i32.const 8) "no"))"#,
        );
        let error = run_error(Instance::new(&mut store, &module, &[memory.clone().into()]));
        assert_eq!(error.trap_code(), Some(TrapCode::MemoryOutOfBounds));
        let bytes = memory.data(&store).unwrap();
        assert_eq!((&bytes[..4], bytes[8]), (&b"here"[..], 0));
        assert_eq!(bytes[65_534..], [0, 0], "a segment is written whole or not at all");
    });
}

#[test]
fn a_start_function_that_traps_leaves_its_work() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let census = Census::default();
        let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
        let ty = TableType::new(RefType::FUNCREF, 2, None);
        let table = Table::new(&mut store, ty, Val::FuncRef(None)).unwrap();
        let token = census.token();
        let host = Func::wrap(&mut store, move || {
            token.touch();
            5
        });
        let module = module(
            engine,
            r#"(module (import "" "m" (memory 1)) (import "" "t" (table 2 funcref))
                (import "" "h" (func $h (result i32)))
                (func $f (result i32) (i32.load8_u (i32.const 3)))
                (func $start (i32.store8 (i32.const 3) (i32.add (call $h) (i32.const 1))) unreachable)
                (elem (i32.const 1) $f) (start $start))"#,
        );
        let imports = [memory.clone().into(), table.clone().into(), host.into()];
        let error = run_error(Instance::new(&mut store, &module, &imports));
        drop(imports);
        assert_eq!(error.trap_code(), Some(TrapCode::Unreachable));
        assert_eq!(error.backtrace().frames()[0].func_name().as_deref(), Some("start"));
        drop(error);
        store.gc();
        assert_eq!((memory.data(&store).unwrap()[3], census.alive()), (6, 1));
        assert_eq!(call_element(&mut store, &table, 1), 6);
        // Once no table holds the function, the instance goes, and all that it imported.
        table.set(&mut store, 1, Val::FuncRef(None)).unwrap();
        store.gc();
        assert_eq!(census.alive(), 0);
    });
}

#[test]
fn a_start_function_of_the_host_may_fail_too() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let fail = Func::wrap(&mut store, || -> Result<(), wamr::Error> {
            Err(wamr::Error::msg("not today"))
        });
        let module = module(engine, r#"(module (import "" "" (func $f)) (start $f))"#);
        let error = run_error(Instance::new(&mut store, &module, &[fail.into()]));
        assert!(matches!(error.kind(), ErrorKind::Host(_)));
        assert_eq!(error.to_string(), "not today");
    });
}

#[test]
fn an_instance_whose_globals_could_not_be_made_is_not_to_be_found() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let module = module(
            engine,
            r#"(module (type $a (array i64))
                (global $g (ref $a) (array.new $a (i64.const 1) (i32.const 0x1fffffff)))
                (func (export "f") (result i32) (array.len (global.get $g))))"#,
        );
        let error = run_error(Instance::new(&mut store, &module, &[]));
        assert_eq!(error.trap_code(), Some(TrapCode::GcHeapExhausted));
        assert!(Instance::all_of(&mut store, &module).is_empty());
    });
}
