//! Sockets that guests make themselves.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::*;
use wamr_wasi::preview1::{fd, sock};
use wamr_wasi::{Errno, SharedWasiCtx, WasiCtxBuilder, sockets};

const ADDRESS: u32 = 2048;
const IOV: u32 = 2100;
const COUNT: u32 = 2200;
const FLAGS: u32 = 2204;

const V4: u32 = 0;
const V6: u32 = 1;
const DATAGRAM: u32 = 0;
const STREAM: u32 = 1;

fn guest_of(ranges: &[&str]) -> Guest {
    let ranges = ranges.iter().map(|range| range.parse().unwrap());
    Guest::new(WasiCtxBuilder::new().allow_addresses(ranges))
}

fn guest() -> Guest {
    guest_of(&["127.0.0.1/32"])
}

fn open(guest: &mut Guest, kind: u32) -> Result<u32> {
    open_in(guest, V4, kind)
}

fn open_in(guest: &mut Guest, family: u32, kind: u32) -> Result<u32> {
    guest.call_u32(|ctx, mem, result| sockets::sock_open(ctx, mem, u32::MAX, family, kind, result))
}

/// Puts an address into memory, in WAMR's layout.
fn put(guest: &mut Guest, address: &str) {
    let at = &mut guest.memory[ADDRESS as usize..][..24];
    at.fill(0);
    match address.parse().unwrap() {
        SocketAddr::V4(address) => {
            at[4..8].copy_from_slice(&address.ip().octets());
            at[8..10].copy_from_slice(&address.port().to_le_bytes());
        }
        SocketAddr::V6(address) => {
            at[0] = 1;
            for (to, group) in at[4..20].chunks_exact_mut(2).zip(address.ip().segments()) {
                to.copy_from_slice(&group.to_le_bytes());
            }
            at[20..22].copy_from_slice(&address.port().to_le_bytes());
        }
    }
}

/// The address that a function left.
fn found(guest: &Guest) -> SocketAddr {
    let at = &guest.memory[ADDRESS as usize..][..24];
    let word = |at: &[u8]| u16::from_le_bytes([at[0], at[1]]);
    if at[..4] == [1, 0, 0, 0] {
        let mut groups = at[4..20].chunks_exact(2).map(word);
        let groups: [u16; 8] = std::array::from_fn(|_| groups.next().unwrap());
        return SocketAddr::new(groups.into(), word(&at[20..22]));
    }
    assert_eq!(at[..4], [0; 4]);
    let ip: [u8; 4] = at[4..8].try_into().unwrap();
    SocketAddr::new(ip.into(), word(&at[8..10]))
}

