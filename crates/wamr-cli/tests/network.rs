//! What programs reach of the network, with traffic on the loopback interface.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};

mod common;
use common::{files, iwasm, modes, path};

/// A program that answers one connection on descriptor 3, behind its port in four bytes on standard
/// output; and functions that make sockets, with a port on `127.0.0.1` or `::1`. They give an error
/// number, or 0 where they got `pong` for their `ping`.
const PROGRAM: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_recv"
        (func $recv (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_send"
        (func $send (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_shutdown" (func $shutdown (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_addr_local" (func $local (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_open"
        (func $open (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_connect" (func $connect (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_send_to"
        (func $send_to (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_recv_from"
        (func $recv_from (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_addr_resolve"
        (func $resolve (param i32 i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    ;; Lists of one buffer: the port, `ping`, and where answers go.
    (data (i32.const 0) "\60\00\00\00\04\00\00\00")
    (data (i32.const 8) "\40\00\00\00\04\00\00\00")
    (data (i32.const 16) "\00\04\00\00\64\00\00\00")
    (data (i32.const 64) "ping")
    (data (i32.const 128) "\00\00\00\00\7f\00\00\01")
    (data (i32.const 160) "\01\00\00\00") (data (i32.const 178) "\01\00")
    (data (i32.const 200) "localhost\00") (data (i32.const 220) "name.invalid\00")
    (func $must (param i32) (if (local.get 0) (then (call $exit (local.get 0)))))
    (func (export "_start")
        (call $must (call $local (i32.const 3) (i32.const 512)))
        (i32.store (i32.const 96) (if (result i32) (i32.load (i32.const 512))
            (then (i32.load16_u (i32.const 532))) (else (i32.load16_u (i32.const 520)))))
        (call $must (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
        (call $must (call $accept (i32.const 3) (i32.const 0) (i32.const 36)))
        (call $must (call $recv (i32.load (i32.const 36)) (i32.const 16) (i32.const 1)
            (i32.const 0) (i32.const 20) (i32.const 40)))
        (call $must (call $send (i32.load (i32.const 36)) (i32.const 16) (i32.const 1)
            (i32.const 0) (i32.const 44)))
        (call $must (call $shutdown (i32.load (i32.const 36)) (i32.const 2))))
    ;; Whether the answer is `pong`.
    (func $judge (param $errno i32) (result i32)
        (if (result i32) (local.get $errno) (then (local.get $errno))
            (else (if (result i32)
                (i32.eq (i32.load (i32.const 1024)) (i32.const 0x676e6f70))
                (then (i32.const 0)) (else (i32.const -1))))))
    (func (export "tcp") (param $v6 i32) (param $port i32) (result i32)
        (local $errno i32) (local $at i32)
        (i32.store16 (i32.const 136) (local.get $port))
        (i32.store16 (i32.const 180) (local.get $port))
        (local.set $at (select (i32.const 160) (i32.const 128) (local.get $v6)))
        (local.set $errno (call $open (i32.const -1) (local.get $v6) (i32.const 1) (i32.const 36)))
        (if (local.get $errno) (then (return (local.get $errno))))
        (local.set $errno (call $connect (i32.load (i32.const 36)) (local.get $at)))
        (if (local.get $errno) (then (return (local.get $errno))))
        (call $must (call $write (i32.load (i32.const 36)) (i32.const 8) (i32.const 1) (i32.const 32)))
        (call $judge (call $read (i32.load (i32.const 36)) (i32.const 16) (i32.const 1) (i32.const 32))))
    (func (export "udp") (param $port i32) (result i32) (local $errno i32)
        (i32.store16 (i32.const 136) (local.get $port))
        (call $must (call $open (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 36)))
        (local.set $errno (call $send_to (i32.load (i32.const 36)) (i32.const 8) (i32.const 1)
            (i32.const 0) (i32.const 128) (i32.const 32)))
        (if (local.get $errno) (then (return (local.get $errno))))
        (call $judge (call $recv_from (i32.load (i32.const 36)) (i32.const 16) (i32.const 1)
            (i32.const 0) (i32.const 512) (i32.const 32))))
    ;; How many addresses a name has, or less than nothing where there is an error.
    (func (export "resolve") (param $name i32) (result i32) (local $errno i32)
        (local.set $errno (call $resolve (local.get $name) (i32.const 48) (i32.const 48)
            (i32.const 1024) (i32.const 8) (i32.const 32)))
        (if (result i32) (local.get $errno)
            (then (i32.sub (i32.const 0) (local.get $errno)))
            (else (i32.load (i32.const 32))))))"#;

/// Error numbers, as `iwasm` prints them.
const ACCES: &str = "0x2:i32\n";
const CONNREFUSED: &str = "0xe:i32\n";
const FINE: &str = "0x0:i32\n";

/// Starts a server with these options; gives the port that it has.
fn server(mode: &str, options: &[&str], file: &str) -> (Child, u16) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_iwasm"))
        .args(["--mode", mode])
        .args(options)
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("iwasm starts");
    let mut port = [0; 4];
    child.stdout.as_mut().expect("a pipe").read_exact(&mut port).expect("a port");
    (child, u32::from_le_bytes(port) as u16)
}

/// Asks a server something, which it should say again.
fn converse(mut child: Child, address: SocketAddr) {
    let mut client = TcpStream::connect(address).expect("it listens");
    client.write_all(b"question").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "question");
    assert!(child.wait().unwrap().success());
}

/// Whether this machine has `::1`; if not, the test says so.
fn has_ipv6() -> bool {
    let bound = TcpListener::bind("[::1]:0");
    if let Err(error) = &bound {
        eprintln!("this machine has no ::1 ({error}): only refusals are tested");
    }
    bound.is_ok()
}

#[test]
fn a_listener_takes_connections() {
    let dir = files([("net.wat", PROGRAM.as_bytes())]);
    let file = path(&dir, "net.wat");
    for mode in modes() {
        let (child, port) = server(mode, &["--tcplisten", "127.0.0.1:0"], &file);
        converse(child, SocketAddr::from(([127, 0, 0, 1], port)));
    }
    if has_ipv6() {
        let (child, port) = server("interp", &["--tcplisten=[::1]:0"], &file);
        converse(child, SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port)));
    } else {
        iwasm(&["--tcplisten=[::1]:0", &file]).fails(255, "--tcplisten: [::1]:0: ");
    }
    // Waiting for one ends when the time is over.
    let waiting = ["--timeout", "100", "--tcplisten", "127.0.0.1:0", &file];
    let run = Command::new(env!("CARGO_BIN_EXE_iwasm")).args(waiting).output().unwrap();
    assert_eq!(run.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&run.stderr).contains("interrupted"));
}

/// A listener on this address that answers `pong` to so many connections.
fn ponger(address: &str, connections: usize) -> u16 {
    let listener = TcpListener::bind(address).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for peer in listener.incoming().take(connections) {
            let mut peer = peer.unwrap();
            let mut ping = [0; 4];
            peer.read_exact(&mut ping).unwrap();
            assert_eq!(&ping, b"ping");
            peer.write_all(b"pong").unwrap();
        }
    });
    port
}

#[test]
fn a_program_connects_where_it_may() {
    let dir = files([("net.wat", PROGRAM.as_bytes())]);
    let file = path(&dir, "net.wat");
    let tcp = |mode, options: &[&str], v6, port: u16| {
        let args = ["-f", "tcp", &file, v6, &port.to_string()];
        iwasm(&[&["--mode", mode], options, &args].concat())
    };
    let port = ponger("127.0.0.1:0", modes().count() + 1);
    for mode in modes() {
        tcp(mode, &["--addr-pool=127.0.0.1/32"], "0", port).prints(FINE);
        tcp(mode, &[], "0", port).prints(ACCES);
        tcp(mode, &["--addr-pool=127.0.0.2/32,10.0.0.0/8"], "0", port).prints(ACCES);
    }
    tcp("interp", &["--addr-pool=10.0.0.0/8,127.0.0.0/8"], "0", port).prints(FINE);
    // Nobody listens any more, or ever did.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    tcp("interp", &["--addr-pool=127.0.0.1/32"], "0", closed).prints(CONNREFUSED);
    tcp("interp", &["--addr-pool=127.0.0.1/32"], "1", port).prints(ACCES);
    if has_ipv6() {
        let port = ponger("[::1]:0", 1);
        tcp("interp", &["--addr-pool=::1/128"], "1", port).prints(FINE);
        tcp("interp", &["--addr-pool=127.0.0.1/32"], "1", port).prints(ACCES);
    }
}

#[test]
fn a_program_sends_datagrams_where_it_may() {
    let dir = files([("net.wat", PROGRAM.as_bytes())]);
    let file = path(&dir, "net.wat");
    let host = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = host.local_addr().unwrap().port().to_string();
    let answers = std::thread::spawn(move || {
        let mut bytes = [0; 16];
        let (count, from) = host.recv_from(&mut bytes).unwrap();
        assert_eq!(&bytes[..count], b"ping");
        host.send_to(b"pong", from).unwrap();
    });
    iwasm(&["-f", "udp", &file, &port]).prints(ACCES);
    iwasm(&["--addr-pool=127.0.0.0/8", "-f", "udp", &file, &port]).prints(FINE);
    answers.join().unwrap();
}

#[test]
fn a_program_resolves_the_names_that_it_may() {
    let dir = files([("net.wat", PROGRAM.as_bytes())]);
    let file = path(&dir, "net.wat");
    let resolve = |options: &[&str], name| {
        let run = iwasm(&[options, &["-f", "resolve", &file, name]].concat());
        assert_eq!((run.code, &*run.err), (Some(0), ""));
        run.out
    };
    const LOCALHOST: &str = "200";
    const INVALID: &str = "220";
    let found = resolve(&["--allow-resolve=localhost"], LOCALHOST);
    let count = u32::from_str_radix(&found[2..found.len() - 5], 16).unwrap();
    assert!((1..100).contains(&count), "{found}");
    assert_eq!(resolve(&["--allow-resolve", "a.example,*"], LOCALHOST), found);
    let acces = "0xfffffffe:i32\n";
    assert_eq!(resolve(&[], LOCALHOST), acces);
    assert_eq!(resolve(&["--allow-resolve=*.invalid,example.com"], LOCALHOST), acces);
    // A name that the options allow and nobody has.
    assert_ne!(resolve(&["--allow-resolve=*.invalid"], INVALID), acces);
}

/// What a program has on its terminal comes at once, also from a server that goes on.
#[test]
fn output_of_a_server_is_seen_while_it_runs() {
    let dir = files([("net.wat", PROGRAM.as_bytes())]);
    let (mut child, _) = server("interp", &["--tcplisten", "127.0.0.1:0"], &path(&dir, "net.wat"));
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    child.kill().unwrap();
    let mut rest = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut rest).unwrap();
    assert_eq!(rest, "");
    child.wait().unwrap();
}
