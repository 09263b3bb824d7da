//! Entering wasm from the host, stack limits, and interruption from other threads.

use core::sync::atomic::{AtomicBool, Ordering};
use std::panic::resume_unwind;
use std::sync::{Arc, OnceLock};

use wamr_types::TrapCode;

use super::{Failure, StoreCore};
use crate::api::ExnRef;
use crate::compiled::direct::{self, Registers};
use crate::error::Error;
use crate::platform::{stack_bounds, thread_number};
use crate::rt;
use crate::vm::{FuncRecord, Outcome, VmContext, VmStore};

/// The part of a store that other threads may reach at any time, the store gone or not.
pub(super) struct SharedStore {
    vm: VmStore,
    /// Whether somebody wants to know where the store is.
    is_sampled: AtomicBool,
    /// The store that this one was joined to: what interrupts this one is meant for that one.
    successor: OnceLock<Arc<Self>>,
}

impl SharedStore {
    pub(super) fn new(vm: VmStore) -> Arc<Self> {
        Arc::new(Self { vm, is_sampled: AtomicBool::new(false), successor: OnceLock::new() })
    }

    pub(super) fn vm(&self) -> &VmStore {
        &self.vm
    }

    /// The store that this one has become part of by now.
    fn present(&self) -> &Self {
        let mut at = self;
        while let Some(next) = at.successor.get() {
            at = next;
        }
        at
    }

    /// Whether somebody wants to know where the store is, once.
    pub(super) fn takes_sample(&self) -> bool {
        self.is_sampled.swap(false, Ordering::Relaxed)
    }

    /// Lowers the limits again if somebody wants to know where the store is and has not been told:
    /// whoever restored them could not say it.
    pub(super) fn keep_asking(&self) {
        if self.is_sampled.load(Ordering::Relaxed) {
            self.vm.lower_limits();
        }
    }

    /// Hands interruptions on to another store from now on, a pending one too.
    pub(super) fn join(&self, other: &Arc<Self>) {
        let _ = self.successor.set(other.clone());
        // In this order, as `interrupt` does the opposite: it is seen here or followed there.
        if self.vm.interrupted.swap(false, Ordering::SeqCst) {
            other.interrupt();
        }
    }

    fn interrupt(&self) {
        let mut at = self;
        loop {
            at.vm.interrupted.store(true, Ordering::SeqCst);
            at.vm.lower_limits();
            at.vm.wake();
            match at.successor.get() {
                // Whoever takes the flag back hands the interruption on, once.
                Some(next) if at.vm.interrupted.swap(false, Ordering::SeqCst) => at = next,
                _ => return,
            }
        }
    }
}

impl Drop for SharedStore {
    /// Goes along the stores that this one and its successors were joined to, as far as nobody
    /// else knows them, without recursing.
    fn drop(&mut self) {
        let mut next = self.successor.take();
        while let Some(mut store) = next.and_then(Arc::into_inner) {
            next = store.successor.take();
        }
    }
}

impl core::ops::Deref for SharedStore {
    type Target = VmStore;

    fn deref(&self) -> &VmStore {
        &self.vm
    }
}

/// Stops whatever wasm runs in a store, from any thread. A store that was joined to another one is
/// part of that one.
#[derive(Clone)]
pub struct InterruptHandle(Arc<SharedStore>);

impl InterruptHandle {
    /// Makes the running computation, or the next one, trap with [`TrapCode::Interrupted`] at
    /// its next call or loop, or at once where it waits at an address of a shared memory.
    pub fn interrupt(&self) {
        self.0.interrupt();
    }

    /// Takes an interruption back that no computation has noticed, so that it does not hit the
    /// next one; whether there was any. It is for when no wasm runs in the store: a computation may
    /// have noticed already, and traps then.
    pub fn take_back(&self) -> bool {
        // Whoever finds a limit lowered finds no reason for it, and restores it.
        self.0.present().interrupted.swap(false, Ordering::SeqCst)
    }

