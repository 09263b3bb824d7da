//! Modules from bytes, text and files.

use core::fmt;
use core::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use wamr_runtime::{Backend, Error};
use wamr_types::{LoadError, Loader, ModuleBytes, ModuleName};

use crate::{Engine, Mode};

/// A module ready for instantiation, any number of times and on any thread.
///
/// Cheap to clone. It gives access to [`wamr_runtime::Module`], which instances are made from.
#[derive(Clone, Debug)]
pub struct Module(wamr_runtime::Module);

/// What AOT modules begin with.
const AOT_MAGIC: &[u8] = b"\0aot";

/// Why there is no module.
#[derive(Debug)]
#[non_exhaustive]
pub enum ModuleError {
    /// The file could not be read.
    Read(std::io::Error),
    /// The bytes are not a module that this engine accepts.
    Load(LoadError),
    /// The mode cannot run the module.
    Prepare(Error),
    /// The bytes are an AOT module, and this build cannot run those.
    NoAot,
    /// This build has neither parser nor mode for it.
    NoMode(Mode),
}

impl fmt::Display for ModuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Load(error) => error.fmt(f),
            Self::Prepare(error) => error.fmt(f),
            Self::NoAot => f.write_str("this is an AOT module, and this build has no AOT"),
            Self::NoMode(mode) => write!(f, "this build has no mode `{mode}`"),
        }
    }
}

impl core::error::Error for ModuleError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            Self::Load(error) => Some(error),
            Self::Prepare(error) => Some(error),
            Self::NoAot | Self::NoMode(_) => None,
        }
    }
}

impl From<LoadError> for ModuleError {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}

impl Deref for Module {
    type Target = wamr_runtime::Module;

    fn deref(&self) -> &wamr_runtime::Module {
        &self.0
    }
}

impl Module {
    /// Makes a module from the binary format, or from the text format where the feature `wat`
    /// is on.
    ///
    /// # Errors
    /// If the bytes are not a module that the engine accepts.
    pub fn new(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Self, ModuleError> {
        Self::from_bytes(engine, ModuleBytes::new(bytes.as_ref().to_vec()))
    }

    /// Makes a module from a file. A module that does not name itself goes by the file's name.
    ///
    /// # Errors
    /// If the file cannot be read, or is not a module that the engine accepts.
    pub fn from_file(engine: &Engine, path: impl AsRef<Path>) -> Result<Self, ModuleError> {
        let bytes = std::fs::read(&path).map_err(ModuleError::Read)?;
        let name = path.as_ref().file_stem().map(|name| name.to_string_lossy().into());
        Self::make(engine, ModuleBytes::new(bytes), name)
    }

    /// Makes a module from bytes that are shared rather than copied.
    ///
    /// # Errors
    /// If the bytes are not a module that the engine accepts.
    pub fn from_bytes(engine: &Engine, bytes: ModuleBytes) -> Result<Self, ModuleError> {
        Self::make(engine, bytes, None)
    }

    /// Makes a module that goes by this name if it does not name itself.
    ///
    /// # Errors
    /// If the bytes are not a module that the engine accepts.
    pub fn named(engine: &Engine, bytes: Vec<u8>, name: &str) -> Result<Self, ModuleError> {
        Self::make(engine, ModuleBytes::new(bytes), Some(name.into()))
    }

    fn make(engine: &Engine, bytes: ModuleBytes, name: ModuleName) -> Result<Self, ModuleError> {
        if bytes.as_slice().starts_with(AOT_MAGIC) {
            return Err(ModuleError::NoAot);
        }
        let (loader, backend) = parts(engine)?;
        let options = engine.load_options(backend);
        let mut decoded = loader.load(bytes, engine.types(), &options)?;
        decoded.names.module = decoded.names.module.or(name);
        let module = wamr_runtime::Module::prepare(engine, Arc::new(decoded), backend);
        Ok(Self(module.map_err(ModuleError::Prepare)?))
    }

    /// Checks whether bytes are a module that the engine accepts.
    ///
    /// # Errors
    /// If they are not.
    pub fn validate(engine: &Engine, bytes: &[u8]) -> Result<(), ModuleError> {
        let (loader, backend) = parts(engine)?;
        let mut options = engine.load_options(backend);
        options.validation = wamr_types::Validation::Eager;
        loader.load(ModuleBytes::new(bytes.to_vec()), engine.types(), &options)?;
        Ok(())
    }
}

fn parts(engine: &Engine) -> Result<(&dyn Loader, &dyn Backend), ModuleError> {
    let mode = engine.config().mode;
    match (engine.loader(), engine.backend(mode)) {
        (Some(loader), Some(backend)) => Ok((loader, backend)),
        _ => Err(ModuleError::NoMode(mode)),
    }
}
