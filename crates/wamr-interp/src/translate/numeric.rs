//! Numeric operators: constants are folded, or become immediates.

use crate::exec::control::StepTwo;
use crate::exec::dispatch::{HANDLER_CELLS, operand_cells};
use crate::op::forms::{
    At, BinaryForms, BranchForms, ChosenForms, CompareForms, ElementForms, EndForms, Inner,
    SelectForms, StepForms, Test, UnaryForms,
};
use crate::op::numeric::*;
use crate::op::{Cell, Class, OpInfo, Slot};

use wamr_runtime::MemoryKind;

use super::control::Fuse;
use super::operands::Operands;
use super::stack::{Operand, Place, Value};
use super::{Addends, Folded, FoldedOperator, Latest, Scaled, Step, StepKind, Translator};

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
    /// An index, which is shifted left before.
    Scaled {
        index: Slot,
        shift: u32,
    },
}

impl Translator<'_, '_> {
    /// Appends a branch, and returns the position of its target's cell.
    pub(super) fn emit_branch(
        &mut self,
        forms: &'static BranchForms,
        fuse: &Fuse,
        back: bool,
    ) -> usize {
        let Fuse { a, b, .. } = *fuse;
        if let Some(steps) = &forms.steps
            && let Some((ends, step)) = self.take_step(a, steps, back)
        {
            let info = if matches!(b, Operand::Slot(_)) { &ends.slot } else { &ends.imm };
            self.emit_form(info, &step.operand(b, false).cell(0));
            return self.cells.len() - 1;
        }
        if self.branch_loaded(forms, fuse, back) {
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

    /// A branch on what was just loaded, in one operation; says whether that is what there is.
    fn branch_loaded(&mut self, forms: &'static BranchForms, fuse: &Fuse, back: bool) -> bool {
        let Fuse { b, .. } = *fuse;
        let Some(Folded { start, operator, before }) = fuse.folded else { return false };
        let FoldedOperator::Load { kind, memory: MemoryKind::Guarded, at, offset } = operator
        else {
            return false;
        };
        // Nothing may stand between.
        if self.cells.len() != fuse.start {
            return false;
        }
        let loaded = forms.loaded.iter().find(|loaded| loaded.load == kind);
        let is_slot = matches!(b, Operand::Slot(_));
        let Some(info) = loaded.and_then(|loaded| loaded.form(at, is_slot, back)) else {
            return false;
        };
        // Behind the handler and the result.
        let place = Operands::of(&self.cells[start + HANDLER_CELLS + 1..]);
        self.take_back(start, before);
        let here = core::mem::replace(&mut self.offset, offset);
        self.emit_form(info, &place.operand(b, false).cell(0));
        self.offset = here;
        true
    }

    /// Takes the latest operation back, if it is an addition whose sum is in `slot`, or in another
    /// local; gives forms of a branch that makes it, and its operands.
    fn take_step(
        &mut self,
        slot: Slot,
        forms: &'static StepForms,
        back: bool,
    ) -> Option<(&'static EndForms, Operands)> {
        let Step { start, kind, .. } = self.latest_step?;
        let cells = &self.cells[start + HANDLER_CELLS..];
        let (&[dst, _, _] | &[_, _, _, dst, _, _]) = cells else { return None };
        let mut operands = Operands::of(cells);
        let is_sum = dst == slot.0 as Cell && self.copied.holds(Class::Int, slot);
        let ends = match (kind, is_sum, back) {
            (StepKind::Imm, true, true) => &forms.by_imm,
            (StepKind::Imm, true, false) => &forms.forwards,
            (StepKind::Slot, true, true) => &forms.by_slot,
            (StepKind::Two, true, true) => &forms.two,
            // A sum in its home may yet be taken from the accumulator.
            (StepKind::Imm, false, true) if (dst as i32) < self.temp_base as i32 => {
                operands = operands.slot(slot);
                &forms.other
            }
            _ => return None,
        };
        self.cells.truncate(start);
        Some((ends, operands))
    }

    /// Says that the sum of the latest operation has gone to a local: makes one operation of it
    /// and an addition right before, whose sum did too.
    pub(super) fn step_local(&mut self) {
        let Some(Step { start, kind: StepKind::Imm, previous: Some(previous) }) = self.latest_step
        else {
            return;
        };
        let size = const { operand_cells::<StepTwo>() / 2 };
        let cells = &self.cells[previous + HANDLER_CELLS..];
        debug_assert_eq!(start, previous + HANDLER_CELLS + size, "right before");
        let first = &cells[..size];
        // One whose sum is in its home may yet be taken back.
        if first[0] as i32 >= self.temp_base as i32 {
            return;
        }
        let second = &cells[HANDLER_CELLS + size..];
        let operands = second.iter().fold(Operands::of(first), |all, &cell| all.cell(cell));
        self.cells.truncate(previous);
        self.emit_form(const { &OpInfo::of::<StepTwo>() }, &operands);
        self.latest_step = Some(Step { start: previous, kind: StepKind::Two, previous: None });
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
        let is_folded = forms.shift.is_some() || forms.float.is_some();
        let before = is_folded.then(|| self.before());
        let step = self.latest_step;
        let start = self.define_form(info, &operands);
        let is_slot_imm = core::ptr::eq(info, &forms.slot_imm);
        if forms.is_address && is_slot_imm {
            let previous = step.filter(|step| step.kind == StepKind::Imm).map(|step| step.start);
            self.latest_step = Some(Step { start, kind: StepKind::Imm, previous });
        } else if forms.is_address && core::ptr::eq(info, &forms.slot_slot) {
            self.latest_step = Some(Step { start, kind: StepKind::Slot, previous: None });
        }
        let Some(before) = before else { return };
        let operator = if let Some(kind) = forms.shift {
            is_slot_imm.then_some(FoldedOperator::Shift { kind, is_wide: wide })
        } else if let Some(kind) = forms.float {
            let inner = if core::ptr::eq(info, &forms.slot_slot) {
                Some(Inner::SlotSlot)
            } else if core::ptr::eq(info, &forms.acc_slot) {
                Some(Inner::AccSlot)
            } else {
                forms
                    .ordered
                    .as_ref()
                    .filter(|ordered| core::ptr::eq(info, &ordered.slot_acc))
                    .map(|_| Inner::SlotAcc)
            };
            inner.map(|inner| FoldedOperator::Float { kind, class, inner })
        } else {
            None
        };
        if let (Some(operator), Some(latest)) = (operator, &mut self.latest) {
            latest.folded = Some(Folded { start, operator, before });
        }
    }

    /// An operator whose second operand was just shifted or loaded, in one operation; says whether
    /// that is what there is on the stack.
    fn binary_folded(&mut self, forms: &'static BinaryForms) -> bool {
        if forms.shifted.is_none() && forms.nested.is_none() && forms.loaded.is_empty() {
            return false;
        }
        let Some(Latest { home, folded: Some(Folded { start, operator, before }), .. }) =
            self.latest
        else {
            return false;
        };
        let [a, b] = [2, 1].map(|below| self.stack[self.stack.len() - below]);
        let is_latest =
            |value: Value| matches!(value.place, Place::Temp) && self.temp(value.height) == home;
        let may_be_first =
            forms.ordered.is_none() || matches!(operator, FoldedOperator::Float { .. });
        let (is_first, other) = match (is_latest(a), is_latest(b)) {
            (false, true) => (false, a),
            (true, false) if may_be_first => (true, b),
            _ => return false,
        };
        let Operand::Slot(other) = self.operand(other) else { return false };
        let mut is_acc = before.copied.holds(forms.class, other);
        let info = match operator {
            FoldedOperator::Shift { kind, is_wide } if is_wide == forms.is_wide => {
                forms.shifted.and_then(|shifted| shifted.form(is_acc, kind))
            }
            FoldedOperator::Load { kind, memory, at, .. } => forms
                .loaded
                .iter()
                .find(|loaded| loaded.load == kind && loaded.memory == memory)
                .and_then(|loaded| loaded.form(is_acc, at)),
            FoldedOperator::Float { kind, class, inner } if class == forms.class => {
                is_acc &= !is_first && inner == Inner::SlotSlot;
                forms.nested.map(|nested| &nested[kind as usize]).map(|nested| {
                    match (is_first, is_acc) {
                        (true, _) => &nested.first[inner as usize],
                        (false, false) => &nested.second[inner as usize],
                        (false, true) => &nested.acc_second,
                    }
                })
            }
            FoldedOperator::Shift { .. } | FoldedOperator::Float { .. } => None,
        };
        let Some(info) = info else { return false };
        self.pop_value();
        self.pop_value();
        // Behind the handler and the result. Of the count of a shift the low half does.
        let cells = &self.cells[start + HANDLER_CELLS + 1..];
        let folded = match operator {
            FoldedOperator::Shift { .. } => Operands::of(&cells[..2]),
            FoldedOperator::Load { .. } | FoldedOperator::Float { .. } => Operands::of(cells),
        };
        self.take_back(start, before);
        let mut operands = folded;
        if is_acc {
            self.take_acc(forms.class, other);
        } else if is_first && matches!(operator, FoldedOperator::Float { .. }) {
            operands = folded.slot(other);
        } else {
            operands = folded.behind(other);
        }
        let here = self.offset;
        if let FoldedOperator::Load { offset, .. } = operator {
            self.offset = offset;
        }
        self.define_form(info, &operands);
        self.offset = here;
        true
    }

    /// An operator of two operands; sums are remembered, since they may be addresses.
    fn arithmetic(&mut self, forms: &'static BinaryForms) {
        if forms.is_address && self.add_scaled() || self.binary_folded(forms) {
            return;
        }
        if !(forms.is_address || forms.is_scale) {
            return self.binary(forms);
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
        let forms = const { &ElementForms::ADDRESS };
        let (at, operands) = self.element(base, index, shift);
        let info = if at == At::AccElement { &forms.acc } else { &forms.slot };
        self.define_form(info, &operands);
        if let Some(latest) = &mut self.latest {
            let b = Operand::Slot(base);
            latest.sum = Some(Addends { start, a: index, b, copied, shift: Some(shift) });
        }
        true
    }

    /// Where an element is, and its place as operands.
    pub(super) fn element(&mut self, base: Slot, index: Slot, shift: u32) -> (At, Operands) {
        let base = Operands::NONE.slot(base);
        if self.take_acc(Class::Int, index) {
            (At::AccElement, base.cell(shift))
        } else {
            (At::Element, base.slot(index).cell(shift))
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

    /// Pops the address of a load: takes the addition back, if it is a sum that was just computed,
    /// or the shift of an index.
    pub(super) fn pop_address(&mut self) -> Address {
        if let Some(Latest { home, scaled: Some(scaled), .. }) = self.latest
            && let Some(value) = self.stack.last()
            && matches!(value.place, Place::Temp)
            && home == self.temp(value.height)
        {
            self.pop_value();
            let Scaled { start, index, shift, copied } = scaled;
            self.cells.truncate(start);
            self.copied = copied;
            self.latest = None;
            return Address::Scaled { index, shift };
        }
        self.pop_sum(|_| true)
    }

    /// Pops the address of a store: takes the addition back, unless it is that of an element.
    pub(super) fn pop_place(&mut self) -> Address {
        self.pop_sum(|sum| sum.shift.is_none())
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
        let folded = self.latest_folded(a);
        let is_copied = copied.holds(forms.class, a);
        let info = match (is_copied, b) {
            (false, Operand::Slot(_)) => &forms.slot_slot,
            (false, Operand::Const(_)) => &forms.slot_imm,
            (true, Operand::Slot(_)) => &forms.acc_slot,
            (true, Operand::Const(_)) => &forms.acc_imm,
        };
        let operands = if is_copied { Operands::NONE } else { Operands::NONE.slot(a) };
        self.define_form(info, &operands.operand(b, forms.is_wide));
        self.fuse(Fuse { start, a, b, test: forms.test, copied, step, folded });
    }

    /// What an operator can take over that has `slot` for its operand.
    pub(super) fn latest_folded(&self, slot: Slot) -> Option<Folded> {
        self.latest.as_ref().filter(|latest| latest.home == slot).and_then(|l| l.folded)
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
