//! What C's pointers point to.
//!
//! All objects of this API are of one type, [`Handle`], with what they stand for inside. Their
//! memory is never given back to the system and never becomes anything else, so that looking at a
//! handle that was deleted is sound, and tells that it was. Places are used again in the order in
//! which they were freed, and always some others first.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::fmt;
use core::ptr::NonNull;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use wamr::{AnyRef, ExnRef, Extern, ExternKind, ExternRef, Instance, SlotFunc};

use super::engine::{EngineState, StoreRef};
use super::foreign::Info;
use super::import_export::{ExportTypeData, ImportTypeData};
use super::module::ModuleData;
use super::trap::{FrameData, TrapData};
use super::types::{
    FuncTypeData, GlobalTypeData, MemoryTypeData, TableTypeData, TagTypeData, ValTypeData,
};
use crate::guard::set_last_error;

/// What a pointer that C holds points to. C knows it as one of `wasm_engine_t`, `wasm_func_t` and
/// so on.
#[repr(C)]
pub struct Handle {
    magic: u64,
    payload: UnsafeCell<Payload>,
    /// For calls of a function of numbers, once it was called; `Some(None)` for other functions.
    numbers: UnsafeCell<Option<Option<Arc<SlotFunc>>>>,
}

const MAGIC: u64 = u64::from_le_bytes(*b"wamr-obj");

/// What a handle stands for.
pub(super) enum Payload {
    /// Nothing: it was deleted.
    Free,
    Engine(Arc<EngineState>),
    Store(StoreRef),
    ValType(ValTypeData),
    FuncType(Box<FuncTypeData>),
    GlobalType(Box<GlobalTypeData>),
    TableType(Box<TableTypeData>),
    MemoryType(Box<MemoryTypeData>),
    TagType(Box<TagTypeData>),
    ImportType(Box<ImportTypeData>),
    ExportType(Box<ExportTypeData>),
    Module(Arc<ModuleData>),
    SharedModule(Arc<ModuleData>),
    Extern(StoreRef, Extern),
    /// A placeholder in a list of imports.
    Empty(ExternKind),
    Instance(StoreRef, Instance),
    /// A host value; without an `Info` it is an object of wasm as `externref`.
    Foreign(StoreRef, ExternRef, Option<Arc<Info>>),
    Any(StoreRef, AnyRef),
    Exception(StoreRef, ExnRef),
    /// The store is there for the instances of the frames.
    Trap(Option<StoreRef>, Arc<TrapData>),
    Frame(Box<FrameData>),
}

impl Payload {
    fn name(&self) -> &'static str {
        match self {
            Self::Free => "a deleted object",
            Self::Engine(_) => "an engine",
            Self::Store(_) => "a store",
            Self::ValType(_) => "a value type",
            Self::FuncType(_) => "a function type",
            Self::GlobalType(_) => "a global type",
            Self::TableType(_) => "a table type",
            Self::MemoryType(_) => "a memory type",
            Self::TagType(_) => "a tag type",
            Self::ImportType(_) => "an import type",
            Self::ExportType(_) => "an export type",
            Self::Module(_) => "a module",
            Self::SharedModule(_) => "a shared module",
            Self::Extern(_, Extern::Func(_)) => "a function",
            Self::Extern(_, Extern::Global(_)) => "a global",
            Self::Extern(_, Extern::Table(_)) => "a table",
            Self::Extern(_, Extern::Memory(_)) => "a memory",
            Self::Extern(_, Extern::Tag(_)) => "a tag",
            Self::Empty(_) => "a placeholder",
            Self::Instance(..) => "an instance",
            Self::Foreign(..) => "a foreign object",
            Self::Any(..) => "an object of wasm",
            Self::Exception(..) => "an exception",
            Self::Trap(..) => "a trap",
            Self::Frame(_) => "a frame",
        }
    }

    /// Another handle's payload for the same thing; `None` where the API has no copies.
    fn copy(&self) -> Option<Self> {
        Some(match self {
            Self::ValType(ty) => Self::ValType(*ty),
            Self::FuncType(ty) => Self::FuncType(Box::new(FuncTypeData::clone(ty))),
            Self::GlobalType(ty) => Self::GlobalType(Box::new(GlobalTypeData::clone(ty))),
            Self::TableType(ty) => Self::TableType(Box::new(TableTypeData::clone(ty))),
            Self::MemoryType(ty) => Self::MemoryType(ty.clone()),
            Self::TagType(ty) => Self::TagType(Box::new(TagTypeData::clone(ty))),
            Self::ImportType(ty) => Self::ImportType(Box::new(ImportTypeData::clone(ty))),
            Self::ExportType(ty) => Self::ExportType(Box::new(ExportTypeData::clone(ty))),
            Self::Module(module) => Self::Module(module.clone()),
            Self::Extern(store, value) => Self::Extern(store.clone(), value.clone()),
            Self::Empty(kind) => Self::Empty(*kind),
            Self::Instance(store, instance) => Self::Instance(store.clone(), instance.clone()),
            Self::Foreign(store, value, info) => {
                Self::Foreign(store.clone(), value.clone(), info.clone())
            }
            Self::Any(store, value) => Self::Any(store.clone(), value.clone()),
            Self::Exception(store, value) => Self::Exception(store.clone(), value.clone()),
            Self::Trap(store, trap) => Self::Trap(store.clone(), trap.clone()),
            Self::Frame(frame) => Self::Frame(frame.clone()),
            Self::Free | Self::Engine(_) | Self::Store(_) | Self::SharedModule(_) => return None,
        })
    }

    pub(super) fn is_ref(&self) -> bool {
        matches!(
            self,
            Self::Module(_)
                | Self::Extern(..)
                | Self::Instance(..)
                | Self::Foreign(..)
                | Self::Any(..)
                | Self::Exception(..)
                | Self::Trap(..)
        )
    }

    pub(super) fn is_extern(&self) -> bool {
        matches!(self, Self::Extern(..) | Self::Empty(_))
    }

    pub(super) fn is_externtype(&self) -> bool {
        matches!(
            self,
            Self::FuncType(_)
                | Self::GlobalType(_)
                | Self::TableType(_)
                | Self::MemoryType(_)
                | Self::TagType(_)
        )
    }
}

