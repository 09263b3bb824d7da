//! Where `wasi_unstable` differs.

use crate::support::*;
use wamr_wasi::{Errno, unstable};

#[test]
fn seek_counts_differently() {
    let world = World::new();
    let mut guest = Guest::with_dir(&world.inside());
    let file = guest.open("file", CREAT, READ | WRITE).unwrap();
    guest.write(file, b"0123456789").unwrap();
    let mut seek = |offset, whence| {
        guest.call(|ctx, mem| {
            unstable::fd_seek(ctx, mem, file, offset, whence, 0)?;
            mem.read_u64(0)
        })
    };
    assert_eq!(seek(3, 2), Ok(3));
    assert_eq!(seek(2, 0), Ok(5));
    assert_eq!(seek(-1, 1), Ok(9));
    assert_eq!(seek(0, 3), Err(Errno::Inval));
}

#[test]
fn filestat_is_shorter() {
    let world = World::new();
    let mut guest = Guest::with_dir(&world.inside());
    let file = guest.open("file", CREAT, READ | WRITE).unwrap();
    guest.write(file, b"12345").unwrap();
    let [(ptr, len)] = guest.put(["file"]);
    guest.memory[DATA as usize..][..64].fill(0xee);
    guest.call(|ctx, mem| unstable::fd_filestat_get(ctx, mem, file, DATA)).unwrap();
    let by_fd = guest.memory[DATA as usize..][..64].to_vec();
    guest
        .call(|ctx, mem| unstable::path_filestat_get(ctx, mem, ROOT, FOLLOW, ptr, len, DATA))
        .unwrap();
    assert_eq!(guest.memory[DATA as usize..][..64], by_fd);
    assert_eq!(by_fd[16], 4, "type");
    assert_eq!(by_fd[20..24], [1, 0, 0, 0], "links");
    assert_eq!(by_fd[24..32], [5, 0, 0, 0, 0, 0, 0, 0], "size");
    assert_eq!(by_fd[56..], [0xee; 8], "56 bytes");
}

#[test]
fn subscriptions_are_longer() {
    let mut guest = Guest::new(&mut wamr_wasi::WasiCtxBuilder::new());
    guest.call(|_, mem| {
        // A clock that waits long, then a write to the output.
        mem.write_u32(1024 + 24, 1).unwrap();
        mem.write_u64(1024 + 32, u64::MAX).unwrap();
        mem.write_u64(1024 + 56, 77).unwrap();
        mem.write_u8(1024 + 56 + 8, 2).unwrap();
        mem.write_u32(1024 + 56 + 16, 1).unwrap();
    });
    let count =
        guest.call_u32(|ctx, mem, result| unstable::poll_oneoff(ctx, mem, 1024, DATA, 2, result));
    assert_eq!(count, Ok(1));
    assert_eq!(guest.call(|_, mem| mem.read_u64(DATA)), Ok(77));
    assert_eq!(guest.memory[DATA as usize + 10], 2);
}
