//! Values that follow from a seed, of any type.

use wamr::{
    AbstractHeapType, AnyRef, AsContextMut, CompositeType, ExternRef, FieldType, Func, HeapType,
    RefType, StorageType, TypeId, Val, ValType,
};

use crate::host::Shared;
use crate::mix;

/// How deep objects are that are made for parameters.
const DEPTH: u32 = 3;

/// A value of a type; `None` where none is known how to make.
pub(crate) fn value(
    store: &mut impl AsContextMut<Data = Shared>,
    ty: ValType,
    seed: u64,
) -> Option<Val> {
    value_at(store, ty, seed, DEPTH)
}

fn value_at(
    store: &mut impl AsContextMut<Data = Shared>,
    ty: ValType,
    seed: u64,
    depth: u32,
) -> Option<Val> {
    Some(match ty {
        ValType::I32 => Val::I32(integer(seed) as i32),
        ValType::I64 => Val::I64(integer(seed) as i64),
        ValType::F32 => Val::F32((float(seed) as f32).to_bits()),
        ValType::F64 => Val::F64(float(seed).to_bits()),
        ValType::V128 => {
            Val::V128(u128::from(integer(seed)) << 64 | u128::from(integer(mix(seed, 1))))
        }
        ValType::Ref(ty) => {
            if ty.nullable && (seed.is_multiple_of(3) || depth == 0) {
                return null(store, ty);
            }
            match reference(store, ty, mix(seed, 2), depth) {
                None if ty.nullable => return null(store, ty),
                made => made?,
            }
        }
    })
}

fn null(store: &mut impl AsContextMut<Data = Shared>, ty: RefType) -> Option<Val> {
    Val::default_in(store.as_context_mut().engine().types(), ValType::Ref(ty))
}

/// Small numbers, ends of ranges, and any.
fn integer(seed: u64) -> u64 {
    let any = mix(seed, 3);
    match seed % 8 {
        0 => 0,
        1 => u64::MAX,
        2 => 1 << (any % 64),
        3 => (1 << (any % 64)) - 1,
        4 | 5 => any % 64,
        6 => any % 0x2_0000,
        _ => any,
    }
}

fn float(seed: u64) -> f64 {
    match seed % 8 {
        0 => 0.0,
        1 => -0.0,
        2 => f64::INFINITY,
        3 => f64::NAN,
        4 => mix(seed, 3) as i64 as f64,
        5 => (mix(seed, 3) % 100) as f64 / 4.0,
        6 => f64::MIN_POSITIVE / 8.0,
        _ => (mix(seed, 3) as i32).into(),
    }
}

fn reference(
    store: &mut impl AsContextMut<Data = Shared>,
    ty: RefType,
    seed: u64,
    depth: u32,
) -> Option<Val> {
    use AbstractHeapType as Abstract;
    match ty.heap {
        HeapType::Abstract(Abstract::Any | Abstract::Eq | Abstract::I31) => {
            Some(AnyRef::from_i31(store, integer(seed) as i32).into())
        }
        HeapType::Abstract(Abstract::Extern) => {
            Some(ExternRef::new(store, seed % 100).ok()?.into())
        }
        HeapType::Abstract(Abstract::Func) => func(store, ValType::Ref(ty), seed),
        HeapType::Abstract(_) => None,
        HeapType::Concrete(id) => object(store, ty, id, seed, depth.checked_sub(1)?),
    }
}

/// A function that the instance exports.
fn func(store: &mut impl AsContextMut<Data = Shared>, ty: ValType, seed: u64) -> Option<Val> {
    let funcs: Vec<Func> = store.as_context_mut().data().funcs.clone();
    let engine = store.as_context_mut().engine().clone();
    let count = funcs.len();
    let start = if count == 0 { 0 } else { seed as usize % count };
    (0..count).map(|step| &funcs[(start + step) % count]).find_map(|func| {
        let id = func.type_id(store.as_context_mut()).ok()?;
        let found = ValType::Ref(RefType { nullable: false, heap: HeapType::Concrete(id) });
        engine.types().val_matches(found, ty).then(|| func.clone().into())
    })
}

fn object(
    store: &mut impl AsContextMut<Data = Shared>,
    ty: RefType,
    id: TypeId,
    seed: u64,
    depth: u32,
) -> Option<Val> {
    let def = store.as_context_mut().engine().types().get(id)?;
    let field = |store: &mut _, field: &FieldType, position: u64| match field.storage {
        StorageType::I8 | StorageType::I16 => Some(Val::I32(mix(seed, position) as u8 as i32)),
        StorageType::Val(ty) => value_at(store, ty, mix(seed, position), depth),
    };
    match &def.composite {
        CompositeType::Func(_) => func(store, ValType::Ref(ty), seed),
        CompositeType::Struct(def) => {
            let mut fields = Vec::new();
            for (position, def) in def.fields.iter().enumerate() {
                fields.push(field(store, def, position as u64)?);
            }
            Some(AnyRef::new_struct(store, id, &fields).ok()?.into())
        }
        CompositeType::Array(def) => {
            let mut elements = Vec::new();
            for position in 0..seed % 5 {
                elements.push(field(store, &def.0, position)?);
            }
            Some(AnyRef::new_array(store, id, &elements).ok()?.into())
        }
    }
}
