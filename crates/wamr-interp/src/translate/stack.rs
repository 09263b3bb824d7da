//! The operand stack at translation time.
//!
//! A value is in its home (the temporary slot of its place on the stack), in a local, or a
//! constant. A local's value must be copied home before the local is written, and before code
//! that is executed conditionally could do so.

use crate::exec::dispatch::{HANDLER_CELLS, operand_cells};
use crate::exec::simd::CopyVector;
use crate::exec::variable::{Copy, CopyRun, CopyTwo, Narrow};
use crate::op::{Acc, Class, Imm, Slot};

use super::Translator;

/// A local: where it is, and the latest value on the stack that stands for it.
#[derive(Clone, Copy)]
pub(super) struct LocalInfo {
    pub(super) slot: Slot,
    /// Whether it takes two slots.
    pub(super) wide: bool,
    /// Position on the stack; `NONE` where there is no such value.
    latest: u32,
}

const NONE: u32 = u32::MAX;

/// From how many values on a copy of adjacent ones is one operation.
const LONG_RUN: usize = 4;

impl LocalInfo {
    pub(super) const fn new(slot: Slot, wide: bool) -> Self {
        Self { slot, wide, latest: NONE }
    }
}

/// Where a value on the stack is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// In its home.
    Temp,
    /// In a local; `previous` is the next lower value that is in the same one.
    Local { local: u32, previous: u32 },
    /// Nowhere: it is a constant.
    Const(u64),
}

/// A value on the stack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) place: Place,
    /// How many slots lie below its home.
    pub(super) height: u32,
    /// Whether it takes two slots.
    pub(super) wide: bool,
}

impl Value {
    pub(super) const fn slots(self) -> u32 {
        1 + self.wide as u32
    }
}

/// A value as an operation takes it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operand {
    Slot(Slot),
    Const(u64),
}

impl Translator<'_, '_> {
    /// The temporary slot above `height` others.
    pub(super) const fn temp(&self, height: u32) -> Slot {
        Slot((self.temp_base + height) as i32)
    }

    fn push(&mut self, place: Place, wide: bool) {
        let value = Value { place, height: self.height, wide };
        self.stack.push(value);
        self.height += value.slots();
        self.max_height = self.max_height.max(self.height);
    }

    /// Pushes a value that is in its home, and says where that is.
    pub(super) fn push_temp(&mut self, wide: bool) -> Slot {
        let home = self.temp(self.height);
        self.push(Place::Temp, wide);
        home
    }

    pub(super) fn push_const(&mut self, bits: u64) {
        self.push(Place::Const(bits), false);
    }

    pub(super) fn push_local(&mut self, local: u32) {
        let position = self.stack.len() as u32;
        let info = &mut self.locals[local as usize];
        let previous = core::mem::replace(&mut info.latest, position);
        let wide = info.wide;
        self.push(Place::Local { local, previous }, wide);
    }

    pub(super) fn pop_value(&mut self) -> Value {
        let value = self.stack.pop().expect("validated");
        self.flushed = self.flushed.min(self.stack.len());
        self.height = value.height;
        if let Place::Local { local, previous } = value.place {
            self.locals[local as usize].latest = previous;
        }
        value
    }

    pub(super) fn pop(&mut self) -> Operand {
        let value = self.pop_value();
        self.operand(value)
    }

    /// Where a value can be read.
    pub(super) fn operand(&self, value: Value) -> Operand {
        match value.place {
            Place::Temp => Operand::Slot(self.temp(value.height)),
            Place::Local { local, .. } => Operand::Slot(self.locals[local as usize].slot),
            Place::Const(bits) => Operand::Const(bits),
        }
    }

    /// Pops a value and sees that it is in a slot.
    pub(super) fn pop_slot(&mut self) -> Slot {
        let value = self.pop_value();
        let operand = self.operand(value);
        self.stage(operand, value.height)
    }

    /// Sees that the value on top of the stack is in a slot, and leaves it there.
    pub(super) fn top_slot(&mut self) -> Slot {
        let position = self.stack.len() - 1;
        let value = self.stack[position];
        let operand = self.operand(value);
        let slot = self.stage(operand, value.height);
        if matches!(value.place, Place::Const(_)) {
            self.stack[position].place = Place::Temp;
        }
        slot
    }

    /// Pops all values but the lowest `len`.
    pub(super) fn drop_to(&mut self, len: usize) {
        while self.stack.len() > len {
            self.pop_value();
        }
    }

    /// Sees that an operand which was popped from `height` is in a slot.
    pub(super) fn stage(&mut self, operand: Operand, height: u32) -> Slot {
        match operand {
            Operand::Slot(slot) => slot,
            Operand::Const(_) => {
                let home = self.temp(height);
                self.copy(home, operand);
                home
            }
        }
    }

    /// Writes a slot.
    pub(super) fn copy(&mut self, dst: Slot, operand: Operand) {
        match operand {
            Operand::Slot(src) if src == dst => return,
            Operand::Slot(src) if self.copied.holds(Class::Int, src) => {
                self.emit(Copy { dst, src: Acc })
            }
            Operand::Slot(src) => return self.copy_slot(Copy { dst, src }),
            Operand::Const(bits) => match u32::try_from(bits) {
                Ok(bits) => self.emit(Copy { dst, src: Narrow(bits) }),
                Err(_) => self.emit(Copy { dst, src: Imm(bits) }),
            },
        };
        self.copied.forget(dst);
    }

