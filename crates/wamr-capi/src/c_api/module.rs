//! Modules.

use core::ffi::{CStr, c_char};
use std::ffi::CString;
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(feature = "jit")]
use wamr::Mode;
use wamr::{Error, Module, ModuleError};

#[cfg(feature = "jit")]
use super::config::ModuleMode;
use super::engine::EngineState;
use super::foreign::Info;
use super::handle::{self, Handle, Payload, payload_of};
use super::import_export::{ExportTypeData, ImportTypeData};
use super::types::null;
use super::vec::{wasm_byte_vec_t, wasm_handle_vec_t, wasm_vec_t, write_out};
use crate::guard::{guard, ok_or_last_error, set_last_error};

/// A module, with what the embedder says about it.
pub(super) struct ModuleData {
    pub(super) engine: Arc<EngineState>,
    pub(super) module: Module,
    /// All names that it was given; pointers to the last one are with C.
    names: Mutex<Vec<CString>>,
    pub(super) info: Info,
}

/// `LoadArgs`
#[repr(C)]
#[derive(Debug)]
pub struct LoadArgs {
    /// What the module is called, if it does not name itself.
    pub name: *mut c_char,
    /// No effect: modules keep bytes of their own.
    pub clone_wasm_binary: u8,
    /// No effect: the bytes may always be freed.
    pub wasm_binary_freeable: u8,
    /// No effect: imports are resolved when a module is instantiated.
    pub no_resolve: u8,
}

/// # Safety
/// `binary` must be null or a vector.
unsafe fn bytes_of<'a>(binary: *const wasm_byte_vec_t) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    match unsafe { binary.as_ref() } {
        // SAFETY: as above.
        Some(vec) => Some(unsafe { vec.as_slice() }),
        None => {
            set_last_error("there are no bytes");
            None
        }
    }
}

fn engine_of(store: *const Handle) -> Option<Arc<EngineState>> {
    payload_of!(store, "a store", Payload::Store(store) => store.engine.clone())
}

/// # Safety
/// As for [`wasm_module_new_ex`].
unsafe fn load(
    store: *const Handle,
    binary: *const wasm_byte_vec_t,
    name: *const c_char,
) -> Option<*mut Handle> {
    let engine = engine_of(store)?;
    // SAFETY: the caller's promise.
    let bytes = unsafe { bytes_of(binary) }?.to_vec();
    let name = match name.is_null() {
        true => None,
        // SAFETY: the caller's promise.
        false => Some(unsafe { CStr::from_ptr(name) }.to_string_lossy()),
    };
    let module = make(&engine, bytes, name.as_deref());
    let module = ok_or_last_error(module)?;
    let name = module.name().or(name.as_deref());
    let name = name.and_then(|name| CString::new(name).ok()).unwrap_or_default();
    let names = Mutex::new(vec![name]);
    let data = ModuleData { engine, module, names, info: Info::default() };
    Some(handle::new(Payload::Module(Arc::new(data))))
}

/// Makes a module of bytes in either format.
#[cfg(feature = "aot")]
fn make(engine: &EngineState, bytes: Vec<u8>, name: Option<&str>) -> Result<Module, ModuleError> {
    if wamr::aot::is_aot(&bytes) {
        // SAFETY: the header says that C vouches for AOT files.
        return unsafe { Module::deserialize(&engine.engine, bytes) };
    }
    #[cfg(feature = "jit")]
    if engine.mode == ModuleMode::Aot {
        let compiled = engine.engine.precompile(&bytes)?;
        // SAFETY: it has just been compiled.
        return unsafe { Module::deserialize(&engine.engine, compiled) };
    }
    parse(engine, bytes, name)
}

/// Makes a module of bytes in the binary format.
#[cfg(not(feature = "aot"))]
fn make(engine: &EngineState, bytes: Vec<u8>, name: Option<&str>) -> Result<Module, ModuleError> {
    parse(engine, bytes, name)
}

fn parse(engine: &EngineState, bytes: Vec<u8>, name: Option<&str>) -> Result<Module, ModuleError> {
    match name {
        Some(name) => Module::named(&engine.engine, bytes, name),
        None => Module::new(&engine.engine, bytes),
    }
}

/// What a module is made of again: an AOT file where it was compiled, else the binary format.
fn bytes_of_module(module: &Module) -> Result<Vec<u8>, Error> {
    #[cfg(feature = "jit")]
    if module.mode() != Mode::Interp.name() {
        return module.serialize();
    }
    Ok(module.decoded().bytes.as_slice().to_vec())
}

fn module_of(module: *const Handle) -> Option<Arc<ModuleData>> {
    payload_of!(module, "a module", Payload::Module(module) => module.clone())
}

/// Makes a module from the binary format or an AOT file; null if it is none that the engine accepts.
/// AOT files hold native code, which C has to vouch for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_module_new(
    store: *mut Handle,
    binary: *const wasm_byte_vec_t,
) -> *mut Handle {
    // SAFETY: C passes a store and a vector.
    guard(null(), || unsafe { load(store, binary, core::ptr::null()).unwrap_or(null()) })
}

