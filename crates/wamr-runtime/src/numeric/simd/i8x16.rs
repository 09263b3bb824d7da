//! 16 lanes of 8 bits.

use super::v128::bitselect;

integer_shape!(i8, u8, 16, i32, i8x16_bitmask);
integer_order!(i8, u8);
narrow_shape!(i8, u8, u16, 16);

narrowing! {
    i16 * 8 to i8: narrow_i16x8_s;
    i16 * 8 to u8: narrow_i16x8_u;
}

/// Number of one bits.
#[inline(always)]
pub fn popcnt(a: V128) -> V128 {
    map(a, |a: u8| a.count_ones() as u8)
}

/// The lanes of `a` that `lanes` numbers, 0 for numbers that are too great.
#[inline(always)]
pub fn swizzle(a: V128, lanes: V128) -> V128 {
    arch::i8x16_swizzle(a, lanes)
}

/// The lanes of `a` and `b` together that `lanes` numbers, which are below 32.
#[inline(always)]
pub fn shuffle(a: V128, b: V128, lanes: [u8; 16]) -> V128 {
    arch::i8x16_shuffle(a, b, lanes)
}

/// [`swizzle`]
#[inline(always)]
pub fn relaxed_swizzle(a: V128, lanes: V128) -> V128 {
    swizzle(a, lanes)
}

/// [`bitselect`]
#[inline(always)]
pub fn relaxed_laneselect(a: V128, b: V128, mask: V128) -> V128 {
    bitselect(a, b, mask)
}