    /// Whether an interruption is pending: asked for and not yet noticed by the computation.
    /// Host functions that wait look here now and then.
    pub fn is_interrupted(&self) -> bool {
        self.0.present().vm.interrupted.load(Ordering::Relaxed)
    }

    /// Has the running computation say where it is, at its next call or loop, to whoever
    /// [`Store::sampler`](crate::Store::sampler) names. It goes on then.
    pub fn sample(&self) {
        let store = self.0.present();
        store.is_sampled.store(true, Ordering::Relaxed);
        store.vm.lower_limits();
    }
}

impl core::fmt::Debug for InterruptHandle {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("InterruptHandle")
    }
}

impl StoreCore {
    pub(crate) fn interrupt_handle(&self) -> InterruptHandle {
        InterruptHandle(self.vm.clone())
    }
}

/// Calls a function from the host.
///
/// A panic of a host function or of a host value's destructor further in goes on from here.
///
/// # Safety
/// `core` must be a live store that no reference points to, `record` one of its functions,
/// `args` hold its parameters and `results` have room for its results.
pub(crate) unsafe fn enter(
    core: *mut StoreCore,
    record: *const FuncRecord,
    args: *const u64,
    results: *mut u64,
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe {
        let entry = Entry::begin(core);
        let outcome = rt::call_array(record, entry.host, args, results);
        entry.end((outcome == Outcome::Return).then_some(()))
    }
}

/// Calls a compiled function from the host with its values in registers; gives the slot of its
/// result, undefined beyond the value. As [`enter`] otherwise.
///
/// # Safety
/// As for [`enter`] and [`direct::call`], for the store's host context.
#[inline(always)]
pub(crate) unsafe fn enter_direct(
    core: *mut StoreCore,
    record: *const FuncRecord,
    values: &Registers,
    has_floats: bool,
    gives_float: bool,
) -> Result<u64, Error> {
    // SAFETY: the caller's promise.
    unsafe {
        let entry = Entry::begin(core);
        let slot = if rt::check_native_stack(entry.host) {
            direct::call(record, entry.host, values, has_floats, gives_float)
        } else {
            None
        };
        entry.end(slot)
    }
}

/// An entry into wasm, while it lasts. Nothing but a call by its host context stands between its
/// beginning and its end.
struct Entry {
    core: *mut StoreCore,
    vm: *const VmStore,
    host: *mut VmContext,
    /// What [`VmStore::interp_top`] is once it has ended.
    top: *mut u64,
}

impl Entry {
    /// # Safety
    /// `core` must be a live store that no reference points to, until the entry has ended.
    #[inline(always)]
    unsafe fn begin(core: *mut StoreCore) -> Self {
        // SAFETY: the caller vouches for `core`; no reference made here lives across the call.
        unsafe {
            let vm: *const VmStore = (*core).vm();
            (*vm).core.set(core);
            if (*core).depth == 0 {
                set_native_limit(core, &*vm);
            }
            (*core).depth += 1;
            Self { core, vm, host: (*core).host_context(), top: (*vm).interp_top.get() }
        }
    }

    /// What the call gave: `None` if a failure is pending.
    ///
    /// # Safety
    /// The call must have returned.
    #[inline(always)]
    unsafe fn end<R>(self, returned: Option<R>) -> Result<R, Error> {
        let Self { core, vm, top, .. } = self;
        // SAFETY: as for `begin`.
        unsafe {
            (*vm).interp_top.set(top);
            (*core).depth -= 1;
            match returned {
                Some(value) if (*core).deferred_panic.is_none() => Ok(value),
                _ => Err(failure(core)),
            }
        }
    }
}

