//! Runs modules of many seeds in every mode, and says where modes disagree.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, thread};

use wamr_differential::{
    Disagreement, Outcome, bytes_of_seed, compare, compare_pair, module_from, pair_from,
};

const USAGE: &str = "\
usage: wamr-differential [--from SEED] [--count N] [--threads N] [--keep DIR] [--what KIND]
       wamr-differential --module FILE [--importer FILE] [--from SEED]

Runs the modules of N seeds (1000 by default) in every mode and compares everything that can be
seen of them. Modules that modes disagree on are written to DIR. KIND is module (the default), or pair: two modules,
the second of which imports from the first, each in every mode. With --module, runs that module,
and the one that imports from it.";

/// Native stack of each thread: what the main thread of a process has.
const STACK_BYTES: usize = 8 << 20;

#[derive(Default)]
struct Counts {
    same: u64,
    undecided: u64,
    refused: u64,
    empty: u64,
    events: u64,
    disagreements: u64,
}

struct Options {
    from: u64,
    count: u64,
    threads: usize,
    keep: Option<PathBuf>,
    module: Option<PathBuf>,
    importer: Option<PathBuf>,
    pairs: bool,
}

fn options() -> Option<Options> {
    let threads = thread::available_parallelism().map_or(1, |count| count.get());
    let mut options = Options {
        from: 0,
        count: 1000,
        threads,
        keep: None,
        module: None,
        importer: None,
        pairs: false,
    };
    let mut args = env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next()?;
        match &*arg {
            "--from" => options.from = value.parse().ok()?,
            "--count" => options.count = value.parse().ok()?,
            "--threads" => options.threads = value.parse().ok()?,
            "--keep" => options.keep = Some(value.into()),
            "--module" => options.module = Some(value.into()),
            "--importer" => options.importer = Some(value.into()),
            "--what" => {
                options.pairs = match &*value {
                    "module" => false,
                    "pair" => true,
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if let Some(path) = &options.module {
        return run_module(path, options.importer.as_ref(), options.from);
    }
    let counts = Mutex::new(Counts::default());
    let next = AtomicU64::new(options.from);
    thread::scope(|scope| {
        for _ in 0..options.threads {
            let work = || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= options.from.saturating_add(options.count) {
                        break;
                    }
                    run_seed(seed, &options, &counts);
                }
            };
            let builder = thread::Builder::new().stack_size(STACK_BYTES);
            if let Err(error) = builder.spawn_scoped(scope, work) {
                eprintln!("no thread: {error}");
            }
        }
    });
    let counts = counts.into_inner().unwrap_or_else(|poison| poison.into_inner());
    println!(
        "{} same ({} events), {} the same up to where room ran out, {} refused by all, {} without a \
         module, {} disagreements",
        counts.same,
        counts.events,
        counts.undecided,
        counts.refused,
        counts.empty,
        counts.disagreements
    );
    if counts.disagreements == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_module(path: &PathBuf, importer: Option<&PathBuf>, seed: u64) -> ExitCode {
    let mut modules = Vec::new();
    for path in [Some(path), importer].into_iter().flatten() {
        match fs::read(path) {
            Ok(module) => modules.push(module),
            Err(error) => {
                eprintln!("{}: {error}", path.display());
                return ExitCode::FAILURE;
            }
        }
    }
    match compare_all(&modules, seed) {
        Ok(outcome) => {
            println!("{outcome:?}");
            ExitCode::SUCCESS
        }
        Err(disagreement) => {
            println!("{disagreement}");
            ExitCode::FAILURE
        }
    }
}

fn compare_all(modules: &[Vec<u8>], seed: u64) -> Result<Outcome, Box<Disagreement>> {
    match modules {
        [exporter, importer] => compare_pair([exporter, importer], seed),
        [module, ..] => compare(module, seed),
        [] => Ok(Outcome::Same(0)),
    }
}

fn run_seed(seed: u64, options: &Options, counts: &Mutex<Counts>) {
    let bytes = bytes_of_seed(seed);
    let modules = match options.pairs {
        true => pair_from(&bytes).map(Vec::from),
        false => module_from(&bytes).map(|module| vec![module]),
    };
    let outcome = modules.as_ref().map(|modules| compare_all(modules, seed));
    let mut counts = counts.lock().unwrap_or_else(|poison| poison.into_inner());
    match outcome {
        None => counts.empty += 1,
        Some(Ok(Outcome::Same(events))) => {
            counts.same += 1;
            counts.events += events as u64;
        }
        Some(Ok(Outcome::Undecided(_))) => counts.undecided += 1,
        Some(Ok(outcome)) => {
            counts.refused += 1;
            println!("seed {seed}: {outcome:?}");
        }
        Some(Err(disagreement)) => {
            counts.disagreements += 1;
            println!("seed {seed}:\n{disagreement}");
            let Some(dir) = &options.keep else { return };
            for (name, module) in ["", ".importer"].iter().zip(modules.into_iter().flatten()) {
                let path = dir.join(format!("{seed}{name}.wasm"));
                if let Err(error) = fs::write(&path, module) {
                    eprintln!("{}: {error}", path.display());
                }
            }
        }
    }
}
