//! Vectors. On the stack and in locals all are `i8x16`; operators see the lanes they need.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Type, Value, types};
use wasmparser::MemArg;

use super::FuncCompiler;
use super::memory::Access;

/// The first lane is the least significant.
const LANES: MemFlagsData = MemFlagsData::new().with_endianness(Endianness::Little);

impl FuncCompiler<'_, '_> {
    /// The same bits as another type.
    pub(super) fn bits_as(&mut self, ty: Type, value: Value) -> Value {
        if self.type_of(value) == ty {
            return value;
        }
        let flags = if ty.is_vector() { LANES } else { MemFlagsData::new() };
        self.builder.ins().bitcast(ty, flags, value)
    }

    fn pop_vector(&mut self, ty: Type) -> Value {
        let value = self.pop();
        self.bits_as(ty, value)
    }

    fn push_vector(&mut self, value: Value) {
        let value = self.bits_as(types::I8X16, value);
        self.push(value);
    }

    pub(super) fn vector_constant(&mut self, bytes: &[u8; 16]) -> Value {
        let constant = self.builder.func.dfg.constants.insert(bytes.as_slice().into());
        self.builder.ins().vconst(types::I8X16, constant)
    }

    pub(super) fn visit_v128_const(&mut self, value: wasmparser::V128) {
        let value = self.vector_constant(value.bytes());
        self.push(value);
    }

    pub(super) fn visit_i8x16_shuffle(&mut self, lanes: [u8; 16]) {
        let (b, a) = (self.pop(), self.pop());
        let mask = self.builder.func.dfg.immediates.push(lanes.as_slice().into());
        let result = self.builder.ins().shuffle(a, b, mask);
        self.push(result);
    }
}

macro_rules! unary {
    ($($visit:ident $ty:ident $op:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                let a = self.pop_vector(types::$ty);
                let result = self.builder.ins().$op(a);
                self.push_vector(result);
            }
        )*}
    };
}

unary! {
    visit_v128_not I8X16 bnot;
    visit_i8x16_abs I8X16 iabs; visit_i8x16_neg I8X16 ineg; visit_i8x16_popcnt I8X16 popcnt;
    visit_i16x8_abs I16X8 iabs; visit_i16x8_neg I16X8 ineg;
    visit_i32x4_abs I32X4 iabs; visit_i32x4_neg I32X4 ineg;
    visit_i64x2_abs I64X2 iabs; visit_i64x2_neg I64X2 ineg;
    visit_i16x8_extend_low_i8x16_s I8X16 swiden_low;
    visit_i16x8_extend_high_i8x16_s I8X16 swiden_high;
    visit_i16x8_extend_low_i8x16_u I8X16 uwiden_low;
    visit_i16x8_extend_high_i8x16_u I8X16 uwiden_high;
    visit_i32x4_extend_low_i16x8_s I16X8 swiden_low;
    visit_i32x4_extend_high_i16x8_s I16X8 swiden_high;
    visit_i32x4_extend_low_i16x8_u I16X8 uwiden_low;
    visit_i32x4_extend_high_i16x8_u I16X8 uwiden_high;
    visit_i64x2_extend_low_i32x4_s I32X4 swiden_low;
    visit_i64x2_extend_high_i32x4_s I32X4 swiden_high;
    visit_i64x2_extend_low_i32x4_u I32X4 uwiden_low;
    visit_i64x2_extend_high_i32x4_u I32X4 uwiden_high;
    visit_f32x4_ceil F32X4 ceil; visit_f32x4_floor F32X4 floor; visit_f32x4_trunc F32X4 trunc;
    visit_f32x4_nearest F32X4 nearest; visit_f32x4_abs F32X4 fabs; visit_f32x4_neg F32X4 fneg;
    visit_f32x4_sqrt F32X4 sqrt;
    visit_f64x2_ceil F64X2 ceil; visit_f64x2_floor F64X2 floor; visit_f64x2_trunc F64X2 trunc;
    visit_f64x2_nearest F64X2 nearest; visit_f64x2_abs F64X2 fabs; visit_f64x2_neg F64X2 fneg;
    visit_f64x2_sqrt F64X2 sqrt;
    visit_f32x4_demote_f64x2_zero F64X2 fvdemote;
    visit_f64x2_promote_low_f32x4 F32X4 fvpromote_low;
}

