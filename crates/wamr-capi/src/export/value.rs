//! Values as C passes them, and as the runtime has them.
//!
//! A number is itself. A function is its index in the instance's module, all ones for null, or a
//! name. A host value is the embedder's pointer, or the name of an object (`super::gc`). Other
//! references are names of objects, or odd numbers, which are `i31`s.

use std::sync::Arc;

use wamr::types::{ExternIdx, FuncIdx};
use wamr::{
    AbstractHeapType, AnyRef, AsContextMut, ExternRef, Func, StoreContextMut, Val, ValType,
};

use super::entity::Entity;
use super::env::Env;
use super::gc::{self, HostValue, Object};
use super::group::Data;
use super::handle::{self, Name};
use super::instance::Inst;
use super::types::{is_func, kind_of, top_of};

/// `wasm_val_t`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct WasmVal {
    pub(crate) kind: u8,
    pub(crate) paddings: [u8; 7],
    /// The union: what is smaller stands in the low bytes.
    pub(crate) of: u64,
}

/// What C passes for a null function.
pub(crate) const NULL_FUNC: u32 = u32::MAX;

fn name(bits: u64) -> Name {
    std::ptr::without_provenance_mut(bits as usize)
}

/// A value of a type from C's bits.
pub(crate) fn from_bits(
    store: &mut StoreContextMut<'_, Data>,
    inst: &Inst,
    ty: ValType,
    bits: u64,
) -> Result<Val, String> {
    Ok(match ty {
        ValType::I32 => Val::I32(bits as i32),
        ValType::I64 => Val::I64(bits as i64),
        ValType::F32 => Val::F32(bits as u32),
        ValType::F64 => Val::F64(bits),
        ValType::V128 => Val::V128(bits.into()),
        ValType::Ref(ty) => match top_of(ty.heap) {
            AbstractHeapType::Func => Val::FuncRef(func_from_bits(store, inst, bits)?),
            AbstractHeapType::Extern => Val::ExternRef(extern_from_bits(store, bits)?),
            AbstractHeapType::Exn => match handle::get::<Object>(name(bits)) {
                Some(object) => object.val.clone(),
                None => Val::ExnRef(None),
            },
            _ => Val::AnyRef(any_from_bits(store, bits)?),
        },
    })
}

fn func_from_bits(
    store: &mut StoreContextMut<'_, Data>,
    inst: &Inst,
    bits: u64,
) -> Result<Option<Func>, String> {
    if let Some(object) = handle::get::<Object>(name(bits)) {
        return match &object.val {
            Val::FuncRef(func) => Ok(func.clone()),
            _ => Err("the object is not a function".into()),
        };
    }
    if let Some(entity) = handle::get::<Entity>(name(bits)) {
        let found = entity.live_in(store).map_err(|error| error.to_string())?;
        return found.into_func().map(Some).ok_or_else(|| "the value is not a function".into());
    }
    let index = bits as u32;
    if index == NULL_FUNC {
        return Ok(None);
    }
    let found = inst.item(store, ExternIdx::Func(FuncIdx(index)));
    let func = found.and_then(wamr::Extern::into_func);
    func.map(Some).ok_or_else(|| format!("unknown function {index}"))
}

fn extern_from_bits(
    store: &mut StoreContextMut<'_, Data>,
    bits: u64,
) -> Result<Option<ExternRef>, String> {
    if bits == 0 {
        return Ok(None);
    }
    if let Some(object) = handle::get::<Object>(name(bits)) {
        return match &object.val {
            Val::ExternRef(value) => Ok(value.clone()),
            Val::AnyRef(Some(value)) => value.to_extern(store).map_err(|error| error.to_string()),
            Val::AnyRef(None) => Ok(None),
            _ => Err("the object is not an externref".into()),
        };
    }
    let value = ExternRef::new(store, HostValue::plain(bits as usize));
    value.map(Some).map_err(|error| error.to_string())
}

fn any_from_bits(
    store: &mut StoreContextMut<'_, Data>,
    bits: u64,
) -> Result<Option<AnyRef>, String> {
    if bits & 1 == 1 {
        return Ok(Some(AnyRef::from_i31(store, gc::i31_value(bits) as i32)));
    }
    if let Some(object) = handle::get::<Object>(name(bits))
        && let Val::AnyRef(value) = &object.val
    {
        return Ok(value.clone());
    }
    match extern_from_bits(store, bits)? {
        None => Ok(None),
        Some(value) => {
            AnyRef::from_extern(store, &value).map(Some).map_err(|error| error.to_string())
        }
    }
}

