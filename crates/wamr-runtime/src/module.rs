//! A module ready for instantiation: the decoded form, and what a backend made of it.

use core::fmt;
use core::num::NonZero;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use wamr_types::{DefinedFuncIdx, ExternType, FuncIdx, Module as Decoded};

use crate::backend::{Backend, Executable};
use crate::engine::Engine;
use crate::entity::MemoryKind;
use crate::error::Error;
use crate::image::{DataImage, LazyImage};
use crate::plan::{FuncPlan, InstancePlan, RecordPlan};
use crate::vm::CallShape;

struct Inner {
    engine: Engine,
    decoded: Arc<Decoded>,
    executable: Arc<dyn Executable>,
    mode: &'static str,
    /// By type index; `None` for types that are not functions'.
    shapes: Box<[Option<CallShape>]>,
    /// Whether an instance was made, or many are to be.
    is_repeated: AtomicBool,
    plan: OnceLock<InstancePlan>,
    image: LazyImage,
}

/// A module ready for instantiation, any number of times and on any thread.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Module(Arc<Inner>);

/// A module that may be gone; see [`Module::downgrade`].
#[derive(Clone)]
pub struct WeakModule(Weak<Inner>);

impl WeakModule {
    /// The module, if it is still there.
    pub fn upgrade(&self) -> Option<Module> {
        self.0.upgrade().map(Module)
    }
}

impl fmt::Debug for WeakModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakModule")
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.decoded.fmt(f)
    }
}

impl Module {
    /// Has a backend prepare a decoded module.
    ///
    /// # Errors
    /// What the backend refuses; or if the engine counts fuel, and the backend's code does not.
    ///
    /// # Safety
    /// The module must be what a loader that validates made of bytes with the registry of
    /// `engine`: its types come from there, and what has been validated, or is validated by
    /// [`FunctionBodies::validate`](wamr_types::FunctionBodies::validate), is believed.
    pub unsafe fn prepare(
        engine: &Engine,
        decoded: Arc<Decoded>,
        backend: &dyn Backend,
    ) -> Result<Self, Error> {
        let mode = backend.name();
        if engine.tunables().consume_fuel && !backend.counts_fuel() {
            return Err(Error::msg(format_args!("mode `{mode}` does not count fuel")));
        }
        let executable = backend.prepare(engine, &decoded)?;
        // SAFETY: the caller vouches for the module, and the backend prepared it for this engine.
        Ok(unsafe { Self::prepared(engine, decoded, executable, mode) })
    }

    /// A decoded module that was prepared before, for a mode of this name.
    ///
    /// # Safety
    /// As for [`Module::prepare`]; and `executable` must be what a backend of that name made of
    /// this module, for an engine of the same tunables.
    pub unsafe fn prepared(
        engine: &Engine,
        decoded: Arc<Decoded>,
        executable: Arc<dyn Executable>,
        mode: &'static str,
    ) -> Self {
        let shapes = decoded.type_defs.iter().map(|ty| ty.as_func().map(CallShape::of)).collect();
        let module = Self(Arc::new(Inner {
            engine: engine.clone(),
            decoded,
            executable,
            mode,
            shapes,
            is_repeated: AtomicBool::new(false),
            plan: OnceLock::new(),
            image: LazyImage::default(),
        }));
        module.0.executable.belongs_to(&module);
        module
    }

    /// The module without keeping it alive.
    pub fn downgrade(&self) -> WeakModule {
        WeakModule(Arc::downgrade(&self.0))
    }

    /// The engine that the module was loaded for.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// The decoded form.
    pub fn decoded(&self) -> &Arc<Decoded> {
        &self.0.decoded
    }

