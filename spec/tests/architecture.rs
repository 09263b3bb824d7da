//! Checks of the tree itself: which crate may depend on which, and that ARCHITECTURE.md names
//! paths that exist.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What each crate may depend on, among the crates of this workspace.
const ALLOWED: &[(&str, &[&str])] = &[
    ("wamr-types", &[]),
    ("wamr-runtime", &["wamr-types"]),
    ("wamr-loader", &["wamr-types"]),
    ("wamr-linker", &["wamr-types", "wamr-runtime"]),
    ("wamr-interp", &["wamr-types", "wamr-runtime"]),
    ("wamr-libc-builtin", &["wamr-types", "wamr-runtime", "wamr-linker"]),
    ("wamr-aot", &["wamr-types", "wamr-runtime"]),
    ("wamr-wasi", &["wamr-types", "wamr-runtime", "wamr-linker"]),
    (
        "wamr",
        &[
            "wamr-types",
            "wamr-runtime",
            "wamr-loader",
            "wamr-linker",
            "wamr-interp",
            "wamr-libc-builtin",
            "wamr-aot",
            "wamr-wasi",
        ],
    ),
    ("wamr-capi", &["wamr"]),
    ("wamr-wast", &["wamr"]),
    ("wamr-cli", &["wamr", "wamr-wast"]),
    ("wamr-example-backend", &["wamr-types", "wamr-runtime"]),
    ("wamr-benches", &[]),
    ("wamr-examples", &[]),
    ("wamr-spec", &["wamr", "wamr-wast"]),
    ("wamr-differential", &["wamr"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("spec lies in the workspace").into()
}

/// What Cargo says of every package of the workspace.
fn metadata() -> Vec<serde_json::Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

/// Every package of the workspace with its dependencies of all kinds but `dev`.
fn packages() -> BTreeMap<String, Vec<String>> {
    let packages = metadata();
    let name = |value: &serde_json::Value| value["name"].as_str().expect("a name").to_owned();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies");
            let normal = dependencies.iter().filter(|dependency| dependency["kind"] != "dev");
            (name(package), normal.map(name).collect())
        })
        .collect()
}

#[test]
fn dependencies_point_the_right_way() {
    let packages = packages();
    for (package, dependencies) in &packages {
        let allowed = ALLOWED.iter().find(|(name, _)| name == package);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{package} has no row in ALLOWED"));
        for dependency in dependencies.iter().filter(|name| packages.contains_key(*name)) {
            assert!(allowed.contains(&&**dependency), "{package} may not depend on {dependency}");
        }
    }
    for (package, _) in ALLOWED {
        assert!(packages.contains_key(*package), "ALLOWED names {package}, which is gone");
    }
}

#[test]
fn crates_have_what_a_registry_wants() {
    let mut published = 0;
    for package in metadata() {
        let name = &package["name"];
        if package["publish"] == serde_json::json!([]) {
            continue;
        }
        published += 1;
        for field in ["description", "license", "readme", "documentation", "rust_version"] {
            let value = package[field].as_str();
            assert!(value.is_some_and(|value| !value.is_empty()), "{name} has no {field}");
        }
        for field in ["categories", "keywords"] {
            let count = package[field].as_array().map_or(0, Vec::len);
            assert!((1..=5).contains(&count), "{name}: {count} {field}");
        }
        // Paths mean nothing to who gets a crate from a registry.
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let is_found = dependency["kind"] == "dev" || dependency["req"] != "*";
            assert!(is_found, "{name}: {} has no version", dependency["name"]);
        }
    }
    assert!(published >= 12, "{published} crates are published");
}

#[test]
fn only_loader_and_backends_know_a_parser() {
    for (package, dependencies) in packages() {
        if ["wamr-types", "wamr-runtime", "wamr-linker", "wamr-wasi", "wamr"].contains(&&*package) {
            assert!(!dependencies.iter().any(|name| name == "wasmparser"), "{package}");
        }
    }
}

#[test]
fn architecture_names_paths_that_exist() {
    let root = root();
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let prefixes = ["crates/", "spec/", "benches/", "fuzz/", "examples/", ".ci/"];
    let mut checked = 0;
    for word in text.split('`').skip(1).step_by(2) {
        if prefixes.iter().any(|prefix| word.starts_with(prefix)) {
            assert!(root.join(word).exists(), "ARCHITECTURE.md names `{word}`, which is gone");
            checked += 1;
        }
    }
    assert!(checked > 10, "the code map was found");
}
