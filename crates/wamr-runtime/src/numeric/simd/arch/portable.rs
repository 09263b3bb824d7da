//! The same on every machine.

use crate::numeric::simd::{Lanes, V128, from_fn};

/// There is nothing to look for.
pub(in crate::numeric::simd) fn detect() {}

/// `i8x16.swizzle`
#[inline(always)]
pub(in crate::numeric::simd) fn i8x16_swizzle(a: V128, lanes: V128) -> V128 {
    // Lane 16 is the first one of the other vector, which is 0.
    i8x16_shuffle(a, V128::default(), from_fn(|i| lanes.0[i].min(16)))
}

/// `i8x16.shuffle`
#[inline(always)]
pub(in crate::numeric::simd) fn i8x16_shuffle(a: V128, b: V128, lanes: [u8; 16]) -> V128 {
    let table: [u8; 32] = from_fn(|i| if i < 16 { a.0[i] } else { b.0[i - 16] });
    V128(from_fn(|i| table[lanes[i] as usize % 32]))
}

/// `i32x4.dot_i16x8_s`
#[inline(always)]
pub(in crate::numeric::simd) fn i32x4_dot_i16x8_s(a: V128, b: V128) -> V128 {
    let (a, b): ([i16; 8], [i16; 8]) = (a.lanes(), b.lanes());
    let product = |i: usize| i32::from(a[i]) * i32::from(b[i]);
    V128::of(from_fn::<i32, 4>(|i| product(2 * i).wrapping_add(product(2 * i + 1))))
}

macro_rules! bitmask {
    ($($name:ident $int:ident * $lanes:literal;)*) => {$(
        /// The sign bits of all lanes.
        #[inline(always)]
        pub(in crate::numeric::simd) fn $name(a: V128) -> i32 {
            let lanes: [$int; $lanes] = a.lanes();
            let mut mask = 0;
            for i in 0..$lanes {
                mask |= i32::from(lanes[i] < 0) << i;
            }
            mask
        }
    )*};
}

bitmask! {
    i8x16_bitmask i8 * 16;
    i16x8_bitmask i16 * 8;
    i32x4_bitmask i32 * 4;
    i64x2_bitmask i64 * 2;
}
