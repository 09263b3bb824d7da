//! The embedder's say in what a store may take.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{StoreCore, StoreInner};
use crate::error::{Error, ErrorKind};

/// Decides how much a store may take. Asked before a memory or table is made or grows, whoever
/// grows it, and before an instance is made.
///
/// Where it does not allow another instance, memory or table for the host to have, garbage is
/// collected, and it is asked once more.
pub trait ResourceLimiter {
    /// Whether a memory of `current_bytes` (0 for a new one) may become `desired_bytes` large.
    /// `maximum_bytes` is what its type allows, where it says so.
    fn memory_growing(
        &mut self,
        current_bytes: u64,
        desired_bytes: u64,
        maximum_bytes: Option<u64>,
    ) -> bool;

    /// Whether a table of `current` elements (0 for a new one) may get `desired` elements.
    fn table_growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> bool;

    /// Whether a store that has made `made` memories may make one more; [`Self::memory_growing`] is
    /// asked about its size. Memories that were reclaimed do not count, those that are made by an
    /// instance do.
    fn memory_creating(&mut self, made: usize) -> bool {
        let _ = made;
        true
    }

    /// Whether a store that has made `made` tables may make one more, as for memories.
    fn table_creating(&mut self, made: usize) -> bool {
        let _ = made;
        true
    }

    /// Whether a store that has made `made` instances may make one more. Instances that were
    /// reclaimed do not count.
    fn instance_creating(&mut self, made: usize) -> bool {
        let _ = made;
        true
    }
}

/// A limiter of fixed numbers. At first nothing is limited.
#[derive(Clone, Debug)]
pub struct StoreLimits {
    memory_bytes: u64,
    table_elements: u64,
    memories: usize,
    tables: usize,
    instances: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self {
            memory_bytes: u64::MAX,
            table_elements: u64::MAX,
            memories: usize::MAX,
            tables: usize::MAX,
            instances: usize::MAX,
        }
    }
}

impl StoreLimits {
    /// No limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// The most bytes that each memory may have.
    #[must_use]
    pub fn memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// The most elements that each table may have.
    #[must_use]
    pub fn table_elements(mut self, elements: u64) -> Self {
        self.table_elements = elements;
        self
    }

    /// The most memories that may live at a time.
    #[must_use]
    pub fn memories(mut self, memories: usize) -> Self {
        self.memories = memories;
        self
    }

    /// The most tables that may live at a time.
    #[must_use]
    pub fn tables(mut self, tables: usize) -> Self {
        self.tables = tables;
        self
    }

    /// The most instances that may live at a time.
    #[must_use]
    pub fn instances(mut self, instances: usize) -> Self {
        self.instances = instances;
        self
    }
}

impl ResourceLimiter for StoreLimits {
    fn memory_growing(&mut self, _: u64, desired_bytes: u64, _: Option<u64>) -> bool {
        desired_bytes <= self.memory_bytes
    }

    fn table_growing(&mut self, _: u64, desired: u64, _: Option<u64>) -> bool {
        desired <= self.table_elements
    }

    fn memory_creating(&mut self, made: usize) -> bool {
        made < self.memories
    }

    fn table_creating(&mut self, made: usize) -> bool {
        made < self.tables
    }

    fn instance_creating(&mut self, made: usize) -> bool {
        made < self.instances
    }
}

/// From a store to its limiter, which is part of the embedder's data.
pub(super) type GetLimiter =
    dyn Fn(*mut StoreCore) -> *mut (dyn ResourceLimiter + 'static) + Send + Sync;

/// Makes the accessor of a store whose data is a `T`.
pub(super) fn accessor<T: 'static>(
    get: impl Fn(&mut T) -> &mut (dyn ResourceLimiter + 'static) + Send + Sync + 'static,
) -> Box<GetLimiter> {
    Box::new(move |core| {
        // SAFETY: the store that this is installed in has data of type `T`, and nobody holds a
        // reference to that data while the store is asked to grow something.
        let data = unsafe { &mut (*core.cast::<StoreInner<T>>()).data };
        core::ptr::from_mut(get(data))
    })
}

impl StoreCore {
    /// Makes something of which the limiter may allow so many; once more after a collection where
    /// it does not, or the system lacks room, since garbage counts until it is reclaimed. What was
    /// made before a failure is reclaimed at once, unless wasm is running.
    pub(crate) fn make_limited<R>(
        &mut self,
        mut make: impl FnMut(&mut Self) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let made = make(self);
        let Err(error) = &made else { return made };
        let is_full = matches!(error.kind(), ErrorKind::LimitReached | ErrorKind::OutOfMemory);
        self.reclaim_failed();
        let made = if is_full { make(self) } else { return made };
        if made.is_err() {
            self.reclaim_failed();
        }
        made
    }

    /// Reclaims what was made for something that failed, unless wasm is running.
    fn reclaim_failed(&mut self) {
        if self.depth == 0 {
            self.collect();
        }
    }

    /// Asks the limiter, if there is one.
    pub(crate) fn allows(&mut self, ask: impl FnOnce(&mut dyn ResourceLimiter) -> bool) -> bool {
        // The pointer that the store was made with, since the limiter lives behind the core.
        let this = self.vm.core.get();
        let Some(get) = &self.limiter else { return true };
        // SAFETY: the limiter lives in the embedder's data, apart from `self`.
        let ask = || ask(unsafe { &mut *get(this) });
        if self.depth == 0 {
            return ask();
        }
        // Wasm is running, and a panic must not unwind through it: it waits for the host that
        // called, and nothing grows.
        catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|payload| {
            self.defer_panic(payload);
            false
        })
    }
}