/// Makes a module from the binary format, with arguments.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_module_new_ex(
    store: *mut Handle,
    binary: *mut wasm_byte_vec_t,
    args: *mut LoadArgs,
) -> *mut Handle {
    guard(null(), || {
        // SAFETY: C passes arguments or null.
        let name =
            unsafe { args.as_ref() }.map_or(core::ptr::null(), |args| args.name.cast_const());
        // SAFETY: C passes a store and a vector.
        unsafe { load(store, binary, name).unwrap_or(null()) }
    })
}

/// Whether bytes are a module that the engine accepts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_module_validate(
    store: *mut Handle,
    binary: *const wasm_byte_vec_t,
) -> bool {
    guard(false, || {
        // SAFETY: C passes a vector.
        let (Some(engine), Some(bytes)) = (engine_of(store), unsafe { bytes_of(binary) }) else {
            return false;
        };
        ok_or_last_error(Module::validate(&engine.engine, bytes)).is_some()
    })
}

/// What a module imports, in order.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_module_imports(module: *const Handle, out: *mut wasm_handle_vec_t) {
    guard((), || {
        let list = module_of(module).map_or(wasm_vec_t::empty(), |module| {
            let (types, builtins) = (module.engine.types(), module.engine.builtins());
            let imports: Vec<_> = module
                .module
                .imports()
                .filter_map(|import| {
                    let is_linked = builtins.contains(import.module(), import.name());
                    ImportTypeData::new(types, &import, is_linked)
                })
                .collect();
            let payloads = imports.into_iter().map(|data| Payload::ImportType(Box::new(data)));
            super::vec::vec_of_handles(payloads)
        });
        // SAFETY: C passes room for a vector, or null.
        unsafe { write_out(out, list) };
    })
}

/// What a module exports, in order.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_module_exports(module: *const Handle, out: *mut wasm_handle_vec_t) {
    guard((), || {
        let list = module_of(module).map_or(wasm_vec_t::empty(), |module| {
            let types = module.engine.types();
            let exports: Vec<_> = module
                .module
                .exports()
                .filter_map(|export| ExportTypeData::new(types, &export))
                .collect();
            let payloads = exports.into_iter().map(|data| Payload::ExportType(Box::new(data)));
            super::vec::vec_of_handles(payloads)
        });
        // SAFETY: C passes room for a vector, or null.
        unsafe { write_out(out, list) };
    })
}

/// A module as bytes that [`wasm_module_deserialize`] takes: an AOT file where it was compiled, else
/// the binary format.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_module_serialize(module: *const Handle, out: *mut wasm_byte_vec_t) {
    guard((), || {
        let bytes = module_of(module)
            .and_then(|module| ok_or_last_error(bytes_of_module(&module.module)))
            .unwrap_or_default();
        // SAFETY: C passes room for a vector, or null.
        unsafe { write_out(out, wasm_vec_t::from_elements(bytes.into_iter())) };
    })
}

/// Makes a module from what [`wasm_module_serialize`] gave. AOT files hold native code, which C has
/// to vouch for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_module_deserialize(
    store: *mut Handle,
    binary: *const wasm_byte_vec_t,
) -> *mut Handle {
    // SAFETY: as there.
    unsafe { wasm_module_new(store, binary) }
}

/// A module for other threads and stores of the engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_module_share(module: *const Handle) -> *mut Handle {
    guard(null(), || match module_of(module) {
        Some(module) => handle::new(Payload::SharedModule(module)),
        None => null(),
    })
}

/// A module for a store, of one that was shared; null where that is one of another engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_module_obtain(
    store: *mut Handle,
    shared: *const Handle,
) -> *mut Handle {
    guard(null(), || {
        let module =
            payload_of!(shared, "a shared module", Payload::SharedModule(module) => module.clone());
        let (Some(engine), Some(module)) = (engine_of(store), module) else { return null() };
        if !Arc::ptr_eq(&engine, &module.engine) {
            set_last_error("the module belongs to another engine");
            return null();
        }
        handle::new(Payload::Module(module))
    })
}

/// Deletes a shared module; the modules that were made of it stay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_shared_module_delete(shared: *mut Handle) {
    // SAFETY: C gives the handle away.
    guard((), || unsafe {
        handle::delete(shared, "a shared module", |payload| {
            matches!(payload, Payload::SharedModule(_))
        })
    })
}

/// Gives a module a name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_module_set_name(module: *mut Handle, name: *const c_char) -> bool {
    guard(false, || {
        let Some(module) = module_of(module) else { return false };
        if name.is_null() {
            set_last_error("a module's name is a string");
            return false;
        }
        // SAFETY: C passes a string.
        let name = unsafe { CStr::from_ptr(name) }.to_owned();
        module.names.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        true
    })
}

/// The name that a module was given, or has of its own; else an empty one. It lasts as long as the
/// module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_module_get_name(module: *mut Handle) -> *const c_char {
    guard(c"".as_ptr(), || {
        let Some(module) = module_of(module) else { return c"".as_ptr() };
        let names = module.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.last().map_or(c"".as_ptr(), |name| name.as_ptr())
    })
}

/// Whether the bytes that a module was made from may be freed: always.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_module_is_underlying_binary_freeable(module: *const Handle) -> bool {
    guard(false, || module_of(module).is_some())
}
