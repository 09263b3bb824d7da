//! Calls of WASI with any arguments, over any bytes in memory, with paths that lead inside and out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use wamr::wasi::{DirAccess, Exit, MemoryDir, WasiCtx, add_to_linker};
use wamr::{Engine, Extern, ExternType, Func, Linker, Module, Store, TrapCode, Val, ValType};
use wamr_differential::mix;

/// What could take the disk's room.
const LEFT_OUT: &[&str] = &["fd_allocate"];

/// How many calls are made at most.
const CALLS: usize = 100;

/// What no guest may see.
const SECRET: &str = "a secret that no guest may see";

/// Paths that guests use, those of [`tree`] among them.
const PATHS: &[&str] = &[
    "file",
    "dir",
    "dir/inner",
    "dir/new",
    "new",
    "new/inner",
    "other",
    ".",
    "..",
    "",
    "/",
    "./file",
    "../secret",
    "../outside",
    "dir/../../secret",
    "dir/../file",
    "/etc/passwd",
    "link-in",
    "link-out",
    "link-abs",
    "link-dir",
    "link-dir/secret",
    "link-loop",
    "link-loop/x",
    "link-new",
    "made",
    "made/secret",
    "made/../secret",
    "../../../../../../../../etc/passwd",
    "dir//inner",
    "dir/",
    "file/",
    "nul\0inside",
    "dir/.",
    "dir/..",
    "../sandbox/file",
    "../sandbox",
    "x",
];

/// Where paths, lists of buffers and what calls write are in memory.
const PATHS_AT: u32 = 0x400;
const BUFFERS_AT: u32 = 0x2000;
const OUT_AT: u32 = 0x4000;

/// What parameters mean, by name of the function: a descriptor, a path and its length, a list of
/// buffers and its length, an address to write to, a length, flags, a number.
const MEANINGS: &[(&str, &str)] = &[
    ("path_open", "dfplfnnfo"),
    ("path_create_directory", "dpl"),
    ("path_filestat_get", "dfplo"),
    ("path_filestat_set_times", "dfplnnf"),
    ("path_link", "dfpldpl"),
    ("path_readlink", "dplomo"),
    ("path_remove_directory", "dpl"),
    ("path_rename", "dpldpl"),
    ("path_symlink", "pldpl"),
    ("path_unlink_file", "dpl"),
    ("fd_read", "dbco"),
    ("fd_pread", "dbcno"),
    ("fd_write", "dbco"),
    ("fd_pwrite", "dbcno"),
    ("fd_readdir", "domno"),
    ("fd_renumber", "dd"),
    ("fd_prestat_dir_name", "dom"),
    ("fd_seek", "dnfo"),
    ("random_get", "om"),
    ("poll_oneoff", "oofo"),
];

/// Where the bytes of an input come from.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }
}

/// Calls functions as the bytes say: which one, and for each argument what kind of number. What is
/// left of the bytes is in memory.
pub fn wasi(bytes: &[u8]) -> &'static str {
    let host = tempfile::tempdir().expect("a directory");
    tree(host.path()).expect("there is room");
    let before = snapshot(host.path());
    let mut guest = Guest::new(host.path());
    let (calls, contents) = bytes.split_at(bytes.len() / 2);
    guest.fill(contents);
    let mut calls = Bytes(calls);
    let mut succeeded = 0;
    for _ in 0..CALLS {
        let Some(choice) = calls.next() else { break };
        succeeded += usize::from(guest.call(choice, &mut calls));
        if choice.is_multiple_of(8) {
            guest.fill(&[]);
        }
    }
    // Nothing has changed outside of the directory, nor in what may only be read.
    let is_other = |(path, _): &(&String, &String)| !path.starts_with("sandbox/");
    let after = snapshot(host.path());
    assert!(before.iter().filter(is_other).eq(after.iter().filter(is_other)), "{after:#?}");
    assert!(!guest.memory().windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes()));
    match succeeded {
        0..4 => "few calls succeed",
        _ => "many calls succeed",
    }
}

