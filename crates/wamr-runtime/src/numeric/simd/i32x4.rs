//! 4 lanes of 32 bits.

use super::i16x8::relaxed_dot_i8x16_i7x16_s;
use super::v128::bitselect;

integer_shape!(i32, u32, 4, i32, i32x4_bitmask);
integer_order!(i32, u32);
extract_lane!(i32, 4);

widening! {
    i16 * 4 to i32, from 0: extend_low_i16x8_s, extmul_low_i16x8_s;
    i16 * 4 to i32, from 4: extend_high_i16x8_s, extmul_high_i16x8_s;
    u16 * 4 to u32, from 0: extend_low_i16x8_u, extmul_low_i16x8_u;
    u16 * 4 to u32, from 4: extend_high_i16x8_u, extmul_high_i16x8_u;
}

pairwise! {
    i16 * 4 to i32: extadd_pairwise_i16x8_s;
    u16 * 4 to u32: extadd_pairwise_i16x8_u;
}

/// Wrapping product.
#[inline(always)]
pub fn mul(a: V128, b: V128) -> V128 {
    zip(a, b, i32::wrapping_mul)
}

/// The wrapping sums of two neighbouring products.
#[inline(always)]
pub fn dot_i16x8_s(a: V128, b: V128) -> V128 {
    arch::i32x4_dot_i16x8_s(a, b)
}

/// Truncation to the nearest signed integer there is; 0 for NaN.
#[inline(always)]
pub fn trunc_sat_f32x4_s(a: V128) -> V128 {
    map(a, crate::numeric::i32::trunc_sat_f32_s)
}

/// Truncation to the nearest unsigned integer there is; 0 for NaN.
#[inline(always)]
pub fn trunc_sat_f32x4_u(a: V128) -> V128 {
    map(a, crate::numeric::i32::trunc_sat_f32_u)
}

/// Truncation to the nearest signed integer there is, 0 for NaN; the upper lanes are 0.
#[inline(always)]
pub fn trunc_sat_f64x2_s_zero(a: V128) -> V128 {
    let [a, b] = a.lanes();
    let trunc = crate::numeric::i32::trunc_sat_f64_s;
    V128::of([trunc(a), trunc(b), 0, 0])
}

/// Truncation to the nearest unsigned integer there is, 0 for NaN; the upper lanes are 0.
#[inline(always)]
pub fn trunc_sat_f64x2_u_zero(a: V128) -> V128 {
    let [a, b] = a.lanes();
    let trunc = crate::numeric::i32::trunc_sat_f64_u;
    V128::of([trunc(a), trunc(b), 0, 0])
}

/// [`trunc_sat_f32x4_s`]
#[inline(always)]
pub fn relaxed_trunc_f32x4_s(a: V128) -> V128 {
    trunc_sat_f32x4_s(a)
}

/// [`trunc_sat_f32x4_u`]
#[inline(always)]
pub fn relaxed_trunc_f32x4_u(a: V128) -> V128 {
    trunc_sat_f32x4_u(a)
}

/// [`trunc_sat_f64x2_s_zero`]
#[inline(always)]
pub fn relaxed_trunc_f64x2_s_zero(a: V128) -> V128 {
    trunc_sat_f64x2_s_zero(a)
}

/// [`trunc_sat_f64x2_u_zero`]
#[inline(always)]
pub fn relaxed_trunc_f64x2_u_zero(a: V128) -> V128 {
    trunc_sat_f64x2_u_zero(a)
}

/// [`bitselect`]
#[inline(always)]
pub fn relaxed_laneselect(a: V128, b: V128, mask: V128) -> V128 {
    bitselect(a, b, mask)
}

/// `c` and the sums of four neighbouring products, in pairs as [`relaxed_dot_i8x16_i7x16_s`].
#[inline(always)]
pub fn relaxed_dot_i8x16_i7x16_add_s(a: V128, b: V128, c: V128) -> V128 {
    add(extadd_pairwise_i16x8_s(relaxed_dot_i8x16_i7x16_s(a, b)), c)
}