/// Places for handles.
struct Pool {
    free: VecDeque<Place>,
    chunks: Vec<Place>,
}

struct Place(NonNull<Handle>);

// SAFETY: places lie in memory that everybody may use; who takes one out of the pool has it alone.
unsafe impl Send for Place {}

/// How many places are made at a time.
const CHUNK: usize = 256;

/// How many places stay free, so that those that were freed last are not used at once.
const QUARANTINE: usize = 64;

static POOL: Mutex<Pool> = Mutex::new(Pool { free: VecDeque::new(), chunks: Vec::new() });

fn with_pool<R>(body: impl FnOnce(&mut Pool) -> R) -> R {
    body(&mut POOL.lock().unwrap_or_else(PoisonError::into_inner))
}

fn take_place() -> NonNull<Handle> {
    with_pool(|pool| {
        if pool.free.len() <= QUARANTINE {
            let make = || Handle {
                magic: MAGIC,
                payload: UnsafeCell::new(Payload::Free),
                numbers: UnsafeCell::new(None),
            };
            let chunk = Box::leak((0..CHUNK).map(|_| make()).collect());
            pool.chunks.push(Place(NonNull::from(&mut chunk[0])));
            // Those that were just freed stay behind the new ones.
            chunk.iter_mut().rev().for_each(|place| pool.free.push_front(Place(place.into())));
        }
        pool.free.pop_front().expect("places were just made").0
    })
}

/// How many handles there are that were not deleted. For tests of programs: at their end it
/// should be what it was at their beginning.
pub fn live_handles() -> usize {
    with_pool(|pool| pool.chunks.len() * CHUNK - pool.free.len())
}

/// Makes a handle.
pub(super) fn new(payload: Payload) -> *mut Handle {
    let place = take_place();
    // SAFETY: the place was taken out of the pool, so that nobody else uses it.
    unsafe { *(*place.as_ptr()).payload.get() = payload };
    place.as_ptr()
}

/// What a handle stands for; `None` for null, deleted handles, and what is no handle at all.
///
/// # Safety
/// `handle` must be null, a handle that may have been deleted, or point to memory that can be
/// read. The reference must not be kept until code of the embedder runs, which may delete the
/// handle.
#[inline]
pub(super) unsafe fn payload<'a>(handle: *const Handle) -> Option<&'a Payload> {
    if handle.is_null() || !handle.is_aligned() {
        return None;
    }
    // SAFETY: the caller's promise; handles are never freed.
    unsafe {
        if (*handle).magic != MAGIC {
            return None;
        }
        match &*(*handle).payload.get() {
            Payload::Free => None,
            payload => Some(payload),
        }
    }
}

/// What calls of a function go by whose values are numbers, found out once; `None` for other
/// functions.
///
/// # Safety
/// `handle` must be one that was not deleted, and its store be borrowed by this thread.
#[inline]
pub(super) unsafe fn numbers(
    handle: *const Handle,
    find: impl FnOnce() -> Option<SlotFunc>,
) -> Option<Arc<SlotFunc>> {
    // SAFETY: the caller's promise. Nobody else looks there without the store; `find` does not.
    let place = unsafe { &mut *(*handle).numbers.get() };
    place.get_or_insert_with(|| find().map(Arc::new)).clone()
}

