//! What programs find around them: WASI, the C library that is built in, limits and clocks.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use wamr::libc_builtin::{LibcBuiltin, LibcCtx};
use wamr::wasi::{self, DirAccess, WasiCtx};
use wamr::{Engine, Linker, Source, Store, StoreLimits};

use crate::Failure;
use crate::options::{Dir, RunOptions};

/// The sources that imports are taken from.
pub(crate) struct Builtins {
    wasi: Linker<Host>,
    libc: LibcBuiltin<Host>,
}

impl Builtins {
    pub(crate) fn new(engine: &Engine) -> Result<Self, Failure> {
        let mut wasi = Linker::new(engine);
        wasi::add_to_linker(&mut wasi, |host: &mut Host| &mut host.wasi)
            .map_err(Failure::unusable)?;
        let libc = LibcBuiltin::new(engine, |host: &mut Host| &mut host.libc);
        Ok(Self { wasi, libc: libc.map_err(Failure::unusable)? })
    }

    /// The sources with their labels, in the order in which they are asked.
    pub(crate) fn sources(&self) -> [(&'static str, &dyn Source<Host>); 2] {
        [("wasi", &self.wasi), ("libc-builtin", &self.libc)]
    }
}

/// What the host functions of a program work on.
pub(crate) struct Host {
    wasi: WasiCtx,
    libc: LibcCtx,
    limits: StoreLimits,
}

/// Makes the program's store, with its limits and its clock ticking.
pub(crate) fn store(engine: &Engine, options: &RunOptions) -> Result<Store<Host>, Failure> {
    let host = Host { wasi: context(options)?, libc: libc(options), limits: limits(options) };
    let mut store = Store::try_new(engine, host).map_err(Failure::unusable)?;
    store.limiter(|host| &mut host.limits);
    if let Some(fuel) = options.fuel {
        store.set_fuel(fuel).map_err(Failure::unusable)?;
    }
    if let Some(timeout) = options.timeout {
        let handle = store.interrupt_handle();
        let waiting = handle.clone();
        store.data_mut().wasi.set_interrupt(Arc::new(move || waiting.is_interrupted()));
        thread::spawn(move || {
            thread::sleep(timeout);
            handle.interrupt();
        });
    }
    Ok(store)
}

/// What the options let each store take.
pub(crate) fn limits(options: &RunOptions) -> StoreLimits {
    match options.max_memory_bytes {
        Some(bytes) => StoreLimits::new().memory_bytes(bytes),
        None => StoreLimits::new(),
    }
}

/// The program's world of the built-in C library.
pub(crate) fn libc(options: &RunOptions) -> LibcCtx {
    match options.heap_bytes {
        Some(bytes) => LibcCtx::new().heap_bytes(bytes),
        None => LibcCtx::new(),
    }
}

/// The program's WASI world.
pub(crate) fn context(options: &RunOptions) -> Result<WasiCtx, Failure> {
    let mut builder = WasiCtx::builder();
    let name = options.argv0.as_ref().unwrap_or(&options.file);
    builder.inherit_stdio().arg(name).args(&options.args);
    for (name, value) in &options.env {
        builder.env(name, value);
    }
    builder.filter_terminal_escapes(options.no_escapes);
    options.network.apply(&mut builder).map_err(Failure::unusable)?;
    for dir in &options.dirs {
        let access = if dir.is_read_only { DirAccess::ReadOnly } else { DirAccess::ReadWrite };
        let opened = builder.preopen_dir_with(&dir.host, &dir.guest, access);
        opened
            .map_err(|error| Failure::unusable(format!("{}: {error}{}", dir.host, swapped(dir))))?;
    }
    Ok(builder.build())
}

/// What to say where the names of a directory seem to stand the wrong way round.
fn swapped(dir: &Dir) -> String {
    let Dir { host, guest, .. } = dir;
    if Path::new(host).exists() || !Path::new(guest).is_dir() {
        return String::new();
    }
    // What was given as one is the other one.
    let (option, first, second) =
        if dir.is_guest_first { ("--map-dir", host, guest) } else { ("--dir", guest, host) };
    format!("; there is `{guest}`: did you mean `{option} {first}::{second}`?")
}
