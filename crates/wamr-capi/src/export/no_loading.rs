//! A library without loading linking: modules import what C gives, natives and the built-in
//! libraries alone. What `loading` does is refused.

use std::ffi::{c_char, c_void};
use std::ptr::null_mut;
use std::sync::Arc;

use wamr::{Extern, StoreContextMut};

use super::group::Data;
use super::handle::Name;
use super::instance::Inst;
use super::instantiate::Request;
use super::runtime::Runtime;
use super::text;

/// There are none.
#[derive(Default)]
pub(crate) struct Modules;

impl Modules {
    pub(crate) fn clear(&self) {}
}

/// Nothing is made on the way.
#[derive(Default)]
pub(crate) struct Loading;

impl Loading {
    pub(crate) fn find(
        &mut self,
        _store: &mut StoreContextMut<'_, Data>,
        _runtime: &Arc<Runtime>,
        _from: &str,
        _name: &str,
        _request: &Request,
    ) -> Result<Option<Extern>, String> {
        Ok(None)
    }

    pub(crate) fn into_made(self) -> Vec<Arc<Inst>> {
        Vec::new()
    }
}

c_api! {
    fn wasm_runtime_set_module_reader(_read: *const c_void, _destroy: *const c_void) {}

    fn wasm_runtime_register_module(
        _name: *const c_char,
        _module: Name,
        error_buf: *mut c_char,
        error_buf_size: u32,
    ) -> bool {
        text::message(error_buf, error_buf_size, &"this library was built without loading linking");
        false
    }

    fn wasm_runtime_find_module_registered(_name: *const c_char) -> Name {
        null_mut()
    }
}
