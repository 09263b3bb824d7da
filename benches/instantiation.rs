//! How long instances take: by position, by name, and linked beforehand. Each goes into a store of
//! its own, and both are dropped, so that "store" is part of every other figure.

use criterion::{Criterion, criterion_group, criterion_main};
use wamr::{Engine, Extern, Instance, Linker, Module, Store};
use wamr_benches::{HOST_FUNCS, instantiation_modules};

fn linker(engine: &Engine) -> Linker<()> {
    let mut linker = Linker::new(engine);
    for i in 0..HOST_FUNCS {
        linker.func_wrap("host", &format!("f{i}"), |x: i32| x).expect("a new name");
    }
    linker
}

fn instantiation(criterion: &mut Criterion) {
    let engine = Engine::default();
    let linker = linker(&engine);
    criterion.bench_function("store", |bencher| bencher.iter(|| Store::new(&engine, ())));
    for (name, bytes) in instantiation_modules() {
        let module = Module::new(&engine, bytes).expect("a module");
        let linked = linker.instantiate_pre(&module).expect("all imports");
        let mut group = criterion.benchmark_group(name);
        group.bench_function("Instance::new", |bencher| {
            bencher.iter(|| {
                let mut store = Store::new(&engine, ());
                let imports: Vec<Extern> = module
                    .imports()
                    .map(|import| linker.get(&mut store, import.module(), import.name()))
                    .map(|found| found.expect("our engine").expect("defined"))
                    .collect();
                Instance::new(&mut store, &module, &imports).expect("an instance");
                store
            });
        });
        group.bench_function("Linker::instantiate", |bencher| {
            bencher.iter(|| {
                let mut store = Store::new(&engine, ());
                linker.instantiate(&mut store, &module).expect("an instance");
                store
            });
        });
        group.bench_function("InstancePre::instantiate", |bencher| {
            bencher.iter(|| {
                let mut store = Store::new(&engine, ());
                linked.instantiate(&mut store).expect("an instance");
                store
            });
        });
        group.bench_function("InstancePre::instantiate, same store", |bencher| {
            let mut store = Store::new(&engine, ());
            bencher.iter(|| linked.instantiate(&mut store).expect("an instance"));
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_secs(1))
        .sample_size(30);
    targets = instantiation
}
criterion_main!(benches);