macro_rules! splat {
    ($($visit:ident $ty:ident $narrow:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                let value = self.pop();
                let lane = self.narrowed(types::$narrow, value);
                let result = self.builder.ins().splat(types::$ty, lane);
                self.push_vector(result);
            }
        )*}
    };
}

splat! {
    visit_i8x16_splat I8X16 I8; visit_i16x8_splat I16X8 I16; visit_i32x4_splat I32X4 I32;
    visit_i64x2_splat I64X2 I64; visit_f32x4_splat F32X4 F32; visit_f64x2_splat F64X2 F64;
}

macro_rules! lanes {
    ($($extract:ident $replace:ident $ty:ident $narrow:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $extract(&mut self, lane: u8) {
                let a = self.pop_vector(types::$ty);
                let result = self.builder.ins().extractlane(a, lane);
                self.push(result);
            }

            pub(super) fn $replace(&mut self, lane: u8) {
                let value = self.pop();
                let value = self.narrowed(types::$narrow, value);
                let a = self.pop_vector(types::$ty);
                let result = self.builder.ins().insertlane(a, value, lane);
                self.push_vector(result);
            }
        )*}
    };
}

lanes! {
    visit_i32x4_extract_lane visit_i32x4_replace_lane I32X4 I32;
    visit_i64x2_extract_lane visit_i64x2_replace_lane I64X2 I64;
    visit_f32x4_extract_lane visit_f32x4_replace_lane F32X4 F32;
    visit_f64x2_extract_lane visit_f64x2_replace_lane F64X2 F64;
}

macro_rules! narrow_lanes {
    ($($signed:ident $unsigned:ident $replace:ident $ty:ident $narrow:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $signed(&mut self, lane: u8) {
                let a = self.pop_vector(types::$ty);
                let lane = self.builder.ins().extractlane(a, lane);
                let result = self.builder.ins().sextend(types::I32, lane);
                self.push(result);
            }

            pub(super) fn $unsigned(&mut self, lane: u8) {
                let a = self.pop_vector(types::$ty);
                let lane = self.builder.ins().extractlane(a, lane);
                let result = self.builder.ins().uextend(types::I32, lane);
                self.push(result);
            }

            pub(super) fn $replace(&mut self, lane: u8) {
                let value = self.pop();
                let value = self.narrowed(types::$narrow, value);
                let a = self.pop_vector(types::$ty);
                let result = self.builder.ins().insertlane(a, value, lane);
                self.push_vector(result);
            }
        )*}
    };
}

narrow_lanes! {
    visit_i8x16_extract_lane_s visit_i8x16_extract_lane_u visit_i8x16_replace_lane I8X16 I8;
    visit_i16x8_extract_lane_s visit_i16x8_extract_lane_u visit_i16x8_replace_lane I16X8 I16;
}

macro_rules! binary {
    ($($visit:ident $ty:ident $op:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                let (b, a) = (self.pop_vector(types::$ty), self.pop_vector(types::$ty));
                let result = self.builder.ins().$op(a, b);
                self.push_vector(result);
            }
        )*}
    };
}

