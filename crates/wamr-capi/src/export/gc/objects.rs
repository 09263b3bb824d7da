//! Structs, arrays and functions, and what an object is.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;

use wamr::types::{ExternIdx, FuncIdx};
use wamr::{
    AbstractHeapType, AnyRef, CompositeType, FieldType, Func, HeapType, StorageType,
    StoreContextMut, TypeId, Val, ValType,
};

use super::super::env::Env;
use super::super::group::Data;
use super::super::handle::{self, Name};
use super::super::instance::Inst;
use super::super::module::Module;
use super::super::runtime::Runtime;
use super::super::types::Type;
use super::super::{text, value};
use super::types::{CRefType, defined, to_val};
use super::{Object, host_value, name_of};

/// `wasm_value_t`
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WasmValue(pub(crate) [u64; 2]);

fn unpacked(field: &FieldType) -> ValType {
    match field.storage {
        StorageType::I8 | StorageType::I16 => ValType::I32,
        StorageType::Val(ty) => ty,
    }
}

/// A field's value from C's.
fn from_c(
    store: &mut StoreContextMut<'_, Data>,
    field: &FieldType,
    value: &WasmValue,
) -> Option<Val> {
    let [low, high] = value.0;
    match unpacked(field) {
        ValType::V128 => Some(Val::V128(u128::from(high) << 64 | u128::from(low))),
        ty @ ValType::Ref(_) => {
            let object = handle::get::<Object>(std::ptr::without_provenance(low as usize));
            match (object, ty) {
                (Some(object), _) if matches!(object.val, Val::FuncRef(_) | Val::ExnRef(_)) => {
                    Some(object.val.clone())
                }
                _ => value::host_reference(store, ty, low).ok(),
            }
        }
        ty => value::host_reference(store, ty, low).ok(),
    }
}

/// C's form of a field's value.
fn to_c(
    store: &mut StoreContextMut<'_, Data>,
    env: Option<&Arc<Env>>,
    field: &FieldType,
    value: Val,
    sign_extend: bool,
) -> WasmValue {
    let low = match (value, field.storage) {
        (Val::I32(value), StorageType::I8) if sign_extend => u64::from(value as i8 as u32),
        (Val::I32(value), StorageType::I16) if sign_extend => u64::from(value as i16 as u32),
        (Val::I32(value), _) => u64::from(value as u32),
        (Val::I64(value), _) => value as u64,
        (Val::F32(bits), _) => bits.into(),
        (Val::F64(bits), _) => bits,
        (Val::V128(bits), _) => return WasmValue([bits as u64, (bits >> 64) as u64]),
        (Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None), _) => 0,
        (reference, _) => match env {
            Some(env) => name_of(store, env, reference).addr() as u64,
            None => 0,
        },
    };
    WasmValue([low, 0])
}

/// The type at an index of an environment's module.
fn type_at(env: Name, index: u32) -> Name {
    let env = handle::get::<Env>(env);
    env.map_or(null_mut(), |env| env.inst().module.type_at(index))
}

fn new_struct(env: Name, ty: Name) -> Option<Name> {
    let (env, (id, def, _)) = (handle::get::<Env>(env)?, defined(ty)?);
    let CompositeType::Struct(ty) = &def.composite else { return None };
    env.inst().with(|mut store| {
        let types = store.engine().types();
        let zero = |field: &FieldType| Val::default_in(types, unpacked(field));
        let fields: Vec<Val> = ty.fields.iter().map(zero).collect::<Option<_>>()?;
        let object = AnyRef::new_struct(&mut store, id, &fields).ok()?;
        Some(name_of(&mut store, &env, Val::AnyRef(Some(object))))
    })
}

fn new_array(env: Name, ty: Name, len: u32, init: *const WasmValue) -> Option<Name> {
    let (env, (id, def, _)) = (handle::get::<Env>(env)?, defined(ty)?);
    let CompositeType::Array(ty) = &def.composite else { return None };
    env.inst().with(|mut store| {
        let init = match text::read(init) {
            Some(init) => from_c(&mut store, &ty.0, &init)?,
            None => Val::default_in(store.engine().types(), unpacked(&ty.0))?,
        };
        let object = AnyRef::new_array(&mut store, id, &vec![init; len as usize]).ok()?;
        Some(name_of(&mut store, &env, Val::AnyRef(Some(object))))
    })
}

