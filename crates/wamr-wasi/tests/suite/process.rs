//! Arguments, environment, clocks, random bytes and the process.

use crate::support::*;
use wamr_wasi::preview1::{args, clock, proc, random};
use wamr_wasi::{Errno, Exit, WasiCtxBuilder};

#[test]
fn arguments() {
    let mut guest = Guest::new(WasiCtxBuilder::new().arg("prog").args(["a", "", "é"]));
    guest.call(|ctx, mem| args::args_sizes_get(ctx, mem, 0, 4)).unwrap();
    assert_eq!(guest.memory[..8], [4, 0, 0, 0, 11, 0, 0, 0]);
    guest.call(|ctx, mem| args::args_get(ctx, mem, 0, 100)).unwrap();
    assert_eq!(guest.memory[..16], [100, 0, 0, 0, 105, 0, 0, 0, 107, 0, 0, 0, 108, 0, 0, 0]);
    assert_eq!(&guest.memory[100..111], b"prog\0a\0\0\xc3\xa9\0");
    for (argv, buf) in [(0, 65530), (65530, 0), (u32::MAX, 0), (0, u32::MAX)] {
        assert_eq!(guest.call(|ctx, mem| args::args_get(ctx, mem, argv, buf)), Err(Errno::Fault));
    }
}

#[test]
fn environment() {
    let mut guest = Guest::new(WasiCtxBuilder::new().env("A", "1").envs([("B", "2"), ("A", "3")]));
    guest.call(|ctx, mem| args::environ_sizes_get(ctx, mem, 0, 4)).unwrap();
    assert_eq!(guest.memory[..8], [2, 0, 0, 0, 8, 0, 0, 0]);
    guest.call(|ctx, mem| args::environ_get(ctx, mem, 0, 100)).unwrap();
    assert_eq!(&guest.memory[100..108], b"A=3\0B=2\0");
}

#[test]
fn empty() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    guest.call(|ctx, mem| args::args_sizes_get(ctx, mem, 0, 4)).unwrap();
    assert_eq!(guest.memory[..8], [0; 8]);
    guest.call(|ctx, mem| args::args_get(ctx, mem, u32::MAX, u32::MAX)).unwrap();
}

#[test]
fn clocks() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    let mut now = |id| {
        guest.call(|ctx, mem| {
            clock::clock_res_get(ctx, mem, id, 0)?;
            assert!(mem.read_u64(0)? > 0);
            clock::clock_time_get(ctx, mem, id, 0, 0)?;
            mem.read_u64(0)
        })
    };
    assert!(now(0).unwrap() > 1_600_000_000_000_000_000);
    let first = now(1).unwrap();
    assert!(now(1).unwrap() >= first);
    assert_eq!(now(2), Err(Errno::Badf));
    assert_eq!(now(3), Err(Errno::Badf));
    assert_eq!(now(4), Err(Errno::Inval));
}

#[test]
fn random_bytes() {
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    guest.call(|ctx, mem| random::random_get(ctx, mem, 0, 64)).unwrap();
    assert!(guest.memory[..64].iter().any(|byte| *byte != 0));
    assert_eq!(guest.memory[64..128], [0; 64]);
    guest.call(|ctx, mem| random::random_get(ctx, mem, 65536, 0)).unwrap();
    for (buf, len) in [(0, u32::MAX), (u32::MAX, 1), (65536, 1)] {
        assert_eq!(
            guest.call(|ctx, mem| random::random_get(ctx, mem, buf, len)),
            Err(Errno::Fault)
        );
    }
}

#[test]
fn ending() {
    assert_eq!(proc::proc_exit(7), Exit(7));
    assert_eq!(proc::proc_exit(u32::MAX), Exit(-1));
    assert_eq!(Exit(3).to_string(), "exited with code 3");
    let mut guest = Guest::new(&mut WasiCtxBuilder::new());
    assert_eq!(guest.call(|ctx, mem| proc::proc_raise(ctx, mem, 9)), Err(Errno::Notsup));
    assert_eq!(guest.call(proc::sched_yield), Ok(()));
}
