//! The numeric operators: one row each, expanded here into marker types and in
//! `translate/numeric.rs` into visitor methods.

use core::marker::PhantomData;

use wamr_runtime::numeric;
use wamr_types::TrapCode;

use super::SlotValue;
use super::forms::{
    BranchLoadedForms, FloatKind, LoadKind, LoadedForms, NestedForms, SelectForms, ShiftKind,
    ShiftedForms, StepForms,
};
use super::memory::{F32Load, F64Load, I32Load, I32Load8U, I64Load};

/// An operator with two operands of one type.
pub(crate) trait BinaryOp: Copy + 'static {
    /// Type of the operands.
    type Arg: SlotValue;
    /// Type of the result.
    type Res: SlotValue;
    const NAME: &'static str;
    /// The name without the type, as a part of others.
    const FUNC: &'static str;
    const COMMUTATIVE: bool;
    /// Whether the result may be the address of an access.
    const IS_ADDRESS: bool;
    /// Whether it multiplies by a power of two.
    const IS_SCALE: bool;
    const TRAPS: bool;
    /// See [`super::Op::V3`].
    const V3: bool;
    /// What it is as an operand of other operators.
    const SHIFT: Option<ShiftKind>;
    /// The forms with a shift for the second operand.
    const SHIFTED: Option<&'static ShiftedForms>;
    /// The forms with a load for the second operand.
    const LOADED: &'static [LoadedForms];
    /// What it is for others of the same type that have it as an operand.
    const FLOAT: Option<FloatKind>;
    /// The forms with one of these as an operand.
    const NESTED: Option<&'static [NestedForms; 3]>;
    fn eval(a: Self::Arg, b: Self::Arg) -> Result<Self::Res, TrapCode>;
}

/// A comparison.
pub(crate) trait CompareOp: Copy + 'static {
    /// Type of the operands.
    type Arg: SlotValue;
    /// The comparison that gives the same with exchanged operands.
    type Swapped: CompareOp<Arg = Self::Arg>;
    /// The comparison that holds where this one does not.
    type Negated: CompareOp<Arg = Self::Arg>;
    const NAME: &'static str;
    /// What the name begins with.
    const NOT: &'static str = "";
    /// Branches on a sum, which `i32` has.
    const STEPS: Option<StepForms> = None;
    /// Choices between two values, which `i32` has.
    const SELECTS: Option<SelectForms> = None;
    /// Branches on what they load.
    const LOADED: &'static [BranchLoadedForms] = &[];
    fn eval(a: Self::Arg, b: Self::Arg) -> bool;
}

/// The negation of an order of floats, which no other one is, because of NaN.
#[derive(Clone, Copy)]
pub(crate) struct Not<K>(PhantomData<K>);

impl<K: CompareOp> CompareOp for Not<K> {
    type Arg = K::Arg;
    type Swapped = Not<K::Swapped>;
    type Negated = K;
    const NAME: &'static str = K::NAME;
    const NOT: &'static str = "not_";

    #[inline(always)]
    fn eval(a: K::Arg, b: K::Arg) -> bool {
        !K::eval(a, b)
    }
}

/// An operator with one operand.
pub(crate) trait UnaryOp: Copy + 'static {
    /// Type of the operand.
    type Arg: SlotValue;
    /// Type of the result.
    type Res: SlotValue;
    const NAME: &'static str;
    const TRAPS: bool;
    /// See [`super::Op::V3`].
    const V3: bool;
    fn eval(a: Self::Arg) -> Result<Self::Res, TrapCode>;
}

