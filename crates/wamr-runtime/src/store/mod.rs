//! The store: owner of all entities, and the way in and out of wasm.
//!
//! Invariants that the rest of the crate rests on:
//! * An entity is freed only by the collection, which never runs while wasm runs, or
//!   with the store. Between collections every address of an entity stays valid.
//! * No reference to a `StoreCore` lives across guest code: whoever calls into wasm passes raw
//!   pointers, and host functions rebuild their access from the caller's context.

mod arena;
mod attachment;
mod collect;
mod context;
mod enter;
mod exception;
mod fuel;
mod hosts;
mod join;
mod limiter;
mod objects;
mod root;
mod sample;
mod trace;

pub use attachment::Attachment;
pub(crate) use context::StoreInner;
pub use context::{
    AsContext, AsContextMut, Caller, InstanceId, Store, StoreContext, StoreContextMut,
};
pub use enter::InterruptHandle;
use enter::SharedStore;
pub(crate) use enter::{enter, enter_direct};
pub use exception::Keep;
pub use join::JoinError;
pub use limiter::{ResourceLimiter, StoreLimits};
pub(crate) use root::{ExternPtr, Root};

use core::any::Any;
use core::cell::Cell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

use wamr_types::{Limits, MemoryType, TableAccess, TableType};

use crate::backtrace::Backtrace;
use crate::engine::Engine;
use crate::entity::{
    GlobalEntity, Growth, HostFunc, InstanceEntity, LinearMemory, MemoryEntity, TableEntity,
    TagEntity,
};
use crate::error::{Error, ErrorKind};
use crate::gc::GcHeap;
use crate::live::ExitWord;
use crate::platform::{GRANULE, Reservation};
use crate::vm::{TAIL_ARG_SLOTS, VmContext, VmMemory, VmStore};
use arena::Arena;
use objects::{Layouts, SubtypeCache};

/// What is pending while a failure travels through frames.
pub(crate) enum Failure {
    Error(Error),
    /// An exception, by its reference, and the frames that it passed through.
    Exception(u32, Backtrace),
    Panic(Box<dyn Any + Send>),
}

/// The part of a store that does not depend on the embedder's data.
pub struct StoreCore {
    id: u64,
    engine: Engine,
    vm: Arc<SharedStore>,
    host_context: Box<VmContext>,
    _empty_memory: Box<VmMemory>,
    /// Behind the stack are the arguments of tail calls.
    interp_stack: Reservation,
    pub(crate) memories: Arena<MemoryEntity>,
    pub(crate) tables: Arena<TableEntity>,
    pub(crate) globals: Arena<GlobalEntity>,
    pub(crate) tags: Arena<TagEntity>,
    pub(crate) host_funcs: Arena<HostFunc>,
    host_groups: hosts::HostGroups,
    pub(crate) instances: Arena<InstanceEntity>,
    pub(crate) gc: GcHeap,
    layouts: Layouts,
    host_values: Vec<Option<Arc<dyn Any + Send + Sync>>>,
    free_host_values: Vec<u32>,
    subtypes: SubtypeCache,
    exceptions: exception::Exceptions,
    attachments: attachment::Attachments,
    roots: Vec<Arc<Root>>,
    roots_watermark: usize,
    entities_watermark: usize,
    failure: Option<Failure>,
    /// The first panic of a destructor that ran while wasm was running.
    deferred_panic: Option<Box<dyn Any + Send>>,
    depth: usize,
    /// The native stack pointer at the outermost entry, and the number of its thread.
    native_base: (usize, u64),
    /// Not 0 while references stand where the tracer does not look.
    pub(crate) collections_paused: usize,
    cycle: Option<collect::Cycle>,
    limiter: Option<Box<limiter::GetLimiter>>,
    refill: Option<Box<fuel::Refill>>,
    sampler: Option<Box<sample::Sampler>>,
}

static NEXT_STORE_ID: AtomicU64 = AtomicU64::new(1);

