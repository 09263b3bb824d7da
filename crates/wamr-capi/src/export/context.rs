//! A place for a pointer in each instance, by keys.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;

use super::handle::{self, Name};
use super::instance::Inst;

pub(crate) type Destructor = extern "C" fn(Name, *mut c_void);

/// A key.
pub(crate) struct ContextKey {
    pub(crate) destructor: Option<Destructor>,
}

c_api! {
    fn wasm_runtime_create_context_key(destructor: Option<Destructor>) -> Name {
        handle::insert(Arc::new(ContextKey { destructor }))
    }

    fn wasm_runtime_destroy_context_key(key: Name) {
        handle::remove::<ContextKey>(key);
    }

    fn wasm_runtime_set_context(inst: Name, key: Name, context: *mut c_void) {
        let inst = handle::get::<Inst>(inst);
        if let (Some(inst), Some(_)) = (inst, handle::get::<ContextKey>(key)) {
            inst.set_context(key, context);
        }
    }

    fn wasm_runtime_set_context_spread(inst: Name, key: Name, context: *mut c_void) {
        let inst = handle::get::<Inst>(inst);
        if let (Some(inst), Some(_)) = (inst, handle::get::<ContextKey>(key)) {
            for thread in inst.family.members() {
                thread.set_context(key, context);
            }
        }
    }

    fn wasm_runtime_get_context(inst: Name, key: Name) -> *mut c_void {
        handle::get::<Inst>(inst).map_or(null_mut(), |inst| inst.context(key))
    }

    fn wasm_runtime_set_custom_data(inst: Name, data: *mut c_void) {
        if let Some(inst) = handle::get::<Inst>(inst) {
            for thread in inst.family.members() {
                thread.set_custom_data(data);
            }
        }
    }

    fn wasm_runtime_get_custom_data(inst: Name) -> *mut c_void {
        handle::get::<Inst>(inst).map_or(null_mut(), |inst| inst.custom_data())
    }
}
