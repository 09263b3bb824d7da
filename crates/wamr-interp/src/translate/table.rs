//! Table instructions.

use wamr_types::IndexType;

use crate::exec::table::{
    ElemDrop, TableCopy, TableFill, TableGet, TableGrow, TableInit, TableSet, TableSize,
};

use super::Translator;

impl Translator<'_, '_> {
    fn is_table_wide(&self, table: u32) -> bool {
        self.module.tables[table as usize].ty.index == IndexType::I64
    }

    pub(super) fn visit_table_get(&mut self, table: u32) {
        let wide = u32::from(self.is_table_wide(table));
        let index = self.pop_slot();
        self.define(|dst| TableGet { dst, index, table, wide });
    }

    pub(super) fn visit_table_set(&mut self, table: u32) {
        let wide = u32::from(self.is_table_wide(table));
        let value = self.pop_slot();
        let index = self.pop_slot();
        self.emit(TableSet { index, value, table, wide });
    }

    pub(super) fn visit_table_size(&mut self, table: u32) {
        let wide = u32::from(self.is_table_wide(table));
        self.define(|dst| TableSize { dst, table, wide });
    }

    pub(super) fn visit_table_grow(&mut self, table: u32) {
        let wide = u32::from(self.is_table_wide(table));
        let delta = self.pop_slot();
        let value = self.pop_slot();
        self.define(|dst| TableGrow { dst, value, delta, table, wide });
    }

    pub(super) fn visit_table_fill(&mut self, table: u32) {
        let wide = self.is_table_wide(table);
        // A reference fills its slot.
        let operands = self.pop_bulk([wide, true, wide]);
        self.emit(TableFill { operands, table });
    }

    pub(super) fn visit_table_copy(&mut self, dst_table: u32, src_table: u32) {
        let dst_wide = self.is_table_wide(dst_table);
        let src_wide = self.is_table_wide(src_table);
        let operands = self.pop_bulk([dst_wide, src_wide, dst_wide && src_wide]);
        self.emit(TableCopy { operands, dst_table, src_table });
    }

    pub(super) fn visit_table_init(&mut self, elem: u32, table: u32) {
        let operands = self.pop_bulk([self.is_table_wide(table), false, false]);
        self.emit(TableInit { operands, table, elem });
    }

    pub(super) fn visit_elem_drop(&mut self, elem: u32) {
        self.emit(ElemDrop { elem });
    }
}
