//! Functions on open descriptors.

use super::io;
use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::fd::Descriptor;
use crate::file::NewTimes;
use crate::guest::GuestMemory;
use crate::sys::Advice;
use crate::types::{Dirent, FdFlags, FdStat, FileStat, RiFlags, Rights, Whence};

/// Announces how a file will be used.
///
/// # Errors
/// `Badf` if `fd` isn't an open file, `Inval` for unknown advice or a range beyond 63 bits.
pub fn fd_advise(
    ctx: &mut WasiCtx,
    _mem: &mut GuestMemory<'_>,
    fd: u32,
    offset: u64,
    len: u64,
    advice: u32,
) -> Result<(), Errno> {
    let advice = match advice {
        0 => Advice::Normal,
        1 => Advice::Sequential,
        2 => Advice::Random,
        3 => Advice::WillNeed,
        4 => Advice::DontNeed,
        5 => Advice::NoReuse,
        _ => return Err(Errno::Inval),
    };
    let file = ctx.fds.file(fd)?;
    if i64::try_from(offset).is_err() || i64::try_from(len).is_err() {
        return Err(Errno::Inval);
    }
    file.advise(offset, len, advice)
}

/// Takes the room that a range of a file will need, and makes the file long enough for it.
///
/// # Errors
/// `Badf` if `fd` isn't a file that is open for writing, `Perm` beneath a read-only directory,
/// `Inval` for an empty range or one beyond 63 bits, `Nospc` if it doesn't fit, `Notsup` where the
/// host doesn't have it, `Intr` if interrupted, and what the host says.
pub fn fd_allocate(
    ctx: &mut WasiCtx,
    _mem: &mut GuestMemory<'_>,
    fd: u32,
    offset: u64,
    len: u64,
) -> Result<(), Errno> {
    ctx.fds.file(fd)?.allocate(offset, len, &ctx.interrupt)
}

/// Closes a descriptor.
///
/// # Errors
/// `Badf` if `fd` isn't open.
pub fn fd_close(ctx: &mut WasiCtx, _mem: &mut GuestMemory<'_>, fd: u32) -> Result<(), Errno> {
    ctx.fds.remove(fd).map(drop)
}

/// Brings the data of a file to the disk.
///
/// # Errors
/// `Badf` if `fd` isn't an open file, and what the host says.
pub fn fd_datasync(ctx: &mut WasiCtx, _mem: &mut GuestMemory<'_>, fd: u32) -> Result<(), Errno> {
    ctx.fds.file(fd)?.sync(false)
}

/// Brings the data and attributes of a file to the disk.
///
/// # Errors
/// `Badf` if `fd` isn't an open file, and what the host says.
pub fn fd_sync(ctx: &mut WasiCtx, _mem: &mut GuestMemory<'_>, fd: u32) -> Result<(), Errno> {
    ctx.fds.file(fd)?.sync(true)
}

/// Writes the attributes of a descriptor.
///
/// # Errors
/// `Badf` if `fd` isn't open, `Fault` for an address outside the memory.
pub fn fd_fdstat_get(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    stat: u32,
) -> Result<(), Errno> {
    let found = match ctx.fds.get(fd)? {
        Descriptor::Stream(stream) => {
            let rights = if stream.is_input() { Rights::FD_READ } else { Rights::FD_WRITE };
            FdStat {
                filetype: stream.filetype(),
                flags: FdFlags::empty(),
                rights_base: rights,
                rights_inheriting: rights,
            }
        }
        Descriptor::File(file) => file.fdstat(),
        Descriptor::Dir(dir) => dir.fdstat(),
        Descriptor::Socket(socket) => socket.fdstat(),
    };
    found.write(mem, stat)
}

/// Switches append and non-blocking mode of a descriptor.
///
/// # Errors
/// `Badf` if `fd` isn't an open file or socket, `Inval` for other flags than these.
pub fn fd_fdstat_set_flags(
    ctx: &mut WasiCtx,
    _mem: &mut GuestMemory<'_>,
    fd: u32,
    flags: u32,
) -> Result<(), Errno> {
    let flags = FdFlags::parse(flags)?;
    match ctx.fds.get_mut(fd)? {
        Descriptor::File(file) => file.set_flags(flags),
        Descriptor::Socket(socket) => socket.set_flags(flags),
        Descriptor::Stream(_) | Descriptor::Dir(_) => Err(Errno::Badf),
    }
}

