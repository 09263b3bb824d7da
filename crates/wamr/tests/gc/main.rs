//! The heap of objects, as wasm and hosts see it: what survives, what is reclaimed, and what
//! happens when it is full.

use wamr::{Config, Engine, Instance, Linker, Module, Store};

mod churn;
mod cycles;
mod host;
mod host_values;
mod limits;
mod sharing;
mod survival;
mod vectors;

const MIB: usize = 1 << 20;

/// An engine whose stores have small heaps.
fn engine(heap_bytes: usize) -> Engine {
    Engine::new(Config::new().gc_heap_bytes(heap_bytes)).unwrap()
}

fn instantiate(heap_bytes: usize, text: &str) -> (Store<()>, Instance) {
    let engine = engine(heap_bytes);
    let mut store = Store::new(&engine, ());
    let module = Module::new(&engine, text).unwrap();
    let instance = Linker::new(&engine).instantiate(&mut store, &module).unwrap();
    (store, instance)
}

/// Types, and functions that make lists and trees, change them and add up what is in them.
/// `$garbage` makes that many objects of several sizes that nothing refers to.
const TREES: &str = r#"
    (rec (type $tree (struct (field $left (mut (ref null $tree)))
                             (field $right (mut (ref null $tree)))
                             (field $value (mut i64)))))
    (type $bytes (array (mut i8)))
    (type $refs (array (mut anyref)))
    (func $tree (param $depth i32) (param $seed i64) (result (ref null $tree))
        (if (result (ref null $tree)) (local.get $depth)
            (then (struct.new $tree
                (call $tree (i32.sub (local.get $depth) (i32.const 1))
                    (i64.mul (local.get $seed) (i64.const 3)))
                (call $tree (i32.sub (local.get $depth) (i32.const 1))
                    (i64.add (local.get $seed) (i64.const 7)))
                (local.get $seed)))
            (else (ref.null $tree))))
    (func $sum (param $t (ref null $tree)) (result i64)
        (if (result i64) (ref.is_null (local.get $t))
            (then (i64.const 1))
            (else (i64.add (struct.get $tree $value (local.get $t))
                (i64.add
                    (i64.mul (i64.const 31) (call $sum (struct.get $tree $left (local.get $t))))
                    (i64.mul (i64.const 17)
                        (call $sum (struct.get $tree $right (local.get $t)))))))))
    (func $garbage (param $n i32)
        (local $keep (ref null $refs))
        (loop $again
            (local.set $keep (array.new_fixed $refs 2 (local.get $keep)
                (array.new $bytes (i32.const 0xaa)
                    (i32.rem_u (i32.mul (local.get $n) (i32.const 37)) (i32.const 3000)))))
            (if (i32.eqz (i32.rem_u (local.get $n) (i32.const 64)))
                (then
                    (drop (array.new $bytes (i32.const 0x55) (i32.const 100000)))
                    (local.set $keep (ref.null $refs))))
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            (br_if $again (local.get $n))))
"#;

/// How many rounds of `$garbage` make about 100 MB.
const ROUNDS: i32 = 32_000;
