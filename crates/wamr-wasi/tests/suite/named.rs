//! Each function by its name with hostile arguments, and the error that each answers. A function
//! without a row here fails a test.
#![cfg(unix)]

use std::collections::BTreeSet;

use crate::support::*;
use wamr_wasi::Errno::{self, *};
use wamr_wasi::preview1::proc;
use wamr_wasi::{Exit, GuestMemory, WasiCtx, WasiCtxBuilder, sockets};

const MODULE: &str = "wasi_snapshot_preview1";

/// Calls a function by its name, in each module.
fn call(
    ctx: &mut WasiCtx,
    mem: &mut GuestMemory<'_>,
    (module, name): (&str, &str),
    args: &[u64],
) -> Result<()> {
    macro_rules! find {
        ($module:literal { $($($path:ident)::+ $name:ident($($param:ident: $type:ty),*);)* }) => {
            $(
                if module == $module && name == stringify!($name) {
                    let mut args = args.iter();
                    $(let $param = *args.next().expect("an argument") as $type;)*
                    assert!(args.next().is_none(), "{name} takes fewer arguments");
                    return wamr_wasi::$($path)::+::$name(ctx, mem, $($param),*);
                }
            )*
        };
    }
    wamr_wasi::for_each_wasi_function!(find);
    panic!("there is no {module} {name}");
}

fn names() -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    macro_rules! add {
        ($module:literal { $($($path:ident)::+ $name:ident($($param:ident: $type:ty),*);)* }) => {
            if $module == MODULE {
                names.extend([$(stringify!($name)),*]);
            }
        };
    }
    wamr_wasi::for_each_wasi_function!(add);
    names
}

/// Descriptors of the guest: a stream, a directory, a listener, a file, and sockets of its own.
const IN: u64 = 0;
const DIR: u64 = 3;
const LISTENER: u64 = 4;
const FILE: u64 = 5;
const TCP: u64 = 6;
const UDP: u64 = 7;
const NONE: u64 = 99;
/// Numbers that no descriptor has, and places where no memory is.
const MAX: u64 = u32::MAX as u64;
const END: u64 = 65536;
const HUGE: u64 = u64::MAX;
/// Paths in memory, with their lengths: of a file, outside, not UTF-8, with a zero.
const F: [u64; 2] = [1024, 1];
const OUT: [u64; 2] = [1032, 4];
const BAD: [u64; 2] = [1040, 2];
const ZERO: [u64; 2] = [1048, 3];
/// Where results may go, and a list of one buffer that lies outside.
const OK: u64 = 2048;
const IOV: u64 = 2064;
/// A list of one buffer that lies inside, and the address `127.0.0.1:0`.
const FINE_IOV: u64 = 2080;
const ADDRESS: u64 = 2096;

fn guest(world: &World) -> Guest {
    std::fs::write(world.inside().join("f"), "content").unwrap();
    let looks = std::sync::atomic::AtomicU32::new(0);
    let mut guest = Guest::new(
        WasiCtxBuilder::new()
            .args(["a", "b"])
            .env("K", "V")
            .preopen_dir(world.inside(), "/")
            .unwrap()
            .preopen_listener(std::net::TcpListener::bind("127.0.0.1:0").unwrap())
            .unwrap()
            .allow_addresses(["127.0.0.1/32".parse().unwrap()])
            // Nothing waits for long.
            .interrupt(move || looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 2),
    );
    assert_eq!(guest.open("f", 0, READ | WRITE), Ok(FILE as u32));
    for (kind, fd) in [(1, TCP), (0, UDP)] {
        let opened = guest
            .call_u32(|ctx, mem, result| sockets::sock_open(ctx, mem, u32::MAX, 0, kind, result));
        assert_eq!(opened, Ok(fd as u32));
    }
    for (at, bytes) in [(F, &b"f"[..]), (OUT, b"../x"), (BAD, b"\xff\xfe"), (ZERO, b"a\0b")] {
        guest.memory[at[0] as usize..][..bytes.len()].copy_from_slice(bytes);
    }
    guest.memory[IOV as usize..][..8].copy_from_slice(&[0xff; 8]);
    guest.memory[FINE_IOV as usize..][..8].copy_from_slice(&[0, 16, 0, 0, 4, 0, 0, 0]);
    guest.memory[ADDRESS as usize + 4..][..4].copy_from_slice(&[127, 0, 0, 1]);
    guest
}