/// Would drop rights of a descriptor.
///
/// # Errors
/// `Badf` if `fd` isn't an open file or directory, else always `Notsup`: rights were given up by
/// the successors of preview 1.
pub fn fd_fdstat_set_rights(
    ctx: &mut WasiCtx,
    _mem: &mut GuestMemory<'_>,
    fd: u32,
    _rights_base: u64,
    _rights_inheriting: u64,
) -> Result<(), Errno> {
    match ctx.fds.get(fd)? {
        Descriptor::File(_) | Descriptor::Dir(_) => Err(Errno::Notsup),
        Descriptor::Stream(_) | Descriptor::Socket(_) => Err(Errno::Badf),
    }
}

/// Writes the attributes of an open file, directory, stream or socket.
///
/// # Errors
/// `Badf` if `fd` isn't open, `Fault` for an address outside the memory.
pub fn fd_filestat_get(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    stat: u32,
) -> Result<(), Errno> {
    filestat(ctx, fd)?.write_preview1(mem, stat)
}

/// The attributes behind `fd`, for both snapshots.
pub(crate) fn filestat(ctx: &WasiCtx, fd: u32) -> Result<FileStat, Errno> {
    match ctx.fds.get(fd)? {
        Descriptor::Stream(stream) => Ok(FileStat::of_type(stream.filetype())),
        Descriptor::File(file) => file.filestat(),
        Descriptor::Dir(dir) => dir.filestat(),
        Descriptor::Socket(socket) => Ok(FileStat::of_type(socket.filetype())),
    }
}

/// Sets the size of an open file; what is added reads as zeros.
///
/// # Errors
/// `Badf` if `fd` isn't an open file, `Perm` beneath a read-only directory, `Inval` if the file
/// isn't open for writing or the size has 64 bits, and what the host says.
pub fn fd_filestat_set_size(
    ctx: &mut WasiCtx,
    _mem: &mut GuestMemory<'_>,
    fd: u32,
    size: u64,
) -> Result<(), Errno> {
    ctx.fds.file(fd)?.set_size(size)
}

/// Sets the time stamps of an open file or directory.
///
/// # Errors
/// `Badf` if `fd` is neither, `Perm` beneath a read-only directory, `Inval` for contradicting or
/// unknown flags.
pub fn fd_filestat_set_times(
    ctx: &mut WasiCtx,
    _mem: &mut GuestMemory<'_>,
    fd: u32,
    atim: u64,
    mtim: u64,
    flags: u32,
) -> Result<(), Errno> {
    let times = NewTimes::parse(atim, mtim, flags)?;
    match ctx.fds.get(fd)? {
        Descriptor::File(file) => file.set_times(times),
        Descriptor::Dir(dir) => dir.set_times(times),
        Descriptor::Stream(_) | Descriptor::Socket(_) => Err(Errno::Badf),
    }
}

/// Reads into a list of buffers.
///
/// # Errors
/// `Badf` if `fd` can't be read, `Again` if it would wait and is in non-blocking mode, `Intr` if
/// interrupted, `Fault` for addresses outside the memory, `Inval` for too many buffers.
pub fn fd_read(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    nread: u32,
) -> Result<(), Errno> {
    let bufs = mem.iovecs(iovs, iovs_len)?;
    mem.check(nread, 4)?;
    let count = match ctx.fds.get_mut(fd)? {
        Descriptor::Stream(stream) => io::read_stream(stream, &ctx.interrupt, mem, &bufs)?,
        Descriptor::File(file) => io::read_file(file, &ctx.interrupt, mem, &bufs, None)?,
        Descriptor::Socket(socket) => {
            let flags = RiFlags::empty();
            super::sock::recv(socket, &ctx.interrupt, mem, &bufs, flags)?.count
        }
        Descriptor::Dir(_) => return Err(Errno::Badf),
    };
    mem.write_u32(nread, count)
}

