//! Linking by name.

use core::fmt;
use std::collections::HashMap;

use wamr_runtime::api::instantiate::ImportValue;
use wamr_runtime::{
    AsContextMut, Caller, Engine, Error, Extern, HostFuncDef, IntoFunc, Module, SharedMemory, Val,
};
use wamr_types::{ExternType, FuncType};

use crate::imports::of_a_store;
use crate::instance::{check_types, same_engine};
use crate::pre::instantiate_checked;
use crate::{ForThreads, Instance, InstancePre, InstantiateError, LinkError};

/// What stands under a name.
pub(crate) struct Definition<T: 'static> {
    pub(crate) value: ImportValue<T>,
    /// Its type when it was defined: sizes may have grown since.
    pub(crate) ty: ExternType,
}

impl<T: 'static> Clone for Definition<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), ty: self.ty.clone() }
    }
}

impl<T: 'static> Definition<T> {
    pub(crate) fn of_host(def: HostFuncDef<T>) -> Self {
        let ty = ExternType::Func { id: def.type_id(), ty: def.ty().clone() };
        Self { value: ImportValue::Func(def), ty }
    }
}

/// Names and what they stand for, to instantiate modules with.
pub struct Linker<T: 'static> {
    engine: Engine,
    modules: HashMap<Box<str>, HashMap<Box<str>, Definition<T>>>,
    shadowing: bool,
}

impl<T: 'static> Clone for Linker<T> {
    fn clone(&self) -> Self {
        Self {
            engine: self.engine.clone(),
            modules: self.modules.clone(),
            shadowing: self.shadowing,
        }
    }
}

impl<T: 'static> fmt::Debug for Linker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Linker").field("modules", &self.modules.len()).finish_non_exhaustive()
    }
}