/// Sets how far wasm that is entered here may go down the native stack.
#[inline(always)]
fn set_native_limit(core: *mut StoreCore, vm: &VmStore) {
    let now = rt::native_stack_pointer();
    // SAFETY: the caller's store is live, and this reference to it ends here.
    let core = unsafe { &mut *core };
    let base = (now, thread_number());
    let is_as_before = core.native_base == base;
    if is_as_before && vm.native_limit.load(Ordering::Relaxed) == vm.native_end.get() {
        // As for calls in a row: nothing changes, so that there is no order to keep either. An
        // interruption that is not seen here raises the word, and it stays raised.
        return;
    }
    core.native_base = base;
    let limit = native_limit(now, core.engine.tunables().native_stack_bytes);
    if vm.native_limit.load(Ordering::Relaxed) == limit && vm.native_end.get() == limit {
        // The same.
        return;
    }
    vm.native_end.set(limit);
    // In this order for all threads to see, as `interrupt` does the opposite: either the flag is
    // seen here, or the word is raised there after this.
    vm.native_limit.store(limit, Ordering::SeqCst);
    if vm.interrupted.load(Ordering::SeqCst) {
        vm.native_limit.store(usize::MAX, Ordering::Relaxed);
    }
}

/// What a call that did not return well ended in. A panic goes on from here.
///
/// # Safety
/// As for [`Entry::end`].
#[cold]
unsafe fn failure(core: *mut StoreCore) -> Error {
    // SAFETY: the caller's promise.
    unsafe {
        let vm: *const VmStore = (*core).vm();
        if let Some(payload) = (*core).deferred_panic.take() {
            (*core).take_failure();
            resume_unwind(payload);
        }
        match (*core).take_failure() {
            Some(Failure::Error(error)) => {
                if error.trap_code() == Some(TrapCode::Interrupted) {
                    // Whoever noticed the interruption, it is over now.
                    (*vm).take_interruption();
                }
                error
            }
            Some(Failure::Exception(reference, backtrace)) => {
                let exception = ExnRef::from_raw(&mut *core, reference);
                exception.map_or_else(
                    || Error::from(TrapCode::UncaughtException),
                    |exception| Error::uncaught(exception, backtrace),
                )
            }
            Some(Failure::Panic(payload)) => resume_unwind(payload),
            None => Error::from(TrapCode::ResourceExhausted),
        }
    }
}

/// How much of a thread's stack is left to host functions that run below the limit, where the
/// thread has that much.
const NATIVE_RESERVE_BYTES: usize = 128 << 10;

/// How much is left in any case: compiled code makes frames of up to 32 KiB before it looks at the
/// limit. Where a thread has less than that, the first call traps.
const LEAST_RESERVE_BYTES: usize = 64 << 10;

/// The address that the native stack may not pass: `budget` bytes from `now` on, or less where
/// the thread's own stack ends before that.
fn native_limit(now: usize, budget: usize) -> usize {
    let limit = now.saturating_sub(budget);
    match stack_bounds() {
        // Elsewhere `now` is on a stack that the thread was not started with.
        Some(stack) if stack.contains(&now) => {
            let reserve = ((now - stack.start) / 2).max(LEAST_RESERVE_BYTES);
            limit.max(stack.start + reserve.min(NATIVE_RESERVE_BYTES))
        }
        _ => limit,
    }
}

impl VmStore {
    fn lower_limits(&self) {
        self.interp_limit.store(0, Ordering::SeqCst);
        self.native_limit.store(usize::MAX, Ordering::SeqCst);
    }

    /// Whether an interruption is pending; it is over once it has been told.
    ///
    /// The limits are restored in any case: a thread that interrupts may lower them after its
    /// interruption, or an earlier one, has been told.
    pub(crate) fn take_interruption(&self) -> bool {
        let pending = self.interrupted.swap(false, Ordering::SeqCst);
        self.interp_limit.store(self.interp_end, Ordering::SeqCst);
        self.native_limit.store(self.native_end.get(), Ordering::SeqCst);
        if self.interrupted.load(Ordering::SeqCst) {
            self.lower_limits();
        }
        pending
    }
}
