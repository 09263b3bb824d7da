//! What numeric instructions compute: pure functions, one module for each result type.
//! <https://webassembly.github.io/spec/core/exec/numerics.html>
//!
//! `i32.div_s` is [`i32::div_s`]. Functions that can trap return a `Result`; all others are
//! total. Conversions stand with their result type, vectors in [`simd`].

/// Rounds by the instruction, if there is one, or by the library's function.
macro_rules! rounded {
    ($a:expr, $float:ident, $direction:ident, $function:ident) => {{
        #[cold]
        #[inline(never)]
        fn call(a: $float) -> $float {
            quiet(a, a.$function())
        }

        if round::is_native() {
            // SAFETY: there is one.
            unsafe { round::$float::<{ round::$direction }>($a) }
        } else {
            call($a)
        }
    }};
}

macro_rules! integer {
    ($int:ident, $uint:ident, $bits:literal) => {
        use wamr_types::TrapCode;

        /// Wrapping sum.
        #[inline(always)]
        pub const fn add(a: $int, b: $int) -> $int {
            a.wrapping_add(b)
        }

        /// Wrapping difference.
        #[inline(always)]
        pub const fn sub(a: $int, b: $int) -> $int {
            a.wrapping_sub(b)
        }

        /// Wrapping product.
        #[inline(always)]
        pub const fn mul(a: $int, b: $int) -> $int {
            a.wrapping_mul(b)
        }

        /// Signed quotient.
        ///
        /// # Errors
        /// Division by zero, and the one quotient that does not fit.
        #[inline(always)]
        pub const fn div_s(a: $int, b: $int) -> Result<$int, TrapCode> {
            if b == 0 {
                return Err(TrapCode::IntegerDivideByZero);
            }
            match a.checked_div(b) {
                Some(quotient) => Ok(quotient),
                None => Err(TrapCode::IntegerOverflow),
            }
        }

        /// Unsigned quotient.
        ///
        /// # Errors
        /// Division by zero.
        #[inline(always)]
        pub const fn div_u(a: $int, b: $int) -> Result<$int, TrapCode> {
            match (a as $uint).checked_div(b as $uint) {
                Some(quotient) => Ok(quotient as $int),
                None => Err(TrapCode::IntegerDivideByZero),
            }
        }

        /// Signed remainder, with the sign of the dividend.
        ///
        /// # Errors
        /// Division by zero.
        #[inline(always)]
        pub const fn rem_s(a: $int, b: $int) -> Result<$int, TrapCode> {
            if b == 0 {
                return Err(TrapCode::IntegerDivideByZero);
            }
            Ok(a.wrapping_rem(b))
        }

        /// Unsigned remainder.
        ///
        /// # Errors
        /// Division by zero.
        #[inline(always)]
        pub const fn rem_u(a: $int, b: $int) -> Result<$int, TrapCode> {
            match (a as $uint).checked_rem(b as $uint) {
                Some(remainder) => Ok(remainder as $int),
                None => Err(TrapCode::IntegerDivideByZero),
            }
        }

        /// Bitwise conjunction.
        #[inline(always)]
        pub const fn and(a: $int, b: $int) -> $int {
            a & b
        }

        /// Bitwise disjunction.
        #[inline(always)]
        pub const fn or(a: $int, b: $int) -> $int {
            a | b
        }

        /// Bitwise exclusive disjunction.
        #[inline(always)]
        pub const fn xor(a: $int, b: $int) -> $int {
            a ^ b
        }

        /// Left shift, by a count modulo the width.
        #[inline(always)]
        pub const fn shl(a: $int, b: $int) -> $int {
            a.wrapping_shl(b as u32)
        }

        /// Arithmetic right shift, by a count modulo the width.
        #[inline(always)]
        pub const fn shr_s(a: $int, b: $int) -> $int {
            a.wrapping_shr(b as u32)
        }

        /// Logical right shift, by a count modulo the width.
        #[inline(always)]
        pub const fn shr_u(a: $int, b: $int) -> $int {
            (a as $uint).wrapping_shr(b as u32) as $int
        }

        /// Left rotation.
        #[inline(always)]
        pub const fn rotl(a: $int, b: $int) -> $int {
            a.rotate_left(b as u32 % $bits)
        }

        /// Right rotation.
        #[inline(always)]
        pub const fn rotr(a: $int, b: $int) -> $int {
            a.rotate_right(b as u32 % $bits)
        }

        /// Number of leading zero bits.
        #[inline(always)]
        pub const fn clz(a: $int) -> $int {
            a.leading_zeros() as $int
        }

        /// Number of trailing zero bits.
        #[inline(always)]
        pub const fn ctz(a: $int) -> $int {
            a.trailing_zeros() as $int
        }

        /// Number of one bits.
        #[inline(always)]
        pub const fn popcnt(a: $int) -> $int {
            a.count_ones() as $int
        }

        /// Sign extension of the low 8 bits.
        #[inline(always)]
        pub const fn extend8_s(a: $int) -> $int {
            a as i8 as $int
        }

        /// Sign extension of the low 16 bits.
        #[inline(always)]
        pub const fn extend16_s(a: $int) -> $int {
            a as i16 as $int
        }

        /// Equal.
        #[inline(always)]
        pub const fn eq(a: $int, b: $int) -> bool {
            a == b
        }

        /// Not equal.
        #[inline(always)]
        pub const fn ne(a: $int, b: $int) -> bool {
            a != b
        }

        /// Signed less than.
        #[inline(always)]
        pub const fn lt_s(a: $int, b: $int) -> bool {
            a < b
        }

        /// Unsigned less than.
        #[inline(always)]
        pub const fn lt_u(a: $int, b: $int) -> bool {
            (a as $uint) < b as $uint
        }

        /// Signed greater than.
        #[inline(always)]
        pub const fn gt_s(a: $int, b: $int) -> bool {
            a > b
        }

        /// Unsigned greater than.
        #[inline(always)]
        pub const fn gt_u(a: $int, b: $int) -> bool {
            a as $uint > b as $uint
        }

        /// Signed less than or equal.
        #[inline(always)]
        pub const fn le_s(a: $int, b: $int) -> bool {
            a <= b
        }

        /// Unsigned less than or equal.
        #[inline(always)]
        pub const fn le_u(a: $int, b: $int) -> bool {
            a as $uint <= b as $uint
        }

        /// Signed greater than or equal.
        #[inline(always)]
        pub const fn ge_s(a: $int, b: $int) -> bool {
            a >= b
        }

        /// Unsigned greater than or equal.
        #[inline(always)]
        pub const fn ge_u(a: $int, b: $int) -> bool {
            a as $uint >= b as $uint
        }

        integer!(@trunc $int, $uint, trunc_f32_s, trunc_f32_u, trunc_sat_f32_s, trunc_sat_f32_u, f32);
        integer!(@trunc $int, $uint, trunc_f64_s, trunc_f64_u, trunc_sat_f64_s, trunc_sat_f64_u, f64);
    };
    (@trunc $int:ident, $uint:ident, $s:ident, $u:ident, $sat_s:ident, $sat_u:ident, $float:ident) => {
        /// Truncation to a signed integer.
        ///
        /// # Errors
        /// NaN, and values that do not fit.
        #[inline(always)]
        pub fn $s(a: $float) -> Result<$int, TrapCode> {
            // Powers of two are exact; one less than the minimum is, or rounds to it.
            const MIN: $float = $int::MIN as $float;
            if (a >= MIN || a > MIN - 1.0) && a < -MIN {
                return Ok(a as $int);
            }
            Err(not_an_integer(a.is_nan()))
        }

        /// Truncation to an unsigned integer.
        ///
        /// # Errors
        /// NaN, and values that do not fit.
        #[inline(always)]
        pub fn $u(a: $float) -> Result<$int, TrapCode> {
            const END: $float = -2.0 * ($int::MIN as $float);
            if a > -1.0 && a < END {
                return Ok(a as $uint as $int);
            }
            Err(not_an_integer(a.is_nan()))
        }

        /// Truncation to the nearest signed integer there is; 0 for NaN.
        #[inline(always)]
        pub const fn $sat_s(a: $float) -> $int {
            a as $int
        }

        /// Truncation to the nearest unsigned integer there is; 0 for NaN.
        #[inline(always)]
        pub const fn $sat_u(a: $float) -> $int {
            a as $uint as $int
        }
    };
    (@error) => {
        #[cold]
        const fn not_an_integer(is_nan: bool) -> TrapCode {
            if is_nan { TrapCode::InvalidConversionToInteger } else { TrapCode::IntegerOverflow }
        }
    };
}

