//! Functions on sockets.

use std::net::SocketAddr;

use super::io;
use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::fd::Descriptor;
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
    let listener = ctx.fds.socket(fd)?;
    ctx.fds.check_room()?;
    let connection = ctx.interrupt.retry_for(
        listener.handle(),
        false,
        listener.is_nonblocking(),
        listener.recv_timeout,
        || listener.accept(flags),
    )?;
    mem.write_u32(accepted, ctx.fds.insert(Descriptor::Socket(connection))?)
}

/// Receives into a list of buffers, of a stream what is there or as much as fits, of datagrams one;
/// writes the count, and a flag that says that the rest of a datagram is lost.
///
/// # Errors
/// `Badf` if `fd` isn't open, `Notsock` if it isn't a socket, `Notconn` if it isn't connected,
/// `Notsup` for looking ahead until all buffers are full, `Again` if nothing is there and the
/// socket is in non-blocking mode or its timeout passed, `Intr` if interrupted, `Fault` for
/// addresses outside the memory, `Inval` for unknown flags or too many buffers.
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
    let socket = ctx.fds.socket(fd)?;
    let flags = RiFlags::parse(flags)?;
    let bufs = mem.iovecs(iovs, iovs_len)?;
    mem.check(nread, 4)?;
    mem.check(out_flags, 2)?;
    let received = recv(socket, &ctx.interrupt, mem, &bufs, flags)?;
    mem.write_u32(nread, received.count)?;
    mem.write_u16(out_flags, received.truncated.into())
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
    let socket = ctx.fds.socket(fd)?;
    if flags != 0 {
        return Err(Errno::Inval);
    }
    let bufs = mem.iovecs(iovs, iovs_len)?;
    mem.check(nwritten, 4)?;
    let count = send(socket, &ctx.interrupt, mem, &bufs, None)?;
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
    let socket = ctx.fds.socket(fd)?;
    socket.shutdown(SdFlags::parse(how)?)
}

/// What a guest received.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GuestReceived {
    pub(crate) count: u32,
    pub(crate) truncated: bool,
    pub(crate) from: Option<SocketAddr>,
}

/// Receives once, or until the buffers are full if the flags say so.
pub(crate) fn recv(
    socket: &Socket,
    interrupt: &Interrupt,
    mem: &mut GuestMemory<'_>,
    bufs: &[GuestBuf],
    flags: RiFlags,
) -> Result<GuestReceived, Errno> {
    let peek = flags.contains(RiFlags::PEEK);
    // A datagram is whole as it is.
    let all = flags.contains(RiFlags::WAITALL) && !socket.datagram;
    if all && peek {
        return Err(Errno::Notsup);
    }
    if !all {
        return recv_once(socket, interrupt, mem, bufs, peek);
    }
    let mut total = GuestReceived::default();
    for &GuestBuf { mut ptr, mut len } in bufs {
        while len > 0 {
            let received = match recv_once(socket, interrupt, mem, &[GuestBuf { ptr, len }], false)
            {
                Ok(received) => received,
                Err(errno) if total.count == 0 || errno == Errno::Intr => return Err(errno),
                Err(_) => return Ok(total),
            };
            if received.count == 0 {
                return Ok(total);
            }
            // The buffers lie in the memory, and their lengths fit in 32 bits together.
            total.count = total.count.saturating_add(received.count);
            ptr = ptr.wrapping_add(received.count);
            len = len.saturating_sub(received.count);
        }
    }
    Ok(total)
}

fn recv_once(
    socket: &Socket,
    interrupt: &Interrupt,
    mem: &mut GuestMemory<'_>,
    bufs: &[GuestBuf],
    peek: bool,
) -> Result<GuestReceived, Errno> {
    let mut found = GuestReceived::default();
    if bufs.is_empty() {
        return Ok(found);
    }
    found.count = io::read_scattered(mem, bufs, |bytes| {
        let nonblocking = socket.is_nonblocking();
        let timeout = socket.recv_timeout;
        let received = interrupt
            .retry_for(socket.handle(), false, nonblocking, timeout, || socket.recv(bytes, peek))?;
        (found.truncated, found.from) = (received.truncated, received.from);
        Ok(received.count)
    })?;
    Ok(found)
}

/// Sends once, to where the socket is connected to or to an address.
pub(crate) fn send(
    socket: &Socket,
    interrupt: &Interrupt,
    mem: &GuestMemory<'_>,
    bufs: &[GuestBuf],
    to: Option<SocketAddr>,
) -> Result<u32, Errno> {
    let pieces = io::gather(mem, bufs)?;
    let slices = io::slices(&pieces);
    let nonblocking = socket.is_nonblocking();
    let timeout = socket.send_timeout;
    let count = interrupt
        .retry_for(socket.handle(), true, nonblocking, timeout, || socket.send(&slices, to))?;
    u32::try_from(count).map_err(|_| Errno::Overflow)
}
