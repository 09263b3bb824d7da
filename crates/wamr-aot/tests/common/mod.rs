//! What the tests of files share.

use wamr_aot::compiler::Cranelift;
use wamr_runtime::Engine;
use wamr_types::{Features, LoadOptions, Loader, Module, ModuleBytes, Validation};

/// A module in the text format, with all features that the compiler has. Sections of annotations
/// are in the bytes that the loader makes of it.
pub(crate) fn load(engine: &Engine, text: &str) -> Module {
    let options = LoadOptions {
        features: Features::ALL,
        supported: Cranelift::FEATURES,
        validation: Validation::Eager,
    };
    let bytes = ModuleBytes::new(text.to_owned());
    wamr_loader::WasmLoader.load(bytes, engine.types(), &options).expect("it is valid")
}
