//! Memory instructions.

use wamr_runtime::MemoryKind;
use wamr_types::IndexType;
use wasmparser::{MemArg, MemArgTarget};

use crate::exec::memory::{
    Bulk, DataDrop, MemoryCopy, MemoryFill, MemoryGrow, MemoryInit, MemorySize, Place,
};
use crate::op::forms::{At, LoadForms, StoreForms};
use crate::op::memory::*;
use crate::op::{Class, Slot};

use super::numeric::Address;
use super::operands::Operands;
use super::stack::Operand;
use super::{Folded, FoldedOperator, Translator};

/// Where an access goes.
#[derive(Clone, Copy)]
pub(super) enum Access {
    /// To memory 0, which is not shared, with a 32-bit address.
    Plain { offset: u32 },
    /// To memory 0, which is guarded, with a 32-bit address.
    Guarded { offset: u32 },
    /// To any memory.
    Any { offset: u64, memory: u32, wide: bool },
}

fn memory_of(memarg: MemArg) -> u32 {
    match memarg.target {
        MemArgTarget::Memory(memory) => memory,
        MemArgTarget::Array(_) => unreachable!("not a supported feature's"),
    }
}

impl Translator<'_, '_> {
    pub(super) fn access(&self, memarg: MemArg) -> Access {
        let memory = memory_of(memarg);
        let wide = self.is_memory_wide(memory);
        match (u32::try_from(memarg.offset), self.memory0) {
            (Ok(offset), MemoryKind::Guarded) if memory == 0 && !wide => Access::Guarded { offset },
            _ => self.checked_access(memarg),
        }
    }

    /// Where an access goes that compares addresses in any case: not [`Access::Guarded`].
    pub(super) fn checked_access(&self, memarg: MemArg) -> Access {
        let memory = memory_of(memarg);
        let wide = self.is_memory_wide(memory);
        // Registers hold the length of memory 0, which no other thread may change.
        let is_plain = memory == 0 && !wide && !self.module.memories[0].shared;
        match u32::try_from(memarg.offset) {
            Ok(offset) if is_plain => Access::Plain { offset },
            _ => Access::Any { offset: memarg.offset, memory, wide },
        }
    }

    /// The place that an access goes to, wherever that is.
    pub(super) fn place(&self, memarg: MemArg, address: Slot) -> Place {
        let memory = memory_of(memarg);
        let wide = u32::from(self.is_memory_wide(memory));
        Place { address, offset: memarg.offset, memory, wide }
    }

    fn is_memory_wide(&self, memory: u32) -> bool {
        self.module.memories[memory as usize].index == IndexType::I64
    }

    fn load(&mut self, forms: &'static LoadForms, memarg: MemArg) {
        let none = Operands::NONE;
        let (address_forms, offset, memory) = match self.access(memarg) {
            Access::Plain { offset } => (&forms.plain, offset, MemoryKind::Checked),
            Access::Guarded { offset } => (&forms.guarded, offset, MemoryKind::Guarded),
            Access::Any { offset, memory, wide } => {
                let operands = none.slot(self.pop_slot()).imm(offset, true);
                self.define_form(&forms.any, &operands.cell(memory).cell(wide.into()));
                return;
            }
        };
        use Operand::{Const, Slot};
        let (at, operands) = match self.pop_address() {
            Address::Plain(Slot(at)) if self.take_acc(Class::Int, at) => (At::Acc, none),
            Address::Plain(Slot(at)) => (At::Slot, none.slot(at)),
            Address::Plain(Const(bits)) => (At::Imm, none.imm(bits, false)),
            Address::Sum(a, b) => {
                let is_copied = self.copied.holds(Class::Int, a);
                let at = match (is_copied, b) {
                    (true, Slot(_)) => At::AccSlot,
                    (true, Const(_)) => At::AccImm,
                    (false, Slot(_)) => At::SlotSlot,
                    (false, Const(_)) => At::SlotImm,
                };
                let a = if is_copied { none } else { none.slot(a) };
                (at, a.operand(b, false))
            }
            Address::Element { base, index, shift } => self.element(base, index, shift),
            Address::Scaled { index, shift } if self.take_acc(Class::Int, index) => {
                (At::AccScaled, none.cell(shift))
            }
            Address::Scaled { index, shift } => (At::Scaled, none.slot(index).cell(shift)),
        };
        let before = forms.kind.map(|_| self.before());
        let start = self.define_form(&address_forms[at as usize], &operands.cell(offset));
        if let (Some(kind), Some(before), Some(latest)) = (forms.kind, before, &mut self.latest) {
            let operator = FoldedOperator::Load { kind, memory, at, offset: self.offset };
            latest.folded = Some(Folded { start, operator, before });
        }
    }

