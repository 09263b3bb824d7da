//! What works: reading, writing, seeking, listing, attributes.

use std::collections::BTreeSet;
use std::fs;

use crate::support::*;
use wamr_wasi::preview1::{fd, path};
use wamr_wasi::{Errno, WasiCtxBuilder};

#[test]
fn write_seek_read() {
    let world = World::new();
    let mut guest = Guest::with_dir(&world.inside());
    let file = guest.open("file", CREAT, READ | WRITE).unwrap();
    assert_eq!(file, 4);
    assert_eq!(guest.write(file, b"hello world"), Ok(11));
    assert_eq!(guest.seek(file, 6, 0), Ok(6));
    assert_eq!(guest.read(file, 100).unwrap(), b"world");
    assert_eq!(guest.read(file, 100).unwrap(), b"");
    assert_eq!(guest.seek(file, -5, 1), Ok(6));
    assert_eq!(guest.seek(file, -11, 2), Ok(0));
    assert_eq!(guest.seek(file, -1, 0), Err(Errno::Inval));
    assert_eq!(guest.seek(file, -12, 2), Err(Errno::Inval));
    assert_eq!(guest.seek(file, 0, 3), Err(Errno::Inval));
    assert_eq!(guest.seek(file, i64::MIN, 1), Err(Errno::Inval));
    assert_eq!(guest.seek(file, 5, 2), Ok(16));
    assert_eq!(guest.pread(file, 5, 6).unwrap(), b"world");
    assert_eq!(guest.pwrite(file, b"W", 6), Ok(1));
    assert_eq!(guest.seek(file, 0, 1), Ok(16), "pread and pwrite leave the cursor alone");
    assert_eq!(guest.pread(file, 5, u64::MAX), Err(Errno::Inval));
    assert_eq!(guest.pwrite(file, b"x", u64::MAX), Err(Errno::Inval));
    guest.close(file).unwrap();
    assert_eq!(guest.close(file), Err(Errno::Badf));
    assert_eq!(guest.read(file, 1), Err(Errno::Badf));
    assert_eq!(fs::read(world.inside().join("file")).unwrap(), b"hello World");
}

#[test]
fn scatter_and_gather() {
    let world = World::new();
    let mut guest = Guest::with_dir(&world.inside());
    let file = guest.open("file", CREAT, READ | WRITE).unwrap();
    guest.memory[DATA as usize..][..6].copy_from_slice(b"abcdef");
    let iovecs = [(DATA, 2), (DATA, 0), (DATA + 4, 2), (DATA, 1)];
    for (index, (ptr, len)) in (0..).zip(iovecs) {
        guest.call(|_, mem| mem.write_u32(256 + index * 8, ptr)).unwrap();
        guest.call(|_, mem| mem.write_u32(260 + index * 8, len)).unwrap();
    }
    let count = guest.call_u32(|ctx, mem, result| fd::fd_write(ctx, mem, file, 256, 4, result));
    assert_eq!(count, Ok(5));
    assert_eq!(fs::read(world.inside().join("file")).unwrap(), b"abefa");
    guest.seek(file, 0, 0).unwrap();
    guest.memory[DATA as usize..][..6].fill(b'.');
    let count = guest.call_u32(|ctx, mem, result| fd::fd_read(ctx, mem, file, 256, 3, result));
    assert_eq!(count, Ok(4));
    assert_eq!(&guest.memory[DATA as usize..][..6], b"ab..ef");
    // One buffer too many, a bad buffer, a bad result address: nothing is written.
    guest.memory.resize(1 << 17, 0);
    assert_eq!(
        guest.call(|ctx, mem| fd::fd_write(ctx, mem, file, 32768, 1025, 0)),
        Err(Errno::Inval)
    );
    guest.call(|_, mem| mem.write_u32(256 + 24, u32::MAX)).unwrap();
    assert_eq!(guest.call(|ctx, mem| fd::fd_write(ctx, mem, file, 256, 4, 0)), Err(Errno::Fault));
    assert_eq!(
        guest.call(|ctx, mem| fd::fd_write(ctx, mem, file, 256, 3, 1 << 17)),
        Err(Errno::Fault)
    );
    assert_eq!(fs::read(world.inside().join("file")).unwrap(), b"abefa");
}

