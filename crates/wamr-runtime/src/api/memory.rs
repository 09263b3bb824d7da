//! Handles to memories.

use core::ptr::NonNull;

use wamr_types::{MemoryType, TrapCode};

use super::SharedMemory;
use super::handle::handle;
use crate::entity::MemoryEntity;
use crate::error::{Error, ErrorKind};
use crate::region::HostRegion;
use crate::store::{AsContext, AsContextMut, StoreContextMut};

handle! {
    /// A handle to a linear memory.
    Memory => Memory(MemoryEntity)
}

impl Memory {
    /// Makes a memory of zeros that belongs to no instance.
    ///
    /// # Errors
    /// If the limits contradict each other or go beyond what addresses can reach, the limiter
    /// refuses, or the system lacks memory.
    pub fn new(mut store: impl AsContextMut, ty: MemoryType) -> Result<Self, Error> {
        check_type(&ty)?;
        let mut store = store.as_context_mut();
        let core = store.core();
        core.collect_if_due();
        let memory = core.make_limited(|core| core.new_memory(ty))?;
        Ok(Self::from_ptr(core, memory))
    }

    /// The type, with the present size as its minimum.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<MemoryType, Error> {
        Ok(entity(self.resolve(store.as_context().core())?).ty())
    }

    /// The size in pages.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn size(&self, store: impl AsContext) -> Result<u64, Error> {
        Ok(entity(self.resolve(store.as_context().core())?).size_pages())
    }

    /// Adds pages of zeros and returns the old size in pages.
    ///
    /// # Errors
    /// If the memory cannot grow that far, or the handle belongs to another store.
    pub fn grow(&self, mut store: impl AsContextMut, delta_pages: u64) -> Result<u64, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let memory = entity(self.resolve(core)?);
        let old = core.grow_memory(memory, delta_pages);
        old.ok_or_else(|| Error::from_kind(ErrorKind::GrowthRefused))
    }

    /// Lowers how far the memory may grow, whoever asks for it, to `pages`; it keeps what it has.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn limit_pages(&self, mut store: impl AsContextMut, pages: u64) -> Result<(), Error> {
        entity(self.resolve(store.as_context_mut().core())?).limit_pages(pages);
        Ok(())
    }

    /// How many pages the memory may have in the end: what its type says, its addresses reach and
    /// [`Memory::limit_pages`] allows.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn max_pages(&self, store: impl AsContext) -> Result<u64, Error> {
        Ok(entity(self.resolve(store.as_context().core())?).max_pages())
    }

    /// The memory as other threads can share it; `None` unless its type says so.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn shared(&self, store: impl AsContext) -> Result<Option<SharedMemory>, Error> {
        let store = store.as_context();
        let core = store.core();
        let memory = entity(self.resolve(core)?).memory();
        let is_shared = memory.declared_type().shared;
        Ok(is_shared.then(|| SharedMemory::from_parts(core.engine().clone(), memory.clone())))
    }

    /// The bytes.
    ///
    /// # Errors
    /// If the memory is shared, or the handle belongs to another store.
    pub fn data<'a, T: 'static>(
        &self,
        store: &'a impl AsContext<Data = T>,
    ) -> Result<&'a [u8], Error> {
        let vm = unshared(self.resolve(store.as_context().core())?)?.vm();
        // SAFETY: the memory has that many bytes, and nobody writes them while the store is
        // borrowed.
        Ok(unsafe { core::slice::from_raw_parts(vm.base(), vm.len_bytes()) })
    }

    /// The bytes, to write.
    ///
    /// # Errors
    /// If the memory is shared, or the handle belongs to another store.
    pub fn data_mut<'a, T: 'static>(
        &self,
        store: &'a mut impl AsContextMut<Data = T>,
    ) -> Result<&'a mut [u8], Error> {
        Ok(self.data_and_store_mut(store)?.0)
    }

    /// The bytes and the embedder's data, both to write.
    ///
    /// # Errors
    /// If the memory is shared, or the handle belongs to another store.
    pub fn data_and_store_mut<'a, T: 'static>(
        &self,
        store: &'a mut impl AsContextMut<Data = T>,
    ) -> Result<(&'a mut [u8], &'a mut T), Error> {
        let mut store: StoreContextMut<'a, T> = store.as_context_mut();
        let vm = unshared(self.resolve(store.core())?)?.vm();
        // SAFETY: the memory has that many bytes; the store is borrowed mutably for `'a`, and
        // the embedder's data lies elsewhere.
        let bytes = unsafe { core::slice::from_raw_parts_mut(vm.base(), vm.len_bytes()) };
        Ok((bytes, store.into_data_mut()))
    }

    /// How many bytes from `offset` on lie in the memory, or in one region that is attached to it
    /// there; `None` if `offset` itself lies beyond all of them.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn reach_bytes(&self, store: impl AsContext, offset: u64) -> Result<Option<u64>, Error> {
        Ok(entity(self.resolve(store.as_context().core())?).reach(offset))
    }

    /// Where the host finds `len_bytes` bytes from `offset` on; for what lies in a region, in that
    /// region. The address holds until the memory grows or the region is detached.
    ///
    /// # Errors
    /// If they do not all lie in the memory or in one region, or the handle belongs to another
    /// store.
    pub fn address_of(
        &self,
        store: impl AsContext,
        offset: u64,
        len_bytes: u64,
    ) -> Result<*mut u8, Error> {
        let memory = entity(self.resolve(store.as_context().core())?);
        memory.checked(offset, len_bytes).map_err(out_of_bounds)
    }

    /// Lets guests find a region of the host's from `offset` on, behind the memory's end. The
    /// memory does not grow into it. Atomic instructions, and those of vectors where they are
    /// interpreted, do not reach regions and trap; nor do slices of the memory.
    ///
    /// # Errors
    /// [`ErrorKind::NotAttachable`] if the memory is shared with other threads, or is not one that
    /// [`crate::fault`] guards (a memory with 64-bit addresses, another platform, an engine that
    /// guards none), or something else is there; and if the handle belongs to another store.
    pub fn attach_region(
        &self,
        mut store: impl AsContextMut,
        offset: u64,
        region: &HostRegion,
    ) -> Result<(), Error> {
        let memory = entity(self.resolve(store.as_context_mut().core())?);
        memory.attach(offset, region).map_err(not_attachable)
    }

    /// The regions that guests find behind the memory's end, each with the offset that it begins at.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn regions(&self, store: impl AsContext) -> Result<Vec<(u64, HostRegion)>, Error> {
        Ok(entity(self.resolve(store.as_context().core())?).attached())
    }

    /// Takes all regions out of the address space again: accesses to them trap as before.
    ///
    /// # Errors
    /// If the system refuses, or the handle belongs to another store.
    pub fn detach_regions(&self, mut store: impl AsContextMut) -> Result<(), Error> {
        let memory = entity(self.resolve(store.as_context_mut().core())?);
        // SAFETY: memories with regions are not shared, so that whoever has the store is the only
        // one to access them.
        unsafe { memory.detach_all() }.map_err(not_attachable)
    }

    /// Copies bytes out, from `offset` on.
    ///
    /// # Errors
    /// If the range lies outside the memory, or the handle belongs to another store.
    pub fn read(&self, store: impl AsContext, offset: usize, to: &mut [u8]) -> Result<(), Error> {
        let memory = entity(self.resolve(store.as_context().core())?);
        memory.read(offset as u64, to).map_err(out_of_bounds)
    }

    /// Copies bytes in, from `offset` on.
    ///
    /// # Errors
    /// If the range lies outside the memory, or the handle belongs to another store.
    pub fn write(
        &self,
        mut store: impl AsContextMut,
        offset: usize,
        from: &[u8],
    ) -> Result<(), Error> {
        let memory = entity(self.resolve(store.as_context_mut().core())?);
        memory.write(offset as u64, from).map_err(out_of_bounds)
    }
}

