//! Builds without code for guarded memories: code for checked ones serves them.

use wamr_runtime::numeric::simd::V128;
use wamr_runtime::vm::Outcome;

use super::{Read, Write};
use crate::exec::{Regs, dispatch};
use crate::op::{Cell, SlotValue};

/// Whether code for guarded memories can be made.
pub(crate) const SUPPORTED: bool = false;

impl<Mem, Res: SlotValue> Read<Res> for Mem {
    type Bits = Res;

    unsafe fn read(_: *const Cell, _: &Regs, _: u64) -> (Res, *const Cell) {
        unreachable!("no such code is made")
    }
}

impl<Mem, Arg> Write<Arg> for Mem {
    unsafe fn write(_: *const Cell, _: &Regs, _: u64, _: Arg) -> *const Cell {
        unreachable!("no such code is made")
    }
}

pub(super) unsafe fn read_vector(_: *const Cell, _: &Regs, _: u64) -> (V128, *const Cell) {
    unreachable!("no such code is made")
}

pub(super) unsafe fn write_vector(_: *const Cell, _: &Regs, _: u64, _: V128) -> *const Cell {
    unreachable!("no such code is made")
}

pub(crate) fn register() {}

/// Runs from the operation at `r.ip` to the end of the activation.
///
/// # Safety
/// The registers are those of an activation.
#[inline(always)]
pub(crate) unsafe fn enter(r: Regs) -> Outcome {
    // SAFETY: the caller's promise is the one needed.
    unsafe { dispatch::run(r) }
}
