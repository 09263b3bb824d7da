//! Values, and how they become values of the runtime and come back.

use core::fmt;

use wamr::types::TypeRegistry;
use wamr::{
    AbstractHeapType, AnyRef, Error, Extern, ExternRef, RefType, StoreContextMut, Val, ValType,
};

use super::engine::{StoreData, StoreRef};
use super::foreign::HostValue;
use super::handle::{self, Handle, Payload};
use super::types::{
    WASM_EXTERNREF, WASM_F32, WASM_F64, WASM_FUNCREF, WASM_I32, WASM_I64, null, wasm_valkind_t,
};
use super::vec::write_out;
use crate::guard::guard;

/// A value: its kind, and what it is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wasm_val_t {
    /// The kind, which says what is in `of`.
    pub kind: wasm_valkind_t,
    /// Nothing.
    pub _paddings: [u8; 7],
    /// The value.
    pub of: wasm_val_of_t,
}

/// What is in a value.
#[repr(C)]
#[derive(Clone, Copy)]
pub union wasm_val_of_t {
    /// `i32`
    pub i32: i32,
    /// `i64`
    pub i64: i64,
    /// `f32`
    pub f32: f32,
    /// `f64`
    pub f64: f64,
    /// A reference, or null.
    pub ref_: *mut Handle,
}

impl fmt::Debug for wasm_val_t {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wasm_val_t(kind {})", self.kind)
    }
}

impl wasm_val_t {
    fn new(kind: wasm_valkind_t, of: wasm_val_of_t) -> Self {
        Self { kind, _paddings: [0; 7], of }
    }

    /// An `i32`.
    pub fn i32(value: i32) -> Self {
        // All eight bytes are written, so that none of them is uninitialised.
        Self::new(WASM_I32, wasm_val_of_t { i64: i64::from(value as u32) })
    }

    /// An `i64`.
    pub fn i64(value: i64) -> Self {
        Self::new(WASM_I64, wasm_val_of_t { i64: value })
    }

    /// An `f32`, as bits.
    pub fn f32(bits: u32) -> Self {
        Self::new(WASM_F32, wasm_val_of_t { i64: i64::from(bits) })
    }

    /// An `f64`, as bits.
    pub fn f64(bits: u64) -> Self {
        Self::new(WASM_F64, wasm_val_of_t { i64: bits as i64 })
    }

    /// A reference, which may be null.
    pub fn reference(kind: wasm_valkind_t, handle: *mut Handle) -> Self {
        Self::new(kind, wasm_val_of_t { ref_: handle })
    }

    fn is_ref(&self) -> bool {
        self.kind >= WASM_EXTERNREF
    }

    /// The bits of a number.
    fn bits(&self) -> u64 {
        // SAFETY: whatever is in there has been written as a number, or a pointer.
        unsafe {
            match self.kind {
                WASM_I32 | WASM_F32 => u64::from(self.of.i32 as u32),
                _ => self.of.i64 as u64,
            }
        }
    }

    /// The reference; null for a number.
    pub fn handle(&self) -> *mut Handle {
        // SAFETY: the kind says that it is a reference.
        if self.is_ref() { unsafe { self.of.ref_ } } else { null() }
    }
}

/// # Safety
/// The value's reference, if it has one, must be a handle.
pub(super) unsafe fn copy(value: &wasm_val_t) -> wasm_val_t {
    if value.is_ref() && !value.handle().is_null() {
        // SAFETY: the caller's promise.
        let copy = unsafe { handle::copy(value.handle(), "a reference", Payload::is_ref) };
        return wasm_val_t::reference(value.kind, copy);
    }
    *value
}

/// # Safety
/// As for [`copy`]; the reference is not used again.
pub(super) unsafe fn delete(value: &mut wasm_val_t) {
    if value.is_ref() && !value.handle().is_null() {
        // SAFETY: the caller's promise.
        unsafe { handle::delete(value.handle(), "a reference", Payload::is_ref) };
        value.of.ref_ = null();
    }
}

/// Why a value of C is no value of the runtime, or the other way round.
fn unfit(what: impl fmt::Display) -> Error {
    Error::msg(what)
}

/// The top of a reference type's hierarchy.
fn top(types: &TypeRegistry, ty: RefType) -> AbstractHeapType {
    types.top_of(ty.heap)
}