    fn store(&mut self, forms: &'static StoreForms, memarg: MemArg) {
        let none = Operands::NONE;
        let (access_forms, offset) = match self.access(memarg) {
            Access::Plain { offset } => (&forms.plain, offset),
            Access::Guarded { offset } => (&forms.guarded, offset),
            Access::Any { offset, memory, wide } => {
                let value = self.pop_slot();
                let place = none.slot(self.pop_slot()).imm(offset, true);
                let operands = place.cell(memory).cell(wide.into()).slot(value);
                self.emit_form(&forms.any, &operands);
                return;
            }
        };
        let value = self.pop();
        let (value_forms, at) = match self.pop_place() {
            Address::Plain(Operand::Slot(at)) if self.take_acc(Class::Int, at) => {
                (&access_forms.acc, none)
            }
            Address::Plain(Operand::Slot(at)) => (&access_forms.slot, none.slot(at)),
            Address::Plain(Operand::Const(bits)) => (&access_forms.imm, none.imm(bits, false)),
            Address::Sum(a, b) => {
                let is_copied = self.copied.holds(Class::Int, a);
                let forms = match (is_copied, b) {
                    (true, Operand::Slot(_)) => &access_forms.acc_slot,
                    (true, Operand::Const(_)) => &access_forms.acc_imm,
                    (false, Operand::Slot(_)) => &access_forms.slot_slot,
                    (false, Operand::Const(_)) => &access_forms.slot_imm,
                };
                let a = if is_copied { none } else { none.slot(a) };
                (forms, a.operand(b, false))
            }
            Address::Element { .. } | Address::Scaled { .. } => unreachable!("sums alone"),
        };
        let place = at.cell(offset);
        let (info, operands) = match (value, &value_forms.acc) {
            (Operand::Slot(value), Some(acc)) if self.take_acc(forms.class, value) => (acc, place),
            (Operand::Slot(value), _) => (&value_forms.slot, place.slot(value)),
            (Operand::Const(bits), _) => (&value_forms.imm, place.imm(bits, forms.is_wide)),
        };
        self.emit_form(info, &operands);
    }

    /// Pops the three operands of a bulk instruction; `wide` says which are 64 bits wide.
    pub(super) fn pop_bulk(&mut self, wide: [bool; 3]) -> Bulk {
        let len = self.pop_slot();
        let src = self.pop_slot();
        let dst = self.pop_slot();
        let wide = wide.iter().enumerate().map(|(bit, &wide)| u32::from(wide) << bit).sum();
        Bulk { dst, src, len, wide }
    }

    pub(super) fn visit_memory_size(&mut self, memory: u32) {
        let wide = u32::from(self.is_memory_wide(memory));
        self.define(|dst| MemorySize { dst, memory, wide });
    }

    pub(super) fn visit_memory_grow(&mut self, memory: u32) {
        let wide = u32::from(self.is_memory_wide(memory));
        let delta: Slot = self.pop_slot();
        self.define(|dst| MemoryGrow { dst, delta, memory, wide });
    }

    pub(super) fn visit_memory_fill(&mut self, memory: u32) {
        let wide = self.is_memory_wide(memory);
        let operands = self.pop_bulk([wide, false, wide]);
        self.emit(MemoryFill { operands, memory });
    }

    pub(super) fn visit_memory_copy(&mut self, dst_memory: u32, src_memory: u32) {
        let dst_wide = self.is_memory_wide(dst_memory);
        let src_wide = self.is_memory_wide(src_memory);
        let operands = self.pop_bulk([dst_wide, src_wide, dst_wide && src_wide]);
        self.emit(MemoryCopy { operands, dst_memory, src_memory });
    }

    pub(super) fn visit_memory_init(&mut self, data: u32, memory: u32) {
        let wide = self.is_memory_wide(memory);
        let operands = self.pop_bulk([wide, false, false]);
        self.emit(MemoryInit { operands, memory, data });
    }

    pub(super) fn visit_data_drop(&mut self, data: u32) {
        self.emit(DataDrop { data });
    }
}

macro_rules! visit_load {
    ($($Op:ident $visit:ident $name:literal: $mem:ty as $res:ty;)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self, memarg: MemArg) {
                self.load(const { &LoadForms::of::<$Op>() }, memarg);
            }
        )*}
    };
}

macro_rules! visit_store {
    ($($Op:ident $visit:ident $name:literal: $arg:ty as $mem:ty;)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self, memarg: MemArg) {
                self.store(const { &StoreForms::of::<$Op>() }, memarg);
            }
        )*}
    };
}

for_each_load!(visit_load);
for_each_store!(visit_store);