#[test]
fn permissions_of_a_descriptor() {
    let world = World::new();
    fs::write(world.inside().join("file"), "x").unwrap();
    let mut guest = Guest::with_dir(&world.inside());
    let reader = guest.open("file", 0, READ).unwrap();
    let writer = guest.open("file", 0, WRITE).unwrap();
    let creator = guest.open("new", CREAT, READ).unwrap();
    assert_eq!(guest.write(reader, b"y"), Err(Errno::Badf));
    assert_eq!(guest.read(writer, 1), Err(Errno::Badf));
    assert_eq!(guest.write(creator, b"y"), Err(Errno::Badf));
    let set_size = |guest: &mut Guest, fd, size| {
        guest.call(|ctx, mem| fd::fd_filestat_set_size(ctx, mem, fd, size))
    };
    assert_eq!(set_size(&mut guest, reader, 0), Err(Errno::Inval));
    assert_eq!(set_size(&mut guest, writer, 100), Ok(()));
    assert_eq!(set_size(&mut guest, writer, u64::MAX), Err(Errno::Inval));
    assert_eq!(guest.stat(FOLLOW, "file").unwrap().1, 100);
}

#[test]
fn append() {
    let world = World::new();
    let mut guest = Guest::with_dir(&world.inside());
    let file = guest.open_with(ROOT, FOLLOW, "file", CREAT | TRUNC, READ | WRITE, APPEND).unwrap();
    guest.write(file, b"one").unwrap();
    guest.seek(file, 0, 0).unwrap();
    guest.write(file, b"two").unwrap();
    guest.call(|ctx, mem| fd::fd_fdstat_set_flags(ctx, mem, file, 0)).unwrap();
    guest.seek(file, 0, 0).unwrap();
    guest.write(file, b"O").unwrap();
    assert_eq!(fs::read(world.inside().join("file")).unwrap(), b"Onetwo");
    let set_flags = |guest: &mut Guest, flags| {
        guest.call(|ctx, mem| fd::fd_fdstat_set_flags(ctx, mem, file, flags))
    };
    assert_eq!(set_flags(&mut guest, 2), Err(Errno::Inval));
    assert_eq!(set_flags(&mut guest, 32), Err(Errno::Inval));
    assert_eq!(set_flags(&mut guest, NONBLOCK | APPEND), Ok(()));
    guest.call(|ctx, mem| fd::fd_fdstat_get(ctx, mem, file, DATA)).unwrap();
    assert_eq!(guest.memory[DATA as usize + 2], 5);
}

#[test]
fn errors_of_opening() {
    let world = World::new();
    fs::create_dir(world.inside().join("dir")).unwrap();
    fs::write(world.inside().join("file"), "").unwrap();
    let mut guest = Guest::with_dir(&world.inside());
    assert_eq!(guest.open("none", 0, READ), Err(Errno::Noent));
    assert_eq!(guest.open("dir", 0, WRITE), Err(Errno::Isdir));
    assert_eq!(guest.open("dir", CREAT, READ), Err(Errno::Isdir));
    assert_eq!(guest.open("file", DIRECTORY, READ), Err(Errno::Notdir));
    assert_eq!(guest.open("file/", 0, READ), Err(Errno::Notdir));
    assert_eq!(guest.open("file/x", 0, READ), Err(Errno::Notdir));
    assert_eq!(guest.open("file", CREAT | EXCL, WRITE), Err(Errno::Exist));
    assert_eq!(guest.open("dir", DIRECTORY | CREAT, READ), Err(Errno::Inval));
    assert_eq!(guest.open("file", 16, READ), Err(Errno::Inval));
    assert_eq!(guest.open_with(ROOT, 2, "file", 0, READ, 0), Err(Errno::Inval));
    assert_eq!(guest.open_with(ROOT, 0, "file", 0, READ, 32), Err(Errno::Inval));
    assert_eq!(guest.open_with(0, 0, "file", 0, READ, 0), Err(Errno::Badf));
    assert_eq!(guest.open_with(99, 0, "file", 0, READ, 0), Err(Errno::Badf));
    let file = guest.open("file", 0, READ).unwrap();
    assert_eq!(guest.open_with(file, 0, "x", 0, READ, 0), Err(Errno::Notdir));
    // A bad result address opens nothing.
    let [(ptr, len)] = guest.put(["made"]);
    let result = guest.call(|ctx, mem| {
        path::path_open(ctx, mem, ROOT, 0, ptr, len, CREAT, WRITE, 0, 0, u32::MAX - 1)
    });
    assert_eq!(result, Err(Errno::Fault));
    assert!(!world.inside().join("made").exists());
}