binary! {
    visit_i8x16_swizzle I8X16 swizzle; visit_i8x16_relaxed_swizzle I8X16 swizzle;
    visit_v128_and I8X16 band; visit_v128_andnot I8X16 band_not; visit_v128_or I8X16 bor;
    visit_v128_xor I8X16 bxor;
    visit_i8x16_narrow_i16x8_s I16X8 snarrow; visit_i8x16_narrow_i16x8_u I16X8 unarrow;
    visit_i16x8_narrow_i32x4_s I32X4 snarrow; visit_i16x8_narrow_i32x4_u I32X4 unarrow;
    visit_i8x16_add I8X16 iadd; visit_i8x16_add_sat_s I8X16 sadd_sat;
    visit_i8x16_add_sat_u I8X16 uadd_sat; visit_i8x16_sub I8X16 isub;
    visit_i8x16_sub_sat_s I8X16 ssub_sat; visit_i8x16_sub_sat_u I8X16 usub_sat;
    visit_i8x16_min_s I8X16 smin; visit_i8x16_min_u I8X16 umin; visit_i8x16_max_s I8X16 smax;
    visit_i8x16_max_u I8X16 umax; visit_i8x16_avgr_u I8X16 avg_round;
    visit_i16x8_add I16X8 iadd; visit_i16x8_add_sat_s I16X8 sadd_sat;
    visit_i16x8_add_sat_u I16X8 uadd_sat; visit_i16x8_sub I16X8 isub;
    visit_i16x8_sub_sat_s I16X8 ssub_sat; visit_i16x8_sub_sat_u I16X8 usub_sat;
    visit_i16x8_mul I16X8 imul; visit_i16x8_min_s I16X8 smin; visit_i16x8_min_u I16X8 umin;
    visit_i16x8_max_s I16X8 smax; visit_i16x8_max_u I16X8 umax;
    visit_i16x8_avgr_u I16X8 avg_round; visit_i16x8_q15mulr_sat_s I16X8 sqmul_round_sat;
    visit_i16x8_relaxed_q15mulr_s I16X8 sqmul_round_sat;
    visit_i32x4_add I32X4 iadd; visit_i32x4_sub I32X4 isub; visit_i32x4_mul I32X4 imul;
    visit_i32x4_min_s I32X4 smin; visit_i32x4_min_u I32X4 umin; visit_i32x4_max_s I32X4 smax;
    visit_i32x4_max_u I32X4 umax;
    visit_i64x2_add I64X2 iadd; visit_i64x2_sub I64X2 isub; visit_i64x2_mul I64X2 imul;
    visit_f32x4_add F32X4 fadd; visit_f32x4_sub F32X4 fsub; visit_f32x4_mul F32X4 fmul;
    visit_f32x4_div F32X4 fdiv; visit_f32x4_min F32X4 fmin; visit_f32x4_max F32X4 fmax;
    visit_f32x4_relaxed_min F32X4 fmin; visit_f32x4_relaxed_max F32X4 fmax;
    visit_f64x2_add F64X2 fadd; visit_f64x2_sub F64X2 fsub; visit_f64x2_mul F64X2 fmul;
    visit_f64x2_div F64X2 fdiv; visit_f64x2_min F64X2 fmin; visit_f64x2_max F64X2 fmax;
    visit_f64x2_relaxed_min F64X2 fmin; visit_f64x2_relaxed_max F64X2 fmax;
}

macro_rules! compare {
    ($($visit:ident $ty:ident $op:ident $Cond:ident::$cond:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                let (b, a) = (self.pop_vector(types::$ty), self.pop_vector(types::$ty));
                let result = self.builder.ins().$op($Cond::$cond, a, b);
                self.push_vector(result);
            }
        )*}
    };
}

