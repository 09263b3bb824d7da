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
