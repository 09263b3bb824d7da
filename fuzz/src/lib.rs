//! What is fuzzed: functions that take any bytes, and panic where something is wrong.
//!
//! `cargo fuzz` runs them with a fuzzer, `src/main.rs` with inputs that follow from seeds.
#![allow(unsafe_code, reason = "native code that is loaded and not run")]

use std::sync::OnceLock;

use wamr::{Config, Engine, Extern, Instance, Mode, Module, Store, StoreLimits, Validation};
use wamr_differential::{Outcome, compare, compare_pair, mix, module_from, pair_from};

mod wasi;
pub use wasi::wasi;

/// Any bytes as a module, in every mode.
pub fn loader(bytes: &[u8]) {
    let mut valid = Vec::new();
    for &mode in Mode::ALL {
        for validation in [Validation::Eager, Validation::Lazy] {
            let engine = Engine::new(Config::new().mode(mode).validation(validation));
            let engine = engine.expect("this build has the mode");
            if let Ok(module) = Module::new(&engine, bytes) {
                valid.push((mode, validation));
                // What is only looked at when it is needed.
                let _ = module.translate(1.try_into().expect("not zero"));
                let _ = module.imports().count() + module.exports().count();
            }
        }
    }
    // Everything that is valid at once is valid bit by bit.
    let is_valid = |mode, validation| valid.contains(&(mode, validation));
    for &mode in Mode::ALL {
        if is_valid(mode, Validation::Eager) {
            assert!(is_valid(mode, Validation::Lazy), "{mode}");
        }
    }
}

/// What is behind the digest of AOT files: bytes say where a good file is changed, and how.
pub fn aot(bytes: &[u8]) {
    const LEN: std::ops::Range<usize> = 64 + 16..64 + 24;
    const DIGEST: std::ops::Range<usize> = 64 + 24..64 + 56;
    static GOOD: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let engine = Engine::default();
    let good = GOOD.get_or_init(|| {
        let file = |text: &str| engine.precompile(text.as_bytes()).expect("it is compiled");
        SOURCES.iter().copied().map(file).collect()
    });
    let Some((&first, mut rest)) = bytes.split_first() else { return };
    let mut file = good[usize::from(first) % good.len()].clone();
    while let Some((change, behind)) = rest.split_first_chunk::<5>() {
        rest = behind;
        let [at @ .., how, value] = *change;
        let at = (usize::from(at[0]) | usize::from(at[1]) << 8 | usize::from(at[2]) << 16)
            % file.len().max(1);
        match how % 8 {
            0..=3 if at < file.len() => file[at] = value,
            4 if at < file.len() => file[at] = file[at].wrapping_add(value),
            5 => file.truncate(at.max(DIGEST.end)),
            6 => file.extend(std::iter::repeat_n(value, at % 300)),
            7 if at + 4 < file.len() => file[at..at + 4].copy_from_slice(&[value; 4]),
            _ => {}
        }
    }
    if file.len() < DIGEST.end {
        return;
    }
    let len = file.len() as u64;
    file[LEN].copy_from_slice(&len.to_le_bytes());
    file[DIGEST].fill(0);
    let digest = blake3::hash(&file);
    file[DIGEST].copy_from_slice(digest.as_bytes());
    let types = engine.types().len();
    // SAFETY: nothing of it is run.
    match unsafe { Module::deserialize(&engine, &file) } {
        Ok(module) => assert!(module.exports().count() < 1 << 20),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(engine.types().len(), types, "types of a file that is refused: {error}");
        }
    }
}