macro_rules! float {
    ($float:ident, $bits:ident) => {
        use super::round;

        const SIGN: $bits = 1 << ($bits::BITS - 1);

        /// Sum.
        #[inline(always)]
        pub const fn add(a: $float, b: $float) -> $float {
            a + b
        }

        /// Difference.
        #[inline(always)]
        pub const fn sub(a: $float, b: $float) -> $float {
            a - b
        }

        /// Product.
        #[inline(always)]
        pub const fn mul(a: $float, b: $float) -> $float {
            a * b
        }

        /// Quotient.
        #[inline(always)]
        pub const fn div(a: $float, b: $float) -> $float {
            a / b
        }

        /// The lesser one; -0 is less than +0, and NaN wins.
        #[inline(always)]
        pub const fn min(a: $float, b: $float) -> $float {
            let lesser = if b < a { b } else { a };
            // Equal numbers differ in the sign of zero at most.
            let number = if a == b { $float::from_bits(a.to_bits() | b.to_bits()) } else { lesser };
            if a.is_nan() || b.is_nan() { a + b } else { number }
        }

        /// The greater one; +0 is greater than -0, and NaN wins.
        #[inline(always)]
        pub const fn max(a: $float, b: $float) -> $float {
            let greater = if a < b { b } else { a };
            let number =
                if a == b { $float::from_bits(a.to_bits() & b.to_bits()) } else { greater };
            if a.is_nan() || b.is_nan() { a + b } else { number }
        }

        /// The first one with the sign of the second.
        #[inline(always)]
        pub const fn copysign(a: $float, b: $float) -> $float {
            $float::from_bits(a.to_bits() & !SIGN | b.to_bits() & SIGN)
        }

        /// Absolute value, NaNs included.
        #[inline(always)]
        pub const fn abs(a: $float) -> $float {
            $float::from_bits(a.to_bits() & !SIGN)
        }

        /// Negation, NaNs included.
        #[inline(always)]
        pub const fn neg(a: $float) -> $float {
            $float::from_bits(a.to_bits() ^ SIGN)
        }

        /// Rounding towards positive infinity.
        #[inline(always)]
        pub fn ceil(a: $float) -> $float {
            rounded!(a, $float, UP, ceil)
        }

        /// Rounding towards negative infinity.
        #[inline(always)]
        pub fn floor(a: $float) -> $float {
            rounded!(a, $float, DOWN, floor)
        }

        /// Rounding towards zero.
        #[inline(always)]
        pub fn trunc(a: $float) -> $float {
            rounded!(a, $float, TO_ZERO, trunc)
        }

        /// Rounding to the nearest integer, ties to even.
        #[inline(always)]
        pub fn nearest(a: $float) -> $float {
            rounded!(a, $float, NEAREST, round_ties_even)
        }

        /// Square root.
        #[inline(always)]
        pub fn sqrt(a: $float) -> $float {
            a.sqrt()
        }

        /// Equal.
        #[inline(always)]
        pub const fn eq(a: $float, b: $float) -> bool {
            a == b
        }

        /// Not equal.
        #[inline(always)]
        pub const fn ne(a: $float, b: $float) -> bool {
            a != b
        }

        /// Less than.
        #[inline(always)]
        pub const fn lt(a: $float, b: $float) -> bool {
            a < b
        }

        /// Greater than.
        #[inline(always)]
        pub const fn gt(a: $float, b: $float) -> bool {
            a > b
        }

        /// Less than or equal.
        #[inline(always)]
        pub const fn le(a: $float, b: $float) -> bool {
            a <= b
        }

        /// Greater than or equal.
        #[inline(always)]
        pub const fn ge(a: $float, b: $float) -> bool {
            a >= b
        }

        /// Conversion of a signed 32-bit integer.
        #[inline(always)]
        pub const fn convert_i32_s(a: i32) -> $float {
            a as $float
        }

        /// Conversion of an unsigned 32-bit integer.
        #[inline(always)]
        pub const fn convert_i32_u(a: i32) -> $float {
            a as u32 as $float
        }

        /// Conversion of a signed 64-bit integer.
        #[inline(always)]
        pub const fn convert_i64_s(a: i64) -> $float {
            a as $float
        }

        /// Conversion of an unsigned 64-bit integer.
        #[inline(always)]
        pub const fn convert_i64_u(a: i64) -> $float {
            a as u64 as $float
        }

        /// `rounded`, or a quiet NaN where `a` is NaN: not every rounding function of every
        /// platform quietens signalling NaNs.
        #[inline(always)]
        fn quiet(a: $float, rounded: $float) -> $float {
            const QUIET: $bits = 1 << ($float::MANTISSA_DIGITS - 2);
            if a.is_nan() { $float::from_bits(a.to_bits() | QUIET) } else { rounded }
        }
    };
}

