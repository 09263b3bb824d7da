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
//! * **Waiting for each other.** Natives of two groups may call into each other's group from two
//!   threads, each of which waits for what the other has. Whoever would close such a circle is
//!   refused (`Busy::Deadlock`) instead of waiting for ever; see [`Waiters`].
//! * **Interrupting.** An interruption reaches the call that it is meant for, or none: it is made
//!   while that call is known to run, and taken back when the group's outermost call ends.
//! * **Ends.** What is inside a store never holds its group, so that a group ends with the last
//!   name in C that needs it. While it runs, the call holds it. What belongs to instances that have
//!   ended goes when the group is free.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError, Weak};

use wamr::{
    AsContextMut, InstanceId, InterruptHandle, Memory, ResourceLimiter, Store, StoreContextMut,
};

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
    watch: GrowthWatch,
}

impl Drop for Data {
    fn drop(&mut self) {
        for inst in self.instances.values() {
            handle::remove::<Inst>(inst.name);
        }
    }
}

/// Tells of growth that fails.
struct GrowthWatch;

impl ResourceLimiter for GrowthWatch {
    fn memory_growing(&mut self, current: u64, desired: u64, maximum: Option<u64>) -> bool {
        let fits = desired <= maximum.unwrap_or(u64::MAX);
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
    /// Locked by whoever interrupts, and by the outermost call when it ends.
    interrupting: Mutex<()>,
    /// Instances that ended while the group was not free.
    ended: Mutex<Vec<Ended>>,
    has_ended: AtomicBool,
}

/// What an instance that C ended leaves in the store.
pub(crate) struct Ended {
    pub(crate) serial: u64,
    /// A memory with heaps that go.
    pub(crate) memory: Option<Memory>,
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
    /// Another thread has it, and waits for what this one has.
    Deadlock,
}

impl std::fmt::Display for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Borrowed => "the instance is in use by what called this function",
            Self::Running => {
                "an instance that shares the imports is running, and cannot be joined with others"
            }
            Self::Gone => "the instance is gone",
            Self::Deadlock => {
                "the instance is in use by a thread that waits for one that this thread is using"
            }
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

impl Drop for Group {
    /// Goes along the groups that this one and its successors were joined to, as far as nobody
    /// else knows them, without recursing.
    fn drop(&mut self) {
        let mut next = self.successor.take();
        while let Some(mut group) = next.and_then(Arc::into_inner) {
            next = group.successor.take();
        }
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
            watch: GrowthWatch,
        };
        let mut store = Store::try_new(runtime.engine(), data)?;
        store.limiter(|data| &mut data.watch);
        let interrupt = store.interrupt_handle();
        let group = Arc::new_cyclic(|this| {
            store.data_mut().group = this.clone();
            Self {
                store: Mutex::new(Some(store)),
                successor: OnceLock::new(),
                owner: AtomicUsize::new(0),
                running: AtomicUsize::new(0),
                interrupt,
                interrupting: Mutex::new(()),
                ended: Mutex::default(),
                has_ended: AtomicBool::new(false),
            }
        });
        Ok(group)
    }

    /// The group that this one has become part of by now.
    pub(crate) fn present(self: &Arc<Self>) -> Arc<Self> {
        self.follow().clone()
    }

    fn follow(self: &Arc<Self>) -> &Arc<Self> {
        let mut at = self;
        while let Some(next) = at.successor.get() {
            at = next;
        }
        at
    }

