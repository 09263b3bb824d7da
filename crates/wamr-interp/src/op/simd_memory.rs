//! Loads and stores of vectors: one row each, expanded here into marker types and in
//! `translate/simd_memory.rs` into visitor methods.

use wamr_runtime::entity::bytes::Chunk;
use wamr_runtime::numeric::simd::{V128, i8x16, i16x8, i32x4, i64x2};

/// A load of a vector.
pub(crate) trait VectorLoadOp: Copy + 'static {
    const NAME: &'static str;
    /// How many bytes are read.
    const BYTES: usize;
    /// Reads memory, which may be shared.
    ///
    /// # Safety
    /// `BYTES` bytes at `address` are readable.
    unsafe fn load(address: *const u8) -> V128;
}

/// `Marker visitor_method name: bytes in memory => function from them to a vector;`
macro_rules! for_each_vector_load {
    ($expand:ident) => {
        $expand! {
            V128Load visit_v128_load "v128.load":
                16 => V128::from_bytes;
            V128Load8x8S visit_v128_load8x8_s "v128.load8x8_s":
                8 => |low| i16x8::extend_low_i8x16_s(V128::from_low(u64::from_le_bytes(low)));
            V128Load8x8U visit_v128_load8x8_u "v128.load8x8_u":
                8 => |low| i16x8::extend_low_i8x16_u(V128::from_low(u64::from_le_bytes(low)));
            V128Load16x4S visit_v128_load16x4_s "v128.load16x4_s":
                8 => |low| i32x4::extend_low_i16x8_s(V128::from_low(u64::from_le_bytes(low)));
            V128Load16x4U visit_v128_load16x4_u "v128.load16x4_u":
                8 => |low| i32x4::extend_low_i16x8_u(V128::from_low(u64::from_le_bytes(low)));
            V128Load32x2S visit_v128_load32x2_s "v128.load32x2_s":
                8 => |low| i64x2::extend_low_i32x4_s(V128::from_low(u64::from_le_bytes(low)));
            V128Load32x2U visit_v128_load32x2_u "v128.load32x2_u":
                8 => |low| i64x2::extend_low_i32x4_u(V128::from_low(u64::from_le_bytes(low)));
            V128Load8Splat visit_v128_load8_splat "v128.load8_splat":
                1 => |lane| i8x16::splat(u8::from_le_bytes(lane).into());
            V128Load16Splat visit_v128_load16_splat "v128.load16_splat":
                2 => |lane| i16x8::splat(u16::from_le_bytes(lane).into());
            V128Load32Splat visit_v128_load32_splat "v128.load32_splat":
                4 => |lane| i32x4::splat(i32::from_le_bytes(lane));
            V128Load64Splat visit_v128_load64_splat "v128.load64_splat":
                8 => |lane| i64x2::splat(i64::from_le_bytes(lane));
            V128Load32Zero visit_v128_load32_zero "v128.load32_zero":
                4 => |low| V128::from_low(u32::from_le_bytes(low).into());
            V128Load64Zero visit_v128_load64_zero "v128.load64_zero":
                8 => |low| V128::from_low(u64::from_le_bytes(low));
        }
    };
}
pub(crate) use for_each_vector_load;

/// `visitor_method: load of a lane's value, its replacement;`
macro_rules! for_each_lane_load {
    ($expand:ident) => {
        $expand! {
            visit_v128_load8_lane: I32Load8U, I8x16ReplaceLane;
            visit_v128_load16_lane: I32Load16U, I16x8ReplaceLane;
            visit_v128_load32_lane: I32Load, I32x4ReplaceLane;
            visit_v128_load64_lane: I64Load, I64x2ReplaceLane;
        }
    };
}
pub(crate) use for_each_lane_load;

/// `visitor_method: a lane's extraction, store of its value;`
macro_rules! for_each_lane_store {
    ($expand:ident) => {
        $expand! {
            visit_v128_store8_lane: I8x16ExtractLaneU, I32Store8;
            visit_v128_store16_lane: I16x8ExtractLaneU, I32Store16;
            visit_v128_store32_lane: I32x4ExtractLane, I32Store;
            visit_v128_store64_lane: I64x2ExtractLane, I64Store;
        }
    };
}
pub(crate) use for_each_lane_store;

macro_rules! define_load {
    ($($Op:ident $visit:ident $name:literal: $bytes:literal => $make:expr;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $Op;

        impl VectorLoadOp for $Op {
            const NAME: &'static str = $name;
            const BYTES: usize = $bytes;

            #[inline(always)]
            unsafe fn load(address: *const u8) -> V128 {
                // SAFETY: the caller says that the bytes are readable.
                let bytes = unsafe { <[u8; $bytes]>::load(address) };
                let make: fn([u8; $bytes]) -> V128 = $make;
                make(bytes)
            }
        }
    )*};
}

for_each_vector_load!(define_load);
