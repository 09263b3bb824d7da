//! Directories of the host. `cap-std` keeps every path inside; this file has what it does not do by
//! itself as WASI wants it.

use std::fs;
use std::io;

use cap_fs_ext::{
    DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsMaybeDirExt, OpenOptionsSyncExt,
    SystemTimeSpec,
};
use cap_std::fs::{Dir, Metadata, OpenOptions};

use super::DirEntry;
use crate::errno::Errno;
use crate::file::{NewTimes, filestat as translated, filetype};
use crate::memory::{How, without_slashes};
use crate::sys;
use crate::types::{FdFlags, FileStat, FileType};

/// What was opened.
pub(super) enum Opened {
    Dir(Dir),
    File(fs::File, FileType),
}

pub(super) fn filestat(dir: &Dir) -> Result<FileStat, Errno> {
    Ok(translated(&dir.dir_metadata()?))
}

/// Finds the entries, but for those whose names no guest could use.
pub(super) fn for_each_entry(
    dir: &Dir,
    mut found: impl FnMut(DirEntry) -> Result<(), Errno>,
) -> Result<(), Errno> {
    for entry in dir.entries()? {
        let entry = entry?;
        // WASI names are UTF-8; a guest couldn't open any other.
        let Ok(name) = entry.file_name().into_string() else { continue };
        found(DirEntry {
            ino: sys::entry_ino(&entry)?,
            filetype: entry.file_type().map_or(FileType::Unknown, filetype),
            name: name.into(),
        })?;
    }
    Ok(())
}

pub(super) fn open_at(
    dir: &Dir,
    path: &str,
    how: How,
    read: bool,
    fdflags: FdFlags,
) -> Result<Opened, Errno> {
    let How { follow, create, exclusive, truncate, write } = how;
    let mut options = OpenOptions::new();
    options
        .read(read)
        .write(create || truncate || write)
        .truncate(truncate)
        .create(create && !exclusive)
        .create_new(create && exclusive);
    options
        .follow(follow_symlinks(follow))
        .sync(fdflags.contains(FdFlags::SYNC))
        .dsync(fdflags.contains(FdFlags::DSYNC))
        .rsync(fdflags.contains(FdFlags::RSYNC))
        .nonblock(true)
        .maybe_dir(true);
    let file = dir.open_with(path, &options)?.into_std();
    let metadata = Metadata::from_file(&file)?;
    if !metadata.is_dir() {
        return Ok(Opened::File(file, filetype(metadata.file_type())));
    }
    // Not every host refuses this by itself.
    if write { Err(Errno::Isdir) } else { Ok(Opened::Dir(Dir::from_std_file(file))) }
}

pub(super) fn filestat_at(dir: &Dir, follow: bool, path: &str) -> Result<FileStat, Errno> {
    // Such an end means the directory that a link leads to.
    let is_dir_needed = path.ends_with('/') || path.ends_with("/.");
    let metadata =
        if follow || is_dir_needed { dir.metadata(path) } else { dir.symlink_metadata(path) };
    Ok(translated(&metadata?))
}

pub(super) fn set_times_at(
    dir: &Dir,
    follow: bool,
    path: &str,
    times: NewTimes,
) -> Result<(), Errno> {
    if !follow {
        if times.is_empty() {
            // Hosts don't look whether there is anything then.
            return filestat_at(dir, follow, path).map(drop);
        }
        let spec = |time: Option<std::time::SystemTime>| {
            time.map(|time| SystemTimeSpec::Absolute(cap_std::time::SystemTime::from_std(time)))
        };
        return Ok(dir.set_symlink_times(path, spec(times.accessed), spec(times.modified))?);
    }
    // Some kind of access is needed to get hold of the file. Without waiting: the path may name a
    // pipe.
    let open = |write: bool| {
        let mut options = OpenOptions::new();
        options.read(!write).write(write).nonblock(true);
        dir.open_with(path, &options)
    };
    let file = match open(false) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => open(true)?,
        opened => opened?,
    };
    Ok(file.into_std().set_times(times.to_std())?)
}

pub(super) fn read_link_at(dir: &Dir, path: &str) -> Result<String, Errno> {
    dir.read_link(path)?.into_os_string().into_string().map_err(|_| Errno::Ilseq)
}

/// Removes a directory, whose name may end in a slash.
pub(super) fn remove_dir_at(dir: &Dir, path: &str) -> Result<(), Errno> {
    Ok(dir.remove_dir(without_slashes(path))?)
}

fn follow_symlinks(follow: bool) -> FollowSymlinks {
    if follow { FollowSymlinks::Yes } else { FollowSymlinks::No }
}
