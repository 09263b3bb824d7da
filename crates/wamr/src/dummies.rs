//! External values for imports that nobody supplies.

use wamr_linker::{ImportList, Imports, LinkError};
use wamr_runtime::{AsContextMut, Error};

use crate::{Engine, Module};

/// A complete list of imports for a module, of dummies alone: functions that trap, memories and
/// globals of zeros, tables of nulls.
///
/// # Errors
/// [`LinkError::Foreign`] if no value of an import's type can be made from nothing, or the store
/// is one of another engine or has no room.
pub fn dummy_imports<T: 'static>(
    engine: &Engine,
    store: impl AsContextMut<Data = T>,
    module: &Module,
) -> Result<ImportList, LinkError> {
    complete_with_dummies(engine, store, Imports::of(module))
}

/// Builds a list of imports with dummies in place of what nobody supplies.
///
/// # Errors
/// As [`Imports::build`], and as [`dummy_imports`].
pub fn complete_with_dummies<T: 'static>(
    engine: &Engine,
    store: impl AsContextMut<Data = T>,
    imports: Imports<'_, T>,
) -> Result<ImportList, LinkError> {
    let load = |bytes: Vec<u8>| match Module::new(engine, bytes) {
        Ok(module) => Ok((*module).clone()),
        Err(error) => Err(Error::new(error)),
    };
    imports.dummies(&load).build(store)
}
