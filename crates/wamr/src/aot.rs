//! Modules compiled to bytes, and back.
//!
//! Loading needs the feature `aot` alone, and neither a parser nor a compiler; compiling needs the
//! feature `jit`. An engine of any mode loads AOT files beside other modules.
#![allow(unsafe_code, reason = "whoever loads native code must vouch for it")]

use std::path::Path;
use std::sync::Arc;

use wamr_aot::LoadedModule;
use wamr_runtime::{Error, ErrorKind, Executable, MemoryKind};
use wamr_types::{ModuleBytes, ModuleName};

use crate::{Engine, Module, ModuleError};

pub use wamr_aot::LoadError as CodeError;
pub use wamr_aot::file::{
    ABI_MAJOR, FORMAT_VERSION, FileError, Kind as FileKind, PACKAGE_VERSION, is_aot,
};

#[cfg(feature = "jit")]
mod precompile;
#[cfg(feature = "jit")]
pub use precompile::{BoundsChecks, FuncReport, NoTarget, OptLevel, Precompile, features_of_cpu};

/// The mode of modules that were compiled before.
const MODE: &str = "aot";

impl From<FileError> for ModuleError {
    fn from(error: FileError) -> Self {
        Self::Aot(error)
    }
}

impl Module {
    /// Loads a module from what [`Engine::precompile`], [`Module::serialize`] or `wamrc` made.
    ///
    /// # Errors
    /// If the bytes are something else, are damaged, or need another machine or runtime.
    ///
    /// # Safety
    /// The bytes must be what one of these made: they hold native code, which is run. Damage is
    /// found out, malice is not.
    pub unsafe fn deserialize(
        engine: &Engine,
        bytes: impl AsRef<[u8]>,
    ) -> Result<Self, ModuleError> {
        // SAFETY: the caller vouches for the bytes.
        unsafe { load(engine, ModuleBytes::new(bytes.as_ref().to_vec()), None) }
    }

    /// Loads a module from a file, as [`Module::deserialize`] does. A module that does not name
    /// itself goes by the file's name.
    ///
    /// The file is read whole before anything of it is looked at, so that it may change later.
    ///
    /// # Errors
    /// As [`Module::deserialize`], and if the file cannot be read.
    ///
    /// # Safety
    /// As [`Module::deserialize`].
    pub unsafe fn deserialize_file(
        engine: &Engine,
        path: impl AsRef<Path>,
    ) -> Result<Self, ModuleError> {
        let (bytes, name) = read(path.as_ref())?;
        // SAFETY: the caller vouches for the file.
        unsafe { load(engine, ModuleBytes::new(bytes), name) }
    }

    /// Loads a module of any form from a file: an AOT file as [`Module::deserialize_file`] does,
    /// else as [`Module::from_file`].
    ///
    /// # Errors
    /// As these.
    ///
    /// # Safety
    /// If it is an AOT file, as [`Module::deserialize`].
    pub unsafe fn from_trusted_file(
        engine: &Engine,
        path: impl AsRef<Path>,
    ) -> Result<Self, ModuleError> {
        let (bytes, name) = read(path.as_ref())?;
        // SAFETY: the caller vouches for the file.
        unsafe { load_any(engine, bytes, name) }
    }
}

/// A file's contents, and the name that it gives to modules.
fn read(path: &Path) -> Result<(Vec<u8>, ModuleName), ModuleError> {
    let bytes = std::fs::read(path).map_err(ModuleError::Read)?;
    Ok((bytes, path.file_stem().map(|name| name.to_string_lossy().into())))
}

/// Loads a module of any form.
///
/// # Safety
/// As [`Module::deserialize`].
pub(crate) unsafe fn load_any(
    engine: &Engine,
    bytes: Vec<u8>,
    name: ModuleName,
) -> Result<Module, ModuleError> {
    let bytes = ModuleBytes::new(bytes);
    if is_aot(bytes.as_slice()) {
        // SAFETY: the caller's promise.
        return unsafe { load(engine, bytes, name) };
    }
    Module::make(engine, bytes, name)
}

/// Loads a module that goes by this name if it does not name itself.
///
/// # Safety
/// As [`Module::deserialize`].
unsafe fn load(
    engine: &Engine,
    bytes: ModuleBytes,
    name: ModuleName,
) -> Result<Module, ModuleError> {
    let file = wamr_aot::file::read(bytes, engine.types())?;
    let counted = file.consumes_fuel;
    if counted != engine.tunables().consume_fuel {
        return Err(ModuleError::Fuel { counted });
    }
    let mut decoded = file.module;
    decoded.names.module = decoded.names.module.or(name);
    let memory0 = decoded.memories.first();
    let memory0 =
        memory0.map_or(MemoryKind::Checked, |memory| MemoryKind::wanted(memory, engine.tunables()));
    // SAFETY: the caller vouches for what the code does; the tables were checked against it.
    let loaded = unsafe { LoadedModule::load(file.compiled) }.map_err(FileError::from)?;
    if !loaded.runs_with(memory0) {
        return Err(ModuleError::Prepare(Error::from_kind(ErrorKind::NotGuarded)));
    }
    let module = wamr_runtime::Module::prepared(engine, Arc::new(decoded), Arc::new(loaded), MODE);
    Ok(Module(module))
}
