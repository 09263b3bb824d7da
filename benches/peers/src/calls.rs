//! What calls cost: between host and guest, and through tables.

use wamr_benches::looping;

use crate::engines::{Engine, Instance, Result};
use crate::measure::{Table, median, show, thread_time};

const ADD: &str = "(func $add (export \"add\") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))";

/// A module whose table holds four functions that add.
const SHARED: &str = r#"(module (table (export "table") 4 4 funcref)
    (elem (i32.const 0) func $a $b $c $d)
    (func $a (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func $b (param i32 i32) (result i32) (i32.add (local.get 1) (local.get 0)))
    (func $c (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func $d (param i32 i32) (result i32) (i32.add (local.get 1) (local.get 0))))"#;

const INDIRECT: &str = "(call_indirect (type $binary) (local.get $sum) (i32.const 1)
    (i32.and (local.get $n) (i32.const 3)))";

/// Name, how to run it, and the modules.
fn cases() -> Vec<(&'static str, bool, Vec<(&'static str, String)>)> {
    let local = format!(
        "{ADD} (table 4 4 funcref) (elem (i32.const 0) func $add $add2 $add3 $add4)
        (func $add2 (param i32 i32) (result i32) (i32.add (local.get 1) (local.get 0)))
        (func $add3 (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
        (func $add4 (param i32 i32) (result i32) (i32.add (local.get 1) (local.get 0)))"
    );
    let import = r#"(import "shared" "table" (table 4 4 funcref))"#;
    let host = r#"(import "host" "add" (func $add (param i32 i32) (result i32)))"#;
    let call = "(call $add (local.get $sum) (i32.const 1))";
    let turn = "(i32.add (local.get $sum) (i32.const 1))";
    vec![
        ("the loop alone", true, vec![("main", looping("", turn))]),
        ("call", true, vec![("main", looping(ADD, call))]),
        ("call_indirect, own table", true, vec![("main", looping(&local, INDIRECT))]),
        (
            "call_indirect, imported table",
            true,
            vec![("shared", SHARED.into()), ("main", looping(import, INDIRECT))],
        ),
        ("guest to host", true, vec![("main", looping(host, call))]),
        ("host to guest", false, vec![("main", looping(ADD, call))]),
    ]
}

/// Measures all cases and prints a table of nanoseconds.
pub fn run(engines: &[Box<dyn Engine>], runs: usize, quick: bool) {
    let times = if quick { 100_000 } else { 2_000_000 };
    let headings = ["ns for each"].into_iter().chain(engines.iter().map(|engine| engine.name()));
    let mut table = Table::new(headings);
    for (name, from_guest, modules) in cases() {
        let modules: Vec<(&str, Vec<u8>)> = modules
            .iter()
            .map(|(name, text)| (*name, wat::parse_str(text).expect("a module")))
            .collect();
        let modules: Vec<(&str, &[u8])> =
            modules.iter().map(|(name, wasm)| (*name, &**wasm)).collect();
        let programs: Vec<_> = engines.iter().map(|engine| engine.load(&modules)).collect();
        let mut instances: Vec<Result<Box<dyn Instance>>> = programs
            .iter()
            .map(|program| program.as_ref().map_err(Clone::clone)?.instantiate(&[]))
            .collect();
        let mut seconds = vec![Vec::new(); engines.len()];
        for _ in 0..runs {
            for (position, instance) in instances.iter_mut().enumerate() {
                let Ok(instance) = instance else { continue };
                let before = thread_time();
                let result =
                    if from_guest { instance.run(times as i32) } else { instance.add_often(times) };
                let time = (thread_time() - before).as_secs_f64();
                assert_eq!(result, Ok(times as i32), "{name}, {}", engines[position].name());
                seconds[position].push(time / f64::from(times) * 1e9);
            }
        }
        for (engine, instance) in engines.iter().zip(&instances) {
            if let Err(error) = instance {
                eprintln!("{name}, {}: {error}", engine.name());
            }
        }
        table.row(name, seconds.into_iter().map(|all| show(median(all), 1)));
    }
    table.print(&format!("Calls, loop included (median of {runs}, CPU time)"));
}