compare! {
    visit_i8x16_eq I8X16 icmp IntCC::Equal; visit_i8x16_ne I8X16 icmp IntCC::NotEqual;
    visit_i8x16_lt_s I8X16 icmp IntCC::SignedLessThan;
    visit_i8x16_lt_u I8X16 icmp IntCC::UnsignedLessThan;
    visit_i8x16_gt_s I8X16 icmp IntCC::SignedGreaterThan;
    visit_i8x16_gt_u I8X16 icmp IntCC::UnsignedGreaterThan;
    visit_i8x16_le_s I8X16 icmp IntCC::SignedLessThanOrEqual;
    visit_i8x16_le_u I8X16 icmp IntCC::UnsignedLessThanOrEqual;
    visit_i8x16_ge_s I8X16 icmp IntCC::SignedGreaterThanOrEqual;
    visit_i8x16_ge_u I8X16 icmp IntCC::UnsignedGreaterThanOrEqual;
    visit_i16x8_eq I16X8 icmp IntCC::Equal; visit_i16x8_ne I16X8 icmp IntCC::NotEqual;
    visit_i16x8_lt_s I16X8 icmp IntCC::SignedLessThan;
    visit_i16x8_lt_u I16X8 icmp IntCC::UnsignedLessThan;
    visit_i16x8_gt_s I16X8 icmp IntCC::SignedGreaterThan;
    visit_i16x8_gt_u I16X8 icmp IntCC::UnsignedGreaterThan;
    visit_i16x8_le_s I16X8 icmp IntCC::SignedLessThanOrEqual;
    visit_i16x8_le_u I16X8 icmp IntCC::UnsignedLessThanOrEqual;
    visit_i16x8_ge_s I16X8 icmp IntCC::SignedGreaterThanOrEqual;
    visit_i16x8_ge_u I16X8 icmp IntCC::UnsignedGreaterThanOrEqual;
    visit_i32x4_eq I32X4 icmp IntCC::Equal; visit_i32x4_ne I32X4 icmp IntCC::NotEqual;
    visit_i32x4_lt_s I32X4 icmp IntCC::SignedLessThan;
    visit_i32x4_lt_u I32X4 icmp IntCC::UnsignedLessThan;
    visit_i32x4_gt_s I32X4 icmp IntCC::SignedGreaterThan;
    visit_i32x4_gt_u I32X4 icmp IntCC::UnsignedGreaterThan;
    visit_i32x4_le_s I32X4 icmp IntCC::SignedLessThanOrEqual;
    visit_i32x4_le_u I32X4 icmp IntCC::UnsignedLessThanOrEqual;
    visit_i32x4_ge_s I32X4 icmp IntCC::SignedGreaterThanOrEqual;
    visit_i32x4_ge_u I32X4 icmp IntCC::UnsignedGreaterThanOrEqual;
    visit_i64x2_eq I64X2 icmp IntCC::Equal; visit_i64x2_ne I64X2 icmp IntCC::NotEqual;
    visit_i64x2_lt_s I64X2 icmp IntCC::SignedLessThan;
    visit_i64x2_gt_s I64X2 icmp IntCC::SignedGreaterThan;
    visit_i64x2_le_s I64X2 icmp IntCC::SignedLessThanOrEqual;
    visit_i64x2_ge_s I64X2 icmp IntCC::SignedGreaterThanOrEqual;
    visit_f32x4_eq F32X4 fcmp FloatCC::Equal; visit_f32x4_ne F32X4 fcmp FloatCC::NotEqual;
    visit_f32x4_lt F32X4 fcmp FloatCC::LessThan; visit_f32x4_gt F32X4 fcmp FloatCC::GreaterThan;
    visit_f32x4_le F32X4 fcmp FloatCC::LessThanOrEqual;
    visit_f32x4_ge F32X4 fcmp FloatCC::GreaterThanOrEqual;
    visit_f64x2_eq F64X2 fcmp FloatCC::Equal; visit_f64x2_ne F64X2 fcmp FloatCC::NotEqual;
    visit_f64x2_lt F64X2 fcmp FloatCC::LessThan; visit_f64x2_gt F64X2 fcmp FloatCC::GreaterThan;
    visit_f64x2_le F64X2 fcmp FloatCC::LessThanOrEqual;
    visit_f64x2_ge F64X2 fcmp FloatCC::GreaterThanOrEqual;
}

macro_rules! shift {
    ($($visit:ident $ty:ident $op:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                let count = self.pop();
                let a = self.pop_vector(types::$ty);
                let result = self.builder.ins().$op(a, count);
                self.push_vector(result);
            }
        )*}
    };
}

shift! {
    visit_i8x16_shl I8X16 ishl; visit_i8x16_shr_s I8X16 sshr; visit_i8x16_shr_u I8X16 ushr;
    visit_i16x8_shl I16X8 ishl; visit_i16x8_shr_s I16X8 sshr; visit_i16x8_shr_u I16X8 ushr;
    visit_i32x4_shl I32X4 ishl; visit_i32x4_shr_s I32X4 sshr; visit_i32x4_shr_u I32X4 ushr;
    visit_i64x2_shl I64X2 ishl; visit_i64x2_shr_s I64X2 sshr; visit_i64x2_shr_u I64X2 ushr;
}

macro_rules! tests {
    ($($all_true:ident $bitmask:ident $ty:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $all_true(&mut self) {
                let a = self.pop_vector(types::$ty);
                let result = self.builder.ins().vall_true(a);
                self.push_bool(result);
            }

            pub(super) fn $bitmask(&mut self) {
                let a = self.pop_vector(types::$ty);
                let result = self.builder.ins().vhigh_bits(types::I32, a);
                self.push(result);
            }
        )*}
    };
}

