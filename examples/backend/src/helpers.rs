//! What compiled code calls in the runtime, in the C convention of the platform.
//!
//! Compiled code passes its own context, which is live, and indices that were validated; that
//! is all that [`wamr_runtime::rt`] asks for. A helper that can trap says so in its result, and
//! the code that called it traps: nothing is jumped over.

use wamr_runtime::rt;
use wamr_runtime::vm::{FuncRecord, VmContext};
use wamr_types::{FuncIdx, TrapCode, TypeId};

/// The number that stands for no trap.
pub(crate) const NO_TRAP: i64 = 0;

/// Addresses up to this are no addresses but trap codes.
pub(crate) const MAX_TRAP: i64 = u8::MAX as i64;

fn trap_number(result: Result<(), TrapCode>) -> u32 {
    result.map_or_else(|code| code as u32, |()| NO_TRAP as u32)
}

/// The callee of a `call_indirect` whose element's type is not the expected one at first
/// sight: its record, or a trap code.
pub(crate) unsafe extern "sysv64" fn indirect_callee(
    ctx: *mut VmContext,
    table: u32,
    index: u64,
    sig: u32,
) -> usize {
    let Some(sig) = TypeId::from_raw(sig) else {
        return TrapCode::IndirectCallTypeMismatch as usize;
    };
    // SAFETY: see the module's header.
    match unsafe { rt::indirect_callee(ctx, table, index, sig) } {
        Ok(record) => record as usize,
        Err(code) => code as usize,
    }
}

/// `ref.func`
pub(crate) unsafe extern "sysv64" fn ref_func(ctx: *mut VmContext, func: u32) -> *const FuncRecord {
    // SAFETY: see the module's header.
    unsafe { rt::ref_func(ctx, FuncIdx(func)) }
}

/// `table.set`: a trap code.
pub(crate) unsafe extern "sysv64" fn table_set(
    ctx: *mut VmContext,
    table: u32,
    index: u64,
    value: u64,
) -> u32 {
    // SAFETY: see the module's header.
    trap_number(unsafe { rt::table_set(ctx, table, index, value) })
}

/// `table.grow`: the old size, or -1.
pub(crate) unsafe extern "sysv64" fn table_grow(
    ctx: *mut VmContext,
    table: u32,
    delta: u64,
    value: u64,
) -> u64 {
    // SAFETY: see the module's header.
    unsafe { rt::table_grow(ctx, table, delta, value) }
}

/// `memory.size`, in pages.
pub(crate) unsafe extern "sysv64" fn memory_size(ctx: *mut VmContext, memory: u32) -> u64 {
    // SAFETY: see the module's header.
    unsafe { rt::memory_size(ctx, memory) }
}

/// `memory.grow`: the old size in pages, or -1.
pub(crate) unsafe extern "sysv64" fn memory_grow(
    ctx: *mut VmContext,
    memory: u32,
    delta_pages: u64,
) -> u64 {
    // SAFETY: see the module's header.
    unsafe { rt::memory_grow(ctx, memory, delta_pages) }
}
