//! Damaged modules are errors or other modules, never panics.

mod common;

use common::{RICH, everything, load};
use wamr_types::{DefinedFuncIdx, Features, LoadOptions, Module, Validation};

fn rich() -> Vec<u8> {
    wat::parse_str(RICH).unwrap()
}

/// Asks a module everything that takes an index.
fn walk(module: &Module) {
    for import in &module.imports {
        module.import_type(import);
    }
    for export in &module.exports {
        module.export_type(export);
    }
    for data in 0..module.data.len() {
        module.data_bytes(wamr_types::DataIdx::from_usize(data));
    }
    for func in 0..module.defined_func_count() {
        let func = DefinedFuncIdx::from_usize(func);
        module.func_type(module.func_idx(func));
        module.bodies.body(func);
        let _ = module.bodies.validate(func);
    }
    for section in &module.customs {
        module.custom_section(&section.name);
    }
}

fn survives(bytes: &[u8]) {
    for validation in [Validation::Eager, Validation::Lazy] {
        let some = LoadOptions { features: common::ALL, supported: Features::WASM_2_0, validation };
        let all = LoadOptions { features: Features::ALL, supported: Features::ALL, validation };
        for options in [everything(validation), some, all] {
            if let Ok(module) = load(bytes, &options) {
                walk(&module);
            }
        }
    }
}

#[test]
fn every_truncation_is_survived() {
    let bytes = rich();
    for len in 0..bytes.len() {
        survives(&bytes[..len]);
    }
}

#[test]
fn every_changed_byte_is_survived() {
    let bytes = rich();
    for position in 0..bytes.len() {
        for change in (0..8).map(|bit| 1 << bit).chain([0xff]) {
            let mut bytes = bytes.clone();
            bytes[position] ^= change;
            survives(&bytes);
        }
    }
}

#[test]
fn bad_name_sections_are_ignored() {
    let code = wat::parse_str("(module (func))").unwrap();
    // Function names: out of order, one twice, and then one that is not UTF-8.
    let names = b"\x01\x0d\x04\x02\x01c\x00\x01a\x00\x01b\x01\x01\xff";
    let mut bytes = code.clone();
    bytes.extend([0, names.len() as u8 + 5]);
    bytes.extend(b"\x04name");
    bytes.extend(names);
    let module = load(bytes, &everything(Validation::Eager)).unwrap();
    assert_eq!(module.names.func(wamr_types::FuncIdx(0)), Some("a"));
    assert_eq!(module.names.func(wamr_types::FuncIdx(2)), Some("c"));

    let mut bytes = code;
    bytes.extend(b"\0\x07\x04name\xff\xff");
    assert!(load(bytes, &everything(Validation::Eager)).is_ok());
}
