//! The primitives that instantiation is made of. Import matching and the order of steps are
//! the linker's.

use std::sync::Arc;

use wamr_types::{DataMode, ElementMode, ExternIdx};

use super::handle::handle;
use super::{Extern, Func, HostFuncDef, SharedHostFunc, SharedMemory};
use crate::entity::{InstanceEntity, InstanceImports, LinearMemory};
use crate::error::{Error, ErrorKind};
use crate::module::Module;
use crate::store::{AsContext, AsContextMut, InstanceId, StoreCore};

handle! {
    /// A handle to an instance.
    InstanceHandle => Instance(InstanceEntity)
}

/// What an import is linked with: an entity of a store, or what any store of data `T` can have.
pub enum ImportValue<T: 'static> {
    /// An entity.
    Extern(Extern),
    /// A host function, to be made for each instance.
    Func(HostFuncDef<T>),
    /// A host function that all instances have in common; see [`ImportValue::share`].
    SharedFunc(SharedHostFunc<T>),
    /// A shared memory.
    SharedMemory(SharedMemory),
}

impl<T: 'static> Clone for ImportValue<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Extern(value) => Self::Extern(value.clone()),
            Self::Func(def) => Self::Func(def.clone()),
            Self::SharedFunc(func) => Self::SharedFunc(func.clone()),
            Self::SharedMemory(memory) => Self::SharedMemory(memory.clone()),
        }
    }
}

impl<T: 'static> ImportValue<T> {
    /// Makes the host functions among values of one engine now, for all instances that are linked
    /// with them, rather than for each.
    pub fn share<'v>(values: impl IntoIterator<Item = &'v mut Self>) {
        let with_def = |value: &'v mut Self| match value {
            Self::Func(def) => Some((def.clone(), value)),
            _ => None,
        };
        let (defs, values): (Vec<_>, Vec<_>) = values.into_iter().filter_map(with_def).unzip();
        for (value, func) in values.into_iter().zip(SharedHostFunc::group(defs)) {
            *value = Self::SharedFunc(func);
        }
    }
}

/// Before an instance is made.
fn begin(core: &mut StoreCore, module: &Module) -> Result<(), Error> {
    if !crate::Engine::same(core.engine(), module.engine()) {
        return Err(Error::from_kind(ErrorKind::WrongEngine));
    }
    core.collect_if_due();
    Ok(())
}

impl InstanceImports {
    /// Empty lists, with room for what the module imports.
    fn for_module(module: &wamr_types::Module) -> Self {
        let count = |count: u32| count as usize;
        Self {
            funcs: Vec::with_capacity(count(module.imported_funcs)),
            tables: Vec::with_capacity(module.tables.len()),
            memories: Vec::with_capacity(module.memories.len()),
            globals: Vec::with_capacity(module.globals.len()),
            tags: Vec::with_capacity(module.tags.len()),
            inherited: None,
        }
    }

    /// The lists of values that are linked.
    ///
    /// # Errors
    /// If something belongs to another store or engine.
    fn linked<T: 'static>(
        core: &mut StoreCore,
        module: &Module,
        imports: &[ImportValue<T>],
    ) -> Result<Self, Error> {
        let mut lists = Self::for_module(module.decoded());
        for import in imports {
            match import {
                ImportValue::Extern(value) => lists.push(core, value)?,
                ImportValue::Func(def) => lists.funcs.push(def.alloc(core)?.as_ptr()),
                ImportValue::SharedFunc(func) => lists.funcs.push(func.hold(core)?),
                ImportValue::SharedMemory(memory) => lists.memories.push(memory.alloc(core)?),
            }
        }
        Ok(lists)
    }

    /// Adds an external value.
    ///
    /// # Errors
    /// If it belongs to another store.
    fn push(&mut self, core: &StoreCore, value: &Extern) -> Result<(), Error> {
        match value {
            Extern::Func(func) => self.funcs.push(func.resolve(core)?.as_ptr()),
            Extern::Table(table) => self.tables.push(table.resolve(core)?),
            Extern::Memory(memory) => self.memories.push(memory.resolve(core)?),
            Extern::Global(global) => self.globals.push(global.resolve(core)?),
            Extern::Tag(tag) => self.tags.push(tag.resolve(core)?),
        }
        Ok(())
    }
}