/// A value of C as one of type `ty`.
///
/// # Safety
/// The value's reference, if it has one, must be a handle.
///
/// # Errors
/// If the value is of another kind, or belongs to another store.
#[inline]
pub(super) unsafe fn to_val(
    store: &mut StoreContextMut<'_, StoreData>,
    value: &wasm_val_t,
    ty: ValType,
) -> Result<Val, Error> {
    Ok(match (ty, value.kind) {
        (ValType::I32, WASM_I32) => Val::I32(value.bits() as i32),
        (ValType::I64, WASM_I64) => Val::I64(value.bits() as i64),
        (ValType::F32, WASM_F32) => Val::F32(value.bits() as u32),
        (ValType::F64, WASM_F64) => Val::F64(value.bits()),
        (ValType::Ref(ty), WASM_EXTERNREF | WASM_FUNCREF) => {
            // SAFETY: the caller's promise.
            unsafe { to_ref(store, value.handle(), ty)? }
        }
        (ValType::V128, _) => return Err(unfit("a vector does not fit a value of C")),
        (ty, kind) => return Err(wrong_kind(ty, kind)),
    })
}

/// The slot of a number of no more than 64 bits of type `ty`.
///
/// # Errors
/// If the value is of another kind.
#[inline]
pub(super) fn to_slot(value: &wasm_val_t, ty: ValType) -> Result<u64, Error> {
    match (ty, value.kind) {
        (ValType::I32, WASM_I32)
        | (ValType::I64, WASM_I64)
        | (ValType::F32, WASM_F32)
        | (ValType::F64, WASM_F64) => Ok(value.bits()),
        (ty, kind) => Err(wrong_kind(ty, kind)),
    }
}

/// Such a number as a value of C.
#[inline]
pub(super) fn from_slot(slot: u64, ty: ValType) -> wasm_val_t {
    match ty {
        ValType::I64 => wasm_val_t::i64(slot as i64),
        ValType::F32 => wasm_val_t::f32(slot as u32),
        ValType::F64 => wasm_val_t::f64(slot),
        _ => wasm_val_t::i32(slot as i32),
    }
}

#[cold]
fn wrong_kind(ty: ValType, kind: wasm_valkind_t) -> Error {
    unfit(format_args!("expected a value of type {ty}, got one of kind {kind}"))
}

/// A reference of C as a value of a reference type; null is null.
///
/// # Safety
/// `reference` must be null or a handle.
///
/// # Errors
/// If the reference is no handle, of another type, or belongs to another store.
pub(super) unsafe fn to_ref(
    store: &mut StoreContextMut<'_, StoreData>,
    reference: *const Handle,
    ty: RefType,
) -> Result<Val, Error> {
    let types = store.engine().types();
    let top = top(types, ty);
    if reference.is_null() {
        let null = Val::default_in(types, ValType::Ref(ty));
        return null.ok_or_else(|| unfit(format_args!("null is no {}", ValType::Ref(ty))));
    }
    // SAFETY: the caller's promise.
    let Some(payload) = (unsafe { handle::payload(reference) }) else {
        return Err(unfit("a value holds a reference that was deleted"));
    };
    Ok(match (top, payload) {
        (AbstractHeapType::Func, Payload::Extern(_, Extern::Func(func))) => {
            Val::FuncRef(Some(func.clone()))
        }
        (AbstractHeapType::Exn, Payload::Exception(_, exception)) => {
            Val::ExnRef(Some(exception.clone()))
        }
        (AbstractHeapType::Any, Payload::Any(_, value)) => Val::AnyRef(Some(value.clone())),
        (AbstractHeapType::Extern, payload) => Val::ExternRef(Some(to_externref(store, payload)?)),
        (AbstractHeapType::Any, payload) => {
            let value = to_externref(store, payload)?;
            Val::AnyRef(Some(AnyRef::from_extern(store, &value)?))
        }
        (_, _) => {
            let wanted = ValType::Ref(ty);
            return Err(unfit(format_args!(
                "expected a value of type {wanted}, got another reference"
            )));
        }
    })
}

fn to_externref(
    store: &mut StoreContextMut<'_, StoreData>,
    payload: &Payload,
) -> Result<ExternRef, Error> {
    match payload {
        Payload::Foreign(_, value, _) => Ok(value.clone()),
        Payload::Any(_, value) => value.to_extern(store)?.ok_or_else(|| unfit("null")),
        payload => {
            let value = HostValue::of(payload);
            let value =
                value.ok_or_else(|| unfit("a value holds something that is no reference"))?;
            ExternRef::new(store, value)
        }
    }
}

