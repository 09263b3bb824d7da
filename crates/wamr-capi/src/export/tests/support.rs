//! What all tests need: a runtime, modules from text, and short forms of calls.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::export::call::wasm_runtime_call_wasm;
use crate::export::entity::wasm_runtime_lookup_function;
use crate::export::env::{wasm_runtime_create_exec_env, wasm_runtime_destroy_exec_env};
use crate::export::handle::Name;
use crate::export::instance::{wasm_runtime_deinstantiate, wasm_runtime_get_exception};
use crate::export::instantiate::wasm_runtime_instantiate;
use crate::export::module::{wasm_runtime_load, wasm_runtime_unload};
use crate::export::runtime::{wasm_runtime_destroy, wasm_runtime_init};

/// Tests that set the runtime up themselves run alone.
static ALONE: RwLock<()> = RwLock::new(());

/// A started runtime.
pub(super) struct Started {
    _shared: RwLockReadGuard<'static, ()>,
}

pub(super) fn start() -> Started {
    let shared = ALONE.read().unwrap_or_else(PoisonError::into_inner);
    assert!(wasm_runtime_init());
    Started { _shared: shared }
}

impl Drop for Started {
    fn drop(&mut self) {
        wasm_runtime_destroy();
    }
}

/// Nobody else has a runtime meanwhile.
pub(super) fn alone() -> RwLockWriteGuard<'static, ()> {
    ALONE.write().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

/// A buffer for messages.
pub(super) struct Message([c_char; 256]);

impl Message {
    pub(super) fn new() -> Self {
        Self([0; 256])
    }

    pub(super) fn at(&mut self) -> *mut c_char {
        self.0.as_mut_ptr()
    }

    pub(super) fn text(&self) -> String {
        // SAFETY: the buffer ends with a NUL.
        unsafe { CStr::from_ptr(self.0.as_ptr()) }.to_str().unwrap().to_owned()
    }
}

/// The text at a pointer.
pub(super) fn text_at(at: *const c_char) -> Option<String> {
    if at.is_null() {
        return None;
    }
    // SAFETY: the API gives strings.
    Some(unsafe { CStr::from_ptr(at) }.to_str().unwrap().to_owned())
}

/// A loaded module, with its buffer.
pub(super) struct Loaded {
    pub(super) name: Name,
    _bytes: Vec<u8>,
}

impl Drop for Loaded {
    fn drop(&mut self) {
        wasm_runtime_unload(self.name);
    }
}

pub(super) fn load(wat: &str) -> Loaded {
    let mut bytes = wat::parse_str(wat).unwrap();
    let mut message = Message::new();
    let name = wasm_runtime_load(bytes.as_mut_ptr(), bytes.len() as u32, message.at(), 256);
    assert!(!name.is_null(), "{}", message.text());
    Loaded { name, _bytes: bytes }
}

/// An instance with an environment.
pub(super) struct Instance {
    pub(super) name: Name,
    pub(super) env: Name,
}

impl Drop for Instance {
    fn drop(&mut self) {
        wasm_runtime_destroy_exec_env(self.env);
        wasm_runtime_deinstantiate(self.name);
    }
}

impl Instance {
    pub(super) fn of(name: Name) -> Self {
        assert!(!name.is_null());
        let env = wasm_runtime_create_exec_env(name, 8192);
        assert!(!env.is_null());
        Self { name, env }
    }

    pub(super) fn func(&self, name: &str) -> Name {
        let func = wasm_runtime_lookup_function(self.name, c(name).as_ptr());
        assert!(!func.is_null(), "{name}");
        func
    }

    /// Calls with cells; there is room for as many results.
    pub(super) fn call(&self, name: &str, args: &[u32]) -> Result<Vec<u32>, String> {
        let mut cells = args.to_vec();
        cells.resize(args.len().max(16), 0);
        let func = self.func(name);
        if wasm_runtime_call_wasm(self.env, func, args.len() as u32, cells.as_mut_ptr()) {
            Ok(cells)
        } else {
            Err(self.exception().unwrap())
        }
    }

    pub(super) fn exception(&self) -> Option<String> {
        text_at(wasm_runtime_get_exception(self.name))
    }
}

pub(super) fn instantiate(module: &Loaded) -> Instance {
    let mut message = Message::new();
    let name = wasm_runtime_instantiate(module.name, 8192, 65536, message.at(), 256);
    assert!(!name.is_null(), "{}", message.text());
    Instance::of(name)
}

pub(super) fn instance(wat: &str) -> (Loaded, Instance) {
    let module = load(wat);
    let instance = instantiate(&module);
    (module, instance)
}

pub(super) const NULL: Name = null_mut();
pub(super) const NO_TEXT: *const c_char = null();

pub(super) fn pointer(func: usize) -> *mut c_void {
    std::ptr::with_exposed_provenance_mut(func)
}

impl Loaded {
    pub(super) fn of(name: Name) -> Self {
        assert!(!name.is_null());
        Self { name, _bytes: Vec::new() }
    }
}
