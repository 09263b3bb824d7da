//! Much garbage beside what lives, in little memory.

use super::{MIB, instantiate};

#[test]
fn garbage_of_many_times_the_heap_is_no_burden() {
    let wat = r#"(module
        (rec (type $node (struct (field $left (mut (ref null $node)))
                                 (field $right (mut (ref null $node)))
                                 (field $value (mut i64)))))
        (type $bytes (array (mut i8)))
        (type $window (array (mut anyref)))
        (global $root (mut (ref null $node)) (ref.null $node))
        (global $recent (ref $window) (array.new_default $window (i32.const 256)))
        (func $tree (param $depth i32) (result (ref null $node))
            (if (result (ref null $node)) (local.get $depth)
                (then (struct.new $node
                    (call $tree (i32.sub (local.get $depth) (i32.const 1)))
                    (call $tree (i32.sub (local.get $depth) (i32.const 1)))
                    (i64.extend_i32_u (local.get $depth))))
                (else (ref.null $node))))
        (func $sum (param $t (ref null $node)) (result i64)
            (if (result i64) (ref.is_null (local.get $t))
                (then (i64.const 0))
                (else (i64.add (struct.get $node $value (local.get $t))
                    (i64.add (call $sum (struct.get $node $left (local.get $t)))
                        (call $sum (struct.get $node $right (local.get $t))))))))
        (func (export "build") (param i32) (global.set $root (call $tree (local.get 0))))
        (func (export "sum") (result i64) (call $sum (global.get $root)))
        (func (export "churn") (param $rounds i32)
            (local $n i32) (local $list (ref null $node))
            (loop $again
                ;; A cycle of ten nodes, which lives for 256 rounds.
                (local.set $list (ref.null $node))
                (local.set $n (i32.const 10))
                (loop $link
                    (local.set $list (struct.new $node
                        (local.get $list) (ref.null $node) (i64.const 1)))
                    (br_if $link (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
                (struct.set $node $right
                    (struct.get $node $left (local.get $list)) (local.get $list))
                (array.set $window (global.get $recent)
                    (i32.rem_u (local.get $rounds) (i32.const 256)) (local.get $list))
                (drop (array.new_default $bytes
                    (i32.and (i32.mul (local.get $rounds) (i32.const 2999)) (i32.const 4095))))
                (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))))"#;
    // 100 MB of cells, with half a megabyte alive, in 8.
    let (mut store, instance) = instantiate(8 * MIB, wat);
    let build = instance.get_typed_func::<i32, ()>(&mut store, "build").unwrap();
    let sum = instance.get_typed_func::<(), i64>(&mut store, "sum").unwrap();
    let churn = instance.get_typed_func::<i32, ()>(&mut store, "churn").unwrap();
    build.call(&mut store, 14).unwrap();
    let expected = (1..=14).map(|value| value << (14 - value)).sum::<i64>();
    for _ in 0..4 {
        churn.call(&mut store, 10_000).unwrap();
        assert_eq!(sum.call(&mut store, ()).unwrap(), expected);
    }
}
