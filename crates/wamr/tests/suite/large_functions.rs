//! Functions with so many values, or so much code, that a translator has to watch out.

use std::fmt::Write as _;

use wamr::{Engine, ErrorKind, Instance, Store, TrapCode};
use wamr_interp::Interpreter;
use wamr_runtime::MemoryKind;
use wamr_types::DefinedFuncIdx;

use crate::support::{each_mode, interp_config, module};

/// Types of `count` values.
fn types(count: i32) -> String {
    (0..count).map(|i| if i % 4 == 3 { "v128 " } else { "i32 " }).collect()
}

/// Pushes as many values of these types, by all ways there are: computed ones, locals, constants
/// and vectors.
fn values(count: i32, from: i32) -> String {
    let mut text = String::new();
    for i in 0..count {
        let n = from + i;
        match i % 4 {
            0 => writeln!(text, "(i32.add (local.get $x) (i32.const {n}))"),
            1 => writeln!(text, "(local.get $x)"),
            2 => writeln!(text, "(i32.const {n})"),
            _ => writeln!(text, "(i32x4.splat (i32.sub (local.get $x) (i32.const {n})))"),
        }
        .unwrap();
    }
    text
}

/// Makes one number of them, which depends on their order.
fn digest(count: i32) -> String {
    let mut text = String::from("(local.set $sum (i32.const 1))\n");
    for i in (0..count).rev() {
        let lane = if i % 4 == 3 { "(i32x4.extract_lane 2)" } else { "" };
        writeln!(
            text,
            "{lane} (local.set $v) (local.set $sum
                (i32.add (i32.mul (local.get $sum) (i32.const 31)) (local.get $v)))"
        )
        .unwrap();
    }
    text + "(local.get $sum)"
}

/// What [`digest`] makes of [`values`].
fn expected(count: i32, from: i32, x: i32) -> i32 {
    (0..count).rev().fold(1, |sum: i32, i| {
        let n = from + i;
        let value = match i % 4 {
            0 => x + n,
            1 => x,
            2 => n,
            _ => x - n,
        };
        sum.wrapping_mul(31).wrapping_add(value)
    })
}

/// Functions whose branches take so many values, which lie higher than their labels expect them.
fn branches(count: i32) -> String {
    let (types, digest) = (types(count), digest(count));
    let (one, other) = (values(count, 3), values(count, 1000));
    let below = "(i32.mul (local.get $x) (i32.const 77)) (local.get $x) (i32.const 5)";
    let drops = "drop ".repeat(count as usize + 3);
    let func = |name: &str, body: &str| {
        format!(
            "(func (export \"{name}\") (param $x i32) (result i32) (local $v i32) (local $sum i32)
                {body} {digest})\n"
        )
    };
    let mut text = format!("(module (type $many (func (result {types})))");
    for branch in ["br_if $out (local.get $x)", "br_table 1 $out $in 1 $out (local.get $x)"] {
        text += &func(
            &branch[..branch.find(' ').unwrap_or(0)],
            &format!(
                "(block $out (type $many) {below}
                    (block $in (type $many) {below} {one} ({branch}) {})
                    {drops} {other})",
                if branch.starts_with("br_if") { format!("{drops} {one}") } else { String::new() },
            ),
        );
    }
    text += &func("br", &format!("(block $out (type $many) {below} {one} (br $out))"));
    for (name, leave) in [
        ("return", "(return)"),
        ("br_if_return", "(br_if 0 (local.get $x)) unreachable"),
        ("br_table_return", "(br_table 0 0 (local.get $x))"),
    ] {
        let (below, one) = (below, &one);
        write!(text, "(func ${name} (param $x i32) (result {types}) {below} {one} {leave})")
            .unwrap();
        text += &func(name, &format!("(call ${name} (local.get $x))"));
    }
    text + ")"
}

#[test]
fn many_values_travel_with_branches() {
    each_mode(|engine| {
        for count in [2, 5, 9, 40] {
            let mut store = Store::new(engine, ());
            let module = module(engine, &branches(count));
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let mut check = |name: &str, x: i32, from: i32| {
                let func = instance.get_typed_func::<i32, i32>(&mut store, name).unwrap();
                let result = func.call(&mut store, x).unwrap();
                assert_eq!(result, expected(count, from, x), "{name} of {count} values with {x}");
            };
            for x in [1, 2, 7] {
                check("br", x, 3);
                check("return", x, 3);
                check("br_if_return", x, 3);
                check("br_table_return", x, 3);
                check("br_if", x, 3);
            }
            check("br_if", 0, 1000);
            // What the table says: behind the inner block, out, the inner block again, and so on.
            for (x, from) in [(0, 3), (1, 3), (2, 1000), (3, 3), (9, 3)] {
                check("br_table", x, from);
            }
        }
    });
}

#[test]
fn branches_with_a_thousand_values_take_little_code() {
    const BRANCHES: usize = 500;
    let engine = Engine::default();
    for value in ["(i32.const 7)", "(local.get 0)", "(i32.add (local.get 0) (i32.const 1))"] {
        let text = format!(
            "(module (func (param i32)
                (block (result {}) (i32.clz (local.get 0)) {} {} {} unreachable) {}))",
            "i32 ".repeat(999),
            value.repeat(999),
            "(br_if 0 (local.get 0))".repeat(BRANCHES),
            "(br_table 0 0 0 (local.get 0))",
            "drop ".repeat(999),
        );
        let module = module(&engine, &text);
        let (func, memory) = (DefinedFuncIdx::from_usize(0), MemoryKind::Checked);
        let listing = Interpreter::listing(&engine, module.decoded(), func, memory);
        let lines = listing.unwrap().lines().count();
        assert!(lines < 2500 + 4 * BRANCHES, "{lines} operations for {value}");
    }
}

#[test]
fn a_function_that_is_too_large_is_an_error() {
    let text = |calls: usize| {
        format!(
            "(module
                (func $many (result {}) unreachable)
                (func (export \"run\") {} unreachable))",
            "i32 ".repeat(1000),
            "call $many ".repeat(calls),
        )
    };
    interp_config(
        |_| {},
        |engine| {
            let mut store = Store::new(engine, ());
            // Frames of so many slots, 33 MB, do not fit the stack.
            for (calls, fits) in [(4_190, true), (4_200, false)] {
                let module = module(engine, &text(calls));
                let instance = Instance::new(&mut store, &module, &[]).unwrap();
                let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
                let error = run.call(&mut store, ()).unwrap_err();
                if fits {
                    assert_eq!(error.trap_code(), Some(TrapCode::StackOverflow));
                } else {
                    assert!(matches!(error.kind(), ErrorKind::InvalidBody(_)), "{error}");
                    assert!(error.to_string().contains("function too large"), "{error}");
                }
            }
        },
    );
}
