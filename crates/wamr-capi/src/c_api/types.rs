//! Types: of values, functions, globals, tables, memories, tags, and what these have in common.
//!
//! Types that modules tell keep all that the module says, whether C can see it or not: a memory
//! that is made from a type of a shared memory is shared.

use wamr::types::TypeRegistry;
use wamr::{
    AbstractHeapType, ExternType, FuncType, GlobalType, IndexType, Limits, MemoryType, RefType,
    TableType, ValType,
};

use super::handle::{self, Handle, Owned, Payload, payload_of};
use super::vec::{OwnedVec, wasm_handle_vec_t, wasm_vec_t};
use crate::guard::{guard, set_last_error};

/// The kind of a value.
pub type wasm_valkind_t = u8;
/// `i32`
pub const WASM_I32: wasm_valkind_t = 0;
/// `i64`
pub const WASM_I64: wasm_valkind_t = 1;
/// `f32`
pub const WASM_F32: wasm_valkind_t = 2;
/// `f64`
pub const WASM_F64: wasm_valkind_t = 3;
/// `v128`
pub const WASM_V128: wasm_valkind_t = 4;
/// A reference to anything but a function.
pub const WASM_EXTERNREF: wasm_valkind_t = 128;
/// A reference to a function.
pub const WASM_FUNCREF: wasm_valkind_t = 129;

/// Whether a global can be written.
pub type wasm_mutability_t = u8;
/// It cannot.
pub const WASM_CONST: wasm_mutability_t = 0;
/// It can.
pub const WASM_VAR: wasm_mutability_t = 1;

/// The kind of an external value.
pub type wasm_externkind_t = u8;
/// A function.
pub const WASM_EXTERN_FUNC: wasm_externkind_t = 0;
/// A global.
pub const WASM_EXTERN_GLOBAL: wasm_externkind_t = 1;
/// A table.
pub const WASM_EXTERN_TABLE: wasm_externkind_t = 2;
/// A memory.
pub const WASM_EXTERN_MEMORY: wasm_externkind_t = 3;
/// A tag.
pub const WASM_EXTERN_TAG: wasm_externkind_t = 4;
/// What functions answer that have no kind to tell.
pub const INVALID_KIND: u8 = 0xff;

/// A minimum and a maximum; a maximum of [`WASM_LIMITS_MAX_DEFAULT`] is none.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct wasm_limits_t {
    /// The minimum.
    pub min: u32,
    /// The maximum.
    pub max: u32,
}

/// No maximum.
pub const WASM_LIMITS_MAX_DEFAULT: u32 = u32::MAX;

/// A value type, and its kind.
#[derive(Clone, Copy)]
pub(super) struct ValTypeData {
    pub(super) ty: ValType,
    kind: wasm_valkind_t,
}

impl ValTypeData {
    pub(super) fn new(types: &TypeRegistry, ty: ValType) -> Self {
        let kind = match ty {
            ValType::I32 => WASM_I32,
            ValType::I64 => WASM_I64,
            ValType::F32 => WASM_F32,
            ValType::F64 => WASM_F64,
            ValType::V128 => WASM_V128,
            ValType::Ref(RefType { heap, .. }) => match types.top_of(heap) {
                AbstractHeapType::Func => WASM_FUNCREF,
                _ => WASM_EXTERNREF,
            },
        };
        Self { ty, kind }
    }

    fn of_kind(kind: wasm_valkind_t) -> Option<Self> {
        let ty = match kind {
            WASM_I32 => ValType::I32,
            WASM_I64 => ValType::I64,
            WASM_F32 => ValType::F32,
            WASM_F64 => ValType::F64,
            WASM_V128 => ValType::V128,
            WASM_EXTERNREF => ValType::EXTERNREF,
            WASM_FUNCREF => ValType::FUNCREF,
            _ => return None,
        };
        Some(Self { ty, kind })
    }

    fn handle(self) -> Owned {
        Owned::new(Payload::ValType(self))
    }
}

