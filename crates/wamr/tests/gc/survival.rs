//! Objects survive collections wherever they are referred to from, with their contents.

use wamr::{AnyRef, Val};

use super::{MIB, ROUNDS, TREES, instantiate};

/// Runs `keep`, the export `f` of a module that has [`TREES`], in a heap of 4 MiB, and compares
/// what it gives with the sum of a fresh tree of depth 10.
#[track_caller]
fn survives(keep: &str) {
    let text = format!(
        "(module {TREES} {keep} (func (export \"expected\") (param i64) (result i64)
            (call $sum (call $tree (i32.const 10) (local.get 0)))))"
    );
    let (mut store, instance) = instantiate(4 * MIB, &text);
    let f = instance.get_typed_func::<(i32, i64), i64>(&mut store, "f").unwrap();
    let expected = instance.get_typed_func::<i64, i64>(&mut store, "expected").unwrap();
    let expected = expected.call(&mut store, 5).unwrap();
    assert_eq!(f.call(&mut store, (ROUNDS, 5)).unwrap(), expected);
    // Again, now that cells are reused.
    assert_eq!(f.call(&mut store, (ROUNDS / 8, 5)).unwrap(), expected);
}

#[test]
fn in_a_local() {
    survives(
        r#"(func (export "f") (param i32 i64) (result i64) (local $t (ref null $tree))
            (local.set $t (call $tree (i32.const 10) (local.get 1)))
            (call $garbage (local.get 0))
            (call $sum (local.get $t)))"#,
    );
}

#[test]
fn on_the_operand_stack() {
    survives(
        r#"(func (export "f") (param i32 i64) (result i64)
            (call $tree (i32.const 10) (local.get 1))
            (call $garbage (local.get 0))
            (call $sum))"#,
    );
}

#[test]
fn in_a_parameter_of_a_frame_further_out() {
    survives(
        r#"(func $deep (param $t (ref null $tree)) (param $n i32) (param $depth i32) (result i64)
            (if (local.get $depth)
                (then (drop (call $deep (ref.null $tree) (local.get $n)
                    (i32.sub (local.get $depth) (i32.const 1)))))
                (else (call $garbage (local.get $n))))
            (call $sum (local.get $t)))
        (func (export "f") (param i32 i64) (result i64)
            (call $deep (call $tree (i32.const 10) (local.get 1)) (local.get 0)
                (i32.const 100)))"#,
    );
}

#[test]
fn in_a_global() {
    survives(
        r#"(global $g (mut anyref) (ref.null any))
        (func (export "f") (param i32 i64) (result i64)
            (global.set $g (call $tree (i32.const 10) (local.get 1)))
            (call $garbage (local.get 0))
            (call $sum (ref.cast (ref $tree) (global.get $g))))"#,
    );
}

#[test]
fn in_a_table() {
    survives(
        r#"(table $table 10 (ref null $tree))
        (func (export "f") (param i32 i64) (result i64)
            (table.set $table (i32.const 7) (call $tree (i32.const 10) (local.get 1)))
            (call $garbage (local.get 0))
            (call $sum (table.get $table (i32.const 7))))"#,
    );
}

#[test]
fn in_fields_and_elements() {
    survives(
        r#"(func (export "f") (param i32 i64) (result i64) (local $a (ref null $refs))
            (local.set $a (array.new $refs (ref.null any) (i32.const 20000)))
            (array.set $refs (local.get $a) (i32.const 19999)
                (array.new_fixed $refs 1 (call $tree (i32.const 10) (local.get 1))))
            (call $garbage (local.get 0))
            (call $sum (ref.cast (ref $tree) (array.get $refs
                (ref.cast (ref $refs) (array.get $refs (local.get $a) (i32.const 19999)))
                (i32.const 0)))))"#,
    );
}

#[test]
fn as_an_operand_of_what_collects() {
    // Every element is made, and the array of all of them: any of that may collect.
    survives(
        r#"(func $wrap (param $t (ref null $tree)) (param $n i32) (result (ref $refs))
            (local $a (ref null $refs))
            (local.set $a (array.new_fixed $refs 1 (local.get $t)))
            (loop $again
                (local.set $a (array.new_fixed $refs 3
                    (array.get $refs (local.get $a) (i32.const 0))
                    (array.new $bytes (i32.const 1) (i32.const 1000))
                    (array.new $refs (array.get $refs (local.get $a) (i32.const 0))
                        (i32.const 300))))
                (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                (br_if $again (local.get $n)))
            (ref.as_non_null (local.get $a)))
        (func (export "f") (param i32 i64) (result i64)
            (call $sum (ref.cast (ref $tree) (array.get $refs
                (call $wrap (call $tree (i32.const 10) (local.get 1)) (local.get 0))
                (i32.const 0)))))"#,
    );
}

