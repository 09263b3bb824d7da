//! Moving bytes between guest buffers and descriptors, for `fd` and `sock`. Buffers have been
//! checked when they arrive here.

use std::io::IoSlice;

use crate::errno::Errno;
use crate::file::File;
use crate::guest::{GuestBuf, GuestMemory};
use crate::stream::Stream;
use crate::types::{FdFlags, FileType};
use crate::wait::Interrupt;

/// How much of a stream is read at once, through a buffer of the host.
const STREAM_READ_BYTES: usize = 64 << 10;

/// How much is written at once to a stream that can be interrupted. A pipe that reports room takes
/// this much without waiting.
const INTERRUPTIBLE_WRITE_BYTES: usize = 4096;

/// The size that one call moves, which a 32-bit count always holds since the sum of the buffers
/// does.
fn count_u32(count: usize) -> Result<u32, Errno> {
    u32::try_from(count).map_err(|_| Errno::Overflow)
}

/// Reads into the buffers through one buffer of the host, so that what arrives is spread over all
/// of them.
pub(crate) fn read_scattered(
    mem: &mut GuestMemory<'_>,
    bufs: &[GuestBuf],
    read: impl FnOnce(&mut [u8]) -> Result<usize, Errno>,
) -> Result<u32, Errno> {
    let wanted = bufs.iter().map(|buf| buf.len as usize).sum::<usize>().min(STREAM_READ_BYTES);
    if let [buf] = bufs
        && buf.len as usize <= STREAM_READ_BYTES
    {
        return count_u32(read(mem.slice_mut(buf.ptr, buf.len)?)?);
    }
    let mut bytes = vec![0; wanted];
    let count = read(&mut bytes)?;
    let mut rest = bytes.get(..count).ok_or(Errno::Io)?;
    for buf in bufs {
        let (now, later) = rest.split_at(rest.len().min(buf.len as usize));
        mem.write(buf.ptr, now)?;
        rest = later;
    }
    count_u32(count)
}

/// The buffers as the host's gather list.
pub(crate) fn gather<'a>(
    mem: &'a GuestMemory<'_>,
    bufs: &[GuestBuf],
) -> Result<Vec<IoSlice<'a>>, Errno> {
    bufs.iter().map(|buf| Ok(IoSlice::new(mem.slice(buf.ptr, buf.len)?))).collect()
}

/// Reads a stream once.
pub(crate) fn read_stream(
    stream: &mut Stream,
    interrupt: &Interrupt,
    mem: &mut GuestMemory<'_>,
    bufs: &[GuestBuf],
) -> Result<u32, Errno> {
    if !stream.is_input() {
        return Err(Errno::Badf);
    }
    if bufs.is_empty() {
        return Ok(0);
    }
    let handle = stream.handle();
    read_scattered(mem, bufs, |bytes| {
        if let Some(handle) = handle
            && interrupt.is_installed()
        {
            interrupt.wait_ready(handle, false)?;
        }
        interrupt.retry(handle, false, false, || stream.read(bytes))
    })
}

/// Writes all buffers to a stream. If that fails in the middle, what was written counts.
pub(crate) fn write_stream(
    stream: &mut Stream,
    interrupt: &Interrupt,
    mem: &GuestMemory<'_>,
    bufs: &[GuestBuf],
) -> Result<u32, Errno> {
    if stream.is_input() {
        return Err(Errno::Badf);
    }
    let handle = stream.handle();
    let mut written = 0;
    for buf in bufs {
        let mut rest = mem.slice(buf.ptr, buf.len)?;
        while !rest.is_empty() {
            let result = match handle {
                Some(handle) if interrupt.is_installed() => {
                    interrupt.wait_ready(handle, true).and_then(|()| {
                        let chunk = &rest[..rest.len().min(INTERRUPTIBLE_WRITE_BYTES)];
                        interrupt.retry(Some(handle), true, false, || stream.write(chunk))
                    })
                }
                _ => interrupt.retry(handle, true, false, || stream.write(rest)),
            };
            match result {
                Ok(0) if written == 0 => return Err(Errno::Io),
                Ok(0) => return count_u32(written),
                Ok(count) => {
                    written += count;
                    rest = &rest[count..];
                }
                Err(errno) if written == 0 || errno == Errno::Intr => return Err(errno),
                Err(_) => return count_u32(written),
            }
        }
    }
    count_u32(written)
}

/// Reads a file at its cursor, or at `offset`.
pub(crate) fn read_file(
    file: &File,
    interrupt: &Interrupt,
    mem: &mut GuestMemory<'_>,
    bufs: &[GuestBuf],
    offset: Option<u64>,
) -> Result<u32, Errno> {
    file.check_read()?;
    let nonblocking = file.flags.contains(FdFlags::NONBLOCK);
    if file.filetype != FileType::RegularFile {
        if bufs.is_empty() {
            return Ok(0);
        }
        return read_scattered(mem, bufs, |bytes| {
            interrupt.retry(file.handle(), false, nonblocking, || file.read(bytes, offset))
        });
    }
    // A regular file never waits, so the buffers can be filled in place one after the other.
    let mut done = 0;
    for buf in bufs {
        let bytes = mem.slice_mut(buf.ptr, buf.len)?;
        let offset = match offset {
            Some(offset) => Some(offset.checked_add(done as u64).ok_or(Errno::Overflow)?),
            None => None,
        };
        match interrupt.retry(None, false, nonblocking, || file.read(bytes, offset)) {
            Ok(count) => {
                done += count;
                if count < buf.len as usize {
                    break;
                }
            }
            Err(errno) if done == 0 => return Err(errno),
            Err(_) => break,
        }
    }
    count_u32(done)
}

/// Writes to a file at its cursor. What doesn't fit at once is left to the guest.
pub(crate) fn write_file(
    file: &File,
    interrupt: &Interrupt,
    mem: &GuestMemory<'_>,
    bufs: &[GuestBuf],
) -> Result<u32, Errno> {
    file.check_write()?;
    let slices = gather(mem, bufs)?;
    let nonblocking = file.flags.contains(FdFlags::NONBLOCK);
    count_u32(interrupt.retry(file.handle(), true, nonblocking, || file.write_vectored(&slices))?)
}

/// Writes to a file at `offset`.
pub(crate) fn write_file_at(
    file: &File,
    interrupt: &Interrupt,
    mem: &GuestMemory<'_>,
    bufs: &[GuestBuf],
    offset: u64,
) -> Result<u32, Errno> {
    file.check_write()?;
    let nonblocking = file.flags.contains(FdFlags::NONBLOCK);
    let mut done = 0;
    for buf in bufs {
        let bytes = mem.slice(buf.ptr, buf.len)?;
        let offset = offset.checked_add(done as u64).ok_or(Errno::Overflow)?;
        match interrupt.retry(file.handle(), true, nonblocking, || file.write_at(bytes, offset)) {
            Ok(count) => {
                done += count;
                if count < buf.len as usize {
                    break;
                }
            }
            Err(errno) if done == 0 => return Err(errno),
            Err(_) => break,
        }
    }
    count_u32(done)
}
