//! Directories in memory: what embedders do with them, and what guests cannot. That guests find
//! them like directories of the host stands in `alike`.

use std::io::ErrorKind;

use crate::support::*;
use wamr_wasi::preview1::{fd, path};
use wamr_wasi::{DirAccess, Errno, MemoryDir, WasiCtxBuilder};

fn guest(dir: &MemoryDir) -> Guest {
    Guest::new(WasiCtxBuilder::new().preopen_memory_dir(dir, "/"))
}

fn names(dir: &MemoryDir) -> Vec<String> {
    dir.entries().unwrap().iter().map(|entry| entry.name().into()).collect()
}

#[test]
fn an_embedder_fills_a_guest_works_an_embedder_reads() {
    let dir = MemoryDir::new();
    dir.create_dir_all("config/deep").unwrap();
    dir.write("config/deep/app.toml", "key = 1").unwrap();
    dir.symlink("config/deep", "short").unwrap();
    let mut guest = guest(&dir);
    guest.call(|ctx, mem| fd::fd_prestat_get(ctx, mem, ROOT, 0)).unwrap();
    let file = guest.open("short/app.toml", 0, READ).unwrap();
    assert_eq!(guest.read(file, 100).unwrap(), b"key = 1");
    guest.at(path::path_create_directory, "out").unwrap();
    let file = guest.open("out/result", CREAT, WRITE).unwrap();
    guest.write(file, b"done").unwrap();
    // Both see at once what the other does.
    assert_eq!(dir.read_to_string("out/result").unwrap(), "done");
    dir.write("out/result", "changed").unwrap();
    assert_eq!(guest.stat(FOLLOW, "out/result").unwrap(), (4, 7, 1));
    assert_eq!(names(&dir), ["config", "out", "short"]);
    drop(guest);
    assert_eq!(dir.read("out/result").unwrap(), b"changed");
    let out = dir.dir("out").unwrap();
    dir.rename("out", "elsewhere").unwrap();
    assert_eq!(out.read("result").unwrap(), b"changed");
    assert_eq!(dir.read_link("short").unwrap(), "config/deep");
    dir.hard_link("elsewhere/result", "same").unwrap();
    dir.remove_file("elsewhere/result").unwrap();
    dir.remove_dir("elsewhere").unwrap();
    assert_eq!(dir.read("same").unwrap(), b"changed");
    let kinds: Vec<_> = dir.entries().unwrap();
    let kinds: Vec<_> = kinds.iter().map(|e| (e.is_dir(), e.is_file(), e.is_symlink())).collect();
    assert_eq!(kinds, [(true, false, false), (false, true, false), (false, false, true)]);
}

#[test]
fn errors_of_embedders_have_kinds_of_the_standard_library() {
    let dir = MemoryDir::new();
    dir.write("file", "x").unwrap();
    dir.create_dir("dir").unwrap();
    dir.write("bytes", [0xff]).unwrap();
    let kind = |result: std::io::Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(dir.read("none").map(drop)), ErrorKind::NotFound);
    assert_eq!(kind(dir.read("dir").map(drop)), ErrorKind::IsADirectory);
    assert_eq!(kind(dir.read_to_string("bytes").map(drop)), ErrorKind::InvalidData);
    assert_eq!(kind(dir.write("dir", "x")), ErrorKind::IsADirectory);
    assert_eq!(kind(dir.write("none/file", "x")), ErrorKind::NotFound);
    assert_eq!(kind(dir.create_dir("dir")), ErrorKind::AlreadyExists);
    assert_eq!(kind(dir.create_dir_all("file/x")), ErrorKind::NotADirectory);
    assert_eq!(kind(dir.create_dir_all("file")), ErrorKind::NotADirectory);
    assert_eq!(kind(dir.create_dir_all("")), ErrorKind::NotFound);
    assert_eq!(kind(dir.dir("file").map(drop)), ErrorKind::NotADirectory);
    assert_eq!(kind(dir.read("../file").map(drop)), ErrorKind::PermissionDenied);
    assert_eq!(kind(dir.read("/file").map(drop)), ErrorKind::PermissionDenied);
    assert_eq!(kind(dir.symlink("/etc", "link")), ErrorKind::PermissionDenied);
    assert_eq!(kind(dir.remove_dir("file")), ErrorKind::NotADirectory);
    assert_eq!(kind(dir.remove_file("dir")), ErrorKind::IsADirectory);
    dir.create_dir_all("dir/in/there").unwrap();
    assert_eq!(kind(dir.remove_dir("dir")), ErrorKind::DirectoryNotEmpty);
    assert_eq!(kind(dir.rename("dir", "dir/in/x")), ErrorKind::InvalidInput);
    let error = MemoryDir::with_limit(0).write("f", "").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(error.to_string(), "no space left on device");
}

