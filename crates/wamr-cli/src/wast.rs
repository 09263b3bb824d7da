//! Running scripts of the specification's test suite.

use wamr::Validation;
use wamr_wast::WastRunner;

use crate::options::FileOptions;
use crate::run::engine;
use crate::{Failure, complain, print};

/// Runs each script; the last line on standard output has the totals.
pub(crate) fn run(options: &FileOptions) -> Result<u8, Failure> {
    let engine = engine(&options.common, Validation::Eager)?;
    let (mut passed, mut failed) = (0, 0);
    for file in &options.files {
        let source = match &**file {
            "-" => std::io::read_to_string(std::io::stdin()),
            _ => std::fs::read_to_string(file),
        };
        let source = source.map_err(|error| Failure::unusable(format!("{file}: {error}")))?;
        let report = WastRunner::new(&engine).run(file, &source);
        for failure in &report.failures {
            complain(format_args!("{file}:{failure}"));
        }
        passed += report.passed;
        failed += report.failures.len();
    }
    print(&format!("{passed} passed, {failed} failed\n"))?;
    Ok(u8::from(failed > 0))
}
