//! Functions on sockets.

use super::io;
use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::fd::{Descriptor, FdTable};
use crate::guest::{GuestBuf, GuestMemory};
use crate::socket::Socket;
use crate::types::{FdFlags, RiFlags, SdFlags};
use crate::wait::Interrupt;

/// Takes a connection from a listener and writes its descriptor.
///
/// # Errors
/// `Badf` if `fd` isn't open, `Notsock` if it isn't a socket, `Inval` if it doesn't listen or for
/// flags other than non-blocking mode, `Again` if nobody connects and the listener is in
/// non-blocking mode, `Intr` if interrupted, `Mfile` if the guest holds too many descriptors,
/// `Fault` for an address outside the memory.
pub fn sock_accept(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    flags: u32,
    accepted: u32,
) -> Result<(), Errno> {
    let flags = FdFlags::parse(flags)?;
    if !(flags - FdFlags::NONBLOCK).is_empty() {
        return Err(Errno::Inval);
    }
    mem.check(accepted, 4)?;
    let listener = socket(&ctx.fds, fd)?;
    ctx.fds.check_room()?;
    let connection =
        ctx.interrupt
            .retry(listener.handle(), false, listener.is_nonblocking(), || listener.accept())?;
    let connection = Socket::connection(connection, flags)?;
    mem.write_u32(accepted, ctx.fds.insert(Descriptor::Socket(connection))?)
}

/// Receives from a connection into a list of buffers; writes the count and the flags of what came.
///
/// # Errors
/// `Badf` if `fd` isn't open, `Notsock` if it isn't a socket, `Notsup` for waiting until all
/// buffers are full, `Again` if nothing is there and the socket is in non-blocking mode, `Intr` if
/// interrupted, `Fault` for addresses outside the memory, `Inval` for unknown flags or too many
/// buffers.
#[expect(clippy::too_many_arguments, reason = "WASI's own signature")]
pub fn sock_recv(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    flags: u32,
    nread: u32,
    out_flags: u32,
) -> Result<(), Errno> {
    let socket = socket(&ctx.fds, fd)?;
    let flags = RiFlags::parse(flags)?;
    if flags.contains(RiFlags::WAITALL) {
        return Err(Errno::Notsup);
    }
    let bufs = mem.iovecs(iovs, iovs_len)?;
    mem.check(nread, 4)?;
    mem.check(out_flags, 2)?;
    let count = recv(socket, &ctx.interrupt, mem, &bufs, flags.contains(RiFlags::PEEK))?;
    mem.write_u32(nread, count)?;
    // A stream never loses the rest of a message.
    mem.write_u16(out_flags, 0)
}

/// Sends a list of buffers over a connection and writes the count.
///
/// # Errors
/// `Badf` if `fd` isn't open, `Notsock` if it isn't a socket, `Inval` for any flag or too many
/// buffers, `Again` if it would wait and the socket is in non-blocking mode, `Intr` if interrupted,
/// `Fault` for addresses outside the memory.
pub fn sock_send(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    flags: u32,
    nwritten: u32,
) -> Result<(), Errno> {
    let socket = socket(&ctx.fds, fd)?;
    if flags != 0 {
        return Err(Errno::Inval);
    }
    let bufs = mem.iovecs(iovs, iovs_len)?;
    mem.check(nwritten, 4)?;
    let count = send(socket, &ctx.interrupt, mem, &bufs)?;
    mem.write_u32(nwritten, count)
}

/// Closes one or both directions of a connection.
///
/// # Errors
/// `Badf` if `fd` isn't open, `Notsock` if it isn't a socket, `Inval` for no or unknown directions,
/// `Notconn` for a listener.
pub fn sock_shutdown(
    ctx: &mut WasiCtx,
    _mem: &mut GuestMemory<'_>,
    fd: u32,
    how: u32,
) -> Result<(), Errno> {
    let socket = socket(&ctx.fds, fd)?;
    socket.shutdown(SdFlags::parse(how)?)
}

fn socket(fds: &FdTable, fd: u32) -> Result<&Socket, Errno> {
    match fds.get(fd)? {
        Descriptor::Socket(socket) => Ok(socket),
        _ => Err(Errno::Notsock),
    }
}

/// Receives once, for `sock_recv` and `fd_read`.
pub(super) fn recv(
    socket: &Socket,
    interrupt: &Interrupt,
    mem: &mut GuestMemory<'_>,
    bufs: &[GuestBuf],
    peek: bool,
) -> Result<u32, Errno> {
    if bufs.is_empty() {
        return Ok(0);
    }
    io::read_scattered(mem, bufs, |bytes| {
        interrupt
            .retry(socket.handle(), false, socket.is_nonblocking(), || socket.recv(bytes, peek))
    })
}

/// Sends once, for `sock_send` and `fd_write`.
pub(super) fn send(
    socket: &Socket,
    interrupt: &Interrupt,
    mem: &GuestMemory<'_>,
    bufs: &[GuestBuf],
) -> Result<u32, Errno> {
    let pieces = io::gather(mem, bufs)?;
    let slices = io::slices(&pieces);
    let count =
        interrupt.retry(socket.handle(), true, socket.is_nonblocking(), || socket.send(&slices))?;
    u32::try_from(count).map_err(|_| Errno::Overflow)
}