impl StoreCore {
    /// # Errors
    /// If the system provides no address space for the interpreter's stack.
    fn new(engine: &Engine) -> Result<Self, Error> {
        let out_of_memory = || Error::from_kind(ErrorKind::OutOfMemory);
        let stack_bytes = engine.tunables().interp_stack_bytes.max(1);
        let stack_bytes =
            stack_bytes.checked_next_multiple_of(GRANULE).ok_or_else(out_of_memory)?;
        // The arguments of tail calls take up no memory there until there are some.
        let tail_bytes = TAIL_ARG_SLOTS * size_of::<u64>();
        let bytes = stack_bytes.checked_add(tail_bytes);
        let stack = bytes.and_then(Reservation::of_any_contents);
        let stack = stack.ok_or_else(out_of_memory)?;
        // SAFETY: the reservation has more bytes than that.
        let tail_args = unsafe { stack.base().add(stack_bytes) };
        let end = tail_args as usize;
        let vm = SharedStore::new(VmStore {
            interp_limit: AtomicUsize::new(end),
            native_limit: AtomicUsize::new(0),
            interp_top: Cell::new(stack.base().cast()),
            tail_callee: Cell::new(core::ptr::null()),
            tail_args: tail_args.cast(),
            activation: Cell::new(0),
            gc_base: Cell::new(core::ptr::null_mut()),
            interp_activation: Cell::new(0),
            catcher: Cell::new(core::ptr::null_mut()),
            core: Cell::new(core::ptr::null_mut()),
            interrupted: AtomicBool::new(false),
            interp_end: end,
            native_end: Cell::new(0),
            waiting_at: AtomicUsize::new(0),
            gc_marking: Cell::new(0),
            fuel: Cell::new(0),
            exit: Cell::new(ExitWord::NONE),
        });
        let empty_memory = Box::new(VmMemory {
            base: core::ptr::dangling_mut::<u64>().cast::<u8>().into(),
            len_bytes: 0.into(),
        });
        let host_context = Box::new(VmContext::without_instance(vm.vm(), &*empty_memory));
        Ok(Self {
            id: NEXT_STORE_ID.fetch_add(1, Ordering::Relaxed),
            engine: engine.clone(),
            vm,
            host_context,
            _empty_memory: empty_memory,
            interp_stack: stack,
            memories: Arena::default(),
            tables: Arena::default(),
            globals: Arena::default(),
            tags: Arena::default(),
            host_funcs: Arena::default(),
            host_groups: hosts::HostGroups::default(),
            instances: Arena::default(),
            gc: GcHeap::new(engine.tunables().gc_heap_bytes),
            layouts: Layouts::default(),
            host_values: Vec::new(),
            free_host_values: Vec::new(),
            subtypes: SubtypeCache::default(),
            exceptions: exception::Exceptions::default(),
            attachments: attachment::Attachments::default(),
            roots: Vec::new(),
            roots_watermark: 64,
            entities_watermark: 256,
            failure: None,
            deferred_panic: None,
            depth: 0,
            native_base: (0, 0),
            collections_paused: 0,
            cycle: None,
            limiter: None,
            refill: None,
            sampler: None,
        })
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn vm(&self) -> &VmStore {
        self.vm.vm()
    }

    /// The context of code that belongs to no instance.
    pub(crate) fn host_context(&self) -> *mut VmContext {
        core::ptr::from_ref(&*self.host_context).cast_mut()
    }

    pub(crate) fn empty_memory(&self) -> *const VmMemory {
        &*self._empty_memory
    }

    /// Takes the failure that a call left pending.
    pub(crate) fn take_failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }

    pub(crate) fn set_failure(&mut self, failure: Failure) {
        self.failure = Some(failure);
    }

    pub(crate) fn failure_mut(&mut self) -> Option<&mut Failure> {
        self.failure.as_mut()
    }

    /// The frames that the pending failure passed through.
    pub(crate) fn failure_backtrace(&mut self) -> Option<&mut Backtrace> {
        match self.failure.as_mut()? {
            Failure::Error(error) => Some(error.backtrace_mut()),
            Failure::Exception(_, backtrace) => Some(backtrace),
            Failure::Panic(_) => None,
        }
    }

    /// Forgets roots that nobody outside the store holds.
    fn drop_dead_roots(&mut self) {
        self.roots.retain(|root| Arc::strong_count(root) > 1);
    }

    /// What handles refer to, and perhaps what they referred to lately.
    fn roots(&self) -> impl Iterator<Item = ExternPtr> {
        self.roots.iter().map(|root| root.raw_target())
    }