type OnAddress =
    fn(&mut wamr_wasi::WasiCtx, &mut wamr_wasi::GuestMemory<'_>, u32, u32) -> Result<()>;

fn with_address(guest: &mut Guest, function: OnAddress, fd: u32, address: &str) -> Result<()> {
    put(guest, address);
    guest.call(|ctx, mem| function(ctx, mem, fd, ADDRESS))
}

fn address_of(guest: &mut Guest, function: OnAddress, fd: u32) -> Result<SocketAddr> {
    guest.memory[ADDRESS as usize..][..24].fill(0xee);
    guest.call(|ctx, mem| function(ctx, mem, fd, ADDRESS))?;
    Ok(found(guest))
}

fn put_buffer(guest: &mut Guest, len: usize) {
    guest.call(|_, mem| mem.write_u32(IOV, DATA)).unwrap();
    guest.call(|_, mem| mem.write_u32(IOV + 4, len as u32)).unwrap();
}

fn send_to(guest: &mut Guest, fd: u32, bytes: &[u8], address: &str) -> Result<u32> {
    put(guest, address);
    guest.memory[DATA as usize..][..bytes.len()].copy_from_slice(bytes);
    put_buffer(guest, bytes.len());
    guest.call(|ctx, mem| {
        sockets::sock_send_to(ctx, mem, fd, IOV, 1, 0, ADDRESS, COUNT)?;
        mem.read_u32(COUNT)
    })
}

fn recv_from(guest: &mut Guest, fd: u32, len: usize) -> Result<(Vec<u8>, SocketAddr)> {
    put_buffer(guest, len);
    let count = guest.call(|ctx, mem| {
        sockets::sock_recv_from(ctx, mem, fd, IOV, 1, 0, ADDRESS, COUNT)?;
        mem.read_u32(COUNT)
    })?;
    Ok((guest.memory[DATA as usize..][..count as usize].to_vec(), found(guest)))
}

fn recv(guest: &mut Guest, fd: u32, len: usize, flags: u32) -> Result<(Vec<u8>, u16)> {
    put_buffer(guest, len);
    let (count, out) = guest.call(|ctx, mem| {
        sock::sock_recv(ctx, mem, fd, IOV, 1, flags, COUNT, FLAGS)?;
        Ok::<_, Errno>((mem.read_u32(COUNT)?, mem.read_u16(FLAGS)?))
    })?;
    Ok((guest.memory[DATA as usize..][..count as usize].to_vec(), out))
}

fn accept(guest: &mut Guest, fd: u32) -> Result<u32> {
    guest.call_u32(|ctx, mem, result| sock::sock_accept(ctx, mem, fd, 0, result))
}

fn listen(guest: &mut Guest, fd: u32) -> Result<()> {
    guest.call(|ctx, mem| sockets::sock_listen(ctx, mem, fd, 5))
}

#[test]
fn a_server() {
    let mut guest = guest();
    let server = open(&mut guest, STREAM).unwrap();
    assert_eq!(accept(&mut guest, server), Err(Errno::Inval), "doesn't listen yet");
    with_address(&mut guest, sockets::sock_bind, server, "127.0.0.1:0").unwrap();
    listen(&mut guest, server).unwrap();
    let address = address_of(&mut guest, sockets::sock_addr_local, server).unwrap();
    assert_ne!(address.port(), 0);
    let remote = address_of(&mut guest, sockets::sock_addr_remote, server);
    assert_eq!(remote, Err(Errno::Notconn));

    let mut client = TcpStream::connect(address).unwrap();
    let socket = accept(&mut guest, server).unwrap();
    let remote = address_of(&mut guest, sockets::sock_addr_remote, socket).unwrap();
    assert_eq!(remote, client.local_addr().unwrap());
    assert_eq!(address_of(&mut guest, sockets::sock_addr_local, socket), Ok(address));
    client.write_all(b"question").unwrap();
    assert_eq!(recv_from(&mut guest, socket, 100), Ok((b"question".to_vec(), remote)));
    assert_eq!(guest.write(socket, b"answer"), Ok(6));
    guest.call(|ctx, mem| sockets::sock_close(ctx, mem, socket)).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"answer");
    let closed = guest.call(|ctx, mem| sockets::sock_close(ctx, mem, socket));
    assert_eq!(closed, Err(Errno::Badf));
    assert_eq!(guest.call(|ctx, mem| sockets::sock_close(ctx, mem, 0)), Err(Errno::Notsock));
}

#[test]
fn a_client() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut guest = guest();
    let socket = open(&mut guest, STREAM).unwrap();
    assert_eq!(guest.write(socket, b"x"), Err(Errno::Pipe), "not connected");
    with_address(&mut guest, sockets::sock_connect, socket, &address).unwrap();
    let again = with_address(&mut guest, sockets::sock_connect, socket, &address);
    assert_eq!(again, Err(Errno::Isconn));
    let (mut peer, _) = listener.accept().unwrap();
    let writer = std::thread::spawn(move || {
        for piece in [&b"one"[..], b"two", b"three"] {
            peer.write_all(piece).unwrap();
            std::thread::yield_now();
        }
        peer
    });
    assert_eq!(recv(&mut guest, socket, 8, 2).unwrap().0, b"onetwoth", "waits for all");
    let peer = writer.join().unwrap();
    assert_eq!(recv(&mut guest, socket, 8, 3), Err(Errno::Notsup), "looking ahead for all");
    drop(peer);
    assert_eq!(recv(&mut guest, socket, 8, 2).unwrap().0, b"ree", "all that there is");

    // Nobody listens where somebody did.
    drop(listener);
    let refused = open(&mut guest, STREAM).unwrap();
    let result = with_address(&mut guest, sockets::sock_connect, refused, &address);
    assert_eq!(result, Err(Errno::Connrefused));
}