#[test]
fn directories_are_not_files() {
    let world = World::new();
    let mut guest = Guest::with_dir(&world.inside());
    assert_eq!(guest.read(ROOT, 1), Err(Errno::Badf));
    assert_eq!(guest.write(ROOT, b"x"), Err(Errno::Badf));
    assert_eq!(guest.pread(ROOT, 1, 0), Err(Errno::Badf));
    assert_eq!(guest.pwrite(ROOT, b"x", 0), Err(Errno::Badf));
    assert_eq!(guest.seek(ROOT, 0, 0), Err(Errno::Badf));
    for function in [fd::fd_sync, fd::fd_datasync] {
        assert_eq!(guest.call(|ctx, mem| function(ctx, mem, ROOT)), Err(Errno::Badf));
    }
    assert_eq!(guest.call(|ctx, mem| fd::fd_advise(ctx, mem, ROOT, 0, 0, 0)), Err(Errno::Badf));
    assert_eq!(guest.call(|ctx, mem| fd::fd_allocate(ctx, mem, ROOT, 0, 1)), Err(Errno::Badf));
    let file = guest.open("file", CREAT, READ | WRITE).unwrap();
    assert_eq!(guest.readdir(file, 100, 0), Err(Errno::Notdir));
}

#[test]
fn other_calls_on_files() {
    let world = World::new();
    let mut guest = Guest::with_dir(&world.inside());
    let file = guest.open("file", CREAT, READ | WRITE).unwrap();
    guest.call(|ctx, mem| fd::fd_sync(ctx, mem, file)).unwrap();
    guest.call(|ctx, mem| fd::fd_datasync(ctx, mem, file)).unwrap();
    for advice in 0..6 {
        guest.call(|ctx, mem| fd::fd_advise(ctx, mem, file, 0, 100, advice)).unwrap();
    }
    let advise = |guest: &mut Guest, offset, len, advice| {
        guest.call(|ctx, mem| fd::fd_advise(ctx, mem, file, offset, len, advice))
    };
    assert_eq!(advise(&mut guest, 0, 0, 6), Err(Errno::Inval));
    assert_eq!(advise(&mut guest, u64::MAX, 0, 0), Err(Errno::Inval));
    // Other systems don't have it.
    let expected = if cfg!(target_os = "linux") { Ok(()) } else { Err(Errno::Notsup) };
    assert_eq!(guest.call(|ctx, mem| fd::fd_allocate(ctx, mem, file, 0, 1)), expected);
    assert_eq!(
        guest.call(|ctx, mem| fd::fd_fdstat_set_rights(ctx, mem, file, 0, 0)),
        Err(Errno::Notsup)
    );
}

#[cfg(target_os = "linux")]
#[test]
fn room_that_cannot_be_had_leaves_a_file_as_it_was() {
    let world = World::new();
    let looks = std::sync::atomic::AtomicU32::new(0);
    let mut guest = Guest::new(
        WasiCtxBuilder::new()
            .preopen_dir(world.inside(), "/")
            .unwrap()
            .interrupt(move || looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0),
    );
    let file = guest.open("file", CREAT, READ | WRITE).unwrap();
    let allocate = |guest: &mut Guest, offset, len| {
        guest.call(|ctx, mem| fd::fd_allocate(ctx, mem, file, offset, len))
    };
    // More than any disk has: nothing is begun.
    assert_eq!(allocate(&mut guest, 0, i64::MAX as u64), Err(Errno::Nospc));
    assert_eq!(guest.stat(FOLLOW, "file").unwrap().1, 0);
    assert_eq!(allocate(&mut guest, 10, 100), Ok(()));
    // The second look ends it.
    assert_eq!(allocate(&mut guest, 0, 1 << 20), Err(Errno::Intr));
    assert_eq!(guest.stat(FOLLOW, "file").unwrap().1, 110);
}

