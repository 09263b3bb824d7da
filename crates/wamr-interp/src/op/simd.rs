//! The vector operators: one row each, expanded here into marker types and in
//! `translate/simd.rs` into visitor methods. Loads and stores stand in `op/simd_memory.rs`.

use wamr_runtime::numeric::simd::{self, V128};

use super::{SlotValue, StackValue};

/// Whether operations of a shape are worth a handler of their own for x86-64-v3. Those of floats
/// gain little, and which one of two NaNs they pass on should not depend on the processor.
pub(crate) const fn gains_by_v3(name: &str) -> bool {
    name.as_bytes()[0] != b'f'
}

/// An operator with one operand.
pub(crate) trait VectorUnaryOp: Copy + 'static {
    /// Type of the operand.
    type Arg: StackValue;
    /// Type of the result.
    type Res: StackValue;
    const NAME: &'static str;
    fn eval(a: Self::Arg) -> Self::Res;
}

/// An operator with two vectors.
pub(crate) trait VectorBinaryOp: Copy + 'static {
    const NAME: &'static str;
    fn eval(a: V128, b: V128) -> V128;
}

/// An operator with three vectors.
pub(crate) trait VectorTernaryOp: Copy + 'static {
    const NAME: &'static str;
    fn eval(a: V128, b: V128, c: V128) -> V128;
}

/// A shift of all lanes by one number.
pub(crate) trait ShiftOp: Copy + 'static {
    const NAME: &'static str;
    fn eval(a: V128, count: i32) -> V128;
}

/// A lane's value.
pub(crate) trait ExtractOp: Copy + 'static {
    /// Type of the result.
    type Res: SlotValue;
    const NAME: &'static str;
    /// How many lanes there are.
    const LANES: u8;
    fn eval(a: V128, lane: u8) -> Self::Res;
}

/// A vector with one lane replaced.
pub(crate) trait ReplaceOp: Copy + 'static {
    /// Type of the lane's value.
    type Arg: SlotValue;
    const NAME: &'static str;
    /// How many lanes there are.
    const LANES: u8;
    fn eval(a: V128, lane: u8, value: Self::Arg) -> V128;
}

