//! Functions that resolve a path beneath an open directory. All follow symbolic links in the middle
//! of a path; links at its end only where a flag says so. No path leads out of the directory: those
//! that try answer `Perm`.

use std::borrow::Cow;

use crate::ctx::WasiCtx;
use crate::dir::OpenRequest;
use crate::errno::Errno;
use crate::file::NewTimes;
use crate::guest::GuestMemory;
use crate::types::{FdFlags, FileStat, LookupFlags, OFlags, Rights};

/// The longest path that is looked at. No host takes longer ones, and resolving takes time.
const MAX_PATH_BYTES: u32 = 64 << 10;

/// Reads a path argument.
fn path<'a>(mem: &'a GuestMemory<'_>, ptr: u32, len: u32) -> Result<Cow<'a, str>, Errno> {
    mem.check(ptr, len)?;
    if len > MAX_PATH_BYTES {
        return Err(Errno::Nametoolong);
    }
    let path = mem.str(ptr, len)?;
    if path.contains('\0') { Err(Errno::Inval) } else { Ok(path) }
}

/// Creates a directory.
///
/// # Errors
/// `Badf` or `Notdir` if `fd` isn't an open directory, `Perm` beneath a read-only directory or for
/// a path that leads outside, `Fault`, `Ilseq`, `Nametoolong` or `Inval` for a bad path, and what
/// the host says.
pub fn path_create_directory(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    path_ptr: u32,
    path_len: u32,
) -> Result<(), Errno> {
    let dir = ctx.fds.dir(fd)?;
    dir.create_directory_at(&path(mem, path_ptr, path_len)?)
}

/// Writes the attributes of a file or directory.
///
/// # Errors
/// As [`path_create_directory`], but reading is always allowed; `Inval` for unknown flags.
pub fn path_filestat_get(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    flags: u32,
    path_ptr: u32,
    path_len: u32,
    stat: u32,
) -> Result<(), Errno> {
    filestat(ctx, mem, fd, flags, path_ptr, path_len)?.write_preview1(mem, stat)
}

/// The attributes at a path, for both snapshots.
pub(crate) fn filestat(
    ctx: &WasiCtx,
    mem: &GuestMemory<'_>,
    fd: u32,
    flags: u32,
    path_ptr: u32,
    path_len: u32,
) -> Result<FileStat, Errno> {
    let dir = ctx.fds.dir(fd)?;
    dir.filestat_at(LookupFlags::parse(flags)?, &path(mem, path_ptr, path_len)?)
}

/// Sets the time stamps of a file or directory.
///
/// # Errors
/// As [`path_create_directory`]; `Inval` for unknown or contradicting flags.
#[expect(clippy::too_many_arguments, reason = "WASI's own signature")]
pub fn path_filestat_set_times(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    flags: u32,
    path_ptr: u32,
    path_len: u32,
    atim: u64,
    mtim: u64,
    fst_flags: u32,
) -> Result<(), Errno> {
    let times = NewTimes::parse(atim, mtim, fst_flags)?;
    let dir = ctx.fds.dir(fd)?;
    dir.set_times_at(LookupFlags::parse(flags)?, &path(mem, path_ptr, path_len)?, times)
}

/// Creates a hard link.
///
/// # Errors
/// As [`path_create_directory`], for both directories; `Inval` if a link at the end of the old path
/// is to be followed.
#[expect(clippy::too_many_arguments, reason = "WASI's own signature")]
pub fn path_link(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    old_fd: u32,
    old_flags: u32,
    old_path: u32,
    old_path_len: u32,
    new_fd: u32,
    new_path: u32,
    new_path_len: u32,
) -> Result<(), Errno> {
    let old_dir = ctx.fds.dir(old_fd)?;
    let new_dir = ctx.fds.dir(new_fd)?;
    let old_path = &path(mem, old_path, old_path_len)?;
    let new_path = &path(mem, new_path, new_path_len)?;
    old_dir.link_at(LookupFlags::parse(old_flags)?, old_path, new_dir, new_path)
}

