//! The mode that compiles in process, before a module's first instance.

use std::sync::{Arc, OnceLock};

use wamr_runtime::{Backend, Engine, Error, Executable, FuncEntry, MemoryKind, Module, WeakModule};
use wamr_types::{DefinedFuncIdx, Features};

use crate::compiler::{CodeGenerator, CompileOptions, Cranelift, compile};
use crate::image::{LoadedModule, NO_CODE};

/// The backend that compiles modules in process, by Cranelift.
#[derive(Clone, Copy, Debug, Default)]
pub struct Jit;

impl Backend for Jit {
    fn name(&self) -> &'static str {
        "jit"
    }

    fn supported(&self) -> Features {
        Cranelift::FEATURES
    }

    fn profits_from_guards(&self) -> bool {
        true
    }

    fn counts_fuel(&self) -> bool {
        true
    }

    fn prepare(
        &self,
        engine: &Engine,
        module: &Arc<wamr_types::Module>,
    ) -> Result<Arc<dyn Executable>, Error> {
        let generator = Cranelift::host()?;
        // What memory 0 will be, if nothing is refused. Other kinds are compiled when they come.
        let kind = module
            .memories
            .first()
            .map_or(MemoryKind::Checked, |memory| MemoryKind::wanted(memory, engine.tunables()));
        let this = JitModule {
            engine: engine.clone(),
            decoded: module.clone(),
            generator: Box::new(generator),
            owner: OnceLock::new(),
            checked: OnceLock::new(),
            guarded: OnceLock::new(),
        };
        let image = this.compile(kind)?;
        let _ = this.image(kind).set(Some(image));
        Ok(Arc::new(this))
    }
}

/// A module, with its code for each kind of memory 0 that it has met.
struct JitModule {
    engine: Engine,
    decoded: Arc<wamr_types::Module>,
    generator: Box<dyn CodeGenerator>,
    owner: OnceLock<WeakModule>,
    checked: OnceLock<Option<LoadedModule>>,
    guarded: OnceLock<Option<LoadedModule>>,
}

impl JitModule {
    fn image(&self, kind: MemoryKind) -> &OnceLock<Option<LoadedModule>> {
        match kind {
            MemoryKind::Guarded => &self.guarded,
            MemoryKind::Checked => &self.checked,
        }
    }

    fn compile(&self, kind: MemoryKind) -> Result<LoadedModule, Error> {
        let options = CompileOptions {
            memory0: vec![kind],
            defer_invalid_bodies: true,
            counts_fuel: self.engine.tunables().consume_fuel,
            inlines: self.engine.tunables().inlining,
            ..CompileOptions::default()
        };
        let types = self.engine.types();
        let compiled = compile(&*self.generator, &self.decoded, types, &options)?;
        // SAFETY: the generator has just made it.
        unsafe { LoadedModule::load(compiled) }.map_err(Error::new)
    }

    fn find(&self, func: DefinedFuncIdx, kind: MemoryKind) -> Option<FuncEntry> {
        self.image(kind).get()?.as_ref()?.find(func, kind)
    }
}

// SAFETY: images live as long as the value and are made by the generator, whose code follows the
// calling convention of compiled code; `compiled_call` enters it by that convention.
unsafe impl Executable for JitModule {
    fn entry(&self, func: DefinedFuncIdx, memory0: MemoryKind) -> FuncEntry {
        // Code for checked memories serves guarded ones too, but not as fast.
        self.find(func, memory0)
            .or_else(|| {
                self.image(memory0).get_or_init(|| {
                    let image = self.compile(memory0).ok()?;
                    if let Some(owner) = self.owner.get() {
                        image.set_owner(owner.clone());
                    }
                    Some(image)
                });
                self.find(func, memory0)
            })
            .unwrap_or(NO_CODE)
    }

    fn belongs_to(&self, module: &Module) {
        let owner = module.downgrade();
        for image in [&self.checked, &self.guarded] {
            if let Some(Some(image)) = image.get() {
                image.set_owner(owner.clone());
            }
        }
        let _ = self.owner.set(owner);
    }
}
