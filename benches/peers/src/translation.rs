//! How fast modules become runnable, and how much memory that takes.

use std::any::Any;
use std::time::Instant;

use wamr::{Config, Engine as Runtime, Module, Validation};
use wamr_benches::instantiation_modules;

use crate::allocation;
use crate::engines::{Engine, Result, text};
use crate::measure::{Table, median, process_time, show, thread_time};

/// What has to be known of a module to judge engines by it.
struct Facts {
    imports: Vec<(String, String)>,
    /// How many bytes the function bodies take.
    bodies: usize,
}

fn facts(wasm: &[u8]) -> Result<Facts> {
    let mut config = Config::new();
    config.validation(Validation::Lazy);
    let engine = Runtime::new(&config).map_err(text)?;
    let module = Module::new(&engine, wasm).map_err(text)?;
    let imports =
        module.imports().map(|import| (import.module().into(), import.name().into())).collect();
    let decoded = module.decoded();
    let funcs = (0..decoded.defined_func_count()).map(wamr::types::DefinedFuncIdx::from_usize);
    let bodies = funcs.map(|func| decoded.bodies.body(func).bytes.len()).sum();
    Ok(Facts { imports, bodies })
}

/// Megabytes of bodies per second with validation, and bytes of translated code for each byte of
/// bodies.
pub fn run(engines: &[Box<dyn Engine>], modules: &[(String, Vec<u8>)], runs: usize) {
    for (name, wasm) in modules {
        let facts = match facts(wasm) {
            Ok(facts) => facts,
            Err(error) => {
                eprintln!("{name}: {error}");
                continue;
            }
        };
        let mut table =
            Table::new(["engine", "1 thread, MB/s", "2 threads, MB/s", "CPU", "memory/bodies"]);
        let mut speeds = vec![[Vec::new(), Vec::new(), Vec::new()]; engines.len()];
        let mut memory = vec![None; engines.len()];
        for _ in 0..runs {
            for (position, engine) in engines.iter().enumerate() {
                for threads in 1..=2 {
                    let (cpu, wall) = (process_time(), Instant::now());
                    let before = allocation::live_bytes();
                    let Some(result) = engine.translate(wasm, &facts.imports, threads) else {
                        continue;
                    };
                    match result {
                        Ok(translated) => {
                            let (cpu, wall) = (process_time() - cpu, wall.elapsed());
                            let took = if threads == 1 { cpu } else { wall };
                            let mb = facts.bodies as f64 / 1e6;
                            speeds[position][threads - 1].push(mb / took.as_secs_f64());
                            if threads == 2 {
                                speeds[position][2].push(mb / cpu.as_secs_f64());
                            }
                            let whole = allocation::live_bytes() - before;
                            drop(translated);
                            memory[position] = Some((whole, ()));
                        }
                        Err(error) => eprintln!("{name}, {}: {error}", engine.name()),
                    }
                }
            }
        }
        for (position, engine) in engines.iter().enumerate() {
            let untranslated = untranslated_bytes(&**engine, wasm);
            let code = memory[position].zip(untranslated).map(|((whole, ()), untranslated)| {
                (whole - untranslated) as f64 / facts.bodies as f64
            });
            let [one, two, cpu] = std::mem::take(&mut speeds[position]);
            let figures =
                [(one, 1), (two, 1), (cpu, 1)].map(|(all, digits)| show(median(all), digits));
            table.row(engine.name(), figures.into_iter().chain([show(code, 2)]));
        }
        let mb = facts.bodies as f64 / 1e6;
        table.print(&format!(
            "Translation with validation: {name}, {mb:.1} MB of bodies (median of {runs}; 1 thread: \
             CPU time; 2 threads: time that went by, and by CPU time of both)"
        ));
    }
}

/// What the module takes before anything is translated.
fn untranslated_bytes(engine: &dyn Engine, wasm: &[u8]) -> Option<isize> {
    let before = allocation::live_bytes();
    let module = engine.untranslated(wasm)?.ok()?;
    let bytes = allocation::live_bytes() - before;
    drop(module);
    Some(bytes)
}

/// Milliseconds from bytes to an instance that has not run anything yet.
pub fn start(engines: &[Box<dyn Engine>], modules: &[(String, Vec<u8>)], runs: usize) {
    let headings = ["ms to start"].into_iter().chain(engines.iter().map(|engine| engine.name()));
    let mut table = Table::new(headings);
    for (name, wasm) in modules {
        let Ok(facts) = facts(wasm).inspect_err(|error| eprintln!("{name}: {error}")) else {
            continue;
        };
        let mut times = vec![Vec::new(); engines.len()];
        for run in 0..runs {
            for (position, engine) in engines.iter().enumerate() {
                let cpu = process_time();
                let started: Result<Box<dyn Any>> = engine.start(wasm, &facts.imports);
                let time = process_time() - cpu;
                match started {
                    Ok(_) => times[position].push(time.as_secs_f64() * 1e3),
                    Err(error) if run == 0 => eprintln!("{name}, {}: {error}", engine.name()),
                    Err(_) => {}
                }
            }
        }
        table.row(name, times.into_iter().map(|all| show(median(all), 2)));
    }
    table.print(&format!(
        "Lazy start, as far as an engine can be lazy (median of {runs}, CPU time)"
    ));
}

/// Microseconds for a new store with an instance in it, and the end of both.
pub fn instances(engines: &[Box<dyn Engine>], runs: usize) {
    let headings = ["µs"].into_iter().chain(engines.iter().map(|engine| engine.name()));
    let mut table = Table::new(headings);
    const TIMES: u32 = 200;
    for (name, wasm) in instantiation_modules() {
        let mut makers: Vec<_> = engines.iter().map(|engine| engine.repeat(&wasm)).collect();
        let mut times = vec![Vec::new(); engines.len()];
        for run in 0..runs {
            for (position, make) in makers.iter_mut().enumerate() {
                let name = engines[position].name();
                match make {
                    Ok(make) => {
                        let before = thread_time();
                        let made = (0..TIMES).try_for_each(|_| make());
                        let time = (thread_time() - before).as_secs_f64() * 1e6;
                        match made {
                            Ok(()) => times[position].push(time / f64::from(TIMES)),
                            Err(error) => eprintln!("{name}: {error}"),
                        }
                    }
                    Err(error) if run == 0 => eprintln!("{name}: {error}"),
                    Err(_) => {}
                }
            }
        }
        table.row(name, times.into_iter().map(|all| show(median(all), 1)));
    }
    table.print(&format!("A store and an instance, and their end (median of {runs}, CPU time)"));
}
