//! Value, reference and heap types.
//! <https://webassembly.github.io/spec/core/syntax/types.html#value-types>

use core::fmt;

use crate::TypeId;

/// The type of a value on the operand stack, in a local, or in a global.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// 32-bit IEEE 754 float.
    F32,
    /// 64-bit IEEE 754 float.
    F64,
    /// 128-bit vector.
    V128,
    /// A reference.
    Ref(RefType),
}

impl ValType {
    /// `funcref`, the nullable reference to any function.
    pub const FUNCREF: Self = Self::Ref(RefType::FUNCREF);
    /// `externref`, the nullable reference to any host value.
    pub const EXTERNREF: Self = Self::Ref(RefType::EXTERNREF);

    /// The reference type, where this is one.
    pub const fn as_ref_type(self) -> Option<RefType> {
        match self {
            Self::Ref(ty) => Some(ty),
            _ => None,
        }
    }

    /// Whether the type has a default value: every type but the non-nullable references.
    pub const fn is_defaultable(self) -> bool {
        match self {
            Self::Ref(ty) => ty.nullable,
            _ => true,
        }
    }

    /// How many 8-byte slots a value of this type takes in frames and buffers: 2 for `v128`,
    /// else 1.
    #[inline]
    pub const fn slots(self) -> usize {
        if matches!(self, Self::V128) { 2 } else { 1 }
    }
}

/// A reference type: what it points to, and whether it may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RefType {
    /// Whether null is a value of the type.
    pub nullable: bool,
    /// What a non-null value points to.
    pub heap: HeapType,
}

impl RefType {
    /// `(ref null func)`.
    pub const FUNCREF: Self = Self::nullable(AbstractHeapType::Func);
    /// `(ref null extern)`.
    pub const EXTERNREF: Self = Self::nullable(AbstractHeapType::Extern);
    /// `(ref null exn)`.
    pub const EXNREF: Self = Self::nullable(AbstractHeapType::Exn);

    /// The nullable reference to an abstract heap type.
    pub const fn nullable(heap: AbstractHeapType) -> Self {
        Self { nullable: true, heap: HeapType::Abstract(heap) }
    }
}

/// What a reference points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeapType {
    /// One of the types that the specification names.
    Abstract(AbstractHeapType),
    /// A type from a type section, by its canonical identity in the engine's registry.
    Concrete(TypeId),
}

/// The heap types that the specification names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AbstractHeapType {
    /// Any function.
    Func,
    /// Bottom of the function hierarchy.
    NoFunc,
    /// Any host value.
    Extern,
    /// Bottom of the external hierarchy.
    NoExtern,
    /// Top of the internal hierarchy.
    Any,
    /// Values that can be compared by identity.
    Eq,
    /// Unboxed 31-bit integers.
    I31,
    /// Any struct.
    Struct,
    /// Any array.
    Array,
    /// Bottom of the internal hierarchy.
    None,
    /// Any exception.
    Exn,
    /// Bottom of the exception hierarchy.
    NoExn,
}

impl AbstractHeapType {
    /// The top of the hierarchy that the type belongs to.
    pub const fn top(self) -> Self {
        match self {
            Self::Func | Self::NoFunc => Self::Func,
            Self::Extern | Self::NoExtern => Self::Extern,
            Self::Exn | Self::NoExn => Self::Exn,
            _ => Self::Any,
        }
    }

    /// Whether `self` is a subtype of `other`.
    /// <https://webassembly.github.io/spec/core/valid/matching.html#heap-types>
    pub const fn matches(self, other: Self) -> bool {
        use AbstractHeapType as H;
        matches!(
            (self, other),
            (H::Func, H::Func)
                | (H::NoFunc, H::Func | H::NoFunc)
                | (H::Extern, H::Extern)
                | (H::NoExtern, H::Extern | H::NoExtern)
                | (H::Any, H::Any)
                | (H::Eq, H::Any | H::Eq)
                | (H::I31, H::Any | H::Eq | H::I31)
                | (H::Struct, H::Any | H::Eq | H::Struct)
                | (H::Array, H::Any | H::Eq | H::Array)
                | (H::None, H::Any | H::Eq | H::I31 | H::Struct | H::Array | H::None)
                | (H::Exn, H::Exn)
                | (H::NoExn, H::Exn | H::NoExn)
        )
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Func => "func",
            Self::NoFunc => "nofunc",
            Self::Extern => "extern",
            Self::NoExtern => "noextern",
            Self::Any => "any",
            Self::Eq => "eq",
            Self::I31 => "i31",
            Self::Struct => "struct",
            Self::Array => "array",
            Self::None => "none",
            Self::Exn => "exn",
            Self::NoExn => "noexn",
        }
    }
}

impl fmt::Display for ValType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::I32 => f.write_str("i32"),
            Self::I64 => f.write_str("i64"),
            Self::F32 => f.write_str("f32"),
            Self::F64 => f.write_str("f64"),
            Self::V128 => f.write_str("v128"),
            Self::Ref(ty) => ty.fmt(f),
        }
    }
}

impl fmt::Display for RefType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.nullable, self.heap) {
            (true, HeapType::Abstract(AbstractHeapType::None)) => f.write_str("nullref"),
            (true, HeapType::Abstract(AbstractHeapType::NoFunc)) => f.write_str("nullfuncref"),
            (true, HeapType::Abstract(AbstractHeapType::NoExtern)) => f.write_str("nullexternref"),
            (true, HeapType::Abstract(AbstractHeapType::NoExn)) => f.write_str("nullexnref"),
            (true, HeapType::Abstract(heap)) => write!(f, "{}ref", heap.name()),
            (true, heap) => write!(f, "(ref null {heap})"),
            (false, heap) => write!(f, "(ref {heap})"),
        }
    }
}

impl fmt::Display for HeapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Abstract(heap) => f.write_str(heap.name()),
            Self::Concrete(id) => write!(f, "type#{}", id.get()),
        }
    }
}
