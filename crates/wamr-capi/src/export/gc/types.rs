//! What types are made of, and subtyping.

use std::collections::HashMap;
use std::ptr::null_mut;
use std::sync::Arc;

use wamr::{
    AbstractHeapType, CompositeType, FieldType, HeapType, RefType, StorageType, TypeId, ValType,
};

use super::super::handle::{self, Name};
use super::super::module::Module;
use super::super::types::Type;
use super::super::{Nothing, text};

/// `wasm_ref_type_t`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CRefType {
    value_type: u8,
    /// A `bool` of C's, which may hold anything.
    nullable: u8,
    heap_type: i32,
}

impl Nothing for CRefType {
    fn nothing() -> Self {
        Self::default()
    }
}

const NON_NULLABLE: u8 = 0x64;
const NULLABLE: u8 = 0x63;

/// Abstract heap types, with the bytes of the nullable reference and C's number.
const ABSTRACT: [(AbstractHeapType, u8, i32); 12] = [
    (AbstractHeapType::NoFunc, 0x73, -0x0d),
    (AbstractHeapType::NoExtern, 0x72, -0x0e),
    (AbstractHeapType::None, 0x71, -0x0f),
    (AbstractHeapType::Func, 0x70, -0x10),
    (AbstractHeapType::Extern, 0x6f, -0x11),
    (AbstractHeapType::Any, 0x6e, -0x12),
    (AbstractHeapType::Eq, 0x6d, -0x13),
    (AbstractHeapType::I31, 0x6c, -0x14),
    (AbstractHeapType::Struct, 0x6b, -0x15),
    (AbstractHeapType::Array, 0x6a, -0x16),
    (AbstractHeapType::Exn, 0x69, -0x17),
    (AbstractHeapType::NoExn, 0x74, -0x0c),
];

type Indices = HashMap<TypeId, u32>;

fn of_val(ty: ValType, indices: &Indices) -> CRefType {
    let number = |value_type| CRefType { value_type, nullable: 0, heap_type: 0 };
    match ty {
        ValType::I32 => number(0x7f),
        ValType::I64 => number(0x7e),
        ValType::F32 => number(0x7d),
        ValType::F64 => number(0x7c),
        ValType::V128 => number(0x7b),
        ValType::Ref(RefType { nullable, heap: HeapType::Concrete(id) }) => CRefType {
            value_type: if nullable { NULLABLE } else { NON_NULLABLE },
            nullable: nullable.into(),
            heap_type: indices.get(&id).map_or(i32::MIN, |index| *index as i32),
        },
        ValType::Ref(RefType { nullable, heap: HeapType::Abstract(heap) }) => {
            let (_, byte, heap_type) = ABSTRACT
                .into_iter()
                .find(|(known, ..)| *known == heap)
                .unwrap_or((heap, NON_NULLABLE, i32::MIN));
            let value_type = if nullable { byte } else { NON_NULLABLE };
            CRefType { value_type, nullable: nullable.into(), heap_type }
        }
    }
}

fn of_field(field: &FieldType, indices: &Indices, is_mutable: *mut bool) -> CRefType {
    text::write(is_mutable, field.mutable);
    let packed = |value_type| CRefType { value_type, nullable: 0, heap_type: 0 };
    match field.storage {
        StorageType::I8 => packed(0x78),
        StorageType::I16 => packed(0x77),
        StorageType::Val(ty) => of_val(ty, indices),
    }
}

/// What C's type means in a module.
pub(super) fn to_val(ty: &CRefType, module: Option<&Module>) -> Option<ValType> {
    let reference = |nullable, heap| Some(ValType::Ref(RefType { nullable, heap }));
    let abstract_heap = |number: i32| {
        let found = ABSTRACT.into_iter().find(|(.., known)| *known == number);
        found.map(|(heap, ..)| HeapType::Abstract(heap))
    };
    match ty.value_type {
        0x7f => Some(ValType::I32),
        0x7e => Some(ValType::I64),
        0x7d => Some(ValType::F32),
        0x7c => Some(ValType::F64),
        0x7b => Some(ValType::V128),
        NULLABLE | NON_NULLABLE => {
            let heap = match usize::try_from(ty.heap_type) {
                Ok(index) => HeapType::Concrete(*module?.loaded.decoded().types.get(index)?),
                Err(_) => abstract_heap(ty.heap_type)?,
            };
            reference(ty.value_type == NULLABLE, heap)
        }
        byte => {
            let (heap, ..) = ABSTRACT.into_iter().find(|(_, known, _)| *known == byte)?;
            reference(true, HeapType::Abstract(heap))
        }
    }
}

/// The id and definition of a defined type.
pub(super) fn defined(name: Name) -> Option<(TypeId, Arc<wamr::SubType>, Arc<Indices>)> {
    match &*handle::get::<Type>(name)? {
        Type::Defined { id, def, indices } => Some((*id, def.clone(), indices.clone())),
        _ => None,
    }
}

