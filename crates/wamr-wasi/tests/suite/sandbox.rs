//! Attempts to get out of a preopened directory. Each must fail, and nothing outside may change.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::*;
use wamr_wasi::preview1::path;
use wamr_wasi::{Errno, WasiCtxBuilder};

/// A world whose inside is full of links that lead out.
fn world() -> World {
    let world = World::new();
    let inside = world.inside();
    fs::create_dir_all(inside.join("a/b/c")).unwrap();
    fs::write(inside.join("file"), "file").unwrap();
    symlink(world.temp.path(), inside.join("absolute_dir")).unwrap();
    symlink(world.temp.path().join("secret"), inside.join("absolute")).unwrap();
    symlink("../secret", inside.join("relative")).unwrap();
    symlink("..", inside.join("parent")).unwrap();
    symlink("a/b/../../../secret", inside.join("winding")).unwrap();
    symlink("chain2", inside.join("chain1")).unwrap();
    symlink("a/chain3", inside.join("chain2")).unwrap();
    symlink("../../secret", inside.join("a/chain3")).unwrap();
    symlink("../created", inside.join("dangling")).unwrap();
    symlink("/tmp/wamr-wasi-created", inside.join("dangling_absolute")).unwrap();
    symlink("loop2", inside.join("loop1")).unwrap();
    symlink("loop1", inside.join("loop2")).unwrap();
    world
}

/// Paths that lead to `secret` outside, if they are followed to their end.
const TO_SECRET: [&str; 16] = [
    "../secret",
    "./../secret",
    "a/../../secret",
    "a/b/c/../../../../secret",
    "a//b/./c/.././../../../secret",
    "/../secret",
    "absolute",
    "relative",
    "winding",
    "chain1",
    "absolute_dir/secret",
    "parent/secret",
    "parent/inside/../secret",
    "a/../parent/secret",
    "a/b/../../relative",
    "a/chain3",
];

#[test]
fn open() {
    let world = world();
    let mut guest = Guest::with_dir(&world.inside());
    for target in TO_SECRET {
        for (oflags, rights) in
            [(0, READ), (0, WRITE), (CREAT, WRITE), (CREAT | TRUNC, READ | WRITE), (0, 0)]
        {
            let error = guest.open(target, oflags, rights).unwrap_err();
            assert!(matches!(error, Errno::Perm | Errno::Noent), "{target}: {error:?}");
        }
        guest.open(target, CREAT | EXCL, WRITE).unwrap_err();
    }
    for target in
        ["..", "../", "parent", "parent/", "absolute_dir", "absolute_dir/", "a/../..", "/", "."]
    {
        let result = guest.open(target, DIRECTORY, READ);
        assert_eq!(result.is_ok(), target == ".", "{target}");
    }
    world.check_untouched();
}

#[test]
fn absolute_path_is_refused() {
    let world = world();
    let mut guest = Guest::with_dir(&world.inside());
    assert_eq!(guest.open("/file", 0, READ), Err(Errno::Perm));
    assert_eq!(guest.open("/etc/passwd", 0, READ), Err(Errno::Perm));
    assert_eq!(guest.stat(FOLLOW, "/"), Err(Errno::Perm));
}

#[test]
fn dangling_links_create_nothing() {
    let world = world();
    let mut guest = Guest::with_dir(&world.inside());
    for link in ["dangling", "dangling_absolute"] {
        for lookup in [NOFOLLOW, FOLLOW] {
            for oflags in [CREAT, CREAT | EXCL, CREAT | TRUNC] {
                guest.open_with(ROOT, lookup, link, oflags, WRITE, 0).unwrap_err();
            }
        }
        guest.at(path::path_create_directory, link).unwrap_err();
        guest.set_times(FOLLOW, link, 1).unwrap_err();
        guest.link((ROOT, "file"), NOFOLLOW, (ROOT, link)).unwrap_err();
    }
    world.check_untouched();
    assert!(!std::path::Path::new("/tmp/wamr-wasi-created").exists());
}

#[test]
fn loops_end() {
    let world = world();
    let mut guest = Guest::with_dir(&world.inside());
    assert_eq!(guest.open("loop1", 0, READ), Err(Errno::Loop));
    assert_eq!(guest.open_with(ROOT, NOFOLLOW, "loop1", 0, READ, 0), Err(Errno::Loop));
    assert_eq!(guest.stat(FOLLOW, "loop1"), Err(Errno::Loop));
    assert_eq!(guest.stat(NOFOLLOW, "loop1").unwrap().0, 7);
    assert_eq!(guest.open("loop1/x", CREAT, WRITE), Err(Errno::Loop));
}

