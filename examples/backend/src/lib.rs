//! A small throw-away backend: the least that it takes to add a mode of execution.
//!
//! It compiles some forty operators with Cranelift, knows nothing of the other modes, and still
//! shares tables, memories, globals and calls with them, because all that it speaks is
//! `wamr-types` (decoded modules) and `wamr-runtime` (layouts, run-time services, the calling
//! convention of compiled code). The tests beside it hold the borders between modes to their
//! protocols.
//!
//! * `convention`: where values travel in calls.
//! * `layout`: the fields that compiled code reads, by offset.
//! * `helpers`: what compiled code calls in the runtime.
//! * `func`: one function, operator by operator.
//! * `code_memory`: pages that are first written, then run.
//! * `module`: the functions of a module put together.
//!
//! What does not live here: parsing of modules, linking, the semantics of tables and memories.
//! What a real backend would add: the other operators, frames in backtraces, unwind tables.
//!
//! ```
//! use std::sync::Arc;
//!
//! use wamr_example_backend::ExampleBackend;
//! use wamr_linker::Instance;
//! use wamr_loader::WasmLoader;
//! use wamr_runtime::{Backend, Engine, Module, Store};
//! use wamr_types::{Features, LoadOptions, Loader, ModuleBytes, Validation};
//!
//! let engine = Engine::default();
//! let options = LoadOptions {
//!     features: Features::WASM_2_0,
//!     supported: ExampleBackend.supported(),
//!     validation: Validation::Eager,
//! };
//! let text = r#"(module (func (export "add") (param i32 i32) (result i32)
//!     (i32.add (local.get 0) (local.get 1))))"#;
//! let decoded = WasmLoader.load(ModuleBytes::new(text), engine.types(), &options)?;
//! // SAFETY: the loader has validated the module, and its types are the engine's.
//! let module = unsafe { Module::prepare(&engine, Arc::new(decoded), &ExampleBackend)? };
//!
//! let mut store = Store::new(&engine, ());
//! let instance = Instance::new(&mut store, &module, &[])?;
//! let add = instance.get_typed_func::<(i32, i32), i32>(&mut store, "add")?;
//! assert_eq!(add.call(&mut store, (2, 40))?, 42);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg(all(unix, target_arch = "x86_64"))]

use core::fmt;
use std::sync::Arc;

use wamr_runtime::{Backend, Engine, Error, Executable};
use wamr_types::{Feature, Features, Module};

mod convention;
mod layout;

mod helpers;

mod func;

mod code_memory;
mod module;

/// The backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExampleBackend;

impl Backend for ExampleBackend {
    fn name(&self) -> &'static str {
        "example"
    }

    fn supported(&self) -> Features {
        Features::WASM_2_0.with(Feature::TailCall)
    }

    fn profits_from_guards(&self) -> bool {
        false
    }

    fn counts_fuel(&self) -> bool {
        false
    }

    fn prepare(
        &self,
        _engine: &Engine,
        module: &Arc<Module>,
    ) -> Result<Arc<dyn Executable>, Error> {
        Ok(Arc::new(module::CompiledModule::compile(module)?))
    }
}

/// What a function body has that this backend does not compile; found in the
/// [`Error`] of [`Backend::prepare`] by [`Error::downcast_ref`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The operator.
    pub operator: Box<str>,
    /// Its offset in the module's bytes.
    pub offset: usize,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operator, offset } = self;
        write!(f, "the example backend does not compile {operator} (at offset {offset:#x})")
    }
}

impl core::error::Error for Unsupported {}

#[cfg(test)]
mod tests {
    use wamr_types::{LoadErrorKind, LoadOptions, Loader, ModuleBytes, Validation};

    use super::*;

    fn load(engine: &Engine, text: &str) -> Result<Arc<Module>, wamr_types::LoadError> {
        let options = LoadOptions {
            features: Features::WASM_3_0,
            supported: ExampleBackend.supported(),
            validation: Validation::Lazy,
        };
        let bytes = ModuleBytes::new(text.to_owned());
        wamr_loader::WasmLoader.load(bytes, engine.types(), &options).map(Arc::new)
    }

    #[test]
    fn operators_that_are_not_supported_are_named() {
        let engine = Engine::default();
        let text = "(module (func (drop (i32.mul (i32.const 1) (i32.const 2)))))";
        let module = load(&engine, text).expect("it is valid");
        let error = ExampleBackend.prepare(&engine, &module).err().expect("it is not supported");
        let unsupported = error.downcast_ref::<Unsupported>().expect("that is why");
        assert_eq!(&*unsupported.operator, "I32Mul");
        let offset = unsupported.offset;
        assert_eq!(module.bytes.as_slice()[offset], 0x6c);
    }

    #[test]
    fn invalid_bodies_are_found() {
        let engine = Engine::default();
        let module = load(&engine, "(module (func i32.add))").expect("bodies are validated later");
        let error = ExampleBackend.prepare(&engine, &module).err().expect("it is invalid");
        assert!(matches!(error.kind(), wamr_runtime::ErrorKind::InvalidBody(_)));
    }

    #[test]
    fn features_that_are_not_supported_do_not_load() {
        let error = load(&Engine::default(), "(module (memory i64 1))").expect_err("64 bits");
        assert_eq!(error.kind, LoadErrorKind::Unsupported(Feature::Memory64));
    }

    #[test]
    fn modules_without_code_are_compiled() {
        let engine = Engine::default();
        let module = load(&engine, "(module (memory 1))").expect("it is valid");
        assert!(ExampleBackend.prepare(&engine, &module).is_ok());
    }
}
