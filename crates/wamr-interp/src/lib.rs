//! The interpreter: a backend that executes register code with one handler for each operation.
//!
//! * `op`: what operations are made of, and the tables of operators.
//! * `translate`: from the binary format to register code, in one pass, at the first call.
//! * `exec`: what operations do, and how one reaches the next.
//!
//! What does not live here: what numeric instructions compute, the semantics of tables and
//! memories beyond loads and stores, and calls of anything that is not interpreted; those are
//! helpers of the runtime.

use std::sync::Arc;

use wamr_runtime::{Backend, Engine, Error, Executable, MemoryKind};
use wamr_types::{DefinedFuncIdx, Feature, Features, Module};

mod code;
mod eager;
mod exec;
mod frames;
mod handlers;
mod module;
mod op;
mod translate;
mod trap;

/// The interpreter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interpreter;

impl Interpreter {
    /// Whether operations of this build chain by sibling calls, rather than return to a loop.
    pub const CHAINS: bool = cfg!(wamr_threaded);

    /// The register code of a function, as text, for instances whose memory 0 is of a kind.
    ///
    /// # Errors
    /// If the function is invalid.
    pub fn listing(
        engine: &Engine,
        module: &Arc<Module>,
        func: DefinedFuncIdx,
        memory0: MemoryKind,
    ) -> Result<String, Error> {
        let module = module::InterpModule::new(engine.clone(), module.clone());
        translate::listing(&module, func, memory0)
    }
}

impl Backend for Interpreter {
    fn name(&self) -> &'static str {
        "interp"
    }

    fn supported(&self) -> Features {
        Features::WASM_2_0
            .with(Feature::RelaxedSimd)
            .with(Feature::ExtendedConst)
            .with(Feature::TailCall)
            .with(Feature::FunctionReferences)
            .with(Feature::Exceptions)
            .with(Feature::LegacyExceptions)
            .with(Feature::Gc)
            .with(Feature::MultiMemory)
            .with(Feature::Memory64)
            .with(Feature::CustomPageSizes)
            .with(Feature::WideArithmetic)
            .with(Feature::Threads)
    }

    fn profits_from_guards(&self) -> bool {
        exec::guard::SUPPORTED
    }

    fn counts_fuel(&self) -> bool {
        true
    }

    fn prepare(&self, engine: &Engine, module: &Arc<Module>) -> Result<Arc<dyn Executable>, Error> {
        Ok(module::InterpModule::new(engine.clone(), module.clone()))
    }
}