/// Traffic over `::1`, where the machine has it; elsewhere guests are told so as well.
#[test]
fn traffic_over_ipv6() {
    let mut guest = guest_of(&["::1/128"]);
    let listener = match TcpListener::bind("[::1]:0") {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("this machine has no ::1 ({error}): only refusals are tested");
            let opened = open_in(&mut guest, V6, STREAM);
            let bound = opened
                .and_then(|socket| with_address(&mut guest, sockets::sock_bind, socket, "[::1]:0"));
            assert!(matches!(bound, Err(Errno::Afnosupport | Errno::Addrnotavail)), "{bound:?}");
            return;
        }
    };
    // As a client.
    let address = listener.local_addr().unwrap();
    let socket = open_in(&mut guest, V6, STREAM).unwrap();
    let outside = with_address(&mut guest, sockets::sock_connect, socket, "[::2]:1");
    assert_eq!(outside, Err(Errno::Acces));
    with_address(&mut guest, sockets::sock_connect, socket, &address.to_string()).unwrap();
    let (mut peer, from) = listener.accept().unwrap();
    assert_eq!(address_of(&mut guest, sockets::sock_addr_local, socket), Ok(from));
    assert_eq!(address_of(&mut guest, sockets::sock_addr_remote, socket), Ok(address));
    assert_eq!(guest.write(socket, b"ping"), Ok(4));
    let mut bytes = [0; 4];
    peer.read_exact(&mut bytes).unwrap();
    peer.write_all(b"pong").unwrap();
    assert_eq!((&bytes, &*guest.read(socket, 100).unwrap()), (b"ping", &b"pong"[..]));

    // As a server.
    let server = open_in(&mut guest, V6, STREAM).unwrap();
    with_address(&mut guest, sockets::sock_bind, server, "[::1]:0").unwrap();
    listen(&mut guest, server).unwrap();
    let address = address_of(&mut guest, sockets::sock_addr_local, server).unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    let socket = accept(&mut guest, server).unwrap();
    client.write_all(b"question").unwrap();
    let remote = client.local_addr().unwrap();
    assert_eq!(recv_from(&mut guest, socket, 100), Ok((b"question".to_vec(), remote)));

    // With datagrams.
    let host = UdpSocket::bind("[::1]:0").unwrap();
    let address = host.local_addr().unwrap();
    let socket = open_in(&mut guest, V6, DATAGRAM).unwrap();
    with_address(&mut guest, sockets::sock_bind, socket, "[::1]:0").unwrap();
    let own = address_of(&mut guest, sockets::sock_addr_local, socket).unwrap();
    assert_eq!(send_to(&mut guest, socket, b"ping", &address.to_string()), Ok(4));
    assert_eq!(host.recv_from(&mut bytes).unwrap(), (4, own));
    host.send_to(b"pong", own).unwrap();
    assert_eq!(recv_from(&mut guest, socket, 100), Ok((b"pong".to_vec(), address)));

    // An address of the other family is none for such a socket.
    let mixed = with_address(&mut guest, sockets::sock_connect, socket, "127.0.0.1:1");
    assert!(matches!(mixed, Err(Errno::Acces | Errno::Afnosupport | Errno::Inval)), "{mixed:?}");
}

#[test]
fn connecting_in_the_background() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut guest = guest();
    let socket = open(&mut guest, STREAM).unwrap();
    guest.call(|ctx, mem| fd::fd_fdstat_set_flags(ctx, mem, socket, NONBLOCK)).unwrap();
    let begun = with_address(&mut guest, sockets::sock_connect, socket, &address);
    assert!(matches!(begun, Ok(()) | Err(Errno::Inprogress)), "{begun:?}");
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(b"x").unwrap();
    let read = loop {
        match guest.read(socket, 1) {
            Err(Errno::Again) => std::thread::yield_now(),
            read => break read,
        }
    };
    assert_eq!(read.unwrap(), b"x");
}

#[test]
fn datagrams() {
    let host = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = host.local_addr().unwrap();
    let mut guest = guest();
    let socket = open(&mut guest, DATAGRAM).unwrap();
    guest.call(|ctx, mem| fd::fd_fdstat_get(ctx, mem, socket, DATA)).unwrap();
    assert_eq!(guest.memory[DATA as usize], 5, "the type of datagram sockets");
    with_address(&mut guest, sockets::sock_bind, socket, "127.0.0.1:0").unwrap();
    let own = address_of(&mut guest, sockets::sock_addr_local, socket).unwrap();
    assert_eq!(send_to(&mut guest, socket, b"ping", &address.to_string()), Ok(4));
    let mut bytes = [0; 100];
    assert_eq!(host.recv_from(&mut bytes).unwrap(), (4, own));
    host.send_to(b"pong", own).unwrap();
    assert_eq!(recv_from(&mut guest, socket, 100), Ok((b"pong".to_vec(), address)));
    host.send_to(b"", own).unwrap();
    assert_eq!(recv_from(&mut guest, socket, 100), Ok((vec![], address)), "an empty one");

    host.send_to(b"too long", own).unwrap();
    assert_eq!(recv(&mut guest, socket, 3, 1), Ok((b"too".to_vec(), 1)), "looking ahead");
    assert_eq!(recv(&mut guest, socket, 3, 0), Ok((b"too".to_vec(), 1)), "the rest is lost");
    host.send_to(b"next", own).unwrap();
    assert_eq!(recv(&mut guest, socket, 100, 2), Ok((b"next".to_vec(), 0)), "whole as it is");

    with_address(&mut guest, sockets::sock_connect, socket, &address.to_string()).unwrap();
    assert_eq!(guest.write(socket, b"connected"), Ok(9));
    assert_eq!(host.recv(&mut bytes).unwrap(), 9);
    assert_eq!(guest.seek(socket, 0, 0), Err(Errno::Spipe));
    assert_eq!(listen(&mut guest, socket), Err(Errno::Notsup));
}

