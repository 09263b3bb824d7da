//! Types of imports and exports, with their names.

use wamr::types::TypeRegistry;
use wamr::{ExportType, ImportType};

use super::handle::{self, Handle, Owned, Payload, payload_of};
use super::types::{null, of_extern_type};
use super::vec::{OwnedVec, wasm_name_t};
use crate::guard::{guard, set_last_error};

/// An import's names and type.
#[derive(Clone)]
pub(super) struct ImportTypeData {
    module: OwnedVec<u8>,
    name: OwnedVec<u8>,
    ty: Owned,
    is_linked: bool,
}

impl ImportTypeData {
    /// `is_linked`: whether an instance gets it without being given it.
    pub(super) fn new(
        types: &TypeRegistry,
        import: &ImportType<'_>,
        is_linked: bool,
    ) -> Option<Self> {
        Some(Self {
            module: OwnedVec::from_str(import.module()),
            name: OwnedVec::from_str(import.name()),
            ty: Owned::new(of_extern_type(types, import.ty())?),
            is_linked,
        })
    }
}

/// An export's name and type.
#[derive(Clone)]
pub(super) struct ExportTypeData {
    name: OwnedVec<u8>,
    ty: Owned,
}

impl ExportTypeData {
    pub(super) fn new(types: &TypeRegistry, export: &ExportType<'_>) -> Option<Self> {
        let ty = Owned::new(of_extern_type(types, export.ty())?);
        Some(Self { name: OwnedVec::from_str(export.name()), ty })
    }
}

/// The external type that C gives away.
unsafe fn take_externtype(handle: *mut Handle) -> Option<Owned> {
    // SAFETY: C gives the handle away.
    let owned = unsafe { Owned::from_raw(handle) };
    // SAFETY: C passes a handle.
    if unsafe { handle::payload(handle) }.is_some_and(Payload::is_externtype) {
        return owned;
    }
    // SAFETY: as above.
    unsafe { handle::complain(handle, "an external type") };
    None
}

/// Makes an import type from what it takes over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_importtype_new(
    module: *mut wasm_name_t,
    name: *mut wasm_name_t,
    ty: *mut Handle,
) -> *mut Handle {
    guard(null(), || {
        let unnamed = module.is_null() || name.is_null();
        // SAFETY: C gives everything away.
        let (module, name, ty) =
            unsafe { (OwnedVec::take(module), OwnedVec::take(name), take_externtype(ty)) };
        if unnamed {
            set_last_error("an import needs names");
            return null();
        }
        let Some(ty) = ty else { return null() };
        let data = ImportTypeData { module, name, ty, is_linked: false };
        handle::new(Payload::ImportType(Box::new(data)))
    })
}

/// Makes an export type from what it takes over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_exporttype_new(
    name: *mut wasm_name_t,
    ty: *mut Handle,
) -> *mut Handle {
    guard(null(), || {
        let unnamed = name.is_null();
        // SAFETY: C gives everything away.
        let (name, ty) = unsafe { (OwnedVec::take(name), take_externtype(ty)) };
        if unnamed {
            set_last_error("an export needs a name");
            return null();
        }
        let Some(ty) = ty else { return null() };
        handle::new(Payload::ExportType(Box::new(ExportTypeData { name, ty })))
    })
}

/// The name of the module to import from; the import type keeps it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_importtype_module(ty: *const Handle) -> *const wasm_name_t {
    guard(core::ptr::null(), || {
        let name = payload_of!(ty, "an import type", Payload::ImportType(ty) => &ty.module.0);
        name.map_or(core::ptr::null(), core::ptr::from_ref)
    })
}

/// The name of the item; the import type keeps it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_importtype_name(ty: *const Handle) -> *const wasm_name_t {
    guard(core::ptr::null(), || {
        let name = payload_of!(ty, "an import type", Payload::ImportType(ty) => &ty.name.0);
        name.map_or(core::ptr::null(), core::ptr::from_ref)
    })
}

/// What is wanted; the import type keeps it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_importtype_type(ty: *const Handle) -> *const Handle {
    guard(null(), || {
        let ty = payload_of!(ty, "an import type", Payload::ImportType(ty) => ty.ty.as_ptr());
        ty.unwrap_or(null())
    })
}

/// Whether an instance gets the import from the library itself, where it is not given it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_importtype_is_linked(ty: *const Handle) -> bool {
    guard(false, || {
        payload_of!(ty, "an import type", Payload::ImportType(ty) => ty.is_linked).unwrap_or(false)
    })
}

/// The name of an export; the export type keeps it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_exporttype_name(ty: *const Handle) -> *const wasm_name_t {
    guard(core::ptr::null(), || {
        let name = payload_of!(ty, "an export type", Payload::ExportType(ty) => &ty.name.0);
        name.map_or(core::ptr::null(), core::ptr::from_ref)
    })
}

/// What is exported; the export type keeps it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_exporttype_type(ty: *const Handle) -> *const Handle {
    guard(null(), || {
        let ty = payload_of!(ty, "an export type", Payload::ExportType(ty) => ty.ty.as_ptr());
        ty.unwrap_or(null())
    })
}
