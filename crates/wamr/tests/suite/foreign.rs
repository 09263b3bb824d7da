//! Handles, modules and linkers with stores and engines that they do not belong to.

use wamr::{
    AbstractHeapType, Engine, Error, ErrorKind, Extern, ExternRef, Func, FuncType, Global,
    GlobalType, HeapType, Instance, InstantiateError, LinkError, Linker, Memory, MemoryType,
    RefType, Store, Table, TableType, Tag, Val, ValType,
};

use crate::support::{each_mode, instantiate, module};

fn wrong_store<T>(outcome: Result<T, Error>) {
    match outcome {
        Err(error) if matches!(error.kind(), ErrorKind::WrongStore) => {}
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("a handle of another store was accepted"),
    }
}

const I32: GlobalType = GlobalType { content: ValType::I32, mutable: true };
const TABLE: TableType = TableType::new(RefType::FUNCREF, 1, None);
const EXTERNS: TableType = TableType::new(RefType::EXTERNREF, 1, None);

/// One handle of every kind.
struct Handles {
    func: Func,
    table: Table,
    memory: Memory,
    global: Global,
    tag: Tag,
    value: ExternRef,
    instance: Instance,
}

fn handles(engine: &Engine, store: &mut Store<()>) -> Handles {
    Handles {
        func: Func::wrap(&mut *store, |x: i32| x),
        table: Table::new(&mut *store, TABLE, Val::FuncRef(None)).unwrap(),
        memory: Memory::new(&mut *store, MemoryType::new(1, None)).unwrap(),
        global: Global::new(&mut *store, I32, Val::I32(0)).unwrap(),
        tag: Tag::new(&mut *store, FuncType::new([], [])).unwrap(),
        value: ExternRef::new(&mut *store, 1u8).unwrap(),
        instance: instantiate(engine, store, r#"(module (func (export "f")))"#, &[]),
    }
}

fn misuse(theirs: &Handles, engine: &Engine, store: &mut Store<()>) {
    let Handles { func, table, memory, global, tag, value, instance } = theirs;
    wrong_store(func.call(&mut *store, &[Val::I32(0)], &mut [Val::I32(0)]));
    wrong_store(func.ty(&*store));
    wrong_store(func.type_id(&*store));
    wrong_store(func.typed::<i32, i32>(&*store));
    wrong_store(table.ty(&*store));
    wrong_store(table.size(&*store));
    wrong_store(table.get(&mut *store, 0));
    wrong_store(table.set(&mut *store, 0, Val::FuncRef(None)));
    wrong_store(table.grow(&mut *store, 1, Val::FuncRef(None)));
    wrong_store(memory.ty(&*store));
    wrong_store(memory.size(&*store));
    wrong_store(memory.grow(&mut *store, 1));
    wrong_store(memory.data(&*store).map(<[u8]>::len));
    wrong_store(memory.data_mut(store).map(|bytes| bytes.len()));
    wrong_store(memory.data_and_store_mut(store).map(|(bytes, ())| bytes.len()));
    wrong_store(memory.read(&*store, 0, &mut [0]));
    wrong_store(memory.write(&mut *store, 0, &[0]));
    wrong_store(global.ty(&*store));
    wrong_store(global.get(&mut *store));
    wrong_store(global.set(&mut *store, Val::I32(1)));
    wrong_store(tag.ty(&*store));
    wrong_store(value.data(&*store).map(drop));
    wrong_store(instance.module(&mut *store));
    wrong_store(instance.exports(&mut *store));
    assert!(instance.get_export(&mut *store, "f").is_none());
    assert!(instance.get_typed_func::<(), ()>(&mut *store, "f").is_err());
    assert!(!func.belongs_to(&*store) && !memory.belongs_to(&*store));

    // As values, wherever values go.
    let own = handles(engine, store);
    let (their_func, their_value) = (Val::from(func.clone()), Val::from(value.clone()));
    wrong_store(own.table.set(&mut *store, 0, their_func.clone()));
    wrong_store(own.table.grow(&mut *store, 1, their_func.clone()));
    wrong_store(Table::new(&mut *store, TABLE, their_func.clone()));
    wrong_store(Table::new(&mut *store, EXTERNS, their_value.clone()));
    let ty = GlobalType { content: ValType::EXTERNREF, mutable: false };
    wrong_store(Global::new(&mut *store, ty, their_value.clone()));
    let takes = Func::wrap(&mut *store, |_: Option<Func>, _: Option<ExternRef>| {});
    let null = Val::ExternRef(None);
    wrong_store(takes.call(&mut *store, &[their_func.clone(), null.clone()], &mut []));
    let typed = takes.typed::<(Option<Func>, Option<ExternRef>), ()>(&*store).unwrap();
    wrong_store(typed.call(&mut *store, (None, Some(value.clone()))));
    let escaping = func.clone();
    let gives = Func::wrap(&mut *store, move || Some(escaping.clone()));
    wrong_store(gives.call(&mut *store, &[], &mut [Val::I32(0)]));
    let (escaping, ty) = (their_value.clone(), FuncType::new([], [ValType::EXTERNREF]));
    let gives = Func::new(&mut *store, ty, move |_, _, results| {
        results[0] = escaping.clone();
        Ok(())
    });
    wrong_store(gives.unwrap().call(&mut *store, &[], &mut [Val::I32(0)]));

    // As imports, by position and by name.
    let externs: [Extern; 5] = [
        func.clone().into(),
        table.clone().into(),
        memory.clone().into(),
        global.clone().into(),
        tag.clone().into(),
    ];
    let wants = module(engine, r#"(module (import "" "" (func (param i32) (result i32))))"#);
    for value in externs {
        wrong_store(value.ty(&*store));
        let error = Instance::new(&mut *store, &wants, std::slice::from_ref(&value)).unwrap_err();
        let InstantiateError::Link(LinkError::Foreign(error)) = error else { panic!("{error}") };
        wrong_store(Err::<(), _>(error));
        let mut linker = Linker::new(engine);
        let error = linker.define(&mut *store, "", "", value).map(drop).unwrap_err();
        assert!(matches!(error, LinkError::Foreign(_)), "{error}");
        let error = linker.instance(&mut *store, "", instance).map(drop).unwrap_err();
        assert!(matches!(error, LinkError::Foreign(_)), "{error}");
    }
}

#[test]
fn handles_of_another_store_are_refused_everywhere() {
    each_mode(|engine| {
        let (mut a, mut b) = (Store::new(engine, ()), Store::new(engine, ()));
        let theirs = handles(engine, &mut a);
        misuse(&theirs, engine, &mut b);
        // And of a store that is gone.
        drop(a);
        misuse(&theirs, engine, &mut b);
    });
}

#[test]
fn handles_of_a_store_of_another_engine_are_refused_everywhere() {
    each_mode(|engine| {
        let other = Engine::new(engine.config()).unwrap();
        let (mut a, mut b) = (Store::new(engine, ()), Store::new(&other, ()));
        let theirs = handles(engine, &mut a);
        misuse(&theirs, &other, &mut b);
    });
}

fn wrong_engine(outcome: Result<Instance, InstantiateError>) {
    let error = outcome.expect_err("another engine's module");
    let inner = match error {
        InstantiateError::Link(LinkError::Foreign(error)) => error,
        other => panic!("{other}"),
    };
    assert!(matches!(inner.kind(), ErrorKind::WrongEngine), "{inner}");
}

#[test]
fn modules_and_linkers_of_another_engine_are_refused() {
    each_mode(|engine| {
        let other = Engine::new(engine.config()).unwrap();
        // Types that get different numbers in the two engines.
        module(&other, "(module (type (func (param f64 f64))) (type (func (result i64))))");
        let wat = r#"(module (import "" "" (func (param i32) (result i32))))"#;
        let mut store = Store::new(engine, ());
        let func = Func::wrap(&mut store, |x: i32| x);
        let theirs = module(&other, wat);
        wrong_engine(Instance::new(&mut store, &theirs, &[func.into()]));
        wrong_engine(Instance::new(&mut store, &module(&other, "(module)"), &[]));
        let mut linker = Linker::new(engine);
        linker.func_wrap("", "", |x: i32| x).unwrap();
        wrong_engine(linker.instantiate(&mut store, &theirs));
        let mut linker = Linker::new(&other);
        linker.func_wrap("", "", |x: i32| x).unwrap();
        wrong_engine(linker.instantiate(&mut store, &theirs));
        // A linker of another engine with a module of the store's.
        wrong_engine(linker.instantiate(&mut store, &module(engine, wat)));
    });
}

#[test]
fn types_of_another_engine_are_refused() {
    each_mode(|engine| {
        let other = Engine::new(engine.config()).unwrap();
        let mut theirs = Store::new(&other, ());
        let mut last = None;
        for count in 0..50 {
            let ty = FuncType::new(vec![ValType::F64; count], []);
            let func = Func::new(&mut theirs, ty, |_, _, _| Ok(())).unwrap();
            last = Some(func.type_id(&theirs).unwrap());
        }
        let unknown = RefType { nullable: true, heap: HeapType::Concrete(last.unwrap()) };
        let mut store = Store::new(engine, ());
        let ty = FuncType::new([ValType::Ref(unknown)], []);
        let error = Func::new(&mut store, ty.clone(), |_, _, _| Ok(())).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidType(_)), "{error}");
        assert!(Tag::new(&mut store, ty).is_err());
        let ty = GlobalType { content: ValType::Ref(unknown), mutable: true };
        assert!(Global::new(&mut store, ty, Val::FuncRef(None)).is_err());
        let ty = TableType::new(unknown, 1, None);
        assert!(Table::new(&mut store, ty, Val::FuncRef(None)).is_err());
        assert!(Table::new(&mut store, ty, Val::ExternRef(None)).is_err());
        let absent = RefType { nullable: false, heap: HeapType::Abstract(AbstractHeapType::Func) };
        let ty = TableType::new(absent, 1, None);
        assert!(Table::new(&mut store, ty, Val::FuncRef(None)).is_err());
    });
}