fn limits_of(limits: Limits) -> wasm_limits_t {
    let narrow = |size: u64| u32::try_from(size).unwrap_or(u32::MAX);
    wasm_limits_t {
        min: narrow(limits.min),
        max: limits.max.map_or(WASM_LIMITS_MAX_DEFAULT, narrow),
    }
}

fn to_limits(limits: wasm_limits_t) -> Limits {
    let max = (limits.max != WASM_LIMITS_MAX_DEFAULT).then(|| limits.max.into());
    Limits { min: limits.min.into(), max }
}

/// A function type.
#[derive(Clone)]
pub(super) struct FuncTypeData {
    pub(super) ty: FuncType,
    params: OwnedVec<*mut Handle>,
    results: OwnedVec<*mut Handle>,
}

impl FuncTypeData {
    pub(super) fn new(types: &TypeRegistry, ty: FuncType) -> Self {
        let list = |list: &[ValType]| {
            let handles = list.iter().map(|&ty| ValTypeData::new(types, ty).handle().into_raw());
            OwnedVec(wasm_vec_t::from_elements(handles))
        };
        Self { params: list(ty.params()), results: list(ty.results()), ty }
    }
}

/// A global type.
#[derive(Clone)]
pub(super) struct GlobalTypeData {
    pub(super) ty: GlobalType,
    content: Owned,
}

impl GlobalTypeData {
    pub(super) fn new(types: &TypeRegistry, ty: GlobalType) -> Self {
        Self { ty, content: ValTypeData::new(types, ty.content).handle() }
    }
}

/// A table type.
#[derive(Clone)]
pub(super) struct TableTypeData {
    pub(super) ty: TableType,
    element: Owned,
    limits: wasm_limits_t,
}

impl TableTypeData {
    pub(super) fn new(types: &TypeRegistry, ty: TableType) -> Self {
        let element = ValTypeData::new(types, ValType::Ref(ty.element)).handle();
        Self { ty, element, limits: limits_of(ty.limits) }
    }
}

/// A memory type.
#[derive(Clone)]
pub(super) struct MemoryTypeData {
    pub(super) ty: MemoryType,
    limits: wasm_limits_t,
}

impl MemoryTypeData {
    pub(super) fn new(ty: MemoryType) -> Self {
        Self { ty, limits: limits_of(ty.limits) }
    }
}

/// A tag type.
#[derive(Clone)]
pub(super) struct TagTypeData {
    pub(super) ty: FuncType,
    func: Owned,
}

impl TagTypeData {
    pub(super) fn new(types: &TypeRegistry, ty: FuncType) -> Self {
        let func = FuncTypeData::new(types, ty.clone());
        Self { ty, func: Owned::new(Payload::FuncType(Box::new(func))) }
    }
}

/// The payload of an external type's handle.
pub(super) fn of_extern_type(types: &TypeRegistry, ty: &ExternType) -> Option<Payload> {
    Some(match ty {
        ExternType::Func { ty, .. } => {
            Payload::FuncType(Box::new(FuncTypeData::new(types, ty.clone())))
        }
        ExternType::Global(ty) => Payload::GlobalType(Box::new(GlobalTypeData::new(types, *ty))),
        ExternType::Table(ty) => Payload::TableType(Box::new(TableTypeData::new(types, *ty))),
        ExternType::Memory(ty) => Payload::MemoryType(Box::new(MemoryTypeData::new(*ty))),
        ExternType::Tag(ty) => Payload::TagType(Box::new(TagTypeData::new(types, ty.func.clone()))),
        _ => return None,
    })
}

pub(super) fn null() -> *mut Handle {
    core::ptr::null_mut()
}

/// The handle of a value type, given away by C; `None` where it is something else, which is given
/// back to nobody.
unsafe fn take_valtype(handle: *mut Handle) -> Option<(ValTypeData, Owned)> {
    // SAFETY: C gives the handle away.
    let owned = unsafe { Owned::from_raw(handle) };
    let ty = payload_of!(handle, "a value type", Payload::ValType(ty) => *ty)?;
    Some((ty, owned?))
}

