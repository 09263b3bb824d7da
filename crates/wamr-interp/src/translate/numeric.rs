//! Numeric operators: constants are folded, or become immediates.

use core::any::TypeId;

use crate::exec::control::Branch;
use crate::exec::dispatch::{HANDLER_CELLS, operand_cells};
use crate::exec::numeric::{Binary, Compare, Unary};
use crate::op::numeric::*;
use crate::op::{Acc, Imm, Slot, SlotValue, Source};

use super::control::Fuse;
use super::stack::{Operand, Place};
use super::{Addends, Latest, Translator};

/// Appends a branch on a comparison; see [`super::control::EmitBranch`].
pub(super) fn emit_branch<K: CompareOp>(
    translator: &mut Translator<'_, '_>,
    a: Slot,
    b: Operand,
    sense: bool,
    back: bool,
) -> usize {
    if translator.take_acc::<K::Arg>(a) {
        translator.emit_branch_on::<K, _>(Acc, b, sense, back)
    } else {
        translator.emit_branch_on::<K, _>(a, b, sense, back)
    }
}

/// An address that an operation computes itself, or takes.
#[derive(Clone, Copy)]
pub(super) enum Address {
    Plain(Operand),
    Sum(Slot, Operand),
}

impl Translator<'_, '_> {
    fn emit_branch_on<K: CompareOp, A: Source<K::Arg>>(
        &mut self,
        a: A,
        b: Operand,
        sense: bool,
        back: bool,
    ) -> usize {
        match b {
            Operand::Slot(b) => self.emit_branch_to::<K, _, _>(a, b, sense, back),
            Operand::Const(bits) => {
                let b = Imm(K::Arg::from_slot(bits));
                self.emit_branch_to::<K, _, _>(a, b, sense, back)
            }
        }
    }

    fn emit_branch_to<K: CompareOp, A: Source<K::Arg>, B: Source<K::Arg>>(
        &mut self,
        a: A,
        b: B,
        sense: bool,
        back: bool,
    ) -> usize {
        let start = match (sense, back) {
            (true, true) => self.emit(Branch::<K, A, B, true, true>::new(a, b)),
            (true, false) => self.emit(Branch::<K, A, B, true, false>::new(a, b)),
            (false, true) => self.emit(Branch::<K, A, B, false, true>::new(a, b)),
            (false, false) => self.emit(Branch::<K, A, B, false, false>::new(a, b)),
        };
        // The target is the last operand.
        start + HANDLER_CELLS + operand_cells::<Branch<K, A, B, true, true>>() - 1
    }

    fn binary<K: BinaryOp>(&mut self) {
        let b = self.pop();
        let a = self.pop();
        if let (Operand::Const(a), Operand::Const(b)) = (a, b)
            && let Ok(value) = K::eval(K::Arg::from_slot(a), K::Arg::from_slot(b))
        {
            return self.push_const(value.to_slot());
        }
        match (a, b) {
            (Operand::Slot(a), Operand::Slot(b)) if a != b && self.take_acc::<K::Arg>(a) => {
                self.binary_of::<K, _, _>(Acc, b);
            }
            (Operand::Slot(a), Operand::Slot(b)) if self.take_acc::<K::Arg>(b) => {
                if K::COMMUTATIVE {
                    self.binary_of::<K, _, _>(Acc, a);
                } else {
                    self.binary_of::<K, _, _>(a, Acc);
                }
            }
            (Operand::Slot(a), Operand::Slot(b)) => {
                self.binary_of::<K, _, _>(a, b);
            }
            (Operand::Slot(a), Operand::Const(b)) => {
                self.binary_imm::<K>(a, b);
            }
            (Operand::Const(a), Operand::Slot(b)) if K::COMMUTATIVE => {
                self.binary_imm::<K>(b, a);
            }
            (Operand::Const(a), Operand::Slot(b)) => {
                let a = Imm(K::Arg::from_slot(a));
                self.binary_of::<K, _, _>(a, b);
            }
            (Operand::Const(_), Operand::Const(b)) => {
                let a = self.stage(a, self.height);
                self.binary_imm::<K>(a, b);
            }
        }
    }

    fn binary_of<K: BinaryOp, A: Source<K::Arg>, B: Source<K::Arg>>(&mut self, a: A, b: B) {
        self.define_acc::<K::Res, _>(|dst| Binary::<K, _, _>::new(dst, a, b));
    }

    fn binary_imm<K: BinaryOp>(&mut self, a: Slot, b: u64) {
        let b = Imm(K::Arg::from_slot(b));
        if self.take_acc::<K::Arg>(a) {
            self.binary_of::<K, _, _>(Acc, b);
        } else {
            self.binary_of::<K, _, _>(a, b);
        }
    }