#[test]
fn nothing_outside_the_pool() {
    let outside = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let tcp_address = outside.local_addr().unwrap().to_string();
    let udp_address = udp.local_addr().unwrap().to_string();
    for ranges in [&[][..], &["127.0.0.2/32", "10.0.0.0/8", "::/0"]] {
        let mut guest = guest_of(ranges);
        let stream = open(&mut guest, STREAM).unwrap();
        let datagrams = open(&mut guest, DATAGRAM).unwrap();
        for address in [&*tcp_address, "0.0.0.0:0", "8.8.8.8:53", "255.255.255.255:1"] {
            for socket in [stream, datagrams] {
                for function in [sockets::sock_bind, sockets::sock_connect] {
                    let result = with_address(&mut guest, function, socket, address);
                    assert_eq!(result, Err(Errno::Acces), "{address}");
                }
                assert_eq!(send_to(&mut guest, socket, b"x", address), Err(Errno::Acces));
            }
        }
        assert_eq!(send_to(&mut guest, datagrams, b"x", &udp_address), Err(Errno::Acces));
        // A socket without an address would get all of the host's.
        assert_eq!(listen(&mut guest, stream), Err(Errno::Acces));
        assert_eq!(address_of(&mut guest, sockets::sock_addr_local, stream).unwrap().port(), 0);
        put(&mut guest, "224.0.0.251:0");
        for function in [sockets::sock_set_ip_add_membership, sockets::sock_set_ip_drop_membership]
        {
            let result = guest.call(|ctx, mem| function(ctx, mem, datagrams, ADDRESS, 0));
            assert_eq!(result, Err(Errno::Acces));
        }
    }
    outside.set_nonblocking(true).unwrap();
    udp.set_nonblocking(true).unwrap();
    assert!(outside.accept().is_err(), "somebody connected");
    assert!(udp.recv(&mut [0; 10]).is_err(), "somebody sent");

    // All of a family.
    let mut guest = guest_of(&["0.0.0.0/15"]);
    let stream = open(&mut guest, STREAM).unwrap();
    listen(&mut guest, stream).unwrap();
    let client = open(&mut guest, STREAM).unwrap();
    with_address(&mut guest, sockets::sock_connect, client, &tcp_address).unwrap();
}

#[test]
fn bad_arguments() {
    let mut guest = guest();
    let mut open_with =
        |family, kind, at| guest.call(|ctx, mem| sockets::sock_open(ctx, mem, 0, family, kind, at));
    assert_eq!(open_with(2, 0, 0), Err(Errno::Afnosupport));
    assert_eq!(open_with(u32::MAX, 0, 0), Err(Errno::Afnosupport));
    assert_eq!(open_with(0, 2, 0), Err(Errno::Inval));
    assert_eq!(open_with(0, u32::MAX, 0), Err(Errno::Inval));
    for at in [65533, u32::MAX] {
        assert_eq!(open_with(0, 0, at), Err(Errno::Fault));
    }
    let socket = open(&mut guest, STREAM).unwrap();
    assert_eq!(socket, 3, "what failed took no descriptor");

    for function in [sockets::sock_bind, sockets::sock_connect] {
        for at in [65536 - 23, u32::MAX] {
            let result = guest.call(|ctx, mem| function(ctx, mem, socket, at));
            assert_eq!(result, Err(Errno::Fault));
        }
        assert_eq!(with_address(&mut guest, function, 0, "127.0.0.1:1"), Err(Errno::Notsock));
        assert_eq!(with_address(&mut guest, function, 9, "127.0.0.1:1"), Err(Errno::Badf));
        for tag in [1, 2, u32::MAX] {
            put(&mut guest, "127.0.0.1:1");
            guest.call(|_, mem| mem.write_u32(ADDRESS, tag)).unwrap();
            let result = guest.call(|ctx, mem| function(ctx, mem, socket, ADDRESS));
            assert_eq!(result, Err(Errno::Afnosupport), "of another family, or unknown");
        }
    }
    for at in [65536 - 23, u32::MAX] {
        let local = guest.call(|ctx, mem| sockets::sock_addr_local(ctx, mem, socket, at));
        assert_eq!(local, Err(Errno::Fault));
        let received =
            guest.call(|ctx, mem| sockets::sock_recv_from(ctx, mem, socket, IOV, 0, 0, at, 0));
        assert_eq!(received, Err(Errno::Fault));
    }
    let mut builder = WasiCtxBuilder::new();
    let mut full = Guest::new(builder.max_descriptors(3));
    assert_eq!(open(&mut full, STREAM), Err(Errno::Mfile));
}

