//! Instances.

use core::ffi::{CStr, c_char};

use wamr::{
    Error, Extern, Imports, Instance, InstantiateError, LinkError, Module, StoreContextMut,
};

use super::engine::{EngineState, StoreData, StoreRef};
use super::handle::{self, Handle, Payload, payload_of};
use super::trap;
use super::types::null;
use super::vec::{vec_of_handles, wasm_handle_vec_t, wasm_vec_t, write_out};
use crate::guard::{guard, ok_or_last_error, set_last_error};

/// `InstantiationArgs`
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct InstantiationArgs {
    /// No effect: frames are in the stack of the store.
    pub default_stack_size: u32,
    /// No effect: this API has no functions for a heap of an instance.
    pub host_managed_heap_size: u32,
    /// Must be 0: the module's own maxima hold.
    pub max_memory_pages: u32,
}

/// What is given for an import.
enum Given {
    Value(Extern),
    /// Nothing: whatever the library has.
    Gap,
}

fn link_error(error: LinkError) -> Error {
    Error::msg(error)
}

fn run_error(error: InstantiateError) -> Error {
    match error {
        InstantiateError::Run(error) => error,
        InstantiateError::Link(error) => link_error(error),
        error => Error::msg(error),
    }
}

/// Reads what C gives for the imports of a module.
///
/// # Safety
/// The handles must be null or handles.
///
/// # Errors
/// If one is no external value.
unsafe fn read_imports(given: &[*mut Handle], count: usize) -> Result<Vec<Given>, Error> {
    let read = |at: usize| {
        let handle = given.get(at).copied().unwrap_or(null());
        if handle.is_null() {
            return Ok(Given::Gap);
        }
        // SAFETY: the caller's promise.
        match unsafe { handle::payload(handle) } {
            Some(Payload::Extern(_, value)) => Ok(Given::Value(value.clone())),
            Some(Payload::Empty(_)) => Ok(Given::Gap),
            _ => Err(Error::msg(format_args!(
                "import {at} is given something that was deleted, or no external value"
            ))),
        }
    };
    (0..count).map(read).collect()
}

fn instantiate(
    mut store: StoreContextMut<'_, StoreData>,
    engine: &EngineState,
    module: &Module,
    given: Vec<Given>,
) -> Result<Instance, Error> {
    let values: Vec<Extern> = given
        .iter()
        .filter_map(|given| match given {
            Given::Value(value) => Some(value.clone()),
            Given::Gap => None,
        })
        .collect();
    if values.len() == given.len() {
        return Instance::new(store, module, &values).map_err(run_error);
    }
    let mut imports = Imports::of(module).source("the library", engine.builtins());
    for (at, given) in given.into_iter().enumerate() {
        if let Given::Value(value) = given {
            imports = imports.at(at, value);
        }
    }
    let list = imports.build(&mut store).map_err(link_error)?;
    list.instantiate(store).map_err(run_error)
}

/// # Safety
/// As for [`wasm_instance_new`].
unsafe fn new_instance(
    store: *const Handle,
    module: *const Handle,
    imports: *const wasm_handle_vec_t,
) -> Result<*mut Handle, *mut Handle> {
    let complaint = || trap::of_message(crate::guard::last_error());
    let owner = payload_of!(store, "a store", Payload::Store(store) => store.clone());
    let module = payload_of!(module, "a module", Payload::Module(module) => module.clone());
    let (Some(owner), Some(module)) = (owner, module) else { return Err(complaint()) };
    // SAFETY: the caller's promise.
    let given = unsafe { imports.as_ref().map_or(&[][..], |imports| imports.as_slice()) };
    // SAFETY: as above.
    let given = unsafe { read_imports(given, module.module.imports().len()) };
    let made = given.and_then(|given| {
        owner.with(|store| instantiate(store, &owner.engine, &module.module, given))
    });
    match made {
        Ok(instance) => Ok(handle::new(Payload::Instance(owner, instance))),
        Err(error) => {
            set_last_error(&error);
            // What does not fit is a host's error here; what the start function ended in has frames,
            // or is a trap.
            let is_misfit = error.trap_code().is_none() && error.backtrace().frames().is_empty();
            Err(if is_misfit && error.exception().is_none() {
                trap::of_message(&error)
            } else {
                trap::of_error(&owner, &error)
            })
        }
    }
}

