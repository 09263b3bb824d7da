//! Value types, composite types and recursion groups, with canonical ids for indices.
//! <https://webassembly.github.io/spec/core/binary/types.html>

use wamr_types::{
    AbstractHeapType, ArrayType, CompositeType, Feature, FieldType, FuncType, GlobalType, HeapType,
    IndexType, Limits, LoadError, MemoryType, RecGroup, RefType, StorageType, StructType, SubType,
    TableType, TypeId, ValType,
};
use wasmparser::UnpackedIndex;

use crate::error::{unrepresentable, unsupported};

/// What type indices mean at one place of a module.
#[derive(Clone, Copy)]
pub(crate) struct TypeScope<'a> {
    /// The canonical ids of all types before the current recursion group.
    ids: &'a [TypeId],
    /// How many types the current recursion group has; 0 outside of groups.
    group_len: usize,
}

impl<'a> TypeScope<'a> {
    /// The scope of everything that follows the type section.
    pub(crate) const fn new(ids: &'a [TypeId]) -> Self {
        Self { ids, group_len: 0 }
    }

    /// The scope within the recursion group that follows the types in `ids`.
    pub(crate) const fn in_group(ids: &'a [TypeId], group_len: usize) -> Self {
        Self { ids, group_len }
    }

    /// A recursion group, its own members referred to by position.
    pub(crate) fn rec_group(self, group: wasmparser::RecGroup) -> Result<RecGroup, LoadError> {
        let types = group.into_types().map(|ty| self.sub_type(ty)).collect::<Result<_, _>>()?;
        Ok(RecGroup { types })
    }

    fn sub_type(self, ty: wasmparser::SubType) -> Result<SubType, LoadError> {
        let composite = ty.composite_type;
        if composite.descriptor_idx.is_some() || composite.describes_idx.is_some() {
            return Err(unsupported(Feature::CustomDescriptors));
        }
        if composite.shared {
            return Err(unrepresentable("shared types are not supported"));
        }
        let supertype =
            ty.supertype_idxs.first().map(|index| self.type_id(index.unpack())).transpose()?;
        Ok(SubType {
            is_final: ty.is_final,
            supertype,
            composite: self.composite(composite.inner)?,
        })
    }

    fn composite(self, ty: wasmparser::CompositeInnerType) -> Result<CompositeType, LoadError> {
        Ok(match ty {
            wasmparser::CompositeInnerType::Func(ty) => CompositeType::Func(self.func(&ty)?),
            wasmparser::CompositeInnerType::Struct(ty) => CompositeType::Struct(StructType {
                fields: ty.fields.iter().map(|&f| self.field(f)).collect::<Result<_, _>>()?,
            }),
            wasmparser::CompositeInnerType::Array(ty) => {
                CompositeType::Array(ArrayType(self.field(ty.0)?))
            }
            wasmparser::CompositeInnerType::Cont(_) => {
                return Err(unrepresentable("continuation types are not supported"));
            }
        })
    }

    fn func(self, ty: &wasmparser::FuncType) -> Result<FuncType, LoadError> {
        let list = |types: &[wasmparser::ValType]| {
            types.iter().map(|&ty| self.val(ty)).collect::<Result<Vec<_>, _>>()
        };
        Ok(FuncType::new(list(ty.params())?, list(ty.results())?))
    }

    fn field(self, field: wasmparser::FieldType) -> Result<FieldType, LoadError> {
        let storage = match field.element_type {
            wasmparser::StorageType::I8 => StorageType::I8,
            wasmparser::StorageType::I16 => StorageType::I16,
            wasmparser::StorageType::Val(ty) => StorageType::Val(self.val(ty)?),
        };
        Ok(FieldType { storage, mutable: field.mutable })
    }

    /// A value type.
    pub(crate) fn val(self, ty: wasmparser::ValType) -> Result<ValType, LoadError> {
        Ok(match ty {
            wasmparser::ValType::I32 => ValType::I32,
            wasmparser::ValType::I64 => ValType::I64,
            wasmparser::ValType::F32 => ValType::F32,
            wasmparser::ValType::F64 => ValType::F64,
            wasmparser::ValType::V128 => ValType::V128,
            wasmparser::ValType::Ref(ty) => ValType::Ref(self.reference(ty)?),
        })
    }

    /// A reference type.
    pub(crate) fn reference(self, ty: wasmparser::RefType) -> Result<RefType, LoadError> {
        Ok(RefType { nullable: ty.is_nullable(), heap: self.heap(ty.heap_type())? })
    }

    /// A heap type.
    pub(crate) fn heap(self, ty: wasmparser::HeapType) -> Result<HeapType, LoadError> {
        Ok(match ty {
            wasmparser::HeapType::Abstract { shared: false, ty } => {
                HeapType::Abstract(abstract_heap(ty)?)
            }
            wasmparser::HeapType::Abstract { shared: true, .. } => {
                return Err(unrepresentable("shared types are not supported"));
            }
            wasmparser::HeapType::Concrete(index) => HeapType::Concrete(self.type_id(index)?),
            wasmparser::HeapType::Exact(_) => return Err(unsupported(Feature::CustomDescriptors)),
        })
    }

    fn type_id(self, index: UnpackedIndex) -> Result<TypeId, LoadError> {
        let index = index.as_module_index().map_or(usize::MAX, |index| index as usize);
        if let Some(&id) = self.ids.get(index) {
            return Ok(id);
        }
        let position = index - self.ids.len();
        match u32::try_from(position) {
            Ok(in_group) if position < self.group_len => Ok(TypeId::in_group(in_group)),
            _ => Err(unrepresentable("unknown type")),
        }
    }

    /// A table type.
    pub(crate) fn table(self, ty: wasmparser::TableType) -> Result<TableType, LoadError> {
        Ok(TableType {
            index: index_type(ty.table64),
            element: self.reference(ty.element_type)?,
            limits: Limits { min: ty.initial, max: ty.maximum },
        })
    }

    /// A global type.
    pub(crate) fn global(self, ty: wasmparser::GlobalType) -> Result<GlobalType, LoadError> {
        Ok(GlobalType { content: self.val(ty.content_type)?, mutable: ty.mutable })
    }
}

/// A memory type.
pub(crate) fn memory(ty: wasmparser::MemoryType) -> MemoryType {
    MemoryType {
        index: index_type(ty.memory64),
        limits: Limits { min: ty.initial, max: ty.maximum },
        shared: ty.shared,
        // Validation allows 0 and 16 only.
        page_size_log2: ty.page_size_log2() as u8,
    }
}

const fn index_type(is_64: bool) -> IndexType {
    if is_64 { IndexType::I64 } else { IndexType::I32 }
}

fn abstract_heap(ty: wasmparser::AbstractHeapType) -> Result<AbstractHeapType, LoadError> {
    use wasmparser::AbstractHeapType as H;
    Ok(match ty {
        H::Func => AbstractHeapType::Func,
        H::NoFunc => AbstractHeapType::NoFunc,
        H::Extern => AbstractHeapType::Extern,
        H::NoExtern => AbstractHeapType::NoExtern,
        H::Any => AbstractHeapType::Any,
        H::Eq => AbstractHeapType::Eq,
        H::I31 => AbstractHeapType::I31,
        H::Struct => AbstractHeapType::Struct,
        H::Array => AbstractHeapType::Array,
        H::None => AbstractHeapType::None,
        H::Exn => AbstractHeapType::Exn,
        H::NoExn => AbstractHeapType::NoExn,
        H::Cont | H::NoCont => {
            return Err(unrepresentable("continuation types are not supported"));
        }
    })
}