#[test]
fn options() {
    let mut guest = guest();
    let stream = open(&mut guest, STREAM).unwrap();
    let datagrams = open(&mut guest, DATAGRAM).unwrap();
    macro_rules! flag {
        ($socket:expr, $get:ident, $set:ident) => {
            for value in [1, 0, 7] {
                guest.call(|ctx, mem| sockets::$set(ctx, mem, $socket, value)).unwrap();
                guest.memory[DATA as usize..][..4].fill(0xee);
                guest.call(|ctx, mem| sockets::$get(ctx, mem, $socket, DATA)).unwrap();
                let expected = [u8::from(value != 0), 0xee, 0xee, 0xee];
                assert_eq!(guest.memory[DATA as usize..][..4], expected, stringify!($get));
            }
            for fd in [0, 99] {
                let result = guest.call(|ctx, mem| sockets::$get(ctx, mem, fd, DATA));
                assert_eq!(result, Err([Errno::Notsock, Errno::Badf][usize::from(fd == 99)]));
                let result = guest.call(|ctx, mem| sockets::$set(ctx, mem, fd, 1));
                assert_eq!(result, Err([Errno::Notsock, Errno::Badf][usize::from(fd == 99)]));
            }
            let result = guest.call(|ctx, mem| sockets::$get(ctx, mem, $socket, 65536));
            assert_eq!(result, Err(Errno::Fault));
        };
    }
    flag!(datagrams, sock_get_broadcast, sock_set_broadcast);
    flag!(stream, sock_get_keep_alive, sock_set_keep_alive);
    flag!(stream, sock_get_reuse_addr, sock_set_reuse_addr);
    flag!(stream, sock_get_reuse_port, sock_set_reuse_port);
    flag!(stream, sock_get_tcp_no_delay, sock_set_tcp_no_delay);
    macro_rules! number {
        ($get:ident, $set:ident, $values:expr) => {
            for value in $values {
                guest.call(|ctx, mem| sockets::$set(ctx, mem, stream, value)).unwrap();
                guest.call(|ctx, mem| sockets::$get(ctx, mem, stream, DATA)).unwrap();
                let found = guest.call(|_, mem| mem.read_u32(DATA)).unwrap();
                assert!(found >= value, "{}: {found}", stringify!($get));
            }
            let result = guest.call(|ctx, mem| sockets::$get(ctx, mem, stream, 65533));
            assert_eq!(result, Err(Errno::Fault));
        };
    }
    number!(sock_get_recv_buf_size, sock_set_recv_buf_size, [4096, 16384]);
    number!(sock_get_send_buf_size, sock_set_send_buf_size, [4096, 16384]);
    number!(sock_get_tcp_keep_idle, sock_set_tcp_keep_idle, [1, 100]);
    number!(sock_get_tcp_keep_intvl, sock_set_tcp_keep_intvl, [1, 100]);
    let zero = guest.call(|ctx, mem| sockets::sock_set_tcp_keep_idle(ctx, mem, stream, 0));
    assert_eq!(zero, Err(Errno::Inval), "the host's own limits");
    macro_rules! hops {
        ($get:ident, $set:ident) => {
            for value in [1, 64, 255] {
                guest.call(|ctx, mem| sockets::$set(ctx, mem, datagrams, value)).unwrap();
                guest.call(|ctx, mem| sockets::$get(ctx, mem, datagrams, DATA)).unwrap();
                assert_eq!(u32::from(guest.memory[DATA as usize]), value, stringify!($get));
            }
            for value in [256, u32::MAX] {
                let result = guest.call(|ctx, mem| sockets::$set(ctx, mem, datagrams, value));
                assert_eq!(result, Err(Errno::Inval));
            }
        };
    }
    hops!(sock_get_ip_ttl, sock_set_ip_ttl);
    hops!(sock_get_ip_multicast_ttl, sock_set_ip_multicast_ttl);
    for value in [0, 1] {
        guest
            .call(|ctx, mem| sockets::sock_set_ip_multicast_loop(ctx, mem, datagrams, 0, value))
            .unwrap();
        guest
            .call(|ctx, mem| sockets::sock_get_ip_multicast_loop(ctx, mem, datagrams, 0, DATA))
            .unwrap();
        assert_eq!(u32::from(guest.memory[DATA as usize]), value);
    }
    // What this host, or this socket, doesn't have.
    let result = guest.call(|ctx, mem| sockets::sock_set_tcp_fastopen_connect(ctx, mem, stream, 1));
    assert_eq!(result, Err(Errno::Notsup));
    let result = guest.call(|ctx, mem| sockets::sock_get_ipv6_only(ctx, mem, stream, DATA));
    assert!(result.is_err());
    let result = guest.call(|ctx, mem| sockets::sock_set_tcp_no_delay(ctx, mem, datagrams, 1));
    assert!(result.is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn quick_receipts() {
    let mut guest = guest();
    let stream = open(&mut guest, STREAM).unwrap();
    for value in [0, 1] {
        guest.call(|ctx, mem| sockets::sock_set_tcp_quick_ack(ctx, mem, stream, value)).unwrap();
        guest.call(|ctx, mem| sockets::sock_get_tcp_quick_ack(ctx, mem, stream, DATA)).unwrap();
        assert_eq!(u32::from(guest.memory[DATA as usize]), value);
    }
}

#[test]
fn lingering_never_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut guest = guest();
    let socket = open(&mut guest, STREAM).unwrap();
    let mut linger = |enabled, seconds| {
        guest.call(|ctx, mem| {
            sockets::sock_set_linger(ctx, mem, socket, enabled, seconds)?;
            sockets::sock_get_linger(ctx, mem, socket, DATA, DATA + 4)?;
            Ok((mem.read_u8(DATA)?, mem.read_u32(DATA + 4)?))
        })
    };
    assert_eq!(linger(0, 0), Ok((0, 0)));
    assert_eq!(linger(1, u32::MAX), Err(Errno::Inval));
    assert_eq!(linger(1, 0), Ok((1, 0)));
    assert_eq!(linger(1, 1_000_000), Ok((1, 1_000_000)));
    // The peer takes nothing, so that the host would wait for it.
    with_address(&mut guest, sockets::sock_connect, socket, &address).unwrap();
    let _peer = listener.accept().unwrap();
    guest.call(|ctx, mem| fd::fd_fdstat_set_flags(ctx, mem, socket, NONBLOCK)).unwrap();
    while guest.write(socket, &[0; 32768]).is_ok() {}
    guest.close(socket).unwrap();
}

#[test]
fn timeouts() {
    let mut guest = guest();
    let server = open(&mut guest, STREAM).unwrap();
    with_address(&mut guest, sockets::sock_bind, server, "127.0.0.1:0").unwrap();
    listen(&mut guest, server).unwrap();
    let address = address_of(&mut guest, sockets::sock_addr_local, server).unwrap();
    let mut set = |socket, time_us| {
        guest.call(|ctx, mem| {
            sockets::sock_set_recv_timeout(ctx, mem, socket, time_us)?;
            sockets::sock_set_send_timeout(ctx, mem, socket, time_us)?;
            sockets::sock_get_recv_timeout(ctx, mem, socket, DATA)?;
            sockets::sock_get_send_timeout(ctx, mem, socket, DATA + 8)?;
            Ok((mem.read_u64(DATA)?, mem.read_u64(DATA + 8)?))
        })
    };
    for time_us in [0, 1, u64::MAX, 2000] {
        assert_eq!(set(server, time_us), Ok((time_us, time_us)));
    }
    assert_eq!(set(0, 1), Err(Errno::Notsock));
    assert_eq!(accept(&mut guest, server), Err(Errno::Again));

    let _client = TcpStream::connect(address).unwrap();
    let socket = accept(&mut guest, server).unwrap();
    guest.call(|ctx, mem| sockets::sock_set_recv_timeout(ctx, mem, socket, 2000)).unwrap();
    guest.call(|ctx, mem| sockets::sock_set_send_timeout(ctx, mem, socket, 2000)).unwrap();
    assert_eq!(guest.read(socket, 1), Err(Errno::Again));
    let error = loop {
        if let Err(error) = guest.write(socket, &[0; 32768]) {
            break error;
        }
    };
    assert_eq!(error, Errno::Again);
}

#[test]
fn waiting_is_interrupted() {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    let mut guest = Guest::new(
        WasiCtxBuilder::new()
            .allow_addresses(["127.0.0.1/32".parse().unwrap()])
            .interrupt(move || asked.load(Ordering::Relaxed)),
    );
    let server = open(&mut guest, STREAM).unwrap();
    with_address(&mut guest, sockets::sock_bind, server, "127.0.0.1:0").unwrap();
    listen(&mut guest, server).unwrap();
    let address = address_of(&mut guest, sockets::sock_addr_local, server).unwrap();
    let _client = TcpStream::connect(address).unwrap();
    let socket = accept(&mut guest, server).unwrap();
    let datagrams = open(&mut guest, DATAGRAM).unwrap();
    with_address(&mut guest, sockets::sock_bind, datagrams, "127.0.0.1:0").unwrap();

    let stopper = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(50));
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(accept(&mut guest, server), Err(Errno::Intr));
    stopper.join().unwrap();
    assert_eq!(guest.read(socket, 1), Err(Errno::Intr));
    assert_eq!(recv(&mut guest, socket, 1, 2), Err(Errno::Intr));
    assert_eq!(recv_from(&mut guest, datagrams, 1), Err(Errno::Intr));
    let error = loop {
        if let Err(error) = guest.write(socket, &[0; 32768]) {
            break error;
        }
    };
    assert_eq!(error, Errno::Intr);
}

