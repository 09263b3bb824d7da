//! The fields that compiled code reads: offsets derived from [`wamr_runtime::vm`], never typed
//! by hand.

use core::mem::offset_of;

use wamr_runtime::vm::{FuncRecord, Slot, VmContext, VmGlobal, VmMemory, VmStore, VmTable};

macro_rules! offsets {
    ($($name:ident = $ty:ty, $field:ident;)*) => {$(
        pub(crate) const $name: i32 = offset_of!($ty, $field) as i32;
    )*};
}

offsets! {
    CONTEXT_STORE = VmContext, store;
    CONTEXT_MEMORY0 = VmContext, memory0;
    CONTEXT_TABLES = VmContext, tables;
    CONTEXT_GLOBALS = VmContext, globals;
    CONTEXT_IMPORTS = VmContext, imports;
    STORE_NATIVE_LIMIT = VmStore, native_limit;
    STORE_TAIL_ARGS = VmStore, tail_args;
    RECORD_CODE = FuncRecord, code;
    RECORD_CODE_CONTEXT = FuncRecord, code_context;
    TABLE_BASE = VmTable, base;
    TABLE_LEN = VmTable, len;
    SLOT_SIG = Slot, sig;
    SLOT_FUNC = Slot, func;
    MEMORY_BASE = VmMemory, base;
    MEMORY_LEN_BYTES = VmMemory, len_bytes;
    GLOBAL_VALUE = VmGlobal, value;
}

/// The size of a pointer in arrays.
pub(crate) const POINTER_BYTES: i32 = size_of::<usize>() as i32;
/// The size of a value slot.
pub(crate) const SLOT_BYTES: i32 = size_of::<u64>() as i32;
/// The size of an element of a table of functions.
pub(crate) const FUNC_ELEMENT_BYTES: i64 = size_of::<Slot>() as i64;
/// The size of an element of any other table.
pub(crate) const REF_ELEMENT_BYTES: i64 = size_of::<u64>() as i64;
