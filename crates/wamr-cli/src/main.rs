//! `iwasm`: runs WebAssembly programs.
//!
//! `options` reads the command line by a table (`table`); `run`, `invoke`, `repl`, `inspect`,
//! `validate` and `wast` each do one job. `aot` says which native code is trusted, `host` is what
//! programs find around them, `program` how they are linked with it; `threads` is both for programs
//! that start threads. `report` and what lies beside it tell what a program did.
#![deny(unsafe_code)]

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

mod aot;
#[cfg(feature = "jit")]
mod cache;
mod features;
mod host;
#[cfg(feature = "jit")]
mod inlining;
mod inspect;
mod invoke;
mod options;
#[cfg_attr(not(feature = "loading-linking"), path = "program/alone.rs")]
mod program;
mod repl;
mod report;
mod run;
mod suggest;
mod table;
mod threads;
mod validate;
mod wast;

use options::Command;

/// The exit code for a command line or module that is of no use, as WAMR's `iwasm` has it.
const EXIT_UNUSABLE: u8 = 255;
/// The exit code after a trap.
const EXIT_TRAP: u8 = 1;

fn main() -> ExitCode {
    let done = match options::parse(std::env::args_os().skip(1)) {
        Ok(Command::Run(options)) => run::run(&options),
        Ok(Command::Wast(options)) => wast::run(&options),
        Ok(Command::Validate(options)) => validate::run(&options),
        Ok(Command::Inspect(options)) => inspect::run(&options),
        Ok(Command::Print(text)) => print(&text).map(|()| 0),
        Err(message) => Err(Failure { message, code: EXIT_UNUSABLE }),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            complain(format_args!("iwasm: {}", failure.message));
            ExitCode::from(failure.code)
        }
    }
}

/// Prints to standard output, which may be closed.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Failure::unusable(format!("standard output: {error}")))
}

/// Prints a line to standard error; where that is closed, nobody is there to be told.
fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A message for standard error, and the exit code that goes with it.
struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// Nothing could be run.
    fn unusable(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: EXIT_UNUSABLE }
    }
}
