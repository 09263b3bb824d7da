//! 2 lanes of double precision.

float_shape!(f64x2, f64, i64, 2);

/// Conversion of the two lower lanes, signed integers.
#[inline(always)]
pub fn convert_low_i32x4_s(a: V128) -> V128 {
    let [a, b, ..]: [i32; 4] = a.lanes();
    let convert = crate::numeric::f64::convert_i32_s;
    V128::of([convert(a), convert(b)])
}

/// Conversion of the two lower lanes, unsigned integers.
#[inline(always)]
pub fn convert_low_i32x4_u(a: V128) -> V128 {
    let [a, b, ..]: [i32; 4] = a.lanes();
    let convert = crate::numeric::f64::convert_i32_u;
    V128::of([convert(a), convert(b)])
}

/// The numbers in the two lower lanes, in double precision.
#[inline(always)]
pub fn promote_low_f32x4(a: V128) -> V128 {
    let [a, b, ..]: [f32; 4] = a.lanes();
    let convert = crate::numeric::f64::promote_f32;
    V128::of([convert(a), convert(b)])
}
