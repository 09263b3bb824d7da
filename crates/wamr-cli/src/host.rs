//! What programs find around them: WASI, the C library that is built in, limits and clocks.

use std::sync::Arc;
use std::thread;

use wamr::libc_builtin::{LibcBuiltin, LibcCtx};
use wamr::wasi::{self, WasiCtx};
use wamr::{Engine, Linker, Source, Store, StoreLimits};

use crate::Failure;
use crate::options::RunOptions;

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
    builder.inherit_stdio().arg(&options.file).args(&options.args);
    for (name, value) in &options.env {
        builder.env(name, value);
    }
    for dir in &options.dirs {
        builder
            .preopen_dir(&dir.host, &dir.guest)
            .map_err(|error| Failure::unusable(format!("{}: {error}", dir.host)))?;
    }
    Ok(builder.build())
}