/// Makes a value type; null for a kind that there is not.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_valtype_new(kind: wasm_valkind_t) -> *mut Handle {
    guard(null(), || match ValTypeData::of_kind(kind) {
        Some(ty) => ty.handle().into_raw(),
        None => {
            set_last_error(format_args!("there is no kind {kind} of value types"));
            null()
        }
    })
}

macro_rules! shorthands {
    ($($name:ident($kind:ident);)*) => {$(
        /// Makes the value type of that name.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name() -> *mut Handle {
            wasm_valtype_new($kind)
        }
    )*};
}

shorthands! {
    wasm_valtype_new_i32(WASM_I32);
    wasm_valtype_new_i64(WASM_I64);
    wasm_valtype_new_f32(WASM_F32);
    wasm_valtype_new_f64(WASM_F64);
    wasm_valtype_new_v128(WASM_V128);
    wasm_valtype_new_anyref(WASM_EXTERNREF);
    wasm_valtype_new_externref(WASM_EXTERNREF);
    wasm_valtype_new_funcref(WASM_FUNCREF);
}

/// The kind of a value type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_valtype_kind(ty: *const Handle) -> wasm_valkind_t {
    guard(INVALID_KIND, || {
        payload_of!(ty, "a value type", Payload::ValType(ty) => ty.kind).unwrap_or(INVALID_KIND)
    })
}

/// Whether values of a kind are numbers or vectors.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_valkind_is_num(kind: wasm_valkind_t) -> bool {
    kind < WASM_EXTERNREF
}

/// Whether values of a kind are references.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_valkind_is_ref(kind: wasm_valkind_t) -> bool {
    kind >= WASM_EXTERNREF
}

/// Whether values of a type are numbers or vectors.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_valtype_is_num(ty: *const Handle) -> bool {
    // SAFETY: as here.
    wasm_valkind_is_num(unsafe { wasm_valtype_kind(ty) })
}

/// Whether values of a type are references.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_valtype_is_ref(ty: *const Handle) -> bool {
    // SAFETY: as here.
    wasm_valkind_is_ref(unsafe { wasm_valtype_kind(ty) })
}

/// Makes a function type from vectors of value types, which it takes over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_functype_new(
    params: *mut wasm_handle_vec_t,
    results: *mut wasm_handle_vec_t,
) -> *mut Handle {
    guard(null(), || {
        // SAFETY: C gives vectors of its own away.
        let (params, results) = unsafe { (OwnedVec::take(params), OwnedVec::take(results)) };
        let read = |vec: &OwnedVec<*mut Handle>| -> Option<Vec<ValType>> {
            let ty =
                |&ty: &*mut Handle| payload_of!(ty, "a value type", Payload::ValType(ty) => ty.ty);
            vec.as_slice().iter().map(ty).collect()
        };
        let (Some(from), Some(to)) = (read(&params), read(&results)) else { return null() };
        let data = FuncTypeData { ty: FuncType::new(from, to), params, results };
        handle::new(Payload::FuncType(Box::new(data)))
    })
}

macro_rules! func_types {
    ($($name:ident(($($param:ident)*) ($($result:ident)*));)*) => {$(
        /// Makes a function type from value types, which it takes over.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            $($param: *mut Handle,)* $($result: *mut Handle,)*
        ) -> *mut Handle {
            let params: &[*mut Handle] = &[$($param),*];
            let results: &[*mut Handle] = &[$($result),*];
            let mut params = wasm_vec_t::from_elements(params.iter().copied());
            let mut results = wasm_vec_t::from_elements(results.iter().copied());
            // SAFETY: C gives the value types away.
            unsafe { wasm_functype_new(&mut params, &mut results) }
        }
    )*};
}

