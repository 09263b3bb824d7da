//! Waiting for a word of shared memory to be notified.
//! <https://webassembly.github.io/threads/core/exec/instructions.html>
//!
//! Who waits is in a queue of `parking_lot_core` that is keyed by the word's address in the host,
//! which is unique as long as the memory exists. What is compared before somebody waits is read
//! while that queue is locked, so that no notification is lost.
//!
//! An interruption ends a wait. Store and interrupting thread meet in two words of the store, in
//! opposite order: the one says where it waits and looks for an interruption, the other interrupts
//! and looks where the store waits.

use core::cell::Cell;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::time::Instant;

use parking_lot_core::{FilterOp, ParkResult, ParkToken, UnparkToken, park, unpark_filter};
use wamr_types::TrapCode;

use super::{AtomicWord, LinearMemory};
use crate::vm::VmStore;

/// How a wait ended. The numbers are what the instruction gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum WaitResult {
    /// Somebody notified the address.
    Woken = 0,
    /// The word was not what was expected.
    Mismatch = 1,
    /// The time was over.
    TimedOut = 2,
}

const NOTIFIED: UnparkToken = UnparkToken(0);
const INTERRUPTED: UnparkToken = UnparkToken(1);

/// Who waits without a store.
const HOST: ParkToken = ParkToken(0);

/// What an instruction's timeout in nanoseconds means: negative ones never come.
pub(crate) fn timeout_from_ns(timeout_ns: i64) -> Option<Duration> {
    u64::try_from(timeout_ns).ok().map(Duration::from_nanos)
}

impl LinearMemory {
    /// `memory.atomic.wait32` and `memory.atomic.wait64`. Interruptions of `store` end it.
    ///
    /// # Errors
    /// [`TrapCode::UnalignedAtomic`], [`TrapCode::MemoryOutOfBounds`],
    /// [`TrapCode::ExpectedSharedMemory`], [`TrapCode::Interrupted`]
    pub(crate) fn wait<W: AtomicWord + PartialEq>(
        &self,
        address: u64,
        expected: W,
        timeout: Option<Duration>,
        store: Option<&VmStore>,
    ) -> Result<WaitResult, TrapCode> {
        let at = self.atomic_place(address, W::BYTES)?;
        if !self.declared_type().shared {
            return Err(TrapCode::ExpectedSharedMemory);
        }
        // A time too far to be told never comes.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let waiting = Waiting::at(store, at.addr());
        loop {
            let mismatch = Cell::new(false);
            let validate = || {
                // SAFETY: the word is aligned and lies in the memory, which never shrinks and
                // which the caller keeps.
                mismatch.set(unsafe { W::load(at) } != expected);
                !mismatch.get() && !waiting.is_interrupted()
            };
            // SAFETY: nobody parks at addresses in the memory but here. `validate` only reads
            // atomics; nothing else is called while queues are locked.
            let result =
                unsafe { park(at.addr(), validate, || {}, |_, _| {}, waiting.token(), deadline) };
            match result {
                ParkResult::Unparked(NOTIFIED) => return Ok(WaitResult::Woken),
                ParkResult::Unparked(_) => {}
                ParkResult::TimedOut => return Ok(WaitResult::TimedOut),
                ParkResult::Invalid if mismatch.get() => return Ok(WaitResult::Mismatch),
                ParkResult::Invalid => {}
            }
            if store.is_some_and(VmStore::take_interruption) {
                return Err(TrapCode::Interrupted);
            }
        }
    }

    /// `memory.atomic.notify`: wakes up to `count` of those that wait, longest first, and gives
    /// how many.
    ///
    /// # Errors
    /// [`TrapCode::UnalignedAtomic`], [`TrapCode::MemoryOutOfBounds`]
    pub(crate) fn notify(&self, address: u64, count: u32) -> Result<u32, TrapCode> {
        let at = self.atomic_place(address, 4)?;
        if !self.declared_type().shared || count == 0 {
            return Ok(0);
        }
        let mut woken = 0;
        let filter = |_| {
            if woken == count {
                return FilterOp::Stop;
            }
            woken += 1;
            FilterOp::Unpark
        };
        // SAFETY: as for waiting; the closures neither panic nor park.
        unsafe { unpark_filter(at.addr(), filter, |_| NOTIFIED) };
        Ok(woken)
    }
}

/// A store's word that says where it waits.
struct Waiting<'a>(Option<&'a VmStore>);

impl<'a> Waiting<'a> {
    fn at(store: Option<&'a VmStore>, key: usize) -> Self {
        if let Some(store) = store {
            store.waiting_at.store(key, Ordering::SeqCst);
        }
        Self(store)
    }

    fn token(&self) -> ParkToken {
        self.0.map_or(HOST, token_of)
    }

    fn is_interrupted(&self) -> bool {
        self.0.is_some_and(|store| store.interrupted.load(Ordering::SeqCst))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(store) = self.0 {
            store.waiting_at.store(0, Ordering::SeqCst);
        }
    }
}

fn token_of(store: &VmStore) -> ParkToken {
    ParkToken(core::ptr::from_ref(store).addr())
}

impl VmStore {
    /// Ends the wait that the store is in, if it is; to be called when `interrupted` is set.
    pub(crate) fn wake(&self) {
        let key = self.waiting_at.load(Ordering::SeqCst);
        if key == 0 {
            return;
        }
        let filter = |token| {
            if token == token_of(self) { FilterOp::Unpark } else { FilterOp::Skip }
        };
        // SAFETY: the key is one that `wait` parks at, or did so; the closures neither panic nor
        // park.
        unsafe { unpark_filter(key, filter, |_| INTERRUPTED) };
    }
}
