//! Numbers. What operators compute is Cranelift's business, which agrees with
//! [`wamr_runtime::numeric`].

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, types};

use super::FuncCompiler;

macro_rules! unary {
    ($($visit:ident $op:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                let a = self.pop();
                let result = self.builder.ins().$op(a);
                self.push(result);
            }
        )*}
    };
}

unary! {
    visit_i32_clz clz; visit_i32_ctz ctz; visit_i32_popcnt popcnt;
    visit_i64_clz clz; visit_i64_ctz ctz; visit_i64_popcnt popcnt;
    visit_f32_abs fabs; visit_f32_neg fneg; visit_f32_ceil ceil; visit_f32_floor floor;
    visit_f32_trunc trunc; visit_f32_nearest nearest; visit_f32_sqrt sqrt;
    visit_f64_abs fabs; visit_f64_neg fneg; visit_f64_ceil ceil; visit_f64_floor floor;
    visit_f64_trunc trunc; visit_f64_nearest nearest; visit_f64_sqrt sqrt;
}

macro_rules! convert {
    ($($visit:ident $op:ident $ty:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                let a = self.pop();
                let result = self.builder.ins().$op(types::$ty, a);
                self.push(result);
            }
        )*}
    };
}

convert! {
    visit_i32_wrap_i64 ireduce I32;
    visit_i32_trunc_f32_s fcvt_to_sint I32; visit_i32_trunc_f32_u fcvt_to_uint I32;
    visit_i32_trunc_f64_s fcvt_to_sint I32; visit_i32_trunc_f64_u fcvt_to_uint I32;
    visit_i32_trunc_sat_f32_s fcvt_to_sint_sat I32; visit_i32_trunc_sat_f32_u fcvt_to_uint_sat I32;
    visit_i32_trunc_sat_f64_s fcvt_to_sint_sat I32; visit_i32_trunc_sat_f64_u fcvt_to_uint_sat I32;
    visit_i64_trunc_f32_s fcvt_to_sint I64; visit_i64_trunc_f32_u fcvt_to_uint I64;
    visit_i64_trunc_f64_s fcvt_to_sint I64; visit_i64_trunc_f64_u fcvt_to_uint I64;
    visit_i64_trunc_sat_f32_s fcvt_to_sint_sat I64; visit_i64_trunc_sat_f32_u fcvt_to_uint_sat I64;
    visit_i64_trunc_sat_f64_s fcvt_to_sint_sat I64; visit_i64_trunc_sat_f64_u fcvt_to_uint_sat I64;
    visit_i64_extend_i32_s sextend I64; visit_i64_extend_i32_u uextend I64;
    visit_f32_convert_i32_s fcvt_from_sint F32; visit_f32_convert_i32_u fcvt_from_uint F32;
    visit_f32_convert_i64_s fcvt_from_sint F32; visit_f32_convert_i64_u fcvt_from_uint F32;
    visit_f64_convert_i32_s fcvt_from_sint F64; visit_f64_convert_i32_u fcvt_from_uint F64;
    visit_f64_convert_i64_s fcvt_from_sint F64; visit_f64_convert_i64_u fcvt_from_uint F64;
    visit_f32_demote_f64 fdemote F32; visit_f64_promote_f32 fpromote F64;
}

macro_rules! reinterpret {
    ($($visit:ident $ty:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                let a = self.pop();
                let result = self.builder.ins().bitcast(types::$ty, MemFlagsData::new(), a);
                self.push(result);
            }
        )*}
    };
}

reinterpret! {
    visit_i32_reinterpret_f32 I32; visit_i64_reinterpret_f64 I64;
    visit_f32_reinterpret_i32 F32; visit_f64_reinterpret_i64 F64;
}

macro_rules! extend {
    ($($visit:ident $narrow:ident $ty:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                let a = self.pop();
                let narrow = self.builder.ins().ireduce(types::$narrow, a);
                let result = self.builder.ins().sextend(types::$ty, narrow);
                self.push(result);
            }
        )*}
    };
}

extend! {
    visit_i32_extend8_s I8 I32; visit_i32_extend16_s I16 I32;
    visit_i64_extend8_s I8 I64; visit_i64_extend16_s I16 I64; visit_i64_extend32_s I32 I64;
}

macro_rules! binary {
    ($($visit:ident $op:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                let (b, a) = (self.pop(), self.pop());
                let result = self.builder.ins().$op(a, b);
                self.push(result);
            }
        )*}
    };
}

