//! Instances, and instantiation with imports by position.
//! <https://webassembly.github.io/spec/core/exec/modules.html#instantiation>

use wamr_runtime::api::instantiate::InstanceHandle;
use wamr_runtime::{
    AsContext, AsContextMut, Attachment, Engine, Error, ErrorKind, Extern, Func, Global,
    InstanceId, Memory, Module, Table, Tag, TypedFunc, WasmParams, WasmResults,
};
use wamr_types::{ExternType, Resolver};

use crate::{ImportError, InstantiateError, LinkError};

/// A handle to an instance.
#[derive(Clone, Debug)]
pub struct Instance(InstanceHandle);

impl Instance {
    /// Instantiates a module with one external value for each import, in the order of its
    /// import section.
    ///
    /// # Errors
    /// [`InstantiateError::Link`] names every import whose value has the wrong type, or says that
    /// something belongs to another store or engine;
    /// [`InstantiateError::Run`] tells what active segments or the start function ended in.
    pub fn new(
        store: impl AsContextMut,
        module: &Module,
        imports: &[Extern],
    ) -> Result<Self, InstantiateError> {
        check(&store, module, imports.iter().map(Some))?;
        Self::of_checked(store, module, imports)
    }

    /// Instantiates a module with what a resolver finds for its imports: one entry for each, in
    /// the order of its import section, `None` where it has nothing. [`resolve`] makes such a
    /// list.
    ///
    /// # Errors
    /// As [`Instance::new`]; imports that nothing was found for are named too.
    pub fn of_resolved(
        store: impl AsContextMut,
        module: &Module,
        found: &[Option<Extern>],
    ) -> Result<Self, InstantiateError> {
        check(&store, module, found.iter().map(Option::as_ref))?;
        let imports: Vec<Extern> = found.iter().flatten().cloned().collect();
        Self::of_checked(store, module, &imports)
    }

    /// The imports must have passed [`check`], or be as if they had.
    pub(crate) fn of_checked(
        mut store: impl AsContextMut,
        module: &Module,
        imports: &[Extern],
    ) -> Result<Self, InstantiateError> {
        // SAFETY: the imports match in number, order and type.
        let instance =
            unsafe { InstanceHandle::allocate(store.as_context_mut(), module, imports)? };
        Self::run(instance, store)
    }

    /// Goes on with an allocated instance.
    pub(crate) fn run(
        instance: InstanceHandle,
        mut store: impl AsContextMut,
    ) -> Result<Self, InstantiateError> {
        instance.copy_active_segments(store.as_context_mut())?;
        instance.start(store.as_context_mut())?;
        Ok(Self(instance))
    }

    pub(crate) fn handle(&self) -> &InstanceHandle {
        &self.0
    }

    /// All instances of a module in a store, in the order in which they were made. Those that
    /// nothing refers to may be among them until they are reclaimed.
    pub fn all_of(store: impl AsContextMut, module: &Module) -> Vec<Self> {
        InstanceHandle::all_of(store, module).into_iter().map(Self).collect()
    }

    /// Whether both are handles to the same instance.
    pub fn same(a: &Self, b: &Self) -> bool {
        InstanceHandle::same(&a.0, &b.0)
    }

