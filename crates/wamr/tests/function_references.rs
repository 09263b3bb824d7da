//! Functions as values of concrete types, between wasm and the host.

use wamr::{Engine, ErrorKind, Func, Instance, Linker, Module, Store, TrapCode, Val};

fn instantiate(text: &str) -> (Store<()>, Instance) {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let module = Module::new(&engine, text).unwrap();
    let instance = Linker::new(&engine).instantiate(&mut store, &module).unwrap();
    (store, instance)
}

#[test]
fn hosts_pass_functions_of_the_very_type() {
    let (mut store, instance) = instantiate(
        r#"(module
            (type $t (func (param i32) (result i32)))
            (table $fs (export "fs") 2 (ref null $t))
            (func (export "apply") (param (ref null $t) i32) (result i32)
                (call_ref $t (local.get 1) (local.get 0)))
            (func (export "first") (param i32) (result i32)
                (call_ref $t (local.get 0)
                    (ref.as_non_null (table.get $fs (i32.const 0))))))"#,
    );
    let apply = instance.get_func(&mut store, "apply").unwrap();
    let double = Func::wrap(&mut store, |x: i32| x * 2);
    let mut results = [Val::I32(0)];
    apply.call(&mut store, &[double.clone().into(), Val::I32(21)], &mut results).unwrap();
    assert_eq!(results[0].i32(), Some(42));

    let other = Func::wrap(&mut store, |x: i64| x);
    let error = apply.call(&mut store, &[other.into(), Val::I32(21)], &mut results).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::TypeMismatch { .. }), "{error}");
    let error = apply.call(&mut store, &[Val::FuncRef(None), Val::I32(1)], &mut results);
    assert_eq!(error.unwrap_err().trap_code(), Some(TrapCode::NullFunctionReference));

    let first = instance.get_typed_func::<i32, i32>(&mut store, "first").unwrap();
    let error = first.call(&mut store, 5).unwrap_err();
    assert_eq!(error.trap_code(), Some(TrapCode::NullReference));
    let table = instance.get_table(&mut store, "fs").unwrap();
    table.set(&mut store, 0, double.into()).unwrap();
    assert_eq!(first.call(&mut store, 5).unwrap(), 10);
    let other = Func::wrap(&mut store, || ());
    assert!(table.set(&mut store, 1, other.into()).is_err());
}

#[test]
fn branches_on_null_keep_what_they_pass() {
    let (mut store, instance) = instantiate(
        r#"(module
            (type $t (func (result i32)))
            (func $seven (type $t) (i32.const 7))
            (elem declare func $seven)
            (func $pick (param i32) (result (ref null $t))
                (select (result (ref null $t)) (ref.func $seven) (ref.null $t) (local.get 0)))
            (func (export "on-null") (param i32) (result i32)
                (block $null (result i32)
                    (i32.const -1)
                    (br_on_null $null (call $pick (local.get 0)))
                    (call_ref $t)
                    (i32.add)))
            (func (export "on-non-null") (param i32) (result i32)
                (block $some (result i32 (ref $t))
                    (i32.const 100)
                    (br_on_non_null $some (call $pick (local.get 0)))
                    (return (i32.const -2)))
                (call_ref $t)
                (i32.add))
            (func (export "constant") (param i32) (result i32)
                (block $null
                    (br_on_null $null (ref.null $t))
                    (return (call_ref $t)))
                (i32.const 3)))"#,
    );
    let mut call = |name: &str, arg: i32| {
        let func = instance.get_typed_func::<i32, i32>(&mut store, name).unwrap();
        func.call(&mut store, arg).unwrap()
    };
    assert_eq!((call("on-null", 0), call("on-null", 1)), (-1, 6));
    assert_eq!((call("on-non-null", 0), call("on-non-null", 1)), (-2, 107));
    assert_eq!(call("constant", 0), 3);
}
