//! How far a compilation is, for somebody who watches.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

thread_local! {
    /// Who watches what this thread compiles.
    static WATCHED: RefCell<Option<CompileProgress>> = const { RefCell::new(None) };
}

/// Tells how much of a compilation is done. Clones tell the same.
///
/// A module is compiled on the thread that makes it, and on others that help; so is what is observed
/// said there, and can be asked from anywhere.
#[derive(Clone, Debug, Default)]
pub struct CompileProgress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    done: AtomicUsize,
    all: AtomicUsize,
}

impl CompileProgress {
    /// Tells of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `make`, and tells meanwhile of everything that this thread has compiled.
    pub fn observe<R>(&self, make: impl FnOnce() -> R) -> R {
        /// Puts back who watched before, also if `make` panics.
        struct Restore(Option<CompileProgress>);
        impl Drop for Restore {
            fn drop(&mut self) {
                let before = self.0.take();
                WATCHED.with(|watched| *watched.borrow_mut() = before);
            }
        }
        let before = WATCHED.with(|watched| watched.borrow_mut().replace(self.clone()));
        let _restore = Restore(before);
        make()
    }

    /// How many functions are done, and of how many; nothing before a compilation begins. A
    /// function counts for each kind of memory that it is compiled for.
    #[must_use]
    pub fn functions(&self) -> Option<(usize, usize)> {
        let all = self.0.all.load(Ordering::Relaxed);
        let done = self.0.done.load(Ordering::Relaxed).min(all);
        (all > 0).then_some((done, all))
    }

    /// Who watches what this thread compiles.
    pub(super) fn of_this_thread() -> Option<Self> {
        WATCHED.with(|watched| watched.borrow().clone())
    }

    /// So many functions are about to be compiled.
    pub(super) fn expect(&self, count: usize) {
        self.0.all.fetch_add(count, Ordering::Relaxed);
    }

    /// One of them is done.
    pub(super) fn step(&self) {
        self.0.done.fetch_add(1, Ordering::Relaxed);
    }
}