func_types! {
    wasm_functype_new_0_0(() ());
    wasm_functype_new_1_0((p1) ());
    wasm_functype_new_2_0((p1 p2) ());
    wasm_functype_new_3_0((p1 p2 p3) ());
    wasm_functype_new_0_1(() (r1));
    wasm_functype_new_1_1((p1) (r1));
    wasm_functype_new_2_1((p1 p2) (r1));
    wasm_functype_new_3_1((p1 p2 p3) (r1));
    wasm_functype_new_0_2(() (r1 r2));
    wasm_functype_new_1_2((p1) (r1 r2));
    wasm_functype_new_2_2((p1 p2) (r1 r2));
    wasm_functype_new_3_2((p1 p2 p3) (r1 r2));
}

/// The parameters of a function type, which keeps them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_functype_params(ty: *const Handle) -> *const wasm_handle_vec_t {
    guard(core::ptr::null(), || {
        let params = payload_of!(ty, "a function type", Payload::FuncType(ty) => &ty.params.0);
        params.map_or(core::ptr::null(), core::ptr::from_ref)
    })
}

/// The results of a function type, which keeps them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_functype_results(ty: *const Handle) -> *const wasm_handle_vec_t {
    guard(core::ptr::null(), || {
        let results = payload_of!(ty, "a function type", Payload::FuncType(ty) => &ty.results.0);
        results.map_or(core::ptr::null(), core::ptr::from_ref)
    })
}

/// Makes a global type; it takes the value type over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_globaltype_new(
    content: *mut Handle,
    mutability: wasm_mutability_t,
) -> *mut Handle {
    guard(null(), || {
        // SAFETY: C gives the value type away.
        let Some((ty, content)) = (unsafe { take_valtype(content) }) else { return null() };
        if mutability > WASM_VAR {
            set_last_error(format_args!("there is no mutability {mutability}"));
            return null();
        }
        let ty = GlobalType { content: ty.ty, mutable: mutability == WASM_VAR };
        handle::new(Payload::GlobalType(Box::new(GlobalTypeData { ty, content })))
    })
}

/// The type of a global's value; the global type keeps it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_globaltype_content(ty: *const Handle) -> *const Handle {
    guard(null(), || {
        let content =
            payload_of!(ty, "a global type", Payload::GlobalType(ty) => ty.content.as_ptr());
        content.unwrap_or(null())
    })
}

/// Whether such a global can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_globaltype_mutability(ty: *const Handle) -> wasm_mutability_t {
    guard(WASM_CONST, || {
        payload_of!(ty, "a global type", Payload::GlobalType(ty) => ty.ty.mutable.into())
            .unwrap_or(WASM_CONST)
    })
}

/// Makes a table type; it takes the value type over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_tabletype_new(
    element: *mut Handle,
    limits: *const wasm_limits_t,
) -> *mut Handle {
    guard(null(), || {
        // SAFETY: C gives the value type away.
        let Some((ty, element)) = (unsafe { take_valtype(element) }) else { return null() };
        // SAFETY: C passes limits or null.
        let (Some(limits), ValType::Ref(ty)) = (unsafe { limits.as_ref() }, ty.ty) else {
            set_last_error("a table needs limits and a reference type");
            return null();
        };
        let ty = TableType { index: IndexType::I32, element: ty, limits: to_limits(*limits) };
        let data = TableTypeData { ty, element, limits: *limits };
        handle::new(Payload::TableType(Box::new(data)))
    })
}

/// The type of a table's elements; the table type keeps it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_tabletype_element(ty: *const Handle) -> *const Handle {
    guard(null(), || {
        let element =
            payload_of!(ty, "a table type", Payload::TableType(ty) => ty.element.as_ptr());
        element.unwrap_or(null())
    })
}

/// The limits of a table type, which keeps them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_tabletype_limits(ty: *const Handle) -> *const wasm_limits_t {
    guard(core::ptr::null(), || {
        let limits = payload_of!(ty, "a table type", Payload::TableType(ty) => &ty.limits);
        limits.map_or(core::ptr::null(), core::ptr::from_ref)
    })
}

