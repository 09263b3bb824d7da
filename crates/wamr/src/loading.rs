//! Loading linking: finding the modules that a program needs, instantiating and linking them.

pub use wamr_linker::loading::*;

use crate::{Engine, Module};

/// A reader over a search path for modules of an engine, whatever their form: each file's first
/// bytes tell which.
pub fn module_reader(engine: &Engine, path: SearchPath) -> impl ModuleReader + use<> {
    let engine = engine.clone();
    PathReader::new(path, move |file: FoundFile| {
        let module = Module::named(&engine, file.bytes, &file.name).map_err(ReadError::from)?;
        Ok((*module).clone())
    })
}

/// As [`module_reader`], for AOT files too.
///
/// # Safety
/// Every AOT file that the search path leads to must be one that can be trusted, as
/// [`Module::deserialize`] says.
#[cfg(feature = "aot")]
#[allow(unsafe_code, reason = "whoever loads native code must vouch for it")]
pub unsafe fn trusted_module_reader(
    engine: &Engine,
    path: SearchPath,
) -> impl ModuleReader + use<> {
    let engine = engine.clone();
    PathReader::new(path, move |file: FoundFile| {
        // SAFETY: the caller vouches for every file.
        let module = unsafe { crate::aot::load_bytes(&engine, &file.bytes, &file.name) };
        Ok((*module.map_err(ReadError::from)?).clone())
    })
}

/// As [`module_reader`], for AOT files that one of these keys has signed too.
#[cfg(feature = "signatures")]
pub fn signed_module_reader(
    engine: &Engine,
    path: SearchPath,
    keys: Vec<crate::aot::PublicKey>,
) -> impl ModuleReader + use<> {
    let engine = engine.clone();
    PathReader::new(path, move |file: FoundFile| {
        let module = crate::aot::load_signed_bytes(&engine, &file.bytes, &file.name, &keys);
        Ok((*module.map_err(ReadError::from)?).clone())
    })
}
