//! What several shapes have in common.

/// Instructions of all integer shapes. `$stack` is the type of a lane on the operand stack.
macro_rules! integer_shape {
    ($int:ident, $uint:ident, $lanes:literal, $stack:ident, $bitmask:ident) => {
        use crate::numeric::simd::{Lanes, V128, arch, map, zip};

        /// All lanes the same.
        #[inline(always)]
        pub fn splat(a: $stack) -> V128 {
            V128::of([a as $int; $lanes])
        }

        /// The vector with one lane replaced, the one of number `lane` modulo the count of lanes.
        #[inline(always)]
        pub fn replace_lane(a: V128, lane: u8, value: $stack) -> V128 {
            let mut lanes = a.lanes();
            lanes[lane as usize % $lanes] = value as $int;
            V128::of(lanes)
        }

        /// Whether no lane is 0.
        #[inline(always)]
        pub fn all_true(a: V128) -> bool {
            let lanes: [$int; $lanes] = a.lanes();
            let mut all = true;
            for lane in lanes {
                all &= lane != 0;
            }
            all
        }

        /// The sign bits of all lanes, the first one's least significant.
        #[inline(always)]
        pub fn bitmask(a: V128) -> i32 {
            arch::$bitmask(a)
        }

        /// Left shift, by a count modulo the width.
        #[inline(always)]
        pub fn shl(a: V128, count: i32) -> V128 {
            map(a, |a: $int| a.wrapping_shl(count as u32))
        }

        /// Arithmetic right shift, by a count modulo the width.
        #[inline(always)]
        pub fn shr_s(a: V128, count: i32) -> V128 {
            map(a, |a: $int| a.wrapping_shr(count as u32))
        }

        /// Logical right shift, by a count modulo the width.
        #[inline(always)]
        pub fn shr_u(a: V128, count: i32) -> V128 {
            map(a, |a: $uint| a.wrapping_shr(count as u32))
        }

        /// Absolute value; that of the minimum is the minimum.
        #[inline(always)]
        pub fn abs(a: V128) -> V128 {
            map(a, $int::wrapping_abs)
        }

        /// Wrapping negation.
        #[inline(always)]
        pub fn neg(a: V128) -> V128 {
            map(a, $int::wrapping_neg)
        }

        /// Wrapping sum.
        #[inline(always)]
        pub fn add(a: V128, b: V128) -> V128 {
            zip(a, b, $int::wrapping_add)
        }

        /// Wrapping difference.
        #[inline(always)]
        pub fn sub(a: V128, b: V128) -> V128 {
            zip(a, b, $int::wrapping_sub)
        }

        comparisons! {
            $int, $int;
            /// Equal.
            eq ==,
            /// Not equal.
            ne !=,
            /// Signed less than.
            lt_s <,
            /// Signed greater than.
            gt_s >,
            /// Signed less than or equal.
            le_s <=,
            /// Signed greater than or equal.
            ge_s >=,
        }
    };
}

/// Comparisons, whose lanes are all ones for true and 0 for false.
macro_rules! comparisons {
    ($lane:ident, $mask:ident; $($(#[$doc:meta])* $name:ident $op:tt,)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(a: V128, b: V128) -> V128 {
            zip(a, b, |a: $lane, b: $lane| -((a $op b) as $mask))
        }
    )*};
}

/// Unsigned comparisons, minimum and maximum: what lanes of 64 bits lack.
macro_rules! integer_order {
    ($int:ident, $uint:ident) => {
        comparisons! {
            $uint, $int;
            /// Unsigned less than.
            lt_u <,
            /// Unsigned greater than.
            gt_u >,
            /// Unsigned less than or equal.
            le_u <=,
            /// Unsigned greater than or equal.
            ge_u >=,
        }

        /// The lesser one, signed.
        #[inline(always)]
        pub fn min_s(a: V128, b: V128) -> V128 {
            zip(a, b, |a: $int, b: $int| a.min(b))
        }

        /// The lesser one, unsigned.
        #[inline(always)]
        pub fn min_u(a: V128, b: V128) -> V128 {
            zip(a, b, |a: $uint, b: $uint| a.min(b))
        }

        /// The greater one, signed.
        #[inline(always)]
        pub fn max_s(a: V128, b: V128) -> V128 {
            zip(a, b, |a: $int, b: $int| a.max(b))
        }

        /// The greater one, unsigned.
        #[inline(always)]
        pub fn max_u(a: V128, b: V128) -> V128 {
            zip(a, b, |a: $uint, b: $uint| a.max(b))
        }
    };
}

