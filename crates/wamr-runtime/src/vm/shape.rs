//! How the values of a function type are spread over registers and memory in the calling
//! convention of compiled code.

use wamr_types::{FuncType, ValType};

/// What registers a value travels in, and how much of them it fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueClass {
    /// `i32`: the low half of an integer register.
    Int32,
    /// `i64` and references: an integer register.
    Int64,
    /// `f32`: the lowest lane of a float register.
    Float32,
    /// `f64`: the low half of a float register.
    Float64,
    /// `v128`: a float register, two slots.
    Vector,
}

impl ValueClass {
    /// The class of a type.
    pub const fn of(ty: ValType) -> Self {
        match ty {
            ValType::I32 => Self::Int32,
            ValType::I64 | ValType::Ref(_) => Self::Int64,
            ValType::F32 => Self::Float32,
            ValType::F64 => Self::Float64,
            ValType::V128 => Self::Vector,
        }
    }

    /// Whether the value travels in integer registers.
    pub const fn is_int(self) -> bool {
        matches!(self, Self::Int32 | Self::Int64)
    }

    /// How many slots a value takes in memory.
    pub const fn slots(self) -> usize {
        if matches!(self, Self::Vector) { 2 } else { 1 }
    }

    /// The low slot of a value in a register, with zeros where the value does not reach.
    pub const fn narrow(self, register: u64) -> u64 {
        match self {
            Self::Int32 | Self::Float32 => register as u32 as u64,
            _ => register,
        }
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