mod round;
pub mod simd;
pub mod wide;

/// Instructions with an `i32` result, or comparisons of `i32`.
pub mod i32 {
    integer!(i32, u32, 32);
    integer!(@error);

    /// The low 32 bits.
    #[inline(always)]
    pub const fn wrap_i64(a: i64) -> i32 {
        a as i32
    }

    /// The bits of a float.
    #[inline(always)]
    pub const fn reinterpret_f32(a: f32) -> i32 {
        a.to_bits() as i32
    }
}

/// Instructions with an `i64` result, or comparisons of `i64`.
pub mod i64 {
    integer!(i64, u64, 64);
    integer!(@error);

    /// Sign extension of the low 32 bits.
    #[inline(always)]
    pub const fn extend32_s(a: i64) -> i64 {
        a as i32 as i64
    }

    /// Sign extension.
    #[inline(always)]
    pub const fn extend_i32_s(a: i32) -> i64 {
        a as i64
    }

    /// Zero extension.
    #[inline(always)]
    pub const fn extend_i32_u(a: i32) -> i64 {
        a as u32 as i64
    }

    /// The bits of a float.
    #[inline(always)]
    pub const fn reinterpret_f64(a: f64) -> i64 {
        a.to_bits() as i64
    }
}

/// Instructions with an `f32` result, or comparisons of `f32`.
pub mod f32 {
    float!(f32, u32);

    /// Rounding to single precision.
    #[inline(always)]
    pub const fn demote_f64(a: f64) -> f32 {
        a as f32
    }

    /// A float of these bits.
    #[inline(always)]
    pub const fn reinterpret_i32(a: i32) -> f32 {
        f32::from_bits(a as u32)
    }
}

/// Instructions with an `f64` result, or comparisons of `f64`.
pub mod f64 {
    float!(f64, u64);

    /// The same number in double precision.
    #[inline(always)]
    pub const fn promote_f32(a: f32) -> f64 {
        a as f64
    }

    /// A float of these bits.
    #[inline(always)]
    pub const fn reinterpret_i64(a: i64) -> f64 {
        f64::from_bits(a as u64)
    }
}
