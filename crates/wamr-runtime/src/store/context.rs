//! Stores as embedders hold them, and the borrowed forms that functions take.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use wamr_types::{ExternIdx, MemoryIdx};

use super::limiter::{ResourceLimiter, accessor};
use super::{ExternPtr, InterruptHandle, StoreCore};
use crate::api::{Extern, Memory};
use crate::engine::Engine;
use crate::entity::InstanceEntity;
use crate::error::Error;
use crate::vm::VmContext;

/// A store with the embedder's data behind it. `core` comes first, so that a pointer to one is
/// a pointer to the other.
#[repr(C)]
pub(crate) struct StoreInner<T> {
    pub(crate) core: StoreCore,
    pub(crate) data: ManuallyDrop<T>,
}

/// What makes a type invariant in `T`.
type Invariant<T> = fn(T) -> T;

/// Owner of instances and all that they share, with data of the embedder.
/// <https://webassembly.github.io/spec/core/exec/runtime.html#store>
///
/// Host functions of a store are made for exactly its type of data, and so it has no other:
///
/// ```compile_fail
/// use wamr_runtime::Store;
///
/// fn shorten(store: Store<for<'a> fn(&'a str)>) -> Store<fn(&'static str)> {
///     store
/// }
/// ```
pub struct Store<T: 'static> {
    pub(super) inner: NonNull<StoreInner<T>>,
    // Owned, and invariant: what was put into the store was made for exactly this type.
    _owns: PhantomData<(StoreInner<T>, Invariant<T>)>,
}

// SAFETY: a store is used through `&`/`&mut` of its owner only; nothing in it is tied to a
// thread. Host functions and host values are required to be `Send + Sync`.
unsafe impl<T: Send> Send for Store<T> {}

impl<T: 'static> Store<T> {
    /// Makes an empty store.
    ///
    /// # Panics
    /// If the system has no address space left for the store's stack; [`Store::try_new`] says
    /// so instead.
    pub fn new(engine: &Engine, data: T) -> Self {
        Self::try_new(engine, data).expect("address space for a store")
    }

    /// Makes an empty store.
    ///
    /// # Errors
    /// If the system has no address space left for the store's stack.
    pub fn try_new(engine: &Engine, data: T) -> Result<Self, Error> {
        let inner = StoreInner { core: StoreCore::new(engine)?, data: ManuallyDrop::new(data) };
        let inner = NonNull::from(Box::leak(Box::new(inner)));
        // SAFETY: the store was just made.
        unsafe { inner.as_ref() }.core.vm().core.set(inner.as_ptr().cast());
        Ok(Self { inner, _owns: PhantomData })
    }

    /// The embedder's data.
    pub fn data(&self) -> &T {
        // SAFETY: the store is live and borrowed.
        unsafe { &(*self.inner.as_ptr()).data }
    }

    /// The embedder's data.
    pub fn data_mut(&mut self) -> &mut T {
        // SAFETY: the store is live and borrowed mutably.
        unsafe { &mut (*self.inner.as_ptr()).data }
    }

    /// Ends the store and gives the data back. Handles that are left turn void.
    pub fn into_data(self) -> T {
        let this = ManuallyDrop::new(self);
        // SAFETY: the store is not dropped again; the data is taken out before the rest goes.
        unsafe {
            let data = ManuallyDrop::take(&mut (*this.inner.as_ptr()).data);
            drop(Box::from_raw(this.inner.as_ptr()));
            data
        }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        // SAFETY: the store is live and borrowed.
        unsafe { (*self.inner.as_ptr()).core.engine() }
    }

    /// A handle by which any thread can stop what runs in the store.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        // SAFETY: the store is live and borrowed.
        unsafe { (*self.inner.as_ptr()).core.interrupt_handle() }
    }

    /// Sets who decides how much the store may take: a part of the embedder's data.
    pub fn limiter(
        &mut self,
        get: impl Fn(&mut T) -> &mut (dyn ResourceLimiter + 'static) + Send + Sync + 'static,
    ) {
        // SAFETY: the store is live and borrowed mutably.
        unsafe { (*self.inner.as_ptr()).core.limiter = Some(accessor(get)) }
    }

    /// Frees all entities that neither handles nor anything behind them refer to. The store
    /// does so by itself as it grows.
    pub fn gc(&mut self) {
        // SAFETY: the store is live and borrowed mutably.
        unsafe { (*self.inner.as_ptr()).core.collect() }
    }
}

