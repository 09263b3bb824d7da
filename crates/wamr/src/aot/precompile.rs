//! From modules to bytes.

use wamr_aot::compiler::{CodeGenerator, CompileOptions, Cranelift, compile};
use wamr_aot::file::{WriteOptions, write};
use wamr_runtime::{Error, MemoryKind};
use wamr_types::{LoadOptions, ModuleBytes, Validation};

use super::is_aot;
use crate::module::loader;
use crate::{Engine, Module, ModuleError};

/// How accesses to memory 0 are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BoundsChecks {
    /// By the hardware where the engine would have it so, else by comparisons.
    #[default]
    Auto,
    /// By comparisons, which runs everywhere.
    Always,
    /// In both ways: the code is twice as large, and as fast as it can be everywhere.
    Both,
}

/// How modules are compiled to bytes.
#[derive(Clone, Debug, Default)]
pub struct Precompile {
    bounds_checks: BoundsChecks,
    custom_sections: Option<Vec<String>>,
    cpu_features: Option<Vec<String>>,
}

impl Precompile {
    /// The defaults: for this machine, with everything that the module has.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how accesses to memory 0 are checked.
    pub fn bounds_checks(&mut self, checks: BoundsChecks) -> &mut Self {
        self.bounds_checks = checks;
        self
    }

    /// Keeps those custom sections alone that have one of these names. Files and lines in
    /// backtraces come from sections that begin with `.debug_`.
    pub fn custom_sections(&mut self, names: impl IntoIterator<Item = String>) -> &mut Self {
        self.custom_sections = Some(names.into_iter().collect());
        self
    }

    /// Sets the features that processors must have to run the code, by Rust's names for them,
    /// instead of those of this machine.
    pub fn cpu_features(&mut self, names: impl IntoIterator<Item = String>) -> &mut Self {
        self.cpu_features = Some(names.into_iter().collect());
        self
    }

    /// Compiles a module in the binary format, or in the text format where the feature `wat` is on,
    /// to what [`Module::deserialize`] loads. The engine's configuration says what the module may
    /// use, and what the code is for; its mode does not matter.
    ///
    /// # Errors
    /// If the bytes are not a module that the engine accepts, or there is something in it that
    /// cannot be compiled.
    pub fn compile(&self, engine: &Engine, bytes: &[u8]) -> Result<Vec<u8>, ModuleError> {
        let options = LoadOptions {
            features: engine.config().features,
            supported: Cranelift::FEATURES,
            validation: Validation::Eager,
        };
        let bytes = ModuleBytes::new(bytes.to_vec());
        let module = loader(engine)?.load(bytes, engine.types(), &options)?;
        self.compile_decoded(engine, &module).map_err(ModuleError::Prepare)
    }

    fn compile_decoded(
        &self,
        engine: &wamr_runtime::Engine,
        module: &wamr_types::Module,
    ) -> Result<Vec<u8>, Error> {
        let generator = self.generator()?;
        let wanted = module
            .memories
            .first()
            .map_or(MemoryKind::Checked, |memory| MemoryKind::wanted(memory, engine.tunables()));
        let memory0 = match (self.bounds_checks, wanted) {
            (BoundsChecks::Auto, wanted) => vec![wanted],
            (BoundsChecks::Both, MemoryKind::Guarded) => {
                vec![MemoryKind::Guarded, MemoryKind::Checked]
            }
            _ => vec![MemoryKind::Checked],
        };
        let counts_fuel = engine.tunables().consume_fuel;
        let options = CompileOptions { memory0, counts_fuel, ..CompileOptions::default() };
        let compiled = compile(&generator, module, engine.types(), &options)?;
        let mut options = WriteOptions::default();
        options.consume_fuel = counts_fuel;
        options.custom_sections = self.custom_sections.clone();
        write(module, engine.types(), &compiled, &options)
    }

    fn generator(&self) -> Result<impl CodeGenerator + use<>, Error> {
        match &self.cpu_features {
            Some(names) => Cranelift::for_x86_64(names.iter().map(|name| &**name)),
            None => Cranelift::host(),
        }
    }
}

impl Engine {
    /// Compiles a module for this machine to what [`Module::deserialize`] loads; [`Precompile`] has
    /// options.
    ///
    /// # Errors
    /// As [`Precompile::compile`].
    pub fn precompile(&self, bytes: &[u8]) -> Result<Vec<u8>, ModuleError> {
        Precompile::new().compile(self, bytes)
    }
}

impl Module {
    /// Compiles the module to what [`Module::deserialize`] loads, whatever its mode is.
    ///
    /// # Errors
    /// If there is something in it that cannot be compiled.
    pub fn serialize(&self) -> Result<Vec<u8>, Error> {
        let decoded = self.decoded();
        if is_aot(decoded.bytes.as_slice()) {
            return Ok(decoded.bytes.as_slice().to_vec());
        }
        Precompile::new().compile_decoded(self.engine(), decoded)
    }
}
