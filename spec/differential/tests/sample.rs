//! Modules of fixed seeds, and those that modes once disagreed on, in every mode.

use std::path::Path;
use std::{fs, thread};

use wamr_differential::{Outcome, bytes_of_seed, compare, compare_pair, module_from, pair_from};

/// Native stack for runs: what the main thread of a process has.
const STACK_BYTES: usize = 8 << 20;

fn on_a_large_stack(test: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(test).expect("a thread");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs the modules of some seeds; gives how many things were seen.
fn sample(seeds: std::ops::Range<u64>) -> usize {
    let mut seen = 0;
    for seed in seeds {
        let Some(module) = module_from(&bytes_of_seed(seed)) else { continue };
        match compare(&module, seed) {
            Ok(Outcome::Same(events)) => seen += events,
            Ok(Outcome::Refused(why)) => panic!("seed {seed}: {why}"),
            Ok(_) => {}
            Err(disagreement) => panic!("seed {seed}:\n{disagreement}"),
        }
    }
    seen
}

#[test]
fn all_modes_do_the_same() {
    on_a_large_stack(|| {
        let seen = sample(0..50);
        assert!(seen > 1000, "the modules did something: {seen}");
    });
}

#[test]
fn all_modes_do_the_same_with_other_modules() {
    on_a_large_stack(|| {
        let seen = sample(50..100);
        assert!(seen > 1000, "the modules did something: {seen}");
    });
}

#[test]
fn linked_instances_of_all_modes_do_the_same() {
    on_a_large_stack(|| {
        let mut seen = 0;
        for seed in 0..10 {
            let Some([exporter, importer]) = pair_from(&bytes_of_seed(seed)) else { continue };
            match compare_pair([&exporter, &importer], seed) {
                Ok(Outcome::Same(events)) => seen += events,
                Ok(Outcome::Refused(why)) => panic!("seed {seed}: {why}"),
                Ok(_) => {}
                Err(disagreement) => panic!("seed {seed}:\n{disagreement}"),
            }
        }
        assert!(seen > 500, "the modules did something: {seen}");
    });
}

#[test]
fn all_modes_do_the_same_where_they_once_did_not() {
    on_a_large_stack(|| {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kept");
        let mut count = 0;
        for entry in fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            let module = fs::read(&path).expect("a file");
            for seed in 0..4 {
                match compare(&module, seed) {
                    Ok(Outcome::Same(_)) => {}
                    other => panic!("{}: {other:?}", path.display()),
                }
            }
            count += 1;
        }
        assert!(count > 0, "there are some");
    });
}
