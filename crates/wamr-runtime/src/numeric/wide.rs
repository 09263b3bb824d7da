//! The wide-arithmetic proposal: 128-bit numbers as two 64-bit halves, low half first.
//! <https://github.com/WebAssembly/wide-arithmetic>

/// A 128-bit number as (low, high).
pub type Halves = (u64, u64);

const fn join((low, high): Halves) -> u128 {
    (high as u128) << 64 | low as u128
}

const fn split(value: u128) -> Halves {
    (value as u64, (value >> 64) as u64)
}

/// `i64.add128`: wrapping sum.
#[inline(always)]
pub const fn add128(a: Halves, b: Halves) -> Halves {
    split(join(a).wrapping_add(join(b)))
}

/// `i64.sub128`: wrapping difference.
#[inline(always)]
pub const fn sub128(a: Halves, b: Halves) -> Halves {
    split(join(a).wrapping_sub(join(b)))
}

/// `i64.mul_wide_s`: full signed product.
#[inline(always)]
pub const fn mul_wide_s(a: u64, b: u64) -> Halves {
    split((a as i64 as i128).wrapping_mul(b as i64 as i128) as u128)
}

/// `i64.mul_wide_u`: full unsigned product.
#[inline(always)]
pub const fn mul_wide_u(a: u64, b: u64) -> Halves {
    split((a as u128).wrapping_mul(b as u128))
}