#[test]
fn threads_connect_and_wait_without_the_lock() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut guest = guest();
    let socket = open(&mut guest, STREAM).unwrap();
    put(&mut guest, &address);
    let memory = guest.memory.clone();
    let world = SharedWasiCtx::new(guest.ctx);
    let read = |mut world: SharedWasiCtx, mut memory: Vec<u8>| {
        with_memory(&mut memory, |mem| {
            mem.write_u32(IOV, DATA).unwrap();
            mem.write_u32(IOV + 4, 8).unwrap();
            let args = [u64::from(socket), IOV.into(), 1, COUNT.into()];
            world.call("fd_read", &args, mem, |ctx, mem| {
                fd::fd_read(ctx, mem, socket, IOV, 1, COUNT)
            })?;
            mem.read_u32(COUNT)
        })
    };
    let connect = |mut world: SharedWasiCtx, mut memory: Vec<u8>| {
        with_memory(&mut memory, |mem| {
            world.call("sock_connect", &[socket.into(), ADDRESS.into()], mem, |ctx, mem| {
                sockets::sock_connect(ctx, mem, socket, ADDRESS)
            })
        })
    };
    assert_eq!(connect(world.clone(), memory.clone()), Ok(()));
    let (mut peer, _) = listener.accept().unwrap();
    std::thread::scope(|scope| {
        let (reader, bytes) = (world.clone(), memory.clone());
        let waiting = scope.spawn(move || read(reader, bytes));
        // This one waits until the other is done, unless that waits without the lock.
        let again = connect(world.clone(), memory.clone());
        peer.write_all(b"x").unwrap();
        assert_eq!(waiting.join().unwrap(), Ok(1));
        assert_eq!(again, Err(Errno::Isconn));
    });
    drop(listener);
    drop(peer);
    let mut again = world.clone();
    let fresh = with_memory(&mut memory.clone(), |mem| {
        again.call("sock_open", &[], mem, |ctx, mem| {
            sockets::sock_open(ctx, mem, 0, V4, STREAM, COUNT)
        })?;
        mem.read_u32(COUNT)
    })
    .unwrap();
    let refused = with_memory(&mut memory.clone(), |mem| {
        again.call("sock_connect", &[fresh.into(), ADDRESS.into()], mem, |ctx, mem| {
            sockets::sock_connect(ctx, mem, fresh, ADDRESS)
        })
    });
    assert_eq!(refused, Err(Errno::Connrefused));
}

