//! Handles to references of the internal hierarchy: structs, arrays, `i31`, and host values that
//! were converted.
//! <https://webassembly.github.io/spec/core/exec/runtime.html#heap-objects>

use core::fmt;
use core::ptr::NonNull;
use std::sync::Arc;

use wamr_types::{
    AbstractHeapType, CompositeType, FieldType, HeapType, RefType, StorageType, SubType, TypeId,
    ValType,
};

use super::{ExternRef, Val};
use crate::error::{Error, ErrorKind};
use crate::gc::{HOST_VALUE, i31_get_s, i31_new, is_i31};
use crate::store::{AsContext, AsContextMut, ExternPtr, Root, StoreCore};

/// A reference to an object, or an `i31`. What it refers to stays alive as long as the handle.
#[derive(Clone)]
pub struct AnyRef(Arc<Root>);

impl fmt::Debug for AnyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyRef")
    }
}

impl AnyRef {
    /// Makes an `i31` from the low 31 bits of a number.
    pub fn from_i31(mut store: impl AsContextMut, value: i32) -> Self {
        let mut store = store.as_context_mut();
        Self(store.core().root(ExternPtr::Object(i31_new(value as u32))))
    }

    /// Makes a struct of a registered type.
    ///
    /// # Errors
    /// If `ty` is no struct type of this engine, the values do not fit its fields, something
    /// belongs to another store, or the heap is full.
    pub fn new_struct(
        mut store: impl AsContextMut,
        ty: TypeId,
        fields: &[Val],
    ) -> Result<Self, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let def = definition(core, ty)?;
        let CompositeType::Struct(struct_type) = &def.composite else { return Err(not("struct")) };
        if struct_type.fields.len() != fields.len() {
            return Err(not("struct of so many fields"));
        }
        let mut slots = Vec::with_capacity(fields.len());
        for (field, value) in struct_type.fields.iter().zip(fields) {
            store_field(core, field, value, &mut slots)?;
        }
        // SAFETY: the slots hold a value for every field; `fields` keeps alive what they refer
        // to.
        let reference = unsafe { core.struct_new(ty, slots.as_ptr())? };
        Ok(Self(core.root(ExternPtr::Object(reference))))
    }

    /// Makes an array of a registered type.
    ///
    /// # Errors
    /// If `ty` is no array type of this engine, a value does not fit its elements, something
    /// belongs to another store, or the heap is full.
    pub fn new_array(
        mut store: impl AsContextMut,
        ty: TypeId,
        elements: &[Val],
    ) -> Result<Self, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let def = definition(core, ty)?;
        let CompositeType::Array(array_type) = &def.composite else { return Err(not("array")) };
        let len = u32::try_from(elements.len()).map_err(|_| not("array of 32-bit length"))?;
        let mut slots = Vec::with_capacity(elements.len());
        for value in elements {
            store_field(core, &array_type.0, value, &mut slots)?;
        }
        // SAFETY: the slots hold all elements; `elements` keeps alive what they refer to.
        let reference = unsafe { core.array_new_fixed(ty, slots.as_ptr(), len)? };
        Ok(Self(core.root(ExternPtr::Object(reference))))
    }

    /// `any.convert_extern`
    ///
    /// # Errors
    /// If the reference belongs to another store.
    pub fn from_extern(mut store: impl AsContextMut, value: &ExternRef) -> Result<Self, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let reference = value.resolve(core)?;
        Ok(Self(core.root(ExternPtr::Object(reference))))
    }

    /// `extern.convert_any`
    ///
    /// # Errors
    /// If the reference belongs to another store.
    pub fn to_extern(&self, mut store: impl AsContextMut) -> Result<Option<ExternRef>, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let reference = self.resolve(core)?;
        Ok(ExternRef::from_raw(core, reference))
    }

    /// The number, sign-extended, if this is an `i31`.
    ///
    /// # Errors
    /// If the reference belongs to another store.
    pub fn as_i31(&self, store: impl AsContext) -> Result<Option<i32>, Error> {
        let reference = self.resolve(store.as_context().core())?;
        Ok(is_i31(reference).then(|| i31_get_s(reference) as i32))
    }

    /// The canonical type, if this is a struct or an array.
    ///
    /// # Errors
    /// If the reference belongs to another store.
    pub fn type_id(&self, store: impl AsContext) -> Result<Option<TypeId>, Error> {
        let store = store.as_context();
        let header = store.core().header(self.resolve(store.core())?);
        Ok(header.and_then(|header| TypeId::from_raw(header.type_id)))
    }

    /// Whether this is of a type: `ref.test`.
    ///
    /// # Errors
    /// If the reference belongs to another store.
    pub fn is(&self, mut store: impl AsContextMut, heap: HeapType) -> Result<bool, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let reference = self.resolve(core)?;
        // The question is defined within one hierarchy, and references of others look different.
        let is_comparable = core.engine().types().top_of(heap) == AbstractHeapType::Any;
        let ty = RefType { nullable: false, heap };
        Ok(is_comparable && core.ref_test(u64::from(reference), ty))
    }

    /// A field of a struct; packed fields are zero-extended.
    ///
    /// # Errors
    /// If this is no struct with such a field, or belongs to another store.
    pub fn field(&self, mut store: impl AsContextMut, index: u32) -> Result<Val, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let (ty, at, kind) = self.field_place(core, index)?;
        // SAFETY: the field is one of a live object, and holds a value of its type.
        unsafe { Ok(Val::from_raw(core, unpacked(&ty), kind.read(at))) }
    }

    /// Writes a field of a struct.
    ///
    /// # Errors
    /// If this is no struct with such a field, the field is immutable, the value does not fit,
    /// or something belongs to another store.
    pub fn set_field(
        &self,
        mut store: impl AsContextMut,
        index: u32,
        value: &Val,
    ) -> Result<(), Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let (ty, at, kind) = self.field_place(core, index)?;
        if !ty.mutable {
            return Err(not("struct with a mutable field there"));
        }
        let value = value.to_raw(core, unpacked(&ty))?;
        // SAFETY: the field is one of a live object, and the value is of its type.
        unsafe { core.write_field(at, kind, value) };
        Ok(())
    }

    fn field_place(
        &self,
        core: &StoreCore,
        index: u32,
    ) -> Result<(FieldType, *mut u8, crate::gc::FieldKind), Error> {
        let (reference, def) = self.object(core)?;
        let CompositeType::Struct(ty) = &def.composite else { return Err(not("struct")) };
        let ty = ty.fields.get(index as usize).ok_or_else(|| not("struct with such a field"))?;
        let (at, kind) = core.field(reference, index).ok_or_else(|| not("struct"))?;
        Ok((*ty, at, kind))
    }

    /// How many elements an array has.
    ///
    /// # Errors
    /// If this is no array, or belongs to another store.
    pub fn len(&self, store: impl AsContext) -> Result<u32, Error> {
        let store = store.as_context();
        Ok(store.core().array_len(self.resolve(store.core())?)?)
    }

    /// An element of an array; packed elements are zero-extended.
    ///
    /// # Errors
    /// If this is no array with such an element, or belongs to another store.
    pub fn element(&self, mut store: impl AsContextMut, index: u32) -> Result<Val, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let (reference, def) = self.object(core)?;
        let CompositeType::Array(ty) = &def.composite else { return Err(not("array")) };
        let (value, _) = core.array_get(reference, index)?;
        // SAFETY: an array holds values of its element type.
        Ok(unsafe { Val::from_raw(core, unpacked(&ty.0), value) })
    }

    /// Writes an element of an array.
    ///
    /// # Errors
    /// If this is no array with such an element, its elements are immutable, the value does not
    /// fit, or something belongs to another store.
    pub fn set_element(
        &self,
        mut store: impl AsContextMut,
        index: u32,
        value: &Val,
    ) -> Result<(), Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let (reference, def) = self.object(core)?;
        let CompositeType::Array(ty) = &def.composite else { return Err(not("array")) };
        if !ty.0.mutable {
            return Err(not("array of mutable elements"));
        }
        let value = value.to_raw(core, unpacked(&ty.0))?;
        Ok(core.array_fill(reference, index, value, 1)?)
    }

    /// Where the elements of an array stand, one after the other in the form of their type; `None`
    /// for elements that are references, whose form is the runtime's business.
    ///
    /// The pointer is good as long as the array lives and its store is not joined to another.
    /// Whoever reads or writes through it must have the store to themselves, and write nothing
    /// where the elements are immutable.
    ///
    /// # Errors
    /// If this is no array, or belongs to another store.
    pub fn elements_ptr(&self, store: impl AsContext) -> Result<Option<NonNull<u8>>, Error> {
        let store = store.as_context();
        let core = store.core();
        let (reference, def) = self.object(core)?;
        let CompositeType::Array(ty) = &def.composite else { return Err(not("array")) };
        if matches!(ty.0.storage, StorageType::Val(ValType::Ref(_))) {
            return Ok(None);
        }
        Ok(core.elements(reference))
    }

    /// Whether both are the same object or number.
    pub fn same(a: &Self, b: &Self) -> bool {
        a.0.same(&b.0)
    }

    /// The object and its type's definition.
    fn object(&self, core: &StoreCore) -> Result<(u32, Arc<SubType>), Error> {
        let reference = self.resolve(core)?;
        let header = core.header(reference).ok_or_else(|| not("struct or array"))?;
        let id = TypeId::from_raw(header.type_id).ok_or_else(|| not("struct or array"))?;
        Ok((reference, definition(core, id)?))
    }

    pub(crate) fn resolve(&self, core: &StoreCore) -> Result<u32, Error> {
        match core.resolve(&self.0)? {
            ExternPtr::Object(reference) => Ok(reference),
            _ => Err(Error::from_kind(ErrorKind::WrongStore)),
        }
    }

    pub(crate) fn from_raw(core: &mut StoreCore, reference: u32) -> Option<Self> {
        (reference != 0).then(|| Self(core.root(ExternPtr::Object(reference))))
    }

    /// The most precise type.
    pub(crate) fn precise_type(&self, core: &StoreCore) -> Result<ValType, Error> {
        let reference = self.resolve(core)?;
        let heap = match core.header(reference) {
            None => HeapType::Abstract(AbstractHeapType::I31),
            Some(header) if header.type_id == HOST_VALUE => {
                HeapType::Abstract(AbstractHeapType::Any)
            }
            Some(header) => TypeId::from_raw(header.type_id)
                .map_or(HeapType::Abstract(AbstractHeapType::Any), HeapType::Concrete),
        };
        Ok(ValType::Ref(RefType { nullable: false, heap }))
    }
}

fn definition(core: &StoreCore, ty: TypeId) -> Result<Arc<SubType>, Error> {
    core.engine().types().get(ty).ok_or_else(|| not("type of this engine"))
}

fn not(what: &str) -> Error {
    Error::from_kind(ErrorKind::InvalidType(format!("this is no {what}").into()))
}

/// The type of a field's values as wasm sees them on its stack.
fn unpacked(field: &FieldType) -> ValType {
    match field.storage {
        StorageType::I8 | StorageType::I16 => ValType::I32,
        StorageType::Val(ty) => ty,
    }
}

fn store_field(
    core: &StoreCore,
    field: &FieldType,
    value: &Val,
    slots: &mut Vec<u64>,
) -> Result<(), Error> {
    let ty = unpacked(field);
    let raw = value.to_raw(core, ty)?;
    slots.extend_from_slice(&raw[..ty.slots()]);
    Ok(())
}
