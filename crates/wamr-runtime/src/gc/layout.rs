//! Where the fields of objects are.

use wamr_types::{
    AbstractHeapType, CompositeType, FieldType, StorageType, SubType, TypeRegistry, ValType,
};

/// How many bytes the header of an object takes; fields follow.
pub const HEADER_BYTES: u32 = 8;

/// How a field is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// One byte.
    Packed8,
    /// Two bytes.
    Packed16,
    /// `i32` or `f32`.
    Word32,
    /// `i64` or `f64`.
    Word64,
    /// `v128`
    Vector,
    /// A reference into the heap, or an `i31`: 32 bits.
    Object,
    /// A reference to an exception: 32 bits.
    Exception,
    /// A reference to a function: an address.
    Func,
}

impl FieldKind {
    /// The kind of a field type.
    pub fn of(ty: &FieldType, types: &TypeRegistry) -> Self {
        match ty.storage {
            StorageType::I8 => Self::Packed8,
            StorageType::I16 => Self::Packed16,
            StorageType::Val(ValType::I32 | ValType::F32) => Self::Word32,
            StorageType::Val(ValType::I64 | ValType::F64) => Self::Word64,
            StorageType::Val(ValType::V128) => Self::Vector,
            StorageType::Val(ValType::Ref(ty)) => match types.top_of(ty.heap) {
                AbstractHeapType::Func => Self::Func,
                AbstractHeapType::Exn => Self::Exception,
                _ => Self::Object,
            },
        }
    }

    /// log2 of the size in bytes, which is the alignment too.
    pub const fn size_log2(self) -> u32 {
        match self {
            Self::Packed8 => 0,
            Self::Packed16 => 1,
            Self::Word32 | Self::Object | Self::Exception => 2,
            Self::Word64 | Self::Func => 3,
            Self::Vector => 4,
        }
    }

    /// Whether fields of this kind refer to something that must be traced.
    pub const fn is_reference(self) -> bool {
        matches!(self, Self::Object | Self::Exception | Self::Func)
    }

    /// Reads a field as slots, packed ones zero-extended.
    ///
    /// # Safety
    /// `at` must point to a field of this kind in a live object.
    pub unsafe fn read(self, at: *const u8) -> [u64; 2] {
        // SAFETY: the caller vouches for the address; fields are aligned to their size.
        unsafe {
            match self {
                Self::Packed8 => [u64::from(*at), 0],
                Self::Packed16 => [u64::from(*at.cast::<u16>()), 0],
                Self::Word32 | Self::Object | Self::Exception => [u64::from(*at.cast::<u32>()), 0],
                Self::Word64 | Self::Func => [*at.cast::<u64>(), 0],
                Self::Vector => *at.cast::<[u64; 2]>(),
            }
        }
    }

    /// Writes a field from slots, of which it takes the low part it needs.
    ///
    /// # Safety
    /// As [`FieldKind::read`]; the value must be of the field's type.
    pub unsafe fn write(self, at: *mut u8, value: [u64; 2]) {
        // SAFETY: as in `read`.
        unsafe {
            match self {
                Self::Packed8 => *at = value[0] as u8,
                Self::Packed16 => *at.cast::<u16>() = value[0] as u16,
                Self::Word32 | Self::Object | Self::Exception => {
                    *at.cast::<u32>() = value[0] as u32;
                }
                Self::Word64 | Self::Func => *at.cast::<u64>() = value[0],
                Self::Vector => *at.cast::<[u64; 2]>() = value,
            }
        }
    }
}

/// Where a field is and how it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldLayout {
    /// The offset from the object's start in bytes.
    pub offset: u32,
    /// How it is stored.
    pub kind: FieldKind,
}

/// The layout of the objects of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GcLayout {
    /// A struct.
    Struct {
        /// Header and fields, in bytes.
        size_bytes: u32,
        /// The fields in order.
        fields: Box<[FieldLayout]>,
        /// The offsets of those that refer to objects.
        objects: Box<[u32]>,
        /// Whether there are references of other kinds too.
        has_others: bool,
    },
    /// An array.
    Array {
        /// Element 0; the others follow without gaps.
        element: FieldLayout,
    },
}

impl GcLayout {
    /// The layout of a type; `None` for functions.
    pub fn of(ty: &SubType, types: &TypeRegistry) -> Option<Self> {
        match &ty.composite {
            CompositeType::Func(_) => None,
            CompositeType::Struct(ty) => {
                let mut end = HEADER_BYTES;
                let fields = ty.fields.iter().map(|field| {
                    let kind = FieldKind::of(field, types);
                    let offset = end.next_multiple_of(1 << kind.size_log2());
                    end = offset + (1 << kind.size_log2());
                    FieldLayout { offset, kind }
                });
                let fields: Box<[FieldLayout]> = fields.collect();
                let is_object = |field: &&FieldLayout| field.kind == FieldKind::Object;
                let objects = fields.iter().filter(is_object).map(|field| field.offset).collect();
                let has_others =
                    fields.iter().any(|field| field.kind.is_reference() && !is_object(&field));
                Some(Self::Struct { size_bytes: end, fields, objects, has_others })
            }
            CompositeType::Array(ty) => {
                let kind = FieldKind::of(&ty.0, types);
                let offset = HEADER_BYTES.next_multiple_of(1 << kind.size_log2());
                Some(Self::Array { element: FieldLayout { offset, kind } })
            }
        }
    }

    /// The size in bytes of an object of `len` elements (0 for structs); `None` beyond 32 bits.
    pub fn size_bytes(&self, len: u32) -> Option<u32> {
        match self {
            Self::Struct { size_bytes, .. } => Some(*size_bytes),
            Self::Array { element } => {
                len.checked_mul(1 << element.kind.size_log2())?.checked_add(element.offset)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wamr_types::StructType;

    #[test]
    fn fields_are_aligned_and_do_not_overlap() {
        let types = TypeRegistry::new();
        let field = |storage| FieldType { storage, mutable: true };
        let ty = SubType {
            is_final: true,
            supertype: None,
            composite: CompositeType::Struct(StructType {
                fields: Box::new([
                    field(StorageType::I8),
                    field(StorageType::Val(ValType::V128)),
                    field(StorageType::I16),
                    field(StorageType::Val(ValType::FUNCREF)),
                    field(StorageType::Val(ValType::EXTERNREF)),
                ]),
            }),
        };
        let Some(GcLayout::Struct { size_bytes, fields, objects, has_others }) =
            GcLayout::of(&ty, &types)
        else {
            panic!("a struct has a layout");
        };
        assert_eq!((&objects[..], has_others), (&[48][..], true));
        let offsets: Vec<u32> = fields.iter().map(|field| field.offset).collect();
        assert_eq!(offsets, [8, 16, 32, 40, 48]);
        assert_eq!(size_bytes, 52);
    }
}
