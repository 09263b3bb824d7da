//! Sockets on Unix, through `rustix`. They never block; whoever waits does so where it can be
//! interrupted.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::net::{
    self, AddressFamily, RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendFlags, SocketAddrAny, SocketType, sockopt,
};

use super::{Handle, NetFlag, NetNumber, Received};

/// A socket of the host.
#[derive(Debug)]
pub(crate) struct NetSocket(OwnedFd);

impl NetSocket {
    /// Makes a socket that is neither bound nor connected.
    pub(crate) fn open(v6: bool, datagram: bool) -> io::Result<Self> {
        let family = if v6 { AddressFamily::INET6 } else { AddressFamily::INET };
        let kind = if datagram { SocketType::DGRAM } else { SocketType::STREAM };
        prepared(system::socket(family, kind)?)
    }

    pub(crate) fn of_listener(listener: TcpListener) -> io::Result<Self> {
        prepared(listener.into())
    }

    pub(crate) fn of_stream(stream: TcpStream) -> io::Result<Self> {
        prepared(stream.into())
    }

    pub(crate) fn of_datagram(socket: UdpSocket) -> io::Result<Self> {
        prepared(socket.into())
    }

    pub(crate) fn handle(&self) -> Option<Handle<'_>> {
        Some(self.0.as_fd())
    }

    pub(crate) fn bind(&self, address: SocketAddr) -> io::Result<()> {
        Ok(net::bind(&self.0, &address)?)
    }

    pub(crate) fn listen(&self, backlog: u32) -> io::Result<()> {
        Ok(net::listen(&self.0, i32::try_from(backlog).unwrap_or(i32::MAX))?)
    }

    pub(crate) fn accept(&self) -> io::Result<Self> {
        prepared(system::accept(&self.0)?)
    }

    /// Begins to connect; an error that [`in_progress`] knows means that it goes on.
    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<()> {
        Ok(net::connect(&self.0, &address)?)
    }

    /// What became of connecting.
    pub(crate) fn take_error(&self) -> io::Result<()> {
        Ok(sockopt::socket_error(&self.0)??)
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        internet(Some(net::getsockname(&self.0)?))
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        internet(net::getpeername(&self.0)?)
    }

    /// Receives once. Of a datagram, what does not fit is lost.
    pub(crate) fn recv(&self, buf: &mut [u8], peek: bool) -> io::Result<Received> {
        let flags = if peek { RecvFlags::PEEK } else { RecvFlags::empty() };
        let mut control = RecvAncillaryBuffer::default();
        let received = net::recvmsg(&self.0, &mut [IoSliceMut::new(buf)], &mut control, flags)?;
        let from = received.address.and_then(|from| SocketAddr::try_from(from).ok());
        let truncated = received.flags.contains(ReturnFlags::TRUNC);
        Ok(Received { count: received.bytes, truncated, from })
    }

    /// Sends the buffers at once, as one datagram if it is a matter of those.
    pub(crate) fn send(&self, bufs: &[IoSlice<'_>], to: Option<SocketAddr>) -> io::Result<usize> {
        let mut control = SendAncillaryBuffer::default();
        let flags = system::SEND_FLAGS;
        Ok(match to {
            None => net::sendmsg(&self.0, bufs, &mut control, flags)?,
            Some(to) => net::sendmsg_addr(&self.0, &to, bufs, &mut control, flags)?,
        })
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => net::Shutdown::Read,
            Shutdown::Write => net::Shutdown::Write,
            Shutdown::Both => net::Shutdown::Both,
        };
        Ok(net::shutdown(&self.0, how)?)
    }

    pub(crate) fn flag(&self, flag: NetFlag) -> io::Result<bool> {
        let fd = &self.0;
        Ok(match flag {
            NetFlag::Broadcast => sockopt::socket_broadcast(fd)?,
            NetFlag::KeepAlive => sockopt::socket_keepalive(fd)?,
            NetFlag::ReuseAddr => sockopt::socket_reuseaddr(fd)?,
            NetFlag::ReusePort => sockopt::socket_reuseport(fd)?,
            NetFlag::NoDelay => sockopt::tcp_nodelay(fd)?,
            NetFlag::QuickAck => system::quick_ack(fd)?,
            NetFlag::V6Only => sockopt::ipv6_v6only(fd)?,
            NetFlag::MulticastLoopV4 => sockopt::ip_multicast_loop(fd)?,
            NetFlag::MulticastLoopV6 => sockopt::ipv6_multicast_loop(fd)?,
            NetFlag::FastOpenConnect => return Err(io::ErrorKind::Unsupported.into()),
        })
    }

    pub(crate) fn set_flag(&self, flag: NetFlag, value: bool) -> io::Result<()> {
        let fd = &self.0;
        match flag {
            NetFlag::Broadcast => sockopt::set_socket_broadcast(fd, value)?,
            NetFlag::KeepAlive => sockopt::set_socket_keepalive(fd, value)?,
            NetFlag::ReuseAddr => sockopt::set_socket_reuseaddr(fd, value)?,
            NetFlag::ReusePort => sockopt::set_socket_reuseport(fd, value)?,
            NetFlag::NoDelay => sockopt::set_tcp_nodelay(fd, value)?,
            NetFlag::QuickAck => system::set_quick_ack(fd, value)?,
            NetFlag::V6Only => sockopt::set_ipv6_v6only(fd, value)?,
            NetFlag::MulticastLoopV4 => sockopt::set_ip_multicast_loop(fd, value)?,
            NetFlag::MulticastLoopV6 => sockopt::set_ipv6_multicast_loop(fd, value)?,
            NetFlag::FastOpenConnect => return Err(io::ErrorKind::Unsupported.into()),
        }
        Ok(())
    }

    pub(crate) fn number(&self, number: NetNumber) -> io::Result<u32> {
        let fd = &self.0;
        let size = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        Ok(match number {
            NetNumber::RecvBufferBytes => size(sockopt::socket_recv_buffer_size(fd)?),
            NetNumber::SendBufferBytes => size(sockopt::socket_send_buffer_size(fd)?),
            NetNumber::KeepIdleSeconds => seconds(sockopt::tcp_keepidle(fd)?),
            NetNumber::KeepIntervalSeconds => seconds(sockopt::tcp_keepintvl(fd)?),
            NetNumber::Ttl => sockopt::ip_ttl(fd)?,
            NetNumber::MulticastTtl => sockopt::ip_multicast_ttl(fd)?,
        })
    }

    pub(crate) fn set_number(&self, number: NetNumber, value: u32) -> io::Result<()> {
        let fd = &self.0;
        let seconds = Duration::from_secs(value.into());
        // The systems count in signed numbers.
        let size = value.min(i32::MAX as u32) as usize;
        match number {
            NetNumber::RecvBufferBytes => sockopt::set_socket_recv_buffer_size(fd, size)?,
            NetNumber::SendBufferBytes => sockopt::set_socket_send_buffer_size(fd, size)?,
            NetNumber::KeepIdleSeconds => sockopt::set_tcp_keepidle(fd, seconds)?,
            NetNumber::KeepIntervalSeconds => sockopt::set_tcp_keepintvl(fd, seconds)?,
            NetNumber::Ttl => sockopt::set_ip_ttl(fd, value)?,
            NetNumber::MulticastTtl => sockopt::set_ip_multicast_ttl(fd, value)?,
        }
        Ok(())
    }

    /// Closing such a socket throws away what was not sent; others send it in the background.
    pub(crate) fn set_abortive(&self, abortive: bool) -> io::Result<()> {
        Ok(sockopt::set_socket_linger(&self.0, abortive.then_some(Duration::ZERO))?)
    }

    /// Joins or leaves a multicast group. The interface is an address for IPv4, in the order of
    /// the network, and a number for IPv6.
    pub(crate) fn set_membership(
        &self,
        group: IpAddr,
        interface: u32,
        join: bool,
    ) -> io::Result<()> {
        let fd = &self.0;
        let v4_interface = Ipv4Addr::from(interface.to_le_bytes());
        match (group, join) {
            (IpAddr::V4(group), true) => {
                sockopt::set_ip_add_membership(fd, &group, &v4_interface)?;
            }
            (IpAddr::V4(group), false) => {
                sockopt::set_ip_drop_membership(fd, &group, &v4_interface)?;
            }
            (IpAddr::V6(group), true) => sockopt::set_ipv6_add_membership(fd, &group, interface)?,
            (IpAddr::V6(group), false) => {
                sockopt::set_ipv6_drop_membership(fd, &group, interface)?;
            }
        }
        Ok(())
    }
}

