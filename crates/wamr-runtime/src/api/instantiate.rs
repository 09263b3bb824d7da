//! The primitives that instantiation is made of. Import matching and the order of steps are
//! the linker's.

use wamr_types::{DataMode, ElementMode, ExternIdx};

use super::handle::handle;
use super::{Extern, Func};
use crate::entity::{InstanceEntity, InstanceImports};
use crate::error::{Error, ErrorKind};
use crate::module::Module;
use crate::store::AsContextMut;

handle! {
    /// A handle to an instance.
    InstanceHandle => Instance(InstanceEntity)
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
        if !crate::Engine::same(core.engine(), module.engine()) {
            return Err(Error::from_kind(ErrorKind::WrongEngine));
        }
        core.collect_if_due();
        let mut lists = InstanceImports::default();
        for import in imports {
            match import {
                Extern::Func(func) => lists.funcs.push(func.resolve(core)?.as_ptr()),
                Extern::Table(table) => lists.tables.push(table.resolve(core)?),
                Extern::Memory(memory) => lists.memories.push(memory.resolve(core)?),
                Extern::Global(global) => lists.globals.push(global.resolve(core)?),
                Extern::Tag(tag) => lists.tags.push(tag.resolve(core)?),
            }
        }
        let instance = InstanceEntity::allocate(core, module, lists)?;
        Ok(Self::from_ptr(core, instance))
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
                let dst = entity.evaluate_offset(core, offset)?;
                entity.memory_init(memory.0, i as u32, dst, 0, data.range.len() as u64)?;
                entity.data_drop(i as u32);
            }
        }
        Ok(())
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

    /// An item of the instance's index spaces; for functions, one that values can refer to.
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
        let module = self.module(store.as_context_mut())?;
        let Some(start) = module.decoded().start else { return Ok(()) };
        let start = self.item(store.as_context_mut(), ExternIdx::Func(start))?;
        let Some(start) = start.and_then(Extern::into_func) else { return Ok(()) };
        Func::call(&start, store, &[], &mut [])
    }
}
