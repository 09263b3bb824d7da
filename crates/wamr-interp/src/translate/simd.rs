//! Vector instructions but for loads and stores. Vectors are never constants on the stack at
//! translation time; numbers are.

use wamr_runtime::numeric::simd::V128;

use crate::exec::simd::{CopyVector, Extract, Replace, SelectVector, Shuffle, VectorTernary};
use crate::op::forms::{ShiftForms, VectorBinaryForms, VectorUnaryForms};
use crate::op::simd::*;
use crate::op::{Class, Imm, Slot, SlotValue};

use super::Translator;
use super::operands::Operands;
use super::stack::Operand;

/// Does something with a lane's number as a constant.
macro_rules! with_lane {
    ($lane:expr, $count:expr, $LANE:ident => $body:expr) => {
        with_lane!(@arms $lane, $count, $LANE => $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    (@arms $lane:expr, $count:expr, $LANE:ident => $body:expr, $($number:literal)*) => {
        match $lane {
            $($number if $count > $number => {
                const $LANE: u8 = $number;
                $body;
            })*
            _ => unreachable!("validated"),
        }
    };
}
pub(super) use with_lane;

impl Translator<'_, '_> {
    fn vector_unary(&mut self, forms: &'static VectorUnaryForms) {
        let a = self.pop_slot();
        let (info, operands) = if self.take_acc(forms.class, a) {
            (&forms.acc, Operands::NONE)
        } else {
            (&forms.slot, Operands::NONE.slot(a))
        };
        self.define_form_value(info, &operands, forms.is_vector);
    }

    fn vector_binary(&mut self, forms: &'static VectorBinaryForms) {
        let b = self.pop_slot();
        let a = self.pop_slot();
        let (info, operands) = if self.take_acc(Class::V128, a) {
            (&forms.acc_slot, Operands::NONE.slot(b))
        } else if self.take_acc(Class::V128, b) {
            (&forms.slot_acc, Operands::NONE.slot(a))
        } else {
            (&forms.slot_slot, Operands::NONE.slot(a).slot(b))
        };
        self.define_form_value(info, &operands, true);
    }

    fn vector_ternary<K: VectorTernaryOp>(&mut self) {
        let c = self.pop_slot();
        let b = self.pop_slot();
        let a = self.pop_slot();
        self.define_vector(|dst| VectorTernary::<K>::new(dst, a, b, c));
    }

    fn vector_shift(&mut self, forms: &'static ShiftForms) {
        let count = self.pop();
        let a = self.pop_slot();
        let (info, operands) = match count {
            Operand::Slot(count) => (&forms.slot_slot, Operands::NONE.slot(a).slot(count)),
            Operand::Const(bits) if self.take_acc(Class::V128, a) => {
                (&forms.acc_imm, Operands::NONE.imm(bits, false))
            }
            Operand::Const(bits) => (&forms.slot_imm, Operands::NONE.slot(a).imm(bits, false)),
        };
        self.define_form_value(info, &operands, true);
    }

    fn vector_extract<K: ExtractOp>(&mut self, lane: u8) {
        let a = self.pop_slot();
        with_lane!(lane, K::LANES, LANE => self.define(|dst| Extract::<K, LANE>::new(dst, a)));
        self.in_acc(Some(K::Res::CLASS));
    }

    fn vector_replace<K: ReplaceOp>(&mut self, lane: u8) {
        let value = self.pop_slot();
        let a = self.pop_slot();
        with_lane!(lane, K::LANES, LANE => {
            self.define_vector(|dst| Replace::<K, LANE>::new(dst, a, value))
        });
    }

    pub(super) fn visit_v128_const(&mut self, value: wasmparser::V128) {
        let src = Imm(V128::from_bytes(*value.bytes()));
        self.define_value::<V128, _>(|dst| CopyVector { dst, src });
    }

    pub(super) fn visit_i8x16_shuffle(&mut self, lanes: [u8; 16]) {
        let b = self.pop_slot();
        let a = self.pop_slot();
        self.define_vector(|dst| Shuffle { dst, a, b, lanes });
    }

    /// `select` of two vectors.
    pub(super) fn select_vector(&mut self, condition: Slot) {
        let b = self.pop_slot();
        let a = self.pop_slot();
        self.define_vector(|dst| SelectVector { dst, a, b, condition });
    }
}

macro_rules! visit_unary {
    ($($Op:ident $visit:ident $shape:ident::$func:ident($arg:ty) -> $res:ty;)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                self.vector_unary(const { &VectorUnaryForms::of::<$Op>() });
            }
        )*}
    };
}

macro_rules! visit_binary {
    ($($Op:ident $visit:ident $shape:ident::$func:ident;)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                self.vector_binary(const { &VectorBinaryForms::of::<$Op>() });
            }
        )*}
    };
}

macro_rules! visit_ternary {
    ($($Op:ident $visit:ident $shape:ident::$func:ident;)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                self.vector_ternary::<$Op>();
            }
        )*}
    };
}

macro_rules! visit_shift {
    ($($Op:ident $visit:ident $shape:ident::$func:ident;)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                self.vector_shift(const { &ShiftForms::of::<$Op>() });
            }
        )*}
    };
}

macro_rules! visit_extract {
    ($($Op:ident $visit:ident $shape:ident::$func:ident of $lanes:literal -> $res:ty;)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self, lane: u8) {
                self.vector_extract::<$Op>(lane);
            }
        )*}
    };
}

macro_rules! visit_replace {
    ($($Op:ident $visit:ident $shape:ident::$func:ident of $lanes:literal($arg:ty);)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self, lane: u8) {
                self.vector_replace::<$Op>(lane);
            }
        )*}
    };
}

for_each_vector_unary!(visit_unary);
for_each_vector_binary!(visit_binary);
for_each_vector_ternary!(visit_ternary);
for_each_vector_shift!(visit_shift);
for_each_vector_extract!(visit_extract);
for_each_vector_replace!(visit_replace);
