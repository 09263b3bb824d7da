//! Programs that change what refers to what while the collector is at work, a little at a time.

use wamr::{Config, Engine, Instance, Linker, Mode, Module, Store};

use super::MIB;

/// Nodes that know a number and its hash, in an array and behind each other. `shuffle` takes them
/// out of where they are known, makes other objects of the same size, and puts them elsewhere;
/// whatever it comes across must be the node that it was.
const SHUFFLE: &str = r#"(module
    (rec (type $node (struct (field $a (mut (ref null $node))) (field $b (mut (ref null $node)))
                             (field $id i32) (field $hash i32))))
    (type $junk (struct (field i64) (field i64)))
    (type $nodes (array (mut (ref null $node))))
    (global $all (mut (ref null $nodes)) (ref.null $nodes))
    (global $random (mut i32) (i32.const 12345))
    (func $next (param $below i32) (result i32)
        (global.set $random (i32.add (i32.mul (global.get $random) (i32.const 1103515245))
            (i32.const 12345)))
        (i32.rem_u (i32.shr_u (global.get $random) (i32.const 8)) (local.get $below)))
    (func $new (param $id i32) (result (ref $node))
        (struct.new $node (ref.null $node) (ref.null $node) (local.get $id)
            (i32.mul (i32.xor (local.get $id) (i32.const 0x5bd1e995)) (i32.const 0x9e3779b1))))
    (func $check (param $n (ref null $node)) (result (ref null $node))
        (if (i32.eqz (ref.is_null (local.get $n))) (then
            (if (i32.ne (struct.get $node $hash (local.get $n))
                    (i32.mul (i32.xor (struct.get $node $id (local.get $n))
                        (i32.const 0x5bd1e995)) (i32.const 0x9e3779b1)))
                (then (unreachable)))))
        (local.get $n))
    (func $junk (param $count i32)
        (loop $again
            (drop (struct.new $junk (i64.const 0xdeadbeefdeadbeef) (i64.const -1)))
            (br_if $again (local.tee $count (i32.sub (local.get $count) (i32.const 1))))))
    (func $at (param $i i32) (result (ref null $node))
        (call $check (array.get $nodes (global.get $all) (local.get $i))))
    (func (export "build") (param $count i32) (local $i i32) (local $n (ref null $node))
        (global.set $all (array.new_default $nodes (local.get $count)))
        (loop $again
            (local.set $n (call $new (local.get $i)))
            (struct.set $node $a (local.get $n) (call $at (call $next (local.get $count))))
            (struct.set $node $b (local.get $n) (call $at (call $next (local.get $count))))
            (array.set $nodes (global.get $all) (local.get $i) (local.get $n))
            (br_if $again (i32.lt_u
                (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $count)))))
    (func (export "shuffle") (param $rounds i32)
        (local $count i32) (local $i i32) (local $j i32) (local $part (ref null $nodes))
        (local $x (ref null $node)) (local $y (ref null $node)) (local $z (ref null $node))
        (local.set $count (array.len (global.get $all)))
        (loop $again
            (local.set $i (call $next (local.get $count)))
            (local.set $j (call $next (local.get $count)))
            ;; A node, and one behind it, that are known here alone.
            (local.set $x (call $at (local.get $i)))
            (array.set $nodes (global.get $all) (local.get $i) (ref.null $node))
            (local.set $y (call $check (struct.get $node $a (local.get $x))))
            (struct.set $node $a (local.get $x) (ref.null $node))
            (call $junk (i32.const 20))
            (local.set $z (call $at (local.get $j)))
            (if (ref.is_null (local.get $z)) (then (local.set $z (local.get $x))))
            (struct.set $node $a (local.get $x) (call $check
                (struct.get $node $b (local.get $z))))
            (struct.set $node $b (local.get $z) (local.get $y))
            (if (i32.eqz (call $next (i32.const 8)))
                (then
                    (local.set $z (call $new (local.get $rounds)))
                    (struct.set $node $a (local.get $z) (local.get $x))
                    (local.set $x (local.get $z))
                    (call $junk (i32.const 5))))
            (array.set $nodes (global.get $all) (local.get $i) (call $check (local.get $x)))
            ;; A stretch of the array that is known here alone.
            (if (i32.eqz (call $next (i32.const 64))) (then
                (local.set $i (call $next (i32.sub (local.get $count) (i32.const 100))))
                (local.set $part (array.new_default $nodes (i32.const 100)))
                (array.copy $nodes $nodes (local.get $part) (i32.const 0)
                    (global.get $all) (local.get $i) (i32.const 100))
                (array.fill $nodes (global.get $all) (local.get $i) (ref.null $node)
                    (i32.const 100))
                (call $junk (i32.const 2000))
                (array.copy $nodes $nodes (global.get $all) (local.get $i)
                    (local.get $part) (i32.const 0) (i32.const 100))))
            (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1))))))
    ;; Cuts chains short, so that they do not keep everything that ever was.
    (func (export "check") (result i32) (local $i i32) (local $n (ref null $node))
        (loop $again
            (local.set $n (call $at (local.get $i)))
            (drop (call $check (struct.get $node $b (local.get $n))))
            (local.set $n (call $check (struct.get $node $a (local.get $n))))
            (if (i32.eqz (ref.is_null (local.get $n))) (then
                (struct.set $node $a (local.get $n) (ref.null $node))))
            (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                (array.len (global.get $all)))))
        (local.get $i)))"#;

#[test]
fn what_moves_from_object_to_object_survives() {
    for &mode in Mode::ALL {
        let engine = Engine::new(Config::new().mode(mode).gc_heap_bytes(64 * MIB)).unwrap();
        let mut store = Store::new(&engine, ());
        let module = Module::new(&engine, SHUFFLE).unwrap();
        let instance: Instance = Linker::new(&engine).instantiate(&mut store, &module).unwrap();
        let build = instance.get_typed_func::<i32, ()>(&mut store, "build").unwrap();
        let shuffle = instance.get_typed_func::<i32, ()>(&mut store, "shuffle").unwrap();
        let check = instance.get_typed_func::<(), i32>(&mut store, "check").unwrap();
        build.call(&mut store, 60_000).unwrap();
        for _ in 0..8 {
            shuffle.call(&mut store, 20_000).unwrap();
            assert_eq!(check.call(&mut store, ()).unwrap(), 60_000, "{mode}");
        }
    }
}
