//! Making sockets, and giving them addresses.

use std::net::SocketAddr;
use std::time::Instant;

use super::address;
use crate::ctx::WasiCtx;
use crate::errno::Errno;
use crate::fd::Descriptor;
use crate::guest::GuestMemory;
use crate::network::Network;
use crate::socket::Socket;
use crate::sys;

/// Makes a socket of a family (0 IPv4, 1 IPv6) and a kind (0 datagrams, 1 a stream), and writes its
/// descriptor. The first argument stands for an address pool of its own, which nobody has.
///
/// # Errors
/// `Afnosupport` for an unknown family, `Inval` for an unknown kind, `Mfile` if the guest holds too
/// many descriptors, `Fault` for an address outside the memory, and what the host says.
pub fn sock_open(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    _pool_fd: u32,
    family: u32,
    kind: u32,
    opened: u32,
) -> Result<(), Errno> {
    let v6 = match family {
        0 => false,
        1 => true,
        _ => return Err(Errno::Afnosupport),
    };
    let datagram = match kind {
        0 => true,
        1 => false,
        _ => return Err(Errno::Inval),
    };
    mem.check(opened, 4)?;
    ctx.fds.check_room()?;
    let socket = Socket::open(v6, datagram)?;
    mem.write_u32(opened, ctx.fds.insert(Descriptor::Socket(socket))?)
}

/// Closes a socket.
///
/// # Errors
/// `Badf` if `fd` isn't open, `Notsock` if it isn't a socket.
pub fn sock_close(ctx: &mut WasiCtx, _mem: &mut GuestMemory<'_>, fd: u32) -> Result<(), Errno> {
    ctx.fds.socket(fd)?;
    ctx.fds.remove(fd).map(drop)
}

/// Gives a socket an address of the host.
///
/// # Errors
/// `Badf` if `fd` isn't open, `Notsock` if it isn't a socket, `Acces` for an address that the guest
/// may not use, `Afnosupport` for one of another family, `Fault` outside the memory, and what the
/// host says.
pub fn sock_bind(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    address: u32,
) -> Result<(), Errno> {
    let socket = ctx.fds.socket(fd)?;
    let address = target(socket, &ctx.network, address::read(mem, address)?)?;
    if address.ip().is_unspecified() && ctx.network.check_unspecified(false).is_err() {
        socket.keep_to_v6()?;
    }
    Ok(socket.host.bind(address)?)
}

/// Begins to take connections. A socket without an address gets a port at all addresses of the
/// host.
///
/// # Errors
/// `Badf` if `fd` isn't open, `Notsock` if it isn't a socket, `Acces` if it has no address and the
/// guest may not use all, and what the host says.
pub fn sock_listen(
    ctx: &mut WasiCtx,
    _mem: &mut GuestMemory<'_>,
    fd: u32,
    backlog: u32,
) -> Result<(), Errno> {
    let socket = ctx.fds.socket_mut(fd)?;
    if !socket.is_bound()? {
        ctx.network.check_unspecified(socket.v6)?;
        if ctx.network.check_unspecified(false).is_err() {
            socket.keep_to_v6()?;
        }
    }
    Ok(socket.listen(backlog)?)
}

/// Connects a socket, and waits for that unless it is in non-blocking mode. Of datagrams, it sets
/// where they go and come from.
///
/// # Errors
/// `Badf` if `fd` isn't open, `Notsock` if it isn't a socket, `Acces` for an address that the guest
/// may not use, `Afnosupport` for one of another family, `Inprogress` in non-blocking mode or after
/// the send timeout, `Intr` if interrupted, `Fault` outside the memory, and what the host says.
pub fn sock_connect(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    address: u32,
) -> Result<(), Errno> {
    let socket = ctx.fds.socket_mut(fd)?;
    let address = target(socket, &ctx.network, address::read(mem, address)?)?;
    if !(socket.connecting && ctx.waits_elsewhere) {
        socket.connecting = false;
        match socket.host.connect(address) {
            Err(error) if sys::in_progress(&error) => {}
            result => return Ok(result?),
        }
        if socket.is_nonblocking() {
            return Err(Errno::Inprogress);
        }
        if ctx.waits_elsewhere {
            socket.connecting = true;
            return Err(Errno::Again);
        }
        if let Some(handle) = socket.handle() {
            let deadline = socket.send_timeout.and_then(|time| Instant::now().checked_add(time));
            let waited = ctx.interrupt.wait_ready_until(handle, true, deadline);
            waited
                .map_err(|errno| if errno == Errno::Again { Errno::Inprogress } else { errno })?;
        }
    }
    socket.connecting = false;
    socket.host.take_error()?;
    // Some systems count a socket as connected only when they are asked again.
    match socket.host.connect(address).map_err(Errno::from) {
        Err(Errno::Isconn) => Ok(()),
        result => result,
    }
}

/// Writes the address that a socket has.
///
/// # Errors
/// `Badf` if `fd` isn't open, `Notsock` if it isn't a socket, `Fault` outside the memory.
pub fn sock_addr_local(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    address: u32,
) -> Result<(), Errno> {
    let local = ctx.fds.socket(fd)?.host.local_addr()?;
    address::write(mem, address, local)
}

/// Writes the address that a socket is connected to.
///
/// # Errors
/// `Badf` if `fd` isn't open, `Notsock` if it isn't a socket, `Notconn` if it isn't connected,
/// `Fault` outside the memory.
pub fn sock_addr_remote(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    fd: u32,
    address: u32,
) -> Result<(), Errno> {
    let peer = ctx.fds.socket(fd)?.host.peer_addr()?;
    address::write(mem, address, peer)
}

/// An address that a guest may use with a socket.
pub(super) fn target(
    socket: &Socket,
    network: &Network,
    address: SocketAddr,
) -> Result<SocketAddr, Errno> {
    if address.is_ipv6() != socket.v6 {
        return Err(Errno::Afnosupport);
    }
    network.check_address(address.ip())?;
    Ok(address)
}