/// `class Marker visitor_method type::function(operands) -> result;`
macro_rules! for_each_binary {
    ($expand:ident) => {
        $expand! {
            address I32Add visit_i32_add i32::add(i32) -> i32;
            total I32Sub visit_i32_sub i32::sub(i32) -> i32;
            commutative I32Mul visit_i32_mul i32::mul(i32) -> i32;
            partial I32DivS visit_i32_div_s i32::div_s(i32) -> i32;
            partial I32DivU visit_i32_div_u i32::div_u(i32) -> i32;
            partial I32RemS visit_i32_rem_s i32::rem_s(i32) -> i32;
            partial I32RemU visit_i32_rem_u i32::rem_u(i32) -> i32;
            commutative I32And visit_i32_and i32::and(i32) -> i32;
            commutative I32Or visit_i32_or i32::or(i32) -> i32;
            commutative I32Xor visit_i32_xor i32::xor(i32) -> i32;
            scale I32Shl visit_i32_shl i32::shl(i32) -> i32;
            shift I32ShrS visit_i32_shr_s i32::shr_s(i32) -> i32;
            shift I32ShrU visit_i32_shr_u i32::shr_u(i32) -> i32;
            total I32Rotl visit_i32_rotl i32::rotl(i32) -> i32;
            total I32Rotr visit_i32_rotr i32::rotr(i32) -> i32;
            commutative I64Add visit_i64_add i64::add(i64) -> i64;
            total I64Sub visit_i64_sub i64::sub(i64) -> i64;
            commutative I64Mul visit_i64_mul i64::mul(i64) -> i64;
            partial I64DivS visit_i64_div_s i64::div_s(i64) -> i64;
            partial I64DivU visit_i64_div_u i64::div_u(i64) -> i64;
            partial I64RemS visit_i64_rem_s i64::rem_s(i64) -> i64;
            partial I64RemU visit_i64_rem_u i64::rem_u(i64) -> i64;
            commutative I64And visit_i64_and i64::and(i64) -> i64;
            commutative I64Or visit_i64_or i64::or(i64) -> i64;
            commutative I64Xor visit_i64_xor i64::xor(i64) -> i64;
            shift I64Shl visit_i64_shl i64::shl(i64) -> i64;
            shift I64ShrS visit_i64_shr_s i64::shr_s(i64) -> i64;
            shift I64ShrU visit_i64_shr_u i64::shr_u(i64) -> i64;
            total I64Rotl visit_i64_rotl i64::rotl(i64) -> i64;
            total I64Rotr visit_i64_rotr i64::rotr(i64) -> i64;
            total F32Add visit_f32_add f32::add(f32) -> f32;
            total F32Sub visit_f32_sub f32::sub(f32) -> f32;
            total F32Mul visit_f32_mul f32::mul(f32) -> f32;
            total F32Div visit_f32_div f32::div(f32) -> f32;
            total F32Min visit_f32_min f32::min(f32) -> f32;
            total F32Max visit_f32_max f32::max(f32) -> f32;
            total F32Copysign visit_f32_copysign f32::copysign(f32) -> f32;
            total F64Add visit_f64_add f64::add(f64) -> f64;
            total F64Sub visit_f64_sub f64::sub(f64) -> f64;
            total F64Mul visit_f64_mul f64::mul(f64) -> f64;
            total F64Div visit_f64_div f64::div(f64) -> f64;
            total F64Min visit_f64_min f64::min(f64) -> f64;
            total F64Max visit_f64_max f64::max(f64) -> f64;
            total F64Copysign visit_f64_copysign f64::copysign(f64) -> f64;
        }
    };
}
pub(crate) use for_each_binary;

