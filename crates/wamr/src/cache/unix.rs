//! A directory of the user's own. It is opened once, and everything in it is reached through that,
//! so that nobody can put another one in its place.

use std::fs::{DirBuilder, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::Path;
use std::process;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Dir as Entries, FileType, Mode, OFlags, Stat};
use wamr_aot::FileMemory;

use super::CacheError;

/// What the name of a file that is kept ends with.
const SUFFIX: &str = ".aot";
/// What the name of one that is being written ends with.
const TEMPORARY: &str = ".tmp";
/// A file of no use for so long is left over from a process that ended while it wrote.
const ABANDONED: Duration = Duration::from_secs(3600);
/// How exactly it is known when a file was used last: the time is not written at every use.
const USED_WITHIN: Duration = Duration::from_secs(60);
/// Who may write to what belongs to somebody, beside the owner.
const OTHERS_WRITE: Mode = Mode::WGRP.union(Mode::WOTH);

/// A directory of the user's own.
pub(super) struct Dir(OwnedFd);

impl Dir {
    pub(super) fn open(path: &Path) -> Result<Self, CacheError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(path, flags, Mode::empty()).map_err(io::Error::from)?;
        let dir = Self(dir);
        dir.check()?;
        Ok(dir)
    }

    /// Checks that nobody else may write to the directory.
    fn check(&self) -> Result<(), CacheError> {
        let stat = rustix::fs::fstat(&self.0).map_err(io::Error::from)?;
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            return Err(CacheError::NotOwned);
        }
        if Mode::from_raw_mode(stat.st_mode).intersects(OTHERS_WRITE) {
            return Err(CacheError::WritableByOthers);
        }
        Ok(())
    }

    /// What is kept under a name, if it is no more than `max_bytes` and was written for `key`.
    pub(super) fn read(&self, name: &str, key: &[u8; 32], max_bytes: u64) -> Option<FileMemory> {
        self.check().ok()?;
        // It may be anything: opening it must neither lead elsewhere nor wait.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let name = format!("{name}{SUFFIX}");
        let file = rustix::fs::openat(&self.0, name, flags, Mode::empty()).ok()?;
        let file = File::from(file);
        let stat = rustix::fs::fstat(&file).ok()?;
        let len = u64::try_from(stat.st_size).ok()?;
        let is_ours = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && stat.st_uid == rustix::process::geteuid().as_raw()
            && !Mode::from_raw_mode(stat.st_mode).intersects(OTHERS_WRITE)
            && len <= max_bytes;
        let len = usize::try_from(len).ok()?.checked_sub(key.len())?;
        if !is_ours {
            return None;
        }
        let memory = FileMemory::read_file(&file, len).ok()?;
        let mut found = [0; 32];
        file.read_exact_at(&mut found, len as u64).ok()?;
        if found != *key || memory.as_ref().len() != len {
            return None;
        }
        let now = SystemTime::now();
        if !is_within(modified(&stat), now, USED_WITHIN) {
            // Where that is refused it goes a little earlier.
            let _ = file.set_modified(now);
        }
        Some(memory)
    }

    /// Keeps a file under a name, for a key, and no more than `max_bytes` in all.
    pub(super) fn write(
        &self,
        name: &str,
        file: &[u8],
        key: &[u8; 32],
        max_bytes: u64,
    ) -> io::Result<()> {
        self.check().map_err(io::Error::other)?;
        if (file.len() + key.len()) as u64 > max_bytes {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let name = format!("{name}{SUFFIX}");
        // Nobody else comes upon it; where somebody does, nothing is kept.
        let number = RandomState::new().hash_one(process::id());
        let temporary = format!("{number:016x}{TEMPORARY}");
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let mut new = File::from(rustix::fs::openat(&self.0, &temporary, flags, mode)?);
        let written = new
            .write_all(file)
            .and_then(|()| new.write_all(key))
            .and_then(|()| Ok(rustix::fs::renameat(&self.0, &temporary, &self.0, &name)?));
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&self.0, &temporary, AtFlags::empty());
        }
        // Also where the disk is full.
        self.evict(&name, max_bytes);
        written
    }

    /// Removes those used longest ago until there is no more than `max_bytes`, but for the one that
    /// was just written.
    fn evict(&self, newest: &str, max_bytes: u64) {
        let Ok(entries) = Entries::read_from(&self.0) else { return };
        let now = SystemTime::now();
        let remove = |name: &str| {
            let _ = rustix::fs::unlinkat(&self.0, name, AtFlags::empty());
        };
        let (mut kept, mut sum) = (Vec::new(), 0_u64);
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().to_str() else { continue };
            let (is_kept, is_temporary) = (is_kept(name), is_temporary(name));
            if !is_kept && !is_temporary {
                continue;
            }
            let stat = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW);
            let Ok(stat) = stat else { continue };
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                continue;
            }
            let used = modified(&stat);
            if is_temporary && !is_within(used, now, ABANDONED) {
                remove(name);
                continue;
            }
            // What it takes on a disk.
            let len = u64::try_from(stat.st_size).unwrap_or(0).next_multiple_of(4096);
            sum = sum.saturating_add(len);
            if is_kept && name != newest {
                kept.push((used, len, name.to_owned()));
            }
        }
        kept.sort();
        for (_, len, name) in kept {
            if sum <= max_bytes {
                break;
            }
            remove(&name);
            sum = sum.saturating_sub(len);
        }
    }
}

/// Whether a name is one that [`Dir::write`] gives to what is kept: a key in hexadecimal digits.
fn is_kept(name: &str) -> bool {
    name.strip_suffix(SUFFIX).is_some_and(|key| is_hex(key, 64))
}

fn is_temporary(name: &str) -> bool {
    name.strip_suffix(TEMPORARY).is_some_and(|number| is_hex(number, 16))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// When a file was changed last.
fn modified(stat: &Stat) -> SystemTime {
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_secs(seconds))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Whether a time is no longer ago, nor later than now: clocks are set.
fn is_within(time: SystemTime, now: SystemTime, span: Duration) -> bool {
    now.duration_since(time).is_ok_and(|ago| ago <= span)
}
