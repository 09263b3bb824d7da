//! Names of compiled functions for Linux's `perf`.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use crate::Failure;

/// Writes `/tmp/perf-PID.map`, where `perf report` looks for names of code that is in no file.
pub(crate) fn write_map() -> Result<(), Failure> {
    let path = format!("/tmp/perf-{}.map", std::process::id());
    let mut text = String::new();
    for code in wamr::compiled_code() {
        let module = code.module.name().unwrap_or("<unknown>");
        let name = match code.module.decoded().names.func(code.func) {
            Some(name) => format!("{module}!{name}"),
            None => format!("{module}!<function {}>", code.func),
        };
        // One line for each, whatever names consist of.
        let name: String = name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        let _ = writeln!(text, "{:x} {:x} {name}", code.start, code.len_bytes);
    }
    write(Path::new(&path), &text)
        .map_err(|error| Failure::unusable(format!("--enable-linux-perf: {path}: {error}")))
}

/// Makes the file anew, never through a link that somebody has put there.
fn write(path: &Path, text: &str) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())
}