/// What narrow lanes have: two ways to extract them, saturating arithmetic, averages.
macro_rules! narrow_shape {
    ($int:ident, $uint:ident, $double:ident, $lanes:literal) => {
        /// A lane, sign-extended; `lane` counts modulo the count of lanes.
        #[inline(always)]
        pub fn extract_lane_s(a: V128, lane: u8) -> i32 {
            let lanes: [$int; $lanes] = a.lanes();
            i32::from(lanes[lane as usize % $lanes])
        }

        /// A lane, zero-extended; `lane` counts modulo the count of lanes.
        #[inline(always)]
        pub fn extract_lane_u(a: V128, lane: u8) -> i32 {
            let lanes: [$uint; $lanes] = a.lanes();
            i32::from(lanes[lane as usize % $lanes])
        }

        /// The nearest signed number to the sum.
        #[inline(always)]
        pub fn add_sat_s(a: V128, b: V128) -> V128 {
            zip(a, b, $int::saturating_add)
        }

        /// The nearest unsigned number to the sum.
        #[inline(always)]
        pub fn add_sat_u(a: V128, b: V128) -> V128 {
            zip(a, b, $uint::saturating_add)
        }

        /// The nearest signed number to the difference.
        #[inline(always)]
        pub fn sub_sat_s(a: V128, b: V128) -> V128 {
            zip(a, b, $int::saturating_sub)
        }

        /// The nearest unsigned number to the difference.
        #[inline(always)]
        pub fn sub_sat_u(a: V128, b: V128) -> V128 {
            zip(a, b, $uint::saturating_sub)
        }

        /// The unsigned average, rounded up.
        #[inline(always)]
        pub fn avgr_u(a: V128, b: V128) -> V128 {
            zip(a, b, |a: $uint, b: $uint| ((a as $double + b as $double + 1) >> 1) as $uint)
        }
    };
}

/// The one way to extract a lane that is as wide as a type on the operand stack.
macro_rules! extract_lane {
    ($lane:ident, $lanes:literal) => {
        /// A lane; `lane` counts modulo the count of lanes.
        #[inline(always)]
        pub fn extract_lane(a: V128, lane: u8) -> $lane {
            let lanes: [$lane; $lanes] = a.lanes();
            lanes[lane as usize % $lanes]
        }
    };
}

/// Lanes of one half of a vector with lanes half as wide, and their products.
macro_rules! widening {
    ($(
        $narrow:ident * $count:literal to $wide:ident, from $first:literal:
        $extend:ident, $extmul:ident;
    )*) => {$(
        /// One half of the lanes, extended.
        #[inline(always)]
        pub fn $extend(a: V128) -> V128 {
            let a: [$narrow; 2 * $count] = a.lanes();
            V128::of(crate::numeric::simd::from_fn::<$wide, $count>(|i| a[$first + i] as $wide))
        }

        /// The products of one half of the lanes, without loss.
        #[inline(always)]
        pub fn $extmul(a: V128, b: V128) -> V128 {
            let (a, b): ([$narrow; 2 * $count], [$narrow; 2 * $count]) = (a.lanes(), b.lanes());
            V128::of(crate::numeric::simd::from_fn::<$wide, $count>(|i| {
                a[$first + i] as $wide * b[$first + i] as $wide
            }))
        }
    )*};
}

/// Sums of neighbours, without loss.
macro_rules! pairwise {
    ($($narrow:ident * $count:literal to $wide:ident: $name:ident;)*) => {$(
        /// The sums of neighbouring lanes, without loss.
        #[inline(always)]
        pub fn $name(a: V128) -> V128 {
            let a: [$narrow; 2 * $count] = a.lanes();
            V128::of(crate::numeric::simd::from_fn::<$wide, $count>(|i| {
                a[2 * i] as $wide + a[2 * i + 1] as $wide
            }))
        }
    )*};
}

/// Signed lanes of two vectors, saturated to half their width.
macro_rules! narrowing {
    ($($wide:ident * $count:literal to $narrow:ident: $name:ident;)*) => {$(
        /// The nearest numbers to the lanes of `a`, then those of `b`, which are signed.
        #[inline(always)]
        pub fn $name(a: V128, b: V128) -> V128 {
            let (a, b): ([$wide; $count], [$wide; $count]) = (a.lanes(), b.lanes());
            V128::of(crate::numeric::simd::from_fn::<$narrow, { 2 * $count }>(|i| {
                let lane = if i < $count { a[i] } else { b[i - $count] };
                lane.clamp($narrow::MIN as $wide, $narrow::MAX as $wide) as $narrow
            }))
        }
    )*};
}

