//! Numeric operators: constants are folded, or become immediates.

use crate::exec::dispatch::HANDLER_CELLS;
use crate::op::forms::{
    BinaryForms, BranchForms, ChosenForms, CompareForms, ElementForms, SelectForms, Test,
    UnaryForms,
};
use crate::op::numeric::*;
use crate::op::{Cell, Class, OpInfo, Slot};

use super::control::Fuse;
use super::operands::Operands;
use super::stack::{Operand, Place, Value};
use super::{Addends, Latest, Scaled, Translator};

/// An address that an operation computes itself, or takes.
#[derive(Clone, Copy)]
pub(super) enum Address {
    Plain(Operand),
    Sum(Slot, Operand),
    /// A base and an index, which is shifted left before.
    Element {
        base: Slot,
        index: Slot,
        shift: u32,
    },
}

impl Translator<'_, '_> {
    /// Appends a branch, and returns the position of its target's cell.
    pub(super) fn emit_branch(
        &mut self,
        forms: &'static BranchForms,
        a: Slot,
        b: Operand,
        back: bool,
    ) -> usize {
        if back
            && let Some(steps) = &forms.steps
            && let Some(step) = self.take_step(a)
        {
            let info = if matches!(b, Operand::Slot(_)) { &steps.slot } else { &steps.imm };
            self.emit_form(info, &step.operand(b, false).cell(0));
            return self.cells.len() - 1;
        }
        let is_taken = forms.others.is_some() && self.take_acc(forms.class, a);
        let operands = if is_taken { Operands::NONE } else { Operands::NONE.slot(a) };
        let form = match (b, &forms.others) {
            (Operand::Const(_), Some(others)) if is_taken => &others.acc_imm,
            (Operand::Const(_), _) => &forms.slot_imm,
            (Operand::Slot(_), Some(others)) if is_taken => &others.acc_slot,
            (Operand::Slot(_), Some(others)) => &others.slot_slot,
            (Operand::Slot(_), None) => unreachable!("a constant"),
        };
        // The target is the last operand.
        let operands = operands.operand(b, forms.is_wide).cell(0);
        self.emit_form(&form[usize::from(back)], &operands);
        self.cells.len() - 1
    }

    /// Takes the latest operation back, if it is the sum in `slot` of another one and a constant;
    /// gives its operands.
    fn take_step(&mut self, slot: Slot) -> Option<Operands> {
        let start = self.latest_step?;
        let &[dst, src, step] = &self.cells[start + HANDLER_CELLS..] else { return None };
        if dst != slot.0 as Cell || !self.copied.holds(Class::Int, slot) {
            return None;
        }
        self.cells.truncate(start);
        Some(Operands::NONE.cell(dst).cell(src).cell(step))
    }

    fn binary(&mut self, forms: &'static BinaryForms) {
        let b = self.pop();
        let a = self.pop();
        if let (Operand::Const(a), Operand::Const(b)) = (a, b)
            && let Some(value) = (forms.eval)(a, b)
        {
            return self.push_const(value);
        }
        let (class, wide) = (forms.class, forms.is_wide);
        let none = Operands::NONE;
        let (info, operands) = match (a, b, &forms.ordered) {
            (Operand::Slot(a), Operand::Slot(b), _) if a != b && self.take_acc(class, a) => {
                (&forms.acc_slot, none.slot(b))
            }
            (Operand::Slot(a), Operand::Slot(b), ordered) if self.take_acc(class, b) => {
                (ordered.as_ref().map_or(&forms.acc_slot, |forms| &forms.slot_acc), none.slot(a))
            }
            (Operand::Slot(a), Operand::Slot(b), _) => (&forms.slot_slot, none.slot(a).slot(b)),
            (Operand::Const(a), Operand::Slot(b), Some(ordered)) => {
                (&ordered.imm_slot, none.imm(a, wide).slot(b))
            }
            (a, Operand::Const(constant), _) | (Operand::Const(constant), a, _) => {
                let a = self.stage(a, self.height);
                if self.take_acc(class, a) {
                    (&forms.acc_imm, none.imm(constant, wide))
                } else {
                    (&forms.slot_imm, none.slot(a).imm(constant, wide))
                }
            }
        };
        let start = self.define_form(info, &operands);
        if forms.is_address && core::ptr::eq(info, &forms.slot_imm) {
            self.latest_step = Some(start);
        }
    }

    /// An operator of two operands; sums are remembered, since they may be addresses.
    fn arithmetic(&mut self, forms: &'static BinaryForms) {
        if !(forms.is_address || forms.is_scale) {
            return self.binary(forms);
        }
        if forms.is_address && self.add_scaled() {
            return;
        }
        let (start, copied) = (self.cells.len(), self.copied);
        let [a, b] = [2, 1].map(|below| self.operand(self.stack[self.stack.len() - below]));
        self.binary(forms);
        if forms.is_scale {
            if let (Operand::Slot(index), Operand::Const(count), Some(latest)) =
                (a, b, &mut self.latest)
            {
                latest.scaled = Some(Scaled { start, index, shift: count as u32, copied });
            }
            return;
        }
        let (a, b) = match (a, b) {
            (Operand::Slot(a), Operand::Slot(b)) if copied.holds(Class::Int, b) => {
                (b, Operand::Slot(a))
            }
            (Operand::Slot(a), b) | (b, Operand::Slot(a)) => (a, b),
            _ => return,
        };
        if let Some(latest) = &mut self.latest {
            latest.sum = Some(Addends { start, a, b, copied, shift: None });
        }
    }

