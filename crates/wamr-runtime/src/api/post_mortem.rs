//! What is in a store, for tools that look at it when its program has ended.

use super::{Global, Memory};
use crate::module::Module;
use crate::store::{Store, StoreContextMut};

/// An instance of a store, with everything that memories and globals hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InstanceParts {
    /// The module that it was made from.
    pub module: Module,
    /// Its memories by index, imported ones first.
    pub memories: Vec<Memory>,
    /// Its globals by index, imported ones first; empty if it was not completed.
    pub globals: Vec<Global>,
}

impl<T: 'static> StoreContextMut<'_, T> {
    /// Every instance that has not been reclaimed, in the order in which they were made.
    pub fn instances(&mut self) -> Vec<InstanceParts> {
        let core = self.core();
        let instances: Vec<_> = core.instances.iter().collect();
        let parts = instances.into_iter().map(|instance| {
            // SAFETY: entities in a store's arenas are live, and none is freed here.
            let instance = unsafe { instance.as_ref() };
            // A global of one that was not completed may hold a function that cannot run.
            let globals = if instance.is_complete() { instance.globals() } else { &[] };
            InstanceParts {
                module: instance.module().clone(),
                memories: instance
                    .memories()
                    .iter()
                    .map(|&at| Memory::from_ptr(core, at))
                    .collect(),
                globals: globals.iter().map(|&at| Global::from_ptr(core, at)).collect(),
            }
        });
        parts.collect()
    }
}

impl<T: 'static> Store<T> {
    /// As [`StoreContextMut::instances`].
    pub fn instances(&mut self) -> Vec<InstanceParts> {
        use crate::store::AsContextMut;
        self.as_context_mut().instances()
    }
}