/// Opens a file or directory and writes its descriptor, the lowest free number.
///
/// Of the rights, reading and writing matter; the others follow from what is opened.
///
/// # Errors
/// As [`path_create_directory`], where opening for reading is always allowed; `Inval` for unknown
/// or contradicting flags, `Mfile` if the guest holds too many descriptors.
#[expect(clippy::too_many_arguments, reason = "WASI's own signature")]
pub fn path_open(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    dirflags: u32,
    path_ptr: u32,
    path_len: u32,
    oflags: u32,
    rights_base: u64,
    _rights_inheriting: u64,
    fdflags: u32,
    opened: u32,
) -> Result<(), Errno> {
    let request = OpenRequest {
        lookup: LookupFlags::parse(dirflags)?,
        oflags: OFlags::parse(oflags)?,
        rights: Rights::from_bits_truncate(rights_base),
        fdflags: FdFlags::parse(fdflags)?,
    };
    mem.check(opened, 4)?;
    let dir = ctx.fds.dir(fd)?;
    let path = &path(mem, path_ptr, path_len)?;
    ctx.fds.check_room()?;
    let descriptor = dir.open_at(path, request)?;
    mem.write_u32(opened, ctx.fds.insert(descriptor)?)
}

/// Writes what a symbolic link holds, cut off where the buffer ends, and how many bytes that was.
///
/// # Errors
/// As [`path_create_directory`], but reading is always allowed; `Perm` for a link to an absolute
/// path.
#[expect(clippy::too_many_arguments, reason = "WASI's own signature")]
pub fn path_readlink(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    path_ptr: u32,
    path_len: u32,
    buf: u32,
    buf_len: u32,
    bufused: u32,
) -> Result<(), Errno> {
    mem.check(bufused, 4)?;
    mem.check(buf, buf_len)?;
    let dir = ctx.fds.dir(fd)?;
    let target = dir.read_link_at(&path(mem, path_ptr, path_len)?)?;
    let len = target.len().min(buf_len as usize);
    mem.write(buf, &target.as_bytes()[..len])?;
    mem.write_u32(bufused, u32::try_from(len).map_err(|_| Errno::Overflow)?)
}

/// Removes an empty directory.
///
/// # Errors
/// As [`path_create_directory`].
pub fn path_remove_directory(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    path_ptr: u32,
    path_len: u32,
) -> Result<(), Errno> {
    let dir = ctx.fds.dir(fd)?;
    dir.remove_directory_at(&path(mem, path_ptr, path_len)?)
}

/// Renames a file or directory.
///
/// # Errors
/// As [`path_create_directory`], for both directories.
#[expect(clippy::too_many_arguments, reason = "WASI's own signature")]
pub fn path_rename(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    old_fd: u32,
    old_path: u32,
    old_path_len: u32,
    new_fd: u32,
    new_path: u32,
    new_path_len: u32,
) -> Result<(), Errno> {
    let old_dir = ctx.fds.dir(old_fd)?;
    let new_dir = ctx.fds.dir(new_fd)?;
    let old_path = &path(mem, old_path, old_path_len)?;
    let new_path = &path(mem, new_path, new_path_len)?;
    old_dir.rename_at(old_path, new_dir, new_path)
}

/// Creates a symbolic link at the new path that holds the old path.
///
/// # Errors
/// As [`path_create_directory`]; `Perm` for a link to an absolute path.
pub fn path_symlink(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    old_path: u32,
    old_path_len: u32,
    fd: u32,
    new_path: u32,
    new_path_len: u32,
) -> Result<(), Errno> {
    let dir = ctx.fds.dir(fd)?;
    let old_path = &path(mem, old_path, old_path_len)?;
    let new_path = &path(mem, new_path, new_path_len)?;
    dir.symlink_at(old_path, new_path)
}

/// Removes a file or symbolic link.
///
/// # Errors
/// As [`path_create_directory`].
pub fn path_unlink_file(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    path_ptr: u32,
    path_len: u32,
) -> Result<(), Errno> {
    let dir = ctx.fds.dir(fd)?;
    dir.unlink_file_at(&path(mem, path_ptr, path_len)?)
}
