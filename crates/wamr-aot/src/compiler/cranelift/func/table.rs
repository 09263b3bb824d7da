//! Tables: reads of elements stand here, everything else is the runtime's.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use wamr_runtime::compiled::Builtin;
use wamr_types::TrapCode;

use super::super::layout;
use super::FuncCompiler;

impl FuncCompiler<'_, '_> {
    /// The address of an element of the table at `at`.
    pub(super) fn element(&mut self, at: Value, index: Value, element_bytes: i64) -> Value {
        // Elements never move.
        let base = self.load_constant(types::I64, at, self.env.layout.table.base as i32);
        let offset = self.builder.ins().imul_imm_s(index, element_bytes);
        self.builder.ins().iadd(base, offset)
    }

    /// How many elements a table at `at` has: those that it must have and no others can be, because
    /// its type or its module says so, or what it says now.
    pub(super) fn table_len(&mut self, table: u32, at: Value) -> Value {
        if let Some(known) = &self.env.known_tables[table as usize] {
            return self.i64_value(known.len());
        }
        let limits = self.module.tables[table as usize].ty.limits;
        match limits.max {
            Some(max) if max == limits.min => self.i64_value(max),
            _ => self.load_field(types::I64, at, self.env.layout.table.len),
        }
    }

    /// Pops an index: the address of that element.
    fn pop_element(&mut self, table: u32, element_bytes: i64) -> Value {
        let layout = self.env.layout;
        let index = self.pop_index(self.module.tables[table as usize].ty.index);
        let at = self.load_item(layout.context.tables, table);
        let len = self.table_len(table, at);
        let is_outside = self.builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, len);
        self.trap_if(is_outside, TrapCode::TableOutOfBounds);
        self.element(at, index, element_bytes)
    }

    pub(super) fn visit_table_get(&mut self, table: u32) {
        let slot = self.env.layout.slot;
        let (bytes, offset) = if self.env.func_tables[table as usize] {
            (i64::from(slot.size_bytes), slot.func as i32)
        } else {
            (layout::REF_ELEMENT_BYTES, 0)
        };
        let at = self.pop_element(table, bytes);
        let value = self.builder.ins().load(types::I64, self.flags.tables, at, offset);
        self.push(value);
    }

    pub(super) fn visit_table_set(&mut self, table: u32) {
        let value = self.pop();
        if self.env.func_tables[table as usize] {
            let index = self.pop_index(self.module.tables[table as usize].ty.index);
            let table = self.i32_value(table);
            self.call_builtin(Builtin::TableSet, &[table, index, value]);
        } else {
            let at = self.pop_element(table, layout::REF_ELEMENT_BYTES);
            self.builder.ins().store(self.flags.tables, value, at, 0);
        }
    }

    pub(super) fn visit_table_size(&mut self, table: u32) {
        let at = self.load_item(self.env.layout.context.tables, table);
        let len = self.table_len(table, at);
        self.push_size(self.module.tables[table as usize].ty.index, len);
    }

    pub(super) fn visit_table_grow(&mut self, table: u32) {
        let index = self.module.tables[table as usize].ty.index;
        let delta = self.pop_index(index);
        let value = self.pop();
        let table = self.i32_value(table);
        let old = self.ask_builtin(Builtin::TableGrow, &[table, delta, value]);
        self.push_size(index, old);
    }
}