/// `Marker visitor_method shape::function(operand) -> result;`
macro_rules! for_each_vector_unary {
    ($expand:ident) => {
        $expand! {
            I8x16Splat visit_i8x16_splat i8x16::splat(i32) -> V128;
            I16x8Splat visit_i16x8_splat i16x8::splat(i32) -> V128;
            I32x4Splat visit_i32x4_splat i32x4::splat(i32) -> V128;
            I64x2Splat visit_i64x2_splat i64x2::splat(i64) -> V128;
            F32x4Splat visit_f32x4_splat f32x4::splat(f32) -> V128;
            F64x2Splat visit_f64x2_splat f64x2::splat(f64) -> V128;
            V128Not visit_v128_not v128::not(V128) -> V128;
            V128AnyTrue visit_v128_any_true v128::any_true(V128) -> bool;
            I8x16Abs visit_i8x16_abs i8x16::abs(V128) -> V128;
            I8x16Neg visit_i8x16_neg i8x16::neg(V128) -> V128;
            I8x16Popcnt visit_i8x16_popcnt i8x16::popcnt(V128) -> V128;
            I8x16AllTrue visit_i8x16_all_true i8x16::all_true(V128) -> bool;
            I8x16Bitmask visit_i8x16_bitmask i8x16::bitmask(V128) -> i32;
            I16x8ExtAddPairwiseI8x16S visit_i16x8_extadd_pairwise_i8x16_s i16x8::extadd_pairwise_i8x16_s(V128) -> V128;
            I16x8ExtAddPairwiseI8x16U visit_i16x8_extadd_pairwise_i8x16_u i16x8::extadd_pairwise_i8x16_u(V128) -> V128;
            I16x8Abs visit_i16x8_abs i16x8::abs(V128) -> V128;
            I16x8Neg visit_i16x8_neg i16x8::neg(V128) -> V128;
            I16x8AllTrue visit_i16x8_all_true i16x8::all_true(V128) -> bool;
            I16x8Bitmask visit_i16x8_bitmask i16x8::bitmask(V128) -> i32;
            I16x8ExtendLowI8x16S visit_i16x8_extend_low_i8x16_s i16x8::extend_low_i8x16_s(V128) -> V128;
            I16x8ExtendHighI8x16S visit_i16x8_extend_high_i8x16_s i16x8::extend_high_i8x16_s(V128) -> V128;
            I16x8ExtendLowI8x16U visit_i16x8_extend_low_i8x16_u i16x8::extend_low_i8x16_u(V128) -> V128;
            I16x8ExtendHighI8x16U visit_i16x8_extend_high_i8x16_u i16x8::extend_high_i8x16_u(V128) -> V128;
            I32x4ExtAddPairwiseI16x8S visit_i32x4_extadd_pairwise_i16x8_s i32x4::extadd_pairwise_i16x8_s(V128) -> V128;
            I32x4ExtAddPairwiseI16x8U visit_i32x4_extadd_pairwise_i16x8_u i32x4::extadd_pairwise_i16x8_u(V128) -> V128;
            I32x4Abs visit_i32x4_abs i32x4::abs(V128) -> V128;
            I32x4Neg visit_i32x4_neg i32x4::neg(V128) -> V128;
            I32x4AllTrue visit_i32x4_all_true i32x4::all_true(V128) -> bool;
            I32x4Bitmask visit_i32x4_bitmask i32x4::bitmask(V128) -> i32;
            I32x4ExtendLowI16x8S visit_i32x4_extend_low_i16x8_s i32x4::extend_low_i16x8_s(V128) -> V128;
            I32x4ExtendHighI16x8S visit_i32x4_extend_high_i16x8_s i32x4::extend_high_i16x8_s(V128) -> V128;
            I32x4ExtendLowI16x8U visit_i32x4_extend_low_i16x8_u i32x4::extend_low_i16x8_u(V128) -> V128;
            I32x4ExtendHighI16x8U visit_i32x4_extend_high_i16x8_u i32x4::extend_high_i16x8_u(V128) -> V128;
            I64x2Abs visit_i64x2_abs i64x2::abs(V128) -> V128;
            I64x2Neg visit_i64x2_neg i64x2::neg(V128) -> V128;
            I64x2AllTrue visit_i64x2_all_true i64x2::all_true(V128) -> bool;
            I64x2Bitmask visit_i64x2_bitmask i64x2::bitmask(V128) -> i32;
            I64x2ExtendLowI32x4S visit_i64x2_extend_low_i32x4_s i64x2::extend_low_i32x4_s(V128) -> V128;
            I64x2ExtendHighI32x4S visit_i64x2_extend_high_i32x4_s i64x2::extend_high_i32x4_s(V128) -> V128;
            I64x2ExtendLowI32x4U visit_i64x2_extend_low_i32x4_u i64x2::extend_low_i32x4_u(V128) -> V128;
            I64x2ExtendHighI32x4U visit_i64x2_extend_high_i32x4_u i64x2::extend_high_i32x4_u(V128) -> V128;
            F32x4Ceil visit_f32x4_ceil f32x4::ceil(V128) -> V128;
            F32x4Floor visit_f32x4_floor f32x4::floor(V128) -> V128;
            F32x4Trunc visit_f32x4_trunc f32x4::trunc(V128) -> V128;
            F32x4Nearest visit_f32x4_nearest f32x4::nearest(V128) -> V128;
            F32x4Abs visit_f32x4_abs f32x4::abs(V128) -> V128;
            F32x4Neg visit_f32x4_neg f32x4::neg(V128) -> V128;
            F32x4Sqrt visit_f32x4_sqrt f32x4::sqrt(V128) -> V128;
            F64x2Ceil visit_f64x2_ceil f64x2::ceil(V128) -> V128;
            F64x2Floor visit_f64x2_floor f64x2::floor(V128) -> V128;
            F64x2Trunc visit_f64x2_trunc f64x2::trunc(V128) -> V128;
            F64x2Nearest visit_f64x2_nearest f64x2::nearest(V128) -> V128;
            F64x2Abs visit_f64x2_abs f64x2::abs(V128) -> V128;
            F64x2Neg visit_f64x2_neg f64x2::neg(V128) -> V128;
            F64x2Sqrt visit_f64x2_sqrt f64x2::sqrt(V128) -> V128;
            I32x4TruncSatF32x4S visit_i32x4_trunc_sat_f32x4_s i32x4::trunc_sat_f32x4_s(V128) -> V128;
            I32x4TruncSatF32x4U visit_i32x4_trunc_sat_f32x4_u i32x4::trunc_sat_f32x4_u(V128) -> V128;
            F32x4ConvertI32x4S visit_f32x4_convert_i32x4_s f32x4::convert_i32x4_s(V128) -> V128;
            F32x4ConvertI32x4U visit_f32x4_convert_i32x4_u f32x4::convert_i32x4_u(V128) -> V128;
            I32x4TruncSatF64x2SZero visit_i32x4_trunc_sat_f64x2_s_zero i32x4::trunc_sat_f64x2_s_zero(V128) -> V128;
            I32x4TruncSatF64x2UZero visit_i32x4_trunc_sat_f64x2_u_zero i32x4::trunc_sat_f64x2_u_zero(V128) -> V128;
            F64x2ConvertLowI32x4S visit_f64x2_convert_low_i32x4_s f64x2::convert_low_i32x4_s(V128) -> V128;
            F64x2ConvertLowI32x4U visit_f64x2_convert_low_i32x4_u f64x2::convert_low_i32x4_u(V128) -> V128;
            F32x4DemoteF64x2Zero visit_f32x4_demote_f64x2_zero f32x4::demote_f64x2_zero(V128) -> V128;
            F64x2PromoteLowF32x4 visit_f64x2_promote_low_f32x4 f64x2::promote_low_f32x4(V128) -> V128;
            I32x4RelaxedTruncF32x4S visit_i32x4_relaxed_trunc_f32x4_s i32x4::relaxed_trunc_f32x4_s(V128) -> V128;
            I32x4RelaxedTruncF32x4U visit_i32x4_relaxed_trunc_f32x4_u i32x4::relaxed_trunc_f32x4_u(V128) -> V128;
            I32x4RelaxedTruncF64x2SZero visit_i32x4_relaxed_trunc_f64x2_s_zero i32x4::relaxed_trunc_f64x2_s_zero(V128) -> V128;
            I32x4RelaxedTruncF64x2UZero visit_i32x4_relaxed_trunc_f64x2_u_zero i32x4::relaxed_trunc_f64x2_u_zero(V128) -> V128;
        }
    };
}
pub(crate) use for_each_vector_unary;

