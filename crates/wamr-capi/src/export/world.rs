//! What a guest sees of the world: WASI, and the built-in C library.

#[cfg(feature = "wasi")]
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::instance::Inst;
use wamr::InterruptHandle;
#[cfg(feature = "libc-builtin")]
use wamr::libc_builtin::LibcCtx;
#[cfg(feature = "wasi")]
use wamr::wasi::{AddressRange, SharedWasiCtx, WasiCtx, WasiCtxBuilder};

/// What C set of WASI.
#[derive(Clone, Debug, Default)]
pub(crate) struct WasiArgs {
    pub(crate) argv: Option<Vec<String>>,
    pub(crate) env: Option<Vec<String>>,
    /// Directories, and `<guest path>::<host path>`.
    pub(crate) dirs: Option<(Vec<String>, Vec<String>)>,
    pub(crate) stdio: Option<[i64; 3]>,
    /// Ranges of addresses that sockets of the guest may lead to.
    pub(crate) addr_pool: Option<Vec<String>>,
    /// Names that the guest may resolve.
    pub(crate) ns_lookup_pool: Option<Vec<String>>,
}

impl WasiArgs {
    /// These, where they say something, else the others.
    pub(crate) fn or(self, other: &Self) -> Self {
        Self {
            argv: self.argv.or_else(|| other.argv.clone()),
            env: self.env.or_else(|| other.env.clone()),
            dirs: self.dirs.or_else(|| other.dirs.clone()),
            stdio: self.stdio.or(other.stdio),
            addr_pool: self.addr_pool.or_else(|| other.addr_pool.clone()),
            ns_lookup_pool: self.ns_lookup_pool.or_else(|| other.ns_lookup_pool.clone()),
        }
    }
}

/// The world of one instance.
pub(crate) struct World {
    #[cfg(feature = "wasi")]
    pub(crate) wasi: SharedWasiCtx,
    #[cfg(feature = "libc-builtin")]
    pub(crate) libc: LibcCtx,
}

impl Default for World {
    /// That of an instance that has ended.
    fn default() -> Self {
        Self {
            #[cfg(feature = "wasi")]
            wasi: SharedWasiCtx::new(WasiCtx::builder().build()),
            #[cfg(feature = "libc-builtin")]
            libc: LibcCtx::new().heap_bytes(0),
        }
    }
}

impl World {
    /// Makes the world of an instance whose heap may take so many bytes.
    ///
    /// # Errors
    /// Names what cannot be opened.
    pub(crate) fn new(
        args: &WasiArgs,
        heap_bytes: u32,
        terminated: Arc<AtomicBool>,
        interrupt: InterruptHandle,
    ) -> Result<Self, String> {
        let stop = move || terminated.load(Ordering::Relaxed) || interrupt.is_interrupted();
        let _ = (args, heap_bytes, &stop);
        Ok(Self {
            #[cfg(feature = "wasi")]
            wasi: SharedWasiCtx::new(wasi(args, stop)?),
            #[cfg(feature = "libc-builtin")]
            libc: LibcCtx::new().heap_bytes(heap_limit(heap_bytes)),
        })
    }
}

/// What a heap may take of a memory, which grows by whole pages.
#[cfg(feature = "libc-builtin")]
fn heap_limit(heap_bytes: u32) -> u64 {
    u64::from(heap_bytes).next_multiple_of(64 << 10)
}

impl World {
    /// Makes the world of another thread of an instance's program.
    ///
    /// # Errors
    /// If the instance is gone.
    pub(crate) fn of_thread(
        parent: &Inst,
        heap_bytes: u32,
        terminated: Arc<AtomicBool>,
        interrupt: InterruptHandle,
    ) -> Result<Self, String> {
        let stop = move || terminated.load(Ordering::Relaxed) || interrupt.is_interrupted();
        let world = parent.with(|mut store| {
            let own = store.data_mut().worlds.entry(parent.serial).or_default();
            let _ = &own;
            Some(Self {
                #[cfg(feature = "wasi")]
                wasi: own.wasi.clone(),
                #[cfg(feature = "libc-builtin")]
                libc: own.libc.fork().heap_bytes(heap_limit(heap_bytes)),
            })
        });
        let mut world = world.ok_or("the instance is gone")?;
        #[cfg(feature = "wasi")]
        world.wasi.set_interrupt(Arc::new(stop));
        #[cfg(not(feature = "wasi"))]
        let _ = stop;
        let _ = (&mut world, heap_bytes);
        Ok(world)
    }
}

#[cfg(feature = "wasi")]
fn wasi(
    args: &WasiArgs,
    stop: impl Fn() -> bool + Send + Sync + 'static,
) -> Result<WasiCtx, String> {
    let mut builder = WasiCtx::builder();
    builder.args(args.argv.iter().flatten()).interrupt(stop).inherit_stdio();
    for variable in args.env.iter().flatten() {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        builder.env(name, value);
    }
    let (dirs, mapped) = args.dirs.as_ref().map_or((&[][..], &[][..]), |(a, b)| (a, b));
    let dirs = dirs.iter().map(|dir| (&**dir, &**dir));
    let mapped = mapped.iter().map(|map| map.split_once("::").unwrap_or((map, map)));
    for (guest, host) in dirs.chain(mapped) {
        builder
            .preopen_dir(host, guest)
            .map_err(|error| format!("error while pre-opening directory {host}: {error}"))?;
    }
    for range in args.addr_pool.iter().flatten() {
        let range = range.parse::<AddressRange>().map_err(|error| error.to_string())?;
        builder.allow_addresses([range]);
    }
    builder.allow_resolve(args.ns_lookup_pool.iter().flatten());
    for (stream, handle) in args.stdio.iter().flatten().enumerate() {
        set_stream(&mut builder, stream, *handle)?;
    }
    Ok(builder.build())
}

/// Connects a standard stream to a handle of the embedder's, which is duplicated.
#[cfg(feature = "wasi")]
fn set_stream(builder: &mut WasiCtxBuilder, stream: usize, handle: i64) -> Result<(), String> {
    let Ok(handle) = i32::try_from(handle) else { return Err("a handle is out of range".into()) };
    if handle < 0 {
        return Ok(());
    }
    // SAFETY: by the header's contract the handle is open, and it is only duplicated here.
    let file = unsafe { BorrowedFd::borrow_raw(handle) }.try_clone_to_owned();
    let file = file.map_err(|error| format!("handle {handle} cannot be used: {error}"))?;
    let file = std::fs::File::from(file);
    match stream {
        0 => builder.stdin_file(file),
        1 => builder.stdout_file(file),
        _ => builder.stderr_file(file),
    };
    Ok(())
}
