//! Entities that the host makes without any module.

use wamr::{
    ErrorKind, ExternRef, ExternType, Func, FuncType, Global, GlobalType, Memory, MemoryType,
    RefType, Store, Table, TableType, Tag, Val, ValType,
};

use crate::support::{call, each_mode, instantiate};

fn same(a: &Val, b: &Val) -> bool {
    match (a, b) {
        (Val::I32(a), Val::I32(b)) => a == b,
        (Val::I64(a), Val::I64(b)) => a == b,
        (Val::F32(a), Val::F32(b)) => a == b,
        (Val::F64(a), Val::F64(b)) => a == b,
        (Val::V128(a), Val::V128(b)) => a == b,
        (Val::FuncRef(Some(a)), Val::FuncRef(Some(b))) => Func::same(a, b),
        (Val::ExternRef(Some(a)), Val::ExternRef(Some(b))) => ExternRef::same(a, b),
        (Val::FuncRef(None), Val::FuncRef(None)) => true,
        (Val::ExternRef(None), Val::ExternRef(None)) => true,
        _ => false,
    }
}

#[test]
fn globals_of_every_type_hold_what_was_written() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let func = Func::wrap(&mut store, || 7);
        let host = ExternRef::new(&mut store, 5u8).unwrap();
        let cases = [
            (ValType::I32, Val::I32(i32::MIN), Val::I32(-1)),
            (ValType::I64, Val::I64(i64::MIN), Val::I64(-1)),
            // A signalling NaN, whose bits must survive.
            (ValType::F32, Val::F32(0x7fa0_0001), Val::F32(0x8000_0000)),
            (ValType::F64, Val::F64(0x7ff4_0000_0000_0001), Val::F64(1 << 63)),
            (ValType::V128, Val::V128(u128::MAX - 1), Val::V128(1 << 127)),
            (ValType::FUNCREF, Val::FuncRef(None), Val::from(func)),
            (ValType::EXTERNREF, Val::ExternRef(None), Val::from(host)),
        ];
        for (content, first, second) in cases {
            for mutable in [false, true] {
                let ty = GlobalType { content, mutable };
                let global = Global::new(&mut store, ty, first.clone()).unwrap();
                assert_eq!(global.ty(&store).unwrap(), ty);
                assert!(same(&global.get(&mut store).unwrap(), &first), "{content}");
                let written = global.set(&mut store, second.clone());
                let expected = if mutable { &second } else { &first };
                assert_eq!(written.is_ok(), mutable, "{content}");
                assert!(same(&global.get(&mut store).unwrap(), expected), "{content}");
                let wrong = if content == ValType::I64 { Val::I32(0) } else { Val::I64(0) };
                let refused = Global::new(&mut store, ty, wrong).unwrap_err();
                assert!(matches!(refused.kind(), ErrorKind::TypeMismatch { .. }), "{refused}");
            }
        }
    });
}

#[test]
fn an_instance_reads_and_writes_globals_of_every_type() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let func = Func::wrap(&mut store, || 7);
        let host = ExternRef::new(&mut store, "host").unwrap();
        let cases = [
            ("i32", ValType::I32, Val::I32(0), Val::I32(-5)),
            ("i64", ValType::I64, Val::I64(0), Val::I64(-5)),
            ("f32", ValType::F32, Val::F32(0), Val::F32(0x7fa0_0001)),
            ("f64", ValType::F64, Val::F64(0), Val::F64(0x7ff4_0000_0000_0001)),
            ("funcref", ValType::FUNCREF, Val::FuncRef(None), Val::from(func)),
            ("externref", ValType::EXTERNREF, Val::ExternRef(None), Val::from(host)),
        ];
        for (name, content, first, second) in cases {
            let wat = format!(
                r#"(module (import "" "" (global $g (mut {name})))
                    (func (export "get") (result {name}) (global.get $g))
                    (func (export "set") (param {name}) (global.set $g (local.get 0))))"#
            );
            let ty = GlobalType { content, mutable: true };
            let global = Global::new(&mut store, ty, first.clone()).unwrap();
            let instance = instantiate(engine, &mut store, &wat, &[global.clone().into()]);
            let (get, set) = (
                instance.get_func(&mut store, "get").unwrap(),
                instance.get_func(&mut store, "set").unwrap(),
            );
            let mut seen = [Val::I32(0)];
            get.call(&mut store, &[], &mut seen).unwrap();
            assert!(same(&seen[0], &first), "{name}");
            set.call(&mut store, std::slice::from_ref(&second), &mut []).unwrap();
            assert!(same(&global.get(&mut store).unwrap(), &second), "{name}");
            global.set(&mut store, first.clone()).unwrap();
            get.call(&mut store, &[], &mut seen).unwrap();
            assert!(same(&seen[0], &first), "{name}");
        }
    });
}

