//! A directory that keeps what the mode `jit` compiled, for other processes and later ones.
//!
//! What is kept is an AOT file, and behind it the key that it is kept for, which is also the file's
//! name. A file is written under another name first, so that nobody ever reads half of one; the
//! ones used longest ago go when there is no more room. Whoever can write such a file can make
//! processes that use it do anything: so the directory and its files must be the user's own, and
//! nobody else may be able to write there.
#![allow(unsafe_code, reason = "what is kept is native code")]

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, io};

use wamr_aot::{CacheKey, CodeCache, FileMemory};

#[cfg(unix)]
#[path = "cache/unix.rs"]
mod sys;
#[cfg(not(unix))]
#[path = "cache/none.rs"]
mod sys;

/// How much a cache keeps unless told otherwise, in bytes.
const DEFAULT_MAX_BYTES: u64 = 512 << 20;

/// A directory that keeps what the mode `jit` compiled; see
/// [`Config::cache`](crate::Config::cache).
///
/// Cheap to clone. Any number of processes may use a directory at the same time.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    dir: sys::Dir,
    path: PathBuf,
    max_bytes: u64,
    used: AtomicU64,
    stored: AtomicU64,
    failed: AtomicU64,
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cache").field(&self.0.path).finish()
    }
}

/// What became of a [`Cache`], in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// How often code was taken from it instead of being compiled.
    pub used: u64,
    /// How many files were written.
    pub stored: u64,
    /// How many could not be written.
    pub failed: u64,
}

/// Why a directory cannot be a [`Cache`].
#[derive(Debug)]
#[non_exhaustive]
pub enum CacheError {
    /// It cannot be made or opened.
    Io(io::Error),
    /// It belongs to another user.
    NotOwned,
    /// Other users may write to it.
    WritableByOthers,
    /// There are no caches on this platform.
    Unsupported,
}

impl fmt::Display for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::NotOwned => f.write_str("the directory belongs to another user"),
            Self::WritableByOthers => f.write_str(
                "other users may write to the directory, and so could make this process run \
                 anything",
            ),
            Self::Unsupported => f.write_str("compiled code is not kept on this platform"),
        }
    }
}

impl core::error::Error for CacheError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for CacheError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Cache {
    /// Opens a directory, which is made if it is not there; it keeps up to 512 MiB.
    ///
    /// # Errors
    /// If the directory cannot be opened, is not the user's own, or may be written by others.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, CacheError> {
        Self::open_with(dir, DEFAULT_MAX_BYTES)
    }

    /// Opens a directory that keeps up to so many bytes.
    ///
    /// # Errors
    /// As [`Cache::open`].
    pub fn open_with(dir: impl AsRef<Path>, max_bytes: u64) -> Result<Self, CacheError> {
        let path = dir.as_ref().to_owned();
        Ok(Self(Arc::new(Inner {
            dir: sys::Dir::open(&path)?,
            path,
            max_bytes,
            used: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        })))
    }

    /// The user's own directory for it: `wamr` in `$XDG_CACHE_HOME`, or in `~/.cache`; `None` where
    /// neither is known.
    pub fn default_dir() -> Option<PathBuf> {
        let dir = |name| env::var_os(name).map(PathBuf::from).filter(|dir| dir.is_absolute());
        let caches = dir("XDG_CACHE_HOME").or_else(|| Some(dir("HOME")?.join(".cache")))?;
        Some(caches.join("wamr"))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// What became of it so far.
    pub fn stats(&self) -> CacheStats {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheStats {
            used: count(&self.0.used),
            stored: count(&self.0.stored),
            failed: count(&self.0.failed),
        }
    }
}

// SAFETY: nobody but the user can write to the directory or to the files that are read, and what is
// read for a key says that it was written for it.
unsafe impl CodeCache for Cache {
    fn get(&self, key: &CacheKey) -> Option<FileMemory> {
        self.0.dir.read(&key.to_string(), key.as_bytes(), self.0.max_bytes)
    }

    fn used(&self, _: &CacheKey) {
        self.0.used.fetch_add(1, Ordering::Relaxed);
    }

    fn put(&self, key: &CacheKey, file: &[u8]) {
        let Inner { dir, max_bytes, stored, failed, .. } = &*self.0;
        let written = dir.write(&key.to_string(), file, key.as_bytes(), *max_bytes);
        let counter = if written.is_ok() { stored } else { failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
