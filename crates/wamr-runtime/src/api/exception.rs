//! Handles to exceptions.

use core::fmt;
use core::ptr::NonNull;
use std::sync::Arc;

use wamr_types::FuncType;

use super::func::{load, store_all};
use super::{Tag, Val};
use crate::entity::TagEntity;
use crate::error::{Error, ErrorKind};
use crate::store::{AsContextMut, ExternPtr, Root, StoreCore};

/// A reference to an exception, as wasm passes it around.
/// <https://webassembly.github.io/spec/core/exec/runtime.html#exception-instances>
///
/// A host function throws the exception by returning it as its [`Error`].
#[derive(Clone)]
pub struct ExnRef {
    root: Arc<Root>,
    /// The type of its tag, so that errors can tell it without the store.
    ty: Arc<FuncType>,
}

impl ExnRef {
    /// Makes an exception. Nothing is thrown yet.
    ///
    /// # Errors
    /// If the fields are not of the types that the tag lists, something belongs to another
    /// store, or the store can hold no more.
    pub fn new(mut store: impl AsContextMut, tag: &Tag, fields: &[Val]) -> Result<Self, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        core.collect_exceptions_if_due();
        let tag = tag.resolve(core)?;
        // SAFETY: resolved entities are live.
        let ty = unsafe { tag.as_ref() }.ty.func.clone();
        if fields.len() != ty.params().len() {
            let found = format!("{} fields of an exception", fields.len()).into();
            return Err(Error::from_kind(ErrorKind::SignatureMismatch { expected: ty, found }));
        }
        let slots = store_all(core, ty.params(), fields)?;
        let reference = core.new_exception(tag, &slots)?;
        Ok(Self::make(core, reference, ty))
    }

    /// The tag.
    ///
    /// # Errors
    /// If the reference belongs to another store.
    pub fn tag(&self, mut store: impl AsContextMut) -> Result<Tag, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let (tag, _) = self.content(core)?;
        Ok(Tag::from_ptr(core, tag))
    }

    /// The payload.
    ///
    /// # Errors
    /// If the reference belongs to another store.
    pub fn fields(&self, mut store: impl AsContextMut) -> Result<Vec<Val>, Error> {
        let mut store = store.as_context_mut();
        let core = store.core();
        let (_, slots) = self.content(core)?;
        // SAFETY: an exception holds values of the types that its tag lists.
        Ok(unsafe { load(core, self.ty.params(), slots.as_ptr()) })
    }

    /// Whether both refer to the same exception.
    pub fn same(a: &Self, b: &Self) -> bool {
        a.root.same(&b.root)
    }

    fn content(&self, core: &StoreCore) -> Result<(NonNull<TagEntity>, Vec<u64>), Error> {
        let exception = core.exception(self.resolve(core)?);
        let exception = exception.ok_or_else(|| Error::from_kind(ErrorKind::WrongStore))?;
        Ok((exception.tag(), exception.fields().to_vec()))
    }

    pub(crate) fn resolve(&self, core: &StoreCore) -> Result<u32, Error> {
        match core.resolve(&self.root)? {
            ExternPtr::Exception(reference) => Ok(reference),
            _ => Err(Error::from_kind(ErrorKind::WrongStore)),
        }
    }

    /// The reference as a value of wasm.
    pub(crate) fn to_raw(&self, core: &StoreCore) -> Result<u32, Error> {
        let reference = self.resolve(core)?;
        core.exception(reference).inspect(|exception| exception.become_value());
        Ok(reference)
    }

    pub(crate) fn from_raw(core: &mut StoreCore, reference: u32) -> Option<Self> {
        let tag = core.exception(reference)?.tag();
        // SAFETY: exceptions keep their tags alive.
        let ty = unsafe { tag.as_ref() }.ty.func.clone();
        Some(Self::make(core, reference, ty))
    }

    fn make(core: &mut StoreCore, reference: u32, ty: FuncType) -> Self {
        core.handle_exception(reference);
        Self { root: core.root(ExternPtr::Exception(reference)), ty: Arc::new(ty) }
    }
}

impl fmt::Debug for ExnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExnRef({self})")
    }
}

/// Tells the type of the tag.
impl fmt::Display for ExnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tag with payload [")?;
        for (i, ty) in self.ty.params().iter().enumerate() {
            write!(f, "{}{ty}", if i == 0 { "" } else { " " })?;
        }
        f.write_str("]")
    }
}