#[test]
fn times() {
    let world = World::new();
    let mut guest = Guest::with_dir(&world.inside());
    let file = guest.open("file", CREAT, READ).unwrap();
    let mtim = |guest: &mut Guest| {
        guest.call(|ctx, mem| {
            fd::fd_filestat_get(ctx, mem, file, DATA).unwrap();
            mem.read_u64(DATA + 48).unwrap()
        })
    };
    guest.call(|ctx, mem| fd::fd_filestat_set_times(ctx, mem, file, 0, 123_456_789, 4)).unwrap();
    assert_eq!(mtim(&mut guest), 123_456_789);
    guest.set_times(FOLLOW, "file", 5_000_000_000).unwrap();
    assert_eq!(mtim(&mut guest), 5_000_000_000);
    guest.call(|ctx, mem| fd::fd_filestat_set_times(ctx, mem, file, 0, 0, 8)).unwrap();
    assert!(mtim(&mut guest) > 1_600_000_000_000_000_000);
    guest.call(|ctx, mem| fd::fd_filestat_set_times(ctx, mem, ROOT, 0, 7, 4)).unwrap();
    for flags in [3, 12, 15, 16, u32::MAX] {
        let result = guest.call(|ctx, mem| fd::fd_filestat_set_times(ctx, mem, file, 0, 0, flags));
        assert_eq!(result, Err(Errno::Inval));
    }
}

/// The entries in the bytes that `fd_readdir` left: position of the next, type, name.
fn entries(mut bytes: &[u8]) -> Vec<(u64, u8, String)> {
    let mut entries = Vec::new();
    while bytes.len() >= 24 {
        let next = u64::from_le_bytes(bytes[0..8].try_into().unwrap());
        let len = u32::from_le_bytes(bytes[16..20].try_into().unwrap()) as usize;
        if bytes.len() < 24 + len {
            break;
        }
        entries.push((next, bytes[20], String::from_utf8(bytes[24..24 + len].to_vec()).unwrap()));
        bytes = &bytes[24 + len..];
    }
    entries
}

#[test]
fn listing() {
    let world = World::new();
    for index in 0..50 {
        fs::write(world.inside().join(format!("file{index}")), "").unwrap();
    }
    fs::create_dir(world.inside().join("dir")).unwrap();
    let mut guest = Guest::with_dir(&world.inside());
    let all = entries(&guest.readdir(ROOT, 16384, 0).unwrap());
    assert_eq!(all.len(), 53);
    assert_eq!((all[0].0, all[0].1, &*all[0].2), (1, 3, "."));
    assert_eq!((all[1].0, all[1].1, &*all[1].2), (2, 3, ".."));
    assert!(all.iter().any(|entry| entry.1 == 3 && entry.2 == "dir"));

    // In small steps, removing what was seen: every entry comes exactly once.
    let mut seen = BTreeSet::new();
    let mut cookie = 0;
    loop {
        let bytes = guest.readdir(ROOT, 100, cookie).unwrap();
        let found = entries(&bytes);
        for (next, _, name) in &found {
            assert!(seen.insert(name.clone()), "{name} twice");
            cookie = *next;
            if name.starts_with("file") {
                guest.at(path::path_unlink_file, name).unwrap();
            }
        }
        if bytes.len() < 100 {
            break;
        }
    }
    assert_eq!(seen.len(), 53);
    assert_eq!(entries(&guest.readdir(ROOT, 16384, 0).unwrap()).len(), 3);
    assert_eq!(guest.readdir(ROOT, 100, u64::MAX).unwrap(), b"");
    assert_eq!(guest.readdir(ROOT, 0, 0).unwrap(), b"");
    assert_eq!(guest.readdir(ROOT, 10, 0).unwrap().len(), 10);
    assert_eq!(
        guest.call(|ctx, mem| fd::fd_readdir(ctx, mem, ROOT, 0, u32::MAX, 0, 0)),
        Err(Errno::Fault)
    );
}

