//! Globals, tables, memories and tags, and what external values have in common.

use wamr::{Extern, ExternKind, Global, Memory, StoreContextMut, Table, Tag, Val};

use super::casts::casts;
use super::engine::{StoreData, StoreRef};
use super::handle::{self, Handle, Payload, payload_of};
use super::types::{
    GlobalTypeData, INVALID_KIND, MemoryTypeData, TableTypeData, TagTypeData, WASM_EXTERN_FUNC,
    WASM_EXTERN_GLOBAL, WASM_EXTERN_MEMORY, WASM_EXTERN_TABLE, WASM_EXTERN_TAG, WASM_EXTERNREF,
    null, of_extern_type, wasm_externkind_t,
};
use super::value::{self, wasm_val_t};
use super::vec::write_out;
use crate::guard::{guard, ok_or_last_error, set_last_error};

fn store_of(store: *const Handle) -> Option<StoreRef> {
    payload_of!(store, "a store", Payload::Store(store) => store.clone())
}

/// Lends the store, and remembers what went wrong.
fn with<R>(
    owner: &StoreRef,
    body: impl FnOnce(StoreContextMut<'_, StoreData>) -> Result<R, wamr::Error>,
) -> Option<R> {
    ok_or_last_error(owner.with(body))
}

fn new_extern(owner: StoreRef, value: impl Into<Extern>) -> *mut Handle {
    handle::new(Payload::Extern(owner, value.into()))
}

macro_rules! entities {
    ($($name:ident: $variant:ident($ty:ty), $what:literal;)*) => {$(
        fn $name(handle: *const Handle) -> Option<(StoreRef, $ty)> {
            payload_of!(handle, $what, Payload::Extern(owner, Extern::$variant(value)) => {
                (owner.clone(), value.clone())
            })
        }
    )*};
}

entities! {
    global_of: Global(Global), "a global";
    table_of: Table(Table), "a table";
    memory_of: Memory(Memory), "a memory";
    tag_of: Tag(Tag), "a tag";
}

/// Makes a global; null where the value does not fit the type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_global_new(
    store: *mut Handle,
    ty: *const Handle,
    value: *const wasm_val_t,
) -> *mut Handle {
    guard(null(), || {
        let ty = payload_of!(ty, "a global type", Payload::GlobalType(ty) => ty.ty);
        let (Some(owner), Some(ty)) = (store_of(store), ty) else { return null() };
        // SAFETY: C passes a value or null.
        let Some(value) = (unsafe { value.as_ref() }) else {
            set_last_error("a global needs a value");
            return null();
        };
        let global = with(&owner, |mut store| {
            // SAFETY: as above.
            let value = unsafe { value::to_val(&mut store, value, ty.content)? };
            Global::new(store, ty, value)
        });
        global.map_or(null(), |global| new_extern(owner, global))
    })
}

/// A global's type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_global_type(global: *const Handle) -> *mut Handle {
    guard(null(), || {
        let Some((owner, global)) = global_of(global) else { return null() };
        let Some(ty) = with(&owner, |store| global.ty(store)) else { return null() };
        let data = GlobalTypeData::new(owner.engine.types(), ty);
        handle::new(Payload::GlobalType(Box::new(data)))
    })
}

/// A global's value; null as `externref` where there is no such value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_global_get(global: *const Handle, out: *mut wasm_val_t) {
    guard((), || {
        let value = global_of(global).and_then(|(owner, global)| {
            with(&owner, |mut store| {
                let value = global.get(&mut store)?;
                value::from_val(&mut store, &owner, &value)
            })
        });
        let none = wasm_val_t::reference(WASM_EXTERNREF, null());
        // SAFETY: C passes room for a value, or null.
        unsafe { write_out(out, value.unwrap_or(none)) };
    })
}

/// Writes a global; nothing happens where it is immutable, or the value does not fit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_global_set(global: *mut Handle, value: *const wasm_val_t) {
    guard((), || {
        let Some((owner, global)) = global_of(global) else { return };
        // SAFETY: C passes a value or null.
        let Some(value) = (unsafe { value.as_ref() }) else { return };
        let _ = with(&owner, |mut store| {
            let ty = global.ty(&store)?.content;
            // SAFETY: as above.
            let value = unsafe { value::to_val(&mut store, value, ty)? };
            global.set(store, value)
        });
    })
}

/// Makes a table whose elements are all `init`; null where that does not fit the type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_table_new(
    store: *mut Handle,
    ty: *const Handle,
    init: *mut Handle,
) -> *mut Handle {
    guard(null(), || {
        let ty = payload_of!(ty, "a table type", Payload::TableType(ty) => ty.ty);
        let (Some(owner), Some(ty)) = (store_of(store), ty) else { return null() };
        let table = with(&owner, |mut store| {
            // SAFETY: C passes a reference or null.
            let init = unsafe { value::to_ref(&mut store, init, ty.element)? };
            Table::new(store, ty, init)
        });
        table.map_or(null(), |table| new_extern(owner, table))
    })
}

