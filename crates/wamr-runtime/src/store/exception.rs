//! Exceptions: what an `exnref` refers to, and how long it lives.
//! <https://webassembly.github.io/spec/core/exec/runtime.html#exception-instances>
//!
//! An exception that no value can refer to ends where it is caught; programs that throw without
//! end rely on it. All others wait for the collection. Those that only handles of the host refer
//! to can be told without looking at frames, and are freed while wasm runs too.

use core::cell::Cell;
use core::ptr::NonNull;

use smallvec::SmallVec;

use super::{ExternPtr, Failure, StoreCore};
use crate::backtrace::Backtrace;
use crate::entity::TagEntity;
use crate::error::{Error, ErrorKind};

/// An exception.
pub(crate) struct Exception {
    tag: NonNull<TagEntity>,
    fields: SmallVec<[u64; 2]>,
    /// How many legacy catch clauses keep it for a `rethrow`.
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

/// The exceptions of a store. A reference is a position plus one, so that 0 is null.
pub(crate) struct Exceptions {
    slots: Vec<Option<Exception>>,
    free: Vec<u32>,
    watermark: usize,
}

impl Default for Exceptions {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), watermark: Self::MIN_WATERMARK }
    }
}

impl Exceptions {
    const MIN_WATERMARK: usize = 1024;

    /// Every reference.
    pub(super) fn references(&self) -> impl Iterator<Item = u32> {
        let all = self.slots.iter().zip(1..);
        all.filter_map(|(slot, reference)| slot.is_some().then_some(reference))
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there are twice as many as the last time that some were freed.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.len() >= self.watermark
    }

    pub(crate) fn get(&self, reference: u32) -> Option<&Exception> {
        self.slots.get((reference as usize).checked_sub(1)?)?.as_ref()
    }

    fn get_mut(&mut self, reference: u32) -> Option<&mut Exception> {
        self.slots.get_mut((reference as usize).checked_sub(1)?)?.as_mut()
    }

    fn insert(&mut self, exception: Exception) -> Option<u32> {
        if let Some(free) = self.free.pop() {
            self.slots[free as usize] = Some(exception);
            return Some(free + 1);
        }
        let position = u32::try_from(self.slots.len()).ok().filter(|&at| at < u32::MAX - 1)?;
        self.slots.push(Some(exception));
        Some(position + 1)
    }

    fn remove(&mut self, reference: u32) {
        self.slots[reference as usize - 1] = None;
        self.free.push(reference - 1);
    }

    /// Whether the exceptions of another store can be taken over.
    pub(super) fn has_room_for(&self, other: &Self) -> bool {
        self.slots.len().saturating_add(other.slots.len()) < u32::MAX as usize
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

    /// Frees what is neither marked nor wanted by `keep`.
    pub(super) fn sweep(&mut self, keep: impl Fn(u32, &Exception) -> bool) {
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let position = index as u32;
            if slot.as_ref().is_some_and(|e| !e.mark.replace(false) && !keep(position + 1, e)) {
                *slot = None;
                self.free.push(position);
            }
        }
        self.watermark = (self.len() * 2).max(Self::MIN_WATERMARK);
    }
}

impl StoreCore {
    /// Makes an exception; its reference is never 0.
    ///
    /// # Errors
    /// If the store can hold no more.
    pub(crate) fn new_exception(
        &mut self,
        tag: NonNull<TagEntity>,
        fields: &[u64],
    ) -> Result<u32, Error> {
        if self.exceptions.is_due() {
            self.sweep_handled_exceptions();
        }
        let exception = Exception {
            tag,
            fields: fields.into(),
            holds: 0,
            is_value: Cell::new(false),
            is_handled: false,
            mark: Cell::new(false),
        };
        let reference = self.exceptions.insert(exception);
        reference.ok_or_else(|| Error::from_kind(ErrorKind::OutOfMemory))
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
            self.exceptions.remove(reference);
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

    /// Frees exceptions that only handles referred to, where those are gone.
    fn sweep_handled_exceptions(&mut self) {
        self.drop_dead_roots();
        for root in self.roots() {
            if let ExternPtr::Exception(reference) = root
                && let Some(exception) = self.exceptions.get(reference)
            {
                exception.mark();
            }
        }
        let pending = match self.failure_mut() {
            Some(Failure::Exception(reference, _)) => *reference,
            _ => 0,
        };
        self.exceptions.sweep(|reference, exception| {
            reference == pending || exception.holds > 0 || exception.is_value.get()
        });
    }
}
