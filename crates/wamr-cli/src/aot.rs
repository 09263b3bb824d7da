//! AOT files, which are native code: which of them are trusted.
//!
//! A file that the command line names as a program is, unless it pretends to be something else.
//! Those that a program imports are if the program is one, or if the command line says so. If it
//! names keys, nothing is trusted that none of them signed.
#![allow(unsafe_code, reason = "the user vouches for native code")]

use std::io::Read;
use std::path::Path;

#[cfg(feature = "loading-linking")]
use wamr::loading::{Loading, SearchPath, module_reader, trusted_module_reader};
use wamr::{Engine, Module, ModuleError};

use crate::options::CommonOptions;

/// Loads the module in a file that the command line names; `-` is standard input.
pub(crate) fn load(
    engine: &Engine,
    file: &str,
    options: &CommonOptions,
) -> Result<Module, ModuleError> {
    if file == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(ModuleError::Read)?;
        if wamr::aot::is_aot(&bytes) {
            return load_trusted_bytes(engine, &bytes, options);
        }
        return Module::named(engine, bytes, "stdin");
    }
    let extension = Path::new(file).extension();
    if extension.is_some_and(|extension| extension == "wasm" || extension == "wat") {
        // Nobody who runs such a file expects native code.
        return Module::from_file(engine, file);
    }
    load_trusted(engine, file, options)
}

#[cfg(feature = "signatures")]
fn load_trusted_bytes(
    engine: &Engine,
    bytes: &[u8],
    options: &CommonOptions,
) -> Result<Module, ModuleError> {
    if !options.keys.is_empty() {
        return Module::deserialize_signed(engine, bytes, &options.keys);
    }
    // SAFETY: the user hands over these bytes to be run, as a file that is named.
    unsafe { Module::deserialize(engine, bytes) }
}

#[cfg(not(feature = "signatures"))]
fn load_trusted_bytes(
    engine: &Engine,
    bytes: &[u8],
    _: &CommonOptions,
) -> Result<Module, ModuleError> {
    // SAFETY: the user hands over these bytes to be run, as a file that is named.
    unsafe { Module::deserialize(engine, bytes) }
}

#[cfg(feature = "signatures")]
fn load_trusted(
    engine: &Engine,
    file: &str,
    options: &CommonOptions,
) -> Result<Module, ModuleError> {
    if !options.keys.is_empty() {
        return Module::from_signed_file(engine, file, &options.keys);
    }
    // SAFETY: the user asks for this file by name, and it says what it is.
    unsafe { Module::from_trusted_file(engine, file) }
}

#[cfg(not(feature = "signatures"))]
fn load_trusted(engine: &Engine, file: &str, _: &CommonOptions) -> Result<Module, ModuleError> {
    // SAFETY: the user asks for this file by name, and it says what it is.
    unsafe { Module::from_trusted_file(engine, file) }
}

/// Whether a module was native code when it was loaded.
#[cfg(feature = "loading-linking")]
pub(crate) fn is_aot(module: &Module) -> bool {
    module.mode() == wamr::aot::MODE
}

/// How the modules are read that a program needs.
#[cfg(feature = "loading-linking")]
pub(crate) fn loading<'a, T: 'static>(
    engine: &Engine,
    path: SearchPath,
    trusts_aot: bool,
    options: &CommonOptions,
) -> Loading<'a, T> {
    #[cfg(feature = "signatures")]
    if !options.keys.is_empty() {
        let keys = options.keys.clone();
        return Loading::new(wamr::loading::signed_module_reader(engine, path, keys));
    }
    #[cfg(not(feature = "signatures"))]
    let _ = options;
    if trusts_aot {
        // SAFETY: the user says so, or runs native code from there already.
        return Loading::new(unsafe { trusted_module_reader(engine, path) });
    }
    Loading::new(module_reader(engine, path))
}