/// Remembers that a handle is not what it should be.
///
/// # Safety
/// As for [`payload`].
#[cold]
pub(super) unsafe fn complain(handle: *const Handle, wanted: impl fmt::Display) {
    // SAFETY: the caller's promise.
    match unsafe { payload(handle) } {
        Some(payload) => set_last_error(format_args!("expected {wanted}, got {}", payload.name())),
        None if handle.is_null() => set_last_error(format_args!("expected {wanted}, got NULL")),
        None => {
            set_last_error(format_args!("expected {wanted}, got what was deleted or never was"))
        }
    }
}

/// What a handle of a kind stands for; `None`, and the last error set, where it is not of the kind.
/// `$what` names the kind for the message.
macro_rules! payload_of {
    ($handle:expr, $what:literal, $pattern:pat => $value:expr) => {{
        let handle: *const $crate::c_api::Handle = $handle;
        // SAFETY: C passes handles; what is borrowed is cloned before other code runs.
        match unsafe { $crate::c_api::handle::payload(handle) } {
            Some($pattern) => Some($value),
            _ => {
                // SAFETY: as above.
                unsafe { $crate::c_api::handle::complain(handle, $what) };
                None
            }
        }
    }};
}
pub(super) use payload_of;

/// Deletes a handle of a kind. Others are left alone.
///
/// # Safety
/// As for [`payload`]; nobody may be using the handle.
pub(super) unsafe fn delete(handle: *mut Handle, what: &str, is: impl FnOnce(&Payload) -> bool) {
    if handle.is_null() {
        return;
    }
    // SAFETY: the caller's promise.
    unsafe {
        match payload(handle) {
            Some(payload) if is(payload) => free(handle),
            _ => complain(handle, what),
        }
    }
}

/// Deletes a handle of any kind.
///
/// # Safety
/// As for [`delete`].
pub(super) unsafe fn delete_any(handle: *mut Handle) {
    // SAFETY: the caller's promise.
    unsafe { delete(handle, "an object", |_| true) }
}

/// # Safety
/// `handle` must be a handle that was not deleted.
unsafe fn free(handle: *mut Handle) {
    // SAFETY: the caller's promise. The payload is dropped last: that may run anything.
    let dead = unsafe {
        ((*handle).numbers.get().replace(None), (*handle).payload.get().replace(Payload::Free))
    };
    if let Some(place) = NonNull::new(handle) {
        with_pool(|pool| pool.free.push_back(Place(place)));
    }
    drop(dead);
}

/// Another handle to the same thing; null where there is none.
///
/// # Safety
/// As for [`payload`].
pub(super) unsafe fn copy(
    handle: *const Handle,
    what: &str,
    is: impl FnOnce(&Payload) -> bool,
) -> *mut Handle {
    // SAFETY: the caller's promise.
    match unsafe { payload(handle) } {
        Some(payload) if is(payload) => payload.copy().map_or(core::ptr::null_mut(), new),
        _ => {
            // SAFETY: as above.
            unsafe { complain(handle, what) };
            core::ptr::null_mut()
        }
    }
}

/// A handle that belongs to another one, and goes with it.
#[derive(Debug)]
pub(super) struct Owned(NonNull<Handle>);

// SAFETY: what handles stand for may go to other threads.
unsafe impl Send for Owned {}

impl Owned {
    pub(super) fn new(payload: Payload) -> Self {
        Self(NonNull::new(new(payload)).expect("handles are not null"))
    }

    /// # Safety
    /// `handle` must be null or belong to the caller, who gives it away.
    pub(super) unsafe fn from_raw(handle: *mut Handle) -> Option<Self> {
        // SAFETY: the caller's promise.
        unsafe { payload(handle) }?;
        NonNull::new(handle).map(Self)
    }

    pub(super) fn as_ptr(&self) -> *mut Handle {
        self.0.as_ptr()
    }

    pub(super) fn into_raw(self) -> *mut Handle {
        let handle = self.as_ptr();
        core::mem::forget(self);
        handle
    }
}

impl Clone for Owned {
    fn clone(&self) -> Self {
        // SAFETY: the handle lives as long as this does. Where somebody deleted it all the same,
        // the copy is a handle that was deleted, too.
        let copied = unsafe { copy(self.as_ptr(), "a part of an object", |_| true) };
        NonNull::new(copied).map_or(Self(self.0), Self)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the handle belongs to this. Who deleted it all the same made it one that is
        // known to be deleted.
        unsafe { delete_any(self.as_ptr()) }
    }
}

/// A pointer of the embedder.
pub(super) type Data = *mut c_void;
