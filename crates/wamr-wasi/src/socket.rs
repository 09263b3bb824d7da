//! Sockets that the embedder hands to a guest: listeners, and the connections that a guest accepts
//! from them. A guest can't make sockets of its own.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use crate::errno::Errno;
use crate::sys::{self, Handle};
use crate::types::{FdFlags, FdStat, FileType, Rights, SdFlags};

/// A socket. The host's side never blocks; waiting happens where it can be interrupted.
#[derive(Debug)]
pub(crate) struct Socket {
    kind: SocketKind,
    pub(crate) flags: FdFlags,
}

#[derive(Debug)]
enum SocketKind {
    Listener(TcpListener),
    Connection(TcpStream),
}

impl Socket {
    pub(crate) fn listener(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { kind: SocketKind::Listener(listener), flags: FdFlags::empty() })
    }

    pub(crate) fn handle(&self) -> Option<Handle<'_>> {
        match &self.kind {
            SocketKind::Listener(listener) => sys::handle_of(listener),
            SocketKind::Connection(connection) => sys::handle_of(connection),
        }
    }

    pub(crate) fn fdstat(&self) -> FdStat {
        let (rights_base, rights_inheriting) = match &self.kind {
            SocketKind::Listener(_) => (
                Rights::SOCK_ACCEPT | Rights::POLL_FD_READWRITE | Rights::FD_FDSTAT_SET_FLAGS,
                Rights::SOCKET,
            ),
            SocketKind::Connection(_) => (Rights::SOCKET, Rights::SOCKET),
        };
        FdStat {
            filetype: FileType::SocketStream,
            flags: self.flags,
            rights_base,
            rights_inheriting,
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

    /// Takes a waiting connection; a connection refuses.
    pub(crate) fn accept(&self) -> io::Result<TcpStream> {
        match &self.kind {
            SocketKind::Listener(listener) => listener.accept().map(|(connection, _)| connection),
            SocketKind::Connection(_) => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// The socket of an accepted connection.
    pub(crate) fn connection(connection: TcpStream, flags: FdFlags) -> io::Result<Self> {
        connection.set_nonblocking(true)?;
        Ok(Self { kind: SocketKind::Connection(connection), flags })
    }

    pub(crate) fn recv(&self, buf: &mut [u8], peek: bool) -> io::Result<usize> {
        let mut connection = self.connected()?;
        if peek { connection.peek(buf) } else { connection.read(buf) }
    }

    pub(crate) fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.connected()?.write_vectored(bufs)
    }

    pub(crate) fn shutdown(&self, how: SdFlags) -> Result<(), Errno> {
        let how = match (how.contains(SdFlags::RD), how.contains(SdFlags::WR)) {
            (true, true) => Shutdown::Both,
            (true, false) => Shutdown::Read,
            (false, true) => Shutdown::Write,
            (false, false) => return Err(Errno::Inval),
        };
        Ok(self.connected()?.shutdown(how)?)
    }

    fn connected(&self) -> io::Result<&TcpStream> {
        match &self.kind {
            SocketKind::Connection(connection) => Ok(connection),
            SocketKind::Listener(_) => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}
