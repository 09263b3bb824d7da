//! Groups: what stands in the place of stores.
//!
//! # How groups work
//! A [`Group`] is a store behind a lock. Every instance and every entity that was used is in one
//! group, and holds it by an `Arc`; what shares memories, tables, globals, functions or tags is in
//! the same group. When instances of two groups come to share something, one group's store is
//! joined to the other's, and the emptied group remembers its successor, which whoever still holds
//! it follows: nothing that C holds needs to be rewritten.
//!
//! * **Locking.** A call into wasm holds the lock of its group from beginning to end, so that a
//!   group runs on one thread at a time; others wait. No lock of this API is held while waiting for
//!   a group's, except that joining locks two groups, in the order of their addresses.
//! * **Natives.** When wasm calls a native, the native's [`Caller`] is noted on a stack of the
//!   thread (`super::env`). An API function that is called meanwhile, and that needs that group,
//!   borrows the store through the innermost such caller instead of waiting for the lock that its
//!   own thread holds. A caller is lent to one borrower at a time: what is called while it is
//!   borrowed, and is no native with a newer caller, is refused (`Busy`).
//! * **Elsewhere.** Finalizers and the callback of failed growth come up while a store is borrowed,
//!   and run when the API function that is under way ends (`crate::guard`). Module readers run
//!   inside of a borrow; what they ask of their own group is refused, which the lock's owner or
//!   the loan tells.
//! * **Joining** needs both groups idle: not on this thread's stack and not running on another.
//!   A detached entity (made by the host and not used yet) is in no group; it is made in the
//!   group that it is first used in, even while that is running.
//! * **Ends.** What is inside a store never holds its group, so that a group ends with the last
//!   name in C that needs it. While it runs, the call holds it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use wamr::{AsContextMut, InstanceId, InterruptHandle, ResourceLimiter, Store, StoreContextMut};

use super::env::{self, caller_of};
use super::handle;
use super::instance::Inst;
use super::runtime::Runtime;
use super::world::World;

/// What a group's store holds for the API.
pub(crate) struct Data {
    pub(crate) group: Weak<Group>,
    /// By the serial number of the instance.
    pub(crate) worlds: HashMap<u64, World>,
    /// Instances by their identity in the runtime. Those that C ended stay as long as the store,
    /// or until another takes their place, since their functions may live on in other instances.
    pub(crate) instances: HashMap<InstanceId, Arc<Inst>>,
    limit: MemoryLimit,
}

impl Drop for Data {
    fn drop(&mut self) {
        for inst in self.instances.values() {
            handle::remove::<Inst>(inst.name);
        }
    }
}

/// The limit of memories that `max_memory_pages` sets; of several in a group the largest.
#[derive(Clone, Copy, Default)]
pub(crate) struct MemoryLimit {
    /// `None` while no instance has said anything.
    bytes: Option<u64>,
}

impl MemoryLimit {
    fn join(&mut self, other: Self) {
        self.bytes = self.bytes.max(other.bytes);
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> bool {
        let limit = self.bytes.unwrap_or(u64::MAX).min(maximum.unwrap_or(u64::MAX));
        let fits = desired <= limit;
        if !fits && desired > current && env::is_running() {
            super::memory::tell_growth_failed(current, desired - current);
        }
        fits
    }

    fn table_growing(&mut self, _: u64, _: u64, _: Option<u64>) -> bool {
        true
    }
}

/// A store that instances and entities share; see the module's documentation.
pub(crate) struct Group {
    /// `None` once it was joined to another one.
    store: Mutex<Option<Store<Data>>>,
    successor: OnceLock<Arc<Group>>,
    /// Which thread has the lock, by an address of its own; 0 for none.
    owner: AtomicUsize,
    /// How many calls into wasm are under way.
    running: AtomicUsize,
    interrupt: InterruptHandle,
}

/// Why a group cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Busy {
    /// This thread has it, in a place where it cannot be lent.
    Borrowed,
    /// It runs, and what was asked for needs it idle.
    Running,
    /// It ended.
    Gone,
}

impl std::fmt::Display for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Borrowed => "the instance is in use by what called this function",
            Self::Running => {
                "an instance that shares the imports is running, and cannot be joined with others"
            }
            Self::Gone => "the instance is gone",
        })
    }
}

impl std::error::Error for Busy {}

thread_local! {
    static OWN: u8 = const { 0 };
}

/// A number of the thread's own.
fn thread_number() -> usize {
    OWN.with(|own| std::ptr::from_ref(own).addr())
}

struct Locked<'g> {
    group: &'g Group,
    store: MutexGuard<'g, Option<Store<Data>>>,
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.group.owner.store(0, Ordering::Relaxed);
    }
}

