//! From a module in a script to a loaded module, and what counts as its refusal.

use crate::runner::LoadModule;
use wamr::{Engine, LoadErrorKind, Module, ModuleError};
use wast::{QuoteWat, QuoteWatTest};

/// Why a module of a script was not loaded.
pub(crate) enum Refusal {
    /// The text does not encode.
    Text(String),
    /// The loader says that the bytes are malformed or the module is invalid.
    Module(String),
    /// Anything else: the module may be a good one.
    Other(String),
}

impl Refusal {
    pub(crate) fn into_message(self) -> String {
        match self {
            Self::Text(message) => format!("the text does not encode: {message}"),
            Self::Module(message) | Self::Other(message) => message,
        }
    }
}

/// Encodes a module that stands in a script and loads it.
pub(crate) fn load(
    engine: &Engine,
    make: LoadModule,
    module: &mut QuoteWat<'_>,
) -> Result<Module, Refusal> {
    let bytes = module.encode().map_err(|error| Refusal::Text(error.message()))?;
    make(engine, &bytes).map_err(|error| {
        let message = error.to_string();
        match error {
            ModuleError::Load(error) => match error.kind {
                LoadErrorKind::Malformed(_)
                | LoadErrorKind::Invalid(_)
                | LoadErrorKind::Text(_) => Refusal::Module(message),
                _ => Refusal::Other(message),
            },
            _ => Refusal::Other(message),
        }
    })
}

/// Whether a module was refused, as it should be.
///
/// Malformed and invalid modules are not told apart: the validator checks some rules of the
/// binary format, and the text parser some of validation, earlier or later than the
/// specification has it. The expected words are not compared for the same reason.
pub(crate) fn expect_refusal(
    engine: &Engine,
    make: LoadModule,
    module: &mut QuoteWat<'_>,
    expected: &str,
) -> Result<(), String> {
    match load(engine, make, module) {
        Ok(_) => Err(format!("the module was accepted, expected: {expected}")),
        Err(Refusal::Text(_) | Refusal::Module(_)) => Ok(()),
        Err(Refusal::Other(message)) => Err(format!("{message}, expected: {expected}")),
    }
}

/// Whether something is wrong with a custom section or annotation, as it should be: the text is
/// refused, or the section is left out.
pub(crate) fn expect_bad_custom(
    engine: &Engine,
    module: &mut QuoteWat<'_>,
    expected: &str,
) -> Result<(), String> {
    // Text goes to the loader as it is, since an encoded module has no annotations.
    let Ok(QuoteWatTest::Text(bytes) | QuoteWatTest::Binary(bytes)) = module.to_test() else {
        return Ok(());
    };
    match Module::new(engine, bytes) {
        Ok(module) if module.decoded().custom_errors.is_empty() => {
            Err(format!("nothing was found wrong, expected: {expected}"))
        }
        Ok(_) | Err(ModuleError::Load(_)) => Ok(()),
        Err(other) => Err(format!("{other}, expected: {expected}")),
    }
}
