//! A module ready for instantiation: the decoded form, and what a backend made of it.

use core::fmt;
use std::sync::Arc;

use wamr_types::{ExternType, Module as Decoded, TypeIdx};

use crate::backend::{Backend, Executable};
use crate::engine::Engine;
use crate::error::Error;
use crate::image::{DataImage, LazyImage};
use crate::vm::CallShape;

struct Inner {
    engine: Engine,
    decoded: Arc<Decoded>,
    executable: Arc<dyn Executable>,
    mode: &'static str,
    /// By type index; `None` for types that are not functions'.
    shapes: Box<[Option<CallShape>]>,
    image: LazyImage,
}

/// A module ready for instantiation, any number of times and on any thread.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Module(Arc<Inner>);

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.decoded.fmt(f)
    }
}

impl Module {
    /// Has a backend prepare a decoded module, whose types must come from `engine`.
    ///
    /// # Errors
    /// What the backend refuses.
    pub fn prepare(
        engine: &Engine,
        decoded: Arc<Decoded>,
        backend: &dyn Backend,
    ) -> Result<Self, Error> {
        let executable = backend.prepare(engine, &decoded)?;
        let mode = backend.name();
        let shapes = decoded.type_defs.iter().map(|ty| ty.as_func().map(CallShape::of)).collect();
        let (engine, image) = (engine.clone(), LazyImage::default());
        Ok(Self(Arc::new(Inner { engine, decoded, executable, mode, shapes, image })))
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

    /// The call shape of a function type; valid as long as the module.
    pub(crate) fn shape(&self, ty: TypeIdx) -> *const CallShape {
        self.0.shapes[ty.index()].as_ref().map_or(core::ptr::null(), core::ptr::from_ref)
    }

    /// What one more instance's memory 0 can be mapped from instead of copying data segments.
    pub(crate) fn image_for_next_instance(&self) -> Option<&DataImage> {
        self.0.image.for_next_instance(&self.0.decoded)
    }

    pub(crate) fn executable(&self) -> &dyn Executable {
        &*self.0.executable
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