    /// What was attached to the instance.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn attachment(&self, store: impl AsContext) -> Result<Option<Attachment>, Error> {
        self.0.attachment(store)
    }

    /// Attaches a value to the instance and gives back what was attached before; see
    /// [`Func::attach`].
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn attach(
        &self,
        store: impl AsContextMut,
        value: Attachment,
    ) -> Result<Option<Attachment>, Error> {
        self.0.attach(store, value)
    }

    /// What frames of backtraces call the instance ([`wamr_runtime::Frame::instance_id`]).
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn id(&self, store: impl AsContext) -> Result<InstanceId, Error> {
        self.0.id(store)
    }

    /// The module.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn module(&self, store: impl AsContextMut) -> Result<Module, Error> {
        self.0.module(store)
    }

    /// An export by name; `None` if there is none, or the handle belongs to another store.
    pub fn get_export(&self, mut store: impl AsContextMut, name: &str) -> Option<Extern> {
        let module = self.0.module(store.as_context_mut()).ok()?;
        let index = module.decoded().export(name)?.index;
        self.0.item(store, index).ok()?
    }

    /// An exported function.
    pub fn get_func(&self, store: impl AsContextMut, name: &str) -> Option<Func> {
        self.get_export(store, name)?.into_func()
    }

    /// An exported table.
    pub fn get_table(&self, store: impl AsContextMut, name: &str) -> Option<Table> {
        self.get_export(store, name)?.into_table()
    }

    /// An exported memory.
    pub fn get_memory(&self, store: impl AsContextMut, name: &str) -> Option<Memory> {
        self.get_export(store, name)?.into_memory()
    }

    /// An exported global.
    pub fn get_global(&self, store: impl AsContextMut, name: &str) -> Option<Global> {
        self.get_export(store, name)?.into_global()
    }

    /// An exported tag.
    pub fn get_tag(&self, store: impl AsContextMut, name: &str) -> Option<Tag> {
        self.get_export(store, name)?.into_tag()
    }

    /// An exported function with its type checked once.
    ///
    /// # Errors
    /// If there is no such function, or it has another type.
    pub fn get_typed_func<P: WasmParams, R: WasmResults>(
        &self,
        mut store: impl AsContextMut,
        name: &str,
    ) -> Result<TypedFunc<P, R>, Error> {
        match self.get_func(store.as_context_mut(), name) {
            Some(func) => func.typed(store),
            None => Err(Error::msg(format_args!("there is no exported function `{name}`"))),
        }
    }

    /// All exports with their names, in the order of the export section.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn exports(&self, mut store: impl AsContextMut) -> Result<Vec<(String, Extern)>, Error> {
        let module = self.0.module(store.as_context_mut())?;
        let mut exports = Vec::with_capacity(module.decoded().exports.len());
        for export in &module.decoded().exports {
            if let Some(item) = self.0.item(store.as_context_mut(), export.index)? {
                exports.push((export.name.to_string(), item));
            }
        }
        Ok(exports)
    }
}

/// Checks that what is linked belongs to the store's engine, outside of which types mean nothing.
pub(crate) fn same_engine(theirs: &Engine, stores: &Engine) -> Result<(), LinkError> {
    if Engine::same(theirs, stores) {
        return Ok(());
    }
    Err(LinkError::Foreign(Error::from_kind(ErrorKind::WrongEngine)))
}

/// Checks external values against a module's imports.
fn check<'a>(
    store: impl AsContext,
    module: &Module,
    imports: impl ExactSizeIterator<Item = Option<&'a Extern>>,
) -> Result<(), LinkError> {
    let store = store.as_context();
    same_engine(module.engine(), store.engine())?;
    let wanted = module.imports();
    if wanted.len() != imports.len() {
        return Err(LinkError::ImportCount { wanted: wanted.len(), found: imports.len() });
    }
    let found = imports.map(|value| value.map(|value| value.ty(store)).transpose());
    check_types(module, found.collect::<Result<Vec<_>, _>>().map_err(LinkError::Foreign)?)
}

/// Checks the types of what was found for a module's imports, one for each.
pub(crate) fn check_types(
    module: &Module,
    found: Vec<Option<ExternType>>,
) -> Result<(), LinkError> {
    let types = module.engine().types();
    let mut errors = Vec::new();
    for (import, found) in module.imports().zip(found) {
        if !found.as_ref().is_some_and(|found| found.matches(import.ty(), types)) {
            errors.push(ImportError {
                module: import.module().into(),
                name: import.name().into(),
                wanted: import.ty().clone(),
                found,
            });
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(LinkError::Imports(errors)) }
}

/// Asks a resolver for every import of a module, in the order of its import section.
pub fn resolve(module: &Module, resolver: &mut dyn Resolver<Extern>) -> Vec<Option<Extern>> {
    let module = module.decoded();
    module.imports.iter().map(|import| resolver.resolve(module, import)).collect()
}