#[test]
fn read_only_is() {
    let dir = MemoryDir::new();
    dir.write("file", "content").unwrap();
    dir.create_dir("dir").unwrap();
    let mut guest = Guest::new(
        WasiCtxBuilder::new()
            .preopen_memory_dir_with(&dir, "/ro", DirAccess::ReadOnly)
            .preopen_memory_dir(&MemoryDir::new(), "/rw"),
    );
    let used = dir.used_bytes();
    let reader = guest.open("file", 0, READ).unwrap();
    assert_eq!(guest.read(reader, 10).unwrap(), b"content");
    let beneath = guest.open("dir", DIRECTORY, READ).unwrap();
    for base in [ROOT, beneath] {
        for oflags in [CREAT, TRUNC, CREAT | TRUNC, CREAT | EXCL] {
            assert_eq!(guest.open_with(base, FOLLOW, "file", oflags, READ, 0), Err(Errno::Perm));
        }
        assert_eq!(guest.open_with(base, FOLLOW, "file", 0, WRITE, 0), Err(Errno::Perm));
    }
    assert_eq!(guest.at(path::path_create_directory, "new"), Err(Errno::Perm));
    assert_eq!(guest.at(path::path_unlink_file, "file"), Err(Errno::Perm));
    assert_eq!(guest.at(path::path_remove_directory, "dir"), Err(Errno::Perm));
    assert_eq!(guest.symlink("file", "new"), Err(Errno::Perm));
    assert_eq!(guest.set_times(FOLLOW, "file", 1), Err(Errno::Perm));
    assert_eq!(guest.rename((ROOT, "file"), (ROOT + 1, "file")), Err(Errno::Perm));
    assert_eq!(guest.link((ROOT, "file"), NOFOLLOW, (ROOT, "new")), Err(Errno::Perm));
    let on_file = [
        guest.call(|ctx, mem| fd::fd_filestat_set_size(ctx, mem, reader, 0)),
        guest.call(|ctx, mem| fd::fd_filestat_set_times(ctx, mem, reader, 1, 1, 5)),
        guest.call(|ctx, mem| fd::fd_allocate(ctx, mem, reader, 0, 100)),
    ];
    assert_eq!(on_file, [Err(Errno::Perm); 3]);
    assert_eq!(guest.write(reader, b"x"), Err(Errno::Badf));
    assert_eq!((dir.read_to_string("file").unwrap(), dir.used_bytes()), ("content".into(), used));
}

#[test]
fn nothing_moves_between_kinds_and_trees() {
    let world = World::new();
    let (one, two) = (MemoryDir::new(), MemoryDir::new());
    one.write("file", "x").unwrap();
    std::fs::write(world.inside().join("file"), "x").unwrap();
    let mut guest = Guest::new(
        WasiCtxBuilder::new()
            .preopen_memory_dir(&one, "/one")
            .preopen_memory_dir(&two, "/two")
            .preopen_dir(world.inside(), "/host")
            .unwrap()
            .preopen_memory_dir(&one, "/one again"),
    );
    let [one_fd, two_fd, host, again] = [3, 4, 5, 6];
    for (from, to) in [(one_fd, two_fd), (one_fd, host), (host, one_fd), (two_fd, one_fd)] {
        assert_eq!(guest.rename((from, "file"), (to, "new")), Err(Errno::Xdev));
        assert_eq!(guest.link((from, "file"), NOFOLLOW, (to, "new")), Err(Errno::Xdev));
    }
    // The same tree twice is one tree.
    guest.link((one_fd, "file"), NOFOLLOW, (again, "linked")).unwrap();
    guest.rename((again, "linked"), (one_fd, "moved")).unwrap();
    assert_eq!(names(&one), ["file", "moved"]);
    assert_eq!(names(&two), [""; 0]);
    world.check_untouched();
}