    /// Copies from slot to slot, in one operation with a copy right before.
    fn copy_slot(&mut self, second: Copy<Slot>) {
        if let Some(first) = self.latest_copy.take() {
            let size = const { HANDLER_CELLS + operand_cells::<Copy<Slot>>() };
            self.cells.truncate(self.cells.len() - size);
            self.emit(CopyTwo { first, second });
        } else {
            self.emit(second);
            self.latest_copy = Some(second);
        }
        self.copied.forget(second.dst);
    }

    /// Copies a value of one or two slots.
    pub(super) fn copy_value(&mut self, dst: Slot, value: Value) {
        match self.operand(value) {
            Operand::Slot(src) if src == dst => {}
            Operand::Slot(src) if value.wide => {
                self.emit(CopyVector { dst, src });
                self.copied.forget(dst);
                self.copied.forget(Slot(dst.0 + 1));
            }
            operand => self.copy(dst, operand),
        }
    }

    /// Copies home the values that are in a local which is about to be written.
    pub(super) fn preserve(&mut self, local: u32) {
        let info = &mut self.locals[local as usize];
        let mut position = core::mem::replace(&mut info.latest, NONE);
        while position != NONE {
            let value = self.stack[position as usize];
            let Place::Local { previous, .. } = value.place else { unreachable!("linked") };
            self.copy_value(self.temp(value.height), value);
            self.stack[position as usize].place = Place::Temp;
            position = previous;
        }
    }

    /// Copies home all values that are in locals.
    pub(super) fn flush_locals(&mut self) {
        for position in (self.flushed..self.stack.len()).rev() {
            self.bring_home(position, false);
        }
        self.flushed = self.stack.len();
    }

    /// Copies home the topmost values.
    pub(super) fn bring_home_top(&mut self, count: usize) {
        for position in (self.stack.len() - count..self.stack.len()).rev() {
            self.bring_home(position, true);
        }
    }

    /// Copies a value home, if all later values that are in the same local have been.
    fn bring_home(&mut self, position: usize, consts: bool) {
        let value = self.stack[position];
        match value.place {
            Place::Temp => return,
            Place::Const(_) if !consts => return,
            Place::Const(_) => {}
            Place::Local { local, previous } => {
                let info = &mut self.locals[local as usize];
                debug_assert_eq!(info.latest, position as u32, "from the top");
                info.latest = previous;
            }
        }
        self.copy_value(self.temp(value.height), value);
        self.stack[position].place = Place::Temp;
    }

    /// Copies the topmost values to temporaries from `height` on, in order. Values that are
    /// there already stay; no value is above its destination's end.
    pub(super) fn copy_top(&mut self, count: usize, mut height: u32) {
        let mut position = self.stack.len() - count;
        while position < self.stack.len() {
            let value = self.stack[position];
            let run = if value.height == height { 0 } else { self.temps_from(position) };
            if run >= LONG_RUN {
                let slots = self.stack[position..position + run].iter().map(|v| v.slots()).sum();
                self.emit(CopyRun { dst: self.temp(height), src: self.temp(value.height), slots });
                height += slots;
                position += run;
            } else {
                self.copy_value(self.temp(height), value);
                height += value.slots();
                position += 1;
            }
        }
    }

    /// How many values from a position on are in their homes.
    fn temps_from(&self, position: usize) -> usize {
        let values = self.stack[position..].iter();
        values.take_while(|value| matches!(value.place, Place::Temp)).count()
    }

    /// Whether the topmost values are not all in temporaries from `height` on.
    pub(super) fn needs_copy(&self, count: usize, mut height: u32) -> bool {
        self.stack[self.stack.len() - count..].iter().any(|value| {
            let moves = !matches!(value.place, Place::Temp) || value.height != height;
            height += value.slots();
            moves
        })
    }

    /// Writes a local with the value on top of the stack, and pops it.
    pub(super) fn set_local(&mut self, local: u32) {
        let value = self.pop_value();
        if let Place::Local { local: source, .. } = value.place
            && source == local
        {
            return;
        }
        let is_free = self.locals[local as usize].latest == NONE;
        self.preserve(local);
        let slot = self.locals[local as usize].slot;
        if is_free && self.redirect(value, slot) {
            self.step_local();
        } else {
            self.copy_value(slot, value);
        }
        self.latest = None;
    }

    /// Writes a local with the value on top of the stack.
    pub(super) fn tee_local(&mut self, local: u32) {
        let value = self.pop_value();
        if let Place::Local { local: source, .. } = value.place
            && source == local
        {
            self.push_local(local);
            return;
        }
        let is_free = self.locals[local as usize].latest == NONE;
        self.preserve(local);
        let slot = self.locals[local as usize].slot;
        if is_free && self.redirect(value, slot) {
            self.step_local();
            self.push_local(local);
        } else {
            self.copy_value(slot, value);
            self.push_again(value);
        }
        self.latest = None;
    }

    /// Pushes a value that was just popped.
    pub(super) fn push_again(&mut self, value: Value) {
        match value.place {
            Place::Local { local, .. } => self.push_local(local),
            place => self.push(place, value.wide),
        }
    }

    /// Lets the latest operation write its result elsewhere, if the value is that result.
    fn redirect(&mut self, value: Value, slot: Slot) -> bool {
        match &self.latest {
            Some(latest)
                if matches!(value.place, Place::Temp) && latest.home == self.temp(value.height) =>
            {
                let (dst_cell, home) = (latest.dst_cell, latest.home);
                self.cells[dst_cell] = slot.0 as u32;
                self.copied.forget(slot);
                self.copied.replace(home, slot);
                true
            }
            _ => false,
        }
    }
}
