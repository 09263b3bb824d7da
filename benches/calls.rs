//! What calls cost in compiled code: between host and guest, through tables, and across instances.
//! Each is a loop of a thousand calls, the loop included, but for the call from the host.

use criterion::{Criterion, criterion_group, criterion_main};
use wamr::{Config, Engine, Instance, Linker, Mode, Module, Store, TypedFunc};

/// How many calls a turn of the bench makes.
const CALLS: i32 = 1000;

/// A loop over `step`, which has `$n`, how many turns are left, and `$sum`.
fn looping(fields: &str, step: &str) -> String {
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

/// What is called: functions that add, two of them in a table.
const CALLEES: &str = r#"(module
    (table (export "table") 2 2 funcref)
    (elem (i32.const 0) func $add $other)
    (func $add (export "add") (param i32 i32) (result i32)
        (i32.add (local.get 0) (local.get 1)))
    (func $other (param i32 i32) (result i32)
        (i32.add (local.get 1) (local.get 0))))"#;

const DIRECT: &str = "(call $add (local.get $sum) (i32.const 1))";

const INDIRECT: &str = "(call_indirect (type $binary) (local.get $sum) (i32.const 1)
    (i32.and (local.get $n) (i32.const 1)))";

const FIBONACCI: &str = r#"(module (func $fib (export "run") (param i32) (result i32)
    (if (i32.lt_u (local.get 0) (i32.const 2)) (then (return (local.get 0))))
    (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
        (call $fib (i32.sub (local.get 0) (i32.const 2))))))"#;

struct World {
    store: Store<()>,
    run: TypedFunc<i32, i32>,
    callees: Instance,
}

fn world(text: &str, inlining: bool) -> World {
    let mut config = Config::new();
    config.mode(Mode::Jit).inlining(inlining);
    let engine = Engine::new(&config).expect("a configuration");
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "add", |a: i32, b: i32| a.wrapping_add(b)).expect("a new name");
    let callees = Module::new(&engine, CALLEES).expect("a module");
    let callees = linker.instantiate(&mut store, &callees).expect("an instance");
    linker.instance(&mut store, "callees", &callees).expect("new names");
    let module = Module::new(&engine, text).expect("a module");
    let instance = linker.instantiate(&mut store, &module).expect("an instance");
    let run = instance.get_func(&mut store, "run").expect("an export");
    let run = run.typed(&store).expect("its type");
    World { store, run, callees }
}

fn calls(criterion: &mut Criterion) {
    let own = CALLEES.strip_prefix("(module").and_then(|rest| rest.strip_suffix(')'));
    let own = own.expect("a module");
    let loops = [
        ("call", looping(own, DIRECT)),
        ("call_indirect, own table", looping(own, INDIRECT)),
        (
            "call_indirect, imported table",
            looping(r#"(import "callees" "table" (table 2 2 funcref))"#, INDIRECT),
        ),
        (
            "call of another instance",
            looping(r#"(import "callees" "add" (func $add (type $binary)))"#, DIRECT),
        ),
        ("guest to host", looping(r#"(import "host" "add" (func $add (type $binary)))"#, DIRECT)),
    ];
    for (name, text) in loops {
        let World { mut store, run, .. } = world(&text, false);
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| run.call(&mut store, CALLS).expect("a number"));
        });
    }
    let World { mut store, callees, .. } = world(FIBONACCI, false);
    let add = callees.get_func(&mut store, "add").expect("an export");
    let add: TypedFunc<(i32, i32), i32> = add.typed(&store).expect("its type");
    criterion.bench_function("host to guest, one call", |bencher| {
        bencher.iter(|| add.call(&mut store, (1, 2)).expect("a number"));
    });
    for inlining in [false, true] {
        let World { mut store, run, .. } = world(FIBONACCI, inlining);
        criterion.bench_function(&format!("fib(20), inlining: {inlining}"), |bencher| {
            bencher.iter(|| run.call(&mut store, 20).expect("a number"));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_secs(1))
        .sample_size(30);
    targets = calls
}
criterion_main!(benches);