    /// The name of the mode that instances of the module run in.
    pub fn mode(&self) -> &'static str {
        self.0.mode
    }

    /// Whether instances can have a memory 0 of the given kind.
    pub(crate) fn runs_with(&self, memory0: MemoryKind) -> bool {
        self.0.executable.runs_with(memory0)
    }

    /// Computes now what instances have in common, which otherwise the second of them does.
    pub fn expect_instances(&self) {
        self.0.is_repeated.store(true, Ordering::Relaxed);
        let plan = self.made_plan();
        let _ = (self.planned_records(plan, self.wanted()), self.0.image.get(&self.0.decoded));
    }

    /// Makes now what would else be made at the first call of each function, on at most so many
    /// threads: the interpreter's code. If bodies are validated when they are first needed, this
    /// validates them all.
    ///
    /// # Errors
    /// If a body is invalid: the first of those that are.
    pub fn translate(&self, threads: NonZero<usize>) -> Result<(), Error> {
        self.0.executable.translate(self.wanted(), threads)
    }

    /// The kind of memory 0 that instances have as long as the system grants what they ask for.
    fn wanted(&self) -> MemoryKind {
        let memory0 = self.0.decoded.memories.first();
        memory0.map_or(MemoryKind::Checked, |memory0| {
            MemoryKind::wanted(memory0, self.0.engine.tunables())
        })
    }

    /// What is known about the instance that is about to be made; nothing about the first.
    pub(crate) fn plan_for_instance(&self) -> Option<&InstancePlan> {
        self.0.is_repeated.swap(true, Ordering::Relaxed).then(|| self.made_plan())
    }

    fn made_plan(&self) -> &InstancePlan {
        self.0.plan.get_or_init(|| InstancePlan::new(&self.0.decoded))
    }

    /// What is known about instances, if any of it was computed yet.
    pub(crate) fn plan(&self) -> Option<&InstancePlan> {
        self.0.plan.get()
    }

    /// A plan's records for instances whose memory 0 is of that kind.
    pub(crate) fn planned_records<'p>(
        &self,
        plan: &'p InstancePlan,
        memory0: MemoryKind,
    ) -> &'p [RecordPlan] {
        plan.records(memory0, || {
            let funcs = self.0.decoded.escaping_funcs.iter();
            funcs.map(|&func| self.record_plan(func, memory0)).collect()
        })
    }

    /// What is known about a function's records; nothing for an import.
    pub(crate) fn record_plan(&self, func: FuncIdx, memory0: MemoryKind) -> RecordPlan {
        let defined: DefinedFuncIdx = self.0.decoded.defined_func(func)?;
        let Inner { decoded, executable, shapes, .. } = &*self.0;
        Some(FuncPlan::new(decoded, &**executable, shapes, defined, memory0))
    }

    /// What the memory 0 of an instance with a plan can be mapped from instead of copying data
    /// segments.
    pub(crate) fn image(&self) -> Option<&DataImage> {
        self.0.plan.get()?;
        self.0.image.get(&self.0.decoded)
    }

    /// The module's own name, where it has one.
    pub fn name(&self) -> Option<&str> {
        self.0.decoded.name()
    }

    /// What the module imports, in the order of its import section.
    pub fn imports(&self) -> impl ExactSizeIterator<Item = ImportType<'_>> {
        let module = &*self.0.decoded;
        module.imports.iter().map(|import| ImportType {
            module: &import.module,
            name: &import.name,
            ty: module.import_type(import),
        })
    }

    /// What the module exports, in the order of its export section.
    pub fn exports(&self) -> impl ExactSizeIterator<Item = ExportType<'_>> {
        let module = &*self.0.decoded;
        module
            .exports
            .iter()
            .map(|export| ExportType { name: &export.name, ty: module.export_type(export) })
    }

    /// The type of the export of that name.
    pub fn get_export(&self, name: &str) -> Option<ExternType> {
        let module = &*self.0.decoded;
        module.export(name).map(|export| module.export_type(export))
    }
}

/// An import's names and type.
#[derive(Clone, Debug)]
pub struct ImportType<'m> {
    module: &'m str,
    name: &'m str,
    ty: ExternType,
}

impl<'m> ImportType<'m> {
    /// The name of the module to import from.
    pub fn module(&self) -> &'m str {
        self.module
    }

    /// The name of the item.
    pub fn name(&self) -> &'m str {
        self.name
    }

    /// What is wanted.
    pub fn ty(&self) -> &ExternType {
        &self.ty
    }
}

/// An export's name and type.
#[derive(Clone, Debug)]
pub struct ExportType<'m> {
    name: &'m str,
    ty: ExternType,
}

impl<'m> ExportType<'m> {
    /// The name.
    pub fn name(&self) -> &'m str {
        self.name
    }

    /// What is exported.
    pub fn ty(&self) -> &ExternType {
        &self.ty
    }
}
