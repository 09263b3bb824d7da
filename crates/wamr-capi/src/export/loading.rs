//! Loading linking: modules that C registers by name or that its reader finds, whose instances
//! give other modules what these import.

use std::collections::HashMap;
use std::ffi::{CString, c_char, c_int};
use std::ptr::null_mut;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wamr::types::ModuleBytes;
use wamr::{Extern, StoreContextMut};

use super::group::Data;
use super::handle::{self, Name};
use super::instance::Inst;
use super::instantiate::{self, Request};
use super::module::Module;
use super::runtime::Runtime;
use super::text;

/// How deep modules may import from each other.
const MAX_DEPTH: usize = 64;

type ReadModule = extern "C" fn(c_int, *const c_char, *mut *mut u8, *mut u32) -> bool;
type DestroyBuffer = extern "C" fn(*mut u8, u32);

/// `module_reader` and `module_destroyer`
#[derive(Clone, Copy)]
struct Reader {
    read: ReadModule,
    destroy: Option<DestroyBuffer>,
}

/// Modules that others may import from.
#[derive(Default)]
pub(crate) struct Modules {
    by_name: Mutex<HashMap<String, Arc<Module>>>,
    reader: Mutex<Option<Reader>>,
}

impl Modules {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Module>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of all of them.
    pub(crate) fn clear(&self) {
        let modules = std::mem::take(&mut *self.lock());
        drop(modules);
    }

    /// The module that is registered by a name, or that the embedder's reader finds.
    fn find(&self, runtime: &Arc<Runtime>, name: &str) -> Result<Option<Arc<Module>>, String> {
        if let Some(module) = self.lock().get(name) {
            return Ok(Some(module.clone()));
        }
        let reader = *self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(reader), Ok(c_name)) = (reader, CString::new(name)) else {
            return Ok(None);
        };
        let (mut buffer, mut size) = (null_mut(), 0);
        if !(reader.read)(0, c_name.as_ptr(), &mut buffer, &mut size) {
            return Ok(None);
        }
        let bytes = text::slice(buffer.cast_const(), size as usize).to_vec();
        if let Some(destroy) = reader.destroy {
            destroy(buffer, size);
        }
        let module = Module::load(runtime, ModuleBytes::new(bytes), Some(name));
        let module = module.map_err(|error| format!("module `{name}`: {error}"))?;
        self.lock().insert(name.to_owned(), module.clone());
        Ok(Some(module))
    }
}

/// The instances that are made on the way, by the names that they are imported by.
#[derive(Default)]
pub(crate) struct Loading {
    made: HashMap<String, Arc<Inst>>,
    /// What is being made, outermost first.
    under_way: Vec<String>,
}

impl Loading {
    /// An export of a module that others may import from, which is instantiated for it.
    ///
    /// # Errors
    /// Names the module that cannot be loaded or instantiated.
    pub(crate) fn find(
        &mut self,
        store: &mut StoreContextMut<'_, Data>,
        runtime: &Arc<Runtime>,
        from: &str,
        name: &str,
        request: &Request,
    ) -> Result<Option<Extern>, String> {
        let inst = match self.made.get(from) {
            Some(inst) => inst.clone(),
            None => {
                let found = runtime.loadable.find(runtime, from)?;
                let Some(module) = found else { return Ok(None) };
                if self.under_way.iter().any(|name| name == from) {
                    return Err(format!("modules import from each other: `{from}`"));
                }
                if self.under_way.len() >= MAX_DEPTH {
                    return Err("modules import from each other too deeply".into());
                }
                self.under_way.push(from.to_owned());
                let request = request.for_dependency();
                let made = instantiate::make_in(store, &module, &request, &[], self);
                self.under_way.pop();
                let inst = made.map_err(|error| format!("module `{from}`: {error}"))?;
                self.made.insert(from.to_owned(), inst.clone());
                inst
            }
        };
        Ok(inst.export_value(store, name))
    }

    /// The instances that were made on the way.
    pub(crate) fn into_made(self) -> Vec<Arc<Inst>> {
        self.made.into_values().collect()
    }
}

c_api! {
    fn wasm_runtime_set_module_reader(
        read: Option<ReadModule>,
        destroy: Option<DestroyBuffer>,
    ) {
        if let Some(runtime) = Runtime::current() {
            let reader = &runtime.loadable.reader;
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            *reader = read.map(|read| Reader { read, destroy });
        }
    }

    fn wasm_runtime_register_module(
        name: *const c_char,
        module: Name,
        error_buf: *mut c_char,
        error_buf_size: u32,
    ) -> bool {
        let fail = |what: &str| {
            text::message(error_buf, error_buf_size, &what);
            false
        };
        let (Some(name), Some(module)) = (text::string(name), handle::get::<Module>(module))
        else {
            return fail("there is no such module, or no name");
        };
        let mut modules = module.runtime.loadable.lock();
        match modules.get(&name) {
            Some(there) if Arc::ptr_eq(there, &module) => return true,
            Some(_) => return fail("another module is registered by that name"),
            None => {}
        }
        if modules.values().any(|there| Arc::ptr_eq(there, &module)) {
            return fail("the module is registered by another name");
        }
        modules.insert(name, module.clone());
        true
    }

    fn wasm_runtime_find_module_registered(name: *const c_char) -> Name {
        let (Some(runtime), Some(name)) = (Runtime::current(), text::string(name)) else {
            return null_mut();
        };
        match runtime.loadable.lock().get(&name) {
            Some(module) => module.name(),
            None => null_mut(),
        }
    }
}
