//! Cells: blocks of equal cells for small objects, runs of blocks for large ones.

use super::{HOST_VALUE, Marks, ObjectHeader};
use crate::platform::Reservation;

/// The size of a block, in bytes.
pub(super) const BLOCK_BYTES: usize = 64 << 10;
/// What sizes of cells are multiples of, in bytes.
pub(super) const CELL_GRANULE: u32 = 16;
/// What references reach beyond block 0, in bytes.
const REACH_BYTES: usize = u32::MAX as usize - (BLOCK_BYTES - 1);
/// Sizes of cells, in bytes. The first class is for host values alone,
/// so that a sweep need not look for them anywhere else.
const CLASSES: [u32; 17] =
    [16, 16, 32, 48, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 6544, 8192, 16384, 32768];
/// The class of host values.
const HOST_CLASS: usize = 0;
/// What a host value counts for, in bytes: the value itself is not in the heap, but takes memory
/// that only a collection gives back.
const HOST_VALUE_WEIGHT: usize = 256;
/// How many words of bits a block has.
pub(super) const WORDS: usize = BLOCK_BYTES / CELL_GRANULE as usize / 64;
/// What may be outside of the heap though its limit is lower, in bytes: what is thrown by programs
/// that make no objects, and the largest payload.
const MIN_OUTSIDE_BYTES: usize = 64 << 10;
/// A collection is due when so many bytes were handed out since the last one, at least.
const MIN_THRESHOLD_BYTES: usize = 4 << 20;

/// One bit for each cell of a block.
type Bits = [u64; WORDS];

/// What a block is used for.
enum Block {
    Free,
    /// Cells of a class.
    Small {
        class: u8,
        used: Box<Bits>,
    },
    /// The first block of a large object.
    Large {
        blocks: u32,
    },
    /// A further block of the large object that begins so many blocks before.
    Continued {
        back: u32,
    },
}

impl Block {
    fn cells(&self) -> BlockCells {
        match self {
            Self::Small { class, .. } => BlockCells::Small { size_bytes: CLASSES[*class as usize] },
            _ => BlockCells::Large,
        }
    }
}

/// What cells a block holds.
pub(super) enum BlockCells {
    /// Many of one size.
    Small { size_bytes: u32 },
    /// One object at its start, if any.
    Large,
}

/// Where the next free cell of a class is looked for.
#[derive(Clone, Copy, Default)]
struct Cursor {
    /// A block of the class, or 0.
    block: u32,
    word: usize,
}

/// What a cell counts for, in bytes.
const fn weight(class: usize) -> usize {
    if class == HOST_CLASS { HOST_VALUE_WEIGHT } else { CLASSES[class] as usize }
}

/// Where the objects of another heap went: the new number of each of its blocks, 0 where nothing
/// was in use.
#[derive(Default)]
pub(crate) struct Moved(Vec<u32>);

impl Moved {
    /// The new reference to an object that was moved.
    pub(crate) fn reference(&self, old: u32) -> u32 {
        let block = self.0.get(old as usize / BLOCK_BYTES).copied().unwrap_or(0);
        block * BLOCK_BYTES as u32 + old % BLOCK_BYTES as u32
    }

    /// The blocks that objects were moved to.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = u32> {
        self.0.iter().copied().filter(|&block| block != 0)
    }
}

/// The heap of one store. It takes address space when the first object is made.
pub struct GcHeap {
    space: Option<Reservation>,
    /// Block 0 is never used, so that no object has reference 0.
    blocks: Vec<Block>,
    cursors: [Cursor; CLASSES.len()],
    /// Blocks of a class that may have free cells.
    partial: [Vec<u32>; CLASSES.len()],
    free_blocks: usize,
    /// No block before this one is free.
    first_free: usize,
    limit_bytes: usize,
    /// What is not in the heap and counts against its limit.
    outside_bytes: usize,
    live_bytes: usize,
    fresh_bytes: usize,
    threshold_bytes: usize,
}