/// What a function is called with, and what it answers.
type Row = (&'static str, Vec<u64>, Errno);

/// A row for each list of arguments.
fn rows(name: &'static str, rows: &[(&[u64], Errno)]) -> Vec<Row> {
    rows.iter().map(|&(args, errno)| (name, args.to_vec(), errno)).collect()
}

/// A function of a path: bad descriptors, places, lengths, texts, and a way out.
fn of_path(
    name: &'static str,
    args: impl Fn(u64, [u64; 2]) -> Vec<u64>,
    outside: Errno,
) -> Vec<Row> {
    [
        (NONE, F, Badf),
        (MAX, F, Badf),
        (IN, F, Badf),
        (FILE, F, Notdir),
        (DIR, [END, 1], Fault),
        (DIR, [MAX, MAX], Fault),
        (DIR, [1, MAX], Fault),
        (DIR, BAD, Ilseq),
        (DIR, ZERO, Inval),
        (DIR, [1024, 0], Noent),
        (DIR, OUT, outside),
    ]
    .into_iter()
    .map(|(fd, path, errno)| (name, args(fd, path), errno))
    .collect()
}

/// A function of a socket that asks or sets something by way of a place in memory.
fn of_socket(name: &'static str, fd: u64, rest: &[u64], faulty: &[u64]) -> Vec<Row> {
    let with = |fd: u64, rest: &[u64]| [&[fd], rest].concat();
    let mut rows = vec![
        (name, with(NONE, rest), Badf),
        (name, with(MAX, rest), Badf),
        (name, with(IN, rest), Notsock),
        (name, with(DIR, rest), Notsock),
    ];
    if !faulty.is_empty() {
        rows.push((name, with(fd, faulty), Fault));
    }
    rows
}

fn descriptors() -> Vec<Row> {
    [
        rows("args_get", &[(&[END, OK], Fault), (&[OK, END], Fault), (&[MAX, MAX], Fault)]),
        rows("args_sizes_get", &[(&[END, OK], Fault), (&[OK, END - 3], Fault)]),
        rows("environ_get", &[(&[END, OK], Fault), (&[OK, END], Fault), (&[MAX, MAX], Fault)]),
        rows("environ_sizes_get", &[(&[END, OK], Fault), (&[OK, MAX], Fault)]),
        rows("clock_res_get", &[(&[4, OK], Inval), (&[MAX, OK], Inval), (&[0, END - 7], Fault)]),
        rows("clock_time_get", &[(&[4, 0, OK], Inval), (&[1, HUGE, END], Fault)]),
        rows(
            "fd_advise",
            &[
                (&[NONE, 0, 0, 0], Badf),
                (&[DIR, 0, 0, 0], Badf),
                (&[FILE, 0, 0, 6], Inval),
                (&[FILE, HUGE, 0, 0], Inval),
                (&[FILE, 0, HUGE, MAX], Inval),
            ],
        ),
        rows(
            "fd_allocate",
            &[
                (&[NONE, 0, 1], Badf),
                (&[DIR, 0, 1], Badf),
                (&[FILE, 0, 0], Inval),
                (&[FILE, HUGE, 1], Inval),
                (&[FILE, 1, HUGE], Inval),
                (&[FILE, i64::MAX as u64, i64::MAX as u64], Fbig),
            ],
        ),
        rows("fd_close", &[(&[NONE], Badf), (&[MAX], Badf)]),
        rows("fd_datasync", &[(&[NONE], Badf), (&[IN], Badf), (&[DIR], Badf)]),
        rows("fd_sync", &[(&[NONE], Badf), (&[IN], Badf), (&[DIR], Badf)]),
        rows("fd_fdstat_get", &[(&[NONE, OK], Badf), (&[DIR, END - 23], Fault)]),
        rows(
            "fd_fdstat_set_flags",
            &[(&[NONE, 0], Badf), (&[DIR, 0], Badf), (&[FILE, 32], Inval), (&[FILE, MAX], Inval)],
        ),
        rows(
            "fd_fdstat_set_rights",
            &[(&[NONE, 0, 0], Badf), (&[IN, 0, 0], Badf), (&[FILE, HUGE, HUGE], Notsup)],
        ),
        rows("fd_filestat_get", &[(&[NONE, OK], Badf), (&[FILE, END - 63], Fault)]),
        rows(
            "fd_filestat_set_size",
            &[(&[NONE, 0], Badf), (&[DIR, 0], Badf), (&[FILE, HUGE], Inval)],
        ),
        rows(
            "fd_filestat_set_times",
            &[(&[NONE, 0, 0, 0], Badf), (&[FILE, 0, 0, 3], Inval), (&[FILE, 0, 0, 16], Inval)],
        ),
        rows(
            "fd_pread",
            &[
                (&[NONE, OK, 0, 0, OK], Badf),
                (&[IN, OK, 0, 0, OK], Spipe),
                (&[DIR, OK, 0, 0, OK], Badf),
                (&[FILE, IOV, 1, 0, OK], Fault),
                (&[FILE, OK, 1025, 0, OK], Inval),
                (&[FILE, MAX, 1, 0, OK], Fault),
                (&[FILE, OK, 0, 0, END], Fault),
            ],
        ),
        rows(
            "fd_pwrite",
            &[
                (&[NONE, OK, 0, 0, OK], Badf),
                (&[1, OK, 0, 0, OK], Spipe),
                (&[DIR, OK, 0, 0, OK], Badf),
                (&[FILE, IOV, 1, 0, OK], Fault),
                (&[FILE, OK, MAX, 0, OK], Inval),
                (&[FILE, END - 4, 1, 0, OK], Fault),
                (&[FILE, OK, 0, 0, MAX], Fault),
            ],
        ),
        rows("fd_prestat_get", &[(&[NONE, OK], Badf), (&[FILE, OK], Badf), (&[DIR, END], Fault)]),
        rows(
            "fd_prestat_dir_name",
            &[
                (&[NONE, OK, 9], Badf),
                (&[FILE, OK, 9], Notdir),
                (&[DIR, OK, 0], Nametoolong),
                (&[DIR, END, 9], Fault),
            ],
        ),
        rows(
            "fd_read",
            &[
                (&[NONE, OK, 0, OK], Badf),
                (&[1, OK, 0, OK], Badf),
                (&[DIR, OK, 0, OK], Badf),
                (&[LISTENER, FINE_IOV, 1, OK], Notconn),
                (&[FILE, IOV, 1, OK], Fault),
                (&[FILE, OK, 1025, OK], Inval),
                (&[FILE, OK, 0, END], Fault),
            ],
        ),
        rows(
            "fd_write",
            &[
                (&[NONE, OK, 0, OK], Badf),
                (&[IN, OK, 0, OK], Badf),
                (&[DIR, OK, 0, OK], Badf),
                (&[FILE, IOV, 1, OK], Fault),
                (&[FILE, OK, MAX, OK], Inval),
                (&[FILE, OK, 0, END - 3], Fault),
            ],
        ),
        rows(
            "fd_readdir",
            &[
                (&[NONE, OK, 9, 0, OK], Badf),
                (&[FILE, OK, 9, 0, OK], Notdir),
                (&[DIR, OK, MAX, 0, OK], Fault),
                (&[DIR, MAX, 9, HUGE, OK], Fault),
                (&[DIR, OK, 9, 0, END], Fault),
            ],
        ),
        rows("fd_renumber", &[(&[NONE, DIR], Badf), (&[DIR, NONE], Badf), (&[MAX, MAX], Badf)]),
        rows(
            "fd_seek",
            &[
                (&[NONE, 0, 0, OK], Badf),
                (&[IN, 0, 0, OK], Spipe),
                (&[DIR, 0, 0, OK], Badf),
                (&[FILE, 0, 3, OK], Inval),
                (&[FILE, i64::MIN as u64, 1, OK], Inval),
                (&[FILE, 0, 0, END - 7], Fault),
            ],
        ),
        rows("fd_tell", &[(&[NONE, OK], Badf), (&[IN, OK], Spipe), (&[FILE, END - 7], Fault)]),
        rows("proc_raise", &[(&[0], Notsup), (&[9], Notsup), (&[MAX], Notsup)]),
        rows("random_get", &[(&[0, MAX], Fault), (&[END, 1], Fault), (&[MAX, MAX], Fault)]),
        rows(
            "poll_oneoff",
            &[
                (&[OK, OK, 0, OK], Inval),
                (&[OK, OK, MAX, OK], Inval),
                (&[END - 8, OK, 1, OK], Fault),
                (&[OK, END - 8, 1, OK], Fault),
                (&[OK, OK, 1, END], Fault),
                // A kind of subscription that does not exist.
                (&[IOV - 8, OK, 1, OK], Inval),
            ],
        ),
    ]
    .concat()
}

fn paths() -> Vec<Row> {
    let plain = |fd, path: [u64; 2]| vec![fd, path[0], path[1]];
    let mut rows = [
        of_path("path_create_directory", plain, Perm),
        of_path("path_remove_directory", plain, Perm),
        of_path("path_unlink_file", plain, Perm),
        of_path("path_filestat_get", |fd, [at, len]| vec![fd, 0, at, len, OK], Perm),
        of_path("path_filestat_set_times", |fd, [at, len]| vec![fd, 0, at, len, 0, 0, 5], Perm),
        of_path("path_open", |fd, [at, len]| vec![fd, 0, at, len, 0, 2, 0, 0, OK], Perm),
        of_path("path_readlink", |fd, [at, len]| vec![fd, at, len, OK, 8, OK], Perm),
        of_path("path_link", |fd, [at, len]| vec![fd, 0, at, len, DIR, F[0], F[1]], Perm),
        of_path("path_link", |fd, [at, len]| vec![DIR, 0, F[0], F[1], fd, at, len], Perm),
        of_path("path_rename", |fd, [at, len]| vec![fd, at, len, DIR, F[0], F[1]], Perm),
        of_path("path_rename", |fd, [at, len]| vec![DIR, F[0], F[1], fd, at, len], Perm),
        of_path("path_symlink", |fd, [at, len]| vec![F[0], F[1], fd, at, len], Perm),
    ]
    .concat();
    let [at, len] = F;
    let more: [(&'static str, &[u64], Errno); 14] = [
        ("path_filestat_get", &[DIR, 2, at, len, OK], Inval),
        ("path_filestat_get", &[DIR, 0, at, len, END - 63], Fault),
        ("path_filestat_set_times", &[DIR, MAX, at, len, 0, 0, 0], Inval),
        ("path_filestat_set_times", &[DIR, 0, at, len, 0, 0, 12], Inval),
        ("path_open", &[DIR, 2, at, len, 0, 2, 0, 0, OK], Inval),
        ("path_open", &[DIR, 0, at, len, 16, 2, 0, 0, OK], Inval),
        ("path_open", &[DIR, 0, at, len, MAX, HUGE, HUGE, 0, OK], Inval),
        ("path_open", &[DIR, 0, at, len, 0, 2, 0, 32, OK], Inval),
        ("path_open", &[DIR, 0, at, len, 0, 2, 0, 0, END - 3], Fault),
        ("path_readlink", &[DIR, at, len, OK, MAX, OK], Fault),
        ("path_readlink", &[DIR, at, len, OK, 8, END], Fault),
        ("path_link", &[DIR, 1, at, len, DIR, 1025, 1], Inval),
        ("path_link", &[DIR, 2, at, len, DIR, 1025, 1], Inval),
        ("path_symlink", &[END, 1, DIR, at, len], Fault),
    ];
    rows.extend(more.map(|(name, args, errno)| (name, args.to_vec(), errno)));
    rows
}

fn socket_functions() -> Vec<Row> {
    let mut all = [
        of_socket("sock_accept", LISTENER, &[0, OK], &[0, END]),
        rows("sock_accept", &[(&[LISTENER, 1, OK], Inval), (&[TCP, 0, OK], Inval)]),
        of_socket("sock_recv", TCP, &[OK, 0, 0, OK, OK], &[IOV, 1, 0, OK, OK]),
        rows(
            "sock_recv",
            &[(&[TCP, OK, 0, 4, OK, OK], Inval), (&[TCP, OK, MAX, 0, OK, OK], Inval)],
        ),
        of_socket("sock_send", TCP, &[OK, 0, 0, OK], &[IOV, 1, 0, OK]),
        rows("sock_send", &[(&[TCP, OK, 0, 1, OK], Inval), (&[TCP, OK, 1025, 0, OK], Inval)]),
        of_socket("sock_shutdown", TCP, &[1], &[]),
        rows("sock_shutdown", &[(&[TCP, 0], Inval), (&[TCP, 4], Inval), (&[LISTENER, MAX], Inval)]),
        rows(
            "sock_open",
            &[(&[0, MAX, 1, OK], Afnosupport), (&[0, 0, MAX, OK], Inval), (&[0, 0, 1, END], Fault)],
        ),
        of_socket("sock_close", TCP, &[], &[]),
        of_socket("sock_bind", TCP, &[OK], &[END]),
        of_socket("sock_listen", TCP, &[1], &[]),
        of_socket("sock_connect", TCP, &[OK], &[END]),
        of_socket("sock_addr_local", TCP, &[OK], &[END]),
        of_socket("sock_addr_remote", LISTENER, &[OK], &[]),
        rows(
            "sock_addr_resolve",
            &[
                (&[END, OK, OK, OK, 1, OK], Fault),
                (&[OK, END, OK, OK, 1, OK], Fault),
                (&[OK, OK, OK, OK, 1, END], Fault),
            ],
        ),
        of_socket("sock_send_to", UDP, &[OK, 0, 0, ADDRESS, OK], &[IOV, 1, 0, ADDRESS, OK]),
        of_socket("sock_recv_from", UDP, &[OK, 0, 0, OK, OK], &[IOV, 1, 0, OK, OK]),
    ]
    .concat();
    // Where the function has something to tell or to be told in memory.
    for (name, fd) in [
        ("sock_get_broadcast", UDP),
        ("sock_get_keep_alive", TCP),
        ("sock_get_reuse_addr", TCP),
        ("sock_get_reuse_port", TCP),
        ("sock_get_recv_buf_size", TCP),
        ("sock_get_send_buf_size", TCP),
        ("sock_get_recv_timeout", TCP),
        ("sock_get_send_timeout", TCP),
        ("sock_get_tcp_no_delay", TCP),
        ("sock_get_tcp_quick_ack", TCP),
        ("sock_get_tcp_keep_idle", TCP),
        ("sock_get_tcp_keep_intvl", TCP),
        ("sock_get_ip_multicast_ttl", UDP),
        ("sock_get_ip_ttl", TCP),
    ] {
        all.extend(of_socket(name, fd, &[OK], &[END]));
    }
    all.extend(of_socket("sock_get_linger", TCP, &[OK, OK], &[END, OK]));
    all.extend(of_socket("sock_get_linger", TCP, &[OK, OK], &[OK, END]));
    all.extend(of_socket("sock_get_ip_multicast_loop", UDP, &[0, OK], &[0, END]));
    // Not every system has the one, and a socket of IPv4 has no such option as the other.
    all.extend(of_socket("sock_get_tcp_fastopen_connect", TCP, &[OK], &[]));
    all.extend(of_socket("sock_get_ipv6_only", TCP, &[OK], &[]));
    for name in [
        "sock_set_broadcast",
        "sock_set_keep_alive",
        "sock_set_reuse_addr",
        "sock_set_reuse_port",
        "sock_set_recv_buf_size",
        "sock_set_send_buf_size",
        "sock_set_recv_timeout",
        "sock_set_send_timeout",
        "sock_set_tcp_fastopen_connect",
        "sock_set_tcp_no_delay",
        "sock_set_tcp_quick_ack",
        "sock_set_tcp_keep_idle",
        "sock_set_tcp_keep_intvl",
        "sock_set_ip_multicast_ttl",
        "sock_set_ip_ttl",
        "sock_set_ipv6_only",
    ] {
        all.extend(of_socket(name, TCP, &[1], &[]));
    }
    all.extend(of_socket("sock_set_linger", TCP, &[1, 1], &[]));
    all.extend(of_socket("sock_set_ip_multicast_loop", UDP, &[0, 1], &[]));
    for name in ["sock_set_ip_add_membership", "sock_set_ip_drop_membership"] {
        all.extend(of_socket(name, UDP, &[OK, 0], &[END, 0]));
    }
    all
}

#[test]
fn every_function_refuses_hostile_arguments() {
    let all = [descriptors(), paths(), socket_functions()].concat();
    let mut named: BTreeSet<&str> = all.iter().map(|row| row.0).collect();
    let mut wrong = Vec::new();
    for (name, args, expected) in all {
        let world = World::new();
        let mut guest = guest(&world);
        let found = guest.call(|ctx, mem| call(ctx, mem, (MODULE, name), &args));
        if found != Err(expected) {
            wrong.push(format!("{name} {args:?}: {found:?} instead of {expected:?}"));
        }
        assert_eq!(std::fs::read(world.inside().join("f")).unwrap(), b"content", "{name} {args:?}");
        assert_eq!(std::fs::read_dir(world.inside()).unwrap().count(), 1, "{name} {args:?}");
        world.check_untouched();
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // It has no arguments, but a guest may call it for ever.
    named.insert("sched_yield");
    let missing: Vec<_> = names().difference(&named).copied().collect();
    assert!(missing.is_empty(), "no hostile arguments for {missing:?}");
    let mut stopped = Guest::new(WasiCtxBuilder::new().interrupt(|| true));
    assert_eq!(stopped.call(|ctx, mem| call(ctx, mem, (MODULE, "sched_yield"), &[])), Err(Intr));
    // It is not in the list, since it answers nothing.
    assert_eq!(proc::proc_exit(u32::MAX), Exit(-1));
}

/// The functions that are different there.
#[test]
fn functions_of_the_older_snapshot_refuse_them_too() {
    let module = "wasi_unstable";
    for (name, args, expected) in [
        ("fd_seek", &[FILE, 0, 3, OK][..], Inval),
        ("fd_seek", &[FILE, i64::MIN as u64, 0, OK], Inval),
        ("fd_seek", &[FILE, 0, 2, END], Fault),
        ("fd_filestat_get", &[FILE, END - 55], Fault),
        ("fd_filestat_get", &[NONE, OK], Badf),
        ("path_filestat_get", &[DIR, 0, F[0], F[1], END - 55], Fault),
        ("path_filestat_get", &[DIR, 0, OUT[0], OUT[1], OK], Perm),
        ("poll_oneoff", &[END - 48, OK, 1, OK], Fault),
        ("poll_oneoff", &[OK, OK, 0, OK], Inval),
    ] {
        let world = World::new();
        let found = guest(&world).call(|ctx, mem| call(ctx, mem, (module, name), args));
        assert_eq!(found, Err(expected), "{name} {args:?}");
    }
}