/// A directory for the guest, one that it may only read, and what it must not reach.
fn tree(host: &Path) -> io::Result<()> {
    use std::os::unix::fs::symlink;
    fs::write(host.join("secret"), SECRET)?;
    for dir in ["outside", "sandbox", "sandbox/dir", "frozen", "frozen/dir"] {
        fs::create_dir(host.join(dir))?;
    }
    fs::write(host.join("outside/secret"), SECRET)?;
    for dir in ["sandbox", "frozen"] {
        let dir = host.join(dir);
        fs::write(dir.join("file"), "some text")?;
        fs::write(dir.join("dir/inner"), "more text")?;
        symlink("dir/inner", dir.join("link-in"))?;
        symlink("../secret", dir.join("link-out"))?;
        symlink(host.join("secret"), dir.join("link-abs"))?;
        symlink("../outside", dir.join("link-dir"))?;
        symlink("link-loop", dir.join("link-loop"))?;
        symlink("../made-by-guest", dir.join("link-new"))?;
    }
    Ok(())
}

/// What is below a directory, by path.
fn snapshot(host: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![host.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(host).expect("it is below").display().to_string();
            let kind = entry.file_type().expect("it is there");
            let what = if kind.is_dir() {
                dirs.push(path);
                "a directory".to_owned()
            } else if kind.is_symlink() {
                format!("to {}", fs::read_link(path).expect("it is there").display())
            } else {
                let attributes = fs::metadata(&path).expect("it is there");
                let modified = attributes.modified().expect("there is a clock");
                format!("{} bytes of {modified:?}", attributes.len())
            };
            found.insert(name, what);
        }
    }
    found
}

struct Guest {
    store: Store<WasiCtx>,
    memory: wamr::Memory,
    /// With names.
    funcs: Vec<(String, Func)>,
}

impl Guest {
    fn new(host: &Path) -> Self {
        let engine = Engine::default();
        let mut linker: Linker<WasiCtx> = Linker::new(&engine);
        add_to_linker(&mut linker, |wasi| wasi).expect("names are free");
        let mut builder = WasiCtx::builder();
        let memory = MemoryDir::with_limit(1 << 20);
        memory.create_dir("dir").expect("there is room");
        memory.write("file", "some text").expect("there is room");
        memory.symlink("../x", "link-out").expect("there is room");
        builder.arg("program").env("NAME", "value").max_descriptors(40);
        builder.preopen_dir(host.join("sandbox"), ".").expect("it is there");
        builder.preopen_memory_dir(&memory, "memory");
        builder
            .preopen_dir_with(host.join("frozen"), "frozen", DirAccess::ReadOnly)
            .expect("it is there");
        let mut wasi = builder.build();
        // Nobody waits.
        wasi.set_interrupt(Arc::new(|| true));
        let mut store = Store::new(&engine, wasi);
        let (text, names) = wrappers(&mut store, &linker);
        let module = Module::new(&engine, text).expect("it is a module");
        let instance = linker.instantiate(&mut store, &module).expect("everything is there");
        let memory = instance.get_memory(&mut store, "memory").expect("it is exported");
        let func = |name: String| {
            let func = instance.get_func(&mut store, &name).expect("it is exported");
            (name, func)
        };
        let funcs = names.into_iter().map(func).collect();
        Self { store, memory, funcs }
    }

    /// Fills memory with bytes, paths, and lists of buffers.
    fn fill(&mut self, contents: &[u8]) {
        let contents = &contents[..contents.len().min(1 << 16)];
        self.memory.write(&mut self.store, 0, contents).expect("it fits");
        let paths = PATHS.concat();
        self.memory.write(&mut self.store, PATHS_AT as usize, paths.as_bytes()).expect("it fits");
        let mut buffers = Vec::new();
        for (at, len) in [
            (OUT_AT, 100),
            (0, 0),
            (OUT_AT + 50, 100),
            (OUT_AT, 1 << 16),
            (u32::MAX, 1),
            (OUT_AT, 0),
            (0x1_fff0, 0x20),
            (BUFFERS_AT, 40),
            (OUT_AT, u32::MAX),
            (u32::MAX, u32::MAX),
        ] {
            buffers.extend(u32::to_le_bytes(at));
            buffers.extend(u32::to_le_bytes(len));
        }
        self.memory.write(&mut self.store, BUFFERS_AT as usize, &buffers).expect("it fits");
    }

    fn memory(&mut self) -> Vec<u8> {
        let pages = self.memory.size(&mut self.store).expect("it is of this store");
        let mut bytes = vec![0; (pages << 16) as usize];
        self.memory.read(&mut self.store, 0, &mut bytes).expect("it is that large");
        bytes
    }

