//! A read-only directory can't be changed through any call.

use std::fs;

use crate::support::*;
use wamr_wasi::preview1::{fd, path};
use wamr_wasi::{DirAccess, Errno, WasiCtxBuilder};

fn world() -> World {
    let world = World::new();
    fs::create_dir(world.inside().join("dir")).unwrap();
    fs::write(world.inside().join("file"), "content").unwrap();
    fs::write(world.inside().join("dir/file"), "content").unwrap();
    world
}

fn check_unchanged(world: &World) {
    assert_eq!(fs::read_to_string(world.inside().join("file")).unwrap(), "content");
    assert_eq!(fs::read_to_string(world.inside().join("dir/file")).unwrap(), "content");
    assert_eq!(fs::read_dir(world.inside()).unwrap().count(), 2);
    assert_eq!(fs::read_dir(world.inside().join("dir")).unwrap().count(), 1);
}

#[test]
fn reading_works() {
    let world = world();
    let mut guest = Guest::with_read_only(&world.inside());
    let file = guest.open("file", 0, READ).unwrap();
    assert_eq!(guest.read(file, 100).unwrap(), b"content");
    assert_eq!(guest.stat(FOLLOW, "dir/file").unwrap(), (4, 7, 1));
    let dir = guest.open("dir", DIRECTORY, READ).unwrap();
    assert!(!guest.readdir(dir, 100, 0).unwrap().is_empty());
}

#[test]
fn no_open_for_change() {
    let world = world();
    let mut guest = Guest::with_read_only(&world.inside());
    let dir = guest.open("dir", DIRECTORY, READ).unwrap();
    // Directories opened beneath are as read-only as their parent.
    for base in [ROOT, dir] {
        for name in ["file", "new"] {
            for oflags in [0, CREAT, TRUNC, CREAT | EXCL, CREAT | TRUNC] {
                for rights in [0, READ, WRITE, READ | WRITE] {
                    if oflags == 0 && rights & WRITE == 0 {
                        continue;
                    }
                    for fdflags in [0, APPEND, NONBLOCK] {
                        let result = guest.open_with(base, FOLLOW, name, oflags, rights, fdflags);
                        assert_eq!(result, Err(Errno::Perm), "{name} {oflags} {rights}");
                    }
                }
            }
        }
    }
    check_unchanged(&world);
}

#[test]
fn no_change_of_names_and_times() {
    let world = world();
    let mut guest = Guest::with_read_only(&world.inside());
    let before = fs::metadata(world.inside().join("file")).unwrap().modified().unwrap();
    assert_eq!(guest.at(path::path_create_directory, "new"), Err(Errno::Perm));
    assert_eq!(guest.at(path::path_unlink_file, "file"), Err(Errno::Perm));
    assert_eq!(guest.at(path::path_remove_directory, "dir"), Err(Errno::Perm));
    assert_eq!(guest.link((ROOT, "file"), NOFOLLOW, (ROOT, "new")), Err(Errno::Perm));
    assert_eq!(guest.rename((ROOT, "file"), (ROOT, "new")), Err(Errno::Perm));
    assert_eq!(guest.symlink("file", "new"), Err(Errno::Perm));
    assert_eq!(guest.set_times(FOLLOW, "file", 1), Err(Errno::Perm));
    assert_eq!(guest.set_times(NOFOLLOW, "file", 1), Err(Errno::Perm));
    let file = guest.open("file", 0, READ).unwrap();
    for fd in [file, ROOT] {
        let result = guest.call(|ctx, mem| fd::fd_filestat_set_times(ctx, mem, fd, 1, 1, 5));
        assert_eq!(result, Err(Errno::Perm));
    }
    assert_eq!(
        guest.call(|ctx, mem| fd::fd_filestat_set_size(ctx, mem, file, 0)),
        Err(Errno::Perm)
    );
    assert_eq!(fs::metadata(world.inside().join("file")).unwrap().modified().unwrap(), before);
    check_unchanged(&world);
}

#[test]
fn no_change_through_an_open_file() {
    let world = world();
    let mut guest = Guest::with_read_only(&world.inside());
    let file = guest.open("file", 0, READ).unwrap();
    assert_eq!(guest.write(file, b"x"), Err(Errno::Badf));
    assert_eq!(guest.pwrite(file, b"x", 0), Err(Errno::Badf));
    guest.call(|ctx, mem| fd::fd_fdstat_set_flags(ctx, mem, file, APPEND)).unwrap();
    assert_eq!(guest.write(file, b"x"), Err(Errno::Badf));
    guest.call(|ctx, mem| fd::fd_allocate(ctx, mem, file, 0, 1 << 20)).unwrap_err();
    check_unchanged(&world);
}

#[test]
fn no_change_through_a_writable_neighbour() {
    let world = world();
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("mine"), "mine").unwrap();
    let mut guest = Guest::new(
        WasiCtxBuilder::new()
            .preopen_dir_with(world.inside(), "/ro", DirAccess::ReadOnly)
            .unwrap()
            .preopen_dir(other.path(), "/rw")
            .unwrap(),
    );
    let writable = ROOT + 1;
    assert_eq!(guest.link((ROOT, "file"), NOFOLLOW, (writable, "alias")), Err(Errno::Perm));
    assert_eq!(guest.rename((ROOT, "file"), (writable, "stolen")), Err(Errno::Perm));
    assert_eq!(guest.link((writable, "mine"), NOFOLLOW, (ROOT, "new")), Err(Errno::Perm));
    assert_eq!(guest.rename((writable, "mine"), (ROOT, "file")), Err(Errno::Perm));
    // Another number changes nothing.
    guest.call(|ctx, mem| fd::fd_renumber(ctx, mem, ROOT, writable)).unwrap();
    assert_eq!(guest.open_with(writable, FOLLOW, "new", CREAT, WRITE, 0), Err(Errno::Perm));
    check_unchanged(&world);
}
