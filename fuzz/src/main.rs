//! Runs a fuzz target with inputs that follow from seeds, or with files, on any toolchain.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, panic, thread};

use wamr_differential::{bytes_of_seed, mix, module_from};

const USAGE: &str = "\
usage: wamr-fuzz TARGET [--from SEED] [--count N] [--seconds N] [--keep DIR]
       wamr-fuzz TARGET FILE...

Runs a target with N inputs (1000 by default) or for so many seconds. An input that it fails with
is written to DIR. With FILE, which may be a directory, runs it with that.
Targets: ";

/// Native stack for runs: what the main thread of a process has.
const STACK_BYTES: usize = 8 << 20;

/// Says how far it got with an input.
type Target = fn(&[u8]) -> &'static str;

/// Each target, and whether its inputs are modules.
const TARGETS: &[(&str, Target, bool)] = &[
    ("loader", wamr_fuzz::loader, true),
    ("mutated", wamr_fuzz::mutated, false),
    ("aot", wamr_fuzz::aot, false),
    ("differential", wamr_fuzz::differential, false),
    ("pair", wamr_fuzz::pair, false),
    ("imports", wamr_fuzz::imports, false),
    ("api", wamr_fuzz::api, false),
    ("wasi", wamr_fuzz::wasi, false),
];

#[derive(Default)]
struct Options {
    from: u64,
    count: Option<u64>,
    seconds: Option<u64>,
    keep: Option<PathBuf>,
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let target = TARGETS.iter().find(|(target, ..)| *target == name);
    let (Some(&(_, target, takes_modules)), Some(options)) = (target, options(args)) else {
        let names: Vec<&str> = TARGETS.iter().map(|(name, ..)| *name).collect();
        eprintln!("{USAGE}{}.", names.join(", "));
        return ExitCode::from(2);
    };
    let run = move || match options.files.is_empty() {
        true => run_seeds(target, takes_modules, &options),
        false => run_files(target, &options),
    };
    match thread::Builder::new().stack_size(STACK_BYTES).spawn(run).map(thread::JoinHandle::join) {
        Ok(Ok(0)) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("no thread: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut args: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options::default();
    while let Some(arg) = args.next() {
        match &*arg {
            "--from" => options.from = args.next()?.parse().ok()?,
            "--count" => options.count = Some(args.next()?.parse().ok()?),
            "--seconds" => options.seconds = Some(args.next()?.parse().ok()?),
            "--keep" => options.keep = Some(args.next()?.into()),
            name if name.starts_with('-') => return None,
            file => options.files.push(file.into()),
        }
    }
    Some(options)
}

/// Runs with inputs of seeds; gives how many failed.
fn run_seeds(target: Target, takes_modules: bool, options: &Options) -> usize {
    let end = options.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let count = options.count.unwrap_or(if end.is_some() { u64::MAX } else { 1000 });
    let (mut failures, mut runs) = (0, 0);
    let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in options.from..options.from.saturating_add(count) {
        if end.is_some_and(|end| Instant::now() > end) {
            break;
        }
        let input = input(seed, takes_modules);
        runs += 1;
        match panic::catch_unwind(|| target(&input)) {
            Ok(outcome) => *outcomes.entry(outcome).or_default() += 1,
            Err(_) => {
                failures += 1;
                println!("seed {seed} fails");
                if let Some(dir) = &options.keep
                    && let Err(error) = fs::write(dir.join(seed.to_string()), input)
                {
                    eprintln!("{}: {error}", dir.display());
                }
            }
        }
    }
    for (outcome, count) in outcomes {
        println!("{count:8} {outcome}");
    }
    println!("{runs} inputs, {failures} failures");
    failures
}

fn run_files(target: Target, options: &Options) -> usize {
    static FAILURES: AtomicU64 = AtomicU64::new(0);
    let mut files = options.files.clone();
    while let Some(file) = files.pop() {
        if let Ok(entries) = fs::read_dir(&file) {
            files.extend(entries.flatten().map(|entry| entry.path()));
            continue;
        }
        let failed = match fs::read(&file) {
            Ok(bytes) => panic::catch_unwind(|| target(&bytes)).is_err(),
            Err(error) => {
                eprintln!("{}: {error}", file.display());
                true
            }
        };
        if failed {
            println!("{} fails", file.display());
            FAILURES.fetch_add(1, Ordering::Relaxed);
        }
    }
    FAILURES.load(Ordering::Relaxed) as usize
}

/// The input of a seed: bytes, or a module, of which three in four are changed.
fn input(seed: u64, is_module: bool) -> Vec<u8> {
    let bytes = bytes_of_seed(seed);
    if !is_module {
        return bytes;
    }
    let Some(mut module) = module_from(&bytes) else { return bytes };
    match seed % 4 {
        0 => {}
        kind => wamr_fuzz::mutate(&mut module, mix(seed, 1), kind != 1),
    }
    module
}