impl GcHeap {
    /// An empty heap that may take so many bytes.
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self {
            space: None,
            blocks: vec![Block::Continued { back: 0 }],
            cursors: Default::default(),
            partial: Default::default(),
            free_blocks: 0,
            first_free: 1,
            limit_bytes: limit_bytes.min(REACH_BYTES),
            outside_bytes: 0,
            live_bytes: 0,
            fresh_bytes: 0,
            threshold_bytes: MIN_THRESHOLD_BYTES,
        }
    }

    /// The address that references count from; dangling while the heap is empty.
    pub fn base(&self) -> *mut u8 {
        self.space.as_ref().map_or(core::ptr::dangling_mut::<u128>().cast(), Reservation::base)
    }

    /// How many bytes of cells are in use or waiting for a collection, host values included.
    pub fn used_bytes(&self) -> usize {
        self.live_bytes + self.fresh_bytes
    }

    /// Whether so much was handed out since the last collection that another one pays.
    pub(crate) fn is_due(&self) -> bool {
        self.fresh_bytes >= self.threshold_bytes
    }

    /// How many bytes of cells were handed out since the last collection ended.
    pub(crate) fn fresh_bytes(&self) -> usize {
        self.fresh_bytes
    }

    /// How many bytes count against the limit that are not in the heap.
    #[inline]
    pub(crate) fn outside_bytes(&self) -> usize {
        self.outside_bytes
    }

    /// Lets so many bytes more that are not in the heap count against its limit; false, and nothing
    /// changes, where that is too much. A few bytes are granted to heaps of any size.
    pub(crate) fn take_outside(&mut self, bytes: usize) -> bool {
        let outside = self.outside_bytes.saturating_add(bytes);
        let fits = outside <= MIN_OUTSIDE_BYTES
            || self.used_bytes().saturating_add(outside) <= self.limit_bytes;
        if fits {
            self.outside_bytes = outside;
        }
        fits
    }

    /// Whether the limit leaves room for another object beside what is outside of the heap.
    fn has_room_beside(&self, bytes: usize) -> bool {
        // What may be there in any case leaves the room to others that they would have alone.
        let outside = self.outside_bytes.saturating_sub(MIN_OUTSIDE_BYTES);
        let taken = self.used_bytes().saturating_add(outside);
        outside == 0 || taken.saturating_add(bytes) <= self.limit_bytes
    }

    /// Lets so many bytes that are not in the heap no longer count against its limit.
    pub(crate) fn give_back_outside(&mut self, bytes: usize) {
        self.outside_bytes -= bytes;
    }

    /// The header of an object.
    ///
    /// # Safety
    /// `reference` must be one of a live object.
    pub(crate) unsafe fn header(&self, reference: u32) -> *mut ObjectHeader {
        // SAFETY: the caller vouches for the reference.
        unsafe { self.base().add(reference as usize).cast() }
    }

    /// Hands out a cell of zeros behind a header; `None` if the heap is full.
    pub(crate) fn allocate(&mut self, size_bytes: u32, header: ObjectHeader) -> Option<u32> {
        if !self.has_room_beside(size_bytes as usize) {
            return None;
        }
        let first = if header.type_id == HOST_VALUE { HOST_CLASS } else { HOST_CLASS + 1 };
        let class = (first..CLASSES.len()).find(|&class| size_bytes <= CLASSES[class]);
        let (reference, cell_bytes) = match class {
            Some(class) => (self.small_cell(class)?, weight(class)),
            None => self.large_cell(size_bytes)?,
        };
        self.fresh_bytes += cell_bytes;
        // SAFETY: the cell is committed, of this size, and nobody refers to it.
        unsafe {
            let at = self.base().add(reference as usize);
            at.write_bytes(0, size_bytes as usize);
            at.cast::<ObjectHeader>().write(header);
        }
        Some(reference)
    }

    fn small_cell(&mut self, class: usize) -> Option<u32> {
        loop {
            let Cursor { block, word } = self.cursors[class];
            if block != 0
                && let Some(cell) = self.take_cell(block, word, class)
            {
                return Some(block * BLOCK_BYTES as u32 + cell * CLASSES[class]);
            }
            let block = match self.partial[class].pop() {
                Some(block) => block,
                None => {
                    let block = self.take_blocks(1)?;
                    self.blocks[block as usize] =
                        Block::Small { class: class as u8, used: Box::new([0; WORDS]) };
                    block
                }
            };
            self.cursors[class] = Cursor { block, word: 0 };
        }
    }

    /// Takes the first free cell of a block from a word of bits on.
    fn take_cell(&mut self, block: u32, from: usize, class: usize) -> Option<u32> {
        let Block::Small { used, .. } = &mut self.blocks[block as usize] else { return None };
        let cells = BLOCK_BYTES as u32 / CLASSES[class];
        for (word, bits) in used.iter_mut().enumerate().skip(from) {
            if *bits == u64::MAX {
                continue;
            }
            let cell = word as u32 * 64 + bits.trailing_ones();
            if cell >= cells {
                return None;
            }
            *bits |= 1 << (cell % 64);
            self.cursors[class].word = word;
            return Some(cell);
        }
        None
    }

    fn large_cell(&mut self, size_bytes: u32) -> Option<(u32, usize)> {
        let count = (size_bytes as usize).div_ceil(BLOCK_BYTES);
        let first = self.take_blocks(count)?;
        self.blocks[first as usize] = Block::Large { blocks: count as u32 };
        for back in 1..count as u32 {
            self.blocks[(first + back) as usize] = Block::Continued { back };
        }
        Some((first * BLOCK_BYTES as u32, count * BLOCK_BYTES))
    }

    /// Finds `count` adjacent free blocks, at the end of the heap if need be.
    fn take_blocks(&mut self, count: usize) -> Option<u32> {
        if self.free_blocks >= count {
            let mut run = 0;
            for block in self.first_free..self.blocks.len() {
                run = if matches!(self.blocks[block], Block::Free) { run + 1 } else { 0 };
                if run == count {
                    self.free_blocks -= count;
                    if count == 1 {
                        self.first_free = block + 1;
                    }
                    return Some((block + 1 - count) as u32);
                }
            }
        }
        let is_free = |block: &&Block| matches!(block, Block::Free);
        let tail = self.blocks.iter().rev().take_while(is_free).count().min(count);
        let first = self.blocks.len() - tail;
        let end_bytes = first.checked_add(count)?.checked_mul(BLOCK_BYTES)?;
        if !self.commit(end_bytes) {
            return None;
        }
        self.blocks.extend((tail..count).map(|_| Block::Free));
        self.free_blocks -= tail;
        Some(first as u32)
    }

    /// Takes over the objects of another heap, whose fields still hold the old references.
    /// `None`, and both heaps stay as they are, where there is no room.
    pub(crate) fn absorb(&mut self, other: &mut Self) -> Option<Moved> {
        let outside_bytes = self.outside_bytes;
        if !self.take_outside(other.outside_bytes) || !self.has_room_beside(other.used_bytes()) {
            self.outside_bytes = outside_bytes;
            return None;
        }
        let mut moved = Moved(vec![0; other.blocks.len()]);
        for (from, block) in other.blocks.iter().enumerate().skip(1) {
            let count = match block {
                Block::Small { .. } => 1,
                Block::Large { blocks } => *blocks as usize,
                Block::Free | Block::Continued { .. } => continue,
            };
            let Some(first) = self.take_blocks(count) else {
                moved.blocks().for_each(|block| self.release(block as usize));
                self.outside_bytes = outside_bytes;
                return None;
            };
            for (to, entry) in (first..).zip(&mut moved.0[from..from + count]) {
                *entry = to;
                // Taken, until the block itself arrives.
                self.blocks[to as usize] = Block::Continued { back: 0 };
            }
        }
        for (from, to) in (0..).zip(&moved.0).filter(|&(_, &to)| to != 0) {
            self.blocks[*to as usize] = core::mem::replace(&mut other.blocks[from], Block::Free);
            // SAFETY: both blocks are committed, and of different heaps.
            unsafe {
                core::ptr::copy_nonoverlapping(
                    other.base().add(from * BLOCK_BYTES),
                    self.base().add(*to as usize * BLOCK_BYTES),
                    BLOCK_BYTES,
                );
            }
        }
        for (class, blocks) in other.partial.iter_mut().enumerate() {
            let open = core::mem::take(&mut other.cursors[class]).block;
            blocks.extend((open != 0).then_some(open));
            self.partial[class].extend(blocks.drain(..).map(|block| moved.0[block as usize]));
        }
        self.live_bytes += other.live_bytes;
        self.fresh_bytes += other.fresh_bytes;
        self.threshold_bytes = self.threshold_bytes.max(self.live_bytes);
        *other = Self::new(other.limit_bytes);
        Some(moved)
    }

    /// Every object that begins in a block.
    pub(crate) fn objects_in(&self, block: u32) -> impl Iterator<Item = u32> {
        let first = block * BLOCK_BYTES as u32;
        let (count, size) = match self.blocks[block as usize] {
            Block::Small { class, .. } => {
                (BLOCK_BYTES as u32 / CLASSES[class as usize], CLASSES[class as usize])
            }
            Block::Large { .. } => (1, 0),
            Block::Free | Block::Continued { .. } => (0, 0),
        };
        let cells = (0..count).map(move |cell| first + cell * size);
        cells.filter(|&at| self.object_at(at) == Some(at))
    }

    /// Makes a block free.
    fn release(&mut self, block: usize) {
        self.blocks[block] = Block::Free;
        self.free_blocks += 1;
        self.first_free = self.first_free.min(block);
    }

    /// Makes the heap usable up to `end_bytes`; false, and nothing changes, where that is too far.
    fn commit(&mut self, end_bytes: usize) -> bool {
        if end_bytes - BLOCK_BYTES > self.limit_bytes {
            return false;
        }
        if self.space.is_none() {
            self.space = Reservation::new(self.limit_bytes + BLOCK_BYTES);
        }
        self.space.as_mut().is_some_and(|space| space.commit(end_bytes))
    }

    /// The object that an offset points into, if there is one.
    pub(crate) fn object_at(&self, offset: u32) -> Option<u32> {
        let mut block = offset as usize / BLOCK_BYTES;
        if block == 0 {
            return None;
        }
        if let Block::Continued { back } = self.blocks.get(block)? {
            block -= *back as usize;
        }
        let start = (block * BLOCK_BYTES) as u32;
        match self.blocks.get(block)? {
            Block::Small { class, used } => {
                let size = CLASSES[*class as usize];
                let cell = (offset - start) / size;
                let bit = used[cell as usize / 64] >> (cell % 64) & 1;
                (bit == 1).then_some(start + cell * size)
            }
            Block::Large { .. } => Some(start),
            Block::Free | Block::Continued { .. } => None,
        }
    }

    /// No marks, for the heap as it is now.
    pub(crate) fn no_marks(&self) -> Marks {
        Marks::new(self.blocks.iter().map(Block::cells))
    }

    /// Marks an object that was made after `marks`.
    pub(crate) fn mark_new(&self, reference: u32, marks: &mut Marks) {
        let block = reference as usize / BLOCK_BYTES;
        marks.add_block(block, self.blocks[block].cells());
        marks.mark(reference);
    }

    /// Frees what is not marked. `host_value` hears of every host value that is freed.
    pub(crate) fn sweep(&mut self, marks: &Marks, mut host_value: impl FnMut(u32)) {
        let base = self.base();
        let mut live = 0;
        self.cursors = Default::default();
        self.partial = Default::default();
        let mut release = Vec::new();
        for (index, block) in self.blocks.iter_mut().enumerate().skip(1) {
            let start = index * BLOCK_BYTES;
            let marked = marks.of_block(index);
            match block {
                Block::Small { class, used } => {
                    let class = *class as usize;
                    let size = CLASSES[class] as usize;
                    if class == HOST_CLASS {
                        for cell in dead_cells(used, marked) {
                            // SAFETY: a used cell holds an object.
                            let header: ObjectHeader =
                                unsafe { *base.add(start + cell * size).cast() };
                            host_value(header.len);
                        }
                    }
                    **used = *marked;
                    let cells: usize = used.iter().map(|word| word.count_ones() as usize).sum();
                    live += cells * weight(class);
                    if cells == 0 {
                        release.push(index..index + 1);
                    } else if cells < BLOCK_BYTES / size {
                        self.partial[class].push(index as u32);
                    }
                }
                Block::Large { blocks } => {
                    let count = *blocks as usize;
                    if marked[0] & 1 != 0 {
                        live += count * BLOCK_BYTES;
                    } else {
                        release.push(index..index + count);
                    }
                }
                Block::Free | Block::Continued { .. } => {}
            }
        }
        // They are taken from the end: the lowest block first.
        self.partial.iter_mut().for_each(|blocks| blocks.reverse());
        release.into_iter().flatten().for_each(|block| self.release(block));
        self.live_bytes = live;
        self.fresh_bytes = 0;
        // What is handed out before the next collection ends comes on top.
        self.threshold_bytes = (live / 4 * 3).max(MIN_THRESHOLD_BYTES);
    }
}