tests! {
    visit_i8x16_all_true visit_i8x16_bitmask I8X16;
    visit_i16x8_all_true visit_i16x8_bitmask I16X8;
    visit_i32x4_all_true visit_i32x4_bitmask I32X4;
    visit_i64x2_all_true visit_i64x2_bitmask I64X2;
}

macro_rules! multiply_halves {
    ($($visit:ident $ty:ident $widen:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                let (b, a) = (self.pop_vector(types::$ty), self.pop_vector(types::$ty));
                let a = self.builder.ins().$widen(a);
                let b = self.builder.ins().$widen(b);
                let result = self.builder.ins().imul(a, b);
                self.push_vector(result);
            }
        )*}
    };
}

multiply_halves! {
    visit_i16x8_extmul_low_i8x16_s I8X16 swiden_low;
    visit_i16x8_extmul_high_i8x16_s I8X16 swiden_high;
    visit_i16x8_extmul_low_i8x16_u I8X16 uwiden_low;
    visit_i16x8_extmul_high_i8x16_u I8X16 uwiden_high;
    visit_i32x4_extmul_low_i16x8_s I16X8 swiden_low;
    visit_i32x4_extmul_high_i16x8_s I16X8 swiden_high;
    visit_i32x4_extmul_low_i16x8_u I16X8 uwiden_low;
    visit_i32x4_extmul_high_i16x8_u I16X8 uwiden_high;
    visit_i64x2_extmul_low_i32x4_s I32X4 swiden_low;
    visit_i64x2_extmul_high_i32x4_s I32X4 swiden_high;
    visit_i64x2_extmul_low_i32x4_u I32X4 uwiden_low;
    visit_i64x2_extmul_high_i32x4_u I32X4 uwiden_high;
}

macro_rules! add_pairs {
    ($($visit:ident $ty:ident $low:ident $high:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                let a = self.pop_vector(types::$ty);
                let low = self.builder.ins().$low(a);
                let high = self.builder.ins().$high(a);
                let result = self.builder.ins().iadd_pairwise(low, high);
                self.push_vector(result);
            }
        )*}
    };
}

add_pairs! {
    visit_i16x8_extadd_pairwise_i8x16_s I8X16 swiden_low swiden_high;
    visit_i16x8_extadd_pairwise_i8x16_u I8X16 uwiden_low uwiden_high;
    visit_i32x4_extadd_pairwise_i16x8_s I16X8 swiden_low swiden_high;
    visit_i32x4_extadd_pairwise_i16x8_u I16X8 uwiden_low uwiden_high;
}

macro_rules! convert {
    ($($visit:ident $from:ident $to:ident $op:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                let a = self.pop_vector(types::$from);
                let result = self.builder.ins().$op(types::$to, a);
                self.push_vector(result);
            }
        )*}
    };
}

convert! {
    visit_i32x4_trunc_sat_f32x4_s F32X4 I32X4 fcvt_to_sint_sat;
    visit_i32x4_trunc_sat_f32x4_u F32X4 I32X4 fcvt_to_uint_sat;
    visit_i32x4_relaxed_trunc_f32x4_s F32X4 I32X4 fcvt_to_sint_sat;
    visit_i32x4_relaxed_trunc_f32x4_u F32X4 I32X4 fcvt_to_uint_sat;
    visit_f32x4_convert_i32x4_s I32X4 F32X4 fcvt_from_sint;
    visit_f32x4_convert_i32x4_u I32X4 F32X4 fcvt_from_uint;
}

macro_rules! bit_select {
    ($($visit:ident)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                let (mask, b, a) = (self.pop(), self.pop(), self.pop());
                let result = self.builder.ins().bitselect(mask, a, b);
                self.push(result);
            }
        )*}
    };
}

bit_select! {
    visit_v128_bitselect visit_i8x16_relaxed_laneselect visit_i16x8_relaxed_laneselect
    visit_i32x4_relaxed_laneselect visit_i64x2_relaxed_laneselect
}

macro_rules! multiply_add {
    ($($add:ident $sub:ident $ty:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            // Both round twice, on every machine.
            pub(super) fn $add(&mut self) {
                let (product, c) = self.product(types::$ty);
                let result = self.builder.ins().fadd(product, c);
                self.push_vector(result);
            }

            pub(super) fn $sub(&mut self) {
                let (product, c) = self.product(types::$ty);
                let negated = self.builder.ins().fneg(product);
                let result = self.builder.ins().fadd(negated, c);
                self.push_vector(result);
            }
        )*}
    };
}

