//! Conversions of handles: the same handle, where it is of the kind that is asked for.

use super::handle::{self, Handle, Payload};
use super::types::null;

/// The same handle, if its payload is as wanted; else null.
///
/// # Safety
/// As for [`handle::payload`].
pub(super) unsafe fn cast(
    handle: *const Handle,
    what: &str,
    is: impl FnOnce(&Payload) -> bool,
) -> *mut Handle {
    // SAFETY: the caller's promise.
    unsafe {
        match handle::payload(handle) {
            Some(payload) if is(payload) => return handle.cast_mut(),
            // Asking whether something is of a kind is no error; asking about nothing is.
            Some(_) => {}
            None => handle::complain(handle, what),
        }
    }
    null()
}

/// Defines conversions between handles: the same handle where the kind fits, else null.
macro_rules! casts {
    ($($name:ident, $name_const:ident: $what:literal ($pattern:pat);)*) => {$(
        /// The same handle, where it is of that kind; else null.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            handle: *mut $crate::c_api::Handle,
        ) -> *mut $crate::c_api::Handle {
            $crate::guard::guard($crate::c_api::types::null(), || {
                let is = |payload: &Payload| matches!(payload, $pattern);
                // SAFETY: C passes a handle.
                unsafe { $crate::c_api::casts::cast(handle, $what, is) }
            })
        }

        /// The same handle, where it is of that kind; else null.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name_const(
            handle: *const $crate::c_api::Handle,
        ) -> *const $crate::c_api::Handle {
            // SAFETY: as here; nothing is written.
            unsafe { $name(handle.cast_mut()) }
        }
    )*};
}
pub(super) use casts;

casts! {
    wasm_functype_as_externtype, wasm_functype_as_externtype_const:
        "a function type" (Payload::FuncType(_));
    wasm_globaltype_as_externtype, wasm_globaltype_as_externtype_const:
        "a global type" (Payload::GlobalType(_));
    wasm_tabletype_as_externtype, wasm_tabletype_as_externtype_const:
        "a table type" (Payload::TableType(_));
    wasm_memorytype_as_externtype, wasm_memorytype_as_externtype_const:
        "a memory type" (Payload::MemoryType(_));
    wasm_tagtype_as_externtype, wasm_tagtype_as_externtype_const:
        "a tag type" (Payload::TagType(_));
    wasm_externtype_as_functype, wasm_externtype_as_functype_const:
        "an external type" (Payload::FuncType(_));
    wasm_externtype_as_globaltype, wasm_externtype_as_globaltype_const:
        "an external type" (Payload::GlobalType(_));
    wasm_externtype_as_tabletype, wasm_externtype_as_tabletype_const:
        "an external type" (Payload::TableType(_));
    wasm_externtype_as_memorytype, wasm_externtype_as_memorytype_const:
        "an external type" (Payload::MemoryType(_));
    wasm_externtype_as_tagtype, wasm_externtype_as_tagtype_const:
        "an external type" (Payload::TagType(_));
}