/// Cells in use that are not marked.
fn dead_cells(used: &Bits, marked: &Bits) -> impl Iterator<Item = usize> {
    used.iter().zip(marked).enumerate().flat_map(|(word, (used, marked))| {
        let dead = used & !marked;
        (0..64).filter(move |bit| dead >> bit & 1 != 0).map(move |bit| word * 64 + bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: ObjectHeader = ObjectHeader { type_id: 1, len: 0 };

    #[test]
    fn swept_cells_are_handed_out_again() {
        let mut heap = GcHeap::new(64 << 20);
        let kept: Vec<u32> = (0..5000).map(|_| heap.allocate(40, HEADER).unwrap()).collect();
        let mut marks = heap.no_marks();
        for &reference in kept.iter().step_by(2) {
            assert_eq!(heap.object_at(reference + 39), Some(reference));
            assert!(marks.mark(reference));
            assert!(!marks.mark(reference));
        }
        heap.sweep(&marks, |_| panic!("there are no host values"));
        assert_eq!(heap.used_bytes(), 2500 * 48);
        assert_eq!(heap.object_at(kept[1]), None);
        assert_eq!(heap.object_at(kept[2]), Some(kept[2]));
        let blocks = heap.blocks.len();
        for _ in 0..2500 {
            heap.allocate(40, HEADER).unwrap();
        }
        assert_eq!(heap.blocks.len(), blocks);
    }

    #[test]
    fn large_objects_take_and_give_back_runs_of_blocks() {
        let mut heap = GcHeap::new(8 << 20);
        let a = heap.allocate(1 << 20, HEADER).unwrap();
        let b = heap.allocate(1 << 20, HEADER).unwrap();
        assert_eq!(heap.object_at(a + (1 << 19)), Some(a));
        let mut marks = heap.no_marks();
        assert!(marks.mark(b) && !marks.mark(b));
        heap.sweep(&marks, |_| {});
        assert_eq!(heap.object_at(a), None);
        assert_eq!(heap.allocate(1 << 20, HEADER), Some(a));
        assert_eq!(heap.allocate(16 << 20, HEADER), None, "over the limit");
    }

    #[test]
    fn a_large_object_starts_in_the_free_blocks_at_the_end() {
        let mut heap = GcHeap::new(8 << 20);
        let a = heap.allocate(1 << 20, HEADER).unwrap();
        let b = heap.allocate(6 << 20, HEADER).unwrap();
        let mut marks = heap.no_marks();
        marks.mark(a);
        heap.sweep(&marks, |_| {});
        assert_eq!(heap.allocate(7 << 20, HEADER), Some(b));
        assert_eq!(heap.free_blocks, 0);
        assert_eq!(heap.allocate(16, HEADER), None);
    }

    #[test]
    fn objects_of_another_heap_move_with_their_contents() {
        let mut heap = GcHeap::new(8 << 20);
        let mut other = GcHeap::new(8 << 20);
        let own = heap.allocate(40, HEADER).unwrap();
        let small = other.allocate(40, ObjectHeader { type_id: 2, len: 7 }).unwrap();
        let garbage = other.allocate(2 << 20, HEADER).unwrap();
        let large = other.allocate(1 << 20, ObjectHeader { type_id: 3, len: 9 }).unwrap();
        assert!(garbage < large);
        let mut marks = other.no_marks();
        marks.mark(large);
        marks.mark(small);
        other.sweep(&marks, |_| {});
        let moved = heap.absorb(&mut other).unwrap();
        assert_eq!(other.used_bytes(), 0);
        assert_eq!(heap.used_bytes(), 48 + 48 + (1 << 20));
        let objects: Vec<u32> = moved.blocks().flat_map(|block| heap.objects_in(block)).collect();
        let expected = [small, large].map(|old| moved.reference(old));
        assert_eq!(objects, expected);
        assert_eq!(heap.object_at(expected[1] + (1 << 19)), Some(expected[1]));
        for (reference, len) in [(own, 0), (expected[0], 7), (expected[1], 9)] {
            // SAFETY: the objects are live.
            assert_eq!(unsafe { (*heap.header(reference)).len }, len);
        }
        assert!(heap.blocks.len() < 32, "what was free is left behind");
        assert!(heap.allocate(40, HEADER).is_some_and(|at| heap.object_at(at) == Some(at)));
    }

    #[test]
    fn heaps_that_are_too_large_together_stay_apart() {
        let mut heap = GcHeap::new(1 << 20);
        let mut other = GcHeap::new(1 << 20);
        heap.allocate(600 << 10, HEADER).unwrap();
        let kept = other.allocate(100 << 10, HEADER).unwrap();
        other.allocate(600 << 10, HEADER).unwrap();
        assert!(heap.absorb(&mut other).is_none());
        assert_eq!(other.object_at(kept), Some(kept));
        heap.allocate(300 << 10, HEADER).expect("what was taken for nothing is free again");
    }

    #[test]
    fn offsets_behind_the_last_cell_of_a_block_are_nobodys() {
        let mut heap = GcHeap::new(1 << 20);
        let first = heap.allocate(40, HEADER).unwrap();
        for _ in 1..BLOCK_BYTES / 48 {
            heap.allocate(40, HEADER).unwrap();
        }
        let end = first + BLOCK_BYTES as u32;
        assert_eq!(heap.object_at(end - 17), Some(end - 16 - 48));
        assert_eq!(heap.object_at(end - 16), None);
        assert_eq!(heap.object_at(end - 1), None);
        assert_eq!(heap.object_at(first - 1), None, "block 0 holds nothing");
        assert_eq!(heap.object_at(u32::MAX), None);
    }

    #[test]
    fn no_limit_goes_beyond_the_reach_of_references() {
        let mut heap = GcHeap::new(usize::MAX);
        assert_eq!(heap.allocate(u32::MAX, HEADER), None);
        let block = heap.allocate(16, HEADER).unwrap();
        assert_eq!(heap.object_at(block), Some(block));
    }

    #[test]
    fn a_full_heap_says_so_and_goes_on_after_a_sweep() {
        let mut heap = GcHeap::new(1 << 20);
        let mut count = 0;
        while heap.allocate(16, HEADER).is_some() {
            count += 1;
        }
        assert_eq!(count, (1 << 20) / 16);
        let marks = heap.no_marks();
        heap.sweep(&marks, |_| {});
        assert!(heap.allocate(16, HEADER).is_some());
    }

    #[test]
    fn every_cell_of_every_size_has_a_mark_of_its_own() {
        let mut heap = GcHeap::new(64 << 20);
        let mut all = Vec::new();
        for &size in &CLASSES {
            let count = 2 * BLOCK_BYTES as u32 / size;
            all.extend((0..count).map(|_| heap.allocate(size, HEADER).unwrap()));
        }
        all.push(heap.allocate(40_000, HEADER).unwrap());
        let mut marks = heap.no_marks();
        assert!(all.iter().all(|&reference| marks.mark(reference)));
        assert!(!all.iter().any(|&reference| marks.mark(reference)));
        assert!(!marks.mark(u32::MAX), "beyond the heap");
        heap.sweep(&marks, |_| {});
        assert!(all.iter().all(|&reference| heap.object_at(reference) == Some(reference)));
    }
}
