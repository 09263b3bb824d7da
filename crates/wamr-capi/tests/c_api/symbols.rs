//! Every function of the headers is there, and called by a test: `tests/symbols/tests.tsv` says by
//! which, in Rust and in C. That the library exports them all is for `.ci/c-tests` to check, which
//! also looks into the C programs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Names of all headers.
const LISTS: [&str; 8] = [
    "wasm_c_api",
    "wasm",
    "own",
    "wasm_export",
    "lib_export",
    "gc_export",
    "aot_export",
    "export_own",
];

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(here().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whether a text has the name, and not as a part of a longer one.
fn has(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

#[test]
fn every_function_has_its_tests() {
    let wanted: BTreeSet<String> = LISTS
        .iter()
        .flat_map(|list| {
            let list = read(&format!("symbols/{list}.txt"));
            list.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .filter(|line| !line.is_empty())
        .collect();
    let table = read("symbols/tests.tsv");
    let rows: BTreeMap<&str, (&str, &str)> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut words = line.split_whitespace();
            let mut next = || words.next().unwrap_or_else(|| panic!("a short row: {line}"));
            (next(), (next(), next()))
        })
        .collect();
    let listed: BTreeSet<String> = rows.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(listed, wanted, "rows of tests.tsv, and lists of names");
    let mut wrong = Vec::new();
    for (name, (rust, c)) in rows {
        // Tests of `wasm_export.h` stand beside what they test.
        let path = match rust.strip_prefix("export/") {
            Some(file) => format!("../src/export/tests/{file}"),
            None => format!("c_api/{rust}"),
        };
        if !has(&read(&path), name) {
            wrong.push(format!("{rust} does not call {name}"));
        }
        if !here().join("c").join(c).exists() {
            wrong.push(format!("there is no {c}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