impl<T: 'static> Drop for Store<T> {
    fn drop(&mut self) {
        // SAFETY: the store is dropped once. The data goes first, since it may hold handles
        // that are checked against the store.
        unsafe {
            ManuallyDrop::drop(&mut (*self.inner.as_ptr()).data);
            drop(Box::from_raw(self.inner.as_ptr()));
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("data", self.data()).finish_non_exhaustive()
    }
}

/// A borrowed store.
pub struct StoreContext<'a, T: 'static> {
    inner: NonNull<StoreInner<T>>,
    _borrow: PhantomData<&'a T>,
}

impl<T: 'static> Clone for StoreContext<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: 'static> Copy for StoreContext<'_, T> {}

impl<'a, T: 'static> StoreContext<'a, T> {
    /// The embedder's data.
    pub fn data(&self) -> &'a T {
        // SAFETY: the store is borrowed for `'a`.
        unsafe { &(*self.inner.as_ptr()).data }
    }

    /// The engine.
    pub fn engine(&self) -> &'a Engine {
        self.core().engine()
    }

    pub(crate) fn core(&self) -> &'a StoreCore {
        // SAFETY: the store is borrowed for `'a`.
        unsafe { &(*self.inner.as_ptr()).core }
    }
}

/// A mutably borrowed store.
pub struct StoreContextMut<'a, T: 'static> {
    inner: NonNull<StoreInner<T>>,
    _borrow: PhantomData<&'a mut T>,
}

impl<T: 'static> StoreContextMut<'_, T> {
    /// # Safety
    /// `core` must be the core of a live store whose data is a `T`, and nobody may use the
    /// store otherwise while the result lives.
    pub(crate) unsafe fn from_core(core: *mut StoreCore) -> Self {
        // SAFETY: the caller vouches for the pointer.
        Self { inner: unsafe { NonNull::new_unchecked(core.cast()) }, _borrow: PhantomData }
    }

    /// The embedder's data.
    pub fn data(&self) -> &T {
        // SAFETY: the store is borrowed.
        unsafe { &(*self.inner.as_ptr()).data }
    }

    /// The embedder's data.
    pub fn data_mut(&mut self) -> &mut T {
        // SAFETY: the store is borrowed mutably.
        unsafe { &mut (*self.inner.as_ptr()).data }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        // SAFETY: the store is borrowed.
        unsafe { (*self.inner.as_ptr()).core.engine() }
    }

    pub(crate) fn core_ptr(&mut self) -> *mut StoreCore {
        self.inner.as_ptr().cast()
    }

    pub(crate) fn core(&mut self) -> &mut StoreCore {
        // SAFETY: the store is borrowed mutably.
        unsafe { &mut (*self.inner.as_ptr()).core }
    }
}

impl<'a, T: 'static> StoreContextMut<'a, T> {
    pub(crate) fn into_data_mut(self) -> &'a mut T {
        // SAFETY: the store is borrowed mutably for `'a`.
        unsafe { &mut (*self.inner.as_ptr()).data }
    }
}

/// Whatever gives access to a store.
pub trait AsContext {
    /// The embedder's data in the store.
    type Data: 'static;

    /// Borrows the store.
    fn as_context(&self) -> StoreContext<'_, Self::Data>;
}

/// Whatever gives mutable access to a store.
pub trait AsContextMut: AsContext {
    /// Borrows the store mutably.
    fn as_context_mut(&mut self) -> StoreContextMut<'_, Self::Data>;
}

impl<T: 'static> AsContext for Store<T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext { inner: self.inner, _borrow: PhantomData }
    }
}