/// Resolves a name: how many results there are, and those that fit in memory.
fn resolve(
    guest: &mut Guest,
    name: &str,
    service: &str,
    hints: (u32, u32, u8),
    room: u32,
) -> Result<(u32, Vec<(SocketAddr, u32)>)> {
    let [(host, _), (service, _)] = guest.put([&*format!("{name}\0"), &*format!("{service}\0")]);
    let results = DATA + 64;
    let count = guest.call(|ctx, mem| {
        mem.write_u32(DATA, hints.0)?;
        mem.write_u32(DATA + 4, hints.1)?;
        mem.write_u8(DATA + 8, hints.2)?;
        sockets::sock_addr_resolve(ctx, mem, host, service, DATA, results, room, COUNT)?;
        mem.read_u32(COUNT)
    })?;
    let found = (0..count.min(room)).map(|index| {
        let bytes = &guest.memory[(results + index * 28) as usize..][..28];
        let address = if bytes[0] == 0 {
            let ip: [u8; 4] = bytes[4..8].try_into().unwrap();
            SocketAddr::new(ip.into(), u16::from_le_bytes([bytes[8], bytes[9]]))
        } else {
            let mut ip = [0; 16];
            for (to, from) in ip.chunks_exact_mut(2).zip(bytes[4..20].chunks_exact(2)) {
                to.copy_from_slice(&[from[1], from[0]]);
            }
            SocketAddr::new(ip.into(), u16::from_le_bytes([bytes[20], bytes[21]]))
        };
        (address, u32::from(bytes[24]))
    });
    Ok((count, found.collect()))
}

