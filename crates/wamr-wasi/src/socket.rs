//! Sockets of a guest: those that the embedder hands in, the connections accepted from them, and
//! those that the guest makes itself. Where a socket may lead stands in `network`.

use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crate::errno::Errno;
use crate::sys::{Handle, NetFlag, NetSocket, Received};
use crate::types::{FdFlags, FdStat, FileType, Rights, SdFlags};

/// A socket. The host's side never blocks; waiting happens where it can be interrupted.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) host: NetSocket,
    pub(crate) datagram: bool,
    pub(crate) v6: bool,
    listening: bool,
    /// A connection is being made in the background.
    pub(crate) connecting: bool,
    pub(crate) flags: FdFlags,
    /// How long to wait before the answer is [`Errno::Again`].
    pub(crate) recv_timeout: Option<Duration>,
    pub(crate) send_timeout: Option<Duration>,
    /// What the guest asked for. The host is told only whether to throw away what was not sent:
    /// closing never waits.
    linger_seconds: Option<u32>,
}

impl Socket {
    fn new(host: NetSocket, datagram: bool, v6: bool) -> Self {
        Self {
            host,
            datagram,
            v6,
            listening: false,
            connecting: false,
            flags: FdFlags::empty(),
            recv_timeout: None,
            send_timeout: None,
            linger_seconds: None,
        }
    }

    /// Makes a socket that is neither bound nor connected.
    pub(crate) fn open(v6: bool, datagram: bool) -> io::Result<Self> {
        Ok(Self::new(NetSocket::open(v6, datagram)?, datagram, v6))
    }

    pub(crate) fn of_listener(listener: TcpListener) -> io::Result<Self> {
        let v6 = listener.local_addr()?.is_ipv6();
        let socket = Self::new(NetSocket::of_listener(listener)?, false, v6);
        Ok(Self { listening: true, ..socket })
    }

    pub(crate) fn of_stream(stream: TcpStream) -> io::Result<Self> {
        let v6 = stream.local_addr()?.is_ipv6();
        Ok(Self::new(NetSocket::of_stream(stream)?, false, v6))
    }

    pub(crate) fn of_datagram(socket: UdpSocket) -> io::Result<Self> {
        let v6 = socket.local_addr()?.is_ipv6();
        Ok(Self::new(NetSocket::of_datagram(socket)?, true, v6))
    }

    pub(crate) fn handle(&self) -> Option<Handle<'_>> {
        self.host.handle()
    }

    pub(crate) fn filetype(&self) -> FileType {
        if self.datagram { FileType::SocketDgram } else { FileType::SocketStream }
    }

    pub(crate) fn fdstat(&self) -> FdStat {
        let rights_base = if self.listening {
            Rights::SOCK_ACCEPT | Rights::POLL_FD_READWRITE | Rights::FD_FDSTAT_SET_FLAGS
        } else {
            Rights::SOCKET
        };
        FdStat {
            filetype: self.filetype(),
            flags: self.flags,
            rights_base,
            rights_inheriting: Rights::SOCKET,
        }
    }

    pub(crate) fn set_flags(&mut self, flags: FdFlags) -> Result<(), Errno> {
        if flags.intersects(FdFlags::all() - FdFlags::NONBLOCK) {
            return Err(Errno::Inval);
        }
        self.flags = flags;
        Ok(())
    }

    pub(crate) fn is_nonblocking(&self) -> bool {
        self.flags.contains(FdFlags::NONBLOCK)
    }

    /// Whether it has an address of its own.
    pub(crate) fn is_bound(&self) -> io::Result<bool> {
        Ok(self.host.local_addr()?.port() != 0)
    }

    pub(crate) fn listen(&mut self, backlog: u32) -> io::Result<()> {
        self.host.listen(backlog)?;
        self.listening = true;
        Ok(())
    }

    /// Takes a waiting connection; what doesn't listen refuses.
    pub(crate) fn accept(&self, flags: FdFlags) -> io::Result<Self> {
        Ok(Self { flags, ..Self::new(self.host.accept()?, false, self.v6) })
    }

    pub(crate) fn recv(&self, buf: &mut [u8], peek: bool) -> io::Result<Received> {
        self.host.recv(buf, peek)
    }

    pub(crate) fn send(&self, bufs: &[IoSlice<'_>], to: Option<SocketAddr>) -> io::Result<usize> {
        self.host.send(bufs, to)
    }

    pub(crate) fn shutdown(&self, how: SdFlags) -> Result<(), Errno> {
        let how = match (how.contains(SdFlags::RD), how.contains(SdFlags::WR)) {
            (true, true) => Shutdown::Both,
            (true, false) => Shutdown::Read,
            (false, true) => Shutdown::Write,
            (false, false) => return Err(Errno::Inval),
        };
        if self.listening {
            return Err(Errno::Notconn);
        }
        Ok(self.host.shutdown(how)?)
    }

    /// Before an IPv6 socket takes every address of the host: whether those of IPv4 are meant too.
    pub(crate) fn keep_to_v6(&self) -> io::Result<()> {
        if self.v6 { self.host.set_flag(NetFlag::V6Only, true) } else { Ok(()) }
    }

    pub(crate) fn linger_seconds(&self) -> Option<u32> {
        self.linger_seconds
    }

    pub(crate) fn set_linger(&mut self, seconds: Option<u32>) -> io::Result<()> {
        self.host.set_abortive(seconds == Some(0))?;
        self.linger_seconds = seconds;
        Ok(())
    }
}