impl InstanceHandle {
    /// Allocates an instance. Active segments are not copied and the start function is not
    /// called.
    ///
    /// # Safety
    /// `imports` must match the module's imports in number, order and type.
    ///
    /// # Errors
    /// If the system lacks memory, or something belongs to another store or engine.
    pub unsafe fn allocate(
        mut store: impl AsContextMut,
        module: &Module,
        imports: &[Extern],
    ) -> Result<Self, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        begin(core, module)?;
        let instance = core.make_limited(|core| {
            let mut lists = InstanceImports::for_module(module.decoded());
            for import in imports {
                lists.push(core, import)?;
            }
            InstanceEntity::allocate(core, module, lists)
        });
        Ok(Self::from_ptr(core, instance?))
    }

    /// As [`InstanceHandle::allocate`], with host functions that are put into the store for this
    /// instance.
    ///
    /// # Safety
    /// `imports` must match the module's imports in number, order and type.
    ///
    /// # Errors
    /// If the system lacks memory, or something belongs to another store or engine.
    pub unsafe fn allocate_linked<T: 'static>(
        mut store: impl AsContextMut<Data = T>,
        module: &Module,
        imports: &[ImportValue<T>],
    ) -> Result<Self, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        begin(core, module)?;
        let instance = core.make_limited(|core| {
            let lists = InstanceImports::linked(core, module, imports)?;
            InstanceEntity::allocate(core, module, lists)
        });
        Ok(Self::from_ptr(core, instance?))
    }

    /// As [`InstanceHandle::allocate_linked`], for another thread of a program. The shared
    /// memories that the module defines are not made but are those of `inherited`, in order, and
    /// active segments of shared memories, imported ones among them, count as copied.
    ///
    /// # Safety
    /// `imports` must match the module's imports in number, order and type.
    ///
    /// # Errors
    /// If the system lacks memory, something belongs to another store or engine, or what is
    /// inherited is not of the types that the module defines.
    pub unsafe fn allocate_thread<T: 'static>(
        mut store: impl AsContextMut<Data = T>,
        module: &Module,
        imports: &[ImportValue<T>],
        inherited: &[SharedMemory],
    ) -> Result<Self, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        begin(core, module)?;
        let decoded = module.decoded();
        let defined = decoded.memories[decoded.imported_memories as usize..].iter();
        let wanted = defined.filter(|memory| memory.shared);
        if !wanted.copied().eq(inherited.iter().map(SharedMemory::declared_type)) {
            let what = "inherited memories are not those that the module defines";
            return Err(Error::from_kind(ErrorKind::InvalidType(what.into())));
        }
        let instance = core.make_limited(|core| {
            let mut lists = InstanceImports::linked(core, module, imports)?;
            let inherited = inherited.iter().map(|memory| memory.of_engine(core.engine()).cloned());
            lists.inherited = Some(inherited.collect::<Result<_, _>>()?);
            InstanceEntity::allocate(core, module, lists)
        });
        Ok(Self::from_ptr(core, instance?))
    }

    /// The shared memories that the module defines, in order: what other threads inherit.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn own_shared_memories(&self, store: impl AsContext) -> Result<Vec<SharedMemory>, Error> {
        let store = store.as_context();
        let core = store.core();
        let entity = self.resolve(core)?;
        // SAFETY: resolved entities are live.
        let memories = unsafe { entity.as_ref() }.own_shared_memories();
        let share = |memory: &Arc<LinearMemory>| {
            SharedMemory::from_parts(core.engine().clone(), memory.clone())
        };
        Ok(memories.map(share).collect())
    }

    /// Copies the active element segments, then the active data segments, in order, and drops
    /// them. What was written before a failure stays written. Nothing may have used the
    /// instance's memories before.
    ///
    /// # Errors
    /// The trap of a segment that does not fit.
    pub fn copy_active_segments(&self, mut store: impl AsContextMut) -> Result<(), Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let entity = self.resolve(core)?;
        // SAFETY: resolved entities are live; nothing is freed before this returns.
        let entity = unsafe { entity.as_ref() };
        let decoded = entity.module().decoded().clone();
        for (i, element) in decoded.elements.iter().enumerate() {
            let index = i as u32;
            match &element.mode {
                ElementMode::Active { table, offset } => {
                    let dst = entity.evaluate_offset(core, offset)?;
                    let count = element.items.len() as u64;
                    entity.table_init(table.0, index, dst, 0, count)?;
                    entity.elem_drop(index);
                }
                ElementMode::Declared => entity.elem_drop(index),
                ElementMode::Passive => {}
            }
        }
        if entity.map_data_image() {
            return Ok(());
        }
        for (i, data) in decoded.data.iter().enumerate() {
            if let DataMode::Active { memory, offset } = &data.mode {
                if entity.is_initialised(memory.0) {
                    entity.data_drop(i as u32);
                    continue;
                }
                let dst = entity.evaluate_offset(core, offset)?;
                entity.memory_init(memory.0, i as u32, dst, 0, data.range.len() as u64)?;
                entity.data_drop(i as u32);
            }
        }
        Ok(())
    }

    /// All instances of a module in a store, in the order in which they were made. Those that
    /// nothing refers to may be among them until they are reclaimed.
    pub fn all_of(mut store: impl AsContextMut, module: &Module) -> Vec<Self> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let decoded = module.decoded();
        let is_of = |at: &core::ptr::NonNull<InstanceEntity>| {
            // SAFETY: the arena's addresses are live.
            let entity = unsafe { at.as_ref() };
            entity.is_complete() && Arc::ptr_eq(entity.module().decoded(), decoded)
        };
        let found: Vec<_> = core.instances.iter().filter(is_of).collect();
        found.into_iter().map(|at| Self::from_ptr(core, at)).collect()
    }

    /// The module.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn module(&self, mut store: impl AsContextMut) -> Result<Module, Error> {
        let mut store = store.as_context_mut();
        let entity = self.resolve(store.core())?;
        // SAFETY: resolved entities are live.
        Ok(unsafe { entity.as_ref() }.module().clone())
    }

    /// What [`Caller::instance_id`](crate::Caller::instance_id) tells of this instance.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn id(&self, store: impl AsContext) -> Result<InstanceId, Error> {
        let entity = self.resolve(store.as_context().core())?;
        // SAFETY: resolved entities are live.
        Ok(InstanceId::of(unsafe { entity.as_ref() }))
    }

    /// An item of the instance's index spaces; for functions, one that values can refer to.
    ///
    /// What is not exported is the module's own: a backend may rely on nobody else writing a table
    /// that its module does not export, and then calls what the module put there.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn item(
        &self,
        mut store: impl AsContextMut,
        index: ExternIdx,
    ) -> Result<Option<Extern>, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let entity = self.resolve(core)?;
        // SAFETY: resolved entities are live.
        let item = unsafe { entity.as_ref() }.item(index);
        Ok(item.and_then(|item| Extern::from_ptr(core, item)))
    }

    /// Calls the module's start function, if it has one.
    ///
    /// # Errors
    /// Whatever it ends in.
    pub fn start(&self, mut store: impl AsContextMut) -> Result<(), Error> {
        let mut store = store.as_context_mut();
        let entity = self.resolve(store.core())?;
        // SAFETY: resolved entities are live.
        let start = unsafe { entity.as_ref() }.module().decoded().start;
        let Some(start) = start else { return Ok(()) };
        let start = self.item(store.as_context_mut(), ExternIdx::Func(start))?;
        let Some(start) = start.and_then(Extern::into_func) else { return Ok(()) };
        Func::call(&start, store, &[], &mut [])
    }
}
