//! Memory instructions.

use wamr_runtime::MemoryKind;
use wamr_types::IndexType;
use wasmparser::{MemArg, MemArgTarget};

use crate::exec::guard::{LoadGuarded, StoreGuarded};
use crate::exec::memory::{
    Bulk, DataDrop, Load, LoadAny, MemoryCopy, MemoryFill, MemoryGrow, MemoryInit, MemorySize,
    Place, Store, StoreAny,
};
use crate::op::memory::*;
use crate::op::{Acc, Imm, Slot, SlotValue, Source, Sum};

use super::Translator;
use super::numeric::Address;
use super::stack::Operand;

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
    fn access(&self, memarg: MemArg) -> Access {
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

    fn load<K: LoadOp>(&mut self, memarg: MemArg) {
        let access = self.access(memarg);
        if let Access::Any { offset, memory, wide } = access {
            let address = self.pop_slot();
            let place = Place { address, offset, memory, wide: u32::from(wide) };
            self.define(|dst| LoadAny::<K>::new(dst, place));
            return;
        }
        use Operand::{Const, Slot};
        match self.pop_address() {
            Address::Plain(Slot(at)) if self.take_acc::<u32>(at) => {
                self.load_from::<K, _>(access, Acc);
            }
            Address::Plain(Slot(at)) => self.load_from::<K, _>(access, at),
            Address::Plain(Const(bits)) => self.load_from::<K, _>(access, Imm(bits as u32)),
            Address::Sum(a, Slot(b)) if self.copied.holds::<u32>(a) => {
                self.load_from::<K, _>(access, Sum(Acc, b));
            }
            Address::Sum(a, Slot(b)) => self.load_from::<K, _>(access, Sum(a, b)),
            Address::Sum(a, Const(b)) if self.copied.holds::<u32>(a) => {
                self.load_from::<K, _>(access, Sum(Acc, Imm(b as u32)));
            }
            Address::Sum(a, Const(b)) => self.load_from::<K, _>(access, Sum(a, Imm(b as u32))),
        }
    }

    fn load_from<K: LoadOp, A: Source<u32>>(&mut self, access: Access, at: A) {
        match access {
            Access::Plain { offset } => {
                self.define_acc::<K::Res, _>(|dst| Load::<K, _>::new(dst, at, offset))
            }
            Access::Guarded { offset } => {
                self.define_acc::<K::Res, _>(|dst| LoadGuarded::<K, _>::new(dst, at, offset))
            }
            Access::Any { .. } => unreachable!("has a place"),
        };
    }

    fn store<K: StoreOp>(&mut self, memarg: MemArg) {
        let access = self.access(memarg);
        if let Access::Any { offset, memory, wide } = access {
            let value = self.pop_slot();
            let address = self.pop_slot();
            let place = Place { address, offset, memory, wide: u32::from(wide) };
            self.emit(StoreAny::<K>::new(place, value));
            return;
        }
        let value = self.pop();
        match self.pop() {
            Operand::Slot(at) if self.take_acc::<u32>(at) => {
                self.store_to::<K, _>(access, Acc, value);
            }
            Operand::Slot(at) => self.store_to::<K, _>(access, at, value),
            Operand::Const(bits) => self.store_to::<K, _>(access, Imm(bits as u32), value),
        }
    }

    fn store_to<K: StoreOp, A: Source<u32>>(&mut self, access: Access, at: A, value: Operand) {
        match value {
            Operand::Slot(value) if self.take_acc::<K::Arg>(value) => {
                self.store_of::<K, _, _>(access, at, Acc);
            }
            Operand::Slot(value) => self.store_of::<K, _, _>(access, at, value),
            Operand::Const(bits) => {
                self.store_of::<K, _, _>(access, at, Imm(K::Arg::from_slot(bits)));
            }
        }
    }

    fn store_of<K, A, B>(&mut self, access: Access, at: A, value: B)
    where
        K: StoreOp,
        A: Source<u32>,
        B: Source<K::Arg>,
    {
        match access {
            Access::Plain { offset } => self.emit(Store::<K, _, _>::new(at, offset, value)),
            Access::Guarded { offset } => {
                self.emit(StoreGuarded::<K, _, _>::new(at, offset, value))
            }
            Access::Any { .. } => unreachable!("has a place"),
        };
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
                self.load::<$Op>(memarg);
            }
        )*}
    };
}

macro_rules! visit_store {
    ($($Op:ident $visit:ident $name:literal: $arg:ty as $mem:ty;)*) => {
        impl Translator<'_, '_> {$(
            pub(super) fn $visit(&mut self, memarg: MemArg) {
                self.store::<$Op>(memarg);
            }
        )*}
    };
}

for_each_load!(visit_load);
for_each_store!(visit_store);
