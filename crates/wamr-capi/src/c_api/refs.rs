//! What all references have in common: copies, identity, and what the embedder attaches to them.

use std::sync::Arc;

use wamr::{AnyRef, Attachment, Error, ExnRef, Extern, ExternRef, Instance, StoreContextMut};

use super::casts::casts;
use super::engine::StoreData;
use super::foreign::Info;
use super::func::wasm_finalizer_t;
use super::handle::{self, Data, Handle, Payload};
use super::types::null;
use crate::guard::{Finalizer, guard, ok_or_last_error};

/// What things of a store have attached to them, through which C finds the same `host_info` again,
/// whatever handle it has.
struct InfoOf(Arc<Info>);

/// Something that values are attached to.
enum Entity<'a> {
    Extern(&'a Extern),
    Instance(&'a Instance),
}

impl Entity<'_> {
    /// The info that is attached; a new one if there is none.
    fn info(&self, mut store: StoreContextMut<'_, StoreData>) -> Result<Arc<Info>, Error> {
        let found = match self {
            Self::Extern(value) => value.attachment(&store)?,
            Self::Instance(instance) => instance.attachment(&store)?,
        };
        let found = found.as_ref().and_then(|found| found.downcast_ref::<InfoOf>());
        if let Some(InfoOf(info)) = found {
            return Ok(info.clone());
        }
        let info = Arc::new(Info::default());
        let value: Attachment = Arc::new(InfoOf(info.clone()));
        match self {
            Self::Extern(it) => it.attach(&mut store, value)?,
            Self::Instance(it) => it.attach(&mut store, value)?,
        };
        Ok(info)
    }
}

/// Has `body` look at what is attached to what a handle stands for.
///
/// # Safety
/// As for [`handle::payload`].
unsafe fn with_info<R>(handle: *const Handle, body: impl FnOnce(&Info) -> R) -> Option<R> {
    // SAFETY: the caller's promise.
    let info = match unsafe { handle::payload(handle) } {
        Some(Payload::Foreign(_, _, Some(info))) => info.clone(),
        Some(Payload::Module(module)) => {
            let module = module.clone();
            return Some(body(&module.info));
        }
        Some(Payload::Trap(_, trap)) => {
            let cause = trap.cause.clone();
            return Some(body(&cause.info));
        }
        Some(Payload::Extern(owner, value)) => {
            let (owner, value) = (owner.clone(), value.clone());
            ok_or_last_error(owner.with(|store| Entity::Extern(&value).info(store)))?
        }
        Some(Payload::Instance(owner, instance)) => {
            let (owner, instance) = (owner.clone(), instance.clone());
            ok_or_last_error(owner.with(|store| Entity::Instance(&instance).info(store)))?
        }
        _ => {
            // SAFETY: the caller's promise.
            unsafe { handle::complain(handle, "a reference that can have something attached") };
            return None;
        }
    };
    Some(body(&info))
}

/// Whether two handles stand for the same thing; null is the same as null alone.
///
/// # Safety
/// As for [`handle::payload`].
unsafe fn same(a: *const Handle, b: *const Handle) -> bool {
    if a.is_null() && b.is_null() {
        return true;
    }
    // SAFETY: the caller's promise.
    match unsafe { (handle::payload(a), handle::payload(b)) } {
        (Some(Payload::Extern(_, a)), Some(Payload::Extern(_, b))) => Extern::same(a, b),
        (Some(Payload::Instance(_, a)), Some(Payload::Instance(_, b))) => Instance::same(a, b),
        (Some(Payload::Foreign(_, a, _)), Some(Payload::Foreign(_, b, _))) => ExternRef::same(a, b),
        (Some(Payload::Any(_, a)), Some(Payload::Any(_, b))) => AnyRef::same(a, b),
        (Some(Payload::Exception(_, a)), Some(Payload::Exception(_, b))) => ExnRef::same(a, b),
        (Some(Payload::Trap(_, a)), Some(Payload::Trap(_, b))) => Arc::ptr_eq(&a.cause, &b.cause),
        (Some(Payload::Module(a)), Some(Payload::Module(b))) => Arc::ptr_eq(a, b),
        (Some(Payload::Empty(_)), Some(Payload::Empty(_))) => core::ptr::eq(a, b),
        _ => false,
    }
}

