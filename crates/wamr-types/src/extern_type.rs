//! Types of what modules import and export, and when one matches another.
//! <https://webassembly.github.io/spec/core/valid/matching.html>

use core::fmt;

use crate::{FuncType, RefType, TypeId, TypeRegistry, ValType};

/// The type of addresses of a memory, or indices of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndexType {
    /// 32-bit addresses.
    I32,
    /// 64-bit addresses (memory64 proposal).
    I64,
}

impl IndexType {
    /// The value type of an address.
    pub const fn val_type(self) -> ValType {
        match self {
            Self::I32 => ValType::I32,
            Self::I64 => ValType::I64,
        }
    }
}

/// A minimum and perhaps a maximum, in pages for memories and in elements for tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// The size at creation.
    pub min: u64,
    /// The size that growth cannot pass, where declared.
    pub max: Option<u64>,
}

impl Limits {
    /// Whether an entity of these limits, now `size` large, may be imported as `wanted`.
    pub fn matches(&self, size: u64, wanted: &Limits) -> bool {
        size >= wanted.min
            && match (self.max, wanted.max) {
                (_, None) => true,
                (Some(max), Some(wanted)) => max <= wanted,
                (None, Some(_)) => false,
            }
    }
}

/// The type of a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemoryType {
    /// The type of addresses.
    pub index: IndexType,
    /// Sizes in pages.
    pub limits: Limits,
    /// Whether several threads may share the memory.
    pub shared: bool,
    /// log2 of the page size in bytes: 16, or 0 with the custom-page-sizes proposal.
    pub page_size_log2: u8,
}

impl MemoryType {
    /// A 32-bit memory of 64-KiB pages that is not shared.
    pub const fn new(min_pages: u64, max_pages: Option<u64>) -> Self {
        Self {
            index: IndexType::I32,
            limits: Limits { min: min_pages, max: max_pages },
            shared: false,
            page_size_log2: 16,
        }
    }

    /// The page size in bytes.
    pub const fn page_size_bytes(&self) -> u64 {
        1 << self.page_size_log2
    }

    /// The most pages that addresses of this type can reach: what limits may say.
    pub const fn addressable_pages(&self) -> u64 {
        match (self.index, self.page_size_log2) {
            // A size is a number of 32 bits, too.
            (IndexType::I32, 0) => u32::MAX as u64,
            (IndexType::I32, log2) => (1 << 32) >> log2,
            (IndexType::I64, 0) => u64::MAX,
            (IndexType::I64, log2) => 1 << (64 - log2),
        }
    }

    /// The most pages that a memory of this type can have: the declared maximum, or what can be
    /// provided where that is smaller.
    pub fn max_pages(&self) -> u64 {
        // 2^48 bytes: what page tables of today can map.
        let possible = self.addressable_pages().min((1 << 48) >> self.page_size_log2);
        self.limits.max.map_or(possible, |max| max.min(possible))
    }
}

/// The type of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableType {
    /// The type of indices.
    pub index: IndexType,
    /// The type of every element.
    pub element: RefType,
    /// Sizes in elements.
    pub limits: Limits,
}

impl TableType {
    /// A table with 32-bit indices.
    pub const fn new(element: RefType, min: u32, max: Option<u32>) -> Self {
        let max = match max {
            Some(max) => Some(max as u64),
            None => None,
        };
        Self { index: IndexType::I32, element, limits: Limits { min: min as u64, max } }
    }
}

/// The type of a global.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GlobalType {
    /// The type of its value.
    pub content: ValType,
    /// Whether it can be written.
    pub mutable: bool,
}

/// The type of a tag: the canonical id of a function type whose parameters are the payload.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TagType {
    /// Canonical id of the function type.
    pub id: TypeId,
    /// The function type itself.
    pub func: FuncType,
}

/// The kinds of external values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExternKind {
    /// A function.
    Func,
    /// A table.
    Table,
    /// A memory.
    Memory,
    /// A global.
    Global,
    /// A tag.
    Tag,
}

impl fmt::Display for ExternKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Func => "func",
            Self::Table => "table",
            Self::Memory => "memory",
            Self::Global => "global",
            Self::Tag => "tag",
        })
    }
}

/// The type of an import or export.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExternType {
    /// A function: its canonical type id, and its parameters and results.
    Func {
        /// Canonical id in the engine's registry.
        id: TypeId,
        /// Parameters and results.
        ty: FuncType,
    },
    /// A table. Its minimum is the size at the moment when the type was asked for.
    Table(TableType),
    /// A memory. Its minimum is the size at the moment when the type was asked for.
    Memory(MemoryType),
    /// A global.
    Global(GlobalType),
    /// A tag.
    Tag(TagType),
}

impl ExternType {
    /// The kind of external value that has this type.
    pub const fn kind(&self) -> ExternKind {
        match self {
            Self::Func { .. } => ExternKind::Func,
            Self::Table(_) => ExternKind::Table,
            Self::Memory(_) => ExternKind::Memory,
            Self::Global(_) => ExternKind::Global,
            Self::Tag(_) => ExternKind::Tag,
        }
    }

    /// The function type, where this is a function.
    pub const fn func(&self) -> Option<&FuncType> {
        match self {
            Self::Func { ty, .. } => Some(ty),
            _ => None,
        }
    }

    /// Whether a value of type `self` may be given where `wanted` is imported.
    /// <https://webassembly.github.io/spec/core/valid/matching.html#external-types>
    pub fn matches(&self, wanted: &ExternType, registry: &TypeRegistry) -> bool {
        match (self, wanted) {
            (Self::Func { id, .. }, Self::Func { id: wanted, .. }) => {
                registry.is_subtype(*id, *wanted)
            }
            (Self::Table(ty), Self::Table(wanted)) => {
                ty.index == wanted.index
                    && ty.limits.matches(ty.limits.min, &wanted.limits)
                    && registry.ref_matches(ty.element, wanted.element)
                    && registry.ref_matches(wanted.element, ty.element)
            }
            (Self::Memory(ty), Self::Memory(wanted)) => {
                ty.index == wanted.index
                    && ty.shared == wanted.shared
                    && ty.page_size_log2 == wanted.page_size_log2
                    && ty.limits.matches(ty.limits.min, &wanted.limits)
            }
            (Self::Global(ty), Self::Global(wanted)) => {
                ty.mutable == wanted.mutable
                    && registry.val_matches(ty.content, wanted.content)
                    && (!ty.mutable || registry.val_matches(wanted.content, ty.content))
            }
            (Self::Tag(ty), Self::Tag(wanted)) => ty.id == wanted.id,
            _ => false,
        }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.min)?;
        self.max.map_or(Ok(()), |max| write!(f, " {max}"))
    }
}

impl fmt::Display for ExternType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = |index: IndexType| if index == IndexType::I64 { "i64 " } else { "" };
        match self {
            Self::Func { ty, .. } => write!(f, "func {ty}"),
            Self::Table(ty) => {
                write!(f, "table {}{} {}", index(ty.index), ty.limits, ty.element)
            }
            Self::Memory(ty) => {
                write!(f, "memory {}{}", index(ty.index), ty.limits)?;
                if ty.shared {
                    f.write_str(" shared")?;
                }
                if ty.page_size_log2 != 16 {
                    write!(f, " (pagesize {})", ty.page_size_bytes())?;
                }
                Ok(())
            }
            Self::Global(ty) if ty.mutable => write!(f, "global (mut {})", ty.content),
            Self::Global(ty) => write!(f, "global {}", ty.content),
            Self::Tag(ty) => write!(f, "tag {}", ty.func),
        }
    }
}