/// Reads into a list of buffers from `offset`, leaving the cursor alone.
///
/// # Errors
/// As [`fd_read`], and `Spipe` for a stream.
pub fn fd_pread(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    offset: u64,
    nread: u32,
) -> Result<(), Errno> {
    let bufs = mem.iovecs(iovs, iovs_len)?;
    mem.check(nread, 4)?;
    let count = match ctx.fds.get(fd)? {
        Descriptor::File(file) => io::read_file(file, &ctx.interrupt, mem, &bufs, Some(offset))?,
        Descriptor::Stream(stream) if stream.is_input() => return Err(Errno::Spipe),
        Descriptor::Socket(_) => return Err(Errno::Spipe),
        Descriptor::Stream(_) | Descriptor::Dir(_) => return Err(Errno::Badf),
    };
    mem.write_u32(nread, count)
}

/// Writes a list of buffers.
///
/// # Errors
/// `Badf` if `fd` can't be written, `Again` if it would wait and is in non-blocking mode, `Intr` if
/// interrupted, `Fault` for addresses outside the memory, `Inval` for too many buffers, and what
/// the host says.
pub fn fd_write(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    nwritten: u32,
) -> Result<(), Errno> {
    let bufs = mem.iovecs(iovs, iovs_len)?;
    mem.check(nwritten, 4)?;
    let count = match ctx.fds.get_mut(fd)? {
        Descriptor::Stream(stream) => io::write_stream(stream, &ctx.interrupt, mem, &bufs)?,
        Descriptor::File(file) => io::write_file(file, &ctx.interrupt, mem, &bufs)?,
        Descriptor::Socket(socket) => super::sock::send(socket, &ctx.interrupt, mem, &bufs, None)?,
        Descriptor::Dir(_) => return Err(Errno::Badf),
    };
    mem.write_u32(nwritten, count)
}

/// Writes a list of buffers at `offset`, leaving the cursor alone. In append mode, hosts may append
/// instead.
///
/// # Errors
/// As [`fd_write`], and `Spipe` for a stream.
pub fn fd_pwrite(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    offset: u64,
    nwritten: u32,
) -> Result<(), Errno> {
    let bufs = mem.iovecs(iovs, iovs_len)?;
    mem.check(nwritten, 4)?;
    let count = match ctx.fds.get(fd)? {
        Descriptor::File(file) => io::write_file_at(file, &ctx.interrupt, mem, &bufs, offset)?,
        Descriptor::Stream(stream) if !stream.is_input() => return Err(Errno::Spipe),
        Descriptor::Socket(_) => return Err(Errno::Spipe),
        Descriptor::Stream(_) | Descriptor::Dir(_) => return Err(Errno::Badf),
    };
    mem.write_u32(nwritten, count)
}

/// Writes what kind of preopened resource `fd` is, and how long its name.
///
/// # Errors
/// `Badf` if `fd` isn't a preopened directory, `Fault` for an address outside the memory.
pub fn fd_prestat_get(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    prestat: u32,
) -> Result<(), Errno> {
    let name = match ctx.fds.get(fd)? {
        Descriptor::Dir(dir) => dir.preopen_name().ok_or(Errno::Badf)?,
        _ => return Err(Errno::Badf),
    };
    let name_len = u32::try_from(name.len()).map_err(|_| Errno::Overflow)?;
    // Tag 0 is a directory, the only kind there is.
    mem.write_u64(prestat, u64::from(name_len) << 32)
}

/// Writes the name of a preopened directory, without a terminating zero.
///
/// # Errors
/// `Badf` if `fd` isn't open, `Notdir` if it isn't a preopened directory, `Nametoolong` if the
/// buffer is too short, `Fault` if it lies outside the memory.
pub fn fd_prestat_dir_name(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    path: u32,
    path_len: u32,
) -> Result<(), Errno> {
    let name = match ctx.fds.get(fd)? {
        Descriptor::Dir(dir) => dir.preopen_name().ok_or(Errno::Notdir)?,
        _ => return Err(Errno::Notdir),
    };
    if name.len() > path_len as usize {
        return Err(Errno::Nametoolong);
    }
    mem.write(path, name.as_bytes())
}

