//! What a run of a script gives: how many directives passed, and where the others stand.

use core::fmt;

use wast::token::Span;

/// The outcome of one script.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The script's name as it was given.
    pub name: String,
    /// How many directives did what they should.
    pub passed: usize,
    /// The directives that did not, in the order of the script.
    pub failures: Vec<Failure>,
}

impl Report {
    /// Whether every directive passed.
    pub fn is_success(&self) -> bool {
        self.failures.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} passed, {} failed", self.name, self.passed, self.failures.len())?;
        for failure in &self.failures {
            write!(f, "\n{}:{failure}", self.name)?;
        }
        Ok(())
    }
}

/// A directive that did not do what it should.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The line where the directive stands, from 1.
    pub line: usize,
    /// The column where the directive stands, from 1.
    pub col: usize,
    /// What happened instead.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.col, self.message)
    }
}

/// Writes a report while a script runs.
pub(crate) struct Recorder<'a> {
    source: &'a str,
    position: Span,
    report: Report,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(name: &str, source: &'a str) -> Self {
        let report = Report { name: name.to_owned(), ..Report::default() };
        Self { source, position: Span::from_offset(0), report }
    }

    /// Says where the directive stands whose outcome is recorded next.
    pub(crate) fn enter(&mut self, position: Span) {
        self.position = position;
    }

    /// Records the outcome of a directive.
    pub(crate) fn record(&mut self, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.report.passed += 1,
            Err(message) => {
                let (line, col) = self.position.linecol_in(self.source);
                self.report.failures.push(Failure { line: line + 1, col: col + 1, message });
            }
        }
    }

    pub(crate) fn finish(self) -> Report {
        self.report
    }
}