#[test]
fn in_an_exception() {
    survives(
        r#"(tag $e (param (ref null $tree)))
        (func $throw (param i32 i64) (local exnref)
            (throw $e (call $tree (i32.const 10) (local.get 1))))
        (func (export "f") (param i32 i64) (result i64)
            (block $h (result exnref)
                (try_table (catch_all_ref $h) (call $throw (local.get 0) (local.get 1)))
                (unreachable))
            (call $garbage (local.get 0))
            (local.set 1 (i64.const 0))
            (block $again (param exnref) (result (ref null $tree))
                (try_table (param exnref) (catch $e $again) (throw_ref))
                (unreachable))
            (call $sum))"#,
    );
}

#[test]
fn in_an_element_segment_until_it_is_dropped() {
    let (mut store, instance) = instantiate(
        2 * MIB,
        r#"(module
            (type $bytes (array (mut i8)))
            (type $all (array (mut (ref null $bytes))))
            (elem $e (ref null $bytes)
                (item (array.new $bytes (i32.const 42) (i32.const 1200000))))
            (func (export "read") (result i32)
                (array.get_u $bytes
                    (array.get $all (array.new_elem $all $e (i32.const 0) (i32.const 1))
                        (i32.const 0))
                    (i32.const 1199999)))
            (func (export "make") (param i32)
                (drop (array.new_default $bytes (local.get 0))))
            (func (export "drop") (elem.drop $e)))"#,
    );
    let read = instance.get_typed_func::<(), i32>(&mut store, "read").unwrap();
    let make = instance.get_typed_func::<i32, ()>(&mut store, "make").unwrap();
    let forget = instance.get_typed_func::<(), ()>(&mut store, "drop").unwrap();
    for _ in 0..100 {
        make.call(&mut store, 200_000).unwrap();
    }
    assert_eq!(read.call(&mut store, ()).unwrap(), 42);
    assert!(make.call(&mut store, 1_200_000).is_err());
    forget.call(&mut store, ()).unwrap();
    make.call(&mut store, 1_200_000).unwrap();
}

#[test]
fn behind_a_handle() {
    let text = format!(
        r#"(module {TREES}
            (func (export "make") (param i64) (result anyref)
                (call $tree (i32.const 10) (local.get 0)))
            (func (export "garbage") (param i32) (call $garbage (local.get 0)))
            (func (export "sum") (param anyref) (result i64)
                (call $sum (ref.cast (ref null $tree) (local.get 0)))))"#
    );
    let (mut store, instance) = instantiate(4 * MIB, &text);
    let make = instance.get_typed_func::<i64, Option<AnyRef>>(&mut store, "make").unwrap();
    let garbage = instance.get_typed_func::<i32, ()>(&mut store, "garbage").unwrap();
    let sum = instance.get_typed_func::<Option<AnyRef>, i64>(&mut store, "sum").unwrap();
    let tree = make.call(&mut store, 5).unwrap();
    let expected = sum.call(&mut store, tree.clone()).unwrap();
    // Trees nobody holds, while one is held: more than the heap can hold together.
    for seed in 0..200 {
        make.call(&mut store, seed).unwrap();
    }
    garbage.call(&mut store, ROUNDS).unwrap();
    store.gc();
    assert_eq!(sum.call(&mut store, tree.clone()).unwrap(), expected);
    // A part of it keeps what is below alive, and nothing above.
    let left = tree.as_ref().unwrap().field(&mut store, 0).unwrap();
    drop(tree);
    let mut results = [Val::I64(0)];
    let sum = sum.func();
    sum.call(&mut store, std::slice::from_ref(&left), &mut results).unwrap();
    let before = results[0].i64();
    garbage.call(&mut store, ROUNDS / 8).unwrap();
    sum.call(&mut store, &[left], &mut results).unwrap();
    assert_eq!(results[0].i64(), before);
}

#[test]
fn cycles_are_reclaimed() {
    let text = format!(
        r#"(module {TREES}
            (func (export "f") (param $n i32) (local $a (ref null $tree))
                (loop $again
                    (local.set $a (call $tree (i32.const 6) (i64.const 1)))
                    (struct.set $tree $left (struct.get $tree $right (local.get $a))
                        (local.get $a))
                    (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                    (br_if $again (local.get $n)))))"#
    );
    let (mut store, instance) = instantiate(MIB, &text);
    // 63 objects of 32 bytes in each round: 100 MB.
    instance.get_typed_func::<i32, ()>(&mut store, "f").unwrap().call(&mut store, 50_000).unwrap();
}