/// Does something with an object of the internal hierarchy.
fn with_any<R>(
    object: Name,
    body: impl FnOnce(&mut StoreContextMut<'_, Data>, &AnyRef, Option<Arc<Env>>) -> Option<R>,
) -> Option<R> {
    let object = handle::get::<Object>(object)?;
    let (any, env) = (object.any()?, object.env());
    object.with(|mut store| body(&mut store, any, env))
}

/// The definition of an object's type.
fn composite(store: &StoreContextMut<'_, Data>, object: &AnyRef) -> Option<CompositeType> {
    let id = object.type_id(store).ok()??;
    Some(store.engine().types().get(id)?.composite.clone())
}

fn struct_field(
    store: &StoreContextMut<'_, Data>,
    object: &AnyRef,
    index: u32,
) -> Option<FieldType> {
    match composite(store, object)? {
        CompositeType::Struct(ty) => ty.fields.get(index as usize).copied(),
        _ => None,
    }
}

fn element(store: &StoreContextMut<'_, Data>, object: &AnyRef) -> Option<FieldType> {
    match composite(store, object)? {
        CompositeType::Array(ty) => Some(ty.0),
        _ => None,
    }
}

fn copy(to: Name, to_index: u32, from: Name, from_index: u32, len: u32) -> Option<()> {
    let source = handle::get::<Object>(from)?;
    with_any(to, |store, to, _| {
        let from = source.any()?;
        let values: Option<Vec<Val>> =
            (0..len).map(|i| from.element(&mut *store, from_index.checked_add(i)?).ok()).collect();
        let values = values?;
        // All or nothing.
        let end = to_index.checked_add(len)?;
        if end > to.len(&*store).ok()? {
            return None;
        }
        for (i, value) in (to_index..end).zip(&values) {
            to.set_element(&mut *store, i, value).ok()?;
        }
        Some(())
    })
}

fn element_addr(object: Name, index: u32) -> *mut c_void {
    let found = with_any(object, |store, object, _| {
        let size = match element(store, object)?.storage {
            StorageType::I8 => 1,
            StorageType::I16 => 2,
            StorageType::Val(ValType::I32 | ValType::F32) => 4,
            StorageType::Val(ValType::I64 | ValType::F64) => 8,
            StorageType::Val(ValType::V128) => 16,
            StorageType::Val(ValType::Ref(_)) => return None,
        };
        let first = object.elements_ptr(&*store).ok()??;
        let fits = index < object.len(&*store).ok()?;
        fits.then(|| first.as_ptr().wrapping_add(index as usize * size))
    });
    found.map_or(null_mut(), <*mut u8>::cast)
}

fn new_func(env: Name, ty: Name, index: u32) -> Option<Name> {
    let (env, (id, ..)) = (handle::get::<Env>(env)?, defined(ty)?);
    let inst = env.inst();
    inst.with(|mut store| {
        let func = inst.item(&mut store, ExternIdx::Func(FuncIdx(index)))?.into_func()?;
        let own = func.type_id(&store).ok()?;
        let fits = store.engine().types().is_subtype(own, id);
        fits.then(|| name_of(&mut store, &env, Val::FuncRef(Some(func))))
    })
}

/// The function in an object.
fn func(object: &Object) -> Option<&Func> {
    match &object.val {
        Val::FuncRef(func) => func.as_ref(),
        _ => None,
    }
}

/// The id of an object's type, of whatever kind.
fn type_id(object: &Object) -> Option<TypeId> {
    object.with(|store| match &object.val {
        Val::FuncRef(Some(func)) => func.type_id(store).ok(),
        Val::AnyRef(Some(object)) => object.type_id(store).ok()?,
        _ => None,
    })
}

/// The name of a type: that of the object's module if it has the type.
fn type_name(object: &Object, id: TypeId) -> Option<Name> {
    let runtime = Runtime::current()?;
    let module = object.module.upgrade().filter(|module| module.types.index(id).is_some());
    Some(match module {
        Some(module) => module.types.defined(&runtime, id),
        None => runtime.types.defined(&runtime, id),
    })
}

/// Whether an object is of a type of the internal hierarchy.
fn is_any(object: Name, heap: AbstractHeapType) -> bool {
    is_heap(object, HeapType::Abstract(heap))
}

fn is_heap(object: Name, heap: HeapType) -> bool {
    let bits = object.addr() as u64;
    if bits & 1 == 1 {
        use AbstractHeapType as H;
        return matches!(heap, HeapType::Abstract(H::I31 | H::Eq | H::Any));
    }
    with_any(object, |store, object, _| object.is(&mut *store, heap).ok()).unwrap_or(false)
}

fn is_host_value(object: Name) -> bool {
    let found = with_any(object, |store, value, _| {
        let value = value.to_extern(&mut *store).ok()??;
        host_value(store, &value)
    });
    found.is_some()
}

fn index_of(inst: &Inst, store: &mut StoreContextMut<'_, Data>, func: &Func) -> Option<u32> {
    inst.func_index(store, func)
}

fn is_of_type(object: Name, id: TypeId) -> bool {
    let Some(found) = handle::get::<Object>(object) else { return false };
    match (type_id(&found), Runtime::current()) {
        (Some(own), Some(runtime)) => runtime.engine().types().is_subtype(own, id),
        _ => false,
    }
}

c_api! {
    fn wasm_obj_get_defined_type(object: Name) -> Name {
        let found = handle::get::<Object>(object)
            .and_then(|object| type_name(&object, type_id(&object)?));
        found.unwrap_or(null_mut())
    }

    fn wasm_obj_get_defined_type_idx(module: Name, object: Name) -> i32 {
        let found = handle::get::<Module>(module)
            .zip(handle::get::<Object>(object))
            .and_then(|(module, object)| module.types.index(type_id(&object)?));
        found.map_or(-1, |index| index as i32)
    }

    fn wasm_struct_obj_new_with_typeidx(env: Name, index: u32) -> Name {
        new_struct(env, type_at(env, index)).unwrap_or(null_mut())
    }

    fn wasm_struct_obj_new_with_type(env: Name, ty: Name) -> Name {
        new_struct(env, ty).unwrap_or(null_mut())
    }

    fn wasm_struct_obj_set_field(object: Name, index: u32, value: *const WasmValue) {
        let Some(value) = text::read(value) else { return };
        with_any(object, |store, object, _| {
            let field = struct_field(store, object, index)?;
            let value = from_c(store, &field, &value)?;
            object.set_field(&mut *store, index, &value).ok()
        });
    }

    fn wasm_struct_obj_get_field(
        object: Name,
        index: u32,
        sign_extend: bool,
        out: *mut WasmValue,
    ) {
        let value = with_any(object, |store, object, env| {
            let field = struct_field(store, object, index)?;
            let value = object.field(&mut *store, index).ok()?;
            Some(to_c(store, env.as_ref(), &field, value, sign_extend))
        });
        text::write(out, value.unwrap_or_default());
    }

    fn wasm_struct_obj_get_field_count(object: Name) -> u32 {
        let found = with_any(object, |store, object, _| match composite(store, object)? {
            CompositeType::Struct(ty) => Some(ty.fields.len() as u32),
            _ => None,
        });
        found.unwrap_or(0)
    }

    fn wasm_array_obj_new_with_typeidx(
        env: Name,
        index: u32,
        len: u32,
        init: *const WasmValue,
    ) -> Name {
        new_array(env, type_at(env, index), len, init).unwrap_or(null_mut())
    }

    fn wasm_array_obj_new_with_type(
        env: Name,
        ty: Name,
        len: u32,
        init: *const WasmValue,
    ) -> Name {
        new_array(env, ty, len, init).unwrap_or(null_mut())
    }

    fn wasm_array_obj_set_elem(object: Name, index: u32, value: *const WasmValue) {
        let Some(value) = text::read(value) else { return };
        with_any(object, |store, object, _| {
            let field = element(store, object)?;
            let value = from_c(store, &field, &value)?;
            object.set_element(&mut *store, index, &value).ok()
        });
    }

    fn wasm_array_obj_get_elem(
        object: Name,
        index: u32,
        sign_extend: bool,
        out: *mut WasmValue,
    ) {
        let value = with_any(object, |store, object, env| {
            let field = element(store, object)?;
            let value = object.element(&mut *store, index).ok()?;
            Some(to_c(store, env.as_ref(), &field, value, sign_extend))
        });
        text::write(out, value.unwrap_or_default());
    }

    fn wasm_array_obj_copy(to: Name, to_index: u32, from: Name, from_index: u32, len: u32) {
        let _ = copy(to, to_index, from, from_index, len);
    }

    fn wasm_array_obj_length(object: Name) -> u32 {
        with_any(object, |store, object, _| object.len(&*store).ok()).unwrap_or(0)
    }

    fn wasm_array_obj_first_elem_addr(object: Name) -> *mut c_void {
        element_addr(object, 0)
    }

    fn wasm_array_obj_elem_addr(object: Name, index: u32) -> *mut c_void {
        element_addr(object, index)
    }

    fn wasm_func_obj_new_with_typeidx(env: Name, index: u32, func: u32) -> Name {
        new_func(env, type_at(env, index), func).unwrap_or(null_mut())
    }

    fn wasm_func_obj_new_with_type(env: Name, ty: Name, func: u32) -> Name {
        new_func(env, ty, func).unwrap_or(null_mut())
    }

    fn wasm_func_obj_get_func_idx_bound(object: Name) -> u32 {
        let found = handle::get::<Object>(object).and_then(|object| {
            let func = func(&object)?;
            let module = object.module.upgrade()?;
            object.with(|mut store| {
                let mut insts: Vec<Arc<Inst>> =
                    store.data().instances.values().cloned().collect();
                insts.retain(|inst| Arc::ptr_eq(&inst.module, &module));
                insts.iter().find_map(|inst| index_of(inst, &mut store, func))
            })
        });
        found.unwrap_or(u32::MAX)
    }

    fn wasm_func_obj_get_func_type(object: Name) -> Name {
        let found = handle::get::<Object>(object).and_then(|object| {
            func(&object)?;
            type_name(&object, type_id(&object)?)
        });
        found.unwrap_or(null_mut())
    }

    fn wasm_obj_is_struct_obj(object: Name) -> bool {
        is_any(object, AbstractHeapType::Struct)
    }

    fn wasm_obj_is_array_obj(object: Name) -> bool {
        is_any(object, AbstractHeapType::Array)
    }

    fn wasm_obj_is_func_obj(object: Name) -> bool {
        handle::get::<Object>(object).is_some_and(|object| func(&object).is_some())
    }

    fn wasm_obj_is_i31_obj(object: Name) -> bool {
        object.addr() & 1 == 1
    }

    fn wasm_obj_is_externref_obj(object: Name) -> bool {
        handle::get::<Object>(object)
            .is_some_and(|object| matches!(object.val, Val::ExternRef(Some(_))))
    }

    fn wasm_obj_is_anyref_obj(object: Name) -> bool {
        is_host_value(object)
    }

    fn wasm_obj_is_internal_obj(object: Name) -> bool {
        is_any(object, AbstractHeapType::Eq)
    }

    fn wasm_obj_is_eq_obj(object: Name) -> bool {
        is_any(object, AbstractHeapType::Eq)
    }

    fn wasm_obj_is_instance_of_defined_type(object: Name, ty: Name, _module: Name) -> bool {
        handle::get::<Type>(ty).is_some()
            && defined(ty).is_some_and(|(id, ..)| is_of_type(object, id))
    }

    fn wasm_obj_is_instance_of_type_idx(object: Name, index: u32, module: Name) -> bool {
        handle::get::<Module>(module).is_some_and(|module| {
            let id = module.loaded.decoded().types.get(index as usize);
            id.is_some_and(|id| is_of_type(object, *id))
        })
    }

    fn wasm_obj_is_instance_of_ref_type(object: Name, ty: *const CRefType) -> bool {
        let Some(ty) = text::read(ty) else { return false };
        let found = handle::get::<Object>(object);
        let module = found.as_ref().and_then(|object| object.module.upgrade());
        let Some(ValType::Ref(ty)) = to_val(&ty, module.as_deref()) else { return false };
        let Some(found) = found else {
            return object.is_null() && ty.nullable || is_heap(object, ty.heap);
        };
        match (&found.val, ty.heap) {
            (Val::FuncRef(_), HeapType::Abstract(AbstractHeapType::Func))
            | (Val::ExternRef(_), HeapType::Abstract(AbstractHeapType::Extern))
            | (Val::ExnRef(_), HeapType::Abstract(AbstractHeapType::Exn)) => true,
            (Val::FuncRef(_), HeapType::Concrete(id)) => is_of_type(object, id),
            (Val::AnyRef(_), heap) => is_heap(object, heap),
            _ => false,
        }
    }
}