/// Whether connecting goes on in the background.
pub(crate) fn in_progress(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::INPROGRESS)
}

/// The port of a service that the system knows by this name.
pub(crate) fn service_port(name: &str) -> Option<u16> {
    let known = std::fs::read_to_string("/etc/services").ok()?;
    known.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let first = words.next()?;
        let port = words.next()?.split('/').next()?.parse().ok()?;
        (first == name || words.any(|alias| alias == name)).then_some(port)
    })
}

fn prepared(socket: OwnedFd) -> io::Result<NetSocket> {
    rustix::io::ioctl_fionbio(&socket, true)?;
    system::prepare(&socket)?;
    Ok(NetSocket(socket))
}

fn internet(address: Option<SocketAddrAny>) -> io::Result<SocketAddr> {
    let address = address.ok_or(io::ErrorKind::NotConnected)?;
    Ok(SocketAddr::try_from(address)?)
}

/// What not every Unix has.
#[cfg(not(target_vendor = "apple"))]
mod system {
    use super::*;
    use rustix::net::SocketFlags;

    pub(super) const SEND_FLAGS: SendFlags = SendFlags::NOSIGNAL;

    pub(super) fn socket(family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
        Ok(net::socket_with(family, kind, SocketFlags::CLOEXEC, None)?)
    }

    pub(super) fn accept(listener: &OwnedFd) -> io::Result<OwnedFd> {
        Ok(net::accept_with(listener, SocketFlags::CLOEXEC)?)
    }

    pub(super) fn prepare(_socket: &OwnedFd) -> io::Result<()> {
        Ok(())
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn quick_ack(socket: &OwnedFd) -> io::Result<bool> {
        Ok(sockopt::tcp_quickack(socket)?)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn set_quick_ack(socket: &OwnedFd, value: bool) -> io::Result<()> {
        Ok(sockopt::set_tcp_quickack(socket, value)?)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) use super::no_quick_ack::*;
}

#[cfg(target_vendor = "apple")]
mod system {
    use super::*;

    pub(super) use super::no_quick_ack::*;

    pub(super) const SEND_FLAGS: SendFlags = SendFlags::empty();

    pub(super) fn socket(family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
        Ok(net::socket(family, kind, None)?)
    }

    pub(super) fn accept(listener: &OwnedFd) -> io::Result<OwnedFd> {
        Ok(net::accept(listener)?)
    }

    pub(super) fn prepare(socket: &OwnedFd) -> io::Result<()> {
        rustix::io::fcntl_setfd(socket, rustix::io::FdFlags::CLOEXEC)?;
        Ok(sockopt::set_socket_nosigpipe(socket, true)?)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod no_quick_ack {
    use super::*;

    pub(super) fn quick_ack(_socket: &OwnedFd) -> io::Result<bool> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn set_quick_ack(_socket: &OwnedFd, _value: bool) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