/// `Marker visitor_method type::function swapped Marker negated Marker;`
macro_rules! for_each_compare {
    ($expand:ident) => {
        $expand! {
            I32Eq visit_i32_eq i32::eq swapped I32Eq negated I32Ne;
            I32Ne visit_i32_ne i32::ne swapped I32Ne negated I32Eq;
            I32LtS visit_i32_lt_s i32::lt_s swapped I32GtS negated I32GeS;
            I32LtU visit_i32_lt_u i32::lt_u swapped I32GtU negated I32GeU;
            I32GtS visit_i32_gt_s i32::gt_s swapped I32LtS negated I32LeS;
            I32GtU visit_i32_gt_u i32::gt_u swapped I32LtU negated I32LeU;
            I32LeS visit_i32_le_s i32::le_s swapped I32GeS negated I32GtS;
            I32LeU visit_i32_le_u i32::le_u swapped I32GeU negated I32GtU;
            I32GeS visit_i32_ge_s i32::ge_s swapped I32LeS negated I32LtS;
            I32GeU visit_i32_ge_u i32::ge_u swapped I32LeU negated I32LtU;
            I64Eq visit_i64_eq i64::eq swapped I64Eq negated I64Ne;
            I64Ne visit_i64_ne i64::ne swapped I64Ne negated I64Eq;
            I64LtS visit_i64_lt_s i64::lt_s swapped I64GtS negated I64GeS;
            I64LtU visit_i64_lt_u i64::lt_u swapped I64GtU negated I64GeU;
            I64GtS visit_i64_gt_s i64::gt_s swapped I64LtS negated I64LeS;
            I64GtU visit_i64_gt_u i64::gt_u swapped I64LtU negated I64LeU;
            I64LeS visit_i64_le_s i64::le_s swapped I64GeS negated I64GtS;
            I64LeU visit_i64_le_u i64::le_u swapped I64GeU negated I64GtU;
            I64GeS visit_i64_ge_s i64::ge_s swapped I64LeS negated I64LtS;
            I64GeU visit_i64_ge_u i64::ge_u swapped I64LeU negated I64LtU;
            F32Eq visit_f32_eq f32::eq swapped F32Eq negated F32Ne;
            F32Ne visit_f32_ne f32::ne swapped F32Ne negated F32Eq;
            F32Lt visit_f32_lt f32::lt swapped F32Gt negated Not<F32Lt>;
            F32Gt visit_f32_gt f32::gt swapped F32Lt negated Not<F32Gt>;
            F32Le visit_f32_le f32::le swapped F32Ge negated Not<F32Le>;
            F32Ge visit_f32_ge f32::ge swapped F32Le negated Not<F32Ge>;
            F64Eq visit_f64_eq f64::eq swapped F64Eq negated F64Ne;
            F64Ne visit_f64_ne f64::ne swapped F64Ne negated F64Eq;
            F64Lt visit_f64_lt f64::lt swapped F64Gt negated Not<F64Lt>;
            F64Gt visit_f64_gt f64::gt swapped F64Lt negated Not<F64Gt>;
            F64Le visit_f64_le f64::le swapped F64Ge negated Not<F64Le>;
            F64Ge visit_f64_ge f64::ge swapped F64Le negated Not<F64Ge>;
        }
    };
}
pub(crate) use for_each_compare;

