//! The command line.

use std::ffi::OsString;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};
use wamr::Mode;

use crate::suggest::{did_you_mean, options_of};

#[cfg(feature = "loading-linking")]
mod loading;
#[cfg(feature = "loading-linking")]
pub(crate) use loading::{Format, InspectOptions, LoadingOptions};

#[cfg(not(feature = "loading-linking"))]
mod no_loading;
#[cfg(not(feature = "loading-linking"))]
use no_loading as loading;
#[cfg(not(feature = "loading-linking"))]
pub(crate) use no_loading::LoadingOptions;

/// What `--help` prints.
pub(crate) fn help() -> String {
    [USAGE, loading::USAGE, OPTIONS, loading::OPTIONS, MORE_OPTIONS].concat()
}

const USAGE: &str = "\
Runs WebAssembly programs.

Usage:
  iwasm [options] FILE [arguments]     runs a program: .wasm, .wat, or what `wamrc` made of one
  iwasm validate [options] FILE        checks a module
  iwasm wast [options] FILE...         runs scripts of the specification's test suite
";

const OPTIONS: &str = "
Options:
  -f, --function NAME          calls an exported function with the arguments, prints its results
      --dir HOST[::GUEST]      gives the program a directory
      --map-dir GUEST::HOST    the same with the names the other way round
      --env NAME=VALUE         sets a variable in the program's environment
      --mode MODE              interp (the default), or jit: compiles to machine code first
      --interp                 the same as --mode interp
      --require-signature KEY  runs native code (AOT files) only if this public key's secret half
                               signed it (`wamrc --sign`)
      --stack-size BYTES       stack for interpreted frames
      --heap-size BYTES        the most that `malloc` gives to a module that has no allocator
      --max-memory BYTES       the most that each memory may grow to
      --fuel N                 stops the program after about so many operators, those of all its
                               threads together
      --timeout MS             stops the program after so many milliseconds
      --wasi threads           lets the program start threads (wasi-threads)
      --max-threads N          the most that run beside the main one (4)
";

const MORE_OPTIONS: &str = "\
  -h, --help                   prints this text
      --version                prints the version
";

/// What the command line asks for.
pub(crate) enum Command {
    Run(RunOptions),
    Wast(FileOptions),
    Validate(FileOptions),
    #[cfg(feature = "loading-linking")]
    Inspect(InspectOptions),
    Help,
    Version,
}

/// Options that every command takes.
#[derive(Default)]
pub(crate) struct CommonOptions {
    /// Files of the keys that must have signed native code; none if that does not matter.
    #[cfg(feature = "signatures")]
    pub(crate) keys: Vec<wamr::aot::PublicKey>,
    pub(crate) mode: Option<Mode>,
    pub(crate) stack_bytes: Option<usize>,
}

/// A directory that the program gets.
pub(crate) struct Dir {
    pub(crate) host: String,
    pub(crate) guest: String,
}

/// How to run a program.
#[derive(Default)]
pub(crate) struct RunOptions {
    pub(crate) common: CommonOptions,
    pub(crate) file: String,
    pub(crate) args: Vec<String>,
    pub(crate) function: Option<String>,
    pub(crate) dirs: Vec<Dir>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) max_memory_bytes: Option<u64>,
    pub(crate) fuel: Option<u64>,
    pub(crate) heap_bytes: Option<u64>,
    pub(crate) loading: LoadingOptions,
    pub(crate) timeout: Option<Duration>,
    pub(crate) wasi_threads: bool,
    pub(crate) max_threads: Option<usize>,
}

/// A command over files.
#[derive(Default)]
pub(crate) struct FileOptions {
    pub(crate) common: CommonOptions,
    pub(crate) files: Vec<String>,
}

/// A word of the command line.
enum Word {
    /// An option by its name, dashes included.
    Option(String),
    /// Anything else.
    Value(String),
}

fn next(parser: &mut Parser) -> Result<Option<Word>, String> {
    Ok(match parser.next().map_err(text)? {
        None => None,
        Some(Arg::Short(letter)) => Some(Word::Option(format!("-{letter}"))),
        Some(Arg::Long(name)) => Some(Word::Option(format!("--{name}"))),
        Some(Arg::Value(value)) => Some(Word::Value(value.string().map_err(text)?)),
    })
}