multiply_add! {
    visit_f32x4_relaxed_madd visit_f32x4_relaxed_nmadd F32X4;
    visit_f64x2_relaxed_madd visit_f64x2_relaxed_nmadd F64X2;
}

macro_rules! pseudo {
    ($($min:ident $max:ident $ty:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $min(&mut self) {
                let (b, a) = (self.pop_vector(types::$ty), self.pop_vector(types::$ty));
                let is_less = self.builder.ins().fcmp(FloatCC::LessThan, b, a);
                self.choose(is_less, b, a);
            }

            pub(super) fn $max(&mut self) {
                let (b, a) = (self.pop_vector(types::$ty), self.pop_vector(types::$ty));
                let is_less = self.builder.ins().fcmp(FloatCC::LessThan, a, b);
                self.choose(is_less, b, a);
            }
        )*}
    };
}

pseudo! {
    visit_f32x4_pmin visit_f32x4_pmax F32X4;
    visit_f64x2_pmin visit_f64x2_pmax F64X2;
}

macro_rules! load_lanes {
    ($($visit:ident $load:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self, memarg: MemArg) {
                let Access { at, offset, flags } = self.access(memarg, 8);
                let result = self.builder.ins().$load(flags, at, offset);
                self.push_vector(result);
            }
        )*}
    };
}

load_lanes! {
    visit_v128_load8x8_s sload8x8; visit_v128_load8x8_u uload8x8;
    visit_v128_load16x4_s sload16x4; visit_v128_load16x4_u uload16x4;
    visit_v128_load32x2_s sload32x2; visit_v128_load32x2_u uload32x2;
}

macro_rules! load_scalar {
    ($($visit:ident $lane:ident $ty:ident $op:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self, memarg: MemArg) {
                let access = self.access(memarg, types::$lane.bytes().into());
                let lane = self.load_at(types::$lane, access);
                let result = self.builder.ins().$op(types::$ty, lane);
                self.push_vector(result);
            }
        )*}
    };
}

load_scalar! {
    visit_v128_load8_splat I8 I8X16 splat; visit_v128_load16_splat I16 I16X8 splat;
    visit_v128_load32_splat I32 I32X4 splat; visit_v128_load64_splat I64 I64X2 splat;
    visit_v128_load32_zero I32 I32X4 scalar_to_vector;
    visit_v128_load64_zero I64 I64X2 scalar_to_vector;
}

macro_rules! lane_access {
    ($($load:ident $store:ident $lane:ident $ty:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $load(&mut self, memarg: MemArg, lane: u8) {
                let a = self.pop_vector(types::$ty);
                let access = self.access(memarg, types::$lane.bytes().into());
                let value = self.load_at(types::$lane, access);
                let result = self.builder.ins().insertlane(a, value, lane);
                self.push_vector(result);
            }

            pub(super) fn $store(&mut self, memarg: MemArg, lane: u8) {
                let a = self.pop_vector(types::$ty);
                let Access { at, offset, flags } =
                    self.access(memarg, types::$lane.bytes().into());
                let value = self.builder.ins().extractlane(a, lane);
                self.builder.ins().store(flags, value, at, offset);
            }
        )*}
    };
}

lane_access! {
    visit_v128_load8_lane visit_v128_store8_lane I8 I8X16;
    visit_v128_load16_lane visit_v128_store16_lane I16 I16X8;
    visit_v128_load32_lane visit_v128_store32_lane I32 I32X4;
    visit_v128_load64_lane visit_v128_store64_lane I64 I64X2;
}

impl FuncCompiler<'_, '_> {
    /// The lane that a value on the stack stands for.
    fn narrowed(&mut self, ty: Type, value: Value) -> Value {
        match ty {
            types::I8 | types::I16 => self.builder.ins().ireduce(ty, value),
            _ => value,
        }
    }

    pub(super) fn visit_v128_any_true(&mut self) {
        let a = self.pop();
        let result = self.builder.ins().vany_true(a);
        self.push_bool(result);
    }

