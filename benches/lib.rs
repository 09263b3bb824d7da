//! The modules that several benches measure with, ours and the comparison with peers.
#![forbid(unsafe_code)]

use std::fmt::Write;

/// How many host functions the last of [`instantiation_modules`] imports from `host`, by the names
/// `f0`, `f1` and so on. They take an `i32` and return it.
pub const HOST_FUNCS: usize = 100;

/// Modules by name, in the binary format. Only those whose name begins with `imports` import
/// anything.
///
/// # Panics
/// If a text is wrong.
pub fn instantiation_modules() -> Vec<(&'static str, Vec<u8>)> {
    let texts = [
        ("empty", "(module)".to_owned()),
        ("small: memory, table, 4 functions", small()),
        ("data: 1 MiB", data()),
        ("functions: 1,000 exported and in a table", functions()),
        ("imports: 100 host functions", imports()),
    ];
    texts.map(|(name, text)| (name, wat::parse_str(text).expect("a module"))).into()
}

/// What a compiler makes of a small program.
fn small() -> String {
    r#"(module
        (memory (export "memory") 2)
        (global $stack (mut i32) (i32.const 66560))
        (global (export "end") i32 (i32.const 131072))
        (table 3 3 funcref)
        (elem (i32.const 1) func $twice $push)
        (data (i32.const 1024) "a few bytes of constants")
        (func $twice (export "twice") (param i32) (result i32)
            (i32.shl (local.get 0) (i32.const 1)))
        (func $push (param i32) (result i32)
            (global.set $stack (i32.sub (global.get $stack) (local.get 0)))
            (global.get $stack))
        (func (export "indirect") (param i32) (result i32)
            (call_indirect (param i32) (result i32) (local.get 0) (i32.const 1)))
        (func (export "run") (result i32) (call $push (call $twice (i32.const 8)))))"#
        .to_owned()
}

fn data() -> String {
    let mut text =
        String::from(r#"(module (memory (export "memory") 32) (data (i32.const 4096) ""#);
    for i in 0..1 << 20 {
        let _ = write!(text, "\\{:02x}", (i * 7 + i / 256) as u8);
    }
    text + r#"") (func (export "run") (result i32) (i32.load8_u (i32.const 4097))))"#
}

fn functions() -> String {
    let mut text = String::from("(module (table 1000 1000 funcref) (elem (i32.const 0) func");
    for i in 0..1000 {
        let _ = write!(text, " $f{i}");
    }
    text.push(')');
    for i in 0..1000 {
        let _ = write!(
            text,
            r#"(func $f{i} (export "f{i}") (param i32) (result i32)
            (i32.add (local.get 0) (i32.const {i})))"#
        );
    }
    text + ")"
}