/// Reads the command line, the program's name excluded.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut parser = Parser::from_args(args);
    let mut run = RunOptions::default();
    while let Some(word) = next(&mut parser)? {
        let option = match word {
            Word::Option(option) => option,
            Word::Value(value) => return command(value, parser, run),
        };
        match &*option {
            "-h" | "--help" => return Ok(Command::Help),
            "--version" => return Ok(Command::Version),
            "-f" | "--function" => run.function = Some(string(&mut parser)?),
            "--dir" => run.dirs.push(dir(&string(&mut parser)?)),
            "--map-dir" => run.dirs.push(map_dir(&string(&mut parser)?)?),
            "--env" => run.env.push(variable(&string(&mut parser)?)?),
            "--max-memory" => run.max_memory_bytes = Some(number(&mut parser)?),
            "--fuel" => run.fuel = Some(number(&mut parser)?),
            "--heap-size" => run.heap_bytes = Some(number(&mut parser)?),
            "--timeout" => run.timeout = Some(Duration::from_millis(number(&mut parser)?)),
            "--wasi" => wasi(&string(&mut parser)?, &mut run)?,
            "--max-threads" => {
                run.max_threads = Some(usize::try_from(number(&mut parser)?).map_err(text)?);
            }
            _ if run.loading.read(&option, &mut parser)? => {}
            _ => common(&option, &mut parser, &mut run.common)?,
        }
    }
    Err("no file to run; `iwasm --help` lists the options".into())
}

/// Reads what follows the first word that is no option: a command's name, or a program.
fn command(word: String, mut parser: Parser, mut run: RunOptions) -> Result<Command, String> {
    match &*word {
        "wast" => Ok(Command::Wast(files(parser, run.common)?)),
        "validate" => Ok(Command::Validate(files(parser, run.common)?)),
        _ if loading::is_command(&word) => loading::command(parser, run),
        _ => {
            run.file = word;
            let rest = parser.raw_args().map_err(text)?;
            run.args = rest.map(|arg| arg.string().map_err(text)).collect::<Result<_, _>>()?;
            Ok(Command::Run(run))
        }
    }
}

fn files(mut parser: Parser, common_options: CommonOptions) -> Result<FileOptions, String> {
    let mut options = FileOptions { common: common_options, files: Vec::new() };
    while let Some(word) = next(&mut parser)? {
        match word {
            Word::Value(value) => options.files.push(value),
            Word::Option(option) => common(&option, &mut parser, &mut options.common)?,
        }
    }
    if options.files.is_empty() { Err("no file given".into()) } else { Ok(options) }
}

/// Reads an option that every command takes.
fn common(option: &str, parser: &mut Parser, options: &mut CommonOptions) -> Result<(), String> {
    match option {
        "--mode" => {
            let mode = string(parser)?.parse();
            options.mode = Some(mode.map_err(|error: wamr::UnknownMode| error.to_string())?);
        }
        "--interp" => options.mode = Some(Mode::Interp),
        "--stack-size" => {
            let bytes: u64 = number(parser)?;
            options.stack_bytes = Some(usize::try_from(bytes).map_err(text)?);
        }
        #[cfg(feature = "signatures")]
        "--require-signature" => options.keys.push(key(&string(parser)?)?),
        _ => {
            let meant = did_you_mean(option, options_of(&help()));
            return Err(format!("unknown option `{option}`{meant}; `iwasm --help` lists them"));
        }
    }
    Ok(())
}

/// Reads a public key's file.
#[cfg(feature = "signatures")]
fn key(path: &str) -> Result<wamr::aot::PublicKey, String> {
    let in_file = |error: &dyn std::fmt::Display| format!("{path}: {error}");
    let pem = std::fs::read_to_string(path).map_err(|error| in_file(&error))?;
    wamr::aot::PublicKey::from_pem(&pem).map_err(|error| in_file(&error))
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn string(parser: &mut Parser) -> Result<String, String> {
    parser.value().and_then(|value| value.string()).map_err(text)
}

fn number(parser: &mut Parser) -> Result<u64, String> {
    let value = string(parser)?;
    value.parse().map_err(|_| format!("`{value}` is not a whole number"))
}

/// `HOST` or `HOST::GUEST`.
fn dir(value: &str) -> Dir {
    let (host, guest) = value.split_once("::").unwrap_or((value, value));
    Dir { host: host.into(), guest: guest.into() }
}

/// `GUEST::HOST`.
fn map_dir(value: &str) -> Result<Dir, String> {
    match value.split_once("::") {
        Some((guest, host)) => Ok(Dir { host: host.into(), guest: guest.into() }),
        None => Err(format!("`{value}` is not of the form GUEST::HOST")),
    }
}

/// Names of what WASI has beyond preview 1, with commas between them.
fn wasi(value: &str, run: &mut RunOptions) -> Result<(), String> {
    for name in value.split(',') {
        match name {
            "threads" => run.wasi_threads = true,
            _ => return Err(format!("`{name}` is no part of WASI that this knows; `threads` is")),
        }
    }
    Ok(())
}

/// `NAME=VALUE`.
fn variable(value: &str) -> Result<(String, String), String> {
    match value.split_once('=') {
        Some((name, value)) => Ok((name.into(), value.into())),
        None => Err(format!("`{value}` is not of the form NAME=VALUE")),
    }
}
