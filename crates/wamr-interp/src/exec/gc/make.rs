//! Making objects. Each operation says where the frame's slots in use end, so that a collection
//! finds the references in them, its own operands included.

use wamr_runtime::rt;
use wamr_types::TrapCode;

use crate::exec::Regs;
use crate::exec::memory::helper_ops;
use crate::op::{Flow, Slot, Source};

/// The type of a new object, and the first slot that its operands and all below do not need.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Maker {
    /// Canonical id.
    pub(crate) ty: u32,
    pub(crate) top: Slot,
}

impl Maker {
    /// The type, now that an object of it can be made.
    ///
    /// # Safety
    /// The registers are those of the frame that the operation was translated for.
    #[inline(always)]
    unsafe fn prepare(self, r: &Regs) -> wamr_types::TypeId {
        // SAFETY: a context's store is alive as long as the context; translation wrote an id.
        unsafe {
            (*(*r.ctx).store).interp_top.set(r.slot(self.top));
            wamr_types::TypeId::from_raw(self.ty).unwrap_unchecked()
        }
    }
}

/// Writes the reference of a new object.
///
/// # Safety
/// The slot belongs to the current frame.
#[inline(always)]
unsafe fn made(r: &mut Regs, dst: Slot, reference: Result<u32, TrapCode>) -> Flow {
    match reference {
        Ok(reference) => {
            // SAFETY: the caller says that the slot is one of the current frame.
            unsafe { r.set(dst, reference) };
            Flow::Next
        }
        Err(code) => Flow::Trap(code),
    }
}

helper_ops! {
    /// `struct.new`, with the fields in adjacent slots.
    StructNew "struct.new" { dst: Slot, values: Slot, maker: Maker } |op, r| {
        let ty = op.maker.prepare(r);
        let object = rt::gc::struct_new(r.ctx, ty, r.slot(op.values));
        made(r, op.dst, object)
    }

    /// `struct.new_default`
    StructNewDefault "struct.new_default" { dst: Slot, maker: Maker } |op, r| {
        let ty = op.maker.prepare(r);
        let object = rt::gc::struct_new(r.ctx, ty, core::ptr::null());
        made(r, op.dst, object)
    }

    /// `array.new`
    ArrayNew "array.new" { dst: Slot, value: Slot, len: Slot, maker: Maker } |op, r| {
        let ty = op.maker.prepare(r);
        let array = rt::gc::array_new(r.ctx, ty, r.slot(op.value), op.len.get(r));
        made(r, op.dst, array)
    }

    /// `array.new_default`
    ArrayNewDefault "array.new_default" { dst: Slot, len: Slot, maker: Maker } |op, r| {
        let ty = op.maker.prepare(r);
        let array = rt::gc::array_new(r.ctx, ty, core::ptr::null(), op.len.get(r));
        made(r, op.dst, array)
    }

    /// `array.new_fixed`, with the elements in adjacent slots.
    ArrayNewFixed "array.new_fixed" { dst: Slot, values: Slot, len: u32, maker: Maker } |op, r| {
        let ty = op.maker.prepare(r);
        let array = rt::gc::array_new_fixed(r.ctx, ty, r.slot(op.values), op.len);
        made(r, op.dst, array)
    }

    /// `array.new_data`
    ArrayNewData "array.new_data" {
        dst: Slot, offset: Slot, len: Slot, data: u32, maker: Maker
    } |op, r| {
        let ty = op.maker.prepare(r);
        let array = rt::gc::array_new_data(r.ctx, ty, op.data, op.offset.get(r), op.len.get(r));
        made(r, op.dst, array)
    }

    /// `array.new_elem`
    ArrayNewElem "array.new_elem" {
        dst: Slot, offset: Slot, len: Slot, elem: u32, maker: Maker
    } |op, r| {
        let ty = op.maker.prepare(r);
        let array = rt::gc::array_new_elem(r.ctx, ty, op.elem, op.offset.get(r), op.len.get(r));
        made(r, op.dst, array)
    }
}
