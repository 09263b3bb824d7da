//! Memories: loads, stores and sizes stand here, all else is the runtime's.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, Value, types};
use wamr_runtime::MemoryKind;
use wamr_runtime::compiled::Builtin;
use wamr_types::{IndexType, TrapCode};
use wasmparser::{MemArg, MemArgTarget};

use super::{FuncCompiler, clif_trap};

/// Where an access goes: an address, what to add to it, and how.
#[derive(Clone, Copy)]
pub(super) struct Access {
    pub(super) at: Value,
    pub(super) offset: i32,
    pub(super) flags: MemFlagsData,
}

macro_rules! loads {
    ($($visit:ident $load:ident $ty:ident $bytes:literal;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self, memarg: MemArg) {
                let Access { at, offset, flags } = self.access(memarg, $bytes);
                let value = self.builder.ins().$load(types::$ty, flags, at, offset);
                self.push(value);
            }
        )*}
    };
}

loads! {
    visit_i32_load load I32 4;
    visit_i64_load load I64 8;
    visit_f32_load load F32 4;
    visit_f64_load load F64 8;
    visit_i32_load8_s sload8 I32 1;
    visit_i32_load8_u uload8 I32 1;
    visit_i32_load16_s sload16 I32 2;
    visit_i32_load16_u uload16 I32 2;
    visit_i64_load8_s sload8 I64 1;
    visit_i64_load8_u uload8 I64 1;
    visit_i64_load16_s sload16 I64 2;
    visit_i64_load16_u uload16 I64 2;
    visit_v128_load load I8X16 16;
}

macro_rules! stores {
    ($($visit:ident $store:ident $bytes:literal;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self, memarg: MemArg) {
                let value = self.pop();
                let Access { at, offset, flags } = self.access(memarg, $bytes);
                self.builder.ins().$store(flags, value, at, offset);
            }
        )*}
    };
}

stores! {
    visit_i32_store store 4;
    visit_i64_store store 8;
    visit_f32_store store 4;
    visit_f64_store store 8;
    visit_i32_store8 istore8 1;
    visit_i32_store16 istore16 2;
    visit_i64_store8 istore8 1;
    visit_i64_store16 istore16 2;
    visit_i64_store32 istore32 4;
    visit_v128_store store 16;
}

impl FuncCompiler<'_, '_> {
    pub(super) fn visit_i64_load32_s(&mut self, memarg: MemArg) {
        let Access { at, offset, flags } = self.access(memarg, 4);
        let value = self.builder.ins().sload32(flags, at, offset);
        self.push(value);
    }

    pub(super) fn visit_i64_load32_u(&mut self, memarg: MemArg) {
        let Access { at, offset, flags } = self.access(memarg, 4);
        let value = self.builder.ins().uload32(flags, at, offset);
        self.push(value);
    }

    /// Pops an index: where an access of `len_bytes` bytes from there on goes.
    pub(super) fn access(&mut self, memarg: MemArg, len_bytes: u64) -> Access {
        let number = match memarg.target {
            MemArgTarget::Memory(memory) => memory,
            MemArgTarget::Array(_) => unreachable!("not a supported feature's"),
        };
        let index_type = self.memory_index(number);
        let index = self.pop_index(index_type);
        if number == 0 && self.request.memory0 == MemoryKind::Guarded {
            // A guarded memory never moves.
            let base_at = self.env.layout.context.memory0_base as i32;
            let base = self.load_constant(types::I64, self.ctx, base_at);
            let at = self.builder.ins().iadd(base, index);
            let trap = self.inlining.positions.add_access(self.builder.srcloc());
            let flags = self.flags.guarded.with_trap_code(Some(trap));
            return self.with_offset(at, memarg.offset, flags);
        }
        let memory = self.memory(number);
        let end = self.end_of_access(index_type, index, memarg.offset.checked_add(len_bytes));
        self.check_bounds(memory, end);
        let base = self.load_field(types::I64, memory, self.env.layout.memory.base);
        let at = self.builder.ins().iadd(base, index);
        self.with_offset(at, memarg.offset, self.flags.memories)
    }

    fn with_offset(&mut self, at: Value, offset: u64, flags: MemFlagsData) -> Access {
        match i32::try_from(offset) {
            Ok(offset) => Access { at, offset, flags },
            Err(_) => {
                let offset = self.i64_value(offset);
                Access { at: self.builder.ins().iadd(at, offset), offset: 0, flags }
            }
        }
    }

    /// Where `len_bytes` bytes at an address of a memory are; traps if they are not all in bounds.
    pub(super) fn checked_place(&mut self, memory: u32, address: Value, len_bytes: u64) -> Value {
        let index_type = self.memory_index(memory);
        let memory = self.memory(memory);
        let end = self.end_of_access(index_type, address, Some(len_bytes));
        self.check_bounds(memory, end);
        let base = self.load_field(types::I64, memory, self.env.layout.memory.base);
        self.builder.ins().iadd(base, address)
    }

    /// What has to lie in bounds: an index plus a distance, which may itself be too large.
    fn end_of_access(&mut self, ty: IndexType, index: Value, distance: Option<u64>) -> Value {
        match (ty, distance) {
            // The sum cannot overflow: index and offset have 32 bits.
            (IndexType::I32, Some(distance)) => {
                self.builder.ins().iadd_imm_s(index, distance as i64)
            }
            (IndexType::I64, Some(distance)) => {
                let distance = self.i64_value(distance);
                let code = clif_trap(TrapCode::MemoryOutOfBounds);
                self.builder.ins().uadd_overflow_trap(index, distance, code)
            }
            (_, None) => self.i64_value(u64::MAX),
        }
    }

