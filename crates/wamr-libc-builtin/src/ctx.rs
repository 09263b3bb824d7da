//! The world of one guest: where it prints to, its clock, and the heaps of its memories.

use core::fmt;
use core::ops::Range;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use wamr_runtime::{Error, Memory, StoreContextMut};

use crate::heap::{Heap, HeapMisuse};

/// How large the heap of a memory may become unless the embedder says otherwise.
pub const DEFAULT_HEAP_BYTES: u64 = 1 << 20;

/// The world of one guest, kept in the data of its store.
pub struct LibcCtx {
    pub(crate) output: Box<dyn Write + Send>,
    pub(crate) heap_bytes: u64,
    /// Heaps of memories whose modules have no allocator. A memory that has one is kept.
    heaps: Vec<(Memory, Heap)>,
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
            output: Box::new(io::stdout()),
            heap_bytes: DEFAULT_HEAP_BYTES,
            heaps: Vec::new(),
            epoch: Instant::now(),
        }
    }

    /// Sets where the guest prints to.
    #[must_use]
    pub fn output(mut self, output: impl Write + Send + 'static) -> Self {
        self.output = Box::new(output);
        self
    }

    /// Sets how many bytes the heap that is managed for a memory may take. It takes them by
    /// growing the memory, as they are needed; 0 means no heap.
    #[must_use]
    pub fn heap_bytes(mut self, bytes: u64) -> Self {
        self.heap_bytes = bytes;
        self
    }

    /// Gives a range of a memory that nobody else uses to the heap that is managed for it, whatever
    /// the limit of [`LibcCtx::heap_bytes`].
    pub fn heap_add(&mut self, memory: &Memory, range: Range<u64>) {
        let heap = self.heap(memory);
        heap.add(range.start, range.end);
        heap.forget_taken(range.end.saturating_sub(range.start));
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
        let ctx = get(store.data_mut());
        let limit = ctx.heap_bytes;
        let heap = ctx.heap(memory);
        if let Some(pointer) = heap.alloc(size) {
            return Ok(pointer);
        }
        // The room that is missing, and a little for what a region's ends may lose to alignment.
        let page_bytes = memory.ty(&store)?.page_size_bytes();
        let missing = Heap::block_bytes(size) + 32;
        let pages = missing.div_ceil(page_bytes);
        let taken = get(store.data_mut()).heap(memory).taken_bytes();
        if taken.saturating_add(pages.saturating_mul(page_bytes)) > limit {
            return Ok(0);
        }
        let Ok(old) = memory.grow(&mut store, pages) else { return Ok(0) };
        let heap = get(store.data_mut()).heap(memory);
        heap.add(old * page_bytes, (old + pages) * page_bytes);
        Ok(heap.alloc(size).unwrap_or(0))
    }

    /// Takes a block of the heap that is managed for a memory back.
    ///
    /// # Errors
    /// If there is no such block.
    pub fn heap_free(&mut self, memory: &Memory, pointer: u32) -> Result<(), HeapMisuse> {
        self.heap(memory).free(pointer)
    }

    /// The heap of a memory, empty at first.
    pub(crate) fn heap(&mut self, memory: &Memory) -> &mut Heap {
        let position = self.heaps.iter().position(|(known, _)| Memory::same(known, memory));
        let position = position.unwrap_or_else(|| {
            self.heaps.push((memory.clone(), Heap::default()));
            self.heaps.len() - 1
        });
        &mut self.heaps[position].1
    }
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
