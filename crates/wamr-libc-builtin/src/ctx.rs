//! The world of one guest: where it prints to, its clock, and the heaps of its memories.

use core::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use wamr_runtime::Memory;

use crate::heap::Heap;

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
