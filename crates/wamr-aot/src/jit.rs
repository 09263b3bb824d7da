//! The mode that compiles in process, before a module's first instance, or takes what was kept of
//! an earlier time.

use std::sync::{Arc, OnceLock};

use wamr_runtime::{Backend, Engine, Error, Executable, FuncEntry, MemoryKind, Module, WeakModule};
use wamr_types::{DefinedFuncIdx, Features, ModuleBytes};

use crate::cache::{CacheKey, CodeCache};
use crate::compiler::{CodeGenerator, CompileOptions, Cranelift, compile};
use crate::file::{self, WriteOptions};
use crate::image::{FileMemory, LoadedModule, NO_CODE};

/// The backend that compiles modules in process, by Cranelift.
#[derive(Clone, Debug, Default)]
pub struct Jit {
    cache: Option<Arc<dyn CodeCache>>,
    inline_budget_bytes: Option<usize>,
}

impl Jit {
    /// Compiles everything anew.
    pub const fn new() -> Self {
        Self { cache: None, inline_budget_bytes: None }
    }

    /// Sets who keeps what was compiled.
    pub fn cache(&mut self, cache: Arc<dyn CodeCache>) -> &mut Self {
        self.cache = Some(cache);
        self
    }

    /// Sets [`CompileOptions::inline_budget_bytes`].
    pub fn inline_budget_bytes(&mut self, bytes: usize) -> &mut Self {
        self.inline_budget_bytes = Some(bytes);
        self
    }
}

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
            settings: self.clone(),
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
    settings: Jit,
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

    fn options(&self, kind: MemoryKind) -> CompileOptions {
        let defaults = CompileOptions::default();
        let budget = self.settings.inline_budget_bytes;
        CompileOptions {
            memory0: vec![kind],
            defer_invalid_bodies: true,
            counts_fuel: self.engine.tunables().consume_fuel,
            inlines: self.engine.tunables().inlining,
            inline_budget_bytes: budget.unwrap_or(defaults.inline_budget_bytes),
            ..defaults
        }
    }

    /// Compiles the module, unless somebody has kept what that would give.
    fn compile(&self, kind: MemoryKind) -> Result<LoadedModule, Error> {
        let options = self.options(kind);
        let types = self.engine.types();
        let cache = self.settings.cache.as_deref().and_then(|cache| {
            let key = CacheKey::new(&*self.generator, &self.decoded, &options)?;
            Some((cache, key))
        });
        if let Some((cache, key)) = &cache
            && let Some(image) = cache.get(key).and_then(|kept| self.load(kept, kind))
        {
            cache.used(key);
            return Ok(image);
        }
        let compiled = compile(&*self.generator, &self.decoded, types, &options)?;
        if let Some((cache, key)) = &cache {
            let options = WriteOptions {
                consume_fuel: options.counts_fuel,
                // The module is there with all of them.
                custom_sections: Some(Vec::new()),
                ..WriteOptions::default()
            };
            if let Ok(file) = file::write(&self.decoded, types, &compiled, &options) {
                cache.put(key, &file);
            }
        }
        // SAFETY: the generator has just made it.
        unsafe { LoadedModule::load(compiled) }.map_err(Error::new)
    }

    /// Loads code that was kept; `None` if it is of no use.
    fn load(&self, kept: FileMemory, kind: MemoryKind) -> Option<LoadedModule> {
        let outline = file::outline(&ModuleBytes::new(kept.clone())).ok()?;
        let is_ours = outline.compiled.funcs.len() == self.decoded.defined_func_count()
            && outline.consumes_fuel == self.engine.tunables().consume_fuel
            && outline.compiled.runs_with(kind);
        if !is_ours {
            return None;
        }
        // SAFETY: its digest fits, so that it is what was compiled for this very module, as whoever
        // implements the cache vouches. Nobody else knows the memory yet.
        unsafe { LoadedModule::load_file(outline.compiled, &kept, outline.text) }.ok()
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
