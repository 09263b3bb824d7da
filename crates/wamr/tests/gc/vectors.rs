//! Vectors in fields and elements: they take two slots, and are aligned to 16 bytes.

use super::{MIB, instantiate};

#[test]
fn objects_hold_vectors() {
    let (mut store, instance) = instantiate(
        MIB,
        r#"(module
            (type $s (struct (field i8) (field (mut v128)) (field i32) (field v128)))
            (type $a (array (mut v128)))
            (func $sum (param v128) (result i64)
                (i64.add (i64x2.extract_lane 0 (local.get 0))
                    (i64x2.extract_lane 1 (local.get 0))))
            (func (export "struct") (param i64) (result i64) (local $s (ref null $s)) (local v128)
                (local.set 2 (i64x2.splat (local.get 0)))
                (local.set $s (struct.new $s (i32.const 300) (local.get 2) (i32.const 5)
                    (i64x2.add (local.get 2) (v128.const i64x2 1 2))))
                (struct.set $s 1 (local.get $s) (i64x2.add (local.get 2) (local.get 2)))
                (local.set 2 (struct.get $s 3 (local.get $s)))
                (i64.add (call $sum (local.get 2))
                    (i64.add (call $sum (struct.get $s 1 (local.get $s)))
                        (i64.extend_i32_u (i32.add (struct.get_u $s 0 (local.get $s))
                            (struct.get $s 2 (local.get $s)))))))
            (func (export "array") (param i32) (result i64) (local $a (ref null $a))
                (local.set $a (array.new $a (v128.const i64x2 3 4) (local.get 0)))
                (array.set $a (local.get $a) (i32.const 1) (v128.const i64x2 10 20))
                (array.fill $a (local.get $a) (i32.const 2) (v128.const i64x2 100 200)
                    (i32.const 2))
                (array.copy $a $a (local.get $a) (i32.const 0) (local.get $a) (i32.const 1)
                    (i32.const 2))
                (i64.add (i64.add
                    (call $sum (array.get $a (local.get $a) (i32.const 0)))
                    (call $sum (array.get $a (local.get $a) (i32.const 1))))
                    (i64.add
                        (call $sum (array.get $a (local.get $a)
                            (i32.sub (local.get 0) (i32.const 1))))
                        (call $sum (array.get $a
                            (array.new_fixed $a 2 (v128.const i64x2 0 0)
                                (v128.const i64x2 1000 2000))
                            (i32.const 1))))))
            (func (export "default") (result i64)
                (call $sum (struct.get $s 3 (struct.new_default $s)))))"#,
    );
    let f = instance.get_typed_func::<i64, i64>(&mut store, "struct").unwrap();
    assert_eq!(f.call(&mut store, 7).unwrap(), 7 + 7 + 1 + 2 + 4 * 7 + (300 - 256) + 5);
    let f = instance.get_typed_func::<i32, i64>(&mut store, "array").unwrap();
    assert_eq!(f.call(&mut store, 9).unwrap(), 30 + 300 + 7 + 3000);
    let f = instance.get_typed_func::<(), i64>(&mut store, "default").unwrap();
    assert_eq!(f.call(&mut store, ()).unwrap(), 0);
}