#[test]
fn functions_are_called_without_a_module() {
    each_mode(|engine| {
        let mut store = Store::new(engine, 10);
        let typed = Func::wrap(&mut store, |caller: wamr::Caller<'_, i32>, x: i32| {
            i64::from(caller.data() + x)
        });
        let mut results = [Val::I32(0)];
        typed.call(&mut store, &[Val::I32(4)], &mut results).unwrap();
        assert_eq!(results[0].i64(), Some(14));
        assert_eq!(typed.typed::<i32, i64>(&store).unwrap().call(&mut store, 5).unwrap(), 15);

        let ty = FuncType::new([ValType::V128, ValType::F32], [ValType::F32, ValType::V128]);
        let swap = Func::new(&mut store, ty, |_, params, results| {
            results.clone_from_slice(&[params[1].clone(), params[0].clone()]);
            Ok(())
        })
        .unwrap();
        let mut results = [Val::I32(0), Val::I32(0)];
        swap.call(&mut store, &[Val::V128(3), Val::from(1.5f32)], &mut results).unwrap();
        assert!(same(&results[0], &Val::from(1.5f32)) && same(&results[1], &Val::V128(3)));
    });
}

#[test]
fn a_function_that_gives_the_wrong_type_fails_the_call() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let ty = FuncType::new([], [ValType::I32]);
        let liar = Func::new(&mut store, ty, |_, _, results| {
            results[0] = Val::I64(1);
            Ok(())
        })
        .unwrap();
        let error = liar.call(&mut store, &[], &mut [Val::I32(0)]).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::TypeMismatch { .. }), "{error}");
        for (params, results) in [(1, 1), (0, 0), (0, 2)] {
            let mut room = vec![Val::I32(0); results];
            let error = liar.call(&mut store, &vec![Val::I32(0); params], &mut room).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::SignatureMismatch { .. }), "{error}");
        }
    });
}

#[test]
fn tables_of_both_kinds_are_read_written_and_grown() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let func = Val::from(Func::wrap(&mut store, || 7));
        let host = Val::from(ExternRef::new(&mut store, 1u8).unwrap());
        for (element, null, value) in [
            (RefType::FUNCREF, Val::FuncRef(None), func),
            (RefType::EXTERNREF, Val::ExternRef(None), host),
        ] {
            let ty = TableType::new(element, 2, Some(5));
            let table = Table::new(&mut store, ty, value.clone()).unwrap();
            assert!(same(&table.get(&mut store, 1).unwrap().unwrap(), &value));
            assert!(table.get(&mut store, 2).unwrap().is_none());
            table.set(&mut store, 0, null.clone()).unwrap();
            assert!(same(&table.get(&mut store, 0).unwrap().unwrap(), &null));
            let outside = table.set(&mut store, 2, null.clone()).unwrap_err();
            assert!(matches!(outside.kind(), ErrorKind::OutOfBounds), "{outside}");
            assert_eq!(table.grow(&mut store, 3, value.clone()).unwrap(), 2);
            assert!(same(&table.get(&mut store, 4).unwrap().unwrap(), &value));
            assert_eq!(table.ty(&store).unwrap().limits.min, 5, "the present size");
            let full = table.grow(&mut store, 1, null).unwrap_err();
            assert!(matches!(full.kind(), ErrorKind::GrowthRefused), "{full}");
            let wrong = table.set(&mut store, 0, Val::I32(0)).unwrap_err();
            assert!(matches!(wrong.kind(), ErrorKind::TypeMismatch { .. }), "{wrong}");
        }
    });
}

