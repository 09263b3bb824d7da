//! The interpreter by itself: kernels, calls, translation, lazy start, and the memory that
//! translated code takes. Beside other engines, `benches/peers` measures the same.

use core::num::NonZero;
use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicIsize, Ordering};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use wamr::{Config, Engine, Linker, Mode, Module, Store, TypedFunc, Validation};
use wamr_benches::{CALLEES, call_loops, translation_module};

/// How much each kernel does in a turn of the bench, so that a turn takes some milliseconds.
const KERNELS: [(&str, i32); 13] = [
    ("bignum", 20),
    ("core", 2),
    ("fannkuch", 7),
    ("hashmap", 2),
    ("life", 4),
    ("lz", 2),
    ("machine", 50),
    ("mandelbrot", 40),
    ("queens", 7),
    ("raytrace", 20),
    ("spectral", 40),
    ("tree", 1),
    ("virtual", 2),
];

/// How many calls a turn of the bench makes.
const CALLS: i32 = 1000;

/// Counts what is allocated.
struct Counting;

static LIVE_BYTES: AtomicIsize = AtomicIsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is the system's allocator's doing; counting allocates nothing. What is not
// defined here goes through these two.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE_BYTES.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller's promise is the one needed.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE_BYTES.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller's promise is the one needed.
        unsafe { System.dealloc(at, layout) }
    }
}

fn engine(validation: Validation, guard: bool) -> Engine {
    let mut config = Config::new();
    config.mode(Mode::Interp).validation(validation).memory_guard(guard);
    Engine::new(&config).expect("a configuration")
}

/// The export `run` of a module that imports nothing, or from [`CALLEES`] and `host`.
fn runner(engine: &Engine, bytes: &[u8]) -> (Store<()>, TypedFunc<i32, i32>) {
    let mut store = Store::new(engine, ());
    let mut linker = Linker::new(engine);
    linker.func_wrap("host", "add", |a: i32, b: i32| a.wrapping_add(b)).expect("a new name");
    let callees = Module::new(engine, CALLEES).expect("a module");
    let callees = linker.instantiate(&mut store, &callees).expect("an instance");
    linker.instance(&mut store, "callees", &callees).expect("new names");
    let module = Module::new(engine, bytes).expect("a module");
    let instance = linker.instantiate(&mut store, &module).expect("an instance");
    let run = instance.get_func(&mut store, "run").expect("an export");
    let run = run.typed(&store).expect("its type");
    (store, run)
}

fn kernels(criterion: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels");
    for (guard, name) in [(true, "kernels"), (false, "kernels, checked memories")] {
        let engine = engine(Validation::Eager, guard);
        let mut group = criterion.benchmark_group(name);
        for (kernel, amount) in KERNELS {
            let path = folder.join(kernel).with_extension("wasm");
            let bytes = std::fs::read(&path).expect("a kernel");
            let (mut store, run) = runner(&engine, &bytes);
            group.bench_function(kernel, |bencher| {
                bencher.iter(|| run.call(&mut store, amount).expect("a checksum"));
            });
        }
        group.finish();
    }
}

fn calls(criterion: &mut Criterion) {
    let engine = engine(Validation::Eager, true);
    let mut group = criterion.benchmark_group("calls");
    group.throughput(Throughput::Elements(CALLS as u64));
    for (name, text) in call_loops() {
        let (mut store, run) = runner(&engine, text.as_bytes());
        group.bench_function(name, |bencher| {
            bencher.iter(|| run.call(&mut store, CALLS).expect("a number"));
        });
    }
    group.finish();
}

fn translation(criterion: &mut Criterion) {
    let wasm = translation_module();
    let lazy = engine(Validation::Lazy, true);
    let eager = engine(Validation::Eager, true);
    let load = |engine| Module::new(engine, &wasm).expect("a module");
    let bodies: usize = {
        let module = load(&lazy);
        let decoded = module.decoded();
        let funcs = (0..decoded.defined_func_count()).map(wamr::types::DefinedFuncIdx::from_usize);
        funcs.map(|func| decoded.bodies.body(func).bytes.len()).sum()
    };
    let before = LIVE_BYTES.load(Ordering::Relaxed);
    let module = load(&lazy);
    let loaded = LIVE_BYTES.load(Ordering::Relaxed);
    module.translate(NonZero::<usize>::MIN).expect("valid bodies");
    let translated = LIVE_BYTES.load(Ordering::Relaxed);
    println!(
        "bytes of memory for each byte of bodies: {:.2} loaded, {:.2} more for translated code",
        (loaded - before) as f64 / bodies as f64,
        (translated - loaded) as f64 / bodies as f64
    );

    let mut group = criterion.benchmark_group("translation");
    group.throughput(Throughput::Bytes(bodies as u64));
    for threads in [1, 2] {
        let threads = NonZero::new(threads).expect("not 0");
        let name = format!("with validation, {threads} threads");
        group.bench_function(&name, |bencher| {
            let translate = |module: Module| module.translate(threads).expect("valid bodies");
            bencher.iter_batched(|| load(&lazy), translate, BatchSize::LargeInput);
        });
    }
    for (name, engine) in [("lazy start", &lazy), ("start, validated", &eager)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut store = Store::new(engine, ());
                let module = load(engine);
                Linker::new(engine).instantiate(&mut store, &module).expect("an instance");
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_secs(1))
        .sample_size(20);
    targets = kernels, calls, translation
}
criterion_main!(benches);
