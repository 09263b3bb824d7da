//! Foreign objects, and what else of the host travels through wasm as an `externref`.

use core::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use wamr::{Extern, ExternRef, Instance};

use super::engine::StoreRef;
use super::handle::{self, Data, Handle, Payload, payload_of};
use super::module::ModuleData;
use super::trap::TrapData;
use super::types::null;
use crate::guard::{Finalizer, guard, ok_or_last_error};

/// What the embedder attached to something: `host_info`.
#[derive(Default)]
pub(super) struct Info(Mutex<Option<Finalizer>>);

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Info")
    }
}

impl Info {
    pub(super) fn get(&self) -> Data {
        let info = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        info.as_ref().map_or(core::ptr::null_mut(), Finalizer::data)
    }

    /// Puts something in the place of what was there, which is finalized.
    pub(super) fn set(&self, info: Finalizer) {
        let old = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(info);
        drop(old);
    }
}

/// A host value that this API puts into stores. None of them holds a store.
pub(super) enum HostValue {
    Foreign(Arc<Info>),
    Extern(Extern),
    Instance(Instance),
    Module(Arc<ModuleData>),
    Trap(Arc<TrapData>),
}

impl HostValue {
    pub(super) fn of(payload: &Payload) -> Option<Self> {
        Some(match payload {
            Payload::Extern(_, value) => Self::Extern(value.clone()),
            Payload::Instance(_, instance) => Self::Instance(instance.clone()),
            Payload::Module(module) => Self::Module(module.clone()),
            Payload::Trap(_, trap) => Self::Trap(trap.clone()),
            _ => return None,
        })
    }

    /// The payload of a handle to the value, which is referred to by `reference`.
    pub(super) fn payload(&self, owner: StoreRef, reference: &ExternRef) -> Payload {
        match self {
            Self::Foreign(info) => Payload::Foreign(owner, reference.clone(), Some(info.clone())),
            Self::Extern(value) => Payload::Extern(owner, value.clone()),
            Self::Instance(instance) => Payload::Instance(owner, instance.clone()),
            Self::Module(module) => Payload::Module(module.clone()),
            Self::Trap(trap) => Payload::Trap(Some(owner), trap.clone()),
        }
    }
}

/// Makes an object that stands for whatever the embedder attaches to it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wasm_foreign_new(store: *mut Handle) -> *mut Handle {
    guard(null(), || {
        let Some(owner) = payload_of!(store, "a store", Payload::Store(store) => store.clone())
        else {
            return null();
        };
        let info = Arc::new(Info::default());
        let value = HostValue::Foreign(info.clone());
        match ok_or_last_error(owner.with(|store| ExternRef::new(store, value))) {
            Some(value) => handle::new(Payload::Foreign(owner, value, Some(info))),
            None => null(),
        }
    })
}
