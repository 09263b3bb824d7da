//! Calls between Rust and compiled code whose values never are in memory: those with no more
//! values than there are registers, and no vectors. All others go by way of [`super::RegFile`].

use wamr_types::ValType;

use super::{FLOAT_REGS, INT_REGS, arch};
use crate::vm::{FuncRecord, ValueClass, VmContext, VmStore};

/// Values in registers; a float of 32 bits is in the low half.
#[derive(Clone, Copy, Default)]
pub struct Registers {
    pub(super) ints: [u64; INT_REGS],
    pub(super) floats: [f64; FLOAT_REGS],
}

/// Where the next value of each class is.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cursor {
    ints: usize,
    floats: usize,
}

impl Cursor {
    /// Puts the slot of a value into its register.
    #[inline(always)]
    pub(crate) fn put(&mut self, to: &mut Registers, ty: ValType, slot: u64) {
        if ValueClass::of(ty).is_int() {
            to.ints[self.ints] = slot;
            self.ints += 1;
        } else {
            to.floats[self.floats] = f64::from_bits(slot);
            self.floats += 1;
        }
    }

    /// Takes the slot of a value from its register; what is beyond the value is not defined.
    #[inline(always)]
    pub(crate) fn take(&mut self, from: &Registers, ty: ValType) -> u64 {
        if ValueClass::of(ty).is_int() {
            self.ints += 1;
            from.ints[self.ints - 1]
        } else {
            self.floats += 1;
            from.floats[self.floats - 1].to_bits()
        }
    }
}

/// How many values of each class there are, and of vectors.
const fn count(types: &[ValType]) -> (usize, usize, usize) {
    let (mut ints, mut floats, mut vectors, mut at) = (0, 0, 0, 0);
    while at < types.len() {
        match ValueClass::of(types[at]) {
            ValueClass::Int32 | ValueClass::Int64 => ints += 1,
            ValueClass::Float32 | ValueClass::Float64 => floats += 1,
            ValueClass::Vector => vectors += 1,
        }
        at += 1;
    }
    (ints, floats, vectors)
}

/// Whether registers suffice for all values of a call.
pub(crate) const fn fits(params: &[ValType], results: &[ValType]) -> bool {
    let (ints, floats, vectors) = count(params);
    let (.., result_vectors) = count(results);
    arch::HAS_DIRECT
        && ints <= INT_REGS
        && floats <= FLOAT_REGS
        && vectors + result_vectors == 0
        && results.len() <= 1
}

/// Whether some of the values are floats.
pub(crate) const fn has_floats(types: &[ValType]) -> bool {
    count(types).1 > 0
}

/// Calls a compiled function from the host; gives the slot of the result, undefined beyond the
/// value, or `None` if a failure is pending.
///
/// # Safety
/// The record must be that of a compiled function and live, as must the caller's context; the
/// values and what is said of them must be as the function's type says, and [`fits`] true of it.
#[inline(always)]
pub(crate) unsafe fn call(
    record: *const FuncRecord,
    caller: *mut VmContext,
    values: &Registers,
    has_floats: bool,
    gives_float: bool,
) -> Option<u64> {
    // SAFETY: the caller vouches for the pointers and the values.
    unsafe {
        let store: &VmStore = &*(*caller).store;
        let code = (*record).code.load(core::sync::atomic::Ordering::Acquire);
        let callee = (*record).code_context;
        let activation = store.activation.as_ptr();
        arch::enter_direct(code, callee, caller, activation, values, has_floats, gives_float)
    }
}

/// What a host function does when compiled code calls it with its values in registers.
pub(crate) trait HostBody {
    /// Whether the result is a float.
    const GIVES_FLOAT: bool;

    /// Runs it; gives the slot of the result, or `Err` if a failure is pending. Never unwinds.
    ///
    /// # Safety
    /// `record` and `caller` must be those of a call by the convention, and so must the values.
    unsafe fn run(
        record: *const FuncRecord,
        caller: *mut VmContext,
        values: &Registers,
    ) -> Result<u64, ()>;
}

/// The address for [`FuncRecord::code`] of host functions with such a body; [`fits`] must be true
/// of their types.
pub(crate) fn entry_of<B: HostBody>() -> usize {
    arch::direct_entry::<B>()
}