binary! {
    visit_i32_add iadd; visit_i32_sub isub; visit_i32_mul imul;
    visit_i32_div_s sdiv; visit_i32_div_u udiv; visit_i32_rem_s srem; visit_i32_rem_u urem;
    visit_i32_and band; visit_i32_or bor; visit_i32_xor bxor;
    visit_i32_shl ishl; visit_i32_shr_s sshr; visit_i32_shr_u ushr;
    visit_i32_rotl rotl; visit_i32_rotr rotr;
    visit_i64_add iadd; visit_i64_sub isub; visit_i64_mul imul;
    visit_i64_div_s sdiv; visit_i64_div_u udiv; visit_i64_rem_s srem; visit_i64_rem_u urem;
    visit_i64_and band; visit_i64_or bor; visit_i64_xor bxor;
    visit_i64_shl ishl; visit_i64_shr_s sshr; visit_i64_shr_u ushr;
    visit_i64_rotl rotl; visit_i64_rotr rotr;
    visit_f32_add fadd; visit_f32_sub fsub; visit_f32_mul fmul; visit_f32_div fdiv;
    visit_f32_min fmin; visit_f32_max fmax; visit_f32_copysign fcopysign;
    visit_f64_add fadd; visit_f64_sub fsub; visit_f64_mul fmul; visit_f64_div fdiv;
    visit_f64_min fmin; visit_f64_max fmax; visit_f64_copysign fcopysign;
}

macro_rules! compare {
    ($($visit:ident $op:ident $Cond:ident::$cond:ident;)*) => {
        impl FuncCompiler<'_, '_> {$(
            pub(super) fn $visit(&mut self) {
                let (b, a) = (self.pop(), self.pop());
                let holds = self.builder.ins().$op($Cond::$cond, a, b);
                self.push_bool(holds);
            }
        )*}
    };
}

compare! {
    visit_i32_eq icmp IntCC::Equal; visit_i32_ne icmp IntCC::NotEqual;
    visit_i32_lt_s icmp IntCC::SignedLessThan; visit_i32_lt_u icmp IntCC::UnsignedLessThan;
    visit_i32_gt_s icmp IntCC::SignedGreaterThan; visit_i32_gt_u icmp IntCC::UnsignedGreaterThan;
    visit_i32_le_s icmp IntCC::SignedLessThanOrEqual;
    visit_i32_le_u icmp IntCC::UnsignedLessThanOrEqual;
    visit_i32_ge_s icmp IntCC::SignedGreaterThanOrEqual;
    visit_i32_ge_u icmp IntCC::UnsignedGreaterThanOrEqual;
    visit_i64_eq icmp IntCC::Equal; visit_i64_ne icmp IntCC::NotEqual;
    visit_i64_lt_s icmp IntCC::SignedLessThan; visit_i64_lt_u icmp IntCC::UnsignedLessThan;
    visit_i64_gt_s icmp IntCC::SignedGreaterThan; visit_i64_gt_u icmp IntCC::UnsignedGreaterThan;
    visit_i64_le_s icmp IntCC::SignedLessThanOrEqual;
    visit_i64_le_u icmp IntCC::UnsignedLessThanOrEqual;
    visit_i64_ge_s icmp IntCC::SignedGreaterThanOrEqual;
    visit_i64_ge_u icmp IntCC::UnsignedGreaterThanOrEqual;
    visit_f32_eq fcmp FloatCC::Equal; visit_f32_ne fcmp FloatCC::NotEqual;
    visit_f32_lt fcmp FloatCC::LessThan; visit_f32_gt fcmp FloatCC::GreaterThan;
    visit_f32_le fcmp FloatCC::LessThanOrEqual; visit_f32_ge fcmp FloatCC::GreaterThanOrEqual;
    visit_f64_eq fcmp FloatCC::Equal; visit_f64_ne fcmp FloatCC::NotEqual;
    visit_f64_lt fcmp FloatCC::LessThan; visit_f64_gt fcmp FloatCC::GreaterThan;
    visit_f64_le fcmp FloatCC::LessThanOrEqual; visit_f64_ge fcmp FloatCC::GreaterThanOrEqual;
    // Null, `i31` and objects are different numbers.
    visit_ref_eq icmp IntCC::Equal;
}

impl FuncCompiler<'_, '_> {
    /// Pushes a truth value as an `i32`.
    pub(super) fn push_bool(&mut self, holds: cranelift_codegen::ir::Value) {
        let result = self.builder.ins().uextend(types::I32, holds);
        self.push(result);
    }

    /// Whether a number is zero, or a reference null.
    fn is_zero(&mut self) {
        let value = self.pop();
        let is_zero = self.builder.ins().icmp_imm_u(IntCC::Equal, value, 0);
        self.push_bool(is_zero);
    }

    pub(super) fn visit_i32_eqz(&mut self) {
        self.is_zero();
    }

    pub(super) fn visit_i64_eqz(&mut self) {
        self.is_zero();
    }

    pub(super) fn visit_ref_is_null(&mut self) {
        self.is_zero();
    }

    pub(super) fn visit_i32_const(&mut self, value: i32) {
        let value = self.i32_value(value as u32);
        self.push(value);
    }

    pub(super) fn visit_i64_const(&mut self, value: i64) {
        let value = self.i64_value(value as u64);
        self.push(value);
    }

    pub(super) fn visit_f32_const(&mut self, value: wasmparser::Ieee32) {
        let value = self.builder.ins().f32const(Ieee32::with_bits(value.bits()));
        self.push(value);
    }

    pub(super) fn visit_f64_const(&mut self, value: wasmparser::Ieee64) {
        let value = self.builder.ins().f64const(Ieee64::with_bits(value.bits()));
        self.push(value);
    }
}