impl<T: 'static> AsContextMut for Store<T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut { inner: self.inner, _borrow: PhantomData }
    }
}

impl<T: 'static> AsContext for StoreContext<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        *self
    }
}

impl<T: 'static> AsContext for StoreContextMut<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        StoreContext { inner: self.inner, _borrow: PhantomData }
    }
}

impl<T: 'static> AsContextMut for StoreContextMut<'_, T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        StoreContextMut { inner: self.inner, _borrow: PhantomData }
    }
}

impl<C: AsContext> AsContext for &C {
    type Data = C::Data;

    fn as_context(&self) -> StoreContext<'_, C::Data> {
        C::as_context(self)
    }
}

impl<C: AsContext> AsContext for &mut C {
    type Data = C::Data;

    fn as_context(&self) -> StoreContext<'_, C::Data> {
        C::as_context(self)
    }
}

impl<C: AsContextMut> AsContextMut for &mut C {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, C::Data> {
        C::as_context_mut(self)
    }
}

/// The store as a host function sees it, and the instance that called.
pub struct Caller<'a, T: 'static> {
    store: StoreContextMut<'a, T>,
    context: *mut VmContext,
}

impl<T: 'static> Caller<'_, T> {
    /// # Safety
    /// As [`StoreContextMut::from_core`]; `context` must be a live context of that store.
    pub(crate) unsafe fn new(core: *mut StoreCore, context: *mut VmContext) -> Self {
        // SAFETY: the caller vouches for `core`.
        Self { store: unsafe { StoreContextMut::from_core(core) }, context }
    }

    /// The embedder's data.
    pub fn data(&self) -> &T {
        self.store.data()
    }

    /// The embedder's data.
    pub fn data_mut(&mut self) -> &mut T {
        self.store.data_mut()
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        self.store.engine()
    }

    /// An export of the instance that called; `None` where the host called, or where there is
    /// no such export.
    pub fn get_export(&mut self, name: &str) -> Option<Extern> {
        // SAFETY: the context is live while its instance's function is on the stack.
        let instance = NonNull::new(unsafe { (*self.context).instance }.cast_mut())?;
        // SAFETY: as above.
        let target: ExternPtr = unsafe { instance.as_ref() }.export(name)?;
        Extern::from_ptr(self.store.core(), target)
    }
}

impl<T: 'static> Caller<'_, T> {
    /// Memory 0 of the instance that called, exported or not; `None` where the host called, or
    /// where there is no memory.
    pub fn default_memory(&mut self) -> Option<Memory> {
        // SAFETY: the context is live while its instance's function is on the stack.
        let instance = NonNull::new(unsafe { (*self.context).instance }.cast_mut())?;
        // SAFETY: as above.
        let target = unsafe { instance.as_ref() }.item(ExternIdx::Memory(MemoryIdx(0)))?;
        Extern::from_ptr(self.store.core(), target)?.into_memory()
    }
}

impl<T: 'static> Caller<'_, T> {
    /// Which instance called; `None` where the host called.
    pub fn instance_id(&self) -> Option<InstanceId> {
        // SAFETY: the context is live while its instance's function is on the stack.
        let instance = NonNull::new(unsafe { (*self.context).instance }.cast_mut())?;
        // SAFETY: as above.
        Some(InstanceId::of(unsafe { instance.as_ref() }))
    }
}

/// Tells an instance from all others that live in the process. What stands for an instance that is
/// gone may come to stand for a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InstanceId(usize);

impl InstanceId {
    pub(crate) fn of(instance: &InstanceEntity) -> Self {
        Self(core::ptr::from_ref(instance).addr())
    }
}

impl<T: 'static> AsContext for Caller<'_, T> {
    type Data = T;

    fn as_context(&self) -> StoreContext<'_, T> {
        self.store.as_context()
    }
}

impl<T: 'static> AsContextMut for Caller<'_, T> {
    fn as_context_mut(&mut self) -> StoreContextMut<'_, T> {
        self.store.as_context_mut()
    }
}