/// `class Marker visitor_method type::function(operand) -> result;`
macro_rules! for_each_unary {
    ($expand:ident) => {
        $expand! {
            count I32Clz visit_i32_clz i32::clz(i32) -> i32;
            count I32Ctz visit_i32_ctz i32::ctz(i32) -> i32;
            count I32Popcnt visit_i32_popcnt i32::popcnt(i32) -> i32;
            total I32Extend8S visit_i32_extend8_s i32::extend8_s(i32) -> i32;
            total I32Extend16S visit_i32_extend16_s i32::extend16_s(i32) -> i32;
            total I32WrapI64 visit_i32_wrap_i64 i32::wrap_i64(i64) -> i32;
            total I32ReinterpretF32 visit_i32_reinterpret_f32 i32::reinterpret_f32(f32) -> i32;
            partial I32TruncF32S visit_i32_trunc_f32_s i32::trunc_f32_s(f32) -> i32;
            partial I32TruncF32U visit_i32_trunc_f32_u i32::trunc_f32_u(f32) -> i32;
            partial I32TruncF64S visit_i32_trunc_f64_s i32::trunc_f64_s(f64) -> i32;
            partial I32TruncF64U visit_i32_trunc_f64_u i32::trunc_f64_u(f64) -> i32;
            total I32TruncSatF32S visit_i32_trunc_sat_f32_s i32::trunc_sat_f32_s(f32) -> i32;
            total I32TruncSatF32U visit_i32_trunc_sat_f32_u i32::trunc_sat_f32_u(f32) -> i32;
            total I32TruncSatF64S visit_i32_trunc_sat_f64_s i32::trunc_sat_f64_s(f64) -> i32;
            total I32TruncSatF64U visit_i32_trunc_sat_f64_u i32::trunc_sat_f64_u(f64) -> i32;
            count I64Clz visit_i64_clz i64::clz(i64) -> i64;
            count I64Ctz visit_i64_ctz i64::ctz(i64) -> i64;
            count I64Popcnt visit_i64_popcnt i64::popcnt(i64) -> i64;
            total I64Extend8S visit_i64_extend8_s i64::extend8_s(i64) -> i64;
            total I64Extend16S visit_i64_extend16_s i64::extend16_s(i64) -> i64;
            total I64Extend32S visit_i64_extend32_s i64::extend32_s(i64) -> i64;
            total I64ExtendI32S visit_i64_extend_i32_s i64::extend_i32_s(i32) -> i64;
            total I64ExtendI32U visit_i64_extend_i32_u i64::extend_i32_u(i32) -> i64;
            total I64ReinterpretF64 visit_i64_reinterpret_f64 i64::reinterpret_f64(f64) -> i64;
            partial I64TruncF32S visit_i64_trunc_f32_s i64::trunc_f32_s(f32) -> i64;
            partial I64TruncF32U visit_i64_trunc_f32_u i64::trunc_f32_u(f32) -> i64;
            partial I64TruncF64S visit_i64_trunc_f64_s i64::trunc_f64_s(f64) -> i64;
            partial I64TruncF64U visit_i64_trunc_f64_u i64::trunc_f64_u(f64) -> i64;
            total I64TruncSatF32S visit_i64_trunc_sat_f32_s i64::trunc_sat_f32_s(f32) -> i64;
            total I64TruncSatF32U visit_i64_trunc_sat_f32_u i64::trunc_sat_f32_u(f32) -> i64;
            total I64TruncSatF64S visit_i64_trunc_sat_f64_s i64::trunc_sat_f64_s(f64) -> i64;
            total I64TruncSatF64U visit_i64_trunc_sat_f64_u i64::trunc_sat_f64_u(f64) -> i64;
            total F32Abs visit_f32_abs f32::abs(f32) -> f32;
            total F32Neg visit_f32_neg f32::neg(f32) -> f32;
            total F32Ceil visit_f32_ceil f32::ceil(f32) -> f32;
            total F32Floor visit_f32_floor f32::floor(f32) -> f32;
            total F32Trunc visit_f32_trunc f32::trunc(f32) -> f32;
            total F32Nearest visit_f32_nearest f32::nearest(f32) -> f32;
            total F32Sqrt visit_f32_sqrt f32::sqrt(f32) -> f32;
            total F32ConvertI32S visit_f32_convert_i32_s f32::convert_i32_s(i32) -> f32;
            total F32ConvertI32U visit_f32_convert_i32_u f32::convert_i32_u(i32) -> f32;
            total F32ConvertI64S visit_f32_convert_i64_s f32::convert_i64_s(i64) -> f32;
            total F32ConvertI64U visit_f32_convert_i64_u f32::convert_i64_u(i64) -> f32;
            total F32DemoteF64 visit_f32_demote_f64 f32::demote_f64(f64) -> f32;
            total F32ReinterpretI32 visit_f32_reinterpret_i32 f32::reinterpret_i32(i32) -> f32;
            total F64Abs visit_f64_abs f64::abs(f64) -> f64;
            total F64Neg visit_f64_neg f64::neg(f64) -> f64;
            total F64Ceil visit_f64_ceil f64::ceil(f64) -> f64;
            total F64Floor visit_f64_floor f64::floor(f64) -> f64;
            total F64Trunc visit_f64_trunc f64::trunc(f64) -> f64;
            total F64Nearest visit_f64_nearest f64::nearest(f64) -> f64;
            total F64Sqrt visit_f64_sqrt f64::sqrt(f64) -> f64;
            total F64ConvertI32S visit_f64_convert_i32_s f64::convert_i32_s(i32) -> f64;
            total F64ConvertI32U visit_f64_convert_i32_u f64::convert_i32_u(i32) -> f64;
            total F64ConvertI64S visit_f64_convert_i64_s f64::convert_i64_s(i64) -> f64;
            total F64ConvertI64U visit_f64_convert_i64_u f64::convert_i64_u(i64) -> f64;
            total F64PromoteF32 visit_f64_promote_f32 f64::promote_f32(f32) -> f64;
            total F64ReinterpretI64 visit_f64_reinterpret_i64 f64::reinterpret_i64(i64) -> f64;
        }
    };
}
pub(crate) use for_each_unary;

/// What the class of a row says.
macro_rules! class {
    (@eval partial $call:expr) => {
        $call
    };
    (@eval $class:ident $call:expr) => {
        Ok($call)
    };
    (@traps partial) => {
        true
    };
    (@traps $class:ident) => {
        false
    };
    (@commutative commutative) => {
        true
    };
    (@commutative address) => {
        true
    };
    (@commutative $class:ident) => {
        false
    };
    (@steps i32 $Op:ident) => {
        Some(StepForms::of::<$Op>())
    };
    (@steps $ty:ident $Op:ident) => {
        None
    };
    // Where the count of a shift need not be in one register, and bits are counted by
    // instructions.
    (@v3 scale) => {
        true
    };
    (@v3 shift) => {
        true
    };
    (@v3 count) => {
        true
    };
    (@v3 $class:ident) => {
        false
    };
    (@scale scale) => {
        true
    };
    (@scale $class:ident) => {
        false
    };
    (@selects i32 $Op:ident) => {
        Some(SelectForms::of::<$Op>())
    };
    (@selects $ty:ident $Op:ident) => {
        None
    };
    (@address address) => {
        true
    };
    (@address $class:ident) => {
        false
    };
}

