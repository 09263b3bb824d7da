//! Messages with addresses.

use super::address;
use super::connect::target;
use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::guest::GuestMemory;
use crate::preview1::sock;
use crate::types::RiFlags;

/// Sends a list of buffers to an address, as one message, and writes the count. A stream goes where
/// it is connected to.
///
/// # Errors
/// `Badf` if `fd` isn't open, `Notsock` if it isn't a socket, `Acces` for an address that the guest
/// may not use, `Afnosupport` for one of another family, `Inval` for any flag or too many buffers,
/// `Again` if it would wait and the socket is in non-blocking mode, `Intr` if interrupted, `Fault`
/// for addresses outside the memory, and what the host says.
#[expect(clippy::too_many_arguments, reason = "WAMR's own signature")]
pub fn sock_send_to(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    flags: u32,
    address: u32,
    nwritten: u32,
) -> Result<(), Errno> {
    let socket = ctx.fds.socket(fd)?;
    let to = target(socket, &ctx.network, address::read(mem, address)?)?;
    if flags != 0 {
        return Err(Errno::Inval);
    }
    let bufs = mem.iovecs(iovs, iovs_len)?;
    mem.check(nwritten, 4)?;
    let count = sock::send(socket, &ctx.interrupt, mem, &bufs, socket.datagram.then_some(to))?;
    mem.write_u32(nwritten, count)
}

/// Receives one message, or what a stream has, into a list of buffers; writes the count, and the
/// address that it came from. What doesn't fit of a message is lost.
///
/// # Errors
/// `Badf` if `fd` isn't open, `Notsock` if it isn't a socket, `Again` if nothing is there and the
/// socket is in non-blocking mode or its timeout passed, `Intr` if interrupted, `Fault` for
/// addresses outside the memory, `Inval` for unknown flags or too many buffers.
#[expect(clippy::too_many_arguments, reason = "WAMR's own signature")]
pub fn sock_recv_from(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    flags: u32,
    address: u32,
    nread: u32,
) -> Result<(), Errno> {
    let socket = ctx.fds.socket(fd)?;
    let flags = RiFlags::parse(flags)?;
    let bufs = mem.iovecs(iovs, iovs_len)?;
    mem.check(address, address::SIZE)?;
    mem.check(nread, 4)?;
    let received = sock::recv(socket, &ctx.interrupt, mem, &bufs, flags)?;
    let from = match received.from {
        Some(from) => Some(from),
        None => socket.host.peer_addr().ok(),
    };
    if let Some(from) = from {
        address::write(mem, address, from)?;
    }
    mem.write_u32(nread, received.count)
}