macro_rules! references {
    ($($what:literal $is:expr => $delete:ident, $copy:ident, $same:ident, $get:ident, $set:ident,
        $set_with_finalizer:ident;)*) => {$(
        /// Deletes a handle.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $delete(reference: *mut Handle) {
            // SAFETY: C gives the handle away.
            guard((), || unsafe { handle::delete(reference, $what, $is) })
        }

        /// Another handle to the same thing.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $copy(reference: *const Handle) -> *mut Handle {
            // SAFETY: C passes a handle.
            guard(null(), || unsafe { handle::copy(reference, $what, $is) })
        }

        /// Whether two handles stand for the same thing.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $same(a: *const Handle, b: *const Handle) -> bool {
            // SAFETY: C passes handles.
            guard(false, || unsafe { same(a, b) })
        }

        /// What the embedder attached to the thing, through any handle.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $get(reference: *const Handle) -> Data {
            // SAFETY: C passes a handle.
            guard(core::ptr::null_mut(), || unsafe {
                with_info(reference, Info::get).unwrap_or(core::ptr::null_mut())
            })
        }

        /// Attaches something to the thing; what was there before is finalized.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $set(reference: *mut Handle, info: Data) {
            // SAFETY: as there.
            unsafe { $set_with_finalizer(reference, info, None) }
        }

        /// Attaches something to the thing. The finalizer gets it when something else is attached,
        /// or when the thing is reclaimed, which is some time after nothing refers to it any more.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $set_with_finalizer(
            reference: *mut Handle,
            info: Data,
            finalizer: wasm_finalizer_t,
        ) {
            guard((), || {
                // SAFETY: C passes a handle, and what the finalizer takes.
                unsafe {
                    let info = Finalizer::new(finalizer, info);
                    if !handle::payload(reference).is_some_and($is) {
                        return handle::complain(reference, $what);
                    }
                    with_info(reference, |place| place.set(info));
                }
            })
        }
    )*};
}

references! {
    "a reference" Payload::is_ref => wasm_ref_delete, wasm_ref_copy, wasm_ref_same,
        wasm_ref_get_host_info, wasm_ref_set_host_info, wasm_ref_set_host_info_with_finalizer;
    "a trap" |payload| matches!(payload, Payload::Trap(..)) => wasm_trap_delete, wasm_trap_copy,
        wasm_trap_same, wasm_trap_get_host_info, wasm_trap_set_host_info,
        wasm_trap_set_host_info_with_finalizer;
    "a foreign object" is_foreign => wasm_foreign_delete, wasm_foreign_copy, wasm_foreign_same,
        wasm_foreign_get_host_info, wasm_foreign_set_host_info,
        wasm_foreign_set_host_info_with_finalizer;
    "a function" |payload| matches!(payload, Payload::Extern(_, Extern::Func(_))) =>
        wasm_func_delete, wasm_func_copy, wasm_func_same, wasm_func_get_host_info,
        wasm_func_set_host_info, wasm_func_set_host_info_with_finalizer;
    "a global" |payload| matches!(payload, Payload::Extern(_, Extern::Global(_))) =>
        wasm_global_delete, wasm_global_copy, wasm_global_same, wasm_global_get_host_info,
        wasm_global_set_host_info, wasm_global_set_host_info_with_finalizer;
    "a table" |payload| matches!(payload, Payload::Extern(_, Extern::Table(_))) =>
        wasm_table_delete, wasm_table_copy, wasm_table_same, wasm_table_get_host_info,
        wasm_table_set_host_info, wasm_table_set_host_info_with_finalizer;
    "a memory" |payload| matches!(payload, Payload::Extern(_, Extern::Memory(_))) =>
        wasm_memory_delete, wasm_memory_copy, wasm_memory_same, wasm_memory_get_host_info,
        wasm_memory_set_host_info, wasm_memory_set_host_info_with_finalizer;
    "a tag" |payload| matches!(payload, Payload::Extern(_, Extern::Tag(_))) =>
        wasm_tag_delete, wasm_tag_copy, wasm_tag_same, wasm_tag_get_host_info,
        wasm_tag_set_host_info, wasm_tag_set_host_info_with_finalizer;
    "an external value" Payload::is_extern => wasm_extern_delete, wasm_extern_copy,
        wasm_extern_same, wasm_extern_get_host_info, wasm_extern_set_host_info,
        wasm_extern_set_host_info_with_finalizer;
    "an instance" |payload| matches!(payload, Payload::Instance(..)) => wasm_instance_delete,
        wasm_instance_copy, wasm_instance_same, wasm_instance_get_host_info,
        wasm_instance_set_host_info, wasm_instance_set_host_info_with_finalizer;
    "a module" |payload| matches!(payload, Payload::Module(_)) => wasm_module_delete,
        wasm_module_copy, wasm_module_same, wasm_module_get_host_info, wasm_module_set_host_info,
        wasm_module_set_host_info_with_finalizer;
}

