//! The world of one guest: where it prints to, its clock, and the heaps of its memories.

use core::fmt;
use core::ops::Range;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use wamr_runtime::{AsContext, Error, Memory, SharedMemory, StoreContextMut};

use crate::heap::Heap;

/// How large the heap of a memory may become unless the embedder says otherwise.
pub const DEFAULT_HEAP_BYTES: u64 = 1 << 20;

type Output = Box<dyn Write + Send>;

/// The world of one guest, kept in the data of its store; of a guest with several threads, what it
/// is for one of them.
pub struct LibcCtx {
    output: Arc<Mutex<Output>>,
    pub(crate) heap_bytes: u64,
    /// Heaps of memories whose modules have no allocator. A memory that has one is kept.
    heaps: Vec<(Memory, Heap)>,
    /// The same for memories that threads share.
    shared_heaps: Arc<Mutex<Vec<(SharedMemory, Heap)>>>,
    /// Zero of the clocks that do not tell the time of day.
    pub(crate) epoch: Instant,
}

impl Default for LibcCtx {
    fn default() -> Self {
        Self::new()
    }
}

impl LibcCtx {
    /// A world that prints to standard output, with heaps of [`DEFAULT_HEAP_BYTES`].
    pub fn new() -> Self {
        Self {
            output: Arc::new(Mutex::new(Box::new(io::stdout()))),
            heap_bytes: DEFAULT_HEAP_BYTES,
            heaps: Vec::new(),
            shared_heaps: Arc::default(),
            epoch: Instant::now(),
        }
    }

    /// Sets where the guest prints to.
    #[must_use]
    pub fn output(mut self, output: impl Write + Send + 'static) -> Self {
        self.output = Arc::new(Mutex::new(Box::new(output)));
        self
    }

    /// The same world for another thread of the guest: output, clock, and the heaps of memories
    /// that threads share.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            output: self.output.clone(),
            heap_bytes: self.heap_bytes,
            heaps: Vec::new(),
            shared_heaps: self.shared_heaps.clone(),
            epoch: self.epoch,
        }
    }

    /// Where the guest prints to, which other threads wait for.
    pub(crate) fn lock_output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets how many bytes the heap that is managed for a memory may take. It takes them by
    /// growing the memory, as they are needed; 0 means no heap.
    #[must_use]
    pub fn heap_bytes(mut self, bytes: u64) -> Self {
        self.heap_bytes = bytes;
        self
    }

    /// Gives a range of a memory that nobody else uses to the heap that is managed for it, whatever
    /// the limit of [`LibcCtx::heap_bytes`]. `get` finds the guest's world in the data of the
    /// store.
    ///
    /// # Errors
    /// If the memory belongs to another store.
    pub fn heap_add<T: 'static>(
        mut store: StoreContextMut<'_, T>,
        get: impl Fn(&mut T) -> &mut Self,
        memory: &Memory,
        range: Range<u64>,
    ) -> Result<(), Error> {
        let memory = Owner::of(&store, memory)?;
        get(store.data_mut()).with_heap(&memory, |heap| heap.add(range.start, range.end));
        Ok(())
    }

    /// A block of the heap that is managed for a memory, which may grow for it: its address, or 0
    /// where there is no room. `get` finds the guest's world in the data of the store.
    ///
    /// # Errors
    /// If the memory belongs to another store.
    pub fn heap_alloc<T: 'static>(
        mut store: StoreContextMut<'_, T>,
        get: impl Fn(&mut T) -> &mut Self,
        memory: &Memory,
        size: u32,
    ) -> Result<u32, Error> {
        let owner = Owner::of(&store, memory)?;
        let ctx = get(store.data_mut());
        if let Some(pointer) = ctx.with_heap(&owner, |heap| heap.alloc(size)) {
            return Ok(pointer);
        }
        let limit = ctx.heap_bytes;
        // The room that is missing, and a little for what a region's ends may lose to alignment.
        let page_bytes = memory.ty(&store)?.page_size_bytes();
        let missing = Heap::block_bytes(size) + 32;
        let pages = missing.div_ceil(page_bytes);
        let bytes = pages.saturating_mul(page_bytes);
        // No heap is locked while the memory grows, which asks the embedder.
        let ctx = get(store.data_mut());
        if !ctx.with_heap(&owner, |heap| heap.take(bytes, limit)) {
            return Ok(0);
        }
        let grown = memory.grow(&mut store, pages);
        let pointer = get(store.data_mut()).with_heap(&owner, |heap| match grown {
            Ok(old) => {
                heap.add(old * page_bytes, (old + pages) * page_bytes);
                heap.alloc(size)
            }
            Err(_) => {
                heap.give_back(bytes);
                None
            }
        });
        Ok(pointer.unwrap_or(0))
    }

    /// Takes a block of the heap that is managed for a memory back. `get` finds the guest's world
    /// in the data of the store.
    ///
    /// # Errors
    /// [`HeapMisuse`](crate::HeapMisuse) if there is no such block, or another error if the memory belongs to another
    /// store.
    pub fn heap_free<T: 'static>(
        mut store: StoreContextMut<'_, T>,
        get: impl Fn(&mut T) -> &mut Self,
        memory: &Memory,
        pointer: u32,
    ) -> Result<(), Error> {
        let memory = Owner::of(&store, memory)?;
        let freed = get(store.data_mut()).with_heap(&memory, |heap| heap.free(pointer));
        freed.map_err(Error::new)
    }

    /// Does something with the heap of a memory, which is empty at first.
    pub(crate) fn with_heap<R>(&mut self, memory: &Owner, body: impl FnOnce(&mut Heap) -> R) -> R {
        match memory {
            Owner::Own(memory) => body(heap_of(&mut self.heaps, memory, Memory::same)),
            Owner::Shared(memory) => {
                let mut heaps = self.shared_heaps.lock().unwrap_or_else(PoisonError::into_inner);
                body(heap_of(&mut heaps, memory, SharedMemory::same))
            }
        }
    }
}

/// What memory a heap is in.
pub(crate) enum Owner {
    Own(Memory),
    Shared(SharedMemory),
}

impl Owner {
    /// # Errors
    /// If the memory belongs to another store.
    pub(crate) fn of(store: impl AsContext, memory: &Memory) -> Result<Self, Error> {
        let shared = memory.shared(store)?;
        Ok(shared.map_or_else(|| Self::Own(memory.clone()), Self::Shared))
    }
}

fn heap_of<'h, M: Clone>(
    heaps: &'h mut Vec<(M, Heap)>,
    memory: &M,
    same: impl Fn(&M, &M) -> bool,
) -> &'h mut Heap {
    let position = heaps.iter().position(|(known, _)| same(known, memory));
    let position = position.unwrap_or_else(|| {
        heaps.push((memory.clone(), Heap::default()));
        heaps.len() - 1
    });
    &mut heaps[position].1
}

impl fmt::Debug for LibcCtx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LibcCtx")
            .field("heap_bytes", &self.heap_bytes)
            .field("heaps", &self.heaps)
            .finish_non_exhaustive()
    }
}

/// Output that is kept in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryOutput(Arc<Mutex<Vec<u8>>>);

impl MemoryOutput {
    /// Empty output.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was printed since the last time, what is not UTF-8 replaced.
    pub fn take(&self) -> String {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&std::mem::take(&mut *bytes)).into_owned()
    }
}

impl Write for MemoryOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
