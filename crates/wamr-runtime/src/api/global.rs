//! Handles to globals and tags.

use core::ptr::NonNull;

use wamr_types::{FuncType, GlobalType, TagType};

use super::Val;
use super::func::register;
use super::handle::handle;
use crate::entity::{GlobalEntity, TagEntity};
use crate::error::{Error, ErrorKind};
use crate::store::{AsContext, AsContextMut};

handle! {
    /// A handle to a global.
    Global => Global(GlobalEntity)
}

handle! {
    /// A handle to a tag.
    Tag => Tag(TagEntity)
}

impl Global {
    /// Makes a global that belongs to no instance.
    ///
    /// # Errors
    /// If the value is not of the global's type, or belongs to another store.
    pub fn new(mut store: impl AsContextMut, ty: GlobalType, value: Val) -> Result<Self, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        core.collect_if_due();
        let value = value.to_raw(core, ty.content)?;
        let global = core.globals.alloc(GlobalEntity::new(ty, value));
        Ok(Self::from_ptr(core, global))
    }

    /// The type.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<GlobalType, Error> {
        let global = self.resolve(store.as_context().core())?;
        // SAFETY: resolved entities are live.
        Ok(unsafe { global.as_ref() }.ty())
    }

    /// The value.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn get(&self, mut store: impl AsContextMut) -> Result<Val, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let global = self.resolve(core)?;
        // SAFETY: resolved entities are live, and a global holds a value of its type.
        unsafe { Ok(Val::from_raw(core, global.as_ref().ty().content, global.as_ref().get())) }
    }

    /// Where the value of a global of a number or vector type stands, in the low bytes; `None` for
    /// references, whose form is the runtime's business.
    ///
    /// The pointer is good as long as the global lives. Whoever reads or writes through it must
    /// have the store to themselves, and write nothing where the global is immutable.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn as_ptr(&self, store: impl AsContext) -> Result<Option<NonNull<u8>>, Error> {
        let global = self.resolve(store.as_context().core())?;
        // SAFETY: resolved entities are live.
        let global = unsafe { global.as_ref() };
        let is_reference = global.ty().content.as_ref_type().is_some();
        let at = NonNull::new(global.vm().value.get().cast());
        Ok(at.filter(|_| !is_reference))
    }

    /// Writes the value.
    ///
    /// # Errors
    /// If the global is immutable, the value not of its type, or something belongs to another
    /// store.
    pub fn set(&self, mut store: impl AsContextMut, value: Val) -> Result<(), Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let global = self.resolve(core)?;
        // SAFETY: resolved entities are live.
        let global = unsafe { global.as_ref() };
        if !global.ty().mutable {
            return Err(Error::from_kind(ErrorKind::ImmutableGlobal));
        }
        let value = value.to_raw(core, global.ty().content)?;
        global.set(value);
        Ok(())
    }
}

impl Tag {
    /// Makes a tag that belongs to no instance; the parameters of `ty` are its payload.
    ///
    /// # Errors
    /// If the type has results, or refers to types of another engine.
    pub fn new(mut store: impl AsContextMut, ty: FuncType) -> Result<Self, Error> {
        if !ty.results().is_empty() {
            return Err(Error::from_kind(ErrorKind::InvalidType("a tag has no results".into())));
        }
        let mut store = store.as_context_mut();
        let core = store.core();
        core.collect_if_due();
        let (id, func) = register(core.engine(), &ty)?;
        let tag = core.tags.alloc(TagEntity::new(TagType { id, func }));
        Ok(Self::from_ptr(core, tag))
    }

    /// The type.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<TagType, Error> {
        let tag = self.resolve(store.as_context().core())?;
        // SAFETY: resolved entities are live.
        Ok(unsafe { tag.as_ref() }.ty.clone())
    }
}