/// What operators are folded: shifts by constants into those that combine bits, which hashes and
/// packed fields are made of, loads into arithmetic, and operators on floats into each other. For
/// checked memories loads of floats alone, since programs gain most by these.
macro_rules! folds {
    (@shift I32Mul) => {
        Some(ShiftKind::Multiplied)
    };
    (@shift I32Shl) => {
        Some(ShiftKind::Left)
    };
    (@shift I64Shl) => {
        Some(ShiftKind::Left)
    };
    (@shift I32ShrU) => {
        Some(ShiftKind::Right)
    };
    (@shift I64ShrU) => {
        Some(ShiftKind::Right)
    };
    (@shift I32Rotl) => {
        Some(ShiftKind::Rotated)
    };
    (@shift I64Rotl) => {
        Some(ShiftKind::Rotated)
    };
    (@shift $Op:ident) => {
        None
    };
    // Addresses of elements are shifted sums.
    (@shifted I32Add) => {
        folds!(@shifted I32Add of I32Mul I32ShrU I32Rotl)
    };
    (@shifted I32Or) => {
        folds!(@shifted I32Or of I32Shl I32ShrU I32Rotl)
    };
    (@shifted I32Xor) => {
        folds!(@shifted I32Xor of I32Shl I32ShrU I32Rotl)
    };
    (@shifted I64Add) => {
        folds!(@shifted I64Add of I64Shl I64ShrU I64Rotl)
    };
    (@shifted I64Or) => {
        folds!(@shifted I64Or of I64Shl I64ShrU I64Rotl)
    };
    (@shifted I64Xor) => {
        folds!(@shifted I64Xor of I64Shl I64ShrU I64Rotl)
    };
    (@shifted $Op:ident of $Left:ident $Right:ident $Rotated:ident) => {
        Some(const { &ShiftedForms::of::<$Op, $Left, $Right, $Rotated>() })
    };
    (@shifted $Op:ident) => {
        None
    };
    (@loaded I32Add) => {
        folds!(@ints I32Add)
    };
    (@loaded I32And) => {
        folds!(@ints I32And)
    };
    (@loaded I32Or) => {
        folds!(@ints I32Or)
    };
    (@loaded I32Xor) => {
        folds!(@ints I32Xor)
    };
    (@loaded I64Add) => {
        folds!(@longs I64Add)
    };
    (@loaded I64Xor) => {
        folds!(@longs I64Xor)
    };
    (@loaded F32Add) => {
        folds!(@floats F32Add F32 F32Load)
    };
    (@loaded F32Sub) => {
        folds!(@floats F32Sub F32 F32Load)
    };
    (@loaded F32Mul) => {
        folds!(@floats F32Mul F32 F32Load)
    };
    (@loaded F64Add) => {
        folds!(@floats F64Add F64 F64Load)
    };
    (@loaded F64Sub) => {
        folds!(@floats F64Sub F64 F64Load)
    };
    (@loaded F64Mul) => {
        folds!(@floats F64Mul F64 F64Load)
    };
    (@ints $Op:ident) => {
        const {
            &[
                LoadedForms::of_guarded::<$Op, I32Load>(LoadKind::I32),
                LoadedForms::of_guarded::<$Op, I32Load8U>(LoadKind::I32Byte),
            ]
        }
    };
    (@longs $Op:ident) => {
        const { &[LoadedForms::of_guarded::<$Op, I64Load>(LoadKind::I64)] }
    };
    (@floats $Op:ident $Kind:ident $Load:ident) => {
        const {
            &[
                LoadedForms::of_guarded_floats::<$Op, $Load>(LoadKind::$Kind),
                LoadedForms::of_floats::<$Op, $Load>(LoadKind::$Kind),
            ]
        }
    };
    (@loaded $Op:ident) => {
        &[]
    };
    (@float F32Add) => {
        Some(FloatKind::Add)
    };
    (@float F64Add) => {
        Some(FloatKind::Add)
    };
    (@float F32Sub) => {
        Some(FloatKind::Sub)
    };
    (@float F64Sub) => {
        Some(FloatKind::Sub)
    };
    (@float F32Mul) => {
        Some(FloatKind::Mul)
    };
    (@float F64Mul) => {
        Some(FloatKind::Mul)
    };
    (@float $Op:ident) => {
        None
    };
    (@nested F32Add) => {
        folds!(@nested F32Add of F32Add F32Sub F32Mul)
    };
    (@nested F32Sub) => {
        folds!(@nested F32Sub of F32Add F32Sub F32Mul)
    };
    (@nested F32Mul) => {
        folds!(@nested F32Mul of F32Add F32Sub F32Mul)
    };
    (@nested F64Add) => {
        folds!(@nested F64Add of F64Add F64Sub F64Mul)
    };
    (@nested F64Sub) => {
        folds!(@nested F64Sub of F64Add F64Sub F64Mul)
    };
    (@nested F64Mul) => {
        folds!(@nested F64Mul of F64Add F64Sub F64Mul)
    };
    (@nested $Op:ident of $Add:ident $Sub:ident $Mul:ident) => {
        Some(const { &NestedForms::of::<$Op, $Add, $Sub, $Mul>() })
    };
    (@nested $Op:ident) => {
        None
    };
    (@branches I32Eq) => {
        folds!(@tests I32Eq)
    };
    (@branches I32Ne) => {
        folds!(@tests I32Ne)
    };
    (@branches $Op:ident) => {
        &[]
    };
    (@tests $Op:ident) => {
        const {
            &[
                BranchLoadedForms::of::<$Op, I32Load>(LoadKind::I32),
                BranchLoadedForms::of::<$Op, I32Load8U>(LoadKind::I32Byte),
            ]
        }
    };
}

