//! How the values of a function type are spread over registers and memory in the calling
//! convention of compiled code.

use wamr_types::{FuncType, ValType};

/// The class of registers that a value travels in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueClass {
    /// Integers and references.
    Int,
    /// `f32` and `f64`.
    Float,
    /// `v128`: a float register, two slots.
    Vector,
}

impl ValueClass {
    /// The class of a type.
    pub const fn of(ty: ValType) -> Self {
        match ty {
            ValType::I32 | ValType::I64 | ValType::Ref(_) => Self::Int,
            ValType::F32 | ValType::F64 => Self::Float,
            ValType::V128 => Self::Vector,
        }
    }

    /// How many slots a value takes in memory.
    pub const fn slots(self) -> usize {
        if matches!(self, Self::Vector) { 2 } else { 1 }
    }
}

/// The classes of a function type's values, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallShape {
    /// Parameters.
    pub params: Box<[ValueClass]>,
    /// Results.
    pub results: Box<[ValueClass]>,
    /// Slots that the parameters take.
    pub param_slots: usize,
    /// Slots that the results take.
    pub result_slots: usize,
}

impl CallShape {
    /// The shape of a function type.
    pub fn of(ty: &FuncType) -> Self {
        let classes = |types: &[ValType]| types.iter().copied().map(ValueClass::of).collect();
        Self {
            params: classes(ty.params()),
            results: classes(ty.results()),
            param_slots: ty.param_slots(),
            result_slots: ty.result_slots(),
        }
    }
}