/// Makes a memory type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_memorytype_new(limits: *const wasm_limits_t) -> *mut Handle {
    guard(null(), || {
        // SAFETY: C passes limits or null.
        let Some(limits) = (unsafe { limits.as_ref() }) else {
            set_last_error("a memory needs limits");
            return null();
        };
        let ty = MemoryType { limits: to_limits(*limits), ..MemoryType::new(0, None) };
        handle::new(Payload::MemoryType(Box::new(MemoryTypeData { ty, limits: *limits })))
    })
}

/// The limits of a memory type, which keeps them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_memorytype_limits(ty: *const Handle) -> *const wasm_limits_t {
    guard(core::ptr::null(), || {
        let limits = payload_of!(ty, "a memory type", Payload::MemoryType(ty) => &ty.limits);
        limits.map_or(core::ptr::null(), core::ptr::from_ref)
    })
}

/// Makes a tag type; it takes the function type over, whose parameters are the payload.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_tagtype_new(func: *mut Handle) -> *mut Handle {
    guard(null(), || {
        // SAFETY: C gives the function type away.
        let owned = unsafe { Owned::from_raw(func) };
        let ty = payload_of!(func, "a function type", Payload::FuncType(ty) => ty.ty.clone());
        let (Some(func), Some(ty)) = (owned, ty) else { return null() };
        handle::new(Payload::TagType(Box::new(TagTypeData { ty, func })))
    })
}

/// The function type behind a tag type, which keeps it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_tagtype_functype(ty: *const Handle) -> *const Handle {
    guard(null(), || {
        let func = payload_of!(ty, "a tag type", Payload::TagType(ty) => ty.func.as_ptr());
        func.unwrap_or(null())
    })
}

/// The kind of an external value that has this type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_externtype_kind(ty: *const Handle) -> wasm_externkind_t {
    guard(INVALID_KIND, || {
        // SAFETY: C passes a handle.
        match unsafe { handle::payload(ty) } {
            Some(Payload::FuncType(_)) => WASM_EXTERN_FUNC,
            Some(Payload::GlobalType(_)) => WASM_EXTERN_GLOBAL,
            Some(Payload::TableType(_)) => WASM_EXTERN_TABLE,
            Some(Payload::MemoryType(_)) => WASM_EXTERN_MEMORY,
            Some(Payload::TagType(_)) => WASM_EXTERN_TAG,
            _ => {
                // SAFETY: as above.
                unsafe { handle::complain(ty, "an external type") };
                INVALID_KIND
            }
        }
    })
}

macro_rules! type_objects {
    ($($what:literal $pattern:pat => $delete:ident, $copy:ident;)*) => {$(
        /// Deletes a type.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $delete(ty: *mut Handle) {
            // SAFETY: C gives the handle away.
            guard((), || unsafe { handle::delete(ty, $what, |payload| matches!(payload, $pattern)) })
        }

        /// Copies a type.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $copy(ty: *const Handle) -> *mut Handle {
            // SAFETY: C passes a handle.
            guard(null(), || unsafe {
                handle::copy(ty, $what, |payload| matches!(payload, $pattern))
            })
        }
    )*};
}

type_objects! {
    "a value type" Payload::ValType(_) => wasm_valtype_delete, wasm_valtype_copy;
    "a function type" Payload::FuncType(_) => wasm_functype_delete, wasm_functype_copy;
    "a global type" Payload::GlobalType(_) => wasm_globaltype_delete, wasm_globaltype_copy;
    "a table type" Payload::TableType(_) => wasm_tabletype_delete, wasm_tabletype_copy;
    "a memory type" Payload::MemoryType(_) => wasm_memorytype_delete, wasm_memorytype_copy;
    "a tag type" Payload::TagType(_) => wasm_tagtype_delete, wasm_tagtype_copy;
    "an import type" Payload::ImportType(_) => wasm_importtype_delete, wasm_importtype_copy;
    "an export type" Payload::ExportType(_) => wasm_exporttype_delete, wasm_exporttype_copy;
    "an external type"
        Payload::FuncType(_)
        | Payload::GlobalType(_)
        | Payload::TableType(_)
        | Payload::MemoryType(_)
        | Payload::TagType(_) => wasm_externtype_delete, wasm_externtype_copy;
}
