//! From modules to bytes.

use core::fmt;
use std::env::consts::ARCH;

use wamr_aot::CompiledModule;
pub use wamr_aot::compiler::OptLevel;
use wamr_aot::compiler::{
    CodeGenerator, CompileOptions, Cranelift, InlinedBody, compile_reporting,
};
use wamr_aot::file::{WriteOptions, unloaded, write};
use wamr_loader::WasmLoader;
use wamr_runtime::{Error, MemoryKind};
use wamr_types::{DefinedFuncIdx, FuncIdx, LoadOptions, ModuleBytes, Validation};

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
    target: Option<String>,
    cpu_features: Option<Vec<String>>,
    opt_level: OptLevel,
    bounds_checks: BoundsChecks,
    custom_sections: Option<Vec<String>>,
    object_only: bool,
}

/// What became of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FuncReport {
    /// Its index in the module.
    pub func: u32,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// The size of its body in the WebAssembly module.
    pub wasm_bytes: usize,
    /// The size of its code, for both kinds of memory where it is compiled for both.
    pub code_bytes: usize,
    /// The bodies that stand in it in place of calls, each behind the one that its call is in.
    pub inlined: Vec<InlinedCall>,
}

/// A call in whose place a body stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InlinedCall {
    /// The index of the body's function in the module.
    pub func: u32,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// The offset of the call in the module's bytes.
    pub call: u32,
    /// How many other bodies the call stands in.
    pub depth: usize,
}

/// There is no generator of code for a machine; found in the [`Error`] by [`Error::downcast_ref`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoTarget(pub Box<str>);

impl fmt::Display for NoTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there_are: Vec<&str> = Cranelift::targets().collect();
        let there_are = there_are.join(", ");
        write!(
            f,
            "there is no generator of code for `{}` in this build; there is for {there_are}",
            self.0
        )
    }
}

impl core::error::Error for NoTarget {}

/// The features of a kind of processor of an architecture, `x86-64-v3` for example, for
/// [`Precompile::cpu_features`]. `native` is this machine's, `generic` any.
pub fn features_of_cpu(arch: &str, name: &str) -> Option<Vec<&'static str>> {
    Cranelift::features_of_cpu(arch, name)
}

impl Precompile {
    /// The defaults: for this machine, with everything that the module has.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the architecture of the machines that run the code, by Rust's name for it, instead of
    /// this machine's. If it is another one, no features of processors are taken for granted, and
    /// accesses to memory are compared. The feature `cross` adds `aarch64` and `riscv64`, for tools
    /// alone: this version runs no code there.
    pub fn target(&mut self, arch: impl Into<String>) -> &mut Self {
        self.target = Some(arch.into());
        self
    }

    /// Sets what to spend on good code.
    pub fn opt_level(&mut self, level: OptLevel) -> &mut Self {
        self.opt_level = level;
        self
    }

    /// Sets whether to write the code with its symbols alone, for tools: nothing that could be
    /// loaded.
    pub fn object_only(&mut self, on: bool) -> &mut Self {
        self.object_only = on;
        self
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
        Ok(self.compile_reporting(engine, bytes)?.0)
    }

    /// The same, with a report of each function that the module defines.
    ///
    /// # Errors
    /// As [`Precompile::compile`].
    pub fn compile_reporting(
        &self,
        engine: &Engine,
        bytes: &[u8],
    ) -> Result<(Vec<u8>, Vec<FuncReport>), ModuleError> {
        let options = LoadOptions {
            features: engine.config().features,
            supported: Cranelift::FEATURES,
            validation: Validation::Eager,
        };
        let bytes = ModuleBytes::new(bytes.to_vec());
        let module = loader(engine)?.load(bytes, engine.types(), &options)?;
        let budget = engine.config().inline_budget_bytes;
        self.compile_decoded(engine, budget, &module).map_err(ModuleError::Prepare)
    }

    fn compile_decoded(
        &self,
        engine: &wamr_runtime::Engine,
        inline_budget_bytes: Option<usize>,
        module: &wamr_types::Module,
    ) -> Result<(Vec<u8>, Vec<FuncReport>), Error> {
        let generator = self.generator()?;
        let memory0 = module.memories.first().filter(|_| self.arch() == ARCH);
        let wanted = memory0
            .map_or(MemoryKind::Checked, |memory| MemoryKind::wanted(memory, engine.tunables()));
        let memory0 = match (self.bounds_checks, wanted) {
            (BoundsChecks::Auto, wanted) => vec![wanted],
            (BoundsChecks::Both, MemoryKind::Guarded) => {
                vec![MemoryKind::Guarded, MemoryKind::Checked]
            }
            _ => vec![MemoryKind::Checked],
        };
        let counts_fuel = engine.tunables().consume_fuel;
        let inlines = engine.tunables().inlining;
        let mut options =
            CompileOptions { memory0, counts_fuel, inlines, ..CompileOptions::default() };
        if let Some(bytes) = inline_budget_bytes {
            options.inline_budget_bytes = bytes;
        }
        let (compiled, bodies) = compile_reporting(&generator, module, engine.types(), &options)?;
        let mut options = WriteOptions::default();
        options.consume_fuel = counts_fuel;
        // An engine that allows no more can load the file.
        let needed = WasmLoader.needed_features(module.bytes.as_slice(), module.features);
        options.features = Some(needed);
        options.custom_sections = self.custom_sections.clone();
        options.object_only = self.object_only;
        let bytes = write(module, engine.types(), &compiled, &options)?;
        Ok((bytes, report(module, &compiled, &bodies)))
    }

    fn arch(&self) -> &str {
        self.target.as_deref().unwrap_or(ARCH)
    }

    fn generator(&self) -> Result<impl CodeGenerator + use<>, Error> {
        let arch = self.arch();
        if !Cranelift::targets().any(|target| target == arch) {
            return Err(Error::new(NoTarget(arch.into())));
        }
        match &self.cpu_features {
            Some(names) => Cranelift::new(arch, names.iter().map(|name| &**name), self.opt_level),
            None if arch == ARCH => {
                Cranelift::new(arch, Cranelift::host_features(), self.opt_level)
            }
            None => Cranelift::new(arch, [], self.opt_level),
        }
    }
}

fn report(
    module: &wamr_types::Module,
    compiled: &CompiledModule,
    bodies: &[Vec<InlinedBody>],
) -> Vec<FuncReport> {
    let name = |func| module.names.func(FuncIdx(func)).map(Into::into);
    let mut reports: Vec<FuncReport> = (0..module.defined_func_count())
        .map(|position| {
            let defined = DefinedFuncIdx::from_usize(position);
            let func = module.func_idx(defined).0;
            let mut inlined: Vec<InlinedCall> = Vec::new();
            for &InlinedBody { func, call, within } in bodies.get(position).into_iter().flatten() {
                let within = within.and_then(|within| inlined.get(within as usize));
                let depth = within.map_or(0, |within| within.depth + 1);
                inlined.push(InlinedCall { func, name: name(func), call, depth });
            }
            FuncReport {
                func,
                name: name(func),
                wasm_bytes: module.bodies.body(defined).bytes.len(),
                code_bytes: 0,
                inlined,
            }
        })
        .collect();
    for range in &compiled.tables.funcs {
        if let Some(defined) = module.defined_func(FuncIdx(range.func)) {
            reports[defined.index()].code_bytes += range.len_bytes as usize;
        }
    }
    reports
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
            return unloaded(&decoded.bytes).map_err(Error::new);
        }
        Ok(Precompile::new().compile_decoded(self.engine(), None, decoded)?.0)
    }
}
