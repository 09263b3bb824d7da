//! Paths and descriptors as guests see them, through imports: on a directory of the host and on one
//! in memory, with the numbers that the public test suite of WASI expects.

use std::fmt::Write;

use wamr::wasi::Errno::*;
use wamr::wasi::{self, Errno, MemoryDir, WasiCtx};
use wamr::{Engine, Instance, Linker, Memory, Store, Val};

use crate::support::{each_mode, module};

/// Functions and their parameters: `i` for i32, `I` for i64.
const FUNCTIONS: [(&str, &str); 16] = [
    ("path_open", "iiiiiIIii"),
    ("path_create_directory", "iii"),
    ("path_remove_directory", "iii"),
    ("path_unlink_file", "iii"),
    ("path_link", "iiiiiii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_readlink", "iiiiii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiiIIi"),
    ("fd_write", "iiii"),
    ("fd_seek", "iIii"),
    ("fd_close", "i"),
    ("fd_renumber", "ii"),
    ("fd_readdir", "iiiIi"),
    ("fd_allocate", "iII"),
];

/// A module that exports each function, called with what it is called with.
fn driver() -> String {
    let mut imports = String::new();
    let mut funcs = String::new();
    for (name, params) in FUNCTIONS {
        let types = params.chars().map(|c| if c == 'I' { "i64" } else { "i32" });
        let types = types.collect::<Vec<_>>().join(" ");
        let module = "wasi_snapshot_preview1";
        let ty = format!("(param {types}) (result i32)");
        let _ = writeln!(imports, r#"(import "{module}" "{name}" (func ${name} {ty}))"#);
        let args: String = (0..params.len()).map(|at| format!("(local.get {at})")).collect();
        let _ = writeln!(funcs, r#"(func (export "{name}") {ty} (call ${name} {args}))"#);
    }
    format!(r#"(module {imports} (memory (export "memory") 1) {funcs})"#)
}

/// An argument.
#[derive(Clone, Copy, Debug)]
enum Arg {
    /// An i32.
    N(u32),
    /// An i64.
    L(i64),
    /// A path: its address and length.
    P(&'static str),
}
use Arg::*;

/// Where results go, where listings and attributes do, and where paths lie.
const RESULT: u32 = 0;
const DATA: u32 = 4096;
const PATHS: usize = 1024;
/// A list of one buffer, of four bytes.
const BUFFERS: u32 = 512;

const ROOT: Arg = N(3);
const READ: Arg = L(2);
const READ_WRITE: Arg = L(66);
const CREAT: u32 = 1;
const DIRECTORY: u32 = 2;
const EXCL: u32 = 4;
const NOFOLLOW: Arg = N(0);
const FOLLOW: Arg = N(1);

struct Guest {
    store: Store<WasiCtx>,
    instance: Instance,
    memory: Memory,
}

impl Guest {
    fn new(engine: &Engine, ctx: WasiCtx) -> Self {
        let mut linker = Linker::new(engine);
        wasi::add_to_linker(&mut linker, |ctx: &mut WasiCtx| ctx).unwrap();
        let mut store = Store::new(engine, ctx);
        let instance = linker.instantiate(&mut store, &module(engine, &driver())).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        memory.write(&mut store, BUFFERS as usize, &[0, 16, 0, 0, 4, 0, 0, 0]).unwrap();
        Self { store, instance, memory }
    }

    /// Calls a function and gives the number that it answers.
    fn call(&mut self, name: &str, args: &[Arg]) -> i32 {
        let mut vals = Vec::new();
        let mut at = PATHS;
        for arg in args {
            match *arg {
                N(number) => vals.push(Val::I32(number as i32)),
                L(number) => vals.push(Val::I64(number)),
                P(path) => {
                    self.memory.write(&mut self.store, at, path.as_bytes()).unwrap();
                    vals.extend([Val::I32(at as i32), Val::I32(path.len() as i32)]);
                    at += path.len();
                }
            }
        }
        let func = self.instance.get_func(&mut self.store, name).unwrap();
        let mut results = [Val::I32(-1)];
        func.call(&mut self.store, &vals, &mut results).unwrap();
        let [Val::I32(number)] = results else { panic!("{results:?}") };
        number
    }

    fn number<const N: usize>(&self, at: u32) -> [u8; N] {
        let mut bytes = [0; N];
        self.memory.read(&self.store, at as usize, &mut bytes).unwrap();
        bytes
    }

    /// Type, links and size of what has a path.
    fn stat(&mut self, lookup: Arg, path: &'static str) -> Result<(u8, u64, u64), i32> {
        match self.call("path_filestat_get", &[ROOT, lookup, P(path), N(DATA)]) {
            0 => {
                let links = u64::from_le_bytes(self.number(DATA + 24));
                let size = u64::from_le_bytes(self.number(DATA + 32));
                Ok((self.number::<1>(DATA + 16)[0], links, size))
            }
            errno => Err(errno),
        }
    }

    fn result(&self) -> u32 {
        u32::from_le_bytes(self.number(RESULT))
    }
}

fn open(lookup: Arg, path: &'static str, oflags: u32, rights: Arg) -> (&'static str, Vec<Arg>) {
    ("path_open", vec![ROOT, lookup, P(path), N(oflags), rights, L(0), N(0), N(RESULT)])
}

fn mkdir(path: &'static str) -> (&'static str, Vec<Arg>) {
    ("path_create_directory", vec![ROOT, P(path)])
}

fn rmdir(path: &'static str) -> (&'static str, Vec<Arg>) {
    ("path_remove_directory", vec![ROOT, P(path)])
}

fn unlink(path: &'static str) -> (&'static str, Vec<Arg>) {
    ("path_unlink_file", vec![ROOT, P(path)])
}

fn link(path: &'static str, new: &'static str) -> (&'static str, Vec<Arg>) {
    ("path_link", vec![ROOT, NOFOLLOW, P(path), ROOT, P(new)])
}

fn rename(path: &'static str, new: &'static str) -> (&'static str, Vec<Arg>) {
    ("path_rename", vec![ROOT, P(path), ROOT, P(new)])
}

fn symlink(target: &'static str, path: &'static str) -> (&'static str, Vec<Arg>) {
    ("path_symlink", vec![P(target), ROOT, P(path)])
}

fn close(fd: u32) -> (&'static str, Vec<Arg>) {
    ("fd_close", vec![N(fd)])
}

/// Runs `body` with a guest for each kind of directory, in each mode; what it makes it takes away.
fn each_kind(body: impl Fn(&mut Guest)) {
    each_mode(|engine| {
        let dir = tempfile::tempdir().unwrap();
        let ctx = WasiCtx::builder().preopen_dir(dir.path(), "/").unwrap().build();
        body(&mut Guest::new(engine, ctx));
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
        let memory = MemoryDir::new();
        let ctx = WasiCtx::builder().preopen_memory_dir(&memory, "/").build();
        body(&mut Guest::new(engine, ctx));
        assert_eq!(memory.entries().unwrap(), []);
    });
}

/// A function and its arguments.
type Call = (&'static str, Vec<Arg>);

/// Makes calls one after the other; each must answer its number.
#[track_caller]
fn check<const N: usize>(guest: &mut Guest, calls: [(Call, Option<Errno>); N]) {
    for ((name, args), expected) in calls {
        let expected = expected.map_or(0, |errno| errno.code().into());
        assert_eq!(guest.call(name, &args), expected, "{name} {args:?}");
    }
}

#[test]
fn directories_are_made_and_removed() {
    each_kind(|guest| {
        check(
            guest,
            [
                (mkdir("dir"), None),
                (mkdir("dir"), Some(Exist)),
                (mkdir("dir/"), Some(Exist)),
                (mkdir("."), Some(Exist)),
                (mkdir("none/dir"), Some(Noent)),
                (mkdir("../dir"), Some(Perm)),
                (mkdir("/dir"), Some(Perm)),
                (mkdir("dir/sub/"), None),
                (rmdir("dir"), Some(Notempty)),
                (rmdir("dir/sub/"), None),
                (rmdir("dir/sub"), Some(Noent)),
                (rmdir("."), Some(Inval)),
                (unlink("dir"), Some(Isdir)),
                (unlink("dir/"), Some(Isdir)),
                (open(FOLLOW, "file", CREAT, READ), None),
                (close(4), None),
                (rmdir("file"), Some(Notdir)),
                (rmdir("file/"), Some(Notdir)),
                (unlink("file/"), Some(Notdir)),
                (unlink("file"), None),
                (rmdir("dir"), None),
            ],
        );
    });
}

#[test]
fn files_are_opened_as_the_flags_say() {
    each_kind(|guest| {
        let seek = |offset, whence| ("fd_seek", vec![N(4), L(offset), N(whence), N(RESULT)]);
        check(
            guest,
            [
                (open(FOLLOW, "file", 0, READ_WRITE), Some(Noent)),
                (open(FOLLOW, "file/", CREAT, READ_WRITE), Some(Isdir)),
                (open(FOLLOW, "file", CREAT | EXCL, READ_WRITE), None),
                (("fd_write", vec![N(4), N(BUFFERS), N(1), N(RESULT)]), None),
                (seek(-1, 0), Some(Inval)),
                (seek(0, 2), None),
                (("fd_allocate", vec![N(4), L(2), L(0)]), Some(Inval)),
                (close(4), None),
                (close(4), Some(Badf)),
                (open(FOLLOW, "file", CREAT | EXCL, READ_WRITE), Some(Exist)),
                (open(FOLLOW, "file", DIRECTORY, READ), Some(Notdir)),
                (open(FOLLOW, "file/", 0, READ), Some(Notdir)),
                (open(FOLLOW, "file/x", 0, READ), Some(Notdir)),
                (mkdir("dir"), None),
                (open(FOLLOW, "dir", 0, READ_WRITE), Some(Isdir)),
                (open(FOLLOW, "dir", CREAT | DIRECTORY, READ), Some(Inval)),
                (open(FOLLOW, "dir", DIRECTORY, READ), None),
                (seek(0, 0), Some(Badf)),
                (close(4), None),
                (rmdir("dir"), None),
            ],
        );
        assert_eq!(guest.result(), 4, "the lowest descriptor that is free");
        assert_eq!(guest.stat(FOLLOW, "file"), Ok((4, 1, 4)));
        assert_eq!(guest.stat(NOFOLLOW, "file/"), Err(Notdir.code().into()));
        check(guest, [(unlink("file"), None)]);
    });
}

#[test]
fn files_get_other_names() {
    each_kind(|guest| {
        check(
            guest,
            [
                (open(FOLLOW, "file", CREAT, READ), None),
                (close(4), None),
                (mkdir("dir"), None),
                (link("file", "dir/link"), None),
                (link("file", "dir/link"), Some(Exist)),
                (link("file", "file"), Some(Exist)),
                (link("file", "dir"), Some(Exist)),
                (link("file", "new/"), Some(Noent)),
                (link("file/", "new"), Some(Notdir)),
                (link("file", "../new"), Some(Perm)),
                (link("dir", "new"), Some(Perm)),
                (link(".", "new"), Some(Perm)),
                (link("none", "new"), Some(Noent)),
                (("path_link", vec![ROOT, FOLLOW, P("file"), ROOT, P("new")]), Some(Inval)),
            ],
        );
        assert_eq!(guest.stat(NOFOLLOW, "dir/link"), Ok((4, 2, 0)));
        check(
            guest,
            [
                (unlink("file"), None),
                (rename("dir", "dir/x"), Some(Inval)),
                (rename("dir/link", "dir"), Some(Notempty)),
                (rename(".", "x"), Some(Busy)),
                (rename("none", "x"), Some(Noent)),
                (rename("dir/link", "file"), None),
                (rename("file/", "x"), Some(Notdir)),
                (rename("file", "dir"), Some(Isdir)),
                (rename("dir", "file"), Some(Notdir)),
                (rename("file", "file"), None),
                (rename("dir/", "moved/"), None),
                (mkdir("dir"), None),
                (mkdir("dir/sub"), None),
                (rename("moved", "dir"), Some(Notempty)),
                (rename("moved", "dir/sub"), None),
                (rmdir("dir/sub"), None),
                (rmdir("dir"), None),
                (unlink("file"), None),
            ],
        );
    });
}

#[test]
fn symbolic_links_are_followed_where_they_may_be() {
    each_kind(|guest| {
        let readlink = |path| ("path_readlink", vec![ROOT, P(path), N(DATA), N(100), N(RESULT)]);
        let set_times = |lookup, path| {
            ("path_filestat_set_times", vec![ROOT, lookup, P(path), L(7), L(7), N(5)])
        };
        check(
            guest,
            [
                (symlink("none", "dangling"), None),
                (symlink("x", "dangling"), Some(Exist)),
                (symlink("x", "new/"), Some(Noent)),
                (symlink("/x", "new"), Some(Perm)),
                (symlink("", "new"), Some(Noent)),
                (open(NOFOLLOW, "dangling", 0, READ), Some(Loop)),
                (open(NOFOLLOW, "dangling", DIRECTORY, READ), Some(Loop)),
                (open(FOLLOW, "dangling", 0, READ), Some(Noent)),
                (open(FOLLOW, "dangling", CREAT | EXCL, READ), Some(Exist)),
                (mkdir("dangling"), Some(Exist)),
                (set_times(FOLLOW, "dangling"), Some(Noent)),
                (set_times(NOFOLLOW, "dangling"), None),
                (link("dangling", "same"), None),
                (rename("same", "dangling"), None),
                (unlink("same"), None),
            ],
        );
        assert_eq!(guest.stat(NOFOLLOW, "dangling"), Ok((7, 1, 4)));
        assert_eq!(guest.stat(FOLLOW, "dangling"), Err(Noent.code().into()));
        check(
            guest,
            [
                (unlink("dangling"), None),
                (symlink("loop", "loop"), None),
                (open(FOLLOW, "loop", 0, READ), Some(Loop)),
                (mkdir("loop/x"), Some(Loop)),
                (unlink("loop"), None),
                (symlink("..", "up"), None),
                (open(FOLLOW, "up", 0, READ), Some(Perm)),
                (mkdir("up/x"), Some(Perm)),
                (unlink("up"), None),
                (mkdir("dir"), None),
                (symlink("dir", "link"), None),
                (open(NOFOLLOW, "link", DIRECTORY, READ), Some(Loop)),
                (open(NOFOLLOW, "link/", DIRECTORY, READ), None),
                (close(4), None),
                (open(FOLLOW, "link", DIRECTORY, READ), None),
                (close(4), None),
                (rmdir("link"), Some(Notdir)),
                (readlink("dir"), Some(Inval)),
                (readlink("link"), None),
            ],
        );
        assert_eq!((guest.result(), &guest.number::<3>(DATA)), (3, b"dir"));
        assert_eq!(guest.stat(NOFOLLOW, "link/").unwrap().0, 3);
        check(guest, [(unlink("link"), None), (rmdir("dir"), None)]);
    });
}

#[test]
fn descriptors_are_renumbered_and_directories_listed() {
    each_kind(|guest| {
        let renumber = |from, to| ("fd_renumber", vec![N(from), N(to)]);
        check(
            guest,
            [
                (open(FOLLOW, "file", CREAT, READ), None),
                (open(FOLLOW, ".", DIRECTORY, READ), None),
                (renumber(5, 4), None),
                (renumber(5, 4), Some(Badf)),
                (renumber(4, 5), Some(Badf)),
                (renumber(4, 4), None),
            ],
        );
        // `.`, `..` and `file`, behind heads of 24 bytes.
        for (cookie, bytes) in [(0, 3 * 24 + 7), (2, 24 + 4), (3, 0), (-1, 0)] {
            let args = [N(4), N(DATA), N(1024), L(cookie), N(RESULT)];
            assert_eq!((guest.call("fd_readdir", &args), guest.result()), (0, bytes), "{cookie}");
        }
        // A name that is cut off fills the buffer, so that the guest asks again.
        let args = [N(4), N(DATA), N(26), L(2), N(RESULT)];
        assert_eq!((guest.call("fd_readdir", &args), guest.result()), (0, 26));
        check(guest, [(close(4), None), (unlink("file"), None)]);
    });
}