#[test]
fn a_guest_gets_no_more_memory_than_allowed() {
    let dir = MemoryDir::with_limit(100_000);
    let mut guest =
        Guest::new(WasiCtxBuilder::new().preopen_memory_dir(&dir, "/").max_descriptors(usize::MAX));
    // By one large file.
    let file = guest.open("large", CREAT, READ | WRITE).unwrap();
    let mut written = 0;
    let end = loop {
        match guest.write(file, &[7; 10_000]) {
            Ok(count) => written += u64::from(count),
            Err(errno) => break errno,
        }
    };
    assert_eq!(end, Errno::Nospc);
    assert!((90_000..100_000).contains(&written), "{written}");
    assert_eq!(guest.stat(FOLLOW, "large").unwrap().1, written);
    // By holes, which take nothing, but have an end.
    let set_size = |guest: &mut Guest, size| {
        guest.call(|ctx, mem| fd::fd_filestat_set_size(ctx, mem, file, size))
    };
    assert_eq!(set_size(&mut guest, 100_001), Err(Errno::Fbig));
    assert_eq!(set_size(&mut guest, i64::MAX as u64), Err(Errno::Fbig));
    assert_eq!(guest.pwrite(file, b"x", i64::MAX as u64), Err(Errno::Fbig));
    assert_eq!(guest.seek(file, i64::MAX, 0), Ok(i64::MAX as u64));
    assert_eq!(guest.write(file, b"x"), Err(Errno::Fbig));
    assert_eq!(guest.read(file, 10).unwrap(), b"");
    assert_eq!(guest.seek(file, 1, 1), Err(Errno::Inval));
    let allocate = |guest: &mut Guest, offset, len| {
        guest.call(|ctx, mem| fd::fd_allocate(ctx, mem, file, offset, len))
    };
    assert_eq!(allocate(&mut guest, 0, i64::MAX as u64), Err(Errno::Fbig));
    assert_eq!(allocate(&mut guest, 96_000, 4_000), Err(Errno::Nospc));
    // What it gives back it may have again.
    set_size(&mut guest, 0).unwrap();
    assert_eq!(allocate(&mut guest, 0, 50_000), Ok(()));
    set_size(&mut guest, 0).unwrap();
    // By names and nodes.
    let before = dir.used_bytes();
    let mut count = 0;
    let end = loop {
        match guest.at(path::path_create_directory, &format!("dir{count}")) {
            Ok(()) => count += 1,
            Err(errno) => break errno,
        }
    };
    assert_eq!(end, Errno::Nospc);
    assert!((100..1000).contains(&count), "{count}");
    assert_eq!(guest.open("new", CREAT, WRITE), Err(Errno::Nospc));
    assert_eq!(guest.symlink("target", "new"), Err(Errno::Nospc));
    assert_eq!(guest.rename((ROOT, "dir0"), (ROOT, &"n".repeat(255))), Err(Errno::Nospc));
    assert_eq!(guest.rename((ROOT, "dir0"), (ROOT, "name")), Ok(()), "no longer than before");
    assert_eq!(guest.rename((ROOT, "dir1"), (ROOT, "name")), Ok(()), "in its place");
    guest.rename((ROOT, "name"), (ROOT, "dir1")).unwrap();
    for at in 1..count {
        guest.at(path::path_remove_directory, &format!("dir{at}")).unwrap();
    }
    assert_eq!(dir.used_bytes(), before);
    // By files that have no names any more.
    let opened = guest.open("hidden", CREAT, WRITE).unwrap();
    guest.write(opened, &[1; 40_000]).unwrap();
    guest.at(path::path_unlink_file, "hidden").unwrap();
    assert!(dir.used_bytes() > before + 40_000);
    guest.close(opened).unwrap();
    assert_eq!(dir.used_bytes(), before);
    drop(guest);
    dir.remove_file("large").unwrap();
    assert_eq!(dir.used_bytes(), 0, "everything was given back");
}

