//! Exceptions: what an `exnref` refers to, and how long it lives.
//! <https://webassembly.github.io/spec/core/exec/runtime.html#exception-instances>
//!
//! An exception that no value can refer to ends where it is caught; programs that throw without
//! end rely on it. All others wait for the collection, which finds them in frames as it finds
//! objects. What exceptions take counts against the limit of the heap.

use core::cell::Cell;
use core::ptr::NonNull;

use smallvec::SmallVec;
use wamr_types::TrapCode;

use super::{Failure, StoreCore};
use crate::backtrace::Backtrace;
use crate::entity::TagEntity;

/// How many slots of payload are part of the exception itself.
const INLINE_SLOTS: usize = 2;
/// What an allocation takes beside its bytes.
const ALLOCATION_BYTES: usize = 16;

/// An exception.
pub(crate) struct Exception {
    tag: NonNull<TagEntity>,
    fields: SmallVec<[u64; INLINE_SLOTS]>,
    /// How many legacy catch clauses keep it for a `rethrow`, or did: nothing is told of those
    /// that were left by a branch, a return, or another exception.
    holds: u32,
    /// Whether a value of wasm may refer to it.
    is_value: Cell<bool>,
    /// Whether a handle of the host was made.
    is_handled: bool,
    mark: Cell<bool>,
}

impl Exception {
    /// The tag that it was thrown with.
    pub(crate) fn tag(&self) -> NonNull<TagEntity> {
        self.tag
    }

    /// The payload in slots, as the tag's type lists it.
    pub(crate) fn fields(&self) -> &[u64] {
        &self.fields
    }

    pub(crate) fn fields_mut(&mut self) -> &mut [u64] {
        &mut self.fields
    }

    /// What an exception with so many slots of payload takes, in bytes.
    const fn bytes(slots: usize) -> usize {
        // Beside its place: one in the list of free places, and a payload that is elsewhere.
        let payload = if slots > INLINE_SLOTS { slots * 8 + ALLOCATION_BYTES } else { 0 };
        size_of::<Option<Self>>() + size_of::<u32>() + payload
    }

    /// Says that values of wasm refer to it from now on.
    pub(crate) fn become_value(&self) {
        self.is_value.set(true);
    }

    /// Marks it for the collection; says whether it was not marked before.
    pub(crate) fn mark(&self) -> bool {
        !self.mark.replace(true)
    }
}

/// What a catch clause does with the reference to what it catches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: the exception ends here.
    Nothing,
    /// Makes it a value.
    Value,
    /// Keeps it for `rethrow`, invisible to wasm.
    Hold,
}

impl Keep {
    /// The number that stands for it in tables of compiled code.
    pub const fn number(self) -> u32 {
        match self {
            Self::Nothing => 0,
            Self::Value => 1,
            Self::Hold => 2,
        }
    }

    /// What a number stands for; for those that mean nothing, what can do no harm.
    pub(crate) const fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Nothing,
            2 => Self::Hold,
            _ => Self::Value,
        }
    }
}

/// The exceptions of a store. A reference is a position plus [`Exceptions::FIRST`], so that few
/// other numbers in frames look like one, and 0 is null.
pub(crate) struct Exceptions {
    slots: Vec<Option<Exception>>,
    free: Vec<u32>,
    /// Once exceptions take so much, in bytes, a collection is due.
    threshold_bytes: usize,
}

impl Default for Exceptions {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), threshold_bytes: Self::MIN_FRESH_BYTES }
    }
}

impl Exceptions {
    /// The first reference.
    const FIRST: u32 = 0x9e37_0000;
    /// How much is made between two collections, in bytes, at least.
    const MIN_FRESH_BYTES: usize = 1 << 20;

