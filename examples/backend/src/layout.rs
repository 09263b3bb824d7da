//! The fields that compiled code reads: offsets from the runtime's layouts, never typed by hand.
//! A backend that compiles for other machines makes the layouts of its target instead.

use wamr_runtime::vm::{
    FuncRecordLayout, Slot, SlotLayout, VmContextLayout, VmMemoryLayout, VmStoreLayout,
    VmTableLayout,
};

macro_rules! offsets {
    ($($name:ident = $layout:ident $field:ident;)*) => {$(
        pub(crate) const $name: i32 = $layout::HOST.$field as i32;
    )*};
}

offsets! {
    CONTEXT_STORE = VmContextLayout store;
    CONTEXT_MEMORY0 = VmContextLayout memory0;
    CONTEXT_TABLES = VmContextLayout tables;
    CONTEXT_GLOBALS = VmContextLayout globals;
    CONTEXT_IMPORTS = VmContextLayout imports;
    STORE_NATIVE_LIMIT = VmStoreLayout native_limit;
    STORE_TAIL_ARGS = VmStoreLayout tail_args;
    RECORD_CODE = FuncRecordLayout code;
    RECORD_CODE_CONTEXT = FuncRecordLayout code_context;
    TABLE_BASE = VmTableLayout base;
    TABLE_LEN = VmTableLayout len;
    SLOT_SIG = SlotLayout sig;
    SLOT_FUNC = SlotLayout func;
    MEMORY_BASE = VmMemoryLayout base;
    MEMORY_LEN_BYTES = VmMemoryLayout len_bytes;
}

/// A global is its value and nothing else.
pub(crate) const GLOBAL_VALUE: i32 = 0;
/// The size of a pointer in arrays.
pub(crate) const POINTER_BYTES: i32 = size_of::<usize>() as i32;
/// The size of a value slot.
pub(crate) const SLOT_BYTES: i32 = size_of::<u64>() as i32;
/// The size of an element of a table of functions.
pub(crate) const FUNC_ELEMENT_BYTES: i64 = size_of::<Slot>() as i64;
/// The size of an element of any other table.
pub(crate) const REF_ELEMENT_BYTES: i64 = size_of::<u64>() as i64;