    /// Makes a call; tells whether it succeeded.
    fn call(&mut self, choice: u8, bytes: &mut Bytes<'_>) -> bool {
        // Half of the calls are about paths.
        let about = |of_path: bool| {
            self.funcs.iter().filter(move |(name, _)| !of_path || name.contains(".path_"))
        };
        let of_path = choice.is_multiple_of(2);
        let count = about(of_path).count();
        let Some((name, func)) = about(of_path).nth(usize::from(choice / 2) % count).cloned()
        else {
            return false;
        };
        let ty = func.ty(&self.store).expect("it is of this store");
        let short = name.split('.').next_back().unwrap_or_default();
        let meanings = MEANINGS.iter().find(|(name, _)| *name == short).map_or("", |(_, all)| all);
        let mut meanings = meanings.chars().chain(std::iter::repeat('?'));
        let mut args = Vec::new();
        let mut path_len = 0;
        for ty in ty.params() {
            let byte = bytes.next().unwrap_or(0);
            // Now and then a parameter is anything.
            let meaning = meanings.next().filter(|_| byte < 0xf0).unwrap_or('?');
            let small = u64::from(byte);
            let number = match meaning {
                'd' => [3, 3, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11, 0, 1][usize::from(byte) % 14],
                'p' => {
                    let at = usize::from(byte) % PATHS.len();
                    path_len = PATHS[at].len() as u64;
                    u64::from(PATHS_AT) + PATHS[..at].concat().len() as u64
                }
                'l' => path_len,
                'b' => u64::from(BUFFERS_AT) + small % 8 * 8,
                'c' => small % 4,
                'o' => u64::from(OUT_AT) + small * 8,
                'm' => small * 4,
                'f' => small % 16,
                'n' => [small, u64::MAX, 0, small << 20, 1 << 63][usize::from(byte) % 5],
                _ => anything(byte),
            };
            args.push(match ty {
                ValType::I64 => Val::I64(number as i64),
                _ => Val::I32(number as i32),
            });
        }
        let mut results = vec![Val::I32(0); ty.results().len()];
        match func.call(&mut self.store, &args, &mut results) {
            Ok(()) => matches!(results[..], [Val::I32(0)]),
            Err(error) => {
                let is_end = error.downcast_ref::<Exit>().is_some()
                    || error.trap_code() == Some(TrapCode::Interrupted);
                assert!(is_end, "{name}: {error:#}");
                false
            }
        }
    }
}

/// A module that imports everything and exports functions that call it, and their names.
fn wrappers(store: &mut Store<WasiCtx>, linker: &Linker<WasiCtx>) -> (String, Vec<String>) {
    let names = linker.names().filter(|(_, name)| !LEFT_OUT.contains(name));
    let mut names: Vec<_> =
        names.map(|(module, name)| (module.to_owned(), name.to_owned())).collect();
    names.sort();
    let (mut imports, mut wrappers, mut exported) = (String::new(), String::new(), Vec::new());
    for (position, (module, name)) in names.iter().enumerate() {
        let Ok(Some(Extern::Func(func))) = linker.get(&mut *store, module, name) else { continue };
        let Ok(ExternType::Func { ty, .. }) = Extern::from(func).ty(&*store) else { continue };
        let list =
            |types: &[ValType]| types.iter().fold(String::new(), |text, ty| text + " " + word(*ty));
        let ty_text = format!("(param{}) (result{})", list(ty.params()), list(ty.results()));
        let _ = write!(imports, "(import {module:?} {name:?} (func $f{position} {ty_text}))");
        let args = (0..ty.params().len())
            .fold(String::new(), |text, local| format!("{text} (local.get {local})"));
        let export = format!("{module}.{name}");
        let _ = write!(wrappers, "(func (export {export:?}) {ty_text} (call $f{position}{args}))");
        exported.push(export);
    }
    (format!("(module {imports} (memory (export \"memory\") 2 2) {wrappers})"), exported)
}

fn word(ty: ValType) -> &'static str {
    match ty {
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        _ => "i32",
    }
}

/// Small numbers, addresses, ends of ranges, and any.
fn anything(byte: u8) -> u64 {
    let value = u64::from(byte >> 3);
    match byte % 8 {
        0..=2 => value,
        3 => u64::from(PATHS_AT) + value,
        4 => value * 64,
        5 => 0x1_fff0 + value,
        6 => (1_u64 << (2 * value)).wrapping_sub(value % 3),
        _ => mix(1, byte.into()),
    }
}
