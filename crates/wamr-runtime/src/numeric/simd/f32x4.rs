//! 4 lanes of single precision.

float_shape!(f32x4, f32, i32, 4);

/// Conversion of signed integers.
#[inline(always)]
pub fn convert_i32x4_s(a: V128) -> V128 {
    map(a, crate::numeric::f32::convert_i32_s)
}

/// Conversion of unsigned integers.
#[inline(always)]
pub fn convert_i32x4_u(a: V128) -> V128 {
    map(a, crate::numeric::f32::convert_i32_u)
}

/// Rounding to single precision; the upper lanes are 0.
#[inline(always)]
pub fn demote_f64x2_zero(a: V128) -> V128 {
    let [a, b] = a.lanes();
    let demote = crate::numeric::f32::demote_f64;
    V128::of([demote(a), demote(b), 0.0, 0.0])
}
