//! Objects between instances and modules: constant expressions, canonical types.

use wamr::{Linker, Module, Store, TrapCode, Val};

use super::{MIB, engine, instantiate};

#[test]
fn constant_expressions_make_objects() {
    let (mut store, instance) = instantiate(
        MIB,
        r#"(module
            (type $point (struct (field i32) (field (mut i64))))
            (type $points (array (mut (ref null $point))))
            (global $a (ref $point) (struct.new $point (i32.const 3) (i64.const 4)))
            (global $b (ref $points) (array.new_fixed $points 3
                (global.get $a) (struct.new_default $point) (ref.null $point)))
            (global $c (ref i31) (ref.i31 (i32.const -5)))
            (global $d anyref (any.convert_extern (extern.convert_any (global.get $c))))
            (table $t 4 (ref $point) (struct.new $point (i32.const 3) (i64.const 4)))
            (func (export "f") (result i32 i64 i32 i32 i32)
                (struct.set $point 1 (table.get $t (i32.const 3)) (i64.const 9))
                (struct.get $point 0 (global.get $a))
                (struct.get $point 1 (table.get $t (i32.const 0)))
                (array.len (global.get $b))
                (i31.get_s (global.get $c))
                (ref.eq (ref.cast eqref (global.get $d)) (global.get $c))))"#,
    );
    let f = instance.get_typed_func::<(), (i32, i64, i32, i32, i32)>(&mut store, "f").unwrap();
    store.gc();
    assert_eq!(f.call(&mut store, ()).unwrap(), (3, 9, 3, -5, 1));
}

#[test]
fn structurally_equal_types_of_two_modules_are_one() {
    let engine = engine(MIB);
    let mut store = Store::new(&engine, ());
    let maker = Module::new(
        &engine,
        r#"(module
            (type $base (sub (struct (field i32))))
            (type $sub (sub $base (struct (field i32) (field (mut i64)))))
            (type $other (struct (field i32)))
            (global (export "shared") (mut (ref null $sub))
                (struct.new $sub (i32.const 1) (i64.const 2)))
            (func (export "make") (param i32) (result anyref)
                (if (result anyref) (local.get 0)
                    (then (struct.new $sub (i32.const 5) (i64.const 6)))
                    (else (struct.new $other (i32.const 7))))))"#,
    )
    .unwrap();
    let user = Module::new(
        &engine,
        r#"(module
            (type $unused (func))
            (type $b (sub (struct (field i32))))
            (type $s (sub $b (struct (field i32) (field (mut i64)))))
            (import "maker" "make" (func $make (param i32) (result anyref)))
            (import "maker" "shared" (global $shared (mut (ref null $s))))
            (func (export "read") (param i32) (result i32)
                (struct.get $b 0 (ref.cast (ref $b) (call $make (local.get 0)))))
            (func (export "is") (param i32) (result i32)
                (ref.test (ref $s) (call $make (local.get 0))))
            (func (export "branch") (param i32) (result i32)
                (block $sub (result (ref $s))
                    (br_on_cast $sub anyref (ref $s) (call $make (local.get 0)))
                    (return (ref.test (ref struct))))
                (i32.wrap_i64 (struct.get $s 1)))
            (func (export "bump") (result i64)
                (struct.set $s 1 (global.get $shared)
                    (i64.add (i64.const 1) (struct.get $s 1 (global.get $shared))))
                (struct.get $s 1 (global.get $shared))))"#,
    )
    .unwrap();
    let mut linker = Linker::new(&engine);
    let made = linker.instantiate(&mut store, &maker).unwrap();
    linker.instance(&mut store, "maker", &made).unwrap();
    let one = linker.instantiate(&mut store, &user).unwrap();
    let two = linker.instantiate(&mut store, &user).unwrap();
    // Its global and its functions live on in the others.
    drop((made, linker));
    store.gc();
    let read = one.get_typed_func::<i32, i32>(&mut store, "read").unwrap();
    assert_eq!(read.call(&mut store, 1).unwrap(), 5);
    let error = read.call(&mut store, 0).unwrap_err();
    assert_eq!(error.trap_code(), Some(TrapCode::CastFailure));
    let is = one.get_typed_func::<i32, i32>(&mut store, "is").unwrap();
    assert_eq!((is.call(&mut store, 0).unwrap(), is.call(&mut store, 1).unwrap()), (0, 1));
    let branch = two.get_typed_func::<i32, i32>(&mut store, "branch").unwrap();
    assert_eq!((branch.call(&mut store, 0).unwrap(), branch.call(&mut store, 1).unwrap()), (1, 6));
    for (instance, expected) in [(&one, 3), (&two, 4), (&one, 5)] {
        let bump = instance.get_typed_func::<(), i64>(&mut store, "bump").unwrap();
        assert_eq!(bump.call(&mut store, ()).unwrap(), expected);
    }
    let make = one.get_func(&mut store, "is");
    assert!(make.is_some());
    let mut results = [Val::I32(0)];
    make.unwrap().call(&mut store, &[Val::I32(1)], &mut results).unwrap();
    assert_eq!(results[0].i32(), Some(1));
}
