//! The loads and stores: one row each, expanded here into marker types and in
//! `translate/memory.rs` into visitor methods.

use wamr_runtime::entity::bytes::Chunk;

use super::SlotValue;
use super::forms::LoadKind;
use crate::exec::guard::{Read, Write};

/// A load.
pub(crate) trait LoadOp: Copy + 'static {
    /// Type in memory.
    type Mem: Read<Self::Res>;
    /// Type of the result.
    type Res: SlotValue;
    const NAME: &'static str;
    /// How many bytes are read.
    const BYTES: usize;
    /// What it is as an operand of other operators.
    const KIND: Option<LoadKind>;
    /// Reads memory that is not shared.
    ///
    /// # Safety
    /// `BYTES` bytes at `address` are readable, and no other thread writes them.
    unsafe fn load(address: *const u8) -> Self::Res;
    /// Reads memory that may be shared.
    ///
    /// # Safety
    /// `BYTES` bytes at `address` are readable.
    unsafe fn load_any(address: *const u8) -> Self::Res;
}

/// A store.
pub(crate) trait StoreOp: Copy + 'static {
    /// Type in memory.
    type Mem: Write<Self::Arg>;
    /// Type of the value.
    type Arg: SlotValue;
    const NAME: &'static str;
    /// How many bytes are written.
    const BYTES: usize;
    /// Writes memory that is not shared.
    ///
    /// # Safety
    /// `BYTES` bytes at `address` are writable, and no other thread uses them.
    unsafe fn store(address: *mut u8, value: Self::Arg);
    /// Writes memory that may be shared.
    ///
    /// # Safety
    /// `BYTES` bytes at `address` are writable.
    unsafe fn store_any(address: *mut u8, value: Self::Arg);
}

/// `Marker visitor_method name: type in memory as type on the stack;`
macro_rules! for_each_load {
    ($expand:ident) => {
        $expand! {
            I32Load visit_i32_load "i32.load": i32 as i32;
            I64Load visit_i64_load "i64.load": i64 as i64;
            F32Load visit_f32_load "f32.load": f32 as f32;
            F64Load visit_f64_load "f64.load": f64 as f64;
            I32Load8S visit_i32_load8_s "i32.load8_s": i8 as i32;
            I32Load8U visit_i32_load8_u "i32.load8_u": u8 as i32;
            I32Load16S visit_i32_load16_s "i32.load16_s": i16 as i32;
            I32Load16U visit_i32_load16_u "i32.load16_u": u16 as i32;
            I64Load8S visit_i64_load8_s "i64.load8_s": i8 as i64;
            I64Load8U visit_i64_load8_u "i64.load8_u": u8 as i64;
            I64Load16S visit_i64_load16_s "i64.load16_s": i16 as i64;
            I64Load16U visit_i64_load16_u "i64.load16_u": u16 as i64;
            I64Load32S visit_i64_load32_s "i64.load32_s": i32 as i64;
            I64Load32U visit_i64_load32_u "i64.load32_u": u32 as i64;
        }
    };
}
pub(crate) use for_each_load;

/// `Marker visitor_method name: type on the stack as type in memory;`
macro_rules! for_each_store {
    ($expand:ident) => {
        $expand! {
            I32Store visit_i32_store "i32.store": i32 as i32;
            I64Store visit_i64_store "i64.store": i64 as i64;
            F32Store visit_f32_store "f32.store": f32 as f32;
            F64Store visit_f64_store "f64.store": f64 as f64;
            I32Store8 visit_i32_store8 "i32.store8": i32 as i8;
            I32Store16 visit_i32_store16 "i32.store16": i32 as i16;
            I64Store8 visit_i64_store8 "i64.store8": i64 as i8;
            I64Store16 visit_i64_store16 "i64.store16": i64 as i16;
            I64Store32 visit_i64_store32 "i64.store32": i64 as i32;
        }
    };
}
pub(crate) use for_each_store;

/// What loads are operands.
macro_rules! kind {
    (I32Load) => {
        Some(LoadKind::I32)
    };
    (I32Load8U) => {
        Some(LoadKind::I32Byte)
    };
    (I64Load) => {
        Some(LoadKind::I64)
    };
    (F32Load) => {
        Some(LoadKind::F32)
    };
    (F64Load) => {
        Some(LoadKind::F64)
    };
    ($Op:ident) => {
        None
    };
}

macro_rules! define_load {
    ($($Op:ident $visit:ident $name:literal: $mem:ty as $res:ty;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $Op;

        impl LoadOp for $Op {
            type Mem = $mem;
            type Res = $res;
            const NAME: &'static str = $name;
            const BYTES: usize = size_of::<$mem>();
            const KIND: Option<LoadKind> = kind!($Op);

            #[inline(always)]
            unsafe fn load(address: *const u8) -> $res {
                // SAFETY: the caller says that the bytes are readable; byte arrays need no
                // alignment.
                let bytes = unsafe { *address.cast::<[u8; size_of::<$mem>()]>() };
                <$mem>::from_le_bytes(bytes) as $res
            }

            #[inline(always)]
            unsafe fn load_any(address: *const u8) -> $res {
                // SAFETY: the caller says that the bytes are readable.
                let bytes = unsafe { <[u8; size_of::<$mem>()]>::load(address) };
                <$mem>::from_le_bytes(bytes) as $res
            }
        }
    )*};
}

macro_rules! define_store {
    ($($Op:ident $visit:ident $name:literal: $arg:ty as $mem:ty;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $Op;

        impl StoreOp for $Op {
            type Mem = $mem;
            type Arg = $arg;
            const NAME: &'static str = $name;
            const BYTES: usize = size_of::<$mem>();

            #[inline(always)]
            unsafe fn store(address: *mut u8, value: $arg) {
                let bytes = (value as $mem).to_le_bytes();
                // SAFETY: the caller says that the bytes are writable; byte arrays need no
                // alignment.
                unsafe { *address.cast::<[u8; size_of::<$mem>()]>() = bytes };
            }

            #[inline(always)]
            unsafe fn store_any(address: *mut u8, value: $arg) {
                // SAFETY: the caller says that the bytes are writable.
                unsafe { (value as $mem).to_le_bytes().store(address) };
            }
        }
    )*};
}

for_each_load!(define_load);
for_each_store!(define_store);