    /// Makes a handle's root for an entity of this store.
    pub(crate) fn root(&mut self, target: ExternPtr) -> Arc<Root> {
        if self.roots.len() >= self.roots_watermark {
            self.drop_dead_roots();
            self.roots_watermark = (self.roots.len() * 2).max(64);
        }
        let root = Arc::new(Root::new(self.id, target));
        self.roots.push(root.clone());
        root
    }

    /// The entity behind a root.
    ///
    /// # Errors
    /// If the root belongs to another store, or to one that is gone.
    #[inline]
    pub(crate) fn resolve(&self, root: &Root) -> Result<ExternPtr, Error> {
        root.target(self.id).ok_or_else(Error::wrong_store)
    }

    /// Makes a memory, if the limiter allows it and the system can provide it.
    pub(crate) fn new_memory(&mut self, ty: MemoryType) -> Result<NonNull<MemoryEntity>, Error> {
        let bytes = |pages: u64| pages.saturating_mul(ty.page_size_bytes());
        let (min, max) = (bytes(ty.limits.min), ty.limits.max.map(bytes));
        let made = self.memories.len();
        if !self
            .allows(|limiter| limiter.memory_creating(made) && limiter.memory_growing(0, min, max))
        {
            return Err(Error::from_kind(ErrorKind::LimitReached));
        }
        let memory = LinearMemory::new(ty, self.engine.tunables());
        let memory = memory.ok_or_else(|| Error::from_kind(ErrorKind::OutOfMemory))?;
        Ok(self.hold_memory(Arc::new(memory)))
    }

    /// Holds a memory: a new one, or a shared one that others may hold too.
    pub(crate) fn hold_memory(&mut self, memory: Arc<LinearMemory>) -> NonNull<MemoryEntity> {
        self.memories.alloc(MemoryEntity::new(memory))
    }

    /// Makes a table of equal elements, if the limiter allows it and the system can provide it.
    pub(crate) fn new_table(
        &mut self,
        ty: TableType,
        value: u64,
    ) -> Result<NonNull<TableEntity>, Error> {
        let Limits { min, max } = ty.limits;
        let made = self.tables.len();
        if !self
            .allows(|limiter| limiter.table_creating(made) && limiter.table_growing(0, min, max))
        {
            return Err(Error::from_kind(ErrorKind::LimitReached));
        }
        let top = self.engine.types().top_of(ty.element.heap);
        let table = TableEntity::new(ty, top, value);
        let table = table.ok_or_else(|| Error::from_kind(ErrorKind::OutOfMemory))?;
        Ok(self.tables.alloc(table))
    }

    /// `memory.grow`, for guests and hosts: the old size in pages, or `None`.
    pub(crate) fn grow_memory(&mut self, memory: &MemoryEntity, delta_pages: u64) -> Option<u64> {
        let ty = memory.declared_type();
        let bytes = |pages: u64| pages.saturating_mul(ty.page_size_bytes());
        let allowed = memory.max_pages();
        let is_limited = ty.limits.max.is_some() || allowed < ty.max_pages();
        let max = is_limited.then(|| bytes(allowed));
        loop {
            let current = memory.size_pages();
            let desired = bytes(current.saturating_add(delta_pages));
            if !self.allows(|limiter| limiter.memory_growing(bytes(current), desired, max)) {
                return None;
            }
            match memory.grow_from(current, delta_pages) {
                Growth::Done => return Some(current),
                Growth::Refused => return None,
                // Another thread was faster, and the limiter has not heard of what would be now.
                Growth::Outdated => {}
            }
        }
    }

    /// `table.grow`, for guests and hosts: the old size, or `None`.
    pub(crate) fn grow_table(
        &mut self,
        table: &TableEntity,
        delta: u64,
        value: u64,
    ) -> Option<u64> {
        let (current, max) = (table.size(), table.ty().limits.max);
        let desired = current.saturating_add(delta);
        let allowed = self.allows(|limiter| limiter.table_growing(current, desired, max));
        if allowed { table.grow(delta, value) } else { None }
    }
}

impl Drop for StoreCore {
    fn drop(&mut self) {
        for root in &self.roots {
            root.kill();
        }
    }
}
