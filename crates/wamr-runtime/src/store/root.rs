//! What a handle holds: an entity's address that is void once its store is gone.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use wamr_types::AbstractHeapType;

use crate::entity::{GlobalEntity, InstanceEntity, MemoryEntity, TableEntity, TagEntity};
use crate::vm::FuncRecord;

/// The address of an entity, by kind.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
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
    /// The number that refers to an object or an exception; 0 for anything else.
    fn reference(self) -> u32 {
        match self {
            Self::Object(reference) | Self::Exception(reference) => reference,
            _ => 0,
        }
    }

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
    /// The target now, where it is an object or an exception: joins of stores rename those.
    reference: AtomicU32,
}

// SAFETY: the address is given out only to somebody who has the store that it belongs to.
unsafe impl Send for Root {}
// SAFETY: as above; what changes is atomic.
unsafe impl Sync for Root {}

impl Root {
    pub(crate) fn new(store: u64, target: ExternPtr) -> Self {
        Self { store: AtomicU64::new(store), target, reference: target.reference().into() }
    }

    /// The target, if it belongs to the store of that identity.
    #[inline]
    pub(crate) fn target(&self, store: u64) -> Option<ExternPtr> {
        (self.store.load(Ordering::Relaxed) == store).then(|| self.raw_target())
    }

    /// For the store's own tracer.
    pub(crate) fn raw_target(&self) -> ExternPtr {
        let reference = || self.reference.load(Ordering::Relaxed);
        match self.target {
            ExternPtr::Object(_) => ExternPtr::Object(reference()),
            ExternPtr::Exception(_) => ExternPtr::Exception(reference()),
            target => target,
        }
    }

    pub(crate) fn kill(&self) {
        self.store.store(0, Ordering::Relaxed);
    }

    /// Makes the root one of another store, where its target has that new name.
    pub(super) fn adopt(&self, store: u64, target: ExternPtr) {
        self.reference.store(target.reference(), Ordering::Relaxed);
        self.store.store(store, Ordering::Release);
    }

    /// Whether both have the same target in the same living store.
    pub(crate) fn same(&self, other: &Self) -> bool {
        // The stores first: references of two stores compare only once both are of one.
        let store = self.store.load(Ordering::Acquire);
        store != 0
            && store == other.store.load(Ordering::Acquire)
            && self.raw_target() == other.raw_target()
    }
}
