//! Imports by position: every kind of mismatch, and what matches.

use wamr::{
    Extern, Func, FuncType, Global, GlobalType, Instance, InstantiateError, LinkError, Memory,
    MemoryType, RefType, Store, Table, TableType, Val, ValType,
};

use crate::support::{bad_imports, each_mode, instantiate, module};

/// One of each kind of entity.
struct Entities {
    func: Extern,
    table: Extern,
    memory: Extern,
    global: Extern,
}

fn entities(store: &mut Store<()>) -> Entities {
    let ty = GlobalType { content: ValType::I32, mutable: true };
    let table = TableType::new(RefType::FUNCREF, 3, Some(5));
    Entities {
        func: Func::wrap(&mut *store, |x: i32| x).into(),
        table: Table::new(&mut *store, table, Val::FuncRef(None)).unwrap().into(),
        memory: Memory::new(&mut *store, MemoryType::new(2, Some(4))).unwrap().into(),
        global: Global::new(&mut *store, ty, Val::I32(0)).unwrap().into(),
    }
}

#[test]
fn the_number_of_imports_must_fit() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let func: Extern = Func::wrap(&mut store, || {}).into();
        let module = module(engine, r#"(module (import "" "a" (func)) (import "" "b" (func)))"#);
        for found in [0, 1, 3] {
            let given = vec![func.clone(); found];
            let error = Instance::new(&mut store, &module, &given).unwrap_err();
            let InstantiateError::Link(LinkError::ImportCount { wanted: 2, found: said }) = error
            else {
                panic!("{error}");
            };
            assert_eq!(said, found);
        }
        Instance::new(&mut store, &module, &[func.clone(), func]).unwrap();
    });
}

#[test]
fn every_wrong_import_stands_in_one_error() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let have = entities(&mut store);
        let cases: Vec<(&str, &Extern)> = vec![
            // Another kind.
            ("(func)", &have.table),
            ("(table 1 funcref)", &have.memory),
            ("(memory 1)", &have.global),
            ("(global i32)", &have.func),
            // Function types.
            ("(func (param i64) (result i32))", &have.func),
            ("(func (param i32))", &have.func),
            ("(func (param i32 i32) (result i32))", &have.func),
            // Limits.
            ("(table 4 funcref)", &have.table),
            ("(table 1 4 funcref)", &have.table),
            ("(memory 3)", &have.memory),
            ("(memory 1 3)", &have.memory),
            // Element types, index types, page sizes.
            ("(table 1 externref)", &have.table),
            ("(memory i64 1)", &have.memory),
            ("(memory 2 4 (pagesize 1))", &have.memory),
            // Mutability and content.
            ("(global i32)", &have.global),
            ("(global (mut i64))", &have.global),
            // And one that fits, which the error must not name.
            ("(func (param i32) (result i32))", &have.func),
        ];
        let mut wat = String::from("(module");
        for (i, (wanted, _)) in cases.iter().enumerate() {
            wat += &format!(r#" (import "m{i}" "n{i}" {wanted})"#);
        }
        wat.push(')');
        let given: Vec<Extern> = cases.iter().map(|(_, value)| (*value).clone()).collect();
        let outcome = Instance::new(&mut store, &module(engine, &wat), &given);
        let message = outcome.as_ref().unwrap_err().to_string();
        let errors = bad_imports(outcome);
        assert_eq!(errors.len(), cases.len() - 1, "{message}");
        for (i, error) in errors.iter().enumerate() {
            assert_eq!((&*error.module, &*error.name), (&*format!("m{i}"), &*format!("n{i}")));
            let found = cases[i].1.ty(&store).unwrap();
            assert_eq!(error.found.as_ref(), Some(&found));
            assert!(message.contains(&error.to_string()), "{message}");
        }
        for said in [
            "`m0` `n0`: wanted func [] -> [], found table 3 5 funcref",
            "`m4` `n4`: wanted func [i64] -> [i32], found func [i32] -> [i32]",
            "`m8` `n8`: wanted table 1 4 funcref, found table 3 5 funcref",
            "`m10` `n10`: wanted memory 1 3, found memory 2 4",
            "`m12` `n12`: wanted memory i64 1, found memory 2 4",
            "`m13` `n13`: wanted memory 2 4 (pagesize 1), found memory 2 4",
            "`m14` `n14`: wanted global i32, found global (mut i32)",
        ] {
            assert!(message.contains(said), "{said}\nnot in\n{message}");
        }
    });
}