/// `Marker visitor_method shape::function;`, of two vectors.
macro_rules! for_each_vector_binary {
    ($expand:ident) => {
        $expand! {
            I8x16Swizzle visit_i8x16_swizzle i8x16::swizzle;
            I8x16Eq visit_i8x16_eq i8x16::eq;
            I8x16Ne visit_i8x16_ne i8x16::ne;
            I8x16LtS visit_i8x16_lt_s i8x16::lt_s;
            I8x16LtU visit_i8x16_lt_u i8x16::lt_u;
            I8x16GtS visit_i8x16_gt_s i8x16::gt_s;
            I8x16GtU visit_i8x16_gt_u i8x16::gt_u;
            I8x16LeS visit_i8x16_le_s i8x16::le_s;
            I8x16LeU visit_i8x16_le_u i8x16::le_u;
            I8x16GeS visit_i8x16_ge_s i8x16::ge_s;
            I8x16GeU visit_i8x16_ge_u i8x16::ge_u;
            I16x8Eq visit_i16x8_eq i16x8::eq;
            I16x8Ne visit_i16x8_ne i16x8::ne;
            I16x8LtS visit_i16x8_lt_s i16x8::lt_s;
            I16x8LtU visit_i16x8_lt_u i16x8::lt_u;
            I16x8GtS visit_i16x8_gt_s i16x8::gt_s;
            I16x8GtU visit_i16x8_gt_u i16x8::gt_u;
            I16x8LeS visit_i16x8_le_s i16x8::le_s;
            I16x8LeU visit_i16x8_le_u i16x8::le_u;
            I16x8GeS visit_i16x8_ge_s i16x8::ge_s;
            I16x8GeU visit_i16x8_ge_u i16x8::ge_u;
            I32x4Eq visit_i32x4_eq i32x4::eq;
            I32x4Ne visit_i32x4_ne i32x4::ne;
            I32x4LtS visit_i32x4_lt_s i32x4::lt_s;
            I32x4LtU visit_i32x4_lt_u i32x4::lt_u;
            I32x4GtS visit_i32x4_gt_s i32x4::gt_s;
            I32x4GtU visit_i32x4_gt_u i32x4::gt_u;
            I32x4LeS visit_i32x4_le_s i32x4::le_s;
            I32x4LeU visit_i32x4_le_u i32x4::le_u;
            I32x4GeS visit_i32x4_ge_s i32x4::ge_s;
            I32x4GeU visit_i32x4_ge_u i32x4::ge_u;
            I64x2Eq visit_i64x2_eq i64x2::eq;
            I64x2Ne visit_i64x2_ne i64x2::ne;
            I64x2LtS visit_i64x2_lt_s i64x2::lt_s;
            I64x2GtS visit_i64x2_gt_s i64x2::gt_s;
            I64x2LeS visit_i64x2_le_s i64x2::le_s;
            I64x2GeS visit_i64x2_ge_s i64x2::ge_s;
            F32x4Eq visit_f32x4_eq f32x4::eq;
            F32x4Ne visit_f32x4_ne f32x4::ne;
            F32x4Lt visit_f32x4_lt f32x4::lt;
            F32x4Gt visit_f32x4_gt f32x4::gt;
            F32x4Le visit_f32x4_le f32x4::le;
            F32x4Ge visit_f32x4_ge f32x4::ge;
            F64x2Eq visit_f64x2_eq f64x2::eq;
            F64x2Ne visit_f64x2_ne f64x2::ne;
            F64x2Lt visit_f64x2_lt f64x2::lt;
            F64x2Gt visit_f64x2_gt f64x2::gt;
            F64x2Le visit_f64x2_le f64x2::le;
            F64x2Ge visit_f64x2_ge f64x2::ge;
            V128And visit_v128_and v128::and;
            V128AndNot visit_v128_andnot v128::andnot;
            V128Or visit_v128_or v128::or;
            V128Xor visit_v128_xor v128::xor;
            I8x16NarrowI16x8S visit_i8x16_narrow_i16x8_s i8x16::narrow_i16x8_s;
            I8x16NarrowI16x8U visit_i8x16_narrow_i16x8_u i8x16::narrow_i16x8_u;
            I8x16Add visit_i8x16_add i8x16::add;
            I8x16AddSatS visit_i8x16_add_sat_s i8x16::add_sat_s;
            I8x16AddSatU visit_i8x16_add_sat_u i8x16::add_sat_u;
            I8x16Sub visit_i8x16_sub i8x16::sub;
            I8x16SubSatS visit_i8x16_sub_sat_s i8x16::sub_sat_s;
            I8x16SubSatU visit_i8x16_sub_sat_u i8x16::sub_sat_u;
            I8x16MinS visit_i8x16_min_s i8x16::min_s;
            I8x16MinU visit_i8x16_min_u i8x16::min_u;
            I8x16MaxS visit_i8x16_max_s i8x16::max_s;
            I8x16MaxU visit_i8x16_max_u i8x16::max_u;
            I8x16AvgrU visit_i8x16_avgr_u i8x16::avgr_u;
            I16x8Q15MulrSatS visit_i16x8_q15mulr_sat_s i16x8::q15mulr_sat_s;
            I16x8NarrowI32x4S visit_i16x8_narrow_i32x4_s i16x8::narrow_i32x4_s;
            I16x8NarrowI32x4U visit_i16x8_narrow_i32x4_u i16x8::narrow_i32x4_u;
            I16x8Add visit_i16x8_add i16x8::add;
            I16x8AddSatS visit_i16x8_add_sat_s i16x8::add_sat_s;
            I16x8AddSatU visit_i16x8_add_sat_u i16x8::add_sat_u;
            I16x8Sub visit_i16x8_sub i16x8::sub;
            I16x8SubSatS visit_i16x8_sub_sat_s i16x8::sub_sat_s;
            I16x8SubSatU visit_i16x8_sub_sat_u i16x8::sub_sat_u;
            I16x8Mul visit_i16x8_mul i16x8::mul;
            I16x8MinS visit_i16x8_min_s i16x8::min_s;
            I16x8MinU visit_i16x8_min_u i16x8::min_u;
            I16x8MaxS visit_i16x8_max_s i16x8::max_s;
            I16x8MaxU visit_i16x8_max_u i16x8::max_u;
            I16x8AvgrU visit_i16x8_avgr_u i16x8::avgr_u;
            I16x8ExtMulLowI8x16S visit_i16x8_extmul_low_i8x16_s i16x8::extmul_low_i8x16_s;
            I16x8ExtMulHighI8x16S visit_i16x8_extmul_high_i8x16_s i16x8::extmul_high_i8x16_s;
            I16x8ExtMulLowI8x16U visit_i16x8_extmul_low_i8x16_u i16x8::extmul_low_i8x16_u;
            I16x8ExtMulHighI8x16U visit_i16x8_extmul_high_i8x16_u i16x8::extmul_high_i8x16_u;
            I32x4Add visit_i32x4_add i32x4::add;
            I32x4Sub visit_i32x4_sub i32x4::sub;
            I32x4Mul visit_i32x4_mul i32x4::mul;
            I32x4MinS visit_i32x4_min_s i32x4::min_s;
            I32x4MinU visit_i32x4_min_u i32x4::min_u;
            I32x4MaxS visit_i32x4_max_s i32x4::max_s;
            I32x4MaxU visit_i32x4_max_u i32x4::max_u;
            I32x4DotI16x8S visit_i32x4_dot_i16x8_s i32x4::dot_i16x8_s;
            I32x4ExtMulLowI16x8S visit_i32x4_extmul_low_i16x8_s i32x4::extmul_low_i16x8_s;
            I32x4ExtMulHighI16x8S visit_i32x4_extmul_high_i16x8_s i32x4::extmul_high_i16x8_s;
            I32x4ExtMulLowI16x8U visit_i32x4_extmul_low_i16x8_u i32x4::extmul_low_i16x8_u;
            I32x4ExtMulHighI16x8U visit_i32x4_extmul_high_i16x8_u i32x4::extmul_high_i16x8_u;
            I64x2Add visit_i64x2_add i64x2::add;
            I64x2Sub visit_i64x2_sub i64x2::sub;
            I64x2Mul visit_i64x2_mul i64x2::mul;
            I64x2ExtMulLowI32x4S visit_i64x2_extmul_low_i32x4_s i64x2::extmul_low_i32x4_s;
            I64x2ExtMulHighI32x4S visit_i64x2_extmul_high_i32x4_s i64x2::extmul_high_i32x4_s;
            I64x2ExtMulLowI32x4U visit_i64x2_extmul_low_i32x4_u i64x2::extmul_low_i32x4_u;
            I64x2ExtMulHighI32x4U visit_i64x2_extmul_high_i32x4_u i64x2::extmul_high_i32x4_u;
            F32x4Add visit_f32x4_add f32x4::add;
            F32x4Sub visit_f32x4_sub f32x4::sub;
            F32x4Mul visit_f32x4_mul f32x4::mul;
            F32x4Div visit_f32x4_div f32x4::div;
            F32x4Min visit_f32x4_min f32x4::min;
            F32x4Max visit_f32x4_max f32x4::max;
            F32x4PMin visit_f32x4_pmin f32x4::pmin;
            F32x4PMax visit_f32x4_pmax f32x4::pmax;
            F64x2Add visit_f64x2_add f64x2::add;
            F64x2Sub visit_f64x2_sub f64x2::sub;
            F64x2Mul visit_f64x2_mul f64x2::mul;
            F64x2Div visit_f64x2_div f64x2::div;
            F64x2Min visit_f64x2_min f64x2::min;
            F64x2Max visit_f64x2_max f64x2::max;
            F64x2PMin visit_f64x2_pmin f64x2::pmin;
            F64x2PMax visit_f64x2_pmax f64x2::pmax;
            I8x16RelaxedSwizzle visit_i8x16_relaxed_swizzle i8x16::relaxed_swizzle;
            F32x4RelaxedMin visit_f32x4_relaxed_min f32x4::relaxed_min;
            F32x4RelaxedMax visit_f32x4_relaxed_max f32x4::relaxed_max;
            F64x2RelaxedMin visit_f64x2_relaxed_min f64x2::relaxed_min;
            F64x2RelaxedMax visit_f64x2_relaxed_max f64x2::relaxed_max;
            I16x8RelaxedQ15mulrS visit_i16x8_relaxed_q15mulr_s i16x8::relaxed_q15mulr_s;
            I16x8RelaxedDotI8x16I7x16S visit_i16x8_relaxed_dot_i8x16_i7x16_s i16x8::relaxed_dot_i8x16_i7x16_s;
        }
    };
}
pub(crate) use for_each_vector_binary;

