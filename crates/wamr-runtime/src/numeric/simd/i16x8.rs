//! 8 lanes of 16 bits.

use super::from_fn;
use super::v128::bitselect;

integer_shape!(i16, u16, 8, i32, i16x8_bitmask);
integer_order!(i16, u16);
narrow_shape!(i16, u16, u32, 8);

narrowing! {
    i32 * 4 to i16: narrow_i32x4_s;
    i32 * 4 to u16: narrow_i32x4_u;
}

widening! {
    i8 * 8 to i16, from 0: extend_low_i8x16_s, extmul_low_i8x16_s;
    i8 * 8 to i16, from 8: extend_high_i8x16_s, extmul_high_i8x16_s;
    u8 * 8 to u16, from 0: extend_low_i8x16_u, extmul_low_i8x16_u;
    u8 * 8 to u16, from 8: extend_high_i8x16_u, extmul_high_i8x16_u;
}

pairwise! {
    i8 * 8 to i16: extadd_pairwise_i8x16_s;
    u8 * 8 to u16: extadd_pairwise_i8x16_u;
}

/// Wrapping product.
#[inline(always)]
pub fn mul(a: V128, b: V128) -> V128 {
    zip(a, b, i16::wrapping_mul)
}

/// The nearest number to the product of fractions with 15 bits, rounded.
#[inline(always)]
pub fn q15mulr_sat_s(a: V128, b: V128) -> V128 {
    zip(a, b, |a: i16, b: i16| {
        let product = (i32::from(a) * i32::from(b) + 0x4000) >> 15;
        product.min(i32::from(i16::MAX)) as i16
    })
}

/// [`q15mulr_sat_s`]
#[inline(always)]
pub fn relaxed_q15mulr_s(a: V128, b: V128) -> V128 {
    q15mulr_sat_s(a, b)
}

/// [`bitselect`]
#[inline(always)]
pub fn relaxed_laneselect(a: V128, b: V128, mask: V128) -> V128 {
    bitselect(a, b, mask)
}

/// The wrapping sums of two neighbouring products, signed.
#[inline(always)]
pub fn relaxed_dot_i8x16_i7x16_s(a: V128, b: V128) -> V128 {
    let (a, b): ([i8; 16], [i8; 16]) = (a.lanes(), b.lanes());
    let product = |i: usize| i16::from(a[i]) * i16::from(b[i]);
    V128::of(from_fn::<i16, 8>(|i| product(2 * i).wrapping_add(product(2 * i + 1))))
}
