//! Blocks of a buffer of somebody else's. What is known about them stands outside of it, so that
//! whoever writes the buffer spoils no more than what is in it.

use std::collections::BTreeMap;

/// Blocks are aligned to this, and take multiples of it.
pub(crate) const ALIGNMENT: usize = 16;

/// A buffer and its blocks.
pub(crate) struct Pool {
    start: usize,
    bytes: usize,
    /// Free ranges by address, none beside another.
    free: BTreeMap<usize, usize>,
    /// Blocks that are given out, and whether they may be reallocated.
    used: BTreeMap<usize, (usize, bool)>,
    in_use: usize,
    most_in_use: usize,
}

impl Pool {
    /// Manages the bytes from an address on; `None` if there is no room for a single block.
    pub(crate) fn new(start: usize, bytes: usize) -> Option<Self> {
        let first = start.checked_next_multiple_of(ALIGNMENT)?;
        let end = start.checked_add(bytes)? & !(ALIGNMENT - 1);
        let len = end.checked_sub(first).filter(|len| *len > 0)?;
        let (used, free) = (BTreeMap::new(), BTreeMap::from([(first, len)]));
        Some(Self { start: first, bytes: len, free, used, in_use: 0, most_in_use: 0 })
    }

    /// The address of a block, if there is room.
    pub(crate) fn alloc(&mut self, size: usize, alignment: usize, movable: bool) -> Option<usize> {
        let wanted = size.max(1).checked_next_multiple_of(ALIGNMENT)?;
        let (at, begin, end) = self.free.iter().find_map(|(&start, &len)| {
            let at = start.checked_next_multiple_of(alignment)?;
            let fits = at.checked_add(wanted)? <= start + len;
            fits.then_some((at, start, start + len))
        })?;
        self.free.remove(&begin);
        if at > begin {
            self.free.insert(begin, at - begin);
        }
        if end > at + wanted {
            self.free.insert(at + wanted, end - at - wanted);
        }
        self.used.insert(at, (wanted, movable));
        self.in_use += wanted;
        self.most_in_use = self.most_in_use.max(self.in_use);
        Some(at)
    }

    /// Takes a block back; false if there is no such block.
    pub(crate) fn free(&mut self, at: usize) -> bool {
        let Some((mut len, _)) = self.used.remove(&at) else { return false };
        self.in_use -= len;
        let mut start = at;
        if let Some((&before, &before_len)) = self.free.range(..at).next_back()
            && before + before_len == at
        {
            self.free.remove(&before);
            (start, len) = (before, len + before_len);
        }
        if let Some(behind) = self.free.remove(&(start + len)) {
            len += behind;
        }
        self.free.insert(start, len);
        true
    }

    /// How many bytes a block has, if it may be reallocated.
    pub(crate) fn movable(&self, at: usize) -> Option<usize> {
        self.used.get(&at).filter(|(_, movable)| *movable).map(|(len, _)| *len)
    }

    /// Whether a block was given out.
    pub(crate) fn has(&self, at: usize) -> bool {
        self.used.contains_key(&at)
    }

    /// Whether an address is one of the buffer's.
    pub(crate) fn contains(&self, at: usize) -> bool {
        at.checked_sub(self.start).is_some_and(|at| at < self.bytes)
    }

    /// Whether no block is out.
    pub(crate) fn is_unused(&self) -> bool {
        self.used.is_empty()
    }

    /// How many bytes there are, how many of them are free, and how many were in use at most.
    pub(crate) fn report(&self) -> [usize; 3] {
        [self.bytes, self.bytes - self.in_use, self.most_in_use]
    }
}
