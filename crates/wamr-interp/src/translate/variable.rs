//! Locals, globals, constants, references, and the parametric instructions.

use wamr_types::ValType;
use wasmparser::{Ieee32, Ieee64};

use crate::exec::numeric::Select;
use crate::exec::simd::{GlobalGetVector, GlobalSetVector};
use crate::exec::variable::{GlobalGet, GlobalSet, Narrow, RefAsNonNull, RefFunc};
use crate::op::{Acc, Class, Imm, SlotValue, Source};

use super::Translator;
use super::stack::Operand;

impl Translator<'_, '_> {
    pub(super) fn visit_nop(&mut self) {}

    pub(super) fn visit_drop(&mut self) {
        self.pop_value();
    }

    pub(super) fn visit_select(&mut self) {
        if self.select_compared() {
            return;
        }
        let condition = self.pop_slot();
        if !self.stack.last().is_some_and(|value| value.wide)
            && self.copied.holds(Class::Int, condition)
        {
            return self.select(Acc);
        }
        if self.stack.last().is_some_and(|value| value.wide) {
            return self.select_vector(condition);
        }
        self.select(condition);
    }

    fn select<C: Source<bool>>(&mut self, condition: C) {
        let b = self.pop();
        let a = self.pop();
        match (a, b) {
            (Operand::Slot(a), Operand::Slot(b)) => {
                self.define_acc(|dst| Select { dst, a, b, condition })
            }
            (Operand::Slot(a), Operand::Const(b)) => {
                self.define_acc(|dst| Select { dst, a, b: Imm(b), condition })
            }
            (Operand::Const(a), Operand::Slot(b)) => {
                self.define_acc(|dst| Select { dst, a: Imm(a), b, condition })
            }
            (Operand::Const(a), Operand::Const(b)) => {
                self.define_acc(|dst| Select { dst, a: Imm(a), b: Imm(b), condition })
            }
        };
    }

    pub(super) fn visit_typed_select(&mut self, _ty: wasmparser::ValType) {
        self.visit_select();
    }

    pub(super) fn visit_typed_select_multi(&mut self, _types: Vec<wasmparser::ValType>) {
        unreachable!("validation admits one type only");
    }

    pub(super) fn visit_local_get(&mut self, local: u32) {
        self.push_local(local);
    }

    pub(super) fn visit_local_set(&mut self, local: u32) {
        self.set_local(local);
    }

    pub(super) fn visit_local_tee(&mut self, local: u32) {
        self.tee_local(local);
    }

    fn is_global_wide(&self, global: u32) -> bool {
        self.module.globals[global as usize].ty.content == ValType::V128
    }

    pub(super) fn visit_global_get(&mut self, global: u32) {
        if self.is_global_wide(global) {
            self.define_vector(|dst| GlobalGetVector { dst, global });
        } else {
            self.define_acc(|dst| GlobalGet { dst, global });
        }
    }

    pub(super) fn visit_global_set(&mut self, global: u32) {
        match self.pop() {
            Operand::Slot(src) if self.is_global_wide(global) => {
                self.emit(GlobalSetVector { global, src })
            }
            Operand::Slot(src) if self.copied.holds(Class::Int, src) => {
                self.emit(GlobalSet { global, src: Acc })
            }
            Operand::Slot(src) => self.emit(GlobalSet { global, src }),
            Operand::Const(bits) => match u32::try_from(bits) {
                Ok(bits) => self.emit(GlobalSet { global, src: Narrow(bits) }),
                Err(_) => self.emit(GlobalSet { global, src: Imm(bits) }),
            },
        };
    }

    pub(super) fn visit_i32_const(&mut self, value: i32) {
        self.push_const(value.to_slot());
    }

    pub(super) fn visit_i64_const(&mut self, value: i64) {
        self.push_const(value.to_slot());
    }

    pub(super) fn visit_f32_const(&mut self, value: Ieee32) {
        self.push_const(value.bits() as u64);
    }

    pub(super) fn visit_f64_const(&mut self, value: Ieee64) {
        self.push_const(value.bits());
    }

    pub(super) fn visit_ref_null(&mut self, _ty: wasmparser::HeapType) {
        self.push_const(0);
    }

    pub(super) fn visit_ref_is_null(&mut self) {
        self.is_zero();
    }

    pub(super) fn visit_ref_func(&mut self, func: u32) {
        self.define(|dst| RefFunc { dst, func });
    }

    pub(super) fn visit_ref_as_non_null(&mut self) {
        let value = self.top_slot();
        self.emit(RefAsNonNull { value });
    }
}
