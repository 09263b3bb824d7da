//! Modules linked beforehand: imports found and checked once, for any number of instances.

use core::fmt;
use std::sync::Arc;

use wamr_runtime::api::instantiate::{ImportValue, InstanceHandle};
use wamr_runtime::{AsContextMut, ErrorKind, Module};

use crate::instance::same_engine;
use crate::{Instance, InstantiateError, LinkError};

/// A module with its imports found and checked, by [`Linker::instantiate_pre`]. Cheap to clone.
///
/// It is instantiated in any store of its engine whose data is a `T`, on any thread, unless an
/// import is an entity of a store: then in that store alone.
///
/// [`Linker::instantiate_pre`]: crate::Linker::instantiate_pre
pub struct InstancePre<T: 'static> {
    module: Module,
    imports: Arc<[ImportValue<T>]>,
}

impl<T: 'static> Clone for InstancePre<T> {
    fn clone(&self) -> Self {
        Self { module: self.module.clone(), imports: self.imports.clone() }
    }
}

impl<T: 'static> fmt::Debug for InstancePre<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstancePre").field("module", &self.module).finish_non_exhaustive()
    }
}

impl<T: 'static> InstancePre<T> {
    /// The imports must match the module's in number, order and type.
    pub(crate) fn of_checked(module: &Module, mut imports: Vec<ImportValue<T>>) -> Self {
        ImportValue::share(&mut imports);
        Self { module: module.clone(), imports: imports.into() }
    }

    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Makes an instance.
    ///
    /// # Errors
    /// [`InstantiateError::Link`] if the store is one of another engine, or not the one that an
    /// import belongs to; [`InstantiateError::Run`] tells what active segments or the start
    /// function ended in.
    pub fn instantiate(
        &self,
        store: impl AsContextMut<Data = T>,
    ) -> Result<Instance, InstantiateError> {
        instantiate_checked(store, &self.module, &self.imports)
    }
}

/// Makes an instance. The imports must match the module's in number, order and type.
pub(crate) fn instantiate_checked<T: 'static>(
    mut store: impl AsContextMut<Data = T>,
    module: &Module,
    imports: &[ImportValue<T>],
) -> Result<Instance, InstantiateError> {
    same_engine(module.engine(), store.as_context().engine())?;
    // SAFETY: the imports match in number, order and type: types of one engine never change, and
    // tables and memories never shrink.
    let instance =
        unsafe { InstanceHandle::allocate_linked(store.as_context_mut(), module, imports) };
    let instance = instance.map_err(|error| match error.kind() {
        ErrorKind::WrongStore | ErrorKind::WrongEngine => LinkError::Foreign(error).into(),
        _ => InstantiateError::Run(error),
    })?;
    Instance::run(instance, store)
}
