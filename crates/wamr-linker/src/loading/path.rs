//! A search path: directories with files `NAME.wasm` and `NAME.aot`. Names come from import
//! sections of modules that nobody need trust, so that none may lead out of the directories.

use core::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use wamr_runtime::Module;

use super::{ModuleReader, ReadError, ReadModule};

/// How large a file may be unless the embedder says otherwise.
const MAX_FILE_BYTES: u64 = 1 << 30;
/// How long a name may be.
const MAX_NAME_BYTES: usize = 1024;

/// Directories to look for modules in.
#[derive(Clone, Debug)]
pub struct SearchPath {
    dirs: Vec<PathBuf>,
    extensions: Vec<String>,
    max_file_bytes: u64,
}

/// A file that was found.
#[derive(Clone, Debug)]
pub struct FoundFile {
    /// The name that was looked for.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Why a file could not be had.
#[derive(Debug)]
#[non_exhaustive]
pub enum FindError {
    /// The name would lead out of the directories, or is none.
    BadName(Box<str>),
    /// The file could not be read.
    Read(PathBuf, io::Error),
    /// There is something of that name, but it is no file.
    NoFile(PathBuf),
    /// The file is larger than the search path allows.
    TooLarge(PathBuf),
    /// The file is no module that can be run.
    Load(PathBuf, ReadError),
}

impl fmt::Display for FindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName(name) => write!(f, "`{}` cannot name a file", name.escape_debug()),
            Self::Read(path, error) => write!(f, "{}: {error}", path.display()),
            Self::NoFile(path) => write!(f, "{}: not a file", path.display()),
            Self::TooLarge(path) => write!(f, "{}: too large", path.display()),
            Self::Load(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl core::error::Error for FindError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Read(_, error) => Some(error),
            Self::Load(_, error) => Some(&**error),
            _ => None,
        }
    }
}

impl SearchPath {
    /// These directories, in order.
    pub fn new(dirs: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self {
            dirs: dirs.into_iter().map(Into::into).collect(),
            extensions: vec!["wasm".into(), "aot".into()],
            max_file_bytes: MAX_FILE_BYTES,
        }
    }

    /// Sets which extensions files may have, the preferred one first. At first they are `wasm`
    /// and `aot`.
    #[must_use]
    pub fn extensions(mut self, extensions: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.extensions = extensions.into_iter().map(Into::into).collect();
        self
    }

    /// Sets how large a file may be.
    #[must_use]
    pub fn max_file_bytes(mut self, bytes: u64) -> Self {
        self.max_file_bytes = bytes;
        self
    }

    /// The directories.
    pub fn dirs(&self) -> &[PathBuf] {
        &self.dirs
    }

    /// Finds and reads the file for a name, in the first directory that has one.
    ///
    /// # Errors
    /// If the name would lead out of the directories, or the file cannot be read.
    pub fn find(&self, name: &str) -> Result<Option<FoundFile>, FindError> {
        check_name(name)?;
        for dir in &self.dirs {
            for extension in &self.extensions {
                let path = dir.join(format!("{name}.{extension}"));
                if let Some(bytes) = self.read(&path)? {
                    return Ok(Some(FoundFile { name: name.into(), path, bytes }));
                }
            }
        }
        Ok(None)
    }

    /// The contents of a file, if there is one.
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FindError> {
        let read = |error| FindError::Read(path.into(), error);
        // Opening something else than a file, such as a pipe, could wait for ever.
        match path.metadata() {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Err(FindError::NoFile(path.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(None),
            Err(error) => return Err(read(error)),
        }
        let file = File::open(path).map_err(read)?;
        let mut bytes = Vec::new();
        let limit = self.max_file_bytes.saturating_add(1);
        file.take(limit).read_to_end(&mut bytes).map_err(read)?;
        if bytes.len() as u64 > self.max_file_bytes {
            return Err(FindError::TooLarge(path.into()));
        }
        Ok(Some(bytes))
    }
}

/// Checks that a name leads to a file beneath a directory: plain names, perhaps with plain names of
/// directories before them.
fn check_name(name: &str) -> Result<(), FindError> {
    // What other systems would take for a separator, a drive or a stream is none of a name either.
    let forbidden = |c: char| matches!(c, '\\' | ':') || c.is_control();
    let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    // Components do not show `a//b`, `a/.` or a slash at the end.
    let whole = name.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    if name.len() <= MAX_NAME_BYTES && plain && whole && !name.contains(forbidden) {
        return Ok(());
    }
    let shown = name.char_indices().nth(64).map_or(name, |(end, _)| &name[..end]);
    Err(FindError::BadName(shown.into()))
}

/// A reader over a search path. `load` makes a module of a file, and knows formats and modes.
pub struct PathReader<L> {
    path: SearchPath,
    load: L,
}

impl<L> fmt::Debug for PathReader<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PathReader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<L: FnMut(FoundFile) -> Result<Module, ReadError>> PathReader<L> {
    /// Makes a reader.
    pub fn new(path: SearchPath, load: L) -> Self {
        Self { path, load }
    }
}

impl<L: FnMut(FoundFile) -> Result<Module, ReadError>> ModuleReader for PathReader<L> {
    fn read(&mut self, name: &str) -> Result<Option<ReadModule>, ReadError> {
        let Some(file) = self.path.find(name)? else { return Ok(None) };
        let path = file.path.clone();
        let (origin, len_bytes) = (path.display().to_string(), file.bytes.len() as u64);
        let module = (self.load)(file).map_err(|error| FindError::Load(path, error))?;
        Ok(Some(ReadModule { module, origin, len_bytes }))
    }

    fn places(&self) -> Vec<String> {
        self.path.dirs.iter().map(|dir| dir.display().to_string()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for name in ["math", "lib/math", "a.b", "wasi_snapshot_preview1", "ä", "..a", "a..", "a b"]
        {
            assert!(check_name(name).is_ok(), "{name}");
        }
        let long = "a".repeat(MAX_NAME_BYTES + 1);
        for name in [
            "",
            ".",
            "..",
            "/",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a/..",
            "./a",
            "a/./b",
            "a//b",
            "a/",
            "..\\x",
            "C:\\x",
            "C:x",
            "a\0b",
            "a\nb",
            "\\\\host\\x",
            &long,
        ] {
            assert!(matches!(check_name(name), Err(FindError::BadName(_))), "{name:?}");
        }
    }

    #[test]
    fn an_error_keeps_the_cause() {
        let path = SearchPath::new([std::env::temp_dir()]).extensions([".."; 0]);
        assert!(path.find("x").unwrap().is_none());
        assert!(path.find("../x").unwrap_err().to_string().contains("cannot name a file"));
    }
}
