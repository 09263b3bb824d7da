//! Which exceptions a function catches, and where: a table beside its code, read only when
//! something is thrown.
//!
//! Both forms of the proposal end here. `try_table`, and the body of a legacy `try`, are
//! regions; what follows differs in where a clause leaves the reference and what becomes of it.

use core::cmp::Reverse;

use wamr_runtime::rt::Keep;

use crate::op::Slot;

/// A stretch of code that exceptions can come from.
pub(crate) struct Region {
    /// The position of its first operation.
    pub(crate) start: usize,
    /// The position behind its last operation.
    pub(crate) end: usize,
    /// How many blocks are open around it.
    pub(crate) depth: usize,
    pub(crate) action: Action,
}

/// What happens to exceptions that come from a region.
pub(crate) enum Action {
    /// The first clause that fits catches them; without one they go on outwards.
    Catch(Vec<Clause>),
    /// They go on as if they came from the block that has so many others around it.
    Delegate(usize),
}

/// A catch clause.
#[derive(Clone, Copy)]
pub(crate) struct Clause {
    /// The tag by its index; `None` for all of them.
    pub(crate) tag: Option<u32>,
    /// Where the payload goes.
    pub(crate) payload: Slot,
    /// Where the reference goes.
    pub(crate) reference: Option<Slot>,
    /// What becomes of the exception.
    pub(crate) keep: Keep,
    /// The position to go on at.
    pub(crate) target: usize,
}

/// The regions of a function. They nest, and are ordered by their ends, inner ones before those
/// around them.
pub(crate) struct Handlers {
    regions: Box<[Region]>,
    /// For every region, the position of the one around it.
    around: Box<[Option<u32>]>,
}

impl Handlers {
    /// Puts the regions of a function in order.
    pub(crate) fn new(mut regions: Vec<Region>) -> Self {
        regions.retain(|region| match &region.action {
            Action::Catch(clauses) => !clauses.is_empty() && region.start < region.end,
            Action::Delegate(_) => region.start < region.end,
        });
        // Of two that end at the same place, the inner one is deeper.
        regions.sort_by_key(|region| (region.end, Reverse(region.depth)));
        let mut around = vec![None; regions.len()];
        let mut open: Vec<usize> = Vec::new();
        for (position, region) in regions.iter().enumerate().rev() {
            while open.last().is_some_and(|&outer| regions[outer].start > region.start) {
                open.pop();
            }
            around[position] = open.last().map(|&outer| outer as u32);
            open.push(position);
        }
        Self { regions: regions.into(), around: around.into() }
    }

    /// The regions that an operation is in, the innermost first.
    fn regions_of(&self, position: usize) -> impl Iterator<Item = &Region> {
        // The first region that does not end before the operation holds it, or lies in the
        // innermost one that does.
        let first = self.regions.partition_point(|region| region.end <= position);
        let first = (first < self.regions.len()).then_some(first as u32);
        core::iter::successors(first, |&at| self.around[at as usize])
            .map(|at| &self.regions[at as usize])
            .filter(move |region| region.start <= position)
    }

    /// The clause that catches an exception from the operation at `position`.
    pub(crate) fn find(
        &self,
        position: usize,
        mut is_tag: impl FnMut(u32) -> bool,
    ) -> Option<&Clause> {
        let mut depth = usize::MAX;
        for region in self.regions_of(position) {
            if region.depth > depth {
                continue;
            }
            match &region.action {
                Action::Delegate(outer) => depth = *outer,
                Action::Catch(clauses) => {
                    let fits = |clause: &&Clause| clause.tag.is_none_or(&mut is_tag);
                    if let Some(clause) = clauses.iter().find(fits) {
                        return Some(clause);
                    }
                }
            }
        }
        None
    }
}