/// A table's type, with the present size as its minimum.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_table_type(table: *const Handle) -> *mut Handle {
    guard(null(), || {
        let Some((owner, table)) = table_of(table) else { return null() };
        let Some(ty) = with(&owner, |store| table.ty(store)) else { return null() };
        let data = TableTypeData::new(owner.engine.types(), ty);
        handle::new(Payload::TableType(Box::new(data)))
    })
}

/// An element; null where it is null, or there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_table_get(table: *const Handle, index: u32) -> *mut Handle {
    guard(null(), || {
        let Some((owner, table)) = table_of(table) else { return null() };
        let element = with(&owner, |mut store| match table.get(&mut store, index.into())? {
            Some(value) => value::from_ref(&mut store, &owner, &value),
            None => Err(wamr::Error::msg(format_args!("the table has no element {index}"))),
        });
        element.unwrap_or(null())
    })
}

/// Writes an element; false where there is none, or the reference does not fit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_table_set(
    table: *mut Handle,
    index: u32,
    reference: *mut Handle,
) -> bool {
    guard(false, || {
        let Some((owner, table)) = table_of(table) else { return false };
        let set = with(&owner, |mut store| {
            // SAFETY: C passes a reference or null.
            let value = unsafe { element(&mut store, &table, reference)? };
            table.set(store, index.into(), value)
        });
        set.is_some()
    })
}

/// # Safety
/// `reference` must be null or a handle.
unsafe fn element(
    store: &mut StoreContextMut<'_, StoreData>,
    table: &Table,
    reference: *const Handle,
) -> Result<Val, wamr::Error> {
    let ty = table.ty(&*store)?.element;
    // SAFETY: the caller's promise.
    unsafe { value::to_ref(store, reference, ty) }
}

/// How many elements a table has.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_table_size(table: *const Handle) -> u32 {
    guard(0, || {
        let Some((owner, table)) = table_of(table) else { return 0 };
        let size = with(&owner, |store| table.size(store)).unwrap_or(0);
        u32::try_from(size).unwrap_or(u32::MAX)
    })
}

/// Adds elements to a table, all `init`; false where it cannot grow that far.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_table_grow(
    table: *mut Handle,
    delta: u32,
    init: *mut Handle,
) -> bool {
    guard(false, || {
        let Some((owner, table)) = table_of(table) else { return false };
        let grown = with(&owner, |mut store| {
            // SAFETY: C passes a reference or null.
            let value = unsafe { element(&mut store, &table, init)? };
            table.grow(store, delta.into(), value)
        });
        grown.is_some()
    })
}

/// Makes a memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_memory_new(store: *mut Handle, ty: *const Handle) -> *mut Handle {
    guard(null(), || {
        let ty = payload_of!(ty, "a memory type", Payload::MemoryType(ty) => ty.ty);
        let (Some(owner), Some(ty)) = (store_of(store), ty) else { return null() };
        let memory = with(&owner, |store| Memory::new(store, ty));
        memory.map_or(null(), |memory| new_extern(owner, memory))
    })
}

/// A memory's type, with the present size as its minimum.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_memory_type(memory: *const Handle) -> *mut Handle {
    guard(null(), || {
        let Some((owner, memory)) = memory_of(memory) else { return null() };
        let ty = with(&owner, |store| memory.ty(store));
        ty.map_or(null(), |ty| handle::new(Payload::MemoryType(Box::new(MemoryTypeData::new(ty)))))
    })
}

/// Where a memory's bytes are, and how many.
fn bytes_of(memory: *const Handle) -> Option<(*mut u8, usize)> {
    let (owner, memory) = memory_of(memory)?;
    with(&owner, |mut store| {
        if let Some(shared) = memory.shared(&store)? {
            return Ok((shared.data().as_ptr().cast_mut().cast(), shared.data_size()));
        }
        let bytes = memory.data_mut(&mut store)?;
        Ok((bytes.as_mut_ptr(), bytes.len()))
    })
}

/// A memory's bytes, until it grows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_memory_data(memory: *mut Handle) -> *mut u8 {
    guard(core::ptr::null_mut(), || {
        bytes_of(memory).map_or(core::ptr::null_mut(), |(data, _)| data)
    })
}

/// How many bytes a memory has.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_memory_data_size(memory: *const Handle) -> usize {
    guard(0, || bytes_of(memory).map_or(0, |(_, size)| size))
}

/// How many pages a memory has.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_memory_size(memory: *const Handle) -> u32 {
    guard(0, || {
        let Some((owner, memory)) = memory_of(memory) else { return 0 };
        let size = with(&owner, |store| memory.size(store)).unwrap_or(0);
        u32::try_from(size).unwrap_or(u32::MAX)
    })
}

