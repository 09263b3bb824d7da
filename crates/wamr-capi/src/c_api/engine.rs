//! Engines and stores.

use core::ops::Deref;
use std::sync::{Arc, OnceLock, Weak};

use wamr::{Engine, Error, Linker, Store, StoreContextMut};

use super::config::{self, MemAllocOption, ModuleMode, mem_alloc_type_t, wasm_config_t};
use super::handle::{self, Handle, Payload, payload_of};
use super::types::null;
use crate::guard::{guard, ok_or_last_error};
use crate::store::{Busy, StoreCell};

/// An engine, and what the library itself has for imports.
pub(super) struct EngineState {
    pub(super) engine: Engine,
    /// How modules in the binary format are run.
    pub(super) mode: ModuleMode,
    /// A configuration that was given with the engine, to be deleted with it unless it was before.
    config: Option<config::Owned>,
    builtins: OnceLock<Linker<StoreData>>,
}

impl Drop for EngineState {
    fn drop(&mut self) {
        if let Some(config) = self.config {
            config.delete();
        }
    }
}

impl Deref for EngineState {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

impl EngineState {
    /// What placeholders in lists of imports stand for.
    pub(super) fn builtins(&self) -> &Linker<StoreData> {
        self.builtins.get_or_init(|| {
            #[allow(unused_mut, reason = "nothing is added without WASI")]
            let mut linker = Linker::new(&self.engine);
            #[cfg(feature = "wasi")]
            if let Err(error) = wamr::wasi::add_to_linker(&mut linker, StoreData::wasi) {
                crate::guard::set_last_error(error);
            }
            linker
        })
    }
}

/// What this API keeps in a store.
pub(super) struct StoreData {
    owner: Weak<StoreState>,
    #[cfg(feature = "wasi")]
    wasi: wamr::wasi::WasiCtx,
}

impl StoreData {
    fn new() -> Self {
        Self {
            owner: Weak::new(),
            #[cfg(feature = "wasi")]
            wasi: wamr::wasi::WasiCtx::builder().inherit_stdio().build(),
        }
    }

    /// The store that the data is in.
    ///
    /// # Errors
    /// If it is being deleted.
    pub(super) fn owner(&self) -> Result<StoreRef, Error> {
        self.owner.upgrade().ok_or_else(|| Error::msg("the store is being deleted"))
    }

    #[cfg(feature = "wasi")]
    fn wasi(&mut self) -> &mut wamr::wasi::WasiCtx {
        &mut self.wasi
    }
}

/// A store, with its engine.
pub(super) struct StoreState {
    pub(super) engine: Arc<EngineState>,
    cell: StoreCell<StoreData>,
}

/// A share in a store. Whoever enters one holds such a share of its own.
pub(super) type StoreRef = Arc<StoreState>;

impl Deref for StoreState {
    type Target = StoreCell<StoreData>;

    fn deref(&self) -> &StoreCell<StoreData> {
        &self.cell
    }
}

impl StoreState {
    /// Lends the store to something that may fail.
    ///
    /// # Errors
    /// If the store is busy, or whatever `body` ends in.
    pub(super) fn with<R>(
        &self,
        body: impl FnOnce(StoreContextMut<'_, StoreData>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.cell.with(body).unwrap_or_else(|busy: Busy| Err(Error::new(busy)))
    }
}

/// # Safety
/// `config` must be null or a configuration.
unsafe fn new_engine(config: *mut wasm_config_t) -> *mut Handle {
    // SAFETY: the caller's promise.
    let Some((made, mode)) = (unsafe { config::runtime_config(config) }) else { return null() };
    let Some(engine) = ok_or_last_error(Engine::new(&made)) else { return null() };
    let builtins = OnceLock::new();
    let state = EngineState { engine, mode, config: config::Owned::of(config), builtins };
    handle::new(Payload::Engine(Arc::new(state)))
}

/// Makes an engine.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_engine_new() -> *mut Handle {
    // SAFETY: there is no configuration.
    guard(null(), || unsafe { new_engine(core::ptr::null_mut()) })
}

/// Makes an engine from a configuration, which it deletes when it ends; to delete it before is no
/// error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_engine_new_with_config(config: *mut wasm_config_t) -> *mut Handle {
    // SAFETY: C passes a configuration or null.
    guard(null(), || unsafe { new_engine(config) })
}

/// Makes an engine with memory from somewhere.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_engine_new_with_args(
    ty: mem_alloc_type_t,
    option: *const MemAllocOption,
) -> *mut Handle {
    guard(null(), || {
        // SAFETY: C passes particulars that fit the type, or null.
        let used = unsafe { option.as_ref().map(|option| config::use_allocator(ty, option)) };
        if used == Some(None) {
            return null();
        }
        // SAFETY: there is no configuration.
        unsafe { new_engine(core::ptr::null_mut()) }
    })
}

/// Deletes an engine; what was made from it stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_engine_delete(engine: *mut Handle) {
    // SAFETY: C gives the handle away.
    guard((), || unsafe {
        handle::delete(engine, "an engine", |payload| matches!(payload, Payload::Engine(_)))
    })
}

/// Makes a store.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_store_new(engine: *mut Handle) -> *mut Handle {
    guard(null(), || {
        let Some(engine) =
            payload_of!(engine, "an engine", Payload::Engine(engine) => engine.clone())
        else {
            return null();
        };
        let store = Store::try_new(&engine, StoreData::new());
        let Some(mut store) = ok_or_last_error(store) else { return null() };
        let store = Arc::new_cyclic(|owner: &Weak<StoreState>| {
            store.data_mut().owner = owner.clone();
            StoreState { engine, cell: StoreCell::new(store) }
        });
        handle::new(Payload::Store(store))
    })
}

/// Deletes a store. It ends with the last handle to what is in it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_store_delete(store: *mut Handle) {
    // SAFETY: C gives the handle away.
    guard((), || unsafe {
        handle::delete(store, "a store", |payload| matches!(payload, Payload::Store(_)))
    })
}
