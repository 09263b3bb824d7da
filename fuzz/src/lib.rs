//! What is fuzzed: functions that take any bytes, and panic where something is wrong. Each says in
//! a few words how far it got with them, so that one can see whether it tests anything.
//!
//! `cargo fuzz` runs them with a fuzzer, `src/main.rs` with inputs that follow from seeds.
#![allow(unsafe_code, reason = "native code that is loaded and not run")]

use wamr_differential::{Outcome, compare, compare_pair, mix, module_from, pair_from};

mod loader;
pub use loader::{loader, mutated};

mod aot;
pub use aot::aot;

mod imports;
pub use imports::imports;

mod api;
pub use api::api;

mod wasi;
pub use wasi::wasi;

/// What a target says of bytes that no module can be made of.
const NO_MODULE: &str = "no module";

/// A module of any bytes, in every mode.
pub fn differential(bytes: &[u8]) -> &'static str {
    let Some(module) = module_from(bytes) else { return NO_MODULE };
    same(compare(&module, seed_of(bytes)))
}

/// Two linked modules of any bytes, each in every mode.
pub fn pair(bytes: &[u8]) -> &'static str {
    let Some([exporter, importer]) = pair_from(bytes) else { return NO_MODULE };
    same(compare_pair([&exporter, &importer], seed_of(bytes)))
}

/// Says how modes compare; they must not differ.
fn same(outcome: Result<Outcome, Box<wamr_differential::Disagreement>>) -> &'static str {
    match outcome {
        Ok(Outcome::Refused(why)) => panic!("{why}"),
        Ok(Outcome::Same(seen)) if seen > 8 => "much the same",
        Ok(Outcome::Same(_)) => "little the same",
        Ok(_) => "room ran out",
        Err(disagreement) => panic!("{disagreement}"),
    }
}

fn seed_of(bytes: &[u8]) -> u64 {
    bytes.iter().take(64).fold(bytes.len() as u64, |seed, &byte| mix(seed, byte.into()))
}

/// Changes a few bytes of a module in the binary format; `how` says where and how. With `keeps_len`,
/// no byte comes or goes, so that sections and functions stay where they are.
pub fn mutate(module: &mut Vec<u8>, how: u64, keeps_len: bool) {
    for step in 0..1 + mix(how, 1) % 5 {
        if module.is_empty() {
            break;
        }
        let choice = mix(mix(how, 2), step);
        let at = (choice >> 16) as usize % module.len();
        let value = (choice >> 8) as u8;
        match choice % if keeps_len { 4 } else { 7 } {
            0 => module[at] ^= 1 << (value % 8),
            1 => module[at] = value,
            2 => module[at] = INTERESTING[usize::from(value) % INTERESTING.len()],
            3 => {
                let from = (choice >> 40) as usize % module.len();
                let len = usize::from(value % 16).min(module.len() - from.max(at));
                module.copy_within(from..from + len, at);
            }
            4 => module.insert(at, value),
            5 => drop(module.remove(at)),
            _ => module.truncate(at.max(8)),
        }
    }
}

/// Opcodes, types and ends of ranges.
const INTERESTING: &[u8] = &[
    0x00, 0x01, 0x02, 0x03, 0x05, 0x08, 0x0a, 0x0b, 0x0c, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14,
    0x1a, 0x1f, 0x20, 0x22, 0x24, 0x28, 0x36, 0x3f, 0x40, 0x41, 0x42, 0x6d, 0x7c, 0x7d, 0x7e, 0x7f,
    0x80, 0xd0, 0xd2, 0xfb, 0xfc, 0xfd, 0xfe, 0xff, 0x5e, 0x5f, 0x60, 0x63, 0x64, 0x6b, 0x70,
];