impl<T: 'static> Linker<T> {
    /// An empty linker.
    pub fn new(engine: &Engine) -> Self {
        Self { engine: engine.clone(), modules: HashMap::new(), shadowing: false }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether a name may be defined again, the newest definition winning. At first it may not.
    pub fn allow_shadowing(&mut self, allow: bool) -> &mut Self {
        self.shadowing = allow;
        self
    }

    /// Defines a host function from a closure with typed parameters and results.
    ///
    /// # Errors
    /// If the name is defined already, or the engine holds no more types.
    pub fn func_wrap<P, R>(
        &mut self,
        module: &str,
        name: &str,
        func: impl IntoFunc<T, P, R>,
    ) -> Result<&mut Self, LinkError> {
        let def = HostFuncDef::wrap(&self.engine, func).map_err(LinkError::Foreign)?;
        self.insert(module, name, Definition::of_host(def))
    }

    /// Defines a host function from its type and a closure over values.
    ///
    /// # Errors
    /// If the name is defined already, or the type cannot be registered.
    pub fn func_new(
        &mut self,
        module: &str,
        name: &str,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &[Val], &mut [Val]) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Result<&mut Self, LinkError> {
        let def = HostFuncDef::new(&self.engine, ty, func).map_err(LinkError::Foreign)?;
        self.insert(module, name, Definition::of_host(def))
    }

    /// Defines a host function from its type, of numbers alone, and a closure over slots; see
    /// [`HostFuncDef::with_slots`].
    ///
    /// # Errors
    /// If the name is defined already, the type has references, or the engine holds no more types.
    pub fn func_with_slots(
        &mut self,
        module: &str,
        name: &str,
        ty: FuncType,
        func: impl Fn(Caller<'_, T>, &mut [u64]) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Result<&mut Self, LinkError> {
        let def = HostFuncDef::with_slots(&self.engine, ty, func).map_err(LinkError::Foreign)?;
        self.insert(module, name, Definition::of_host(def))
    }

    /// Defines an external value.
    ///
    /// # Errors
    /// If the name is defined already, or the value belongs to another store.
    pub fn define(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        module: &str,
        name: &str,
        value: impl Into<Extern>,
    ) -> Result<&mut Self, LinkError> {
        let value = value.into();
        let ty = value.ty(store.as_context_mut()).map_err(LinkError::Foreign)?;
        self.insert(module, name, Definition { value: ImportValue::Extern(value), ty })
    }

    /// Defines a shared memory, for whatever store is linked.
    ///
    /// # Errors
    /// If the name is defined already, or the memory belongs to another engine.
    pub fn shared_memory(
        &mut self,
        module: &str,
        name: &str,
        memory: SharedMemory,
    ) -> Result<&mut Self, LinkError> {
        same_engine(memory.engine(), &self.engine)?;
        let ty = ExternType::Memory(memory.ty());
        self.insert(module, name, Definition { value: ImportValue::SharedMemory(memory), ty })
    }

    /// Defines all exports of an instance under a module name.
    ///
    /// # Errors
    /// If a name is defined already, or the instance belongs to another store. Nothing is defined
    /// then.
    pub fn instance(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        module: &str,
        instance: &Instance,
    ) -> Result<&mut Self, LinkError> {
        let exports = instance.exports(store.as_context_mut()).map_err(LinkError::Foreign)?;
        self.check_free(module, exports.iter().map(|(name, _)| &**name))?;
        for (name, value) in exports {
            self.define(store.as_context_mut(), module, &name, value)?;
        }
        Ok(self)
    }

    /// Instantiates a module and defines all its exports under a module name.
    ///
    /// # Errors
    /// As [`Linker::instantiate`] and [`Linker::instance`]; where a name is defined already, the
    /// module is not instantiated.
    pub fn module(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        name: &str,
        module: &Module,
    ) -> Result<Instance, InstantiateError> {
        self.check_free(name, module.exports().map(|export| export.name()))?;
        let instance = self.instantiate(store.as_context_mut(), module)?;
        self.instance(store, name, &instance)?;
        Ok(instance)
    }

    /// Makes what is defined under module name `from` known under `to` too.
    ///
    /// # Errors
    /// If a name is defined already. Nothing is defined then.
    pub fn alias_module(&mut self, from: &str, to: &str) -> Result<&mut Self, LinkError> {
        let items = self.modules.get(from).cloned().unwrap_or_default();
        self.check_free(to, items.keys().map(|name| &**name))?;
        for (name, definition) in items {
            self.insert(to, &name, definition)?;
        }
        Ok(self)
    }

    /// Makes one item known under another name.
    ///
    /// # Errors
    /// If the new name is defined already, or the old one is not.
    pub fn alias(
        &mut self,
        module: &str,
        name: &str,
        as_module: &str,
        as_name: &str,
    ) -> Result<&mut Self, LinkError> {
        match self.modules.get(module).and_then(|items| items.get(name)).cloned() {
            Some(definition) => self.insert(as_module, as_name, definition),
            None => Err(LinkError::Foreign(Error::msg(format_args!(
                "`{module}` `{name}` is not defined"
            )))),
        }
    }

    /// Checks that all these names may be defined.
    fn check_free<'n>(
        &self,
        module: &str,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<(), LinkError> {
        let Some(items) = self.modules.get(module).filter(|_| !self.shadowing) else {
            return Ok(());
        };
        match names.into_iter().find(|name| items.contains_key(*name)) {
            None => Ok(()),
            Some(name) => Err(LinkError::Duplicate { module: module.into(), name: name.into() }),
        }
    }

    fn insert(
        &mut self,
        module: &str,
        name: &str,
        definition: Definition<T>,
    ) -> Result<&mut Self, LinkError> {
        self.check_free(module, [name])?;
        self.modules.entry(module.into()).or_default().insert(name.into(), definition);
        Ok(self)
    }

    /// Whether a name is defined.
    pub fn contains(&self, module: &str, name: &str) -> bool {
        self.modules.get(module).is_some_and(|items| items.contains_key(name))
    }

    /// All names that are defined, in no particular order.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        let modules = self.modules.iter();
        modules.flat_map(|(module, items)| items.keys().map(|name| (&**module, &**name)))
    }

    /// What stands under a name, as an external value of this store.
    ///
    /// # Errors
    /// If the host function there cannot be made in this store.
    pub fn get(
        &self,
        mut store: impl AsContextMut<Data = T>,
        module: &str,
        name: &str,
    ) -> Result<Option<Extern>, Error> {
        let found = match self.definition(module, name).map(|definition| &definition.value) {
            None => return Ok(None),
            Some(ImportValue::Extern(value)) => value.clone(),
            Some(ImportValue::Func(def)) => def.to_func(store.as_context_mut())?.into(),
            Some(ImportValue::SharedFunc(func)) => {
                func.def().to_func(store.as_context_mut())?.into()
            }
            Some(ImportValue::SharedMemory(memory)) => {
                memory.to_memory(store.as_context_mut())?.into()
            }
        };
        Ok(Some(found))
    }

    /// What was defined, for programs on several threads.
    ///
    /// # Errors
    /// If it belongs to a store.
    pub fn get_for_threads(
        &self,
        module: &str,
        name: &str,
    ) -> Result<Option<ForThreads<T>>, Error> {
        match self.definition(module, name) {
            Some(Definition { value: ImportValue::Extern(_), .. }) => Err(of_a_store(module, name)),
            found => Ok(found.cloned().map(ForThreads)),
        }
    }

    pub(crate) fn definition(&self, module: &str, name: &str) -> Option<&Definition<T>> {
        self.modules.get(module)?.get(name)
    }

    /// Instantiates a module with what its imports' names stand for.
    ///
    /// # Errors
    /// [`InstantiateError::Link`] names every import that is not defined or has the wrong type, or
    /// says that something belongs to another store or engine;
    /// [`InstantiateError::Run`] tells what active segments or the start function ended in.
    pub fn instantiate(
        &self,
        store: impl AsContextMut<Data = T>,
        module: &Module,
    ) -> Result<Instance, InstantiateError> {
        same_engine(&self.engine, store.as_context().engine())?;
        let imports = self.find_imports(module, |value, ty| match value {
            // Tables and memories may have grown.
            ImportValue::Extern(value) => value.ty(store.as_context()),
            ImportValue::SharedMemory(memory) => Ok(ExternType::Memory(memory.ty())),
            ImportValue::Func(_) | ImportValue::SharedFunc(_) => Ok(ty.clone()),
        })?;
        instantiate_checked(store, module, &imports)
    }

    /// Finds a module's imports and checks their types, once for any number of instances.
    ///
    /// Host functions are put into each store that the result is instantiated in. Where an import
    /// is an entity of a store, the result is bound to that store; a table or memory counts as
    /// large as it was when it was defined.
    ///
    /// # Errors
    /// Names every import that is not defined or has the wrong type, or says that the module belongs
    /// to another engine.
    pub fn instantiate_pre(&self, module: &Module) -> Result<InstancePre<T>, LinkError> {
        let imports = self.find_imports(module, |_, ty| Ok(ty.clone()))?;
        module.expect_instances();
        Ok(InstancePre::of_checked(module, imports))
    }

    /// What a module's imports stand for, in the order of its import section, if `ty` says that
    /// all of them have the right type.
    fn find_imports(
        &self,
        module: &Module,
        ty: impl Fn(&ImportValue<T>, &ExternType) -> Result<ExternType, Error>,
    ) -> Result<Vec<ImportValue<T>>, LinkError> {
        same_engine(module.engine(), &self.engine)?;
        let mut values = Vec::with_capacity(module.imports().len());
        let mut found = Vec::with_capacity(values.capacity());
        for import in module.imports() {
            let definition = self.definition(import.module(), import.name());
            let ty = definition.map(|definition| ty(&definition.value, &definition.ty));
            found.push(ty.transpose().map_err(LinkError::Foreign)?);
            values.extend(definition.map(|definition| definition.value.clone()));
        }
        check_types(module, found)?;
        Ok(values)
    }
}