/// Instructions of both shapes of floats.
macro_rules! float_shape {
    ($shape:ident, $float:ident, $int:ident, $lanes:literal) => {
        use crate::numeric::round;
        use crate::numeric::simd::{Lanes, V128, map, zip};

        extract_lane!($float, $lanes);

        /// All lanes the same.
        #[inline(always)]
        pub fn splat(a: $float) -> V128 {
            V128::of([a; $lanes])
        }

        /// The vector with one lane replaced, the one of number `lane` modulo the count of lanes.
        #[inline(always)]
        pub fn replace_lane(a: V128, lane: u8, value: $float) -> V128 {
            let mut lanes = a.lanes();
            lanes[lane as usize % $lanes] = value;
            V128::of(lanes)
        }

        comparisons! {
            $float, $int;
            /// Equal.
            eq ==,
            /// Not equal.
            ne !=,
            /// Less than.
            lt <,
            /// Greater than.
            gt >,
            /// Less than or equal.
            le <=,
            /// Greater than or equal.
            ge >=,
        }

        float_shape! {
            @map $float;
            /// Absolute value, NaNs included.
            abs,
            /// Negation, NaNs included.
            neg,
            /// Square root.
            sqrt,
        }

        float_shape! {
            @round $float $shape;
            /// Rounding towards positive infinity.
            ceil UP,
            /// Rounding towards negative infinity.
            floor DOWN,
            /// Rounding towards zero.
            trunc TO_ZERO,
            /// Rounding to the nearest integer, ties to even.
            nearest NEAREST,
        }

        /// Rounds lane by lane, where there is no instruction. Vectors as numbers, which calls pass
        /// in registers: an interpreter's handler may have no local in memory.
        #[cold]
        #[inline(never)]
        fn round_lanes(a: u128, round: fn($float) -> $float) -> u128 {
            map(a.into(), round).into()
        }

        float_shape! {
            @zip $float;
            /// Sum.
            add,
            /// Difference.
            sub,
            /// Product.
            mul,
            /// Quotient.
            div,
            /// The lesser one; -0 is less than +0, and NaN wins.
            min,
            /// The greater one; +0 is greater than -0, and NaN wins.
            max,
        }

        /// `b` if it is less than `a`, else `a`.
        #[inline(always)]
        pub fn pmin(a: V128, b: V128) -> V128 {
            zip(a, b, |a: $float, b: $float| if b < a { b } else { a })
        }

        /// `b` if it is greater than `a`, else `a`.
        #[inline(always)]
        pub fn pmax(a: V128, b: V128) -> V128 {
            zip(a, b, |a: $float, b: $float| if a < b { b } else { a })
        }

        /// `a * b + c`, rounded twice.
        #[inline(always)]
        pub fn relaxed_madd(a: V128, b: V128, c: V128) -> V128 {
            add(mul(a, b), c)
        }

        /// `-(a * b) + c`, rounded twice.
        #[inline(always)]
        pub fn relaxed_nmadd(a: V128, b: V128, c: V128) -> V128 {
            add(neg(mul(a, b)), c)
        }

        /// [`min`]
        #[inline(always)]
        pub fn relaxed_min(a: V128, b: V128) -> V128 {
            min(a, b)
        }

        /// [`max`]
        #[inline(always)]
        pub fn relaxed_max(a: V128, b: V128) -> V128 {
            max(a, b)
        }
    };
    (@map $float:ident; $($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(a: V128) -> V128 {
            map(a, crate::numeric::$float::$name)
        }
    )*};
    (@round $float:ident $shape:ident; $($(#[$doc:meta])* $name:ident $direction:ident,)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(a: V128) -> V128 {
            if round::is_native() {
                // SAFETY: there is one.
                unsafe { round::$shape::<{ round::$direction }>(a) }
            } else {
                round_lanes(a.into(), crate::numeric::$float::$name).into()
            }
        }
    )*};
    (@zip $float:ident; $($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(a: V128, b: V128) -> V128 {
            zip(a, b, crate::numeric::$float::$name)
        }
    )*};
}