/// C's bits for a value.
pub(crate) fn to_bits(store: &mut StoreContextMut<'_, Data>, env: &Arc<Env>, value: Val) -> u64 {
    match value {
        Val::I32(value) => u64::from(value as u32),
        Val::I64(value) => value as u64,
        Val::F32(bits) => bits.into(),
        Val::F64(bits) => bits,
        Val::V128(bits) => bits as u64,
        Val::FuncRef(None) => NULL_FUNC.into(),
        Val::FuncRef(Some(func)) => match env.inst().func_index(store, &func) {
            Some(index) => index.into(),
            None => gc::name_of(store, env, Val::FuncRef(Some(func))).addr() as u64,
        },
        Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => 0,
        Val::ExternRef(Some(value)) => match gc::host_value(store, &value) {
            // What was given as a pointer is a pointer.
            Some((pointer, false)) => pointer as u64,
            _ => gc::name_of(store, env, Val::ExternRef(Some(value))).addr() as u64,
        },
        Val::AnyRef(Some(value)) => {
            if let Ok(Some(number)) = value.as_i31(&*store) {
                return gc::i31_bits(number as u32);
            }
            gc::name_of(store, env, Val::AnyRef(Some(value))).addr() as u64
        }
        value => gc::name_of(store, env, value).addr() as u64,
    }
}

/// A value of a type from C's.
pub(crate) fn from_c(
    store: &mut StoreContextMut<'_, Data>,
    inst: &Inst,
    ty: ValType,
    value: &WasmVal,
) -> Result<Val, String> {
    if ty == ValType::V128 {
        return Err("vectors do not fit a wasm_val_t".into());
    }
    let wanted = kind_of(ty);
    if value.kind != wanted && ty.as_ref_type().is_none() {
        return Err(format!("invalid argument type: wanted {ty}"));
    }
    from_bits(store, inst, ty, value.of)
}

/// C's form of a value.
pub(crate) fn to_c(
    store: &mut StoreContextMut<'_, Data>,
    env: &Arc<Env>,
    ty: ValType,
    value: Val,
) -> WasmVal {
    WasmVal { kind: kind_of(ty), paddings: [0; 7], of: to_bits(store, env, value) }
}

/// How many cells of 32 bits a value takes. Functions take one, unless they are given by name.
pub(crate) fn cells(ty: ValType, named_funcs: bool) -> usize {
    match ty {
        ValType::I32 | ValType::F32 => 1,
        ValType::I64 | ValType::F64 => 2,
        ValType::V128 => 4,
        ValType::Ref(ty) if is_func(ty) && !named_funcs => 1,
        ValType::Ref(_) => 2,
    }
}

/// How many cells there are, of which a caller says that there are so many: WAMR counts an
/// externref as one and reads two.
pub(crate) fn given_cells(types: &[ValType], count: usize) -> usize {
    let is_extern = |ty: &&ValType| {
        ty.as_ref_type().is_some_and(|ty| top_of(ty.heap) == AbstractHeapType::Extern)
    };
    let wanted: usize = types.iter().map(|ty| cells(*ty, false)).sum();
    let externs = types.iter().filter(is_extern).count();
    if externs != 0 && count + externs == wanted { wanted } else { count }
}

/// Values of these types from C's cells; more cells than they take are not looked at.
pub(crate) fn from_cells(
    mut store: StoreContextMut<'_, Data>,
    inst: &Inst,
    types: &[ValType],
    mut from: &[u32],
) -> Result<Vec<Val>, String> {
    let count = |named| types.iter().map(|ty| cells(*ty, named)).sum::<usize>();
    // Where that says how functions are given, they are given by name.
    let named = from.len() == count(true) && count(true) != count(false);
    let wanted = count(named);
    if from.len() < wanted {
        let given = from.len();
        return Err(format!("invalid argument count {given}, must be no smaller than {wanted}"));
    }
    let mut values = Vec::with_capacity(types.len());
    for &ty in types {
        let (cells, rest) = from.split_at(cells(ty, named));
        from = rest;
        let high = cells.get(1).copied().unwrap_or(0);
        let bits = u64::from(high) << 32 | u64::from(cells[0]);
        values.push(match cells {
            [_, _, third, fourth] => {
                let high = u128::from(*fourth) << 96 | u128::from(*third) << 64;
                Val::V128(high | u128::from(bits))
            }
            _ => from_bits(&mut store.as_context_mut(), inst, ty, bits)?,
        });
    }
    Ok(values)
}

