//! `wamrc`: compiles WebAssembly modules ahead of time.
//!
//! `options` reads the command line by a table; this file does what it says.
#![forbid(unsafe_code)]

use std::fmt::{Display, Write as _};
use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Instant;
use std::{fs, io};

use wamr::aot::{FuncReport, InlinedCall};
use wamr::{Config, Engine};

#[path = "../features.rs"]
mod features;
#[path = "../inlining.rs"]
mod inlining;
mod options;
#[allow(dead_code, reason = "`iwasm` uses more of it")]
#[path = "../report/progress.rs"]
mod progress;
#[path = "../suggest.rs"]
mod suggest;
#[allow(dead_code, reason = "`iwasm` uses more of it")]
#[path = "../table/mod.rs"]
mod table;

use options::{Command, CompileOptions};

fn main() -> ExitCode {
    let done = match options::parse(std::env::args_os().skip(1)) {
        Ok(Command::Compile(options)) => compile(&options),
        Ok(Command::Print(text)) => print(&text),
        Ok(Command::Version) => print(&version()),
        Err(message) => Err(message),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(io::stderr(), "wamrc: {message}");
            ExitCode::FAILURE
        }
    }
}

fn version() -> String {
    let (format, abi) = (wamr::aot::FORMAT_VERSION, wamr::aot::ABI_MAJOR);
    let package = wamr::aot::PACKAGE_VERSION;
    let version = env!("CARGO_PKG_VERSION");
    format!("wamrc {version} (AOT format {format}, ABI {abi}, packages up to {package})\n")
}

fn compile(options: &CompileOptions) -> Result<(), String> {
    let in_file = |error: &dyn Display| format!("{}: {error}", options.input);
    let bytes = read(&options.input).map_err(|error| in_file(&error))?;
    let mut config = Config::new();
    config.wasm_features(options.features).consume_fuel(options.consume_fuel);
    options.inlining.apply(&mut config);
    let engine = Engine::new(&config).map_err(|error| error.to_string())?;
    let start = Instant::now();
    let compiled = progress::Progress::compiling("wamrc", "compiling", &options.input, || {
        options.precompile.compile_reporting(&engine, &bytes)
    });
    let (file, reports) = compiled.map_err(|error| in_file(&error))?;
    if options.verbose {
        let code: usize = reports.iter().map(|report| report.code_bytes).sum();
        let (took, count) = (start.elapsed().as_millis(), reports.len());
        let message = format_args!(
            "{count} functions in {took} ms: {} bytes of WebAssembly, {code} of code, {} in all",
            bytes.len(),
            file.len()
        );
        let _ = writeln!(io::stderr(), "wamrc: {message}");
    }
    let file = signed(file, options)?;
    if options.explain {
        let table = explain(reports);
        if options.output == "-" {
            // Standard output is the file.
            let _ = io::stderr().write_all(table.as_bytes());
        } else {
            print(&table)?;
        }
    }
    write(&options.output, &file)
}

#[cfg(feature = "signatures")]
fn signed(mut file: Vec<u8>, options: &CompileOptions) -> Result<Vec<u8>, String> {
    if let Some(key) = &options.key {
        key.sign(&mut file).map_err(|error| error.to_string())?;
    }
    Ok(file)
}

#[cfg(not(feature = "signatures"))]
fn signed(file: Vec<u8>, _: &CompileOptions) -> Result<Vec<u8>, String> {
    Ok(file)
}

/// A module from a file, or from standard input where that is `-`.
fn read(input: &str) -> io::Result<Vec<u8>> {
    if input != "-" {
        return fs::read(input);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes to a file as a whole, so that nobody finds half of one, or to standard output.
fn write(output: &str, file: &[u8]) -> Result<(), String> {
    let failed = |error: io::Error| format!("{output}: {error}");
    if output == "-" {
        let mut out = io::stdout().lock();
        return out.write_all(file).and_then(|()| out.flush()).map_err(failed);
    }
    if fs::symlink_metadata(output).is_ok_and(|metadata| !metadata.is_file()) {
        // A device or a link, which is to stay one.
        return fs::write(output, file).map_err(failed);
    }
    let beside = format!("{output}.{}.tmp", std::process::id());
    // Never through a link that somebody has put there, nor into a file of somebody else's.
    let new = fs::OpenOptions::new().write(true).create_new(true).open(&beside);
    let mut new = new.map_err(|error| format!("{beside}: {error}"))?;
    let written = new.write_all(file).and_then(|()| fs::rename(&beside, output));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        failed(error)
    })
}

/// A line for each function, those with the most code first, and below it one for each call that a
/// body stands in place of.
fn explain(mut reports: Vec<FuncReport>) -> String {
    reports.sort_by_key(|report| std::cmp::Reverse(report.code_bytes));
    let mut text = String::from("function     wasm     code\n");
    let shown =
        |name: &Option<String>| name.as_deref().unwrap_or_default().escape_debug().to_string();
    for FuncReport { func, name, wasm_bytes, code_bytes, inlined, .. } in &reports {
        let name = shown(name);
        let _ = writeln!(text, "{func:>8} {wasm_bytes:>8} {code_bytes:>8}  {name}");
        for InlinedCall { func, name, call, depth, .. } in inlined {
            let (indent, name) = (28 + 2 * depth, shown(name));
            let _ = writeln!(text, "{:indent$}{call:#x}: {func} {name}", "");
        }
    }
    text
}

/// Prints to standard output, which may be closed.
fn print(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| format!("standard output: {error}"))
}
