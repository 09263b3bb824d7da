//! What an embedder attaches to entities: values that last as long as the entity does.

use core::any::Any;
use core::fmt;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::hosts::HostGroups;
use super::{ExternPtr, StoreCore};
use crate::entity::HostFunc;

/// A value that is attached to an entity.
pub type Attachment = Arc<dyn Any + Send + Sync>;

/// By entity. They keep nothing alive.
#[derive(Default)]
pub(super) struct Attachments(HashMap<ExternPtr, Attachment>);

impl fmt::Debug for Attachments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().finish_non_exhaustive()
    }
}

impl StoreCore {
    /// What is attached to an entity.
    pub(crate) fn attachment(&self, target: ExternPtr) -> Option<&Attachment> {
        self.attachments.0.get(&target)
    }

    /// Attaches a value to an entity, in place of what it gives back.
    pub(crate) fn attach(&mut self, target: ExternPtr, value: Attachment) -> Option<Attachment> {
        self.attachments.0.insert(target, value)
    }

    /// Takes out what is attached to entities without a mark, before they are freed. Dropping it
    /// may run code of the embedder.
    #[must_use]
    pub(super) fn sweep_attachments(&mut self) -> Vec<Attachment> {
        let mut dead = Vec::new();
        let groups = &self.host_groups;
        self.attachments.0.retain(|target, value| {
            let kept = is_marked(groups, *target);
            if !kept {
                dead.push(value.clone());
            }
            kept
        });
        dead
    }

    /// Takes over the attachments of a store that is joined to this one, whose entities keep their
    /// addresses. What both stores have in common keeps what is attached here; the rest stays with
    /// the other store, and ends with it.
    pub(super) fn absorb_attachments(&mut self, other: &mut Self) {
        for (target, value) in core::mem::take(&mut other.attachments.0) {
            match self.attachments.0.entry(target) {
                Entry::Vacant(entry) => _ = entry.insert(value),
                Entry::Occupied(_) => _ = other.attachments.0.insert(target, value),
            }
        }
    }
}

fn is_marked(groups: &HostGroups, target: ExternPtr) -> bool {
    // SAFETY: attachments go before their entities do, so that all addresses are live.
    unsafe {
        match target {
            ExternPtr::Func(func) => {
                let record = func.as_ref();
                match (*record.context).instance.as_ref() {
                    Some(instance) => instance.mark.get(),
                    None => groups.is_marked(&*record.body.cast::<HostFunc>()),
                }
            }
            ExternPtr::Table(at) => at.as_ref().mark.get(),
            ExternPtr::Memory(at) => at.as_ref().mark.get(),
            ExternPtr::Global(at) => at.as_ref().mark.get(),
            ExternPtr::Tag(at) => at.as_ref().mark.get(),
            ExternPtr::Instance(at) => at.as_ref().mark.get(),
            // Nothing is attached to these.
            ExternPtr::Object(_) | ExternPtr::Exception(_) => false,
        }
    }
}
