//! Running `iwasm` as a process.
#![allow(dead_code, reason = "each file of tests uses some of it")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The path of an example program.
pub(crate) fn program(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/programs").join(name);
    path.to_str().expect("a path in UTF-8").into()
}

/// What a run gave.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// A run that ends well and quietly.
    #[track_caller]
    pub(crate) fn prints(&self, expected: &str) {
        assert_eq!((&*self.out, &*self.err, self.code), (expected, "", Some(0)));
    }

    /// A run that prints nothing on standard output and exits with `code` after a message.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, message: &str) {
        assert!(self.err.contains(message), "{}", self.err);
        assert_eq!((&*self.out, self.code), ("", Some(code)), "{}", self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

pub(crate) fn iwasm(args: &[&str]) -> Run {
    iwasm_with(args, "")
}

pub(crate) fn iwasm_with(args: &[&str], input: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_iwasm"))
        .args(args)
        // Nothing of the user's.
        .env("WAMR_CACHE_DIR", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("iwasm starts");
    // A child that ends without reading is no failure of the test.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    child.wait_with_output().expect("iwasm ends").into()
}

/// A directory with files of these names and contents.
pub(crate) fn files<const N: usize>(files: [(&str, &[u8]); N]) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, contents) in files {
        fs::write(dir.path().join(name), contents).expect("a file");
    }
    dir
}

pub(crate) fn path(dir: &TempDir, name: &str) -> String {
    let path: PathBuf = dir.path().join(name);
    path.to_str().expect("a path in UTF-8").into()
}

/// Runs a module in the text format with options before its name and arguments behind.
pub(crate) fn run_wat(options: &[&str], wat: &str, args: &[&str]) -> Run {
    let dir = files([("test.wat", wat.as_bytes())]);
    let file = path(&dir, "test.wat");
    let args: Vec<&str> = [options, &[&file], args].concat();
    iwasm(&args)
}

/// The modes of this build.
pub(crate) fn modes() -> impl Iterator<Item = &'static str> {
    ["interp", "jit"].into_iter().filter(|&mode| mode != "jit" || cfg!(feature = "jit"))
}