#[test]
fn preopens() {
    let world = World::new();
    let mut guest = Guest::new(WasiCtxBuilder::new().preopen_dir(world.inside(), "/data").unwrap());
    guest.call(|ctx, mem| fd::fd_prestat_get(ctx, mem, ROOT, 0)).unwrap();
    assert_eq!(guest.memory[..8], [0, 0, 0, 0, 5, 0, 0, 0]);
    guest.call(|ctx, mem| fd::fd_prestat_dir_name(ctx, mem, ROOT, 0, 5)).unwrap();
    assert_eq!(&guest.memory[..5], b"/data");
    let name = |guest: &mut Guest, fd, len| {
        guest.call(|ctx, mem| fd::fd_prestat_dir_name(ctx, mem, fd, 0, len))
    };
    assert_eq!(name(&mut guest, ROOT, 4), Err(Errno::Nametoolong));
    assert_eq!(name(&mut guest, 0, 100), Err(Errno::Notdir));
    assert_eq!(name(&mut guest, 9, 100), Err(Errno::Badf));
    for fd in [0, 4, u32::MAX] {
        assert_eq!(guest.call(|ctx, mem| fd::fd_prestat_get(ctx, mem, fd, 0)), Err(Errno::Badf));
    }
    let dir = guest.open(".", DIRECTORY, READ).unwrap();
    assert_eq!(guest.call(|ctx, mem| fd::fd_prestat_get(ctx, mem, dir, 0)), Err(Errno::Badf));
}

#[test]
fn descriptors_are_limited() {
    let world = World::new();
    let mut guest = Guest::new(
        WasiCtxBuilder::new().preopen_dir(world.inside(), "/").unwrap().max_descriptors(6),
    );
    assert_eq!(guest.open("a", CREAT, WRITE), Ok(4));
    assert_eq!(guest.open("b", CREAT, WRITE), Ok(5));
    assert_eq!(guest.open("c", CREAT, WRITE), Err(Errno::Mfile));
    assert!(!world.inside().join("c").exists(), "what doesn't fit isn't created");
    guest.close(4).unwrap();
    assert_eq!(guest.open("c", CREAT, WRITE), Ok(4));
    guest.call(|ctx, mem| fd::fd_renumber(ctx, mem, 5, 4)).unwrap();
    assert_eq!(guest.write(4, b"b"), Ok(1));
    assert_eq!(guest.write(5, b"b"), Err(Errno::Badf));
    assert_eq!(fs::read(world.inside().join("b")).unwrap(), b"b");
    for (from, to) in [(4, 5), (5, 4), (4, u32::MAX), (u32::MAX, 4)] {
        assert_eq!(guest.call(|ctx, mem| fd::fd_renumber(ctx, mem, from, to)), Err(Errno::Badf));
    }
}

#[cfg(unix)]
#[test]
fn named_pipes_do_not_hang_the_host() {
    let world = World::new();
    let pipe = world.inside().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut guest = Guest::with_dir(&world.inside());
    assert_eq!(guest.open("pipe", 0, WRITE), Err(Errno::Nxio));
    guest.set_times(FOLLOW, "pipe", 1).unwrap();
    assert_eq!(guest.stat(FOLLOW, "pipe").unwrap().0, 0);
    let reader = guest.open("pipe", 0, READ).unwrap();
    assert_eq!(guest.read(reader, 10).unwrap(), b"", "nobody writes");
    assert_eq!(guest.seek(reader, 0, 0), Err(Errno::Spipe));
    let writer = guest.open_with(ROOT, FOLLOW, "pipe", 0, WRITE, NONBLOCK).unwrap();
    guest.call(|ctx, mem| fd::fd_fdstat_set_flags(ctx, mem, reader, NONBLOCK)).unwrap();
    assert_eq!(guest.read(reader, 10), Err(Errno::Again));
    guest.write(writer, b"through").unwrap();
    assert_eq!(guest.read(reader, 10).unwrap(), b"through");
}
