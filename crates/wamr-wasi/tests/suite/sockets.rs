//! Listeners that the embedder hands in.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::support::*;
use wamr_wasi::preview1::{fd, sock};
use wamr_wasi::{Errno, WasiCtxBuilder};

fn guest() -> (Guest, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (Guest::new(WasiCtxBuilder::new().preopen_listener(listener).unwrap()), address)
}

fn accept(guest: &mut Guest, fd: u32, flags: u32) -> Result<u32> {
    guest.call_u32(|ctx, mem, result| sock::sock_accept(ctx, mem, fd, flags, result))
}

#[test]
fn a_conversation() {
    let (mut guest, address) = guest();
    let mut client = TcpStream::connect(address).unwrap();
    let socket = accept(&mut guest, 3, 0).unwrap();
    assert_eq!(socket, 4);
    client.write_all(b"question").unwrap();
    guest.call(|_, mem| mem.write_u32(16, DATA)).unwrap();
    guest.call(|_, mem| mem.write_u32(20, 100)).unwrap();
    for flags in [1, 0] {
        let count = guest.call_u32(|ctx, mem, result| {
            sock::sock_recv(ctx, mem, socket, 16, 1, flags, result, 8)
        });
        assert_eq!(count, Ok(8), "peeking leaves the bytes");
        assert_eq!(&guest.memory[DATA as usize..][..8], b"question");
    }
    guest.call(|_, mem| mem.write_u32(20, 8)).unwrap();
    let count =
        guest.call_u32(|ctx, mem, result| sock::sock_send(ctx, mem, socket, 16, 1, 0, result));
    assert_eq!(count, Ok(8));
    assert_eq!(guest.write(socket, b"answer"), Ok(6));
    guest.call(|ctx, mem| sock::sock_shutdown(ctx, mem, socket, 2)).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"questionanswer");
    drop(client);
    assert_eq!(guest.read(socket, 10).unwrap(), b"");
}

#[test]
fn errors() {
    let (mut guest, address) = guest();
    guest.call(|ctx, mem| fd::fd_fdstat_set_flags(ctx, mem, 3, NONBLOCK)).unwrap();
    assert_eq!(accept(&mut guest, 3, 0), Err(Errno::Again));
    assert_eq!(accept(&mut guest, 3, 1), Err(Errno::Inval));
    assert_eq!(accept(&mut guest, 0, 0), Err(Errno::Notsock));
    assert_eq!(accept(&mut guest, 9, 0), Err(Errno::Badf));
    assert_eq!(guest.read(3, 1), Err(Errno::Notconn));
    assert_eq!(guest.seek(3, 0, 0), Err(Errno::Spipe));
    let _client = TcpStream::connect(address).unwrap();
    let socket = loop {
        match accept(&mut guest, 3, NONBLOCK) {
            Err(Errno::Again) => std::thread::yield_now(),
            result => break result.unwrap(),
        }
    };
    assert_eq!(guest.read(socket, 1), Err(Errno::Again));
    assert_eq!(accept(&mut guest, socket, 0), Err(Errno::Inval));
    for how in [0, 4] {
        let result = guest.call(|ctx, mem| sock::sock_shutdown(ctx, mem, socket, how));
        assert_eq!(result, Err(Errno::Inval));
    }
    assert_eq!(guest.call(|ctx, mem| sock::sock_shutdown(ctx, mem, 0, 1)), Err(Errno::Notsock));
    assert_eq!(guest.call(|ctx, mem| sock::sock_shutdown(ctx, mem, 99, 1)), Err(Errno::Badf));
}
