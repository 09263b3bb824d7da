//! The bytes of a file in memory, in pages. Pages that nobody wrote are holes: they take no memory
//! and read as zeros. What pages cost stands in `tree`.

use std::collections::BTreeMap;

use super::tree::Budget;
use crate::errno::Errno;

/// How large a page is.
const PAGE_BYTES: usize = 4096;

/// What a page takes of the budget: itself, and its place among others.
const PAGE_COST_BYTES: u64 = PAGE_BYTES as u64 + 64;

/// The content of a file.
#[derive(Debug, Default)]
pub(super) struct Content {
    len_bytes: u64,
    pages: BTreeMap<u64, Box<[u8]>>,
}

/// The part of a range that lies in one page.
struct Part {
    page: u64,
    within: std::ops::Range<usize>,
}

/// Splits `len_bytes` bytes at `offset` into the parts in each page.
fn parts(offset: u64, len_bytes: usize) -> impl Iterator<Item = Part> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done >= len_bytes {
            return None;
        }
        let at = offset + done as u64;
        let start = (at % PAGE_BYTES as u64) as usize;
        let end = (start + (len_bytes - done)).min(PAGE_BYTES);
        done += end - start;
        Some(Part { page: at / PAGE_BYTES as u64, within: start..end })
    })
}

impl Content {
    pub(super) fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// What all pages take of the budget.
    pub(super) fn cost_bytes(&self) -> u64 {
        self.pages.len() as u64 * PAGE_COST_BYTES
    }

    /// Reads what there is from `offset` on.
    pub(super) fn read(&self, buf: &mut [u8], offset: u64) -> usize {
        let rest = self.len_bytes.saturating_sub(offset);
        let count = usize::try_from(rest).unwrap_or(usize::MAX).min(buf.len());
        let mut done = 0;
        for Part { page, within } in parts(offset, count) {
            let to = &mut buf[done..done + within.len()];
            match self.pages.get(&page) {
                Some(bytes) => to.copy_from_slice(&bytes[within.clone()]),
                None => to.fill(0),
            }
            done += within.len();
        }
        count
    }