fn is_foreign(payload: &Payload) -> bool {
    matches!(payload, Payload::Foreign(..) | Payload::Any(..) | Payload::Exception(..))
}

casts! {
    wasm_trap_as_ref, wasm_trap_as_ref_const: "a trap" (Payload::Trap(..));
    wasm_ref_as_trap, wasm_ref_as_trap_const: "a reference" (Payload::Trap(..));
    wasm_foreign_as_ref, wasm_foreign_as_ref_const: "a foreign object" (Payload::Foreign(..) | Payload::Any(..) | Payload::Exception(..));
    wasm_ref_as_foreign, wasm_ref_as_foreign_const: "a reference" (Payload::Foreign(..) | Payload::Any(..) | Payload::Exception(..));
    wasm_func_as_ref, wasm_func_as_ref_const: "a function" (Payload::Extern(_, Extern::Func(_)));
    wasm_ref_as_func, wasm_ref_as_func_const: "a reference" (Payload::Extern(_, Extern::Func(_)));
    wasm_global_as_ref, wasm_global_as_ref_const:
        "a global" (Payload::Extern(_, Extern::Global(_)));
    wasm_ref_as_global, wasm_ref_as_global_const:
        "a reference" (Payload::Extern(_, Extern::Global(_)));
    wasm_table_as_ref, wasm_table_as_ref_const: "a table" (Payload::Extern(_, Extern::Table(_)));
    wasm_ref_as_table, wasm_ref_as_table_const:
        "a reference" (Payload::Extern(_, Extern::Table(_)));
    wasm_memory_as_ref, wasm_memory_as_ref_const:
        "a memory" (Payload::Extern(_, Extern::Memory(_)));
    wasm_ref_as_memory, wasm_ref_as_memory_const:
        "a reference" (Payload::Extern(_, Extern::Memory(_)));
    wasm_tag_as_ref, wasm_tag_as_ref_const: "a tag" (Payload::Extern(_, Extern::Tag(_)));
    wasm_ref_as_tag, wasm_ref_as_tag_const: "a reference" (Payload::Extern(_, Extern::Tag(_)));
    wasm_extern_as_ref, wasm_extern_as_ref_const: "an external value" (Payload::Extern(..));
    wasm_ref_as_extern, wasm_ref_as_extern_const: "a reference" (Payload::Extern(..));
    wasm_instance_as_ref, wasm_instance_as_ref_const: "an instance" (Payload::Instance(..));
    wasm_ref_as_instance, wasm_ref_as_instance_const: "a reference" (Payload::Instance(..));
    wasm_module_as_ref, wasm_module_as_ref_const: "a module" (Payload::Module(_));
    wasm_ref_as_module, wasm_ref_as_module_const: "a reference" (Payload::Module(_));
}