#[test]
fn memories_are_read_written_and_grown() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let memory = Memory::new(&mut store, MemoryType::new(1, Some(2))).unwrap();
        memory.write(&mut store, 65_530, b"abcdef").unwrap();
        let outside = memory.write(&mut store, 65_531, b"abcdef").unwrap_err();
        assert!(matches!(outside.kind(), ErrorKind::OutOfBounds), "{outside}");
        let mut read = [0; 6];
        memory.read(&store, 65_530, &mut read).unwrap();
        assert_eq!(&read, b"abcdef");
        assert!(memory.read(&store, usize::MAX, &mut read).is_err());
        assert_eq!(memory.grow(&mut store, 1).unwrap(), 1);
        assert_eq!(memory.data(&store).unwrap().len(), 131_072);
        assert!(memory.data(&store).unwrap()[65_536..].iter().all(|&byte| byte == 0));
        assert!(matches!(memory.grow(&mut store, 1).unwrap_err().kind(), ErrorKind::GrowthRefused));
        assert_eq!(memory.size(&store).unwrap(), 2);
    });
}

#[test]
fn tags_have_payloads_and_no_results() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let ty = FuncType::new([ValType::I32, ValType::F64], []);
        let (a, b) = (Tag::new(&mut store, ty.clone()), Tag::new(&mut store, ty.clone()));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!(a.ty(&store).unwrap().func, ty);
        assert!(Tag::same(&a, &a.clone()) && !Tag::same(&a, &b));
        let refused = Tag::new(&mut store, FuncType::new([], [ValType::I32])).unwrap_err();
        assert!(matches!(refused.kind(), ErrorKind::InvalidType(_)), "{refused}");
    });
}

#[test]
fn entities_of_an_instance_and_of_the_host_are_alike() {
    each_mode(|engine| {
        let mut store = Store::new(engine, ());
        let instance = instantiate(
            engine,
            &mut store,
            r#"(module (func (export "f") (result i32) i32.const 3) (table (export "t") 4 funcref)
                (memory (export "m") 1) (global (export "g") (mut i64) (i64.const 9)))"#,
            &[],
        );
        let exports = instance.exports(&mut store).unwrap();
        let kinds: Vec<String> = exports
            .iter()
            .map(|(name, value)| format!("{name} {}", value.ty(&store).unwrap()))
            .collect();
        assert_eq!(
            kinds,
            ["f func [] -> [i32]", "t table 4 funcref", "m memory 1", "g global (mut i64)"]
        );
        let func = instance.get_func(&mut store, "f").unwrap();
        let table = instance.get_table(&mut store, "t").unwrap();
        table.set(&mut store, 3, func.clone().into()).unwrap();
        let Some(Val::FuncRef(Some(found))) = table.get(&mut store, 3).unwrap() else {
            panic!("a function");
        };
        assert!(Func::same(&found, &func));
        assert_eq!(call::<(), i32>(&mut store, &instance, "f", ()).unwrap(), 3);
        let ty = wamr::Extern::from(found).ty(&store).unwrap();
        assert!(matches!(ty, ExternType::Func { .. }));
        assert!(instance.get_memory(&mut store, "f").is_none(), "another kind");
        assert!(instance.get_func(&mut store, "nothing").is_none());
    });
}