/// `Marker visitor_method shape::function;`, of three vectors.
macro_rules! for_each_vector_ternary {
    ($expand:ident) => {
        $expand! {
            V128Bitselect visit_v128_bitselect v128::bitselect;
            F32x4RelaxedMadd visit_f32x4_relaxed_madd f32x4::relaxed_madd;
            F32x4RelaxedNmadd visit_f32x4_relaxed_nmadd f32x4::relaxed_nmadd;
            F64x2RelaxedMadd visit_f64x2_relaxed_madd f64x2::relaxed_madd;
            F64x2RelaxedNmadd visit_f64x2_relaxed_nmadd f64x2::relaxed_nmadd;
            I8x16RelaxedLaneselect visit_i8x16_relaxed_laneselect i8x16::relaxed_laneselect;
            I16x8RelaxedLaneselect visit_i16x8_relaxed_laneselect i16x8::relaxed_laneselect;
            I32x4RelaxedLaneselect visit_i32x4_relaxed_laneselect i32x4::relaxed_laneselect;
            I64x2RelaxedLaneselect visit_i64x2_relaxed_laneselect i64x2::relaxed_laneselect;
            I32x4RelaxedDotI8x16I7x16AddS visit_i32x4_relaxed_dot_i8x16_i7x16_add_s i32x4::relaxed_dot_i8x16_i7x16_add_s;
        }
    };
}
pub(crate) use for_each_vector_ternary;

