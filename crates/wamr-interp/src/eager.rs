//! Translation of a whole module before anything is called, on several threads.

use core::num::NonZero;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::thread;

use wamr_runtime::Error;

use crate::module::InterpFunc;

/// More threads than this would wait for each other's memory.
const MAX_THREADS: usize = 64;

/// How many functions a thread takes at a time.
const BATCH: usize = 16;

/// Functions, dealt out in batches from the first to the last.
struct Work<'a> {
    funcs: &'a [InterpFunc],
    /// The first function that nobody has taken.
    next: AtomicUsize,
    /// The first one known to be bad, so that nobody looks at later ones.
    limit: AtomicUsize,
    failed: Mutex<Option<(usize, Error)>>,
}

/// Translates functions that were not yet; reports the first that is invalid.
pub(crate) fn translate(funcs: &[InterpFunc], threads: NonZero<usize>) -> Result<(), Error> {
    let work = Work {
        funcs,
        next: AtomicUsize::new(0),
        limit: AtomicUsize::new(funcs.len()),
        failed: Mutex::new(None),
    };
    let threads = threads.get().min(MAX_THREADS).min(funcs.len().div_ceil(BATCH));
    thread::scope(|scope| {
        for _ in 1..threads {
            // A thread that cannot be started leaves its share to the others.
            let _ = thread::Builder::new().spawn_scoped(scope, || work.run());
        }
        work.run();
    });
    let failed = work.failed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    failed.map_or(Ok(()), |(_, error)| Err(error))
}

impl Work<'_> {
    fn run(&self) {
        loop {
            // Relaxed: a stale limit only costs time, and the scope's end orders all else.
            let start = self.next.fetch_add(BATCH, Ordering::Relaxed);
            for position in start..start + BATCH {
                if position >= self.limit.load(Ordering::Relaxed) {
                    return;
                }
                if let Err(error) = self.funcs[position].translate() {
                    return self.fail(position, error);
                }
            }
        }
    }

    fn fail(&self, position: usize, error: Error) {
        self.limit.fetch_min(position, Ordering::Relaxed);
        let mut failed = self.failed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if failed.as_ref().is_none_or(|(first, _)| position < *first) {
            *failed = Some((position, error));
        }
    }
}
