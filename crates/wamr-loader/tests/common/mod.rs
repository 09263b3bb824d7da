//! What the tests share: loading text with one call.
#![allow(dead_code)]

use wamr_loader::WasmLoader;
use wamr_types::{
    Features, LoadError, LoadOptions, Loader, Module, ModuleBytes, TypeRegistry, Validation,
};

/// Everything but descriptors, which the vocabulary does not have.
pub(crate) const ALL: Features = Features::ALL.without(wamr_types::Feature::CustomDescriptors);

/// Options under which everything is allowed and executed.
pub(crate) const fn everything(validation: Validation) -> LoadOptions {
    LoadOptions { features: ALL, supported: ALL, validation }
}

pub(crate) fn load(bytes: impl Into<Vec<u8>>, options: &LoadOptions) -> Result<Module, LoadError> {
    WasmLoader.load(ModuleBytes::new(bytes.into()), &TypeRegistry::new(), options)
}

pub(crate) fn load_text(text: &str, options: &LoadOptions) -> Result<Module, LoadError> {
    load(wat::parse_str(text).expect("the test's text is well-formed"), options)
}

pub(crate) fn load_all(text: &str) -> Result<Module, LoadError> {
    load_text(text, &everything(Validation::Eager))
}

/// A module that has every kind of section.
pub(crate) const RICH: &str = include_str!("rich.wat");