/// `Marker visitor_method shape::function;`, of a vector and a number.
macro_rules! for_each_vector_shift {
    ($expand:ident) => {
        $expand! {
            I8x16Shl visit_i8x16_shl i8x16::shl;
            I8x16ShrS visit_i8x16_shr_s i8x16::shr_s;
            I8x16ShrU visit_i8x16_shr_u i8x16::shr_u;
            I16x8Shl visit_i16x8_shl i16x8::shl;
            I16x8ShrS visit_i16x8_shr_s i16x8::shr_s;
            I16x8ShrU visit_i16x8_shr_u i16x8::shr_u;
            I32x4Shl visit_i32x4_shl i32x4::shl;
            I32x4ShrS visit_i32x4_shr_s i32x4::shr_s;
            I32x4ShrU visit_i32x4_shr_u i32x4::shr_u;
            I64x2Shl visit_i64x2_shl i64x2::shl;
            I64x2ShrS visit_i64x2_shr_s i64x2::shr_s;
            I64x2ShrU visit_i64x2_shr_u i64x2::shr_u;
        }
    };
}
pub(crate) use for_each_vector_shift;

/// `Marker visitor_method shape::function of lanes -> result;`
macro_rules! for_each_vector_extract {
    ($expand:ident) => {
        $expand! {
            I8x16ExtractLaneS visit_i8x16_extract_lane_s i8x16::extract_lane_s of 16 -> i32;
            I8x16ExtractLaneU visit_i8x16_extract_lane_u i8x16::extract_lane_u of 16 -> i32;
            I16x8ExtractLaneS visit_i16x8_extract_lane_s i16x8::extract_lane_s of 8 -> i32;
            I16x8ExtractLaneU visit_i16x8_extract_lane_u i16x8::extract_lane_u of 8 -> i32;
            I32x4ExtractLane visit_i32x4_extract_lane i32x4::extract_lane of 4 -> i32;
            I64x2ExtractLane visit_i64x2_extract_lane i64x2::extract_lane of 2 -> i64;
            F32x4ExtractLane visit_f32x4_extract_lane f32x4::extract_lane of 4 -> f32;
            F64x2ExtractLane visit_f64x2_extract_lane f64x2::extract_lane of 2 -> f64;
        }
    };
}
pub(crate) use for_each_vector_extract;

