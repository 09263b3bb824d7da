//! Host functions that a store has in common with others: groups of them, each held as long as
//! something in the store can reach one of its functions.

use core::cell::Cell;
use std::sync::Arc;

use super::StoreCore;
use crate::entity::{GroupId, HostFunc, HostGroup};

struct Held {
    id: GroupId,
    group: Arc<HostGroup>,
    mark: Cell<bool>,
}

/// The groups, sorted by identity.
#[derive(Default)]
pub(super) struct HostGroups(Vec<Held>);

impl HostGroups {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn position(&self, id: GroupId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&id, |held| held.id)
    }

    fn hold(&mut self, group: &Arc<HostGroup>) {
        let id = group.id();
        if let Err(position) = self.position(id) {
            self.0.insert(position, Held { id, group: group.clone(), mark: Cell::new(false) });
        }
    }

    /// The mark of a host function, or of its group.
    fn mark_of<'a>(&'a self, func: &'a HostFunc) -> Option<&'a Cell<bool>> {
        let Some(id) = func.group() else { return Some(&func.mark) };
        self.position(id).ok().map(|position| &self.0[position].mark)
    }

    /// Whether a function was found.
    pub(super) fn is_marked(&self, func: &HostFunc) -> bool {
        self.mark_of(func).is_some_and(Cell::get)
    }

    /// Clears all marks, and takes out the groups without one if they are to be freed. Dropping
    /// them may run code of the embedder.
    #[must_use]
    pub(super) fn sweep(&mut self, frees: bool) -> Vec<Arc<HostGroup>> {
        let dead = self.0.extract_if(.., |held| !held.mark.replace(false) && frees);
        dead.map(|held| held.group).collect()
    }

    /// Takes over the groups of a store that is joined to this one.
    pub(super) fn append(&mut self, other: &mut Self) {
        for held in other.0.drain(..) {
            self.hold(&held.group);
        }
    }
}

impl StoreCore {
    /// Keeps a group of host functions as long as something in the store can reach it.
    #[inline]
    pub(crate) fn hold_host_funcs(&mut self, group: &Arc<HostGroup>) {
        self.host_groups.hold(group);
    }

    /// Marks a host function, or its group.
    pub(super) fn mark_host_func(&self, func: &HostFunc) {
        if let Some(mark) = self.host_groups.mark_of(func) {
            mark.set(true);
        }
    }
}
