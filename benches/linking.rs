//! How long lists of 40,000 imports take (a Dart program has 39,000 imported globals), and graphs
//! of 100 modules.

use std::collections::HashMap;

use criterion::{Criterion, criterion_group, criterion_main};
use wamr::loading::{Loading, ReadError, ReadModule};
use wamr::{Engine, Global, GlobalType, Imports, Instance, Linker, Module, Store, Val, ValType};

const IMPORTS: usize = 40_000;

fn module(engine: &Engine, item: impl Fn(usize) -> String) -> Module {
    let items: String = (0..IMPORTS).map(item).collect();
    Module::new(engine, format!("(module {items})")).expect("a module")
}

fn import_lists(criterion: &mut Criterion) {
    let engine = Engine::default();
    let importing =
        |name: &str| module(&engine, |i| format!(r#"(import "s" "{name} {i}" (global i32))"#));
    let importer = importing("global number");
    let exporter =
        module(&engine, |i| format!(r#"(global (export "global number {i}") i32 (i32.const 0))"#));
    let ty = GlobalType { content: ValType::I32, mutable: false };
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    let values: Vec<Global> =
        (0..IMPORTS).map(|_| Global::new(&mut store, ty, Val::I32(0)).expect("a global")).collect();
    for (i, value) in values.iter().enumerate() {
        let name = format!("global number {i}");
        linker.define(&mut store, "s", &name, value.clone()).expect("a new name");
    }
    let exporter = Instance::new(&mut store, &exporter, &[]).expect("an instance");

    let mut group = criterion.benchmark_group("40,000 imports");
    group.sample_size(20);
    let given = values.iter().enumerate();
    let given =
        given.fold(Imports::of(&importer), |imports, (i, value)| imports.at(i, value.clone()));
    group.bench_function("by position", |bencher| {
        bencher.iter(|| given.build(&mut store).expect("a list"));
    });
    let named = Imports::of(&importer).source("linker", &linker);
    group.bench_function("from a source", |bencher| {
        bencher.iter(|| named.build(&mut store).expect("a list"));
    });
    let whole = Imports::of(&importer).instance("s", &exporter);
    group.bench_function("from an instance", |bencher| {
        bencher.iter(|| whole.build(&mut store).expect("a list"));
    });
    let list = whole.build(&mut store).expect("a list");
    group.bench_function("an instance from a list", |bencher| {
        bencher.iter(|| list.instantiate(&mut store).expect("an instance"));
    });
    let misspelt = importing("global nvmber");
    let misspelt = Imports::of(&misspelt).source("linker", &linker);
    group.bench_function("an error with near misses", |bencher| {
        bencher.iter(|| misspelt.build(&mut store).expect_err("nothing"));
    });
}

/// 10 layers of 10 modules, each of which needs two functions of every module of the layer below.
fn layers(engine: &Engine) -> (HashMap<String, Module>, Module) {
    let needs = |layer: usize| -> String {
        let below = (0..10).map(|i| format!("m{layer}_{i}"));
        let import =
            |from: String| format!(r#"(import "{from}" "f" (func)) (import "{from}" "g" (func))"#);
        below.map(import).collect()
    };
    let mut modules = HashMap::new();
    for layer in 0..10_usize {
        let needs = layer.checked_sub(1).map(needs).unwrap_or_default();
        let text = format!(r#"(module {needs} (func (export "f")) (func (export "g")))"#);
        for i in 0..10 {
            let module = Module::new(engine, &text).expect("a module");
            modules.insert(format!("m{layer}_{i}"), module);
        }
    }
    let main = Module::new(engine, format!("(module {})", needs(9))).expect("a module");
    (modules, main)
}

fn graphs(criterion: &mut Criterion) {
    let engine = Engine::default();
    let (modules, main) = layers(&engine);
    let loading = || {
        Loading::<()>::new(|name: &str| -> Result<Option<ReadModule>, ReadError> {
            let module = modules.get(name).map(|module| (**module).clone());
            Ok(module.map(|module| ReadModule { module, origin: String::new(), len_bytes: 0 }))
        })
    };
    let mut group = criterion.benchmark_group("100 modules");
    group.bench_function("explored", |bencher| {
        bencher.iter(|| loading().explore(&main).expect("a graph"));
    });
    group.bench_function("explored, instantiated and linked", |bencher| {
        bencher.iter(|| {
            let mut store = Store::new(&engine, ());
            loading().instantiate(&mut store, &main).expect("a program");
            store
        });
    });
}

criterion_group!(benches, import_lists, graphs);
criterion_main!(benches);