impl Group {
    /// A group of its own, with nothing in it.
    ///
    /// # Errors
    /// If the system has no room for a store.
    pub(crate) fn new(runtime: &Runtime) -> Result<Arc<Self>, wamr::Error> {
        let data = Data {
            group: Weak::new(),
            worlds: HashMap::new(),
            instances: HashMap::new(),
            limit: MemoryLimit::default(),
        };
        let mut store = Store::try_new(runtime.engine(), data)?;
        store.limiter(|data| &mut data.limit);
        let interrupt = store.interrupt_handle();
        let group = Arc::new_cyclic(|this| {
            store.data_mut().group = this.clone();
            Self {
                store: Mutex::new(Some(store)),
                successor: OnceLock::new(),
                owner: AtomicUsize::new(0),
                running: AtomicUsize::new(0),
                interrupt,
            }
        });
        Ok(group)
    }

    /// The group that this one has become part of by now.
    pub(crate) fn present(self: &Arc<Self>) -> Arc<Self> {
        let mut at = self;
        while let Some(next) = at.successor.get() {
            at = next;
        }
        at.clone()
    }

    /// Locks the group, unless it was joined to another meanwhile.
    fn lock(&self) -> Result<Option<Locked<'_>>, Busy> {
        if self.owner.load(Ordering::Relaxed) == thread_number() {
            return Err(Busy::Borrowed);
        }
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        self.owner.store(thread_number(), Ordering::Relaxed);
        let locked = Locked { group: self, store };
        Ok(locked.store.is_some().then_some(locked))
    }

    /// Does something with the store.
    pub(crate) fn with<R>(
        self: &Arc<Self>,
        body: impl FnOnce(StoreContextMut<'_, Data>) -> R,
    ) -> Result<R, Busy> {
        loop {
            let group = self.present();
            if let Some(caller) = caller_of(&group) {
                return caller.borrow(body);
            }
            if let Some(mut locked) = group.lock()? {
                let Some(store) = locked.store.as_mut() else { return Err(Busy::Gone) };
                return Ok(body(store.as_context_mut()));
            }
        }
    }

    /// Does something that runs wasm.
    pub(crate) fn run<R>(
        self: &Arc<Self>,
        body: impl FnOnce(StoreContextMut<'_, Data>) -> R,
    ) -> Result<R, Busy> {
        struct Running<'g>(&'g Group);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                self.0.running.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let held = self.present();
        self.with(|store| {
            let group = store.data().group.upgrade().unwrap_or_else(|| held.clone());
            group.running.fetch_add(1, Ordering::SeqCst);
            let running = Running(&group);
            let result = body(store);
            drop(running);
            result
        })
    }

    /// Stops what the group runs, if it runs.
    pub(crate) fn interrupt(self: &Arc<Self>) {
        let group = self.present();
        if group.is_running() {
            group.interrupt.interrupt();
        }
    }

    fn is_running(&self) -> bool {
        self.running.load(Ordering::SeqCst) != 0
    }

    /// A handle that tells whether the group is to stop.
    pub(crate) fn interrupt_handle(self: &Arc<Self>) -> InterruptHandle {
        self.present().interrupt.clone()
    }

    /// Whether both are one group by now.
    pub(crate) fn same(a: &Arc<Self>, b: &Arc<Self>) -> bool {
        Arc::ptr_eq(&a.present(), &b.present())
    }

    /// Makes another group part of this one.
    pub(crate) fn join(self: &Arc<Self>, other: &Arc<Self>) -> Result<(), JoinError> {
        loop {
            let (this, other) = (self.present(), other.present());
            if Arc::ptr_eq(&this, &other) {
                return Ok(());
            }
            let is_active = |group: &Arc<Self>| group.is_running() || env::is_calling(group);
            if is_active(&this) || is_active(&other) {
                return Err(JoinError::Busy(Busy::Running));
            }
            let in_order = Arc::as_ptr(&this) < Arc::as_ptr(&other);
            let (first, second) = if in_order { (&this, &other) } else { (&other, &this) };
            let (Some(first), Some(second)) =
                (first.lock().map_err(JoinError::Busy)?, second.lock().map_err(JoinError::Busy)?)
            else {
                continue;
            };
            let (mut into, mut from) = if in_order { (first, second) } else { (second, first) };
            let (Some(store), Some(joined)) = (into.store.as_mut(), from.store.take()) else {
                return Err(JoinError::Busy(Busy::Gone));
            };
            match store.join(joined) {
                Ok(mut data) => {
                    let own = store.data_mut();
                    own.worlds.extend(data.worlds.drain());
                    own.instances.extend(data.instances.drain());
                    own.limit.join(data.limit);
                    let _ = other.successor.set(this.clone());
                    return Ok(());
                }
                Err(error) => {
                    *from.store = Some(error.store);
                    return Err(JoinError::Refused(error.reason));
                }
            }
        }
    }
}

/// Why groups were not joined.
#[derive(Debug)]
pub(crate) enum JoinError {
    Busy(Busy),
    Refused(wamr::Error),
}

impl std::fmt::Display for JoinError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Busy(busy) => busy.fmt(f),
            Self::Refused(error) => error.fmt(f),
        }
    }
}

/// Sets the limit of an instance's memories.
pub(crate) fn limit_memories(data: &mut Data, bytes: u64) {
    data.limit.join(MemoryLimit { bytes: Some(bytes) });
}
