//! 2 lanes of 64 bits.

use super::v128::bitselect;

integer_shape!(i64, u64, 2, i64, i64x2_bitmask);
extract_lane!(i64, 2);

widening! {
    i32 * 2 to i64, from 0: extend_low_i32x4_s, extmul_low_i32x4_s;
    i32 * 2 to i64, from 2: extend_high_i32x4_s, extmul_high_i32x4_s;
    u32 * 2 to u64, from 0: extend_low_i32x4_u, extmul_low_i32x4_u;
    u32 * 2 to u64, from 2: extend_high_i32x4_u, extmul_high_i32x4_u;
}

/// Wrapping product.
#[inline(always)]
pub fn mul(a: V128, b: V128) -> V128 {
    zip(a, b, i64::wrapping_mul)
}

/// [`bitselect`]
#[inline(always)]
pub fn relaxed_laneselect(a: V128, b: V128, mask: V128) -> V128 {
    bitselect(a, b, mask)
}
