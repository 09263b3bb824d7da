//! Running a program that starts threads (wasi-threads).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wamr::libc_builtin::{LibcBuiltin, LibcCtx};
use wamr::wasi::{self, SharedWasiCtx, WasiThreads};
use wamr::{
    Engine, Error, ExternType, InstantiateError, Linker, Memory, Module, Source, Store, StoreLimits,
};

use crate::host::{context, libc, limits};
use crate::options::RunOptions;
use crate::report::Reports;
use crate::run::{ended, start};
use crate::{Failure, program};

/// How many threads may run beside the main one unless the command line says otherwise, as in
/// WAMR's `iwasm`.
const DEFAULT_MAX_THREADS: usize = 4;

/// How much fuel a thread takes at a time. What it has not used when it ends is lost.
const FUEL_PORTION: u64 = 10_000;

/// The fuel of a whole program.
#[derive(Clone)]
struct FuelPool(Arc<AtomicU64>);

impl FuelPool {
    /// Takes at least `lacking`, or nothing.
    fn take(&self, lacking: u64) -> u64 {
        let portion = lacking.max(FUEL_PORTION);
        let rest = |left: u64| (left >= lacking).then(|| left.saturating_sub(portion));
        match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest) {
            Ok(left) => left.min(portion),
            Err(_) => 0,
        }
    }
}

/// What the host functions work on, on one thread.
struct Host {
    wasi: SharedWasiCtx,
    libc: LibcCtx,
    limits: StoreLimits,
    fuel: Option<FuelPool>,
}

impl Host {
    /// For another thread.
    fn fork(&self) -> Self {
        Self {
            wasi: self.wasi.clone(),
            libc: self.libc.fork(),
            limits: self.limits.clone(),
            fuel: self.fuel.clone(),
        }
    }
}

/// Makes a thread's store.
fn store(engine: &Engine, host: Host) -> Result<Store<Host>, Error> {
    let mut store = Store::try_new(engine, host)?;
    store.limiter(|host| &mut host.limits);
    store.refill_fuel(|host, lacking| host.fuel.as_ref().map_or(0, |pool| pool.take(lacking)));
    let handle = store.interrupt_handle();
    store.data_mut().wasi.set_interrupt(Arc::new(move || handle.is_interrupted()));
    Ok(store)
}

/// Runs a program and gives its exit code.
pub(crate) fn run(
    options: &RunOptions,
    engine: &Engine,
    module: &Module,
    reports: &Reports,
) -> Result<u8, Failure> {
    let in_file =
        |error: &dyn std::fmt::Display| Failure::unusable(format!("{}: {error}", options.file));
    let max_threads = options.max_threads.unwrap_or(DEFAULT_MAX_THREADS);
    let threads = WasiThreads::new(max_threads, {
        let (engine, reports) = (engine.clone(), reports.clone());
        move |host: &mut Host| {
            let mut store = store(&engine, host.fork())?;
            reports.attach(&mut store, "thread");
            Ok(store)
        }
    });
    let mut linker = Linker::new(engine);
    wasi::add_shared_to_linker(&mut linker, |host: &mut Host| &mut host.wasi)
        .map_err(Failure::unusable)?;
    threads.add_to_linker(&mut linker).map_err(Failure::unusable)?;

    let host = Host {
        wasi: SharedWasiCtx::new(context(options)?),
        libc: libc(options),
        limits: limits(options),
        fuel: options.fuel.map(|units| FuelPool(Arc::new(AtomicU64::new(units)))),
    };
    let mut store = store(engine, host).map_err(Failure::unusable)?;
    reports.attach(&mut store, "main");
    if let Some(timeout) = options.timeout {
        let handle = store.interrupt_handle();
        std::thread::spawn(move || {
            std::thread::sleep(timeout);
            handle.interrupt();
        });
    }
    for import in module.imports() {
        // The host makes the memory of such a program.
        if let ExternType::Memory(ty) = import.ty()
            && ty.shared
        {
            let memory = Memory::new(&mut store, *ty).and_then(|memory| memory.shared(&store));
            if let Some(memory) = memory.map_err(|error| in_file(&error))? {
                linker
                    .shared_memory(import.module(), import.name(), memory)
                    .map_err(|error| in_file(&error))?;
            }
        }
    }
    let builtin = LibcBuiltin::new(engine, |host: &mut Host| &mut host.libc);
    let builtin = builtin.map_err(Failure::unusable)?;
    let sources: [(&str, &dyn Source<Host>); 2] = [("wasi", &linker), ("libc-builtin", &builtin)];
    let program = program::link(engine, sources, module, options)?;
    let instance = match program.instantiate(&mut store) {
        Ok(instance) => instance,
        Err(InstantiateError::Run(error)) => return ended(&mut store, options, Err(error)),
        Err(error) => return Err(in_file(&error)),
    };
    let outcome = threads.run(&mut store, instance.thread(), |store| {
        Ok(start(store, instance.main(), options, reports))
    });
    match outcome {
        Ok(outcome) => outcome,
        Err(error) => ended(&mut store, options, Err(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_gives_no_more_than_there_is() {
        let pool = FuelPool(Arc::new(AtomicU64::new(25_000)));
        assert_eq!(pool.take(1), FUEL_PORTION);
        assert_eq!(pool.take(12_000), 12_000);
        assert_eq!(pool.take(3001), 0, "there are 3,000 left");
        assert_eq!(pool.take(7), 3000);
        assert_eq!(pool.take(1), 0);
    }
}