/// Modules that have something of everything.
const SOURCES: &[&str] = &[
    "(module)",
    r#"(module (import "a" "f" (func $f (param i32))) (import "a" "g" (global i64))
        (memory (export "m") 1 3) (table (export "t") 2 5 funcref) (global (mut f64) (f64.const 1))
        (elem (i32.const 0) $f $h) (data (i32.const 8) "some bytes") (data "passive")
        (func $h (export "h") (param i32) (result i32)
            (call $f (local.get 0)) (i32.load8_u (local.get 0)))
        (func (start) (nop)) (@custom "note" "kept"))"#,
    r#"(module (import "a" "m" (memory 1)) (import "a" "t" (table 1 funcref))
        (import "a" "e" (tag $e (param i32)))
        (rec (type $a (sub (struct (field (ref null $b))))) (type $b (array (mut i8))))
        (type $c (sub $a (struct (field (ref null $b)) (field (mut i32)))))
        (global (ref $c) (struct.new $c (ref.null $b) (i32.const 3)))
        (table 3 (ref null $c)) (elem (ref null $c) (ref.null $c)) (elem declare func $f)
        (func $f (export "f") (result i32)
            (block $caught (result i32)
                (try_table (result i32) (catch $e $caught) (throw $e (i32.const 7))))))"#,
];

/// A module of any bytes, in every mode.
pub fn differential(bytes: &[u8]) {
    let Some(module) = module_from(bytes) else { return };
    same(compare(&module, seed_of(bytes)));
}

/// Two linked modules of any bytes, each in every mode.
pub fn pair(bytes: &[u8]) {
    let Some([exporter, importer]) = pair_from(bytes) else { return };
    same(compare_pair([&exporter, &importer], seed_of(bytes)));
}

fn same(outcome: Result<Outcome, Box<wamr_differential::Disagreement>>) {
    match outcome {
        Ok(Outcome::Refused(why)) => panic!("{why}"),
        Ok(_) => {}
        Err(disagreement) => panic!("{disagreement}"),
    }
}

fn seed_of(bytes: &[u8]) -> u64 {
    bytes.iter().take(64).fold(bytes.len() as u64, |seed, &byte| mix(seed, byte.into()))
}

/// Lists of imports that fit a module or do not, from this store and another one.
pub fn imports(bytes: &[u8]) {
    let Some(module) = module_from(bytes) else { return };
    let seed = seed_of(bytes);
    let mut config = Config::new();
    config.consume_fuel(true).gc_heap_bytes(1 << 20).interp_stack_bytes(1 << 18);
    config.mode(Mode::ALL[seed as usize % Mode::ALL.len()]);
    let engine = Engine::new(&config).expect("this build has the mode");
    let Ok(module) = Module::new(&engine, &module) else { return };
    let store = || {
        let mut store = Store::new(&engine, StoreLimits::new().memory_bytes(1 << 20));
        store.limiter(|limits| limits);
        store.set_fuel(10_000).expect("fuel is counted");
        store
    };
    let (mut here, mut elsewhere) = (store(), store());
    let Ok(good) = wamr::dummy_imports(&engine, &mut here, &module) else { return };
    let Ok(foreign) = wamr::dummy_imports(&engine, &mut elsewhere, &module) else { return };
    let (good, foreign) = (good.into_values(), foreign.into_values());
    for round in 0..8 {
        let mut list: Vec<Extern> = good.to_vec();
        let mut is_good = true;
        for step in 0..mix(seed, round) % 4 {
            let choice = mix(mix(seed, round), 7 + step);
            let at = |shift: u32| (choice >> shift) as usize % list.len().max(1);
            let (from, to) = (at(8), at(24));
            is_good = false;
            match choice % 5 {
                _ if list.is_empty() => is_good = true,
                0 => list[to] = list[from].clone(),
                1 => list.swap(from, to),
                2 => drop(list.remove(to)),
                3 => list.push(list[from].clone()),
                _ => list[to] = foreign[to].clone(),
            }
        }
        match Instance::new(&mut here, &module, &list) {
            Ok(instance) => drop(instance.exports(&mut here)),
            Err(wamr::InstantiateError::Link(error)) => {
                assert!(!is_good, "the list fits: {error}");
            }
            Err(_) => {}
        }
    }
    here.gc();
}
