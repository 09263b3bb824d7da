//! Table instructions: calls of the runtime, which has the one implementation of tables.

use wamr_runtime::rt;
use wamr_runtime::vm::VmContext;
use wamr_types::TrapCode;

use super::memory::{Bulk, flow, helper_ops, operand, set_size};
use crate::op::{Flow, Slot, Source};

/// Writes an element to a slot.
///
/// # Safety
/// As for [`rt::table_get`]; the slot belongs to the current frame.
#[inline(never)]
unsafe fn get_into(
    dst: *mut u64,
    ctx: *mut VmContext,
    table: u32,
    index: u64,
) -> Result<(), TrapCode> {
    // SAFETY: the caller's promise is the one needed.
    unsafe { *dst = rt::table_get(ctx, table, index)? };
    Ok(())
}

helper_ops! {
    /// `table.get`
    TableGet "table.get" { dst: Slot, index: Slot, table: u32, wide: u32 } |op, r| {
        let index = operand(r, op.index, op.wide != 0);
        flow(get_into(r.slot(op.dst), r.ctx, op.table, index))
    }

    /// `table.set`
    TableSet "table.set" { index: Slot, value: Slot, table: u32, wide: u32 } |op, r| {
        let index = operand(r, op.index, op.wide != 0);
        flow(rt::table_set(r.ctx, op.table, index, op.value.get(r)))
    }

    /// `table.size`
    TableSize "table.size" { dst: Slot, table: u32, wide: u32 } |op, r| {
        let size = rt::table_size(r.ctx, op.table);
        set_size(r, op.dst, size, op.wide != 0);
        Flow::Next
    }

    /// `table.grow`
    TableGrow "table.grow" {
        dst: Slot, value: Slot, delta: Slot, table: u32, wide: u32
    } |op, r| {
        let delta = operand(r, op.delta, op.wide != 0);
        let old = rt::table_grow(r.ctx, op.table, delta, op.value.get(r));
        set_size(r, op.dst, old, op.wide != 0);
        Flow::Next
    }

    /// `table.fill`
    TableFill "table.fill" { operands: Bulk, table: u32 } |op, r| {
        let (start, value, len) = op.operands.get(r);
        flow(rt::table_fill(r.ctx, op.table, start, value, len))
    }

    /// `table.copy`
    TableCopy "table.copy" { operands: Bulk, dst_table: u32, src_table: u32 } |op, r| {
        let (dst, src, len) = op.operands.get(r);
        flow(rt::table_copy(r.ctx, op.dst_table, op.src_table, dst, src, len))
    }

    /// `table.init`
    TableInit "table.init" { operands: Bulk, table: u32, elem: u32 } |op, r| {
        let (dst, src, len) = op.operands.get(r);
        flow(rt::table_init(r.ctx, op.table, op.elem, dst, src, len))
    }

    /// `elem.drop`
    ElemDrop "elem.drop" { elem: u32 } |op, r| {
        rt::elem_drop(r.ctx, op.elem);
        Flow::Next
    }
}
