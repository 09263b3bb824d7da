//! Moving bytes between guest buffers and descriptors, for `fd` and `sock`. Buffers have been
//! checked when they arrive here.

use std::borrow::Cow;
use std::io::IoSlice;

use crate::errno::Errno;
use crate::file::File;
use crate::guest::{GuestBuf, GuestMemory, SHARED_PIECE_BYTES};
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
        return count_u32(mem.fill(buf.ptr, buf.len, read)?);
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

/// The bytes of the buffers, to be written at once; not all of them where there are too many to
/// copy.
pub(crate) fn gather<'a>(
    mem: &'a GuestMemory<'_>,
    bufs: &[GuestBuf],
) -> Result<Vec<Cow<'a, [u8]>>, Errno> {
    let mut pieces = Vec::with_capacity(bufs.len());
    let mut copied = 0;
    for buf in bufs {
        let piece = mem.piece(buf.ptr, buf.len)?;
        copied += if let Cow::Owned(copy) = &piece { copy.len() } else { 0 };
        pieces.push(piece);
        // A piece that is cut short is as long as this.
        if copied >= SHARED_PIECE_BYTES {
            break;
        }
    }
    Ok(pieces)
}

/// The host's gather list.
pub(crate) fn slices<'a>(pieces: &'a [Cow<'_, [u8]>]) -> Vec<IoSlice<'a>> {
    pieces.iter().map(|piece| IoSlice::new(piece)).collect()
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
    read_scattered(mem, bufs, |bytes| {
        if interrupt.is_installed() {
            wait_for_stream(stream, interrupt)?;
        }
        loop {
            match interrupt.retry(None, false, false, || stream.read(bytes)) {
                Err(Errno::Again) if stream.handle().is_some() => {
                    wait_for_stream(stream, interrupt)?;
                }
                result => return result,
            }
        }
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
    let mut written = 0;
    for &GuestBuf { mut ptr, mut len } in bufs {
        while len > 0 {
            let piece = mem.piece(ptr, len)?;
            let rest = &piece[..];
            match write_once(stream, interrupt, rest) {
                Ok(0) if written == 0 => return Err(Errno::Io),
                Ok(0) => return count_u32(written),
                Ok(count) => {
                    written += count;
                    // `count` is not more than `len`, and the buffer ends in the memory.
                    ptr = ptr.wrapping_add(count as u32);
                    len = len.saturating_sub(count as u32);
                }
                Err(errno) if written == 0 || errno == Errno::Intr => return Err(errno),
                Err(_) => return count_u32(written),
            }
        }
    }
    count_u32(written)
}

/// Waits until reading or writing a stream, whichever it can, does not wait.
fn wait_for_stream(stream: &Stream, interrupt: &Interrupt) -> Result<(), Errno> {
    match stream.handle() {
        Some(handle) => interrupt.wait_ready(handle, !stream.is_input()),
        None => Ok(()),
    }
}

/// Writes once, no more than what an interruption can wait for.
fn write_once(stream: &mut Stream, interrupt: &Interrupt, bytes: &[u8]) -> Result<usize, Errno> {
    let mut bytes = bytes;
    if interrupt.is_installed() && stream.handle().is_some() {
        wait_for_stream(stream, interrupt)?;
        bytes = &bytes[..bytes.len().min(INTERRUPTIBLE_WRITE_BYTES)];
    }
    loop {
        match interrupt.retry(None, true, false, || stream.write(bytes)) {
            Err(Errno::Again) if stream.handle().is_some() => wait_for_stream(stream, interrupt)?,
            result => return result,
        }
    }
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
        let offset = match offset {
            Some(offset) => Some(offset.checked_add(done as u64).ok_or(Errno::Overflow)?),
            None => None,
        };
        let read = |bytes: &mut [u8]| {
            interrupt.retry(None, false, nonblocking, || file.read(bytes, offset))
        };
        match mem.fill(buf.ptr, buf.len, read) {
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
    let pieces = gather(mem, bufs)?;
    let slices = slices(&pieces);
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
        let bytes = mem.piece(buf.ptr, buf.len)?;
        let offset = offset.checked_add(done as u64).ok_or(Errno::Overflow)?;
        match interrupt.retry(file.handle(), true, nonblocking, || file.write_at(&bytes, offset)) {
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
