//! What a handle holds: an entity's address that is void once its store is gone.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use wamr_types::AbstractHeapType;

use crate::entity::{GlobalEntity, InstanceEntity, MemoryEntity, TableEntity, TagEntity};
use crate::vm::FuncRecord;

/// The address of an entity, by kind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExternPtr {
    Func(NonNull<FuncRecord>),
    Table(NonNull<TableEntity>),
    Memory(NonNull<MemoryEntity>),
    Global(NonNull<GlobalEntity>),
    Tag(NonNull<TagEntity>),
    Instance(NonNull<InstanceEntity>),
    /// An object of the heap, or an `i31`.
    Object(u32),
    /// A reference to an exception.
    Exception(u32),
}

impl ExternPtr {
    /// What a reference in a slot refers to; `top` is the top of its type's hierarchy.
    pub(crate) fn of_reference(top: AbstractHeapType, value: u64) -> Option<Self> {
        if value == 0 {
            return None;
        }
        Some(match top {
            AbstractHeapType::Func => Self::Func(NonNull::new(value as *mut FuncRecord)?),
            AbstractHeapType::Exn => Self::Exception(value as u32),
            _ => Self::Object(value as u32),
        })
    }
}

/// Keeps an entity alive as long as somebody other than the store holds it.
pub(crate) struct Root {
    /// 0 once the store is gone.
    store: AtomicU64,
    target: ExternPtr,
}

// SAFETY: the address is given out only to somebody who has the store that it belongs to.
unsafe impl Send for Root {}
// SAFETY: as above; the identity is atomic.
unsafe impl Sync for Root {}

impl Root {
    pub(crate) fn new(store: u64, target: ExternPtr) -> Self {
        Self { store: AtomicU64::new(store), target }
    }

    /// The target, if it belongs to the store of that identity.
    #[inline]
    pub(crate) fn target(&self, store: u64) -> Option<ExternPtr> {
        (self.store.load(Ordering::Relaxed) == store).then_some(self.target)
    }

    /// For the store's own tracer.
    pub(crate) fn raw_target(&self) -> ExternPtr {
        self.target
    }

    pub(crate) fn kill(&self) {
        self.store.store(0, Ordering::Relaxed);
    }
}

impl Root {
    /// Whether both belong to the same living store.
    pub(crate) fn same_store(&self, other: &Root) -> bool {
        let store = self.store.load(Ordering::Relaxed);
        store != 0 && store == other.store.load(Ordering::Relaxed)
    }
}
