//! Instructions that know no lanes.

use super::{V128, from_fn};

/// Bitwise negation.
#[inline(always)]
pub fn not(a: V128) -> V128 {
    V128(from_fn(|i| !a.0[i]))
}

/// Bitwise conjunction.
#[inline(always)]
pub fn and(a: V128, b: V128) -> V128 {
    V128(from_fn(|i| a.0[i] & b.0[i]))
}

/// The bits of `a` that `b` does not have.
#[inline(always)]
pub fn andnot(a: V128, b: V128) -> V128 {
    V128(from_fn(|i| a.0[i] & !b.0[i]))
}

/// Bitwise disjunction.
#[inline(always)]
pub fn or(a: V128, b: V128) -> V128 {
    V128(from_fn(|i| a.0[i] | b.0[i]))
}

/// Bitwise exclusive disjunction.
#[inline(always)]
pub fn xor(a: V128, b: V128) -> V128 {
    V128(from_fn(|i| a.0[i] ^ b.0[i]))
}

/// The bits of `a` where `mask` has ones, those of `b` where it has zeros.
#[inline(always)]
pub fn bitselect(a: V128, b: V128, mask: V128) -> V128 {
    V128(from_fn(|i| a.0[i] & mask.0[i] | b.0[i] & !mask.0[i]))
}

/// Whether any bit is one.
#[inline(always)]
pub fn any_true(a: V128) -> bool {
    u128::from(a) != 0
}