#[test]
fn attributes_and_times() {
    let world = world();
    let mut guest = Guest::with_dir(&world.inside());
    let before = fs::metadata(world.temp.path().join("secret")).unwrap().modified().unwrap();
    for target in TO_SECRET {
        guest.stat(FOLLOW, target).unwrap_err();
        guest.set_times(FOLLOW, target, 1_000_000_000).unwrap_err();
        if target.contains("..")
            || target.starts_with("parent")
            || target.starts_with("absolute_dir")
        {
            // Links at the end are themselves inside.
            if !target.ends_with("relative") {
                guest.stat(NOFOLLOW, target).unwrap_err();
                guest.set_times(NOFOLLOW, target, 1_000_000_000).unwrap_err();
            }
        }
    }
    assert_eq!(fs::metadata(world.temp.path().join("secret")).unwrap().modified().unwrap(), before);
    // Without following, the link itself changes.
    guest.set_times(NOFOLLOW, "relative", 1_000_000_000).unwrap();
    assert_eq!(fs::metadata(world.temp.path().join("secret")).unwrap().modified().unwrap(), before);
}

#[test]
fn removing() {
    let world = world();
    fs::create_dir(world.inside().join("empty")).unwrap();
    let mut guest = Guest::with_dir(&world.inside());
    for target in
        ["../secret", "parent/secret", "absolute_dir/secret", "a/../../secret", "/../secret"]
    {
        guest.at(path::path_unlink_file, target).unwrap_err();
        guest.at(path::path_remove_directory, target).unwrap_err();
    }
    for target in ["..", "../inside", ".", "parent", "parent/inside", "", "/", "a/.."] {
        guest.at(path::path_remove_directory, target).unwrap_err();
    }
    // Removing a link removes the link.
    guest.at(path::path_unlink_file, "relative").unwrap();
    guest.at(path::path_unlink_file, "absolute_dir").unwrap();
    world.check_untouched();
    guest.at(path::path_remove_directory, "empty").unwrap();
}

#[test]
fn creating_directories() {
    let world = world();
    let mut guest = Guest::with_dir(&world.inside());
    for target in ["../new", "parent/new", "absolute_dir/new", "/tmp/new", "a/../../new", "..", "."]
    {
        guest.at(path::path_create_directory, target).unwrap_err();
    }
    world.check_untouched();
}

#[test]
fn linking() {
    let world = world();
    let mut guest = Guest::with_dir(&world.inside());
    for target in
        ["../secret", "parent/secret", "absolute_dir/secret", "/../secret", "a/../../secret"]
    {
        guest.link((ROOT, target), NOFOLLOW, (ROOT, "linked")).unwrap_err();
        guest.link((ROOT, target), FOLLOW, (ROOT, "linked")).unwrap_err();
    }
    for target in ["../new", "parent/new", "absolute_dir/new", "/tmp/new"] {
        guest.link((ROOT, "file"), NOFOLLOW, (ROOT, target)).unwrap_err();
    }
    for source in [".", "..", "a", "a/", ""] {
        guest.link((ROOT, source), NOFOLLOW, (ROOT, "linked")).unwrap_err();
    }
    // A hard link of a link that leads out is still only a link.
    guest.link((ROOT, "relative"), NOFOLLOW, (ROOT, "linked")).unwrap();
    assert_eq!(guest.open("linked", 0, READ), Err(Errno::Perm));
    world.check_untouched();
}

#[test]
fn renaming() {
    let world = world();
    let mut guest = Guest::with_dir(&world.inside());
    for target in ["../secret", "parent/secret", "absolute_dir/secret", "/../secret"] {
        guest.rename((ROOT, target), (ROOT, "got")).unwrap_err();
        guest.rename((ROOT, "file"), (ROOT, target)).unwrap_err();
    }
    for target in [".", "..", "", "/"] {
        guest.rename((ROOT, target), (ROOT, "got")).unwrap_err();
        guest.rename((ROOT, "a"), (ROOT, target)).unwrap_err();
    }
    // A link that gets deeper doesn't get further.
    guest.rename((ROOT, "relative"), (ROOT, "a/relative")).unwrap();
    guest.rename((ROOT, "parent"), (ROOT, "a/b/parent")).unwrap();
    assert_eq!(guest.open("a/b/parent/relative", 0, READ), Err(Errno::Noent));
    // Moving an open directory to another place doesn't move its root.
    let deep = guest.open("a/b/c", DIRECTORY, READ).unwrap();
    guest.rename((ROOT, "a/b/c"), (ROOT, "c")).unwrap();
    for target in ["..", "../file", "../../secret", "../c"] {
        assert_eq!(guest.open_with(deep, FOLLOW, target, 0, READ, 0), Err(Errno::Perm), "{target}");
    }
    world.check_untouched();
}