fn imports() -> String {
    let mut text = String::from("(module");
    for i in 0..HOST_FUNCS {
        let _ = write!(text, r#"(import "host" "f{i}" (func (param i32) (result i32)))"#);
    }
    text + r#"(func (export "run") (result i32) (call 99 (call 0 (i32.const 1)))))"#
}

/// A module that makes garbage beside a tree that lives. `build` makes the tree, of a depth;
/// `churn` makes so many lists, cycles and arrays, most of which die at once and some a while
/// later, and says how many bytes their cells take.
pub const CHURN: &str = r#"(module
    (rec (type $node (struct (field $left (mut (ref null $node)))
                             (field $right (mut (ref null $node)))
                             (field $value (mut i64)))))
    (type $bytes (array (mut i8)))
    (type $window (array (mut anyref)))
    (global $root (mut (ref null $node)) (ref.null $node))
    (global $recent (ref $window) (array.new_default $window (i32.const 1024)))
    (func $tree (param $depth i32) (result (ref null $node))
        (if (result (ref null $node)) (local.get $depth)
            (then (struct.new $node
                (call $tree (i32.sub (local.get $depth) (i32.const 1)))
                (call $tree (i32.sub (local.get $depth) (i32.const 1)))
                (i64.extend_i32_u (local.get $depth))))
            (else (ref.null $node))))
    (func (export "build") (param $depth i32)
        (global.set $root (ref.null $node))
        (global.set $root (call $tree (local.get $depth))))
    (func (export "churn") (param $rounds i32) (result i64)
        (local $n i32) (local $list (ref null $node)) (local $bytes i64) (local $len i32)
        (loop $again
            ;; A list of ten nodes, closed to a cycle every other time: cells of 32 bytes.
            (local.set $list (ref.null $node))
            (local.set $n (i32.const 10))
            (loop $link
                (local.set $list (struct.new $node
                    (local.get $list) (ref.null $node) (i64.const 1)))
                (br_if $link (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (if (i32.and (local.get $rounds) (i32.const 1))
                (then (struct.set $node $right
                    (struct.get $node $left (local.get $list)) (local.get $list))))
            (array.set $window (global.get $recent)
                (i32.rem_u (local.get $rounds) (i32.const 1024)) (local.get $list))
            ;; An array of 24 to 4,119 bytes.
            (local.set $len (i32.add (i32.const 16)
                (i32.and (i32.mul (local.get $rounds) (i32.const 2999)) (i32.const 4095))))
            (drop (array.new_default $bytes (local.get $len)))
            (local.set $bytes (i64.add (local.get $bytes)
                (i64.extend_i32_u (i32.add (local.get $len) (i32.const 328)))))
            (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
        (local.get $bytes)))"#;

/// What the loops of [`call_loops`] may import, as `callees`: functions that add, two of them in a
/// table.
pub const CALLEES: &str = r#"(module
    (table (export "table") 2 2 funcref)
    (elem (i32.const 0) func $add $other)
    (func $add (export "add") (param i32 i32) (result i32)
        (i32.add (local.get 0) (local.get 1)))
    (func $other (param i32 i32) (result i32)
        (i32.add (local.get 1) (local.get 0))))"#;

/// Modules whose export `run` makes so many calls as it is told, by the kind of call. They import
/// from [`CALLEES`], or `add` from `host`, if anything.
///
/// # Panics
/// Never: the texts are constants.
pub fn call_loops() -> [(&'static str, String); 6] {
    let direct = "(call $add (local.get $sum) (i32.const 1))";
    let indirect = "(call_indirect (type $binary) (local.get $sum) (i32.const 1)
        (i32.and (local.get $n) (i32.const 1)))";
    let own = CALLEES.strip_prefix("(module").and_then(|rest| rest.strip_suffix(')'));
    let own = own.expect("a module");
    let hidden = own.replace(r#" (export "table")"#, "");
    let table = r#"(import "callees" "table" (table 2 2 funcref))"#;
    let func = r#"(import "callees" "add" (func $add (type $binary)))"#;
    let host = r#"(import "host" "add" (func $add (type $binary)))"#;
    [
        ("call", looping(own, direct)),
        ("call_indirect, own table", looping(own, indirect)),
        ("call_indirect, table that nobody else reaches", looping(&hidden, indirect)),
        ("call_indirect, imported table", looping(table, indirect)),
        ("call of another instance", looping(func, direct)),
        ("guest to host", looping(host, direct)),
    ]
}

/// A module whose `run` loops over `step`, which has `$n`, how many turns are left, and `$sum`.
pub fn looping(fields: &str, step: &str) -> String {
    format!(
        r#"(module (type $binary (func (param i32 i32) (result i32)))
        {fields}
        (func (export "run") (param $n i32) (result i32) (local $sum i32)
            (loop $again
                (local.set $sum {step})
                (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (local.get $sum)))"#
    )
}

/// A module of many functions of the kind that compilers make: loops over memory, comparisons,
/// calls, floats.
///
/// # Panics
/// If the text is wrong.
pub fn translation_module() -> Vec<u8> {
    const FUNCS: usize = 4000;
    let mut text = String::from("(module (memory 1) (global $stack (mut i32) (i32.const 65536))");
    for i in 0..FUNCS {
        let callee = i / 2;
        let _ = write!(
            text,
            r#"(func $f{i} (param $at i32) (param $n i32) (result i32)
            (local $frame i32) (local $i i32) (local $sum i32) (local $x f64)
            (global.set $stack
                (local.tee $frame (i32.sub (global.get $stack) (i32.const 16))))
            (i32.store offset=12 (local.get $frame) (local.get $n))
            (if (i32.lt_s (local.get $n) (i32.const {i}))
                (then (local.set $sum (call $f{callee} (local.get $at) (local.get $n)))))
            (block $done
                (br_if $done (i32.eqz (local.get $n)))
                (loop $next
                    (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31))
                        (i32.load offset={i} (i32.add (local.get $at)
                            (i32.shl (local.get $i) (i32.const 2))))))
                    (local.set $x (f64.add (f64.mul (local.get $x) (f64.const 0.5))
                        (f64.convert_i32_s (local.get $sum))))
                    (br_if $next (i32.ne (local.get $n)
                        (local.tee $i (i32.add (local.get $i) (i32.const 1)))))))
            (f64.store (local.get $frame) (local.get $x))
            (global.set $stack (i32.add (local.get $frame) (i32.const 16)))
            (i32.xor (local.get $sum) (i32.load (local.get $frame))))"#
        );
    }
    wat::parse_str(text + ")").expect("a module")
}