#[test]
fn larger_is_enough_and_size_counts_as_it_is_now() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let have = entities(&mut store);
        let fits = |store: &mut Store<()>, wanted: &str, value: &Extern| {
            let module = module(engine, &format!(r#"(module (import "" "" {wanted}))"#));
            Instance::new(store, &module, std::slice::from_ref(value)).is_ok()
        };
        for wanted in ["(memory 0)", "(memory 2)", "(memory 1 4)", "(memory 2 65536)"] {
            assert!(fits(&mut store, wanted, &have.memory), "{wanted}");
        }
        for wanted in ["(table 0 funcref)", "(table 3 5 funcref)", "(table 1 100 funcref)"] {
            assert!(fits(&mut store, wanted, &have.table), "{wanted}");
        }
        let (memory, table) = (have.memory, have.table);
        assert!(!fits(&mut store, "(memory 3)", &memory));
        memory.clone().into_memory().unwrap().grow(&mut store, 1).unwrap();
        assert!(fits(&mut store, "(memory 3)", &memory));
        assert!(!fits(&mut store, "(table 4 funcref)", &table));
        let grown = table.clone().into_table().unwrap();
        grown.grow(&mut store, 1, Val::FuncRef(None)).unwrap();
        assert!(fits(&mut store, "(table 4 funcref)", &table));
        // A memory without a maximum fits no import with one, however large.
        let open = Memory::new(&mut store, MemoryType::new(1, None)).unwrap().into();
        assert!(
            fits(&mut store, "(memory 1)", &open) && !fits(&mut store, "(memory 1 65536)", &open)
        );
    });
}

#[test]
fn types_match_by_structure_across_modules_and_hosts() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        // The same type at another index, and from the host.
        let exporter = instantiate(
            engine,
            &mut store,
            r#"(module (type (func)) (type (func (param i64 f32) (result f64 i32)))
                (func (export "f") (type 1) (f64.const 0) (i32.const 1)))"#,
            &[],
        );
        let ours = exporter.get_func(&mut store, "f").unwrap();
        let ty = FuncType::new([ValType::I64, ValType::F32], [ValType::F64, ValType::I32]);
        assert_eq!(ours.ty(&store).unwrap(), ty);
        let hosts = Func::new(&mut store, ty, |_, _, results| {
            results.clone_from_slice(&[Val::F64(0), Val::I32(2)]);
            Ok(())
        })
        .unwrap();
        assert_eq!(ours.type_id(&store).unwrap(), hosts.type_id(&store).unwrap());
        for func in [ours, hosts] {
            instantiate(
                engine,
                &mut store,
                r#"(module (import "" "" (func (param i64 f32) (result f64 i32))))"#,
                &[func.into()],
            );
        }
    });
}

#[test]
fn an_immutable_global_is_not_a_mutable_one() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let ty = GlobalType { content: ValType::I32, mutable: false };
        let global: Extern = Global::new(&mut store, ty, Val::I32(0)).unwrap().into();
        let module = module(engine, r#"(module (import "" "" (global (mut i32))))"#);
        let errors = bad_imports(Instance::new(&mut store, &module, &[global]));
        let said = errors[0].to_string();
        assert_eq!(said, "`` ``: wanted global (mut i32), found global i32");
    });
}

#[test]
fn a_refused_instantiation_has_done_nothing() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let have = entities(&mut store);
        let wat = r#"(module (import "" "m" (memory 1)) (import "" "g" (global i64))
            (data (i32.const 0) "written"))"#;
        let module = module(engine, wat);
        let memory = have.memory.clone().into_memory().unwrap();
        bad_imports(Instance::new(&mut store, &module, &[have.memory, have.global]));
        assert_eq!(&memory.data(&store).unwrap()[..7], &[0; 7]);
    });
}