    /// Writes at `offset`, no more than fits the budget, and answers how much that was.
    ///
    /// # Errors
    /// `Nospc` if nothing fits, `Fbig` for a place beyond what a file may have.
    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        offset: u64,
        budget: &mut Budget,
    ) -> Result<usize, Errno> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let room = budget.limit_bytes().saturating_sub(offset);
        let count = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        if count == 0 {
            return Err(Errno::Fbig);
        }
        let mut done = 0;
        for Part { page, within } in parts(offset, count) {
            let to = match self.page(page, budget) {
                Ok(to) => to,
                Err(errno) if done == 0 => return Err(errno),
                Err(_) => break,
            };
            to[within.clone()].copy_from_slice(&bytes[done..done + within.len()]);
            done += within.len();
        }
        self.len_bytes = self.len_bytes.max(offset + done as u64);
        Ok(done)
    }

    /// Sets the size; what is added is a hole.
    ///
    /// # Errors
    /// `Fbig` for a size beyond what a file may have.
    pub(super) fn set_len(&mut self, len_bytes: u64, budget: &mut Budget) -> Result<(), Errno> {
        if len_bytes > budget.limit_bytes() {
            return Err(Errno::Fbig);
        }
        if len_bytes < self.len_bytes {
            let before = self.cost_bytes();
            drop(self.pages.split_off(&len_bytes.div_ceil(PAGE_BYTES as u64)));
            budget.give_back(before - self.cost_bytes());
            // What is cut off must not come back should the file grow again.
            let within = (len_bytes % PAGE_BYTES as u64) as usize;
            if within > 0
                && let Some(last) = self.pages.get_mut(&(len_bytes / PAGE_BYTES as u64))
            {
                last[within..].fill(0);
            }
        }
        self.len_bytes = len_bytes;
        Ok(())
    }

    /// Takes the memory that a range will need now, and makes the file long enough for it. Nothing
    /// is taken if not all of it fits.
    ///
    /// # Errors
    /// `Fbig` for a range beyond what a file may have, `Nospc` if it does not fit.
    pub(super) fn allocate(
        &mut self,
        offset: u64,
        len_bytes: u64,
        budget: &mut Budget,
    ) -> Result<(), Errno> {
        let end = offset.checked_add(len_bytes).filter(|&end| end <= budget.limit_bytes());
        let end = end.ok_or(Errno::Fbig)?;
        let pages = offset / PAGE_BYTES as u64..end.div_ceil(PAGE_BYTES as u64);
        let there = self.pages.range(pages.clone()).count() as u64;
        budget.check((pages.end - pages.start - there) * PAGE_COST_BYTES)?;
        for page in pages {
            self.page(page, budget)?;
        }
        self.len_bytes = self.len_bytes.max(end);
        Ok(())
    }

    /// A page to be written.
    fn page(&mut self, page: u64, budget: &mut Budget) -> Result<&mut [u8], Errno> {
        use std::collections::btree_map::Entry;
        match self.pages.entry(page) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                budget.take(PAGE_COST_BYTES)?;
                let mut bytes = Vec::new();
                if bytes.try_reserve_exact(PAGE_BYTES).is_err() {
                    budget.give_back(PAGE_COST_BYTES);
                    return Err(Errno::Nospc);
                }
                bytes.resize(PAGE_BYTES, 0);
                Ok(entry.insert(bytes.into_boxed_slice()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(content: &Content) -> Vec<u8> {
        let mut bytes = vec![0xee; content.len_bytes() as usize];
        assert_eq!(content.read(&mut bytes, 0), bytes.len());
        bytes
    }

    #[test]
    fn pages_are_invisible() {
        let mut budget = Budget::new(1 << 20);
        let mut content = Content::default();
        let bytes: Vec<u8> = (0..10_000).map(|at| at as u8).collect();
        assert_eq!(content.write(&bytes, 4090, &mut budget), Ok(10_000));
        let mut expected = vec![0; 4090];
        expected.extend_from_slice(&bytes);
        assert_eq!(all(&content), expected);
        let mut middle = [0; 5000];
        assert_eq!(content.read(&mut middle, 4000), 5000);
        assert_eq!(middle, expected[4000..9000]);
        assert_eq!(content.read(&mut middle, 14_000), 90);
        assert_eq!(content.read(&mut middle, 14_090), 0);
        assert_eq!(content.read(&mut middle, u64::MAX), 0);
    }

    #[test]
    fn what_is_cut_off_is_gone_and_given_back() {
        let mut budget = Budget::new(1 << 20);
        let mut content = Content::default();
        content.write(&[1; 9000], 0, &mut budget).unwrap();
        assert_eq!(budget.used_bytes(), 3 * PAGE_COST_BYTES);
        content.set_len(5000, &mut budget).unwrap();
        assert_eq!(budget.used_bytes(), 2 * PAGE_COST_BYTES);
        content.set_len(9000, &mut budget).unwrap();
        let bytes = all(&content);
        assert!(bytes[..5000].iter().all(|&byte| byte == 1));
        assert!(bytes[5000..].iter().all(|&byte| byte == 0));
        content.set_len(0, &mut budget).unwrap();
        assert_eq!((budget.used_bytes(), content.cost_bytes()), (0, 0));
    }

    #[test]
    fn the_budget_holds() {
        let mut budget = Budget::new(3 * PAGE_COST_BYTES);
        let mut content = Content::default();
        // What fits is written.
        assert_eq!(content.write(&[1; 4096 * 3 + 50], 0, &mut budget), Ok(4096 * 3));
        assert_eq!(content.write(&[1], 4096 * 3, &mut budget), Err(Errno::Nospc));
        assert_eq!(content.write(&[2], 0, &mut budget), Ok(1));
        assert_eq!(content.write(&[1], 3 * PAGE_COST_BYTES, &mut budget), Err(Errno::Fbig));
        assert_eq!(content.write(&[1], u64::MAX, &mut budget), Err(Errno::Fbig));
        assert_eq!(content.write(&[], u64::MAX, &mut budget), Ok(0));
        assert_eq!(content.set_len(u64::MAX, &mut budget), Err(Errno::Fbig));
        assert_eq!(content.set_len(3 * PAGE_COST_BYTES, &mut budget), Ok(()), "a hole");
        let mut other = Content::default();
        assert_eq!(other.allocate(0, 1, &mut budget), Err(Errno::Nospc));
        assert_eq!(other.allocate(u64::MAX, 2, &mut budget), Err(Errno::Fbig));
        assert_eq!((other.len_bytes(), other.cost_bytes()), (0, 0));
        content.set_len(0, &mut budget).unwrap();
        assert_eq!(other.allocate(4000, 200, &mut budget), Ok(()));
        assert_eq!((other.len_bytes(), other.cost_bytes()), (4200, 2 * PAGE_COST_BYTES));
        assert_eq!(other.allocate(0, 10, &mut budget), Ok(()));
        assert_eq!(other.len_bytes(), 4200);
    }
}
