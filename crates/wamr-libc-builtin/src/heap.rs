//! The heap that the host manages for a memory whose module has no allocator: which parts of the
//! memory are given out. What it knows stands outside of guest memory, where no guest can damage
//! it; the bytes themselves are the link's business.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Every block is aligned to this, as `malloc` promises for every type.
const ALIGNMENT: u64 = 16;

/// A guest freed or resized what `malloc` had not given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapMisuse {
    /// The pointer that it passed.
    pub pointer: u32,
}

impl fmt::Display for HeapMisuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "free or realloc of {:#x}, which is not a block of the heap", self.pointer)
    }
}

impl core::error::Error for HeapMisuse {}

/// A heap in one memory.
#[derive(Debug, Default)]
pub(crate) struct Heap {
    /// Free blocks by address, none beside another; lengths in bytes.
    free: BTreeMap<u64, u64>,
    /// The same by length, then by address.
    by_len: BTreeSet<(u64, u64)>,
    /// Blocks that are given out.
    used: HashMap<u32, u64>,
    /// How many bytes were taken from the memory.
    taken_bytes: u64,
}

impl Heap {
    /// Counts bytes that are about to be taken from the memory, unless that would be too many.
    pub(crate) fn take(&mut self, bytes: u64, limit: u64) -> bool {
        match self.taken_bytes.checked_add(bytes).filter(|taken| *taken <= limit) {
            Some(taken) => self.taken_bytes = taken,
            None => return false,
        }
        true
    }

    /// Takes bytes that the memory did not give out of the count.
    pub(crate) fn give_back(&mut self, bytes: u64) {
        self.taken_bytes -= bytes;
    }

    /// How many bytes a block for so many bytes takes; `None` if that is beyond any memory.
    pub(crate) fn block_bytes(size: u32) -> u64 {
        u64::from(size.max(1)).next_multiple_of(ALIGNMENT)
    }

    /// Adds a range of the memory that nobody else uses.
    pub(crate) fn add(&mut self, start: u64, end: u64) {
        // Null is no block.
        let start = start.max(ALIGNMENT).next_multiple_of(ALIGNMENT);
        let end = end & !(ALIGNMENT - 1);
        if start < end {
            self.insert(start, end - start);
        }
    }

    /// A block of at least so many bytes; `None` if there is none.
    pub(crate) fn alloc(&mut self, size: u32) -> Option<u32> {
        let wanted = Self::block_bytes(size);
        let &(len, start) = self.by_len.range((wanted, 0)..).next()?;
        let pointer = u32::try_from(start).ok()?;
        self.remove(start, len);
        if len > wanted {
            self.insert(start + wanted, len - wanted);
        }
        self.used.insert(pointer, wanted);
        Some(pointer)
    }

    /// Takes a block back.
    pub(crate) fn free(&mut self, pointer: u32) -> Result<(), HeapMisuse> {
        let len = self.used.remove(&pointer).ok_or(HeapMisuse { pointer })?;
        self.insert(pointer.into(), len);
        Ok(())
    }

    /// How many bytes a block has.
    pub(crate) fn len_bytes(&self, pointer: u32) -> Result<u64, HeapMisuse> {
        self.used.get(&pointer).copied().ok_or(HeapMisuse { pointer })
    }

    /// Makes a block larger or smaller where it is, if that is possible.
    pub(crate) fn resize(&mut self, pointer: u32, size: u32) -> Result<bool, HeapMisuse> {
        let len = self.len_bytes(pointer)?;
        let (start, wanted) = (u64::from(pointer), Self::block_bytes(size));
        if wanted > len {
            let behind = start + len;
            match self.free.get(&behind).copied() {
                Some(more) if len + more >= wanted => {
                    self.remove(behind, more);
                    if len + more > wanted {
                        self.insert(start + wanted, len + more - wanted);
                    }
                }
                _ => return Ok(false),
            }
        } else if wanted < len {
            self.insert(start + wanted, len - wanted);
        }
        self.used.insert(pointer, wanted);
        Ok(true)
    }

    /// Adds a free block, joined with free neighbours.
    fn insert(&mut self, mut start: u64, mut len: u64) {
        if let Some((&before, &before_len)) = self.free.range(..start).next_back()
            && before + before_len == start
        {
            self.remove(before, before_len);
            (start, len) = (before, before_len + len);
        }
        if let Some(&behind_len) = self.free.get(&(start + len)) {
            self.remove(start + len, behind_len);
            len += behind_len;
        }
        self.free.insert(start, len);
        self.by_len.insert((len, start));
    }

    fn remove(&mut self, start: u64, len: u64) {
        self.free.remove(&start);
        self.by_len.remove(&(len, start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Free blocks lie apart, overlap nothing that is given out, and nothing is lost.
    fn check(heap: &Heap, total: u64) {
        let free = heap.free.iter().map(|(&start, &len)| (start, len));
        let used = heap.used.iter().map(|(&start, &len)| (u64::from(start), len));
        let mut blocks: Vec<(u64, u64)> = free.chain(used).collect();
        blocks.sort_unstable();
        assert!(blocks.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0), "{blocks:?}");
        assert_eq!(blocks.iter().map(|(_, len)| len).sum::<u64>(), total);
        let free: Vec<_> = heap.free.iter().collect();
        assert!(free.windows(2).all(|pair| pair[0].0 + pair[0].1 < *pair[1].0), "{free:?}");
        assert_eq!(heap.by_len.len(), heap.free.len());
    }

    #[test]
    fn any_sequence_keeps_blocks_apart() {
        let mut heap = Heap::default();
        heap.add(65536, 131072);
        heap.add(131072, 196608);
        let mut random = 12345u32;
        let mut next = move |below: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 8) % below
        };
        let mut blocks = Vec::new();
        for _ in 0..5000 {
            match next(4) {
                0 | 1 => blocks.extend(heap.alloc(next(4000))),
                2 if !blocks.is_empty() => {
                    let block = blocks.swap_remove(next(blocks.len() as u32) as usize);
                    heap.free(block).unwrap();
                    assert_eq!(heap.free(block), Err(HeapMisuse { pointer: block }));
                }
                3 if !blocks.is_empty() => {
                    let block = blocks[next(blocks.len() as u32) as usize];
                    let size = next(6000);
                    if heap.resize(block, size).unwrap() {
                        assert_eq!(heap.len_bytes(block), Ok(Heap::block_bytes(size)));
                    }
                }
                _ => {}
            }
            check(&heap, 131072);
        }
        blocks.into_iter().for_each(|block| heap.free(block).unwrap());
        assert_eq!(heap.free.iter().collect::<Vec<_>>(), [(&65536, &131072)]);
    }

    #[test]
    fn blocks_are_aligned_never_null_and_limited() {
        let mut heap = Heap::default();
        heap.add(0, 65536);
        assert_eq!((heap.alloc(0), heap.alloc(17), heap.alloc(1)), (Some(16), Some(32), Some(64)));
        assert_eq!(heap.alloc(65536), None);
        assert_eq!(heap.alloc(u32::MAX), None);
        assert_eq!(heap.free(33), Err(HeapMisuse { pointer: 33 }));
        assert_eq!(heap.resize(0, 1), Err(HeapMisuse { pointer: 0 }));
        // The last bytes of the largest memory.
        let mut heap = Heap::default();
        heap.add((1 << 32) - 65536, 1 << 32);
        assert_eq!(heap.alloc(65536), Some(u32::MAX - 65535));
        assert_eq!(heap.resize(u32::MAX - 65535, u32::MAX), Ok(false));
    }
}