/// `Marker visitor_method shape::function of lanes(operand);`
macro_rules! for_each_vector_replace {
    ($expand:ident) => {
        $expand! {
            I8x16ReplaceLane visit_i8x16_replace_lane i8x16::replace_lane of 16(i32);
            I16x8ReplaceLane visit_i16x8_replace_lane i16x8::replace_lane of 8(i32);
            I32x4ReplaceLane visit_i32x4_replace_lane i32x4::replace_lane of 4(i32);
            I64x2ReplaceLane visit_i64x2_replace_lane i64x2::replace_lane of 2(i64);
            F32x4ReplaceLane visit_f32x4_replace_lane f32x4::replace_lane of 4(f32);
            F64x2ReplaceLane visit_f64x2_replace_lane f64x2::replace_lane of 2(f64);
        }
    };
}
pub(crate) use for_each_vector_replace;

macro_rules! define_unary {
    ($($Op:ident $visit:ident $shape:ident::$func:ident($arg:ty) -> $res:ty;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $Op;

        impl VectorUnaryOp for $Op {
            type Arg = $arg;
            type Res = $res;
            const NAME: &'static str = concat!(stringify!($shape), ".", stringify!($func));

            #[inline(always)]
            fn eval(a: $arg) -> $res {
                simd::$shape::$func(a)
            }
        }
    )*};
}