/// Writes as many entries of a directory as fit, from position `cookie` on; the last may be cut
/// off.
///
/// The directory is listed when position 0 is read, and later positions refer to that listing.
/// Names that aren't UTF-8 are left out, since a guest couldn't use them.
///
/// # Errors
/// `Badf` or `Notdir` if `fd` isn't an open directory, `Fault` for addresses outside the memory,
/// `Nomem` for a directory of extreme size.
pub fn fd_readdir(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    buf: u32,
    buf_len: u32,
    cookie: u64,
    bufused: u32,
) -> Result<(), Errno> {
    mem.check(bufused, 4)?;
    mem.check(buf, buf_len)?;
    let dir = ctx.fds.dir_mut(fd)?;
    let fresh = cookie == 0 || !dir.is_listed();
    let entries = dir.list(fresh)?;
    let skipped = usize::try_from(cookie).unwrap_or(usize::MAX).min(entries.len());

    let mut out = Vec::new();
    let mut put = |bytes: &[u8]| {
        let room = buf_len as usize - out.len();
        out.extend_from_slice(&bytes[..bytes.len().min(room)]);
        out.len() < buf_len as usize
    };
    for (index, entry) in entries.iter().enumerate().skip(skipped) {
        let head = Dirent {
            next: index as u64 + 1,
            ino: entry.ino,
            name_len: u32::try_from(entry.name.len()).map_err(|_| Errno::Overflow)?,
            filetype: entry.filetype,
        };
        if !(put(&head.to_bytes()) && put(entry.name.as_bytes())) {
            break;
        }
    }
    let used = u32::try_from(out.len()).map_err(|_| Errno::Overflow)?;
    mem.write(buf, &out)?;
    if fresh {
        ctx.fds.limit_listings(fd);
    }
    mem.write_u32(bufused, used)
}

/// Gives a descriptor another number, closing what had it.
///
/// # Errors
/// `Badf` if one of the two isn't open.
pub fn fd_renumber(
    ctx: &mut WasiCtx,
    _mem: &mut GuestMemory<'_>,
    from: u32,
    to: u32,
) -> Result<(), Errno> {
    ctx.fds.renumber(from, to)
}

/// Moves the cursor of a file and writes where it is then.
///
/// # Errors
/// `Badf` if `fd` isn't an open file, `Spipe` for a stream, `Inval` for an unknown origin or a
/// place before the start, `Fault` for an address outside the memory.
pub fn fd_seek(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    offset: i64,
    whence: u32,
    new_offset: u32,
) -> Result<(), Errno> {
    seek(ctx, mem, fd, offset, Whence::parse_preview1(whence), new_offset)
}

/// `fd_seek` of both snapshots.
pub(crate) fn seek(
    ctx: &WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    offset: i64,
    whence: Result<Whence, Errno>,
    new_offset: u32,
) -> Result<(), Errno> {
    mem.check(new_offset, 8)?;
    let position = seekable(ctx, fd)?.seek(offset, whence?)?;
    mem.write_u64(new_offset, position)
}

/// Writes where the cursor of a file is.
///
/// # Errors
/// `Badf` if `fd` isn't an open file, `Spipe` for a stream, `Fault` for an address outside the
/// memory.
pub fn fd_tell(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    offset: u32,
) -> Result<(), Errno> {
    let position = seekable(ctx, fd)?.tell()?;
    mem.write_u64(offset, position)
}

fn seekable(ctx: &WasiCtx, fd: u32) -> Result<&crate::file::File, Errno> {
    match ctx.fds.get(fd)? {
        Descriptor::File(file) => Ok(file),
        Descriptor::Stream(_) | Descriptor::Socket(_) => Err(Errno::Spipe),
        Descriptor::Dir(_) => Err(Errno::Badf),
    }
}