    /// Pops three vectors: the product of two, and the third.
    fn product(&mut self, ty: Type) -> (Value, Value) {
        let c = self.pop_vector(ty);
        let (b, a) = (self.pop_vector(ty), self.pop_vector(ty));
        (self.builder.ins().fmul(a, b), c)
    }

    /// Pushes lanes of `a` where the mask is set, else of `b`.
    fn choose(&mut self, mask: Value, a: Value, b: Value) {
        let mask = self.bits_as(types::I8X16, mask);
        let a = self.bits_as(types::I8X16, a);
        let b = self.bits_as(types::I8X16, b);
        let result = self.builder.ins().bitselect(mask, a, b);
        self.push(result);
    }

    pub(super) fn visit_f64x2_convert_low_i32x4_s(&mut self) {
        let a = self.pop_vector(types::I32X4);
        let wide = self.builder.ins().swiden_low(a);
        let result = self.builder.ins().fcvt_from_sint(types::F64X2, wide);
        self.push_vector(result);
    }

    pub(super) fn visit_f64x2_convert_low_i32x4_u(&mut self) {
        let a = self.pop_vector(types::I32X4);
        let wide = self.builder.ins().uwiden_low(a);
        let result = self.builder.ins().fcvt_from_uint(types::F64X2, wide);
        self.push_vector(result);
    }

    fn zero_lanes(&mut self) -> Value {
        // Of this very type: the generator knows the combination as one.
        let zero = self.builder.func.dfg.constants.insert([0; 16].as_slice().into());
        self.builder.ins().vconst(types::I64X2, zero)
    }

    pub(super) fn visit_i32x4_trunc_sat_f64x2_s_zero(&mut self) {
        let a = self.pop_vector(types::F64X2);
        let wide = self.builder.ins().fcvt_to_sint_sat(types::I64X2, a);
        let zero = self.zero_lanes();
        let result = self.builder.ins().snarrow(wide, zero);
        self.push_vector(result);
    }

    pub(super) fn visit_i32x4_trunc_sat_f64x2_u_zero(&mut self) {
        let a = self.pop_vector(types::F64X2);
        let wide = self.builder.ins().fcvt_to_uint_sat(types::I64X2, a);
        let zero = self.zero_lanes();
        let result = self.builder.ins().uunarrow(wide, zero);
        self.push_vector(result);
    }

    pub(super) fn visit_i32x4_relaxed_trunc_f64x2_s_zero(&mut self) {
        self.visit_i32x4_trunc_sat_f64x2_s_zero();
    }

    pub(super) fn visit_i32x4_relaxed_trunc_f64x2_u_zero(&mut self) {
        self.visit_i32x4_trunc_sat_f64x2_u_zero();
    }

    pub(super) fn visit_i32x4_dot_i16x8_s(&mut self) {
        let (b, a) = (self.pop_vector(types::I16X8), self.pop_vector(types::I16X8));
        let result = self.dot(a, b);
        self.push_vector(result);
    }

    /// Products of lanes, signed and twice as wide, added in pairs.
    fn dot(&mut self, a: Value, b: Value) -> Value {
        let a_low = self.builder.ins().swiden_low(a);
        let b_low = self.builder.ins().swiden_low(b);
        let low = self.builder.ins().imul(a_low, b_low);
        let a_high = self.builder.ins().swiden_high(a);
        let b_high = self.builder.ins().swiden_high(b);
        let high = self.builder.ins().imul(a_high, b_high);
        self.builder.ins().iadd_pairwise(low, high)
    }

    pub(super) fn visit_i16x8_relaxed_dot_i8x16_i7x16_s(&mut self) {
        let (b, a) = (self.pop(), self.pop());
        let result = self.dot(a, b);
        self.push_vector(result);
    }

    pub(super) fn visit_i32x4_relaxed_dot_i8x16_i7x16_add_s(&mut self) {
        let c = self.pop_vector(types::I32X4);
        let (b, a) = (self.pop(), self.pop());
        let dot = self.dot(a, b);
        let low = self.builder.ins().swiden_low(dot);
        let high = self.builder.ins().swiden_high(dot);
        let sums = self.builder.ins().iadd_pairwise(low, high);
        let result = self.builder.ins().iadd(sums, c);
        self.push_vector(result);
    }
}
