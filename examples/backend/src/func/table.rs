//! Tables: reads of elements stand here, everything else is the runtime's.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use wamr_types::TrapCode;

use super::FuncCompiler;
use crate::{helpers, layout};

impl FuncCompiler<'_> {
    /// The address of an element of the table at `at`.
    pub(super) fn element(&mut self, at: Value, index: Value, element_bytes: i64) -> Value {
        let base = self.load(types::I64, at, layout::TABLE_BASE);
        let offset = self.builder.ins().imul_imm_s(index, element_bytes);
        self.builder.ins().iadd(base, offset)
    }

    /// Pops an index or a count, which are 32 bits wide.
    fn pop_index(&mut self) -> Value {
        let index = self.pop();
        self.builder.ins().uextend(types::I64, index)
    }

    pub(super) fn table_get(&mut self, table: u32) {
        let index = self.pop_index();
        let at = self.load_item(layout::CONTEXT_TABLES, table);
        let len = self.load(types::I64, at, layout::TABLE_LEN);
        let is_outside = self.builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, len);
        self.trap_if(is_outside, TrapCode::TableOutOfBounds);
        let value = if self.holds_funcs(table) {
            let slot = self.element(at, index, layout::FUNC_ELEMENT_BYTES);
            self.load(types::I64, slot, layout::SLOT_FUNC)
        } else {
            let slot = self.element(at, index, layout::REF_ELEMENT_BYTES);
            self.load(types::I64, slot, 0)
        };
        self.push(value);
    }

    fn holds_funcs(&self, table: u32) -> bool {
        let element = self.module.tables[table as usize].ty.element;
        element == wamr_types::RefType::FUNCREF
    }

    pub(super) fn table_set(&mut self, table: u32) {
        let value = self.pop();
        let index = self.pop_index();
        let table = self.builder.ins().iconst(types::I32, i64::from(table));
        let helper = helpers::table_set as *const ();
        let code = self.call_helper(helper, &[table, index, value], types::I32);
        let (trap, go_on) = (self.cold_block(), self.builder.create_block());
        self.builder.ins().brif(code, trap, [], go_on, []);
        self.builder.switch_to_block(trap);
        self.raise(code);
        self.builder.switch_to_block(go_on);
    }

    pub(super) fn table_size(&mut self, table: u32) {
        let at = self.load_item(layout::CONTEXT_TABLES, table);
        let len = self.load(types::I64, at, layout::TABLE_LEN);
        let len = self.builder.ins().ireduce(types::I32, len);
        self.push(len);
    }

    pub(super) fn table_grow(&mut self, table: u32) {
        let delta = self.pop_index();
        let value = self.pop();
        let table = self.builder.ins().iconst(types::I32, i64::from(table));
        let helper = helpers::table_grow as *const ();
        let old = self.call_helper(helper, &[table, delta, value], types::I64);
        let old = self.builder.ins().ireduce(types::I32, old);
        self.push(old);
    }
}