/// A value of the runtime as one of C, which owns it.
///
/// # Errors
/// If it is a vector, which does not fit.
#[inline]
pub(super) fn from_val(
    store: &mut StoreContextMut<'_, StoreData>,
    owner: &StoreRef,
    value: &Val,
) -> Result<wasm_val_t, Error> {
    Ok(match value {
        Val::I32(value) => wasm_val_t::i32(*value),
        Val::I64(value) => wasm_val_t::i64(*value),
        Val::F32(bits) => wasm_val_t::f32(*bits),
        Val::F64(bits) => wasm_val_t::f64(*bits),
        Val::V128(_) => return Err(unfit("a vector does not fit a value of C")),
        Val::FuncRef(_) => wasm_val_t::reference(WASM_FUNCREF, from_ref(store, owner, value)?),
        _ => wasm_val_t::reference(WASM_EXTERNREF, from_ref(store, owner, value)?),
    })
}

/// A reference of the runtime as a handle that C owns; null for null.
///
/// # Errors
/// If it belongs to another store.
pub(super) fn from_ref(
    store: &mut StoreContextMut<'_, StoreData>,
    owner: &StoreRef,
    value: &Val,
) -> Result<*mut Handle, Error> {
    let owner = || owner.clone();
    let payload = match value {
        Val::FuncRef(Some(func)) => Payload::Extern(owner(), func.clone().into()),
        Val::ExternRef(Some(value)) => from_externref(store, owner(), value)?,
        Val::AnyRef(Some(value)) => match value.to_extern(&mut *store)? {
            Some(outside) if outside.data(store)?.is_some() => {
                from_externref(store, owner(), &outside)?
            }
            _ => Payload::Any(owner(), value.clone()),
        },
        Val::ExnRef(Some(exception)) => Payload::Exception(owner(), exception.clone()),
        _ => return Ok(null()),
    };
    Ok(handle::new(payload))
}

fn from_externref(
    store: &mut StoreContextMut<'_, StoreData>,
    owner: StoreRef,
    value: &ExternRef,
) -> Result<Payload, Error> {
    let host = value.data(store)?.and_then(|data| data.downcast_ref::<HostValue>());
    Ok(match host {
        Some(host) => host.payload(owner, value),
        None => Payload::Foreign(owner, value.clone(), None),
    })
}

/// What a result holds before the callback has written it.
pub(super) fn blank(types: &TypeRegistry, ty: ValType) -> wasm_val_t {
    match ty {
        ValType::I32 | ValType::V128 => wasm_val_t::i32(0),
        ValType::I64 => wasm_val_t::i64(0),
        ValType::F32 => wasm_val_t::f32(0),
        ValType::F64 => wasm_val_t::f64(0),
        ValType::Ref(ty) => match top(types, ty) {
            AbstractHeapType::Func => wasm_val_t::reference(WASM_FUNCREF, null()),
            _ => wasm_val_t::reference(WASM_EXTERNREF, null()),
        },
    }
}

/// Deletes what a value refers to; the value itself is C's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_val_delete(value: *mut wasm_val_t) {
    guard((), || {
        // SAFETY: C passes a value or null.
        if let Some(value) = unsafe { value.as_mut() } {
            // SAFETY: as above.
            unsafe { delete(value) };
        }
    })
}

/// Copies a value, and the handle that it holds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_val_copy(out: *mut wasm_val_t, value: *const wasm_val_t) {
    guard((), || {
        // SAFETY: C passes a value or null, and room for one.
        if let Some(value) = unsafe { value.as_ref() } {
            // SAFETY: as above.
            unsafe { write_out(out, copy(value)) };
        }
    })
}

/// Makes a value of a pointer, as a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_val_init_ptr(out: *mut wasm_val_t, pointer: *mut core::ffi::c_void) {
    let value = match size_of::<usize>() {
        4 => wasm_val_t::i32(pointer as usize as i32),
        _ => wasm_val_t::i64(pointer as usize as i64),
    };
    // SAFETY: C passes room for a value, or null.
    unsafe { write_out(out, value) }
}

/// The pointer that a value was made of.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_val_ptr(value: *const wasm_val_t) -> *mut core::ffi::c_void {
    // SAFETY: C passes a value or null.
    match unsafe { value.as_ref() } {
        Some(value) => value.bits() as usize as *mut core::ffi::c_void,
        None => core::ptr::null_mut(),
    }
}
