//! Memories that several stores share, and with them several threads.

use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU8;
use core::time::Duration;
use std::sync::Arc;

use wamr_types::MemoryType;

use super::Memory;
use super::memory::{check_type, out_of_bounds};
use crate::engine::Engine;
use crate::entity::{LinearMemory, MemoryEntity, WaitResult};
use crate::error::{Error, ErrorKind};
use crate::store::{AsContextMut, StoreCore};

/// A memory that instances of several stores can import, on as many threads.
/// <https://webassembly.github.io/threads/core/exec/runtime.html#memory-instances>
///
/// It belongs to an engine and to no store; all clones are the same memory, which lives as long
/// as any of them, or a store that holds it. It never moves, and growth is seen by all.
///
/// Guests may write its bytes at any time, so that they are never lent as a slice. What is copied
/// while a guest writes it may be of both before and after.
#[derive(Clone)]
pub struct SharedMemory {
    engine: Engine,
    memory: Arc<LinearMemory>,
}

impl SharedMemory {
    /// Makes a memory of zeros. No limiter is asked, since there is no store.
    ///
    /// # Errors
    /// If the type is not one of shared memories (with a maximum), its limits contradict each
    /// other or go beyond what addresses can reach, or the system lacks memory.
    pub fn new(engine: &Engine, ty: MemoryType) -> Result<Self, Error> {
        check_type(&ty)?;
        if !ty.shared {
            return Err(Error::from_kind(ErrorKind::InvalidType("not a shared memory".into())));
        }
        let memory = LinearMemory::new(ty, engine.tunables());
        let memory = memory.ok_or_else(|| Error::from_kind(ErrorKind::OutOfMemory))?;
        Ok(Self::from_parts(engine.clone(), Arc::new(memory)))
    }

    pub(crate) fn from_parts(engine: Engine, memory: Arc<LinearMemory>) -> Self {
        Self { engine, memory }
    }

    /// A handle to the memory in a store, for instances of that store to import.
    ///
    /// # Errors
    /// If the store is one of another engine.
    pub fn to_memory(&self, mut store: impl AsContextMut) -> Result<Memory, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        core.collect_if_due();
        let memory = self.alloc(core)?;
        Ok(Memory::from_ptr(core, memory))
    }

    /// Has a store hold the memory, without a handle to keep it there.
    ///
    /// # Errors
    /// If the store is one of another engine.
    pub(crate) fn alloc(&self, core: &mut StoreCore) -> Result<NonNull<MemoryEntity>, Error> {
        let memory = self.of_engine(core.engine())?.clone();
        Ok(core.hold_memory(memory))
    }

    /// # Errors
    /// If the engine is another one.
    pub(crate) fn of_engine(&self, engine: &Engine) -> Result<&Arc<LinearMemory>, Error> {
        if Engine::same(engine, &self.engine) {
            return Ok(&self.memory);
        }
        Err(Error::from_kind(ErrorKind::WrongEngine))
    }

    pub(crate) fn declared_type(&self) -> MemoryType {
        self.memory.declared_type()
    }

    /// Whether both are the same memory.
    pub fn same(a: &Self, b: &Self) -> bool {
        Arc::ptr_eq(&a.memory, &b.memory)
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The type, with the present size as its minimum.
    pub fn ty(&self) -> MemoryType {
        self.memory.ty()
    }

    /// The size in pages.
    pub fn size(&self) -> u64 {
        self.memory.size_pages()
    }

    /// The size in bytes.
    pub fn data_size(&self) -> usize {
        self.memory.vm().len_bytes()
    }

    /// Adds pages of zeros and returns the old size in pages. No limiter is asked.
    ///
    /// # Errors
    /// If the memory cannot grow that far.
    pub fn grow(&self, delta_pages: u64) -> Result<u64, Error> {
        let old = self.memory.grow(delta_pages);
        old.ok_or_else(|| Error::from_kind(ErrorKind::GrowthRefused))
    }

    /// The bytes that there are now, each to be read and written by itself.
    pub fn data(&self) -> &[AtomicU8] {
        let vm = self.memory.vm();
        let len = vm.len_bytes();
        // SAFETY: the memory has that many bytes, never fewer, and does not move while `self`
        // holds it. Bytes may be shared between threads as atomics.
        unsafe { core::slice::from_raw_parts(vm.base().cast(), len) }
    }

    /// Copies bytes out, from `offset` on.
    ///
    /// # Errors
    /// If the range lies outside the memory.
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result<(), Error> {
        self.memory.read(offset as u64, to).map_err(out_of_bounds)
    }

    /// Copies bytes in, from `offset` on.
    ///
    /// # Errors
    /// If the range lies outside the memory.
    pub fn write(&self, offset: usize, from: &[u8]) -> Result<(), Error> {
        self.memory.write(offset as u64, from).map_err(out_of_bounds)
    }

    /// `memory.atomic.wait32`: sleeps until somebody notifies the address, if the word there is
    /// `expected`. Without a timeout only a notification ends it.
    ///
    /// # Errors
    /// The trap of an address that is not a multiple of 4, or lies outside the memory.
    pub fn atomic_wait32(
        &self,
        address: u64,
        expected: u32,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, Error> {
        Ok(self.memory.wait(address, expected, timeout, None)?)
    }

    /// `memory.atomic.wait64`; see [`SharedMemory::atomic_wait32`].
    ///
    /// # Errors
    /// The trap of an address that is not a multiple of 8, or lies outside the memory.
    pub fn atomic_wait64(
        &self,
        address: u64,
        expected: u64,
        timeout: Option<Duration>,
    ) -> Result<WaitResult, Error> {
        Ok(self.memory.wait(address, expected, timeout, None)?)
    }

    /// `memory.atomic.notify`: wakes up to `count` of those that wait at an address, longest
    /// first, and gives how many.
    ///
    /// # Errors
    /// The trap of an address that is not a multiple of 4, or lies outside the memory.
    pub fn atomic_notify(&self, address: u64, count: u32) -> Result<u32, Error> {
        Ok(self.memory.notify(address, count)?)
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedMemory").field("ty", &self.ty()).finish_non_exhaustive()
    }
}