#[test]
fn a_world_that_ends_gives_back_what_only_it_needed() {
    let dir = MemoryDir::new();
    dir.create_dir_all("a/b").unwrap();
    let mut guest = guest(&dir);
    let beneath = guest.open("a/b", DIRECTORY, READ).unwrap();
    let file = guest.open_with(beneath, FOLLOW, "f", CREAT, WRITE, 0).unwrap();
    guest.write(file, b"text").unwrap();
    let copy = dir.dir("a/b").unwrap();
    dir.remove_file("a/b/f").unwrap();
    dir.remove_dir("a/b").unwrap();
    dir.remove_dir("a").unwrap();
    assert!(dir.used_bytes() > 4096);
    assert_eq!(copy.write("new", "x").unwrap_err().kind(), ErrorKind::NotFound);
    drop((guest, copy));
    assert_eq!(dir.used_bytes(), 0);
}

#[test]
fn deep_trees_need_no_stack_and_no_long_time() {
    let dir = MemoryDir::new();
    let mut deepest = dir.clone();
    for _ in 0..50_000 {
        deepest.create_dir("d").unwrap();
        deepest = deepest.dir("d").unwrap();
    }
    deepest.write("file", "x").unwrap();
    deepest.create_dir("e").unwrap();
    // Each asks whether one holds the other.
    for _ in 0..10 {
        assert_eq!(deepest.rename("e", "e/x").unwrap_err().kind(), ErrorKind::InvalidInput);
        deepest.rename("e", "f").unwrap();
        deepest.rename("f", "e").unwrap();
    }
    drop(deepest);
    drop(dir);
}

#[test]
fn listings_keep_their_positions() {
    let dir = MemoryDir::new();
    for at in 0..50 {
        dir.write(format!("file{at:02}"), "").unwrap();
    }
    let mut guest = guest(&dir);
    let (mut cookie, mut seen) = (0, Vec::new());
    loop {
        let bytes = guest.readdir(ROOT, 100, cookie).unwrap();
        let mut rest = &bytes[..];
        while rest.len() >= 24 {
            let len = u32::from_le_bytes(rest[16..20].try_into().unwrap()) as usize;
            if rest.len() < 24 + len {
                break;
            }
            cookie = u64::from_le_bytes(rest[..8].try_into().unwrap());
            let name = String::from_utf8(rest[24..24 + len].to_vec()).unwrap();
            if name.starts_with("file") {
                // Removing and adding moves nothing.
                dir.remove_file(&name).unwrap();
                dir.write(format!("new{name}"), "").unwrap();
            }
            seen.push(name);
            rest = &rest[24 + len..];
        }
        if bytes.len() < 100 {
            break;
        }
    }
    let files = (0..50).map(|at| format!("file{at:02}"));
    let expected: Vec<_> = [".".into(), "..".into()].into_iter().chain(files).collect();
    assert_eq!(seen, expected);
}

#[test]
fn several_guests_use_a_tree_at_once() {
    let dir = MemoryDir::new();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let mut guest = guest(&dir);
            scope.spawn(move || {
                for round in 0..100 {
                    let name = format!("{worker}-{round}");
                    let file = guest.open(&name, CREAT | EXCL, WRITE).unwrap();
                    guest.write(file, name.as_bytes()).unwrap();
                    guest.close(file).unwrap();
                    guest.rename((ROOT, &name), (ROOT, &format!("{worker}"))).unwrap();
                    let _ = guest.open("shared", CREAT, WRITE).and_then(|file| guest.close(file));
                    let _ = guest.at(path::path_unlink_file, "shared");
                }
            });
        }
    });
    let _ = dir.remove_file("shared");
    assert_eq!(names(&dir), ["0", "1", "2", "3"]);
    assert_eq!(dir.read_to_string("2").unwrap(), "2-99");
}