/// What validation checks of the types of memories.
pub(super) fn check_type(ty: &MemoryType) -> Result<(), Error> {
    let invalid = |what: &str| Err(Error::from_kind(ErrorKind::InvalidType(what.into())));
    if ty.limits.max.is_some_and(|max| max < ty.limits.min) {
        return invalid("a memory's maximum is below its minimum");
    }
    if !matches!(ty.page_size_log2, 0 | 16) {
        return invalid("a memory's page size is neither 1 nor 65536");
    }
    if ty.shared && ty.limits.max.is_none() {
        return invalid("a shared memory has no maximum");
    }
    if ty.limits.max.unwrap_or(ty.limits.min) > ty.addressable_pages() {
        return invalid("a memory's limits are beyond what its addresses reach");
    }
    Ok(())
}

pub(super) fn out_of_bounds(_: TrapCode) -> Error {
    Error::from_kind(ErrorKind::OutOfBounds)
}

fn not_attachable(why: &'static str) -> Error {
    Error::from_kind(ErrorKind::NotAttachable(why))
}

fn unshared<'a>(memory: NonNull<MemoryEntity>) -> Result<&'a MemoryEntity, Error> {
    let memory = entity(memory);
    if memory.declared_type().shared {
        return Err(Error::from_kind(ErrorKind::SharedMemory));
    }
    Ok(memory)
}

fn entity<'a>(memory: NonNull<MemoryEntity>) -> &'a MemoryEntity {
    // SAFETY: resolved entities are live; callers drop the reference before they return.
    unsafe { memory.as_ref() }
}