#[test]
fn names() {
    let mut guest = Guest::new(WasiCtxBuilder::new().allow_resolve(["localhost", "127.*", "*.1"]));
    let no_hints = (9, 9, 0);
    let (count, found) = resolve(&mut guest, "localhost", "80", no_hints, 16).unwrap();
    assert_eq!(found.len(), count as usize);
    assert!(!found.is_empty());
    for (address, _) in &found {
        assert!(address.ip().is_loopback(), "{address}");
        assert_eq!(address.port(), 80);
    }
    assert_eq!(found.iter().filter(|(_, kind)| *kind == 0).count() * 2, found.len());
    let numeric = "127.0.0.1:8080".parse().unwrap();
    assert_eq!(
        resolve(&mut guest, "127.0.0.1", "8080", (STREAM, V4, 1), 16),
        Ok((1, vec![(numeric, STREAM)]))
    );
    assert_eq!(
        resolve(&mut guest, "127.0.0.1", "8080", (u32::MAX, 2, 1), 16),
        Ok((2, vec![(numeric, STREAM), (numeric, DATAGRAM)]))
    );
    assert_eq!(
        resolve(&mut guest, "127.0.0.1", "8080", (u32::MAX, 2, 1), 1),
        Ok((2, vec![(numeric, STREAM)])),
        "as much as fits"
    );
    assert_eq!(resolve(&mut guest, "127.0.0.1", "", (DATAGRAM, 1, 1), 16), Ok((0, vec![])));
    assert_eq!(resolve(&mut guest, "127.0.0.1", "no-such", no_hints, 1), Err(Errno::Inval));
    assert_eq!(resolve(&mut guest, "127.0.0.1", "", (2, 0, 1), 1), Err(Errno::Inval));
    assert_eq!(resolve(&mut guest, "127.0.0.1", "", (0, 3, 1), 1), Err(Errno::Afnosupport));
    for name in ["", "example.com", "localhost.", "127.0.0.2"] {
        assert_eq!(resolve(&mut guest, name, "", no_hints, 1), Err(Errno::Acces), "{name}");
    }
    let long = "a".repeat(2000);
    assert_eq!(resolve(&mut guest, &long, "", no_hints, 1), Err(Errno::Nametoolong));
    assert_eq!(resolve(&mut guest, "localhost", "", no_hints, u32::MAX), Err(Errno::Fault));
    guest.memory.fill(b'a');
    guest.memory[DATA as usize..][..12].fill(0);
    let endless =
        guest.call(|ctx, mem| sockets::sock_addr_resolve(ctx, mem, 65530, 0, DATA, DATA, 1, COUNT));
    assert_eq!(endless, Err(Errno::Fault), "a text that leaves the memory");
}

#[test]
fn groups() {
    let mut guest = guest_of(&["224.0.0.0/4", "127.0.0.1/32"]);
    let socket = open(&mut guest, DATAGRAM).unwrap();
    let loopback = u32::from_le_bytes([127, 0, 0, 1]);
    put(&mut guest, "224.0.0.251:0");
    let mut call =
        |function: fn(&mut _, &mut wamr_wasi::GuestMemory<'_>, _, _, _) -> Result<()>| {
            guest.call(|ctx, mem| function(ctx, mem, socket, ADDRESS, loopback))
        };
    assert_eq!(call(sockets::sock_set_ip_add_membership), Ok(()));
    assert_eq!(call(sockets::sock_set_ip_add_membership), Err(Errno::Addrinuse));
    assert_eq!(call(sockets::sock_set_ip_drop_membership), Ok(()));
    assert_eq!(call(sockets::sock_set_ip_drop_membership), Err(Errno::Addrnotavail));
}

#[test]
fn sockets_of_the_embedder() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let host = UdpSocket::bind("127.0.0.1:0").unwrap();
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    datagrams.connect(host.local_addr().unwrap()).unwrap();
    let mut builder = WasiCtxBuilder::new();
    builder.preopen_stream(stream).unwrap().preopen_datagram(datagrams).unwrap();
    let mut guest = Guest::new(&mut builder);
    peer.write_all(b"abc").unwrap();
    assert_eq!(guest.read(3, 10).unwrap(), b"abc");
    assert_eq!(guest.write(4, b"datagram"), Ok(8));
    let mut bytes = [0; 100];
    assert_eq!(host.recv(&mut bytes).unwrap(), 8);
    let elsewhere = listener.local_addr().unwrap().to_string();
    assert_eq!(send_to(&mut guest, 4, b"x", &elsewhere), Err(Errno::Acces));
    for socket in [3, 4] {
        let result = with_address(&mut guest, sockets::sock_connect, socket, &elsewhere);
        assert_eq!(result, Err(Errno::Acces), "an embedder's socket leads nowhere else");
    }
}
