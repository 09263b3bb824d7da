//! The store: owner of all entities, and the way in and out of wasm.
//!
//! Invariants that the rest of the crate rests on:
//! * An entity is freed only by the collection, which never runs while wasm runs, or
//!   with the store. Between collections every address of an entity stays valid.
//! * No reference to a `StoreCore` lives across guest code: whoever calls into wasm passes raw
//!   pointers, and host functions rebuild their access from the caller's context.

mod arena;
mod collect;
mod context;
mod enter;
mod root;

pub use context::{AsContext, AsContextMut, Caller, Store, StoreContext, StoreContextMut};
pub use enter::InterruptHandle;
pub(crate) use enter::enter;
pub(crate) use root::{ExternPtr, Root};

use core::any::Any;
use core::cell::Cell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

use crate::engine::Engine;
use crate::entity::{GlobalEntity, HostFunc, InstanceEntity, MemoryEntity, TableEntity, TagEntity};
use crate::error::{Error, ErrorKind};
use crate::platform::Reservation;
use crate::vm::{TAIL_ARG_SLOTS, VmContext, VmMemory, VmStore};
use arena::Arena;

/// What is pending while a failure travels through frames.
pub(crate) enum Failure {
    Error(Error),
    Panic(Box<dyn Any + Send>),
}

/// A host value behind an `externref`.
pub(crate) struct ExternCell {
    pub(crate) value: Arc<dyn Any + Send + Sync>,
    pub(crate) mark: Cell<bool>,
}

/// The part of a store that does not depend on the embedder's data.
pub struct StoreCore {
    id: u64,
    engine: Engine,
    vm: Arc<VmStore>,
    host_context: Box<VmContext>,
    _empty_memory: Box<VmMemory>,
    _interp_stack: Reservation,
    _tail_args: Box<[u64]>,
    pub(crate) memories: Arena<MemoryEntity>,
    pub(crate) tables: Arena<TableEntity>,
    pub(crate) globals: Arena<GlobalEntity>,
    pub(crate) tags: Arena<TagEntity>,
    pub(crate) host_funcs: Arena<HostFunc>,
    pub(crate) instances: Arena<InstanceEntity>,
    pub(crate) externs: Vec<Option<ExternCell>>,
    pub(crate) free_externs: Vec<u32>,
    roots: Vec<Arc<Root>>,
    roots_watermark: usize,
    entities_watermark: usize,
    failure: Option<Failure>,
    depth: usize,
}

static NEXT_STORE_ID: AtomicU64 = AtomicU64::new(1);

impl StoreCore {
    /// # Errors
    /// If the system provides no address space for the interpreter's stack.
    fn new(engine: &Engine) -> Result<Self, Error> {
        let stack_bytes = engine.tunables().interp_stack_bytes;
        let out_of_memory = || Error::from_kind(ErrorKind::OutOfMemory);
        let mut stack = Reservation::new(stack_bytes).ok_or_else(out_of_memory)?;
        if !stack.commit(stack_bytes) {
            return Err(out_of_memory());
        }
        let end = stack.base() as usize + stack.reserved_bytes();
        let mut tail_args = vec![0u64; TAIL_ARG_SLOTS].into_boxed_slice();
        let vm = Arc::new(VmStore {
            interp_limit: AtomicUsize::new(end),
            native_limit: AtomicUsize::new(0),
            interp_top: Cell::new(stack.base().cast()),
            tail_callee: Cell::new(core::ptr::null()),
            tail_args: tail_args.as_mut_ptr(),
            activation: Cell::new(0),
            interp_activation: Cell::new(0),
            core: Cell::new(core::ptr::null_mut()),
            interrupted: AtomicBool::new(false),
            interp_end: end,
        });
        let empty_memory = Box::new(VmMemory {
            base: core::ptr::dangling_mut::<u64>().cast::<u8>().into(),
            len_bytes: 0.into(),
        });
        let host_context = Box::new(VmContext {
            store: Arc::as_ptr(&vm),
            memory0: &*empty_memory,
            memories: core::ptr::dangling(),
            tables: core::ptr::dangling(),
            globals: core::ptr::dangling(),
            imports: core::ptr::dangling(),
            types: core::ptr::dangling(),
            instance: core::ptr::null(),
        });
        Ok(Self {
            id: NEXT_STORE_ID.fetch_add(1, Ordering::Relaxed),
            engine: engine.clone(),
            vm,
            host_context,
            _empty_memory: empty_memory,
            _interp_stack: stack,
            _tail_args: tail_args,
            memories: Arena::default(),
            tables: Arena::default(),
            globals: Arena::default(),
            tags: Arena::default(),
            host_funcs: Arena::default(),
            instances: Arena::default(),
            externs: Vec::new(),
            free_externs: Vec::new(),
            roots: Vec::new(),
            roots_watermark: 64,
            entities_watermark: 256,
            failure: None,
            depth: 0,
        })
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn vm(&self) -> &VmStore {
        &self.vm
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

    /// Stores a host value and gives its reference, which is never 0.
    pub(crate) fn new_extern(&mut self, value: Arc<dyn Any + Send + Sync>) -> Result<u32, Error> {
        let cell = Some(ExternCell { value, mark: Cell::new(false) });
        if let Some(free) = self.free_externs.pop() {
            self.externs[free as usize] = cell;
            return Ok(free + 1);
        }
        if self.externs.len() >= (u32::MAX - 1) as usize {
            return Err(Error::from_kind(ErrorKind::OutOfMemory));
        }
        self.externs.push(cell);
        Ok(self.externs.len() as u32)
    }

    pub(crate) fn extern_value(&self, reference: u32) -> Option<&(dyn Any + Send + Sync)> {
        let cell = self.externs.get((reference as usize).checked_sub(1)?)?.as_ref()?;
        Some(&*cell.value)
    }

    /// Makes a handle's root for an entity of this store.
    pub(crate) fn root(&mut self, target: ExternPtr) -> Arc<Root> {
        if self.roots.len() >= self.roots_watermark {
            self.roots.retain(|root| Arc::strong_count(root) > 1);
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
        root.target(self.id).ok_or_else(|| Error::from_kind(ErrorKind::WrongStore))
    }

    pub(crate) fn alloc_memory(&mut self, entity: MemoryEntity) -> NonNull<MemoryEntity> {
        self.memories.alloc(entity)
    }
}

impl Drop for StoreCore {
    fn drop(&mut self) {
        for root in &self.roots {
            root.kill();
        }
    }
}
