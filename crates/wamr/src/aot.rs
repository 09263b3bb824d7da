//! Modules compiled to bytes, and back.
//!
//! Loading needs the feature `aot` alone, and neither a parser nor a compiler; compiling needs the
//! feature `jit`. An engine of any mode loads AOT files beside other modules.
#![allow(unsafe_code, reason = "whoever loads native code must vouch for it")]

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use wamr_aot::file::Outline;
use wamr_aot::{FileMemory, LoadedModule};
use wamr_runtime::{Error, ErrorKind, MemoryKind};
use wamr_types::{ModuleBytes, ModuleName};

use crate::{Engine, Module, ModuleError};

pub use wamr_aot::LoadError as CodeError;
pub use wamr_aot::file::{
    ABI_MAJOR, FORMAT_VERSION, FileError, Kind as FileKind, PACKAGE_VERSION, is_aot,
};

#[cfg(feature = "jit")]
mod precompile;
#[cfg(feature = "jit")]
pub use precompile::{
    BoundsChecks, FuncReport, InlinedCall, NoTarget, OptLevel, Precompile, features_of_cpu,
};

#[cfg(feature = "signatures")]
pub use wamr_aot::file::{PublicKey, SecretKey, SignatureError};

/// What modules that were compiled before have as their mode
/// ([`Module::mode`](wamr_runtime::Module::mode)).
pub const MODE: &str = "aot";

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
        let bytes = bytes.as_ref();
        let memory = FileMemory::read(bytes, bytes.len()).map_err(ModuleError::Read)?;
        // SAFETY: the caller vouches for the bytes.
        unsafe { load(engine, memory, None) }
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
        let (memory, name) = read(path.as_ref())?;
        // SAFETY: the caller vouches for the file.
        unsafe { load(engine, memory, name) }
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
        let (memory, name) = read(path.as_ref())?;
        // SAFETY: the caller vouches for the file.
        unsafe { load_any(engine, memory, name) }
    }
}

#[cfg(feature = "signatures")]
impl Module {
    /// Loads a module of any form from a file, as [`Module::from_trusted_file`] does; if it is an
    /// AOT file, one of these keys must have signed it.
    ///
    /// Whoever has such a key can make this process do anything.
    ///
    /// # Errors
    /// As [`Module::from_trusted_file`], and if no key has signed an AOT file.
    pub fn from_signed_file(
        engine: &Engine,
        path: impl AsRef<Path>,
        keys: &[PublicKey],
    ) -> Result<Self, ModuleError> {
        let (memory, name) = read(path.as_ref())?;
        load_signed(engine, memory, name, keys)
    }

    /// Loads a module from what [`Module::deserialize`] loads, signed by one of these keys.
    ///
    /// Whoever has such a key can make this process do anything.
    ///
    /// # Errors
    /// As [`Module::deserialize`], and if no key has signed the bytes.
    pub fn deserialize_signed(
        engine: &Engine,
        bytes: impl AsRef<[u8]>,
        keys: &[PublicKey],
    ) -> Result<Self, ModuleError> {
        let bytes = bytes.as_ref();
        let memory = FileMemory::read(bytes, bytes.len()).map_err(ModuleError::Read)?;
        wamr_aot::file::verify(memory.as_ref(), keys)?;
        // SAFETY: somebody who is trusted has signed these very bytes.
        unsafe { load(engine, memory, None) }
    }
}

/// Loads a module of any form; AOT files must be signed.
#[cfg(feature = "signatures")]
fn load_signed(
    engine: &Engine,
    memory: FileMemory,
    name: ModuleName,
    keys: &[PublicKey],
) -> Result<Module, ModuleError> {
    if is_aot(memory.as_ref()) {
        wamr_aot::file::verify(memory.as_ref(), keys)?;
    }
    // SAFETY: somebody who is trusted has signed these very bytes, or they are no native code.
    unsafe { load_any(engine, memory, name) }
}