fn is(name: Name, test: impl FnOnce(&CompositeType) -> bool) -> bool {
    defined(name).is_some_and(|(_, def, _)| test(&def.composite))
}

fn func_type(name: Name, take: impl FnOnce(&wamr::FuncType) -> Option<ValType>) -> CRefType {
    let found = defined(name).and_then(|(_, def, indices)| {
        let ty = take(def.as_func()?)?;
        Some(of_val(ty, &indices))
    });
    found.unwrap_or_default()
}

fn both(a: *const CRefType, b: *const CRefType, module: Name) -> Option<(ValType, ValType)> {
    let module = handle::get::<Module>(module);
    let module = module.as_deref();
    Some((to_val(&text::read(a)?, module)?, to_val(&text::read(b)?, module)?))
}

c_api! {
    fn wasm_get_defined_type_count(module: Name) -> u32 {
        let module = handle::get::<Module>(module);
        module.map_or(0, |module| module.loaded.decoded().types.len() as u32)
    }

    fn wasm_get_defined_type(module: Name, index: u32) -> Name {
        handle::get::<Module>(module).map_or(null_mut(), |module| module.type_at(index))
    }

    fn wasm_defined_type_is_func_type(ty: Name) -> bool {
        is(ty, |ty| matches!(ty, CompositeType::Func(_)))
    }

    fn wasm_defined_type_is_struct_type(ty: Name) -> bool {
        is(ty, |ty| matches!(ty, CompositeType::Struct(_)))
    }

    fn wasm_defined_type_is_array_type(ty: Name) -> bool {
        is(ty, |ty| matches!(ty, CompositeType::Array(_)))
    }

    fn wasm_func_type_get_param_type(ty: Name, index: u32) -> CRefType {
        func_type(ty, |ty| ty.params().get(index as usize).copied())
    }

    fn wasm_func_type_get_result_type(ty: Name, index: u32) -> CRefType {
        func_type(ty, |ty| ty.results().get(index as usize).copied())
    }

    fn wasm_struct_type_get_field_count(ty: Name) -> u32 {
        match defined(ty).map(|(_, def, _)| def.composite.clone()) {
            Some(CompositeType::Struct(ty)) => ty.fields.len() as u32,
            _ => 0,
        }
    }

    fn wasm_struct_type_get_field_type(ty: Name, index: u32, is_mutable: *mut bool) -> CRefType {
        let Some((_, def, indices)) = defined(ty) else { return CRefType::default() };
        match &def.composite {
            CompositeType::Struct(ty) => ty
                .fields
                .get(index as usize)
                .map_or_else(CRefType::default, |field| of_field(field, &indices, is_mutable)),
            _ => CRefType::default(),
        }
    }

    fn wasm_array_type_get_elem_type(ty: Name, is_mutable: *mut bool) -> CRefType {
        let Some((_, def, indices)) = defined(ty) else { return CRefType::default() };
        match &def.composite {
            CompositeType::Array(ty) => of_field(&ty.0, &indices, is_mutable),
            _ => CRefType::default(),
        }
    }

    fn wasm_defined_type_equal(a: Name, b: Name, _module: Name) -> bool {
        matches!((defined(a), defined(b)), (Some((a, ..)), Some((b, ..))) if a == b)
    }

    fn wasm_defined_type_is_subtype_of(a: Name, b: Name, module: Name) -> bool {
        let (Some((a, ..)), Some((b, ..)), Some(module)) =
            (defined(a), defined(b), handle::get::<Module>(module))
        else {
            return false;
        };
        module.runtime.engine().types().is_subtype(a, b)
    }

    fn wasm_ref_type_set_type_idx(ty: *mut CRefType, nullable: bool, index: i32) {
        let value_type = if nullable { NULLABLE } else { NON_NULLABLE };
        text::write(ty, CRefType { value_type, nullable: nullable.into(), heap_type: index });
    }

    fn wasm_ref_type_set_heap_type(ty: *mut CRefType, nullable: bool, heap_type: i32) {
        let found = ABSTRACT.into_iter().find(|(.., known)| *known == heap_type);
        let value_type = match found {
            Some((_, byte, _)) if nullable => byte,
            _ if nullable => NULLABLE,
            _ => NON_NULLABLE,
        };
        text::write(ty, CRefType { value_type, nullable: nullable.into(), heap_type });
    }

    fn wasm_ref_type_equal(a: *const CRefType, b: *const CRefType, module: Name) -> bool {
        both(a, b, module).is_some_and(|(a, b)| a == b)
    }

    fn wasm_ref_type_is_subtype_of(a: *const CRefType, b: *const CRefType, module: Name) -> bool {
        let Some(module_of) = handle::get::<Module>(module) else { return false };
        both(a, b, module)
            .is_some_and(|(a, b)| module_of.runtime.engine().types().val_matches(a, b))
    }
}