macro_rules! define_binary {
    ($($Op:ident $visit:ident $shape:ident::$func:ident;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $Op;

        impl VectorBinaryOp for $Op {
            const NAME: &'static str = concat!(stringify!($shape), ".", stringify!($func));

            #[inline(always)]
            fn eval(a: V128, b: V128) -> V128 {
                simd::$shape::$func(a, b)
            }
        }
    )*};
}

macro_rules! define_ternary {
    ($($Op:ident $visit:ident $shape:ident::$func:ident;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $Op;

        impl VectorTernaryOp for $Op {
            const NAME: &'static str = concat!(stringify!($shape), ".", stringify!($func));

            #[inline(always)]
            fn eval(a: V128, b: V128, c: V128) -> V128 {
                simd::$shape::$func(a, b, c)
            }
        }
    )*};
}

macro_rules! define_shift {
    ($($Op:ident $visit:ident $shape:ident::$func:ident;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $Op;

        impl ShiftOp for $Op {
            const NAME: &'static str = concat!(stringify!($shape), ".", stringify!($func));

            #[inline(always)]
            fn eval(a: V128, count: i32) -> V128 {
                simd::$shape::$func(a, count)
            }
        }
    )*};
}

macro_rules! define_extract {
    ($($Op:ident $visit:ident $shape:ident::$func:ident of $lanes:literal -> $res:ty;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $Op;

        impl ExtractOp for $Op {
            type Res = $res;
            const NAME: &'static str = concat!(stringify!($shape), ".", stringify!($func));
            const LANES: u8 = $lanes;

            #[inline(always)]
            fn eval(a: V128, lane: u8) -> $res {
                simd::$shape::$func(a, lane)
            }
        }
    )*};
}

macro_rules! define_replace {
    ($($Op:ident $visit:ident $shape:ident::$func:ident of $lanes:literal($arg:ty);)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $Op;

        impl ReplaceOp for $Op {
            type Arg = $arg;
            const NAME: &'static str = concat!(stringify!($shape), ".", stringify!($func));
            const LANES: u8 = $lanes;

            #[inline(always)]
            fn eval(a: V128, lane: u8, value: $arg) -> V128 {
                simd::$shape::$func(a, lane, value)
            }
        }
    )*};
}

for_each_vector_unary!(define_unary);
for_each_vector_binary!(define_binary);
for_each_vector_ternary!(define_ternary);
for_each_vector_shift!(define_shift);
for_each_vector_extract!(define_extract);
for_each_vector_replace!(define_replace);
