//! Directories of the host and in memory answer the same to the same calls: those of a table, and
//! calls made up at random.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;

use crate::support::*;
use wamr_wasi::preview1::{fd, path};
use wamr_wasi::{Errno, MemoryDir, WasiCtxBuilder};

/// A call of a guest. Descriptors are numbers of the guest, paths are relative to one.
#[derive(Clone, Debug)]
enum Op {
    Open(u32, u32, &'static str, u32, u64, u32),
    Close(u32),
    Write(u32, &'static str),
    Pwrite(u32, &'static str, u64),
    Read(u32, usize),
    Pread(u32, usize, u64),
    Seek(u32, i64, u32),
    Tell(u32),
    SetSize(u32, u64),
    Allocate(u32, u64, u64),
    Advise(u32, u64, u64, u32),
    Sync(u32),
    Flags(u32, u32),
    Fdstat(u32),
    FileStat(u32),
    SetTimes(u32, u64, u32),
    Stat(u32, u32, &'static str),
    SetTimesAt(u32, u32, &'static str, u64, u32),
    Mkdir(u32, &'static str),
    Rmdir(u32, &'static str),
    Unlink(u32, &'static str),
    Link(u32, u32, &'static str, u32, &'static str),
    Rename(u32, &'static str, u32, &'static str),
    Symlink(&'static str, u32, &'static str),
    Readlink(u32, &'static str, u32),
    Readdir(u32, u64),
    Renumber(u32, u32),
}
use Op::*;

type Call =
    fn(&mut wamr_wasi::WasiCtx, &mut wamr_wasi::GuestMemory<'_>, u32, u32, u32) -> Result<()>;

fn at(guest: &mut Guest, function: Call, dir: u32, path: &str) -> Result<String> {
    let [(ptr, len)] = guest.put([path]);
    guest.call(|ctx, mem| function(ctx, mem, dir, ptr, len)).map(|()| String::new())
}

/// What of the attributes at `DATA` is the same everywhere: sizes and link counts of directories
/// are not, nor is what the clock says.
fn attributes(guest: &mut Guest) -> String {
    let (kind, nlink, size, mtim) = guest.call(|_, mem| {
        let word = |at| mem.read_u64(DATA + at).unwrap();
        (mem.read_u8(DATA + 16).unwrap(), word(24), word(32), word(48))
    });
    let mtim = if mtim < 1 << 60 { mtim.to_string() } else { "now".into() };
    match kind {
        3 => format!("directory {mtim}"),
        _ => format!("{kind} {nlink} {size} {mtim}"),
    }
}

/// What a listing has, in order.
fn names(bytes: &[u8]) -> Vec<(String, u8)> {
    let mut names = Vec::new();
    let mut rest = bytes;
    while rest.len() >= 24 {
        let len = u32::from_le_bytes(rest[16..20].try_into().unwrap()) as usize;
        if rest.len() < 24 + len {
            break;
        }
        names.push((String::from_utf8(rest[24..24 + len].to_vec()).unwrap(), rest[20]));
        rest = &rest[24 + len..];
    }
    names.sort();
    names
}

/// Makes a call; tells what it gave.
fn perform(guest: &mut Guest, op: &Op) -> Result<String> {
    let shown = |count: u32| count.to_string();
    match *op {
        Open(dir, lookup, path, oflags, rights, flags) => {
            guest.open_with(dir, lookup, path, oflags, rights, flags).map(shown)
        }
        Close(fd) => guest.close(fd).map(|()| String::new()),
        Write(fd, text) => guest.write(fd, text.as_bytes()).map(shown),
        Pwrite(fd, text, offset) => guest.pwrite(fd, text.as_bytes(), offset).map(shown),
        Read(fd, len) => guest.read(fd, len).map(|bytes| format!("{bytes:?}")),
        Pread(fd, len, offset) => guest.pread(fd, len, offset).map(|bytes| format!("{bytes:?}")),
        Seek(fd, offset, whence) => guest.seek(fd, offset, whence).map(|at| at.to_string()),
        Tell(fd) => guest.call(|ctx, mem| {
            fd::fd_tell(ctx, mem, fd, 0)?;
            Ok(mem.read_u64(0)?.to_string())
        }),
        SetSize(fd, size) => guest
            .call(|ctx, mem| fd::fd_filestat_set_size(ctx, mem, fd, size))
            .map(|()| String::new()),
        Allocate(fd, offset, len) => guest
            .call(|ctx, mem| fd::fd_allocate(ctx, mem, fd, offset, len))
            .map(|()| String::new()),
        Advise(fd, offset, len, advice) => guest
            .call(|ctx, mem| fd::fd_advise(ctx, mem, fd, offset, len, advice))
            .map(|()| String::new()),
        Sync(fd) => guest
            .call(|ctx, mem| fd::fd_sync(ctx, mem, fd).and(fd::fd_datasync(ctx, mem, fd)))
            .map(|()| String::new()),
        Flags(fd, flags) => guest
            .call(|ctx, mem| fd::fd_fdstat_set_flags(ctx, mem, fd, flags))
            .map(|()| String::new()),
        Fdstat(fd) => {
            guest.call(|ctx, mem| fd::fd_fdstat_get(ctx, mem, fd, DATA))?;
            Ok(format!("{:?}", &guest.memory[DATA as usize..][..24]))
        }
        FileStat(fd) => {
            guest.call(|ctx, mem| fd::fd_filestat_get(ctx, mem, fd, DATA))?;
            Ok(attributes(guest))
        }
        SetTimes(fd, ns, flags) => guest
            .call(|ctx, mem| fd::fd_filestat_set_times(ctx, mem, fd, ns, ns, flags))
            .map(|()| String::new()),
        Stat(dir, lookup, path) => {
            let [(ptr, len)] = guest.put([path]);
            guest
                .call(|ctx, mem| path::path_filestat_get(ctx, mem, dir, lookup, ptr, len, DATA))?;
            Ok(attributes(guest))
        }
        SetTimesAt(dir, lookup, path, ns, flags) => {
            let [(ptr, len)] = guest.put([path]);
            guest
                .call(|ctx, mem| {
                    path::path_filestat_set_times(ctx, mem, dir, lookup, ptr, len, ns, ns, flags)
                })
                .map(|()| String::new())
        }
        Mkdir(dir, path) => at(guest, path::path_create_directory, dir, path),
        Rmdir(dir, path) => at(guest, path::path_remove_directory, dir, path),
        Unlink(dir, path) => at(guest, path::path_unlink_file, dir, path),
        Link(dir, lookup, path, new_dir, new_path) => {
            guest.link((dir, path), lookup, (new_dir, new_path)).map(|()| String::new())
        }
        Rename(dir, path, new_dir, new_path) => {
            guest.rename((dir, path), (new_dir, new_path)).map(|()| String::new())
        }
        Symlink(target, dir, path) => {
            let [(old, old_len), (new, new_len)] = guest.put([target, path]);
            guest
                .call(|ctx, mem| path::path_symlink(ctx, mem, old, old_len, dir, new, new_len))
                .map(|()| String::new())
        }
        Readlink(dir, path, buf_len) => {
            let [(ptr, len)] = guest.put([path]);
            let count = guest.call_u32(|ctx, mem, result| {
                path::path_readlink(ctx, mem, dir, ptr, len, DATA, buf_len, result)
            })?;
            Ok(String::from_utf8(guest.memory[DATA as usize..][..count as usize].to_vec()).unwrap())
        }
        Readdir(fd, cookie) => {
            let bytes = guest.readdir(fd, 8192, cookie)?;
            // Hosts have entries in orders of their own: only all of them can be compared.
            Ok(if cookie == 0 { format!("{:?}", names(&bytes)) } else { bytes.len().to_string() })
        }
        Renumber(from, to) => {
            guest.call(|ctx, mem| fd::fd_renumber(ctx, mem, from, to)).map(|()| String::new())
        }
    }
}

/// A guest with a directory of the host, and one with a directory in memory.
struct Pair {
    world: World,
    host: Guest,
    memory: Guest,
}

impl Pair {
    fn new() -> Self {
        let world = World::new();
        let host = Guest::new(
            WasiCtxBuilder::new().preopen_dir(world.inside(), "/").unwrap().max_descriptors(12),
        );
        let memory = Guest::new(
            WasiCtxBuilder::new().preopen_memory_dir(&MemoryDir::new(), "/").max_descriptors(12),
        );
        Self { world, host, memory }
    }

    #[track_caller]
    fn perform(&mut self, op: &Op, before: &[Op]) -> Result<String> {
        let expected = perform(&mut self.host, op);
        let found = perform(&mut self.memory, op);
        assert_eq!(found, expected, "{op:?} in memory and on the host, after {before:#?}");
        found
    }

    /// Compares everything beneath the preopened directories.
    #[track_caller]
    fn compare(&mut self, before: &[Op]) {
        let (host, memory) = (everything(&mut self.host), everything(&mut self.memory));
        assert_eq!(memory, host, "in memory and on the host, after {before:#?}");
        self.world.check_untouched();
    }
}

/// Everything beneath the directory that has the number 3, by path, through a guest of its own.
fn everything(guest: &mut Guest) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![String::from(".")];
    // Room for what this opens.
    for fd in 4..12 {
        let _ = guest.close(fd);
    }
    while let Some(dir) = dirs.pop() {
        let fd = guest.open(&dir, DIRECTORY, READ).unwrap();
        for (name, kind) in names(&guest.readdir(fd, 8192, 0).unwrap()) {
            if name == "." || name == ".." {
                continue;
            }
            let path = format!("{dir}/{name}");
            let (_, size, nlink) = guest.stat(NOFOLLOW, &path).unwrap();
            let what = match kind {
                3 => {
                    dirs.push(path.clone());
                    "directory".into()
                }
                4 => {
                    let file = guest.open(&path, 0, READ).unwrap();
                    let content = guest.read(file, 4096).unwrap();
                    guest.close(file).unwrap();
                    format!("{nlink} {size} {content:?}")
                }
                7 => format!("{nlink} {size} -> {}", guest.readlink(&path, 100).unwrap()),
                _ => panic!("{path} is of type {kind}"),
            };
            found.insert(path, what);
        }
        guest.close(fd).unwrap();
    }
    found
}

const FILE: u64 = READ | WRITE;
/// The descriptor that the first open gets.
const FD: u32 = 4;
const ALL_TIMES: u32 = 5;

/// A call, and the error that it answers, if any.
type Answered = (Op, Option<Errno>);

/// What each case is about, the calls, and what they answer: nothing here says what the host
/// answers, but the errors that matter most are pinned down.
fn table() -> Vec<(&'static str, Vec<Answered>)> {
    let ok = |op| (op, None);
    let err = |op, errno| (op, Some(errno));
    vec![
        (
            "creating, writing, reading",
            vec![
                ok(Open(ROOT, FOLLOW, "a", CREAT, FILE, 0)),
                ok(Write(FD, "hello world")),
                ok(Seek(FD, 6, 0)),
                ok(Read(FD, 100)),
                ok(Read(FD, 100)),
                ok(Seek(FD, -5, 2)),
                ok(Tell(FD)),
                err(Seek(FD, -100, 1), Errno::Inval),
                ok(Pwrite(FD, "W", 6)),
                ok(Pread(FD, 5, 6)),
                err(Pread(FD, 5, u64::MAX), Errno::Inval),
                ok(Seek(FD, 20, 0)),
                ok(Write(FD, "behind a gap")),
                ok(Pread(FD, 100, 0)),
                ok(FileStat(FD)),
                ok(Fdstat(FD)),
                ok(Open(ROOT, FOLLOW, "b", CREAT, FILE, 0)),
                ok(Renumber(FD, FD + 1)),
                err(Tell(FD), Errno::Badf),
                err(Renumber(FD, FD + 1), Errno::Badf),
                ok(Pread(FD + 1, 3, 0)),
                ok(Close(FD + 1)),
            ],
        ),
        (
            "flags of opening",
            vec![
                err(Open(ROOT, FOLLOW, "a", 0, FILE, 0), Errno::Noent),
                ok(Open(ROOT, FOLLOW, "a", CREAT | EXCL, FILE, 0)),
                ok(Write(FD, "text")),
                err(Open(ROOT, FOLLOW, "a", CREAT | EXCL, FILE, 0), Errno::Exist),
                err(Open(ROOT, FOLLOW, "a", DIRECTORY, READ, 0), Errno::Notdir),
                err(Open(ROOT, FOLLOW, "a/", 0, READ, 0), Errno::Notdir),
                err(Open(ROOT, FOLLOW, "a/b", 0, READ, 0), Errno::Notdir),
                err(Open(ROOT, FOLLOW, "b/", CREAT, FILE, 0), Errno::Isdir),
                ok(Open(ROOT, FOLLOW, "a", TRUNC, FILE, 0)),
                ok(FileStat(FD)),
                ok(Mkdir(ROOT, "d")),
                err(Open(ROOT, FOLLOW, "d", 0, FILE, 0), Errno::Isdir),
                err(Open(ROOT, FOLLOW, "d", CREAT, READ, 0), Errno::Isdir),
                err(Open(ROOT, FOLLOW, "d", CREAT | EXCL, READ, 0), Errno::Exist),
                err(Open(ROOT, FOLLOW, "d", DIRECTORY | CREAT, READ, 0), Errno::Inval),
                ok(Open(ROOT, FOLLOW, "d/", DIRECTORY, READ, 0)),
                ok(Open(ROOT, FOLLOW, ".", 0, READ, 0)),
                err(Open(ROOT, FOLLOW, "", 0, READ, 0), Errno::Noent),
            ],
        ),
        (
            "appending",
            vec![
                ok(Open(ROOT, FOLLOW, "a", CREAT, FILE, APPEND)),
                ok(Write(FD, "one")),
                ok(Seek(FD, 0, 0)),
                ok(Write(FD, "two")),
                ok(Tell(FD)),
                ok(Pwrite(FD, "three", 0)),
                ok(Tell(FD)),
                ok(Flags(FD, 0)),
                ok(Seek(FD, 0, 0)),
                ok(Write(FD, "O")),
                ok(Pread(FD, 100, 0)),
                err(Flags(FD, 2), Errno::Inval),
                ok(Fdstat(FD)),
            ],
        ),
        (
            "sizes",
            vec![
                ok(Open(ROOT, FOLLOW, "a", CREAT, FILE, 0)),
                ok(Write(FD, "0123456789")),
                ok(SetSize(FD, 4)),
                ok(SetSize(FD, 8)),
                ok(Pread(FD, 100, 0)),
                err(SetSize(FD, u64::MAX), Errno::Inval),
                ok(Allocate(FD, 100, 50)),
                ok(FileStat(FD)),
                ok(Allocate(FD, 0, 10)),
                err(Allocate(FD, 0, 0), Errno::Inval),
                err(Allocate(FD, u64::MAX, 1), Errno::Inval),
                ok(FileStat(FD)),
                ok(Advise(FD, 0, 10, 3)),
                ok(Sync(FD)),
                ok(Open(ROOT, FOLLOW, "a", 0, READ, 0)),
                err(SetSize(FD + 1, 1), Errno::Inval),
                err(Allocate(FD + 1, 0, 1), Errno::Badf),
                err(Write(FD + 1, "x"), Errno::Badf),
            ],
        ),
        (
            "a removed file lives while it is open",
            vec![
                ok(Open(ROOT, FOLLOW, "a", CREAT, FILE, 0)),
                ok(Link(ROOT, NOFOLLOW, "a", ROOT, "b")),
                ok(Unlink(ROOT, "a")),
                ok(Unlink(ROOT, "b")),
                ok(Write(FD, "still here")),
                ok(Pread(FD, 100, 0)),
                ok(FileStat(FD)),
                err(Stat(ROOT, FOLLOW, "a"), Errno::Noent),
                ok(Open(ROOT, FOLLOW, "a", CREAT, FILE, 0)),
                ok(Read(FD + 1, 100)),
            ],
        ),
        (
            "a removed directory takes nothing in",
            vec![
                ok(Mkdir(ROOT, "d")),
                ok(Open(ROOT, FOLLOW, "d", DIRECTORY, READ, 0)),
                ok(Rmdir(ROOT, "d")),
                err(Open(FD, FOLLOW, "a", CREAT, FILE, 0), Errno::Noent),
                err(Mkdir(FD, "e"), Errno::Noent),
                err(Symlink("x", FD, "l"), Errno::Noent),
                ok(Open(ROOT, FOLLOW, "f", CREAT, FILE, 0)),
                err(Rename(ROOT, "f", FD, "f"), Errno::Noent),
                err(Link(ROOT, NOFOLLOW, "f", FD, "f"), Errno::Noent),
                ok(Readdir(FD, 0)),
                ok(Open(FD, FOLLOW, ".", 0, READ, 0)),
                err(Open(FD, FOLLOW, "..", 0, READ, 0), Errno::Perm),
            ],
        ),
        (
            "links",
            vec![
                ok(Open(ROOT, FOLLOW, "a", CREAT, FILE, 0)),
                ok(Write(FD, "text")),
                ok(Mkdir(ROOT, "d")),
                ok(Link(ROOT, NOFOLLOW, "a", ROOT, "d/b")),
                ok(Stat(ROOT, NOFOLLOW, "a")),
                err(Link(ROOT, NOFOLLOW, "a", ROOT, "d/b"), Errno::Exist),
                err(Link(ROOT, NOFOLLOW, "a", ROOT, "d"), Errno::Exist),
                err(Link(ROOT, NOFOLLOW, "a", ROOT, "a"), Errno::Exist),
                err(Link(ROOT, NOFOLLOW, "a", ROOT, "."), Errno::Exist),
                err(Link(ROOT, NOFOLLOW, "a", ROOT, "new/"), Errno::Noent),
                err(Link(ROOT, NOFOLLOW, "a/", ROOT, "new"), Errno::Notdir),
                err(Link(ROOT, NOFOLLOW, "d", ROOT, "new"), Errno::Perm),
                err(Link(ROOT, NOFOLLOW, ".", ROOT, "new"), Errno::Perm),
                err(Link(ROOT, NOFOLLOW, "d/", ROOT, "new"), Errno::Perm),
                err(Link(ROOT, NOFOLLOW, "..", ROOT, "new"), Errno::Perm),
                err(Link(ROOT, NOFOLLOW, "no", ROOT, "new"), Errno::Noent),
                err(Link(ROOT, NOFOLLOW, "a", ROOT, "../new"), Errno::Perm),
                err(Link(ROOT, FOLLOW, "a", ROOT, "new"), Errno::Inval),
                ok(Symlink("nowhere", ROOT, "s")),
                ok(Link(ROOT, NOFOLLOW, "s", ROOT, "t")),
                ok(Readlink(ROOT, "t", 100)),
                ok(Stat(ROOT, NOFOLLOW, "s")),
                err(Link(ROOT, NOFOLLOW, "a", ROOT, "s"), Errno::Exist),
            ],
        ),
        (
            "symbolic links",
            vec![
                ok(Mkdir(ROOT, "d")),
                ok(Symlink("d", ROOT, "l")),
                ok(Symlink("../d/f", ROOT, "d/up")),
                ok(Open(ROOT, FOLLOW, "l/f", CREAT, FILE, 0)),
                ok(Write(FD, "text")),
                ok(Stat(ROOT, FOLLOW, "d/up")),
                ok(Stat(ROOT, NOFOLLOW, "d/up")),
                ok(Stat(ROOT, FOLLOW, "l")),
                ok(Stat(ROOT, NOFOLLOW, "l/")),
                ok(Stat(ROOT, NOFOLLOW, "l")),
                err(Stat(ROOT, NOFOLLOW, "d/up/"), Errno::Notdir),
                err(Stat(ROOT, NOFOLLOW, "d/f/"), Errno::Notdir),
                err(Open(ROOT, NOFOLLOW, "l", 0, READ, 0), Errno::Loop),
                err(Open(ROOT, NOFOLLOW, "l", DIRECTORY, READ, 0), Errno::Loop),
                ok(Open(ROOT, NOFOLLOW, "l/", DIRECTORY, READ, 0)),
                ok(Open(ROOT, FOLLOW, "l", DIRECTORY, READ, 0)),
                err(Symlink("x", ROOT, "l"), Errno::Exist),
                err(Symlink("x", ROOT, "l/"), Errno::Exist),
                err(Symlink("x", ROOT, "new/"), Errno::Noent),
                err(Symlink("x", ROOT, "d/f/"), Errno::Notdir),
                err(Symlink("", ROOT, "new"), Errno::Noent),
                err(Symlink("/etc", ROOT, "new"), Errno::Perm),
                err(Readlink(ROOT, "d", 100), Errno::Inval),
                err(Readlink(ROOT, "d/f", 100), Errno::Inval),
                err(Readlink(ROOT, "no", 100), Errno::Noent),
                ok(Readlink(ROOT, "l", 0)),
                ok(Readlink(ROOT, "d/up", 3)),
                err(Unlink(ROOT, "d"), Errno::Isdir),
                err(Rmdir(ROOT, "l"), Errno::Notdir),
                err(Rmdir(ROOT, "l/"), Errno::Notdir),
                ok(Unlink(ROOT, "l")),
                ok(Stat(ROOT, FOLLOW, "d")),
            ],
        ),
        (
            "dangling links and loops",
            vec![
                ok(Symlink("target", ROOT, "l")),
                err(Open(ROOT, FOLLOW, "l", 0, READ, 0), Errno::Noent),
                err(Open(ROOT, NOFOLLOW, "l", CREAT, FILE, 0), Errno::Loop),
                err(Open(ROOT, FOLLOW, "l", CREAT | EXCL, FILE, 0), Errno::Exist),
                err(Mkdir(ROOT, "l"), Errno::Exist),
                err(Stat(ROOT, FOLLOW, "l"), Errno::Noent),
                err(SetTimesAt(ROOT, FOLLOW, "l", 7, ALL_TIMES), Errno::Noent),
                ok(SetTimesAt(ROOT, NOFOLLOW, "l", 7, ALL_TIMES)),
                ok(Open(ROOT, FOLLOW, "l", CREAT, FILE, 0)),
                ok(Stat(ROOT, FOLLOW, "target")),
                ok(Symlink("two", ROOT, "one")),
                ok(Symlink("one", ROOT, "two")),
                err(Open(ROOT, FOLLOW, "one", 0, READ, 0), Errno::Loop),
                err(Stat(ROOT, FOLLOW, "one/x"), Errno::Loop),
                err(Mkdir(ROOT, "one/x"), Errno::Loop),
                err(Rename(ROOT, "one/x", ROOT, "y"), Errno::Loop),
                ok(Stat(ROOT, NOFOLLOW, "one")),
                ok(Symlink("../out", ROOT, "out")),
                err(Open(ROOT, FOLLOW, "out", CREAT, FILE, 0), Errno::Perm),
                ok(Symlink("..", ROOT, "up")),
                err(Open(ROOT, FOLLOW, "up", 0, READ, 0), Errno::Perm),
                err(Stat(ROOT, FOLLOW, "up/inside"), Errno::Perm),
                ok(Stat(ROOT, NOFOLLOW, "up")),
            ],
        ),
        (
            "directories",
            vec![
                ok(Mkdir(ROOT, "d")),
                ok(Mkdir(ROOT, "d/e/")),
                err(Mkdir(ROOT, "d"), Errno::Exist),
                err(Mkdir(ROOT, "."), Errno::Exist),
                err(Mkdir(ROOT, "d/.."), Errno::Exist),
                err(Mkdir(ROOT, ""), Errno::Noent),
                err(Mkdir(ROOT, "no/x"), Errno::Noent),
                err(Mkdir(ROOT, "../x"), Errno::Perm),
                err(Mkdir(ROOT, "/x"), Errno::Perm),
                err(Rmdir(ROOT, "d"), Errno::Notempty),
                err(Rmdir(ROOT, "."), Errno::Inval),
                err(Rmdir(ROOT, "d/."), Errno::Inval),
                err(Rmdir(ROOT, ".."), Errno::Perm),
                err(Rmdir(ROOT, "no"), Errno::Noent),
                ok(Rmdir(ROOT, "d/e/")),
                ok(Open(ROOT, FOLLOW, "f", CREAT, FILE, 0)),
                err(Rmdir(ROOT, "f"), Errno::Notdir),
                err(Rmdir(ROOT, "f/"), Errno::Notdir),
                err(Unlink(ROOT, "f/"), Errno::Notdir),
                err(Unlink(ROOT, "d/"), Errno::Isdir),
                err(Unlink(ROOT, "."), Errno::Isdir),
                err(Mkdir(ROOT, "f/x"), Errno::Notdir),
                ok(Readdir(ROOT, 0)),
                ok(Readdir(ROOT, 2)),
                ok(Readdir(ROOT, u64::MAX)),
                err(Readdir(FD, 0), Errno::Notdir),
                err(Read(ROOT, 1), Errno::Badf),
                err(Seek(ROOT, 0, 0), Errno::Badf),
                ok(Rmdir(ROOT, "d")),
            ],
        ),
        (
            "renaming",
            vec![
                ok(Mkdir(ROOT, "d")),
                ok(Mkdir(ROOT, "e")),
                ok(Open(ROOT, FOLLOW, "f", CREAT, FILE, 0)),
                ok(Write(FD, "f")),
                ok(Open(ROOT, FOLLOW, "g", CREAT, FILE, 0)),
                ok(Rename(ROOT, "f", ROOT, "d/f")),
                err(Rename(ROOT, "f", ROOT, "x"), Errno::Noent),
                err(Rename(ROOT, "g", ROOT, "e"), Errno::Isdir),
                err(Rename(ROOT, "e", ROOT, "g"), Errno::Notdir),
                err(Rename(ROOT, "e", ROOT, "d"), Errno::Notempty),
                err(Rename(ROOT, "d", ROOT, "d/x"), Errno::Inval),
                err(Rename(ROOT, "d/f", ROOT, "d"), Errno::Notempty),
                err(Rename(ROOT, ".", ROOT, "x"), Errno::Busy),
                err(Rename(ROOT, "d", ROOT, "."), Errno::Busy),
                err(Rename(ROOT, "d", ROOT, "d/.."), Errno::Busy),
                err(Rename(ROOT, "d", ROOT, ".."), Errno::Perm),
                err(Rename(ROOT, "g/", ROOT, "x"), Errno::Notdir),
                ok(Rename(ROOT, "d/", ROOT, "e/")),
                ok(Rename(ROOT, "e", ROOT, "d/")),
                ok(Rename(ROOT, "d/f", ROOT, "g")),
                ok(Read(FD + 1, 10)),
                ok(FileStat(FD + 1)),
                ok(Link(ROOT, NOFOLLOW, "g", ROOT, "h")),
                ok(Rename(ROOT, "g", ROOT, "h")),
                ok(Stat(ROOT, FOLLOW, "g")),
                ok(Rename(ROOT, "g", ROOT, "g")),
                ok(Symlink("g", ROOT, "l")),
                ok(Rename(ROOT, "l", ROOT, "h")),
                ok(Readlink(ROOT, "h", 10)),
                err(Rename(ROOT, "h/", ROOT, "x"), Errno::Notdir),
            ],
        ),
        (
            "an open directory goes where it is moved",
            vec![
                ok(Mkdir(ROOT, "a")),
                ok(Mkdir(ROOT, "a/b")),
                ok(Mkdir(ROOT, "a/b/c")),
                ok(Open(ROOT, FOLLOW, "a/b/c", DIRECTORY, READ, 0)),
                ok(Rename(ROOT, "a/b/c", ROOT, "c")),
                err(Open(FD, FOLLOW, "..", 0, READ, 0), Errno::Perm),
                err(Stat(FD, FOLLOW, "../a"), Errno::Perm),
                ok(Open(FD, FOLLOW, "new", CREAT, FILE, 0)),
                ok(Stat(ROOT, FOLLOW, "c/new")),
                ok(Rename(ROOT, "a", FD, "a")),
                err(Rename(ROOT, "c", ROOT, "c/a/b/c"), Errno::Inval),
                err(Rename(FD, "a/b", FD, "a"), Errno::Notempty),
                ok(Stat(ROOT, FOLLOW, "c/a/b/../../new")),
            ],
        ),
        (
            "times",
            vec![
                ok(Open(ROOT, FOLLOW, "f", CREAT, FILE, 0)),
                ok(SetTimes(FD, 5_000_000_000, ALL_TIMES)),
                ok(FileStat(FD)),
                ok(SetTimes(FD, 0, 0)),
                ok(FileStat(FD)),
                ok(SetTimes(FD, 0, 8)),
                ok(FileStat(FD)),
                err(SetTimes(FD, 0, 12), Errno::Inval),
                ok(SetTimesAt(ROOT, FOLLOW, "f", 123_456_789, ALL_TIMES)),
                ok(Stat(ROOT, FOLLOW, "f")),
                ok(Write(FD, "x")),
                ok(Stat(ROOT, FOLLOW, "f")),
                ok(Mkdir(ROOT, "d")),
                ok(SetTimesAt(ROOT, FOLLOW, "d", 7, ALL_TIMES)),
                ok(Stat(ROOT, FOLLOW, "d")),
                ok(Mkdir(ROOT, "d/e")),
                ok(Stat(ROOT, FOLLOW, "d")),
                ok(SetTimes(ROOT, 9, ALL_TIMES)),
                ok(FileStat(ROOT)),
                err(SetTimesAt(ROOT, FOLLOW, "no", 1, ALL_TIMES), Errno::Noent),
                err(SetTimesAt(ROOT, NOFOLLOW, "no", 1, ALL_TIMES), Errno::Noent),
                err(SetTimesAt(ROOT, NOFOLLOW, "no", 1, 0), Errno::Noent),
                err(SetTimesAt(ROOT, NOFOLLOW, "f/", 1, ALL_TIMES), Errno::Notdir),
            ],
        ),
    ]
}

#[test]
fn the_table() {
    for (name, ops) in table() {
        let mut pair = Pair::new();
        let before: Vec<Op> = ops.iter().map(|(op, _)| op.clone()).collect();
        for (at, (op, expected)) in ops.iter().enumerate() {
            let found = pair.perform(op, &before[..at]);
            assert_eq!(found.as_ref().err(), expected.as_ref(), "{name}: {op:?} gave {found:?}");
        }
        pair.compare(&before);
    }
}

#[test]
fn long_names_and_paths() {
    let mut pair = Pair::new();
    let leak = |text: String| -> &'static str { text.leak() };
    let (name, too_long) = (leak("n".repeat(255)), leak("n".repeat(256)));
    let (path, too_long_path) = (leak("./".repeat(2000)), leak("./".repeat(2048)));
    for op in [Mkdir(ROOT, name), Symlink(too_long, ROOT, "l"), Stat(ROOT, FOLLOW, path)] {
        pair.perform(&op, &[]).unwrap();
    }
    for op in [
        Mkdir(ROOT, too_long),
        Open(ROOT, FOLLOW, too_long, CREAT, FILE, 0),
        Rename(ROOT, name, ROOT, too_long),
        Unlink(ROOT, too_long),
        Stat(ROOT, FOLLOW, "l"),
        Stat(ROOT, FOLLOW, too_long_path),
        Symlink(leak("t".repeat(4096)), ROOT, "m"),
    ] {
        assert_eq!(pair.perform(&op, &[]), Err(Errno::Nametoolong), "{op:?}");
    }
    // So many links are followed, and no more.
    pair.perform(&Symlink(".", ROOT, "s"), &[]).unwrap();
    pair.perform(&Stat(ROOT, FOLLOW, leak("s/".repeat(40))), &[]).unwrap();
    let found = pair.perform(&Stat(ROOT, FOLLOW, leak("s/".repeat(41))), &[]);
    assert_eq!(found, Err(Errno::Loop));
    pair.compare(&[]);
}

/// Makes calls up.
struct Random {
    state: u64,
    /// Descriptors that were opened, and perhaps closed again.
    opened: Vec<u32>,
}

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        // splitmix64
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }

    fn path(&mut self) -> &'static str {
        const PLAIN: [&str; 11] =
            ["a", "b", "c", "l", "m", "a/b", "a/c", "b/a", "b/c", "a/b/c", "a/b/a"];
        const ODD: [&str; 21] = [
            "l/a", "l/b", "m/a", "a/", "b/", "l/", "b/c/", "a/.", "l/.", "a/..", "a/../b",
            "l/../a", "./b", "a//b", ".", "..", "../a", "b/../..", "", "/a", "m//./b/",
        ];
        if self.below(3) > 0 { self.of(&PLAIN) } else { self.of(&ODD) }
    }

    fn dir(&mut self) -> u32 {
        if self.below(3) > 0 { ROOT } else { self.fd() }
    }

    fn fd(&mut self) -> u32 {
        let opened = self.opened.clone();
        if opened.is_empty() { ROOT } else { self.of(&opened) }
    }

    fn lookup(&mut self) -> u32 {
        self.of(&[NOFOLLOW, FOLLOW])
    }

    fn op(&mut self) -> Op {
        const TARGETS: [&str; 12] =
            ["a", "b", "l", "m", "a/", "b/c", "..", "../a", ".", "a/../b", "", "/a"];
        match self.below(34) {
            0..=5 => {
                let oflags = self.of(&[0, CREAT, CREAT, CREAT | EXCL, TRUNC, DIRECTORY]);
                let rights = self.of(&[0, READ, WRITE, FILE]);
                let flags = self.of(&[0, 0, APPEND]);
                Open(self.dir(), self.lookup(), self.path(), oflags, rights, flags)
            }
            6 => Close(4 + self.below(8) as u32),
            7 | 8 => Write(self.fd(), self.of(&["", "x", "some text"])),
            9 => Pwrite(self.fd(), "pwrite", self.of(&[0, 3, 5000])),
            10 => Read(self.fd(), self.of(&[0, 4, 6000])),
            11 => Pread(self.fd(), 20, self.of(&[0, 3, 4090])),
            12 => Seek(self.fd(), self.of(&[0, 5, -3, 4096]), self.of(&[0, 1, 2])),
            13 => SetSize(self.fd(), self.of(&[0, 3, 100, 5000])),
            14 => Allocate(self.fd(), self.of(&[0, 50]), self.of(&[0, 10])),
            15 => Flags(self.fd(), self.of(&[0, APPEND])),
            16 => Fdstat(self.fd()),
            17 => FileStat(self.fd()),
            18 => Tell(self.fd()),
            19 => Stat(self.dir(), self.lookup(), self.path()),
            20 => SetTimesAt(self.dir(), self.lookup(), self.path(), 7, self.of(&[0, 4, 5, 8])),
            21..=23 => Mkdir(self.dir(), self.path()),
            24 => Rmdir(self.dir(), self.path()),
            25 => Unlink(self.dir(), self.path()),
            26 => Link(self.dir(), NOFOLLOW, self.path(), self.dir(), self.path()),
            27..=29 => Rename(self.dir(), self.path(), self.dir(), self.path()),
            30 | 31 => Symlink(self.of(&TARGETS), self.dir(), self.path()),
            32 => Readlink(self.dir(), self.path(), 100),
            _ => Readdir(self.fd(), 0),
        }
    }
}

#[test]
fn calls_made_up_at_random() {
    const SEEDS: u64 = 100;
    const CALLS: u64 = 80;
    let mut successes = 0;
    for seed in 0..SEEDS {
        let mut random = Random { state: seed, opened: Vec::new() };
        let mut pair = Pair::new();
        let mut before = vec![Mkdir(ROOT, "a"), Mkdir(ROOT, "a/b")];
        for op in &before {
            pair.perform(op, &[]).unwrap();
        }
        for _ in 0..CALLS {
            let op = random.op();
            let found = pair.perform(&op, &before);
            successes += u64::from(found.is_ok());
            if let (Open(..), Ok(fd)) = (&op, &found) {
                random.opened.push(fd.parse().unwrap());
            }
            before.push(op);
        }
        pair.compare(&before);
    }
    assert!(successes > SEEDS * CALLS / 5, "most did nothing: {successes}");
}