macro_rules! define_binary {
    ($($class:ident $Op:ident $visit:ident $ty:ident::$func:ident($arg:ty) -> $res:ty;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $Op;

        impl BinaryOp for $Op {
            type Arg = $arg;
            type Res = $res;
            const NAME: &'static str = concat!(stringify!($ty), ".", stringify!($func));
            const FUNC: &'static str = stringify!($func);
            const COMMUTATIVE: bool = class!(@commutative $class);
            const IS_ADDRESS: bool = class!(@address $class);
            const IS_SCALE: bool = class!(@scale $class);
            const TRAPS: bool = class!(@traps $class);
            const V3: bool = class!(@v3 $class);
            const SHIFT: Option<ShiftKind> = folds!(@shift $Op);
            const SHIFTED: Option<&'static ShiftedForms> = folds!(@shifted $Op);
            const LOADED: &'static [LoadedForms] = folds!(@loaded $Op);
            const FLOAT: Option<FloatKind> = folds!(@float $Op);
            const NESTED: Option<&'static [NestedForms; 3]> = folds!(@nested $Op);

            #[inline(always)]
            fn eval(a: $arg, b: $arg) -> Result<$res, TrapCode> {
                class!(@eval $class numeric::$ty::$func(a, b))
            }
        }
    )*};
}

macro_rules! define_compare {
    ($(
        $Op:ident $visit:ident $ty:ident::$func:ident
        swapped $Swapped:ident negated $Negated:ty;
    )*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $Op;

        impl CompareOp for $Op {
            type Arg = $ty;
            type Swapped = $Swapped;
            type Negated = $Negated;
            const STEPS: Option<StepForms> = class!(@steps $ty $Op);
            const SELECTS: Option<SelectForms> = class!(@selects $ty $Op);
            const LOADED: &'static [BranchLoadedForms] = folds!(@branches $Op);
            const NAME: &'static str = concat!(stringify!($ty), ".", stringify!($func));

            #[inline(always)]
            fn eval(a: $ty, b: $ty) -> bool {
                numeric::$ty::$func(a, b)
            }
        }
    )*};
}

macro_rules! define_unary {
    ($($class:ident $Op:ident $visit:ident $ty:ident::$func:ident($arg:ty) -> $res:ty;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $Op;

        impl UnaryOp for $Op {
            type Arg = $arg;
            type Res = $res;
            const NAME: &'static str = concat!(stringify!($ty), ".", stringify!($func));
            const TRAPS: bool = class!(@traps $class);
            const V3: bool = class!(@v3 $class);

            #[inline(always)]
            fn eval(a: $arg) -> Result<$res, TrapCode> {
                class!(@eval $class numeric::$ty::$func(a))
            }
        }
    )*};
}

for_each_binary!(define_binary);
for_each_compare!(define_compare);
for_each_unary!(define_unary);
