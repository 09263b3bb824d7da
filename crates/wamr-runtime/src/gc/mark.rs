//! Marks: a bit for each cell of a heap, in one table that lives as long as a collection.

use super::heap::{BLOCK_BYTES, BlockCells, CELL_GRANULE, WORDS};

/// Which cells of a heap are marked.
pub(crate) struct Marks {
    words: Vec<u64>,
    /// By block: what turns the position of a cell, in granules, into its number.
    factors: Vec<u32>,
}

/// How many bits of a product with a factor are a fraction.
const FRACTION_BITS: u32 = 16;

impl Marks {
    /// No marks, for a heap whose blocks hold these cells.
    pub(super) fn new(blocks: impl ExactSizeIterator<Item = BlockCells>) -> Self {
        let words = vec![0; blocks.len() * WORDS];
        Self { words, factors: blocks.map(factor).collect() }
    }

    /// Makes room for the marks of a block that has been taken into use.
    #[inline]
    pub(super) fn add_block(&mut self, block: usize, cells: BlockCells) {
        if self.factors.get(block).is_some_and(|&factor| factor != 0) {
            return;
        }
        if self.factors.len() <= block {
            self.factors.resize(block + 1, 0);
            self.words.resize((block + 1) * WORDS, 0);
        }
        self.factors[block] = factor(cells);
    }

    /// Marks the object at a reference; true if it was not marked before.
    ///
    /// The reference must be one that [`super::GcHeap::object_at`] or a live object gave.
    #[inline]
    pub(crate) fn mark(&mut self, reference: u32) -> bool {
        let block = reference as usize / BLOCK_BYTES;
        let Some(factor) = self.factors.get(block) else { return false };
        let granule = reference % BLOCK_BYTES as u32 / CELL_GRANULE;
        let cell = ((granule * factor) >> FRACTION_BITS) as usize;
        let Some(word) = self.words.get_mut(block * WORDS + cell / 64) else { return false };
        let bit = 1u64 << (cell % 64);
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }

    /// The marks of a block, by cell.
    pub(super) fn of_block(&self, block: usize) -> &[u64; WORDS] {
        const NONE: [u64; WORDS] = [0; WORDS];
        let words = self.words.get(block * WORDS..(block + 1) * WORDS);
        words.and_then(|words| words.try_into().ok()).unwrap_or(&NONE)
    }
}

/// What turns the position of a cell into its number.
fn factor(cells: BlockCells) -> u32 {
    match cells {
        // Rounded up: exact for all multiples of the size within a block.
        BlockCells::Small { size_bytes } => {
            (1u32 << FRACTION_BITS).div_ceil(size_bytes / CELL_GRANULE)
        }
        BlockCells::Large => 0,
    }
}

/// Asks for an object to be brought near, without waiting for it.
#[inline(always)]
pub(crate) fn prefetch(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which does nothing for addresses that cannot be read.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