    /// An operator of two operands; sums are remembered, since they may be addresses.
    fn arithmetic<K: BinaryOp>(&mut self) {
        if TypeId::of::<K>() != TypeId::of::<I32Add>() {
            return self.binary::<K>();
        }
        let (start, copied) = (self.cells.len(), self.copied);
        let [a, b] = [2, 1].map(|below| self.operand(self.stack[self.stack.len() - below]));
        self.binary::<K>();
        let (a, b) = match (a, b) {
            (Operand::Slot(a), Operand::Slot(b)) if copied.holds::<u32>(b) => (b, Operand::Slot(a)),
            (Operand::Slot(a), b) | (b, Operand::Slot(a)) => (a, b),
            _ => return,
        };
        if let Some(latest) = &mut self.latest {
            latest.sum = Some(Addends { start, a, b, copied });
        }
    }

    /// Pops an address: takes the addition back, if it is a sum that was just computed.
    pub(super) fn pop_address(&mut self) -> Address {
        let value = self.pop_value();
        match self.latest {
            Some(Latest { home, sum: Some(sum), .. })
                if matches!(value.place, Place::Temp) && home == self.temp(value.height) =>
            {
                self.cells.truncate(sum.start);
                self.copied = sum.copied;
                self.latest = None;
                Address::Sum(sum.a, sum.b)
            }
            _ => Address::Plain(self.operand(value)),
        }
    }

    pub(super) fn compare<K: CompareOp>(&mut self) {
        let b = self.pop();
        let a = self.pop();
        match (a, b) {
            // Only the first operand is ever taken from the accumulator.
            (Operand::Slot(a), Operand::Slot(b)) if self.copied.holds::<K::Arg>(b) => {
                self.compare_slot::<K::Swapped>(b, Operand::Slot(a));
            }
            (Operand::Slot(a), b) => self.compare_slot::<K>(a, b),
            (a, Operand::Slot(b)) => self.compare_slot::<K::Swapped>(b, a),
            (Operand::Const(a), Operand::Const(b)) => {
                let value = K::eval(K::Arg::from_slot(a), K::Arg::from_slot(b));
                self.push_const(value.to_slot());
            }
        }
    }

    fn compare_slot<K: CompareOp>(&mut self, a: Slot, b: Operand) {
        let copied = self.copied;
        let start = if copied.holds::<K::Arg>(a) {
            self.compare_of::<K, _>(Acc, b)
        } else {
            self.compare_of::<K, _>(a, b)
        };
        self.fuse(Fuse { start, a, b, sense: true, emit: emit_branch::<K>, copied });
    }

    fn compare_of<K: CompareOp, A: Source<K::Arg>>(&mut self, a: A, b: Operand) -> usize {
        match b {
            Operand::Slot(b) => {
                self.define_acc::<bool, _>(|dst| Compare::<K, _, _>::new(dst, a, b))
            }
            Operand::Const(bits) => {
                let b = Imm(K::Arg::from_slot(bits));
                self.define_acc::<bool, _>(|dst| Compare::<K, _, _>::new(dst, a, b))
            }
        }
    }

    /// Says how to branch on the value that the latest operation defined.
    fn fuse(&mut self, fuse: Fuse) {
        self.latest.as_mut().expect("just defined").fuse = Some(fuse);
    }

    fn unary<K: UnaryOp>(&mut self) {
        let a = match self.pop() {
            Operand::Slot(a) => a,
            Operand::Const(bits) => match K::eval(K::Arg::from_slot(bits)) {
                Ok(value) => return self.push_const(value.to_slot()),
                Err(_) => self.stage(Operand::Const(bits), self.height),
            },
        };
        if self.take_acc::<K::Arg>(a) {
            self.define_acc::<K::Res, _>(|dst| Unary::<K, _>::new(dst, Acc));
        } else {
            self.define_acc::<K::Res, _>(|dst| Unary::<K, _>::new(dst, a));
        }
    }

    pub(super) fn visit_i32_eqz(&mut self) {
        // The negation of a comparison: a branch can take over both.
        let negated = match (&self.latest, self.stack.last()) {
            (Some(latest), Some(value))
                if matches!(value.place, Place::Temp) && latest.home == self.temp(value.height) =>
            {
                latest.fuse.map(|fuse| Fuse { sense: !fuse.sense, ..fuse })
            }
            _ => None,
        };
        self.push_const(0);
        self.compare::<I32Eq>();
        if let Some(fuse) = negated {
            self.fuse(fuse);
        }
    }

    pub(super) fn visit_i64_eqz(&mut self) {
        self.push_const(0);
        self.compare::<I64Eq>();
    }
}

macro_rules! visit_binary {
    ($($class:ident $Op:ident $visit:ident $ty:ident::$func:ident($arg:ty) -> $res:ty;)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                self.arithmetic::<$Op>();
            }
        )*}
    };
}

macro_rules! visit_compare {
    ($($Op:ident $visit:ident $ty:ident::$func:ident swapped $Swapped:ident;)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                self.compare::<$Op>();
            }
        )*}
    };
}

macro_rules! visit_unary {
    ($($class:ident $Op:ident $visit:ident $ty:ident::$func:ident($arg:ty) -> $res:ty;)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                self.unary::<$Op>();
            }
        )*}
    };
}

for_each_binary!(visit_binary);
for_each_compare!(visit_compare);
for_each_unary!(visit_unary);
