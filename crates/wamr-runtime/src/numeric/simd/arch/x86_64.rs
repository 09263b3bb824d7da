//! x86-64: SSE2 is always there, SSSE3 is asked for once.

use core::arch::asm;
use core::arch::x86_64::*;
use core::sync::atomic::{AtomicBool, Ordering};

use super::portable;
use crate::numeric::simd::{V128, from_fn};

impl V128 {
    #[inline(always)]
    pub(in crate::numeric) fn to_m128i(self) -> __m128i {
        // SAFETY: both are 16 bytes without further meaning.
        unsafe { core::mem::transmute(self) }
    }

    #[inline(always)]
    pub(in crate::numeric) fn from_m128i(vector: __m128i) -> Self {
        // SAFETY: both are 16 bytes without further meaning.
        unsafe { core::mem::transmute(vector) }
    }
}

/// Whether the processor has SSSE3, as far as is known yet. Functions do not look themselves:
/// a call in the middle would make every interpreter's handler save its registers.
static HAS_SSSE3: AtomicBool = AtomicBool::new(false);

/// Looks for SSSE3.
pub(in crate::numeric::simd) fn detect() {
    HAS_SSSE3.store(is_x86_feature_detected!("ssse3"), Ordering::Relaxed);
}

/// `pshufb`: the bytes of `a` that `lanes` numbers modulo 16, 0 where a number's sign bit is set.
///
/// # Safety
/// The processor has SSSE3.
#[inline(always)]
unsafe fn shuffle_bytes(a: V128, lanes: V128) -> V128 {
    let mut vector = a.to_m128i();
    // As assembly, because the intrinsic is inlined into functions that require SSSE3 only, and
    // a call would cost more than the instruction.
    // SAFETY: the caller says that there is such an instruction; it has no side effects.
    unsafe {
        asm!(
            "pshufb {}, {}",
            inout(xmm_reg) vector,
            in(xmm_reg) lanes.to_m128i(),
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    V128::from_m128i(vector)
}

/// `i8x16.swizzle`
#[inline(always)]
pub(in crate::numeric::simd) fn i8x16_swizzle(a: V128, lanes: V128) -> V128 {
    if !HAS_SSSE3.load(Ordering::Relaxed) {
        return portable::i8x16_swizzle(a, lanes);
    }
    // The sum has the sign bit for all numbers from 16 on, and the same low bits for others.
    let lanes = V128(from_fn(|i| lanes.0[i].saturating_add(0x70)));
    // SAFETY: SSSE3 was detected.
    unsafe { shuffle_bytes(a, lanes) }
}

/// `i8x16.shuffle`
#[inline(always)]
pub(in crate::numeric::simd) fn i8x16_shuffle(a: V128, b: V128, lanes: [u8; 16]) -> V128 {
    if !HAS_SSSE3.load(Ordering::Relaxed) {
        return portable::i8x16_shuffle(a, b, lanes);
    }
    // Numbers of the other vector's lanes get the sign bit.
    let of_a = V128(from_fn(|i| lanes[i].saturating_add(0x70)));
    let of_b = V128(from_fn(|i| lanes[i].wrapping_sub(16)));
    // SAFETY: SSSE3 was detected.
    let (a, b) = unsafe { (shuffle_bytes(a, of_a), shuffle_bytes(b, of_b)) };
    V128(from_fn(|i| a.0[i] | b.0[i]))
}

/// `i32x4.dot_i16x8_s`
#[inline(always)]
pub(in crate::numeric::simd) fn i32x4_dot_i16x8_s(a: V128, b: V128) -> V128 {
    // SAFETY: SSE2 is part of the architecture.
    unsafe { V128::from_m128i(_mm_madd_epi16(a.to_m128i(), b.to_m128i())) }
}

/// `i8x16.bitmask`
#[inline(always)]
pub(in crate::numeric::simd) fn i8x16_bitmask(a: V128) -> i32 {
    // SAFETY: SSE2 is part of the architecture.
    unsafe { _mm_movemask_epi8(a.to_m128i()) }
}

/// `i16x8.bitmask`
#[inline(always)]
pub(in crate::numeric::simd) fn i16x8_bitmask(a: V128) -> i32 {
    // SAFETY: SSE2 is part of the architecture.
    unsafe { _mm_movemask_epi8(_mm_packs_epi16(a.to_m128i(), _mm_setzero_si128())) }
}

/// `i32x4.bitmask`
#[inline(always)]
pub(in crate::numeric::simd) fn i32x4_bitmask(a: V128) -> i32 {
    // SAFETY: SSE2 is part of the architecture.
    unsafe { _mm_movemask_ps(_mm_castsi128_ps(a.to_m128i())) }
}

/// `i64x2.bitmask`
#[inline(always)]
pub(in crate::numeric::simd) fn i64x2_bitmask(a: V128) -> i32 {
    // SAFETY: SSE2 is part of the architecture.
    unsafe { _mm_movemask_pd(_mm_castsi128_pd(a.to_m128i())) }
}
