//! Function, struct and array types, subtypes and recursion groups.
//! <https://webassembly.github.io/spec/core/syntax/types.html#composite-types>

use core::fmt;

use crate::{AbstractHeapType, TypeId, ValType};

/// A function type: what it takes and what it returns.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FuncType {
    types: Box<[ValType]>,
    param_count: usize,
}

impl FuncType {
    /// Makes a function type.
    pub fn new(
        params: impl IntoIterator<Item = ValType>,
        results: impl IntoIterator<Item = ValType>,
    ) -> Self {
        let mut types: Vec<ValType> = params.into_iter().collect();
        let param_count = types.len();
        types.extend(results);
        Self { types: types.into(), param_count }
    }

    /// The types of the parameters, first one first.
    pub fn params(&self) -> &[ValType] {
        &self.types[..self.param_count]
    }

    /// The types of the results, first one first.
    pub fn results(&self) -> &[ValType] {
        &self.types[self.param_count..]
    }

    /// How many 8-byte slots the parameters take.
    pub fn param_slots(&self) -> usize {
        self.params().iter().map(|ty| ty.slots()).sum()
    }

    /// How many 8-byte slots the results take.
    pub fn result_slots(&self) -> usize {
        self.results().iter().map(|ty| ty.slots()).sum()
    }

    pub(crate) fn map(&self, f: &mut impl FnMut(ValType) -> ValType) -> Self {
        Self { types: self.types.iter().map(|&ty| f(ty)).collect(), param_count: self.param_count }
    }
}

impl fmt::Debug for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, types: &[ValType]| {
            f.write_str("[")?;
            for (i, ty) in types.iter().enumerate() {
                write!(f, "{}{ty}", if i == 0 { "" } else { " " })?;
            }
            f.write_str("]")
        };
        list(f, self.params())?;
        f.write_str(" -> ")?;
        list(f, self.results())
    }
}

/// How a field of a struct or array is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StorageType {
    /// A packed byte, read with sign or zero extension.
    I8,
    /// A packed 16-bit integer, read with sign or zero extension.
    I16,
    /// An unpacked value.
    Val(ValType),
}

/// A field of a struct, or the element of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FieldType {
    /// How it is stored.
    pub storage: StorageType,
    /// Whether it can be written after creation.
    pub mutable: bool,
}

/// A struct type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StructType {
    /// The fields in order.
    pub fields: Box<[FieldType]>,
}

/// An array type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ArrayType(
    /// The type of every element.
    pub FieldType,
);

/// What a type definition describes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CompositeType {
    /// A function.
    Func(FuncType),
    /// A struct.
    Struct(StructType),
    /// An array.
    Array(ArrayType),
}

impl CompositeType {
    /// The abstract type that these types stand directly below.
    pub const fn abstract_type(&self) -> AbstractHeapType {
        match self {
            Self::Func(_) => AbstractHeapType::Func,
            Self::Struct(_) => AbstractHeapType::Struct,
            Self::Array(_) => AbstractHeapType::Array,
        }
    }
}

/// One type definition with its place in the subtype order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SubType {
    /// Whether no other type may declare this one as its supertype.
    pub is_final: bool,
    /// The declared supertype.
    pub supertype: Option<TypeId>,
    /// The structure.
    pub composite: CompositeType,
}

impl SubType {
    /// The function type, where this is one.
    pub fn as_func(&self) -> Option<&FuncType> {
        match &self.composite {
            CompositeType::Func(ty) => Some(ty),
            _ => None,
        }
    }
}

/// A recursion group before it is registered.
///
/// References to the group's own members are written with [`TypeId::in_group`]; all others
/// are canonical already.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecGroup {
    /// The members in order.
    pub types: Box<[SubType]>,
}