    /// Adds a slot to a number that was just shifted by a constant, in one operation; says whether
    /// that is what there is on the stack.
    fn add_scaled(&mut self) -> bool {
        let Some(Latest { home, scaled: Some(scaled), .. }) = self.latest else { return false };
        let [a, b] = [2, 1].map(|below| self.stack[self.stack.len() - below]);
        let is_scaled =
            |value: Value| matches!(value.place, Place::Temp) && self.temp(value.height) == home;
        let base = if is_scaled(b) { a } else { b };
        let Operand::Slot(base) = self.operand(base) else { return false };
        if base == home || !(is_scaled(a) || is_scaled(b)) {
            return false;
        }
        self.pop_value();
        self.pop_value();
        let Scaled { start, index, shift, copied } = scaled;
        self.cells.truncate(start);
        self.copied = copied;
        self.latest = None;
        let (info, operands) = self.element(const { &ElementForms::ADDRESS }, base, index, shift);
        self.define_form(info, &operands);
        if let Some(latest) = &mut self.latest {
            let b = Operand::Slot(base);
            latest.sum = Some(Addends { start, a: index, b, copied, shift: Some(shift) });
        }
        true
    }

    /// The form that takes the address of an element, and its operands.
    pub(super) fn element(
        &mut self,
        forms: &'static ElementForms,
        base: Slot,
        index: Slot,
        shift: u32,
    ) -> (&'static OpInfo, Operands) {
        let base = Operands::NONE.slot(base);
        if self.take_acc(Class::Int, index) {
            (&forms.acc, base.cell(shift))
        } else {
            (&forms.slot, base.slot(index).cell(shift))
        }
    }

    /// A `select` on a comparison that was just made, in one operation; says whether that is what
    /// there is on the stack.
    pub(super) fn select_compared(&mut self) -> bool {
        let Some(Latest { home, fuse: Some(fuse), .. }) = self.latest else { return false };
        let [x, y, condition] = [3, 2, 1].map(|below| self.stack[self.stack.len() - below]);
        let is_latest =
            matches!(condition.place, Place::Temp) && self.temp(condition.height) == home;
        if !is_latest || x.wide {
            return false;
        }
        let is_short = |operand| match operand {
            Operand::Slot(_) => true,
            Operand::Const(bits) => u32::try_from(bits).is_ok(),
        };
        let (mut x, mut y) = (self.operand(x), self.operand(y));
        if !(is_short(x) && is_short(y)) {
            return false;
        }
        let mut test = fuse.test;
        if let (Operand::Const(_), Operand::Slot(_)) = (x, y) {
            (x, y, test) = (y, x, test.negated());
        }
        let Some(selects) = &test.holds.selects else { return false };
        self.pop_condition();
        self.pop_value();
        self.pop_value();
        let (forms, operands) = self.chosen(selects, fuse.a, fuse.b);
        let info = match (x, y) {
            (Operand::Slot(_), Operand::Slot(_)) => &forms.slot_slot,
            (Operand::Slot(_), Operand::Const(_)) => &forms.slot_imm,
            (Operand::Const(_), _) => &forms.imm_imm,
        };
        self.define_form(info, &operands.operand(x, false).operand(y, false));
        true
    }

    /// The forms of a choice on a comparison of operands, and these.
    fn chosen(
        &mut self,
        forms: &'static SelectForms,
        a: Slot,
        b: Operand,
    ) -> (&'static ChosenForms, Operands) {
        let is_taken = self.take_acc(Class::Int, a);
        let forms = match (is_taken, b) {
            (false, Operand::Slot(_)) => &forms.slot_slot,
            (false, Operand::Const(_)) => &forms.slot_imm,
            (true, Operand::Slot(_)) => &forms.acc_slot,
            (true, Operand::Const(_)) => &forms.acc_imm,
        };
        let a = if is_taken { Operands::NONE } else { Operands::NONE.slot(a) };
        (forms, a.operand(b, false))
    }

    /// Pops the address of a load: takes the addition back, if it is a sum that was just computed.
    pub(super) fn pop_address(&mut self) -> Address {
        self.pop_sum(|_| true)
    }

    /// Pops the address of a store: takes the addition of two slots back.
    pub(super) fn pop_place(&mut self) -> Address {
        self.pop_sum(|sum| sum.shift.is_none() && matches!(sum.b, Operand::Slot(_)))
    }