/// Numbers of no more than 64 bits from C's cells, one for each slot.
pub(crate) fn cells_to_slots(
    types: &[ValType],
    from: &[u32],
    slots: &mut [u64],
) -> Result<(), String> {
    let wanted = types.iter().map(|ty| cells(*ty, false)).sum::<usize>();
    if from.len() < wanted {
        let given = from.len();
        return Err(format!("invalid argument count {given}, must be no smaller than {wanted}"));
    }
    let mut at = 0;
    for (ty, slot) in types.iter().zip(slots) {
        let count = cells(*ty, false);
        let high = if count == 2 { from[at + 1] } else { 0 };
        *slot = u64::from(high) << 32 | u64::from(from[at]);
        at += count;
    }
    Ok(())
}

/// Puts such numbers into C's cells.
pub(crate) fn slots_to_cells(types: &[ValType], slots: &[u64], to: *mut u32) {
    let count = types.iter().map(|ty| cells(*ty, false)).sum();
    let mut to = super::text::slice_mut(to, count).iter_mut();
    for (ty, slot) in types.iter().zip(slots) {
        for cell in 0..cells(*ty, false) {
            let Some(to) = to.next() else { return };
            *to = (slot >> (32 * cell)) as u32;
        }
    }
}

/// A number of no more than 64 bits from C's form.
pub(crate) fn number_from_c(ty: ValType, value: &WasmVal) -> Result<u64, String> {
    if value.kind != kind_of(ty) {
        return Err(format!("invalid argument type: wanted {ty}"));
    }
    Ok(value.of)
}

/// C's form of such a number.
pub(crate) fn number_to_c(ty: ValType, slot: u64) -> WasmVal {
    WasmVal { kind: kind_of(ty), paddings: [0; 7], of: slot }
}

/// Puts values into C's cells; fails for a function that has no index in the instance's module,
/// whose name does not fit its cell.
pub(crate) fn to_cells(
    mut store: StoreContextMut<'_, Data>,
    env: &Arc<Env>,
    types: &[ValType],
    values: Vec<Val>,
    mut to: &mut [u32],
) -> Result<(), String> {
    for (&ty, value) in types.iter().zip(values) {
        let bits = match value {
            Val::V128(bits) => bits,
            value => to_bits(&mut store, env, value).into(),
        };
        let count = cells(ty, false).min(to.len());
        if count == 1 && bits > u128::from(u32::MAX) {
            return Err("a function of another module does not fit a cell".into());
        }
        let (cells, rest) = to.split_at_mut(count);
        for (i, cell) in cells.iter_mut().enumerate() {
            *cell = (bits >> (32 * i)) as u32;
        }
        to = rest;
    }
    Ok(())
}

/// A value of a type from C's bits, outside of any instance: functions are names.
pub(crate) fn host_reference(
    store: &mut StoreContextMut<'_, Data>,
    ty: ValType,
    bits: u64,
) -> Result<Val, String> {
    match ty {
        ValType::Ref(ty) if is_func(ty) => {
            if bits == 0 || bits as u32 == NULL_FUNC {
                return Ok(Val::FuncRef(None));
            }
            let entity = handle::get::<Entity>(name(bits)).ok_or("the value is not a function")?;
            let found = entity.live_in(store).map_err(|error| error.to_string())?;
            found.into_func().map(Val::from).ok_or_else(|| "the value is not a function".into())
        }
        ValType::Ref(ty) => Ok(match top_of(ty.heap) {
            AbstractHeapType::Extern => Val::ExternRef(extern_from_bits(store, bits)?),
            AbstractHeapType::Any => Val::AnyRef(any_from_bits(store, bits)?),
            _ => return Err("exceptions cannot be given".into()),
        }),
        ValType::I32 => Ok(Val::I32(bits as i32)),
        ValType::I64 => Ok(Val::I64(bits as i64)),
        ValType::F32 => Ok(Val::F32(bits as u32)),
        ValType::F64 => Ok(Val::F64(bits)),
        ValType::V128 => Err("vectors do not fit a wasm_val_t".into()),
    }
}

/// C's bits for a value outside of any instance; `None` for what only an instance has names for.
pub(crate) fn host_bits(store: &mut StoreContextMut<'_, Data>, value: Val) -> Option<u64> {
    Some(match value {
        Val::I32(value) => u64::from(value as u32),
        Val::I64(value) => value as u64,
        Val::F32(bits) => bits.into(),
        Val::F64(bits) => bits,
        Val::FuncRef(None) => NULL_FUNC.into(),
        Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => 0,
        Val::ExternRef(Some(value)) => gc::host_value(store, &value)?.0 as u64,
        Val::AnyRef(Some(value)) => gc::i31_bits(value.as_i31(&*store).ok()?? as u32),
        _ => return None,
    })
}
