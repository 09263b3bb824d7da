//! What calls cost in compiled code: between host and guest, through tables, and across instances.
//! Each is a loop of a thousand calls, the loop included, but for the call from the host.

use criterion::{Criterion, criterion_group, criterion_main};
use wamr::{Config, Engine, Instance, Linker, Mode, Module, Store, TypedFunc};
use wamr_benches::{CALLEES, call_loops};

/// How many calls a turn of the bench makes.
const CALLS: i32 = 1000;

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
    for (name, text) in call_loops() {
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