    /// Locks the group, unless it was joined to another meanwhile.
    fn lock(&self) -> Result<Option<Locked<'_>>, Busy> {
        if self.owner.load(Ordering::Relaxed) == thread_number() {
            return Err(Busy::Borrowed);
        }
        let store = match self.store.try_lock() {
            Ok(store) => store,
            Err(TryLockError::Poisoned(store)) => store.into_inner(),
            Err(TryLockError::WouldBlock) => {
                let _waiting = Waiters::add(self).ok_or(Busy::Deadlock)?;
                lock(&self.store)
            }
        };
        self.owner.store(thread_number(), Ordering::Relaxed);
        let mut locked = Locked { group: self, store };
        let Some(store) = locked.store.as_mut() else { return Ok(None) };
        if self.has_ended.load(Ordering::Acquire) {
            self.clean_up(&mut store.as_context_mut());
        }
        Ok(Some(locked))
    }

    /// Lets go of what belongs to an instance that has ended: now, or when the group is free.
    pub(crate) fn leave(self: &Arc<Self>, ended: Ended) {
        let group = self.present();
        lock(&group.ended).push(ended);
        group.has_ended.store(true, Ordering::Release);
        if let Some(caller) = caller_of(&group) {
            let _ = caller.borrow(|mut store| group.clean_up(&mut store));
        } else if let Ok(mut store) = group.store.try_lock()
            && let Some(store) = store.as_mut()
        {
            group.clean_up(&mut store.as_context_mut());
        }
    }

    fn clean_up(&self, store: &mut StoreContextMut<'_, Data>) {
        self.has_ended.store(false, Ordering::Relaxed);
        let ended = std::mem::take(&mut *lock(&self.ended));
        for Ended { serial, memory } in ended {
            // Closes what the guest had open.
            let world = store.data_mut().worlds.remove(&serial);
            drop(world);
            if let Some(memory) = memory {
                let _ = memory.detach_regions(&mut *store);
            }
        }
    }

    /// Does something with the store.
    pub(crate) fn with<R>(
        self: &Arc<Self>,
        body: impl FnOnce(StoreContextMut<'_, Data>) -> R,
    ) -> Result<R, Busy> {
        self.with_present(|_, store| body(store))
    }

    /// The same, with the group that this one has become part of.
    fn with_present<R>(
        self: &Arc<Self>,
        body: impl FnOnce(&Group, StoreContextMut<'_, Data>) -> R,
    ) -> Result<R, Busy> {
        loop {
            let group = self.follow();
            if let Some(caller) = caller_of(group) {
                return caller.borrow(|store| body(group, store));
            }
            if let Some(mut locked) = group.lock()? {
                let Some(store) = locked.store.as_mut() else { return Err(Busy::Gone) };
                return Ok(body(group, store.as_context_mut()));
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
                let _interrupting = lock(&self.0.interrupting);
                if self.0.running.fetch_sub(1, Ordering::SeqCst) == 1 {
                    self.0.interrupt.take_back();
                }
            }
        }
        self.with_present(|group, store| {
            group.running.fetch_add(1, Ordering::SeqCst);
            let _running = Running(group);
            body(store)
        })
    }

    /// Stops what the group runs, if a call is under way that the test says is meant.
    pub(crate) fn interrupt_if(self: &Arc<Self>, is_meant: impl FnOnce() -> bool) {
        let group = self.present();
        let _interrupting = lock(&group.interrupting);
        if group.is_running() && is_meant() {
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
                    let _ = other.successor.set(this.clone());
                    let mut ended = std::mem::take(&mut *lock(&other.ended));
                    lock(&this.ended).append(&mut ended);
                    this.has_ended.store(true, Ordering::Release);
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

/// Which threads wait for which groups.
///
/// A thread that waits stands here before it does, so that whoever closes a circle, being the last
/// to come, sees all others: from the group that it wants to the thread that has it, from there to
/// the group that that one waits for, and so on. A thread that has got what it waited for may
/// stand here a moment longer, which makes a path longer and never a circle.
struct Waiters;

static WAITING: Mutex<Vec<(usize, WaitedFor)>> = Mutex::new(Vec::new());

/// A group that somebody waits for, who holds it.
#[derive(Clone, Copy)]
struct WaitedFor(*const Group);

// SAFETY: it is read while `WAITING` is locked alone, and taken away before the group can go.
unsafe impl Send for WaitedFor {}

impl Waiters {
    /// Notes that this thread waits for a group; `None` if it would wait for ever.
    fn add(group: &Group) -> Option<impl Drop> {
        struct Waiting;
        impl Drop for Waiting {
            fn drop(&mut self) {
                let me = thread_number();
                let mut waiting = lock(&WAITING);
                // A thread waits for one group at a time.
                if let Some(at) = waiting.iter().position(|(thread, _)| *thread == me) {
                    waiting.swap_remove(at);
                }
            }
        }
        let me = thread_number();
        let mut waiting = lock(&WAITING);
        let mut owner = group.owner.load(Ordering::Relaxed);
        for _ in 0..=waiting.len() {
            if owner == me {
                return None;
            }
            let Some((_, next)) = waiting.iter().find(|(thread, _)| *thread == owner) else {
                break;
            };
            // SAFETY: whoever waits holds the group, and stays in the list until it has it.
            owner = unsafe { &*next.0 }.owner.load(Ordering::Relaxed);
        }
        waiting.push((me, WaitedFor(std::ptr::from_ref(group))));
        Some(Waiting)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