    /// Every reference.
    pub(super) fn references(&self) -> impl Iterator<Item = u32> {
        let all = self.slots.iter().zip(Self::FIRST..);
        all.filter_map(|(slot, reference)| slot.is_some().then_some(reference))
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    fn position(reference: u32) -> Option<usize> {
        reference.checked_sub(Self::FIRST).map(|position| position as usize)
    }

    #[inline]
    pub(crate) fn get(&self, reference: u32) -> Option<&Exception> {
        self.slots.get(Self::position(reference)?)?.as_ref()
    }

    fn get_mut(&mut self, reference: u32) -> Option<&mut Exception> {
        self.slots.get_mut(Self::position(reference)?)?.as_mut()
    }

    /// Gives an exception a reference; `None` if there are too many, or no memory for another one.
    fn insert(&mut self, exception: Exception) -> Option<u32> {
        if let Some(free) = self.free.pop() {
            self.slots[free as usize] = Some(exception);
            return Some(Self::FIRST + free);
        }
        let position = self.slots.len();
        if position >= Self::MAX_LEN {
            return None;
        }
        self.slots.try_reserve(1).ok()?;
        // Nothing is in it now, and whoever frees must not fail.
        self.free.try_reserve(position + 1).ok()?;
        self.slots.push(Some(exception));
        Some(Self::FIRST + position as u32)
    }

    /// How many references there are.
    const MAX_LEN: usize = (u32::MAX - Self::FIRST) as usize;

    /// Frees an exception; says how many bytes it took.
    fn remove(&mut self, reference: u32) -> usize {
        let Some(position) = Self::position(reference) else { return 0 };
        let Some(exception) = self.slots.get_mut(position).and_then(Option::take) else { return 0 };
        self.free.push(position as u32);
        Exception::bytes(exception.fields.len())
    }

    /// Whether the exceptions of another store can be taken over.
    pub(super) fn has_room_for(&self, other: &Self) -> bool {
        self.slots.len().saturating_add(other.slots.len()) <= Self::MAX_LEN
    }

    /// How far references to the exceptions of another store will move when they are taken over.
    pub(super) fn next_position(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Takes over the exceptions of another store. `update` puts the references in payloads right.
    pub(super) fn absorb(&mut self, mut other: Self, update: impl FnMut(&mut Exception)) {
        let shift = self.next_position();
        other.slots.iter_mut().flatten().for_each(update);
        self.slots.append(&mut other.slots);
        self.free.extend(other.free.into_iter().map(|position| position + shift));
    }

    /// Removes all marks, and frees what had none if `frees` is set; says how many bytes that took.
    pub(super) fn sweep(&mut self, frees: bool) -> usize {
        let mut freed_bytes = 0;
        for (slot, position) in self.slots.iter_mut().zip(0..) {
            if slot.as_ref().is_some_and(|exception| !exception.mark.replace(false) && frees) {
                let slots = slot.take().map_or(0, |exception| exception.fields.len());
                freed_bytes += Exception::bytes(slots);
                self.free.push(position);
            }
        }
        freed_bytes
    }
}

impl StoreCore {
    /// Makes an exception; its reference is never 0. To be called where an object may be made.
    ///
    /// # Errors
    /// [`TrapCode::GcHeapExhausted`] if the store can hold no more.
    pub(crate) fn new_exception(
        &mut self,
        tag: NonNull<TagEntity>,
        payload: &[u64],
    ) -> Result<u32, TrapCode> {
        if self.exceptions_are_due() {
            self.collect();
        }
        let bytes = Exception::bytes(payload.len());
        if !self.gc.take_outside(bytes) {
            self.collect();
            if !self.gc.take_outside(bytes) {
                return Err(TrapCode::GcHeapExhausted);
            }
        }
        let mut fields = SmallVec::new();
        let reference = match fields.try_reserve_exact(payload.len()) {
            Ok(()) => {
                fields.extend_from_slice(payload);
                self.exceptions.insert(Exception {
                    tag,
                    fields,
                    holds: 0,
                    is_value: Cell::new(false),
                    is_handled: false,
                    mark: Cell::new(false),
                })
            }
            Err(_) => None,
        };
        reference.ok_or_else(|| {
            self.gc.give_back_outside(bytes);
            TrapCode::GcHeapExhausted
        })
    }

    /// Whether so many exceptions were made since the last collection that another one pays.
    #[inline]
    pub(super) fn exceptions_are_due(&self) -> bool {
        self.gc.outside_bytes() >= self.exceptions.threshold_bytes
    }

    /// Removes the marks of all exceptions, and frees those without if `frees` is set.
    pub(super) fn sweep_exceptions(&mut self, frees: bool) {
        self.gc.give_back_outside(self.exceptions.sweep(frees));
        if frees {
            let live = self.gc.outside_bytes();
            let fresh = (live / 4 * 3).max(self.gc.used_bytes() / 4);
            self.exceptions.threshold_bytes = live + fresh.max(Exceptions::MIN_FRESH_BYTES);
        }
    }

    /// The exception that a reference refers to; `None` for null.
    pub(crate) fn exception(&self, reference: u32) -> Option<&Exception> {
        self.exceptions.get(reference)
    }

    /// Says that a handle is about to be made.
    pub(crate) fn handle_exception(&mut self, reference: u32) {
        if let Some(exception) = self.exceptions.get_mut(reference) {
            exception.is_handled = true;
        }
    }

    /// Makes an exception the pending failure.
    pub(crate) fn throw(&mut self, reference: u32) {
        self.set_failure(Failure::Exception(reference, Backtrace::default()));
    }

    /// Ends a legacy catch clause's hold of an exception.
    pub(crate) fn release_exception(&mut self, reference: u32) {
        if let Some(exception) = self.exceptions.get_mut(reference) {
            exception.holds = exception.holds.saturating_sub(1);
        }
    }

    /// Frees an exception that nothing refers to.
    pub(crate) fn end_exception(&mut self, reference: u32) {
        let free = |e: &Exception| e.holds == 0 && !e.is_value.get() && !e.is_handled;
        if self.exceptions.get(reference).is_some_and(free) {
            self.gc.give_back_outside(self.exceptions.remove(reference));
        }
    }

    /// Catches the pending exception: writes its payload to `payload`, unless that is null, and
    /// gives its reference.
    ///
    /// # Safety
    /// `payload` has room for the payload.
    pub(crate) unsafe fn catch(&mut self, payload: *mut u64, keep: Keep) -> u32 {
        let Some(Failure::Exception(reference, _)) = self.take_failure() else { return 0 };
        let Some(exception) = self.exceptions.get_mut(reference) else { return 0 };
        if !payload.is_null() {
            let fields = &exception.fields;
            // SAFETY: the caller says that there is room.
            unsafe { core::ptr::copy_nonoverlapping(fields.as_ptr(), payload, fields.len()) };
        }
        match keep {
            Keep::Nothing => self.end_exception(reference),
            Keep::Value => exception.become_value(),
            Keep::Hold => exception.holds += 1,
        }
        reference
    }
}