/// Loads a module of any form from bytes; AOT files must be signed.
#[cfg(all(feature = "loading-linking", feature = "signatures"))]
pub(crate) fn load_signed_bytes(
    engine: &Engine,
    bytes: &[u8],
    name: &str,
    keys: &[PublicKey],
) -> Result<Module, ModuleError> {
    let memory = FileMemory::read(bytes, bytes.len()).map_err(ModuleError::Read)?;
    load_signed(engine, memory, Some(name.into()), keys)
}

/// A file's contents, and the name that it gives to modules.
fn read(path: &Path) -> Result<(FileMemory, ModuleName), ModuleError> {
    let name = path.file_stem().map(|name| name.to_string_lossy().into());
    let read = || {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_file() {
            let len = usize::try_from(metadata.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
            return FileMemory::read_file(&file, len);
        }
        // What has no length before it is read, such as a pipe.
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        FileMemory::read(&bytes[..], bytes.len())
    };
    Ok((read().map_err(ModuleError::Read)?, name))
}

/// Loads a module of any form from bytes.
///
/// # Safety
/// As [`Module::deserialize`].
#[cfg(feature = "loading-linking")]
pub(crate) unsafe fn load_bytes(
    engine: &Engine,
    bytes: &[u8],
    name: &str,
) -> Result<Module, ModuleError> {
    let memory = FileMemory::read(bytes, bytes.len()).map_err(ModuleError::Read)?;
    // SAFETY: the caller's promise.
    unsafe { load_any(engine, memory, Some(name.into())) }
}

/// Loads a module of any form.
///
/// # Safety
/// As [`Module::deserialize`].
unsafe fn load_any(
    engine: &Engine,
    memory: FileMemory,
    name: ModuleName,
) -> Result<Module, ModuleError> {
    if is_aot(memory.as_ref()) {
        // SAFETY: the caller's promise.
        return unsafe { load(engine, memory, name) };
    }
    Module::make(engine, ModuleBytes::new(memory), name)
}

/// Checks whether a file is one for this engine and this machine.
fn accept(engine: &Engine, outline: &Outline) -> Result<(), ModuleError> {
    let counted = outline.consumes_fuel;
    if counted != engine.tunables().consume_fuel {
        return Err(ModuleError::Fuel { counted });
    }
    let allowed = engine.config().features();
    if let Some(feature) = outline.features.iter().find(|&feature| !allowed.contains(feature)) {
        return Err(ModuleError::Feature(feature));
    }
    let checked = LoadedModule::check(&outline.compiled, outline.text.len());
    checked.map_err(FileError::from)?;
    let memory0 = outline.memory0.as_ref();
    let memory0 =
        memory0.map_or(MemoryKind::Checked, |memory| MemoryKind::wanted(memory, engine.tunables()));
    if !outline.compiled.runs_with(memory0) {
        return Err(ModuleError::Prepare(Error::from_kind(ErrorKind::NotGuarded)));
    }
    Ok(())
}

/// Loads a module that goes by this name if it does not name itself.
///
/// # Safety
/// As [`Module::deserialize`].
unsafe fn load(
    engine: &Engine,
    memory: FileMemory,
    name: ModuleName,
) -> Result<Module, ModuleError> {
    let bytes = ModuleBytes::new(memory.clone());
    let accept = |outline: &Outline| accept(engine, outline);
    let file = wamr_aot::file::read_if(bytes, engine.types(), accept)?;
    let mut decoded = file.module;
    decoded.names.given = name;
    // SAFETY: the caller vouches for what the code does; the tables were checked against it. Nobody
    // else knows the file's memory yet.
    let loaded = unsafe { LoadedModule::load_file(file.compiled, &memory, file.text) };
    let loaded = loaded.map_err(FileError::from)?;
    // SAFETY: the file was made of a validated module, which it was read back from with the
    // engine's registry, and its code of the same module; the caller vouches for the file.
    let module = unsafe {
        wamr_runtime::Module::prepared(engine, Arc::new(decoded), Arc::new(loaded), MODE)
    };
    Ok(Module(module))
}
