//! Directives of old scripts that a later version of the standard contradicts.
//!
//! A proposal's directory keeps its scripts as they were when the proposal was merged. What changed
//! since then must *not* hold; everything else in such a script counts.

use wamr_wast::Report;

/// A script, why some of it is superseded, and the lines of the directives.
type Row = (&'static str, &'static str, &'static [usize]);

const ROWS: &[Row] = &[
    (
        "proposals/reference-types::unreached-invalid",
        "a `br_table` in unreachable code may have labels of different types since WebAssembly 2.0",
        &[539],
    ),
    (
        "proposals/mutable-global::linking",
        "segments before one that does not fit stay written since bulk memory, and it traps",
        &[206, 227, 236, 238, 248, 298, 334, 342, 344, 354],
    ),
];

/// Takes superseded directives out of a script's failures.
///
/// # Errors
/// If one of them holds after all.
pub fn without_superseded(test: &str, mut report: Report) -> Result<Report, String> {
    for (_, reason, lines) in ROWS.iter().filter(|(script, ..)| *script == test) {
        for &line in *lines {
            let failures = report.failures.len();
            report.failures.retain(|failure| failure.line != line);
            if report.failures.len() == failures {
                return Err(format!("line {line} holds, but is superseded (\"{reason}\")"));
            }
        }
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{corpus, suite};

    #[test]
    fn rows_name_scripts_that_exist() {
        let scripts = corpus::carried();
        for (name, ..) in ROWS {
            let found = scripts.iter().any(|script| suite::name_of(script) == *name);
            assert!(found, "no script is named {name}");
        }
    }

    #[test]
    fn a_superseded_directive_must_not_hold() {
        let (script, _, lines) = ROWS[0];
        assert!(without_superseded(script, Report::default()).is_err());
        assert!(without_superseded("another", Report::default()).is_ok());
        assert_eq!(lines.len(), 1);
    }
}
