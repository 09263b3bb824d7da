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
pub struct Module(pub(crate) wamr_runtime::Module);

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
    /// The bytes are an AOT file, which [`Module::new`] and its kin do not load.
    IsAot,
    /// The bytes are an AOT file of WAMR's C runtime.
    IsWamrCAot,
    /// The bytes are not an AOT file that this engine accepts.
    #[cfg(feature = "aot")]
    Aot(crate::aot::FileError),
    /// The AOT file and the engine differ in whether fuel is counted.
    #[cfg(feature = "aot")]
    Fuel {
        /// Whether the file's code counts it.
        counted: bool,
    },
    /// The AOT file's module needs a feature that the engine does not allow.
    #[cfg(feature = "aot")]
    Feature(wamr_types::Feature),
    /// This build has neither parser nor mode for it.
    NoMode(Mode),
}

impl fmt::Display for ModuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Load(error) => error.fmt(f),
            Self::Prepare(error) => error.fmt(f),
            Self::IsAot => f.write_str(
                "this is an AOT file: native code, which `Module::deserialize` loads, where it is \
                 trusted",
            ),
            Self::IsWamrCAot => f.write_str(
                "this is an AOT file of WAMR's C runtime, which has another format; compile the \
                 WebAssembly module anew",
            ),
            #[cfg(feature = "aot")]
            Self::Aot(error) => error.fmt(f),
            #[cfg(feature = "aot")]
            Self::Fuel { counted: true } => f.write_str(
                "the AOT file was compiled to count fuel, and the engine does not; \
                 see `consume_fuel`",
            ),
            #[cfg(feature = "aot")]
            Self::Fuel { counted: false } => {
                f.write_str("the engine counts fuel, and the AOT file was not compiled for that")
            }
            #[cfg(feature = "aot")]
            Self::Feature(feature) => write!(
                f,
                "the module of the AOT file needs `{feature}`, which the engine does not allow"
            ),
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
            #[cfg(feature = "aot")]
            Self::Aot(error) => Some(error),
            #[cfg(feature = "aot")]
            Self::Fuel { .. } | Self::Feature(_) => None,
            Self::IsAot | Self::IsWamrCAot | Self::NoMode(_) => None,
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

    /// Makes a module for a mode that may be another than the engine's, and that goes by this name
    /// if it does not name itself. Modules of one engine are linked with each other whatever their
    /// modes.
    ///
    /// # Errors
    /// If the bytes are not a module that the engine accepts, or this build lacks the mode.
    pub fn in_mode(
        engine: &Engine,
        bytes: ModuleBytes,
        name: Option<&str>,
        mode: Mode,
    ) -> Result<Self, ModuleError> {
        Self::make_in(engine, bytes, name.map(Into::into), mode)
    }

    /// Makes a module that goes by this name if it does not name itself.
    ///
    /// # Errors
    /// If the bytes are not a module that the engine accepts.
    pub fn named(engine: &Engine, bytes: Vec<u8>, name: &str) -> Result<Self, ModuleError> {
        Self::make(engine, ModuleBytes::new(bytes), Some(name.into()))
    }

    pub(crate) fn make(
        engine: &Engine,
        bytes: ModuleBytes,
        name: ModuleName,
    ) -> Result<Self, ModuleError> {
        Self::make_in(engine, bytes, name, engine.config().mode)
    }

    #[expect(unsafe_code, reason = "what a loader promises is a promise to the runtime")]
    fn make_in(
        engine: &Engine,
        bytes: ModuleBytes,
        name: ModuleName,
        mode: Mode,
    ) -> Result<Self, ModuleError> {
        refuse_aot(bytes.as_slice())?;
        let (loader, backend) = parts(engine, mode)?;
        let options = engine.load_options(backend);
        let mut decoded = loader.load(bytes, engine.types(), &options)?;
        decoded.names.given = name;
        // SAFETY: a loader that validates just made the module, with the engine's own registry.
        let module = unsafe { wamr_runtime::Module::prepare(engine, Arc::new(decoded), backend) };
        Ok(Self(module.map_err(ModuleError::Prepare)?))
    }

    /// Checks whether bytes are a module that the engine accepts.
    ///
    /// # Errors
    /// If they are not.
    pub fn validate(engine: &Engine, bytes: &[u8]) -> Result<(), ModuleError> {
        let (loader, backend) = parts(engine, engine.config().mode)?;
        let mut options = engine.load_options(backend);
        options.validation = wamr_types::Validation::Eager;
        loader.load(ModuleBytes::new(bytes.to_vec()), engine.types(), &options)?;
        Ok(())
    }
}

/// AOT files are none of the loader's business.
#[cfg(feature = "aot")]
fn refuse_aot(bytes: &[u8]) -> Result<(), ModuleError> {
    if crate::aot::is_aot(bytes) { Err(ModuleError::IsAot) } else { refuse_aot_of_c(bytes) }
}

/// Without the feature `aot`, they are one more thing that is not a module.
#[cfg(not(feature = "aot"))]
fn refuse_aot(bytes: &[u8]) -> Result<(), ModuleError> {
    refuse_aot_of_c(bytes)
}

/// Nor are those of WAMR's C runtime, which nobody here loads.
fn refuse_aot_of_c(bytes: &[u8]) -> Result<(), ModuleError> {
    if bytes.starts_with(b"\0aot") { Err(ModuleError::IsWamrCAot) } else { Ok(()) }
}

/// What reads modules.
pub(crate) fn loader(engine: &Engine) -> Result<&dyn Loader, ModuleError> {
    engine.loader().ok_or(ModuleError::NoMode(engine.config().mode))
}

fn parts(engine: &Engine, mode: Mode) -> Result<(&dyn Loader, &dyn Backend), ModuleError> {
    let backend = engine.backend(mode).ok_or(ModuleError::NoMode(mode))?;
    Ok((loader(engine)?, backend))
}
