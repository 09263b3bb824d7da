//! Running scripts of the specification's test suite.

use wamr::Validation;
use wamr_wast::WastRunner;

use crate::Failure;
use crate::options::FileOptions;
use crate::run::engine;

/// Runs each script; the last line on standard output has the totals.
pub(crate) fn run(options: &FileOptions) -> Result<u8, Failure> {
    let engine = engine(&options.common, Validation::Eager)?;
    let (mut passed, mut failed) = (0, 0);
    for file in &options.files {
        let source = std::fs::read_to_string(file)
            .map_err(|error| Failure::unusable(format!("{file}: {error}")))?;
        let report = WastRunner::new(&engine).run(file, &source);
        for failure in &report.failures {
            eprintln!("{file}:{}:{}: {}", failure.line, failure.col, failure.message);
        }
        passed += report.passed;
        failed += report.failures.len();
    }
    println!("{passed} passed, {failed} failed");
    Ok(u8::from(failed > 0))
}
