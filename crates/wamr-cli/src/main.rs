//! `iwasm`: runs WebAssembly programs.
//!
//! `options` reads the command line; `run`, `invoke`, `validate` and `wast` each do one job.
#![forbid(unsafe_code)]

use std::process::ExitCode;

mod invoke;
mod options;
mod run;
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
        Ok(Command::Help) => {
            print!("{}", options::HELP);
            Ok(0)
        }
        Ok(Command::Version) => {
            println!("iwasm {}", env!("CARGO_PKG_VERSION"));
            Ok(0)
        }
        Err(message) => Err(Failure { message, code: EXIT_UNUSABLE }),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("iwasm: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
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
