//! What vector instructions compute: pure functions, one module for each shape.
//! <https://webassembly.github.io/spec/core/exec/numerics.html#vector-operations>
//!
//! `i32x4.add` is [`i32x4::add`]; what `v128.load8_splat` and its kin add to a load is a
//! function of the shape too. All functions are total.
//!
//! Functions are written over arrays of lanes, in the forms that compilers make vector
//! instructions of. What they make none of stands in `arch`, for each architecture.
//!
//! # Relaxed instructions
//! They are deterministic: the same on all machines, and under all modes of execution. Each does
//! what its strict counterpart does. That is `swizzle`, `trunc_sat`, `min`, `max`,
//! `q15mulr_sat_s`, and for `relaxed_laneselect` `bitselect`. `relaxed_madd` rounds twice, after
//! multiplication and after addition; `relaxed_dot` takes both operands as signed, and its sum
//! of two products wraps.

use core::fmt;

#[macro_use]
mod macros;

mod arch;

pub mod f32x4;
pub mod f64x2;
pub mod i16x8;
pub mod i32x4;
pub mod i64x2;
pub mod i8x16;
pub mod v128;

/// Looks for instructions that only some processors have. Until it is called, functions do
/// without them.
pub fn detect() {
    arch::detect();
    super::round::detect();
}

/// A `v128`: 16 bytes, the first lane first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct V128([u8; 16]);

impl V128 {
    /// The vector of these bytes.
    #[inline(always)]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[inline(always)]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The vector whose first 64 bits are these, and all others 0.
    #[inline(always)]
    pub fn from_low(bits: u64) -> Self {
        Self::of([bits, 0])
    }
}

impl fmt::Debug for V128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#034x}", u128::from(*self))
    }
}

impl From<u128> for V128 {
    /// The vector with these bits, the first lane the least significant.
    #[inline(always)]
    fn from(bits: u128) -> Self {
        Self(bits.to_le_bytes())
    }
}

impl From<V128> for u128 {
    #[inline(always)]
    fn from(vector: V128) -> Self {
        Self::from_le_bytes(vector.0)
    }
}

/// A vector as `N` lanes of type `T`.
trait Lanes<T, const N: usize> {
    fn lanes(self) -> [T; N];
    fn of(lanes: [T; N]) -> Self;
}

macro_rules! lanes {
    ($($ty:ident * $lanes:literal;)*) => {$(
        impl Lanes<$ty, $lanes> for V128 {
            #[inline(always)]
            fn lanes(self) -> [$ty; $lanes] {
                let (chunks, _) = self.0.as_chunks();
                from_fn(|i| $ty::from_le_bytes(chunks[i]))
            }

            #[inline(always)]
            fn of(lanes: [$ty; $lanes]) -> Self {
                let mut bytes = [0; 16];
                let (chunks, _) = bytes.as_chunks_mut();
                for i in 0..$lanes {
                    chunks[i] = lanes[i].to_le_bytes();
                }
                Self(bytes)
            }
        }
    )*};
}

lanes! {
    i8 * 16;
    u8 * 16;
    i16 * 8;
    u16 * 8;
    i32 * 4;
    u32 * 4;
    i64 * 2;
    u64 * 2;
    f32 * 4;
    f64 * 2;
}

/// An array whose elements a function gives. The library's function of that name, and `map`, are
/// calls where code is generated in several units.
#[inline(always)]
fn from_fn<T: Copy + Default, const N: usize>(f: impl Fn(usize) -> T) -> [T; N] {
    let mut array = [T::default(); N];
    let mut i = 0;
    while i < N {
        array[i] = f(i);
        i += 1;
    }
    array
}

/// Lane by lane, a function of one operand.
#[inline(always)]
fn map<T: Copy, U: Copy + Default, const N: usize>(a: V128, f: impl Fn(T) -> U) -> V128
where
    V128: Lanes<T, N> + Lanes<U, N>,
{
    let a = a.lanes();
    V128::of(from_fn(|i| f(a[i])))
}

/// Lane by lane, a function of two operands.
#[inline(always)]
fn zip<T: Copy, U: Copy + Default, const N: usize>(a: V128, b: V128, f: impl Fn(T, T) -> U) -> V128
where
    V128: Lanes<T, N> + Lanes<U, N>,
{
    let (a, b) = (a.lanes(), b.lanes());
    V128::of(from_fn(|i| f(a[i], b[i])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lane_is_the_least_significant() {
        let vector = V128::from(0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100);
        assert_eq!(vector.to_bytes(), from_fn(|i| i as u8));
        assert_eq!(i32x4::extract_lane(vector, 0), 0x0302_0100);
        assert_eq!(i64x2::extract_lane(vector, 1), 0x0f0e_0d0c_0b0a_0908);
        assert_eq!(i16x8::extract_lane_u(i16x8::replace_lane(vector, 7, -1), 7), 0xffff);
    }

    #[test]
    fn machine_code_does_what_portable_code_does() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u128;
        let mut next = || {
            seed = seed.wrapping_mul(0xda94_2042_e4dd_58b5).wrapping_add(1);
            V128::from(seed ^ seed >> 64)
        };
        detect();
        for _ in 0..1000 {
            let (a, b) = (next(), next());
            let small = v128::and(b, i8x16::splat(0x1f));
            assert_eq!(arch::i8x16_swizzle(a, small), arch::portable::i8x16_swizzle(a, small));
            assert_eq!(arch::i8x16_swizzle(a, b), arch::portable::i8x16_swizzle(a, b));
            let lanes = small.to_bytes();
            let shuffled = arch::portable::i8x16_shuffle(a, b, lanes);
            assert_eq!(arch::i8x16_shuffle(a, b, lanes), shuffled);
            assert_eq!(arch::i32x4_dot_i16x8_s(a, b), arch::portable::i32x4_dot_i16x8_s(a, b));
            assert_eq!(arch::i8x16_bitmask(a), arch::portable::i8x16_bitmask(a));
            assert_eq!(arch::i16x8_bitmask(a), arch::portable::i16x8_bitmask(a));
            assert_eq!(arch::i32x4_bitmask(a), arch::portable::i32x4_bitmask(a));
            assert_eq!(arch::i64x2_bitmask(a), arch::portable::i64x2_bitmask(a));
        }
    }
}