    /// Traps if an access that ends at `end` is not in bounds of the memory described at `memory`.
    fn check_bounds(&mut self, memory: Value, end: Value) {
        let len = self.load_field(types::I64, memory, self.env.layout.memory.len_bytes);
        let is_outside = self.builder.ins().icmp(IntCC::UnsignedGreaterThan, end, len);
        self.trap_if(is_outside, TrapCode::MemoryOutOfBounds);
    }

    pub(super) fn memory_index(&self, memory: u32) -> IndexType {
        self.module.memories[memory as usize].index
    }

    /// The address of what running code knows of a memory.
    fn memory(&mut self, memory: u32) -> Value {
        let context = self.env.layout.context;
        if memory == 0 {
            self.load_constant(types::I64, self.ctx, context.memory0 as i32)
        } else {
            self.load_item(context.memories, memory)
        }
    }

    /// Pops what may be the smaller of two index types, as 64 bits.
    fn pop_smaller(&mut self, a: IndexType, b: IndexType) -> Value {
        self.pop_index(if a == b { a } else { IndexType::I32 })
    }

    /// Pops an `i32` as 64 bits.
    fn pop_wide(&mut self) -> Value {
        self.pop_index(IndexType::I32)
    }

    pub(super) fn visit_memory_size(&mut self, memory: u32) {
        let at = self.memory(memory);
        let len = self.load_field(types::I64, at, self.env.layout.memory.len_bytes);
        let ty = self.module.memories[memory as usize];
        let pages = self.builder.ins().ushr_imm_u(len, i64::from(ty.page_size_log2));
        self.push_size(ty.index, pages);
    }

    pub(super) fn visit_memory_grow(&mut self, memory: u32) {
        let index = self.memory_index(memory);
        let delta = self.pop_index(index);
        let memory = self.i32_value(memory);
        let old = self.ask_builtin(Builtin::MemoryGrow, &[memory, delta]);
        self.push_size(index, old);
    }

    pub(super) fn visit_memory_fill(&mut self, memory: u32) {
        let index = self.memory_index(memory);
        let len = self.pop_index(index);
        let value = self.pop();
        let dst = self.pop_index(index);
        let memory = self.i32_value(memory);
        self.call_builtin(Builtin::MemoryFill, &[memory, dst, value, len]);
    }

    pub(super) fn visit_memory_copy(&mut self, to: u32, from: u32) {
        let (to_index, from_index) = (self.memory_index(to), self.memory_index(from));
        let len = self.pop_smaller(to_index, from_index);
        let src = self.pop_index(from_index);
        let dst = self.pop_index(to_index);
        let (to, from) = (self.i32_value(to), self.i32_value(from));
        self.call_builtin(Builtin::MemoryCopy, &[to, from, dst, src, len]);
    }

    pub(super) fn visit_memory_init(&mut self, data: u32, memory: u32) {
        let (len, src) = (self.pop_wide(), self.pop_wide());
        let dst = self.pop_index(self.memory_index(memory));
        let (memory, data) = (self.i32_value(memory), self.i32_value(data));
        self.call_builtin(Builtin::MemoryInit, &[memory, data, dst, src, len]);
    }

    pub(super) fn visit_data_drop(&mut self, data: u32) {
        let data = self.i32_value(data);
        self.call_builtin(Builtin::DataDrop, &[data]);
    }

    fn table_index(&self, table: u32) -> IndexType {
        self.module.tables[table as usize].ty.index
    }

    pub(super) fn visit_table_fill(&mut self, table: u32) {
        let index = self.table_index(table);
        let count = self.pop_index(index);
        let value = self.pop();
        let start = self.pop_index(index);
        let table = self.i32_value(table);
        self.call_builtin(Builtin::TableFill, &[table, start, value, count]);
    }

    pub(super) fn visit_table_copy(&mut self, to: u32, from: u32) {
        let (to_index, from_index) = (self.table_index(to), self.table_index(from));
        let count = self.pop_smaller(to_index, from_index);
        let src = self.pop_index(from_index);
        let dst = self.pop_index(to_index);
        let (to, from) = (self.i32_value(to), self.i32_value(from));
        self.call_builtin(Builtin::TableCopy, &[to, from, dst, src, count]);
    }

    pub(super) fn visit_table_init(&mut self, elem: u32, table: u32) {
        let (count, src) = (self.pop_wide(), self.pop_wide());
        let dst = self.pop_index(self.table_index(table));
        let (table, elem) = (self.i32_value(table), self.i32_value(elem));
        self.call_builtin(Builtin::TableInit, &[table, elem, dst, src, count]);
    }

    pub(super) fn visit_elem_drop(&mut self, elem: u32) {
        let elem = self.i32_value(elem);
        self.call_builtin(Builtin::ElemDrop, &[elem]);
    }

    /// Loads a number of a type.
    pub(super) fn load_at(&mut self, ty: Type, access: Access) -> Value {
        self.builder.ins().load(ty, access.flags, access.at, access.offset)
    }
}
