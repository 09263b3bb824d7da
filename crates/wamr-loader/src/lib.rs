//! From bytes to a validated, decoded [`Module`].
//!
//! A module is read in two passes. The first (`outline`, `validate`) asks wasmparser's
//! validator about everything; the second (`decode`, `sections`) translates what has passed
//! into the vocabulary of `wamr-types`, so that no index is used before it is known to be
//! good. `check` runs the first pass again under other sets of features to say why a module
//! was turned down. What does not live here: linking, execution, any code generation.
#![forbid(unsafe_code)]

use std::sync::Arc;

use wamr_types::{
    Features, LoadError, LoadErrorKind, LoadOptions, Loader, Module, ModuleBytes, TypeRegistry,
    Validation,
};

use crate::bodies::ModuleBodies;
use crate::check::{FeatureSets, Scope};
use crate::decode::Decoder;

mod check;
mod features;
mod outline;
mod validate;

mod const_expr;
mod decode;
mod hints;
mod names;
mod sections;
mod types;

mod bodies;
mod error;
#[cfg(feature = "wat")]
mod text;

/// What every module begins with.
const MAGIC: &[u8] = b"\0asm";

/// Loads modules in the binary format, and with the crate feature `wat` in the text format.
///
/// Validation is wasmparser's, with its limits on how large the parts of a module may be.
/// Bodies are validated on several threads where there is much code.
///
/// ```
/// use wamr_types::{Features, LoadOptions, Loader, ModuleBytes, TypeRegistry, Validation};
///
/// let options = LoadOptions {
///     features: Features::WASM_3_0,
///     supported: Features::WASM_2_0,
///     validation: Validation::Eager,
/// };
/// let bytes = ModuleBytes::new(b"\0asm\x01\0\0\0");
/// let module = wamr_loader::WasmLoader.load(bytes, &TypeRegistry::new(), &options)?;
/// assert!(module.exports.is_empty());
/// # Ok::<(), wamr_types::LoadError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct WasmLoader;

impl WasmLoader {
    /// The features that a module in the binary format needs, of those that it was loaded with.
    pub fn needed_features(self, bytes: &[u8], allowed: Features) -> Features {
        check::needed(bytes, allowed)
    }
}

impl Loader for WasmLoader {
    fn load(
        &self,
        bytes: ModuleBytes,
        registry: &TypeRegistry,
        options: &LoadOptions,
    ) -> Result<Module, LoadError> {
        let bytes = to_binary(bytes)?;
        if !bytes.as_slice().starts_with(MAGIC) && bytes.as_slice().len() >= MAGIC.len() {
            let what = "magic header not detected: a module begins with the bytes `\\0asm`";
            let kind = LoadErrorKind::Malformed(what.into());
            return Err(LoadError { kind, offset: Some(0), func: None });
        }
        if wasmparser::Parser::is_component(bytes.as_slice()) {
            return Err(LoadError { kind: LoadErrorKind::Component, offset: None, func: None });
        }
        let supported = options.features.intersection(options.supported);
        let sets = FeatureSets { allowed: options.features, supported };
        let scope = match options.validation {
            Validation::Eager => Scope::Module,
            Validation::Lazy => Scope::Sections,
        };
        let outline = check::check(bytes.as_slice(), sets, scope)?;
        let code_offset = outline.code.offset;
        let is_validated = options.validation == Validation::Eager;
        let hints = hints::all(&outline.sections, &outline.code, outline.bytes, is_validated);
        let mut decoder = Decoder::read(outline.sections, outline.bytes, registry)?;
        match hints {
            Ok(hints) => decoder.branch_hints = hints,
            Err(error) => decoder.custom_errors.push(error),
        }
        let bodies = match options.validation {
            Validation::Eager => ModuleBodies::validated(bytes.clone(), outline.code),
            Validation::Lazy => ModuleBodies::lazy(bytes.clone(), outline.code, sets),
        };
        Ok(decoder.finish(bytes, Arc::new(bodies), code_offset, supported))
    }
}

#[cfg(feature = "wat")]
use text::to_binary;

/// Without the crate feature `wat`, text is one more thing that is not a module.
#[cfg(not(feature = "wat"))]
fn to_binary(bytes: ModuleBytes) -> Result<ModuleBytes, LoadError> {
    Ok(bytes)
}