/// Instantiates a module with one external value for each import, in order. Where a value is null,
/// a placeholder, or beyond the end of the vector, the library itself fills the place, if it has
/// something of that name.
///
/// Returns null where that fails, and writes a trap to `trap` that says why.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_instance_new(
    store: *mut Handle,
    module: *const Handle,
    imports: *const wasm_handle_vec_t,
    trap: *mut *mut Handle,
) -> *mut Handle {
    guard(null(), || {
        // SAFETY: C passes handles, a vector, and room for a trap.
        unsafe {
            write_out(trap, null());
            match new_instance(store, module, imports) {
                Ok(instance) => instance,
                Err(made) if trap.is_null() => {
                    handle::delete_any(made);
                    null()
                }
                Err(made) => {
                    trap.write(made);
                    null()
                }
            }
        }
    })
}

/// Instantiates a module; the sizes have no effect, since frames are in the stack of the store and
/// this API has no functions for a heap of an instance.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_instance_new_with_args(
    store: *mut Handle,
    module: *const Handle,
    imports: *const wasm_handle_vec_t,
    trap: *mut *mut Handle,
    _stack_size: u32,
    _heap_size: u32,
) -> *mut Handle {
    // SAFETY: as there.
    unsafe { wasm_instance_new(store, module, imports, trap) }
}

/// Instantiates a module with arguments. A limit of memories is refused, since nothing would
/// enforce it; the module's own maxima hold.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_instance_new_with_args_ex(
    store: *mut Handle,
    module: *const Handle,
    imports: *const wasm_handle_vec_t,
    trap: *mut *mut Handle,
    args: *const InstantiationArgs,
) -> *mut Handle {
    // SAFETY: C passes arguments or null.
    if unsafe { args.as_ref() }.is_some_and(|args| args.max_memory_pages != 0) {
        return guard(null(), || {
            let what = "`max_memory_pages` is not supported: give the memory a maximum";
            set_last_error(what);
            if !trap.is_null() {
                // SAFETY: C passes room for a trap.
                unsafe { trap.write(trap::of_message(what)) };
            }
            null()
        });
    }
    // SAFETY: as there.
    unsafe { wasm_instance_new(store, module, imports, trap) }
}

fn instance_of(instance: *const Handle) -> Option<(StoreRef, Instance)> {
    payload_of!(instance, "an instance", Payload::Instance(owner, instance) => {
        (owner.clone(), instance.clone())
    })
}

/// An instance's exports, in the order of the module's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_instance_exports(
    instance: *const Handle,
    out: *mut wasm_handle_vec_t,
) {
    guard((), || {
        let exports = instance_of(instance).and_then(|(owner, instance)| {
            let exports = ok_or_last_error(owner.with(|store| instance.exports(store)))?;
            let values = exports.into_iter();
            Some(vec_of_handles(values.map(|(_, value)| Payload::Extern(owner.clone(), value))))
        });
        // SAFETY: C passes room for a vector, or null.
        unsafe { write_out(out, exports.unwrap_or(wasm_vec_t::empty())) };
    })
}

/// How long functions of an instance ran, in milliseconds: 0, since nobody measures.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_instance_sum_wasm_exec_time(instance: *const Handle) -> f64 {
    guard(0.0, || {
        let _ = instance_of(instance);
        0.0
    })
}

/// How long a function of an instance ran, in milliseconds: 0, since nobody measures.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_instance_get_wasm_func_exec_time(
    instance: *const Handle,
    name: *const c_char,
) -> f64 {
    guard(0.0, || {
        if name.is_null() {
            set_last_error("a function needs a name");
            return 0.0;
        }
        if let Some((owner, instance)) = instance_of(instance) {
            // SAFETY: C passes a string.
            let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
            let found = owner.with(|store| Ok(instance.get_func(store, &name).is_some()));
            if !matches!(found, Ok(true)) {
                set_last_error(format_args!("there is no function `{name}`"));
            }
        }
        0.0
    })
}