/// Adds pages to a memory; false where it cannot grow that far.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_memory_grow(memory: *mut Handle, delta_pages: u32) -> bool {
    guard(false, || {
        let Some((owner, memory)) = memory_of(memory) else { return false };
        with(&owner, |store| memory.grow(store, delta_pages.into())).is_some()
    })
}

/// Makes a tag.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_tag_new(store: *mut Handle, ty: *const Handle) -> *mut Handle {
    guard(null(), || {
        let ty = payload_of!(ty, "a tag type", Payload::TagType(ty) => ty.ty.clone());
        let (Some(owner), Some(ty)) = (store_of(store), ty) else { return null() };
        let tag = with(&owner, |store| Tag::new(store, ty));
        tag.map_or(null(), |tag| new_extern(owner, tag))
    })
}

/// A tag's type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_tag_type(tag: *const Handle) -> *mut Handle {
    guard(null(), || {
        let Some((owner, tag)) = tag_of(tag) else { return null() };
        let Some(ty) = with(&owner, |store| tag.ty(store)) else { return null() };
        let data = TagTypeData::new(owner.engine.types(), ty.func);
        handle::new(Payload::TagType(Box::new(data)))
    })
}

/// The kind of an external value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_extern_kind(value: *const Handle) -> wasm_externkind_t {
    guard(INVALID_KIND, || {
        // SAFETY: C passes a handle.
        let kind = match unsafe { handle::payload(value) } {
            Some(Payload::Extern(_, value)) => value.kind(),
            Some(Payload::Empty(kind)) => *kind,
            _ => {
                // SAFETY: as above.
                unsafe { handle::complain(value, "an external value") };
                return INVALID_KIND;
            }
        };
        match kind {
            ExternKind::Func => WASM_EXTERN_FUNC,
            ExternKind::Global => WASM_EXTERN_GLOBAL,
            ExternKind::Table => WASM_EXTERN_TABLE,
            ExternKind::Memory => WASM_EXTERN_MEMORY,
            ExternKind::Tag => WASM_EXTERN_TAG,
        }
    })
}

/// The type of an external value; null for a placeholder.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_extern_type(value: *const Handle) -> *mut Handle {
    guard(null(), || {
        let value = payload_of!(value, "an external value", Payload::Extern(owner, value) => {
            (owner.clone(), value.clone())
        });
        let Some((owner, value)) = value else { return null() };
        let Some(ty) = with(&owner, |store| value.ty(store)) else { return null() };
        of_extern_type(owner.engine.types(), &ty).map_or(null(), handle::new)
    })
}

/// A placeholder for a list of imports: the library itself fills the place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_extern_new_empty(
    store: *mut Handle,
    kind: wasm_externkind_t,
) -> *mut Handle {
    guard(null(), || {
        if store_of(store).is_none() {
            return null();
        }
        let kind = match kind {
            WASM_EXTERN_FUNC => ExternKind::Func,
            WASM_EXTERN_GLOBAL => ExternKind::Global,
            WASM_EXTERN_TABLE => ExternKind::Table,
            WASM_EXTERN_MEMORY => ExternKind::Memory,
            WASM_EXTERN_TAG => ExternKind::Tag,
            kind => {
                set_last_error(format_args!("there is no kind {kind} of external values"));
                return null();
            }
        };
        handle::new(Payload::Empty(kind))
    })
}

casts! {
    wasm_func_as_extern, wasm_func_as_extern_const:
        "a function" (Payload::Extern(_, Extern::Func(_)));
    wasm_global_as_extern, wasm_global_as_extern_const:
        "a global" (Payload::Extern(_, Extern::Global(_)));
    wasm_table_as_extern, wasm_table_as_extern_const:
        "a table" (Payload::Extern(_, Extern::Table(_)));
    wasm_memory_as_extern, wasm_memory_as_extern_const:
        "a memory" (Payload::Extern(_, Extern::Memory(_)));
    wasm_tag_as_extern, wasm_tag_as_extern_const:
        "a tag" (Payload::Extern(_, Extern::Tag(_)));
    wasm_extern_as_func, wasm_extern_as_func_const:
        "an external value" (Payload::Extern(_, Extern::Func(_)));
    wasm_extern_as_global, wasm_extern_as_global_const:
        "an external value" (Payload::Extern(_, Extern::Global(_)));
    wasm_extern_as_table, wasm_extern_as_table_const:
        "an external value" (Payload::Extern(_, Extern::Table(_)));
    wasm_extern_as_memory, wasm_extern_as_memory_const:
        "an external value" (Payload::Extern(_, Extern::Memory(_)));
    wasm_extern_as_tag, wasm_extern_as_tag_const:
        "an external value" (Payload::Extern(_, Extern::Tag(_)));
}
