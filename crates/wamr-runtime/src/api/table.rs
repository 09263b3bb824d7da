//! Handles to tables.

use core::ptr::NonNull;

use wamr_types::{IndexType, TableAccess, TableType, ValType};

use super::Val;
use super::handle::handle;
use crate::entity::TableEntity;
use crate::error::{Error, ErrorKind};
use crate::store::{AsContext, AsContextMut};

handle! {
    /// A handle to a table.
    Table => Table(TableEntity)
}

impl Table {
    /// Makes a table that belongs to no instance, with all its elements `init`.
    ///
    /// # Errors
    /// If the limits contradict each other or go beyond what indices can reach, `init` is not of the element type or of another
    /// store, or the system lacks memory.
    pub fn new(mut store: impl AsContextMut, ty: TableType, init: Val) -> Result<Self, Error> {
        let invalid = |what: &str| Err(Error::from_kind(ErrorKind::InvalidType(what.into())));
        if ty.limits.max.is_some_and(|max| max < ty.limits.min) {
            return invalid("a table's maximum is below its minimum");
        }
        let most = ty.limits.max.unwrap_or(ty.limits.min);
        if ty.index == IndexType::I32 && most > u64::from(u32::MAX) {
            return invalid("a table's limits are beyond what its indices reach");
        }
        let mut store = store.as_context_mut();
        let core = store.core();
        core.collect_if_due();
        let [value, _] = init.to_raw(core, ValType::Ref(ty.element))?;
        let table = core.make_limited(|core| core.new_table(ty, value))?;
        Ok(Self::from_ptr(core, table))
    }

    /// The type, with the present size as its minimum.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<TableType, Error> {
        Ok(entity(self.resolve(store.as_context().core())?).ty())
    }

    /// The size in elements.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn size(&self, store: impl AsContext) -> Result<u64, Error> {
        Ok(entity(self.resolve(store.as_context().core())?).size())
    }

    /// An element; `None` if the table has no such element.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn get(&self, mut store: impl AsContextMut, index: u64) -> Result<Option<Val>, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let table = entity(self.resolve(core)?);
        let Ok(value) = table.get(index) else { return Ok(None) };
        // SAFETY: elements of a table are of its element type.
        Ok(Some(unsafe { Val::from_raw(core, ValType::Ref(table.ty().element), [value, 0]) }))
    }

    /// Writes an element.
    ///
    /// # Errors
    /// If the table has no such element, the value is not of the element type, or something
    /// belongs to another store.
    pub fn set(&self, mut store: impl AsContextMut, index: u64, value: Val) -> Result<(), Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let table = entity(self.resolve(core)?);
        let [value, _] = value.to_raw(core, ValType::Ref(table.ty().element))?;
        table.set(index, value).map_err(|_| Error::from_kind(ErrorKind::OutOfBounds))
    }

    /// Adds `delta` elements, all `value`, and returns the old size.
    ///
    /// # Errors
    /// If the table cannot grow that far, the value is not of the element type, or something
    /// belongs to another store.
    pub fn grow(&self, mut store: impl AsContextMut, delta: u64, value: Val) -> Result<u64, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let table = entity(self.resolve(core)?);
        let [value, _] = value.to_raw(core, ValType::Ref(table.ty().element))?;
        core.grow_table(table, delta, value)
            .ok_or_else(|| Error::from_kind(ErrorKind::GrowthRefused))
    }
}

fn entity<'a>(table: NonNull<TableEntity>) -> &'a TableEntity {
    // SAFETY: resolved entities are live; callers drop the reference before they return.
    unsafe { table.as_ref() }
}
