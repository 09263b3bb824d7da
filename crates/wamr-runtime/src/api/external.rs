//! External values: what instances import and export.

use wamr_types::{ExternKind, ExternType};

use super::func::type_of;
use super::{Func, Global, Memory, Table, Tag};
use crate::error::Error;
use crate::store::{AsContext, AsContextMut, Attachment, ExternPtr, StoreCore};

/// An external value.
/// <https://webassembly.github.io/spec/core/exec/runtime.html#external-values>
#[derive(Clone, Debug)]
pub enum Extern {
    /// A function.
    Func(Func),
    /// A table.
    Table(Table),
    /// A memory.
    Memory(Memory),
    /// A global.
    Global(Global),
    /// A tag.
    Tag(Tag),
}

impl Extern {
    /// The kind.
    pub const fn kind(&self) -> ExternKind {
        match self {
            Self::Func(_) => ExternKind::Func,
            Self::Table(_) => ExternKind::Table,
            Self::Memory(_) => ExternKind::Memory,
            Self::Global(_) => ExternKind::Global,
            Self::Tag(_) => ExternKind::Tag,
        }
    }

    /// The type, with present sizes as minima.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> Result<ExternType, Error> {
        let store = store.as_context();
        Ok(match self {
            Self::Func(func) => {
                let record = func.resolve(store.core())?;
                ExternType::Func { id: func.type_id(store)?, ty: type_of(store.core(), record) }
            }
            Self::Table(table) => ExternType::Table(table.ty(store)?),
            Self::Memory(memory) => ExternType::Memory(memory.ty(store)?),
            Self::Global(global) => ExternType::Global(global.ty(store)?),
            Self::Tag(tag) => ExternType::Tag(tag.ty(store)?),
        })
    }

    /// Whether both are the same entity.
    pub fn same(a: &Self, b: &Self) -> bool {
        match (a, b) {
            (Self::Func(a), Self::Func(b)) => Func::same(a, b),
            (Self::Table(a), Self::Table(b)) => Table::same(a, b),
            (Self::Memory(a), Self::Memory(b)) => Memory::same(a, b),
            (Self::Global(a), Self::Global(b)) => Global::same(a, b),
            (Self::Tag(a), Self::Tag(b)) => Tag::same(a, b),
            _ => false,
        }
    }

    /// What was attached to the entity.
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn attachment(&self, store: impl AsContext) -> Result<Option<Attachment>, Error> {
        match self {
            Self::Func(func) => func.attachment(store),
            Self::Table(table) => table.attachment(store),
            Self::Memory(memory) => memory.attachment(store),
            Self::Global(global) => global.attachment(store),
            Self::Tag(tag) => tag.attachment(store),
        }
    }

    /// Attaches a value to the entity and gives back what was attached before; see
    /// [`Func::attach`].
    ///
    /// # Errors
    /// If the handle belongs to another store.
    pub fn attach(
        &self,
        store: impl AsContextMut,
        value: Attachment,
    ) -> Result<Option<Attachment>, Error> {
        match self {
            Self::Func(func) => func.attach(store, value),
            Self::Table(table) => table.attach(store, value),
            Self::Memory(memory) => memory.attach(store, value),
            Self::Global(global) => global.attach(store, value),
            Self::Tag(tag) => tag.attach(store, value),
        }
    }

    pub(crate) fn from_ptr(core: &mut StoreCore, target: ExternPtr) -> Option<Self> {
        Some(match target {
            ExternPtr::Func(at) => Self::Func(Func::from_ptr(core, at)),
            ExternPtr::Table(at) => Self::Table(Table::from_ptr(core, at)),
            ExternPtr::Memory(at) => Self::Memory(Memory::from_ptr(core, at)),
            ExternPtr::Global(at) => Self::Global(Global::from_ptr(core, at)),
            ExternPtr::Tag(at) => Self::Tag(Tag::from_ptr(core, at)),
            ExternPtr::Instance(_) | ExternPtr::Object(_) | ExternPtr::Exception(_) => return None,
        })
    }
}

macro_rules! conversions {
    ($($kind:ident, $into:ident;)*) => {$(
        impl From<$kind> for Extern {
            fn from(value: $kind) -> Self {
                Self::$kind(value)
            }
        }

        impl Extern {
            #[doc = concat!("The handle, if this is a `", stringify!($kind), "`.")]
            pub fn $into(self) -> Option<$kind> {
                if let Self::$kind(value) = self { Some(value) } else { None }
            }
        }
    )*};
}

conversions! {
    Func, into_func;
    Table, into_table;
    Memory, into_memory;
    Global, into_global;
    Tag, into_tag;
}