    fn pop_sum(&mut self, is_wanted: impl Fn(&Addends) -> bool) -> Address {
        let value = self.pop_value();
        match self.latest {
            Some(Latest { home, sum: Some(sum), .. })
                if matches!(value.place, Place::Temp)
                    && home == self.temp(value.height)
                    && is_wanted(&sum) =>
            {
                self.cells.truncate(sum.start);
                self.copied = sum.copied;
                self.latest = None;
                match (sum.shift, sum.b) {
                    (Some(shift), Operand::Slot(base)) => {
                        Address::Element { base, index: sum.a, shift }
                    }
                    _ => Address::Sum(sum.a, sum.b),
                }
            }
            _ => Address::Plain(self.operand(value)),
        }
    }

    pub(super) fn compare(&mut self, forms: &'static CompareForms) {
        let b = self.pop();
        let a = self.pop();
        match (a, b) {
            // Only the first operand is ever taken from the accumulator.
            (Operand::Slot(a), Operand::Slot(b)) if self.copied.holds(forms.class, b) => {
                self.compare_slot((forms.swapped)(), b, Operand::Slot(a));
            }
            (Operand::Slot(a), b) => self.compare_slot(forms, a, b),
            (a, Operand::Slot(b)) => self.compare_slot((forms.swapped)(), b, a),
            (Operand::Const(a), Operand::Const(b)) => {
                self.push_const(u64::from((forms.eval)(a, b)));
            }
        }
    }

    fn compare_slot(&mut self, forms: &'static CompareForms, a: Slot, b: Operand) {
        let (start, copied, step) = (self.cells.len(), self.copied, self.latest_step);
        let is_copied = copied.holds(forms.class, a);
        let info = match (is_copied, b) {
            (false, Operand::Slot(_)) => &forms.slot_slot,
            (false, Operand::Const(_)) => &forms.slot_imm,
            (true, Operand::Slot(_)) => &forms.acc_slot,
            (true, Operand::Const(_)) => &forms.acc_imm,
        };
        let operands = if is_copied { Operands::NONE } else { Operands::NONE.slot(a) };
        self.define_form(info, &operands.operand(b, forms.is_wide));
        self.fuse(Fuse { start, a, b, test: forms.test, copied, step });
    }

    /// Says how to branch on the value that the latest operation defined.
    fn fuse(&mut self, fuse: Fuse) {
        self.latest.as_mut().expect("just defined").fuse = Some(fuse);
    }

    fn unary(&mut self, forms: &'static UnaryForms) {
        let a = match self.pop() {
            Operand::Slot(a) => a,
            Operand::Const(bits) => match (forms.eval)(bits) {
                Some(value) => return self.push_const(value),
                None => self.stage(Operand::Const(bits), self.height),
            },
        };
        if self.take_acc(forms.class, a) {
            self.define_form(&forms.acc, &Operands::NONE);
        } else {
            self.define_form(&forms.slot, &Operands::NONE.slot(a));
        }
    }

    pub(super) fn visit_i32_eqz(&mut self) {
        // The negation of a comparison: a branch can take over both.
        let negated = match (&self.latest, self.stack.last()) {
            (Some(latest), Some(value))
                if matches!(value.place, Place::Temp) && latest.home == self.temp(value.height) =>
            {
                latest.fuse.map(|fuse| Fuse { test: fuse.test.negated(), ..fuse })
            }
            _ => None,
        };
        self.push_const(0);
        self.compare(const { &CompareForms::of::<I32Eq>() });
        if let Some(fuse) = negated {
            self.fuse(fuse);
        }
    }

    pub(super) fn visit_i64_eqz(&mut self) {
        self.is_zero();
    }

    /// Compares with 0 what takes a slot.
    pub(super) fn is_zero(&mut self) {
        self.push_const(0);
        self.equal();
    }

    /// Compares what takes a slot each.
    pub(super) fn equal(&mut self) {
        self.compare(const { &CompareForms::of::<I64Eq>() });
    }
}

/// Whether an `i32` differs from another one.
pub(super) const NOT_ZERO: Test = Test::of::<I32Ne>();

/// Whether all bits of a slot are those of another one.
pub(super) const SAME: Test = Test::of::<I64Eq>();

macro_rules! visit_binary {
    ($($class:ident $Op:ident $visit:ident $ty:ident::$func:ident($arg:ty) -> $res:ty;)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                self.arithmetic(const { &BinaryForms::of::<$Op>() });
            }
        )*}
    };
}

macro_rules! visit_compare {
    ($(
        $Op:ident $visit:ident $ty:ident::$func:ident
        swapped $Swapped:ident negated $Negated:ty;
    )*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                self.compare(const { &CompareForms::of::<$Op>() });
            }
        )*}
    };
}

macro_rules! visit_unary {
    ($($class:ident $Op:ident $visit:ident $ty:ident::$func:ident($arg:ty) -> $res:ty;)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                self.unary(const { &UnaryForms::of::<$Op>() });
            }
        )*}
    };
}

for_each_binary!(visit_binary);
for_each_compare!(visit_compare);
for_each_unary!(visit_unary);
