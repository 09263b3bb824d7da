//! Globals and tags.
//! <https://webassembly.github.io/spec/core/exec/runtime.html#global-instances>

use core::cell::{Cell, UnsafeCell};

use wamr_types::{GlobalType, TagType};

use crate::vm::VmGlobal;

/// A global.
#[repr(C)]
pub struct GlobalEntity {
    vm: VmGlobal,
    ty: GlobalType,
    pub(crate) mark: Cell<bool>,
}

impl GlobalEntity {
    pub(crate) fn new(ty: GlobalType, value: [u64; 2]) -> Self {
        Self { vm: VmGlobal { value: UnsafeCell::new(value) }, ty, mark: Cell::new(false) }
    }

    /// The part that running code reads.
    pub fn vm(&self) -> &VmGlobal {
        &self.vm
    }

    /// The type.
    pub fn ty(&self) -> GlobalType {
        self.ty
    }

    /// The value.
    pub fn get(&self) -> [u64; 2] {
        // SAFETY: a store is used by one thread at a time, and nobody holds a reference into
        // the cell beyond one read or write.
        unsafe { *self.vm.value.get() }
    }

    /// Writes the value, which must be of the global's type.
    pub(crate) fn set(&self, value: [u64; 2]) {
        // SAFETY: as in `get`.
        unsafe { *self.vm.value.get() = value }
    }
}

/// A tag. Its identity is its address.
pub struct TagEntity {
    /// The type of the payload.
    pub ty: TagType,
    pub(crate) mark: Cell<bool>,
}

impl TagEntity {
    pub(crate) fn new(ty: TagType) -> Self {
        Self { ty, mark: Cell::new(false) }
    }
}