#[test]
fn own_links_lead_nowhere() {
    let world = World::new();
    let mut guest = Guest::with_dir(&world.inside());
    assert_eq!(guest.symlink("/etc/passwd", "absolute"), Err(Errno::Perm));
    guest.symlink("..", "up").unwrap();
    guest.symlink("up/..", "upper").unwrap();
    guest.symlink("up/secret", "secret").unwrap();
    for target in ["up", "upper", "secret", "up/secret", "upper/etc"] {
        assert_eq!(guest.open(target, 0, READ), Err(Errno::Perm), "{target}");
        assert_eq!(guest.stat(FOLLOW, target), Err(Errno::Perm), "{target}");
    }
    for target in ["../new", "up/new", "/tmp/new"] {
        guest.symlink("x", target).unwrap_err();
    }
    world.check_untouched();
}

#[test]
fn reading_links() {
    let world = world();
    let mut guest = Guest::with_dir(&world.inside());
    assert_eq!(guest.readlink("relative", 100).unwrap(), "../secret");
    assert_eq!(guest.readlink("relative", 4).unwrap(), "../s");
    assert_eq!(guest.readlink("relative", 0).unwrap(), "");
    // Where the host keeps its files is none of the guest's business.
    assert_eq!(guest.readlink("absolute", 100), Err(Errno::Perm));
    assert_eq!(guest.readlink("file", 100), Err(Errno::Inval));
    guest.readlink("parent/inside/relative", 100).unwrap_err();
}

#[test]
fn one_directory_does_not_open_another() {
    let world = World::new();
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("other"), "other").unwrap();
    let mut guest = Guest::new(
        WasiCtxBuilder::new()
            .preopen_dir(world.inside(), "/one")
            .unwrap()
            .preopen_dir(other.path(), "/two")
            .unwrap(),
    );
    for target in ["/two/other", "../two/other", "two/other", "../../two/other"] {
        guest.open(target, 0, READ).unwrap_err();
    }
    assert!(guest.open_with(ROOT + 1, FOLLOW, "other", 0, READ, 0).is_ok());
    // Both are the guest's to write, so a file may move.
    guest.rename((ROOT + 1, "other"), (ROOT, "moved")).unwrap();
    assert!(guest.open("moved", 0, READ).is_ok());
    world.check_untouched();
}

#[test]
fn bad_paths() {
    let world = World::new();
    let mut guest = Guest::with_dir(&world.inside());
    assert_eq!(guest.open("", 0, READ), Err(Errno::Noent));
    assert_eq!(guest.open("a\0b", CREAT, WRITE), Err(Errno::Inval));
    assert_eq!(guest.open(&"a".repeat(300), CREAT, WRITE), Err(Errno::Nametoolong));
    guest.memory = vec![b'a'; 1 << 20];
    let open = |guest: &mut Guest, ptr, len| {
        guest.call(|ctx, mem| path::path_open(ctx, mem, ROOT, FOLLOW, ptr, len, 0, READ, 0, 0, 0))
    };
    assert_eq!(open(&mut guest, 64, 1 << 19), Err(Errno::Nametoolong));
    assert_eq!(open(&mut guest, 1 << 20, 1), Err(Errno::Fault));
    guest.memory[64] = 0xff;
    assert_eq!(open(&mut guest, 64, 2), Err(Errno::Ilseq));
}

/// Somebody outside swaps a directory for a link that leads out, again and again, while a guest
/// opens, creates and lists beneath its name.
#[cfg(unix)]
#[test]
fn renames_while_a_guest_opens() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let world = World::new();
    let inside = world.inside();
    fs::create_dir(inside.join("real")).unwrap();
    fs::write(inside.join("real/secret"), "public").unwrap();
    std::os::unix::fs::symlink(world.temp.path(), inside.join("evil")).unwrap();
    let mut guest = Guest::with_dir(&inside);
    // Set at the end, and by an assertion that fails too.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let done = AtomicBool::new(false);
    let (mut opened, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let name = |name| inside.join(name);
            // What the guest does meanwhile can't make these fail: it renames nothing.
            while !done.load(Ordering::Relaxed) {
                fs::rename(name("real"), name("swapped")).unwrap();
                fs::rename(name("swapped"), name("real")).unwrap();
                fs::rename(name("evil"), name("swapped")).unwrap();
                fs::rename(name("swapped"), name("evil")).unwrap();
            }
        });
        let _done = Done(&done);
        for _ in 0..3000 {
            match guest.open("swapped/secret", 0, READ | WRITE) {
                Ok(file) => {
                    assert_eq!(guest.read(file, 100).unwrap(), b"public");
                    guest.close(file).unwrap();
                    opened += 1;
                }
                Err(_) => refused += 1,
            }
            if let Ok(file) = guest.open("swapped/new", CREAT, WRITE) {
                guest.close(file).unwrap();
            }
            if let Ok(dir) = guest.open("swapped", DIRECTORY, READ) {
                let names = guest.readdir(dir, 4096, 0).unwrap();
                assert!(!names.windows(6).any(|name| name == b"inside"), "the directory outside");
                guest.close(dir).unwrap();
            }
        }
    });
    assert_eq!(opened + refused, 3000);
    world.check_untouched();
}
