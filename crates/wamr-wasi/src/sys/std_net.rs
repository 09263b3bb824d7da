//! Sockets where only the standard library has them: those that the embedder made. What it cannot
//! do answers that it is not supported.

use std::io::{self, IoSlice, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};

use super::{Handle, NetFlag, NetNumber, Received};

/// A socket of the host.
#[derive(Debug)]
pub(crate) enum NetSocket {
    Listener(TcpListener),
    Stream(TcpStream),
    Datagram(UdpSocket),
}

impl NetSocket {
    pub(crate) fn open(_v6: bool, _datagram: bool) -> io::Result<Self> {
        unsupported()
    }

    pub(crate) fn of_listener(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self::Listener(listener))
    }

    pub(crate) fn of_stream(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self::Stream(stream))
    }

    pub(crate) fn of_datagram(socket: UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self::Datagram(socket))
    }

    pub(crate) fn handle(&self) -> Option<Handle<'_>> {
        None
    }

    pub(crate) fn bind(&self, _address: SocketAddr) -> io::Result<()> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    pub(crate) fn listen(&self, _backlog: u32) -> io::Result<()> {
        unsupported()
    }

    pub(crate) fn accept(&self) -> io::Result<Self> {
        match self {
            Self::Listener(listener) => Self::of_stream(listener.accept()?.0),
            Self::Stream(_) => Err(io::ErrorKind::InvalidInput.into()),
            Self::Datagram(_) => unsupported(),
        }
    }

    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<()> {
        match self {
            Self::Datagram(socket) => socket.connect(address),
            Self::Listener(_) | Self::Stream(_) => unsupported(),
        }
    }

    pub(crate) fn take_error(&self) -> io::Result<()> {
        let error = match self {
            Self::Listener(listener) => listener.take_error()?,
            Self::Stream(stream) => stream.take_error()?,
            Self::Datagram(socket) => socket.take_error()?,
        };
        error.map_or(Ok(()), Err)
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Listener(listener) => listener.local_addr(),
            Self::Stream(stream) => stream.local_addr(),
            Self::Datagram(socket) => socket.local_addr(),
        }
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Listener(_) => Err(io::ErrorKind::NotConnected.into()),
            Self::Stream(stream) => stream.peer_addr(),
            Self::Datagram(socket) => socket.peer_addr(),
        }
    }

    pub(crate) fn recv(&self, buf: &mut [u8], peek: bool) -> io::Result<Received> {
        let (count, from) = match self {
            Self::Listener(_) => return Err(io::ErrorKind::NotConnected.into()),
            Self::Stream(stream) if peek => (stream.peek(buf)?, None),
            Self::Stream(stream) => ((&mut &*stream).read(buf)?, None),
            Self::Datagram(socket) => {
                let (count, from) =
                    if peek { socket.peek_from(buf)? } else { socket.recv_from(buf)? };
                (count, Some(from))
            }
        };
        Ok(Received { count: count.min(buf.len()), truncated: false, from })
    }

    pub(crate) fn send(&self, bufs: &[IoSlice<'_>], to: Option<SocketAddr>) -> io::Result<usize> {
        match (self, to) {
            (Self::Listener(_), _) => Err(io::ErrorKind::NotConnected.into()),
            (Self::Stream(stream), _) => (&mut &*stream).write_vectored(bufs),
            (Self::Datagram(socket), to) => {
                let bytes: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
                match to {
                    Some(to) => socket.send_to(&bytes, to),
                    None => socket.send(&bytes),
                }
            }
        }
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Stream(stream) => stream.shutdown(how),
            Self::Listener(_) | Self::Datagram(_) => unsupported(),
        }
    }

    pub(crate) fn flag(&self, _flag: NetFlag) -> io::Result<bool> {
        unsupported()
    }

    pub(crate) fn set_flag(&self, _flag: NetFlag, _value: bool) -> io::Result<()> {
        unsupported()
    }

    pub(crate) fn number(&self, _number: NetNumber) -> io::Result<u32> {
        unsupported()
    }

    pub(crate) fn set_number(&self, _number: NetNumber, _value: u32) -> io::Result<()> {
        unsupported()
    }

    pub(crate) fn set_abortive(&self, _abortive: bool) -> io::Result<()> {
        unsupported()
    }

    pub(crate) fn set_membership(
        &self,
        _group: IpAddr,
        _interface: u32,
        _join: bool,
    ) -> io::Result<()> {
        unsupported()
    }
}

/// Whether connecting goes on in the background.
pub(crate) fn in_progress(_error: &io::Error) -> bool {
    false
}

/// The port of a service that the system knows by this name.
pub(crate) fn service_port(_name: &str) -> Option<u16> {
    None
}

fn unsupported<T>() -> io::Result<T> {
    Err(io::ErrorKind::Unsupported.into())
}
