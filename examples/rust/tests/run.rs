//! Runs every example: what they assert is tested.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder where cargo puts examples: beside the one that this test runs from.
fn built() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    test.ancestors().nth(2).expect("target/profile/deps").join("examples")
}

#[test]
fn every_example_ends_well() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut count = 0;
    for source in sources.read_dir().expect("the folder of examples") {
        let source = source.expect("an example").path();
        let name = source.file_stem().expect("a name");
        // `cargo test` builds examples together with tests.
        let program = built().join(name).with_extension(std::env::consts::EXE_EXTENSION);
        let output = Command::new(&program).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {stderr}", source.display());
        assert!(!output.stdout.is_empty(), "{} prints nothing", source.display());
        count += 1;
    }
    assert!(count >= 8, "{count} examples were found");
}
