//! Rounding to integers of the same type: one instruction where the processor has such. x86-64
//! got them with SSE4.1, which is asked for once; without, it is a call for each lane.

/// Directions, as operands of the instructions say them: nothing is raised for inexact results.
pub(super) const NEAREST: i32 = 8;
pub(super) const DOWN: i32 = 9;
pub(super) const UP: i32 = 10;
pub(super) const TO_ZERO: i32 = 11;

#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::*;

#[cfg(not(target_arch = "x86_64"))]
pub(super) use portable::*;

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use core::arch::asm;
    use core::arch::x86_64::__m128i;
    use core::sync::atomic::{AtomicBool, Ordering};

    use crate::numeric::simd::V128;

    /// Whether the processor has SSE4.1, as far as is known yet.
    static HAS_SSE41: AtomicBool = AtomicBool::new(false);

    /// Looks for SSE4.1.
    pub(in crate::numeric) fn detect() {
        HAS_SSE41.store(is_x86_feature_detected!("sse4.1"), Ordering::Relaxed);
    }

    /// Whether the instructions are there.
    #[inline(always)]
    pub(in crate::numeric) fn is_native() -> bool {
        HAS_SSE41.load(Ordering::Relaxed)
    }

    // As assembly, because intrinsics are inlined into functions that require SSE4.1 only.
    macro_rules! rounding {
        ($($name:ident $ty:ty: $instruction:literal;)*) => {$(
            /// Rounds, and quietens NaNs.
            ///
            /// # Safety
            /// The instructions are there.
            #[inline(always)]
            pub(in crate::numeric) unsafe fn $name<const DIRECTION: i32>(mut a: $ty) -> $ty {
                // SAFETY: the caller says that there is such an instruction, which computes only.
                unsafe {
                    asm!(
                        concat!($instruction, " {a}, {a}, {direction}"),
                        a = inout(xmm_reg) a,
                        direction = const DIRECTION,
                        options(pure, nomem, nostack, preserves_flags),
                    );
                }
                a
            }
        )*};
    }

    rounding! {
        f32 f32: "roundss";
        f64 f64: "roundsd";
        ps __m128i: "roundps";
        pd __m128i: "roundpd";
    }

    macro_rules! vectors {
        ($($name:ident $function:ident;)*) => {$(
            /// Rounds all lanes, and quietens NaNs.
            ///
            /// # Safety
            /// The instructions are there.
            #[inline(always)]
            pub(in crate::numeric) unsafe fn $name<const DIRECTION: i32>(a: V128) -> V128 {
                // SAFETY: the caller's promise.
                V128::from_m128i(unsafe { $function::<DIRECTION>(a.to_m128i()) })
            }
        )*};
    }

    vectors! {
        f32x4 ps;
        f64x2 pd;
    }
}

/// Nothing is ever called here but what asks and looks.
#[cfg(not(target_arch = "x86_64"))]
mod portable {
    use crate::numeric::simd::V128;

    pub(in crate::numeric) fn detect() {}

    #[inline(always)]
    pub(in crate::numeric) fn is_native() -> bool {
        false
    }

    macro_rules! rounding {
        ($($name:ident $ty:ty;)*) => {$(
            #[inline(always)]
            pub(in crate::numeric) unsafe fn $name<const DIRECTION: i32>(_: $ty) -> $ty {
                unreachable!("there is no such instruction")
            }
        )*};
    }

    rounding! {
        f32 f32;
        f64 f64;
        f32x4 V128;
        f64x2 V128;
    }
}

#[cfg(test)]
mod tests {
    use super::detect;
    use crate::numeric::simd::{V128, f32x4, f64x2};
    use crate::numeric::{f32, f64};

    /// With what is found before and after the processor was asked.
    #[test]
    fn instructions_round_as_functions_do() {
        let (nan32, nan64) =
            (core::primitive::f32::NAN.to_bits(), core::primitive::f64::NAN.to_bits());
        let bits32 = |value: core::primitive::f32| value.to_bits();
        let mut all = vec![nan32 | 7, nan32 ^ 1 << 22 | 5, bits32(-0.0), bits32(1e30)];
        all.extend((-9..=9).map(|i| bits32(i as core::primitive::f32 / 4.0)));
        let results = || -> Vec<u128> {
            let each = |&bits: &u32| {
                let single = core::primitive::f32::from_bits(bits);
                let double = if single.is_nan() {
                    core::primitive::f64::from_bits(nan64 ^ 1 << 51 | u64::from(bits))
                } else {
                    single.into()
                };
                let vector = |bits: u64| V128::from(u128::from(bits) << 64 | u128::from(bits));
                let singles = vector(u64::from(bits) << 32 | u64::from(bits));
                let doubles = vector(double.to_bits());
                [
                    f32::ceil(single).to_bits().into(),
                    f32::floor(single).to_bits().into(),
                    f32::trunc(single).to_bits().into(),
                    f32::nearest(single).to_bits().into(),
                    f64::ceil(double).to_bits().into(),
                    f64::floor(double).to_bits().into(),
                    f64::trunc(double).to_bits().into(),
                    f64::nearest(double).to_bits().into(),
                    f32x4::ceil(singles).into(),
                    f32x4::floor(singles).into(),
                    f32x4::trunc(singles).into(),
                    f32x4::nearest(singles).into(),
                    f64x2::ceil(doubles).into(),
                    f64x2::floor(doubles).into(),
                    f64x2::trunc(doubles).into(),
                    f64x2::nearest(doubles).into(),
                ]
            };
            all.iter().flat_map(each).collect()
        };
        let before = results();
        detect();
        assert_eq!(results(), before);
    }
}
