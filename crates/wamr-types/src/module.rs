//! A decoded module: what a loader produces and everything later works from.
//! <https://webassembly.github.io/spec/core/syntax/modules.html>

use core::fmt;
use core::ops::Range;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::{
    DataIdx, DefinedFuncIdx, ExternKind, ExternType, Features, FuncIdx, FuncType, FunctionBodies,
    GlobalIdx, GlobalType, HeapType, LoadError, MemoryIdx, MemoryType, RefType, SubType, TableIdx,
    TableType, TagIdx, TagType, TypeId, TypeIdx,
};

/// The bytes that a module was made from, shared by all that point into them.
#[derive(Clone)]
pub struct ModuleBytes(Bytes);

impl ModuleBytes {
    /// Wraps a buffer, or anything that holds one (a private file mapping, for example), which is
    /// asked for its bytes once: what is validated is what runs.
    pub fn new(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self(Bytes::from_owner(bytes))
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ModuleBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModuleBytes({} bytes)", self.as_slice().len())
    }
}

/// A decoded and validated module.
///
/// Where validation is lazy, function bodies are validated by
/// [`FunctionBodies::validate`] when they are first needed.
pub struct Module {
    /// Type section: canonical id of every type index.
    pub types: Box<[TypeId]>,
    /// The definitions behind `types`, so that nobody has to ask the registry.
    pub type_defs: Box<[Arc<SubType>]>,
    /// Imports in section order.
    pub imports: Box<[Import]>,
    /// Type index of every function, imported ones first.
    pub funcs: Box<[TypeIdx]>,
    /// Every table, imported ones first (those have no initialiser).
    pub tables: Box<[Table]>,
    /// Every memory, imported ones first.
    pub memories: Box<[MemoryType]>,
    /// Every global, imported ones first (those have no initialiser).
    pub globals: Box<[Global]>,
    /// Type index of every tag, imported ones first.
    pub tags: Box<[TypeIdx]>,
    /// Exports in section order.
    pub exports: Box<[Export]>,
    /// From an export's name to its position in `exports`.
    pub export_map: HashMap<Box<str>, usize>,
    /// The start function.
    pub start: Option<FuncIdx>,
    /// Element segments.
    pub elements: Box<[Element]>,
    /// Data segments.
    pub data: Box<[Data]>,
    /// How many functions are imported.
    pub imported_funcs: u32,
    /// How many tables are imported.
    pub imported_tables: u32,
    /// How many memories are imported.
    pub imported_memories: u32,
    /// How many globals are imported.
    pub imported_globals: u32,
    /// How many tags are imported.
    pub imported_tags: u32,
    /// Functions that can be reached by a value: exported, started, in an element segment, or named
    /// in a constant expression or by `ref.func`. Sorted, without duplicates.
    pub escaping_funcs: Box<[FuncIdx]>,
    /// Custom sections in order.
    pub customs: Box<[CustomSection]>,
    /// What the `name` section says.
    pub names: Names,
    /// What the section of branch hints says, sorted by function; see [`Module::branch_hints`].
    pub branch_hints: Box<[(FuncIdx, Box<[BranchHint]>)]>,
    /// What is wrong with custom sections that were left out for it. It makes no module invalid.
    pub custom_errors: Box<[LoadError]>,
    /// The offset of the code section's contents, which addresses in DWARF count from.
    pub code_offset: usize,
    /// The bytes that ranges in this structure point into.
    pub bytes: ModuleBytes,
    /// Where function bodies come from.
    pub bodies: Arc<dyn FunctionBodies>,
    /// The features that the module was validated with.
    pub features: Features,
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module")
            .field("name", &self.name())
            .field("imports", &self.imports.len())
            .field("exports", &self.exports.len())
            .field("funcs", &self.funcs.len())
            .finish_non_exhaustive()
    }
}

impl Module {
    /// The canonical type id of a function.
    pub fn func_type_id(&self, func: FuncIdx) -> TypeId {
        self.types[self.funcs[func.index()].index()]
    }

    /// The type of a function.
    pub fn func_type(&self, func: FuncIdx) -> &FuncType {
        self.func_type_at(self.funcs[func.index()])
    }

    /// The function type at a type index.
    ///
    /// # Panics
    /// If the index names another kind of type, which validation excludes.
    pub fn func_type_at(&self, ty: TypeIdx) -> &FuncType {
        self.type_defs[ty.index()].as_func().expect("validated as a function type")
    }

    /// The type of a tag.
    pub fn tag_type(&self, tag: TagIdx) -> TagType {
        let ty = self.tags[tag.index()];
        TagType { id: self.types[ty.index()], func: self.func_type_at(ty).clone() }
    }

    /// The position among defined functions; `None` for an import.
    pub fn defined_func(&self, func: FuncIdx) -> Option<DefinedFuncIdx> {
        func.0.checked_sub(self.imported_funcs).map(DefinedFuncIdx)
    }

    /// How many functions the module defines itself.
    pub fn defined_func_count(&self) -> usize {
        self.funcs.len() - self.imported_funcs as usize
    }

    /// The index of a defined function among all functions.
    pub fn func_idx(&self, func: DefinedFuncIdx) -> FuncIdx {
        FuncIdx(func.0 + self.imported_funcs)
    }

    /// The position of a function in `escaping_funcs`.
    pub fn escaping_position(&self, func: FuncIdx) -> Option<usize> {
        self.escaping_funcs.binary_search(&func).ok()
    }

    /// The type of an import.
    pub fn import_type(&self, import: &Import) -> ExternType {
        match import.desc {
            ImportDesc::Func(ty) => {
                ExternType::Func { id: self.types[ty.index()], ty: self.func_type_at(ty).clone() }
            }
            ImportDesc::Table(ty) => ExternType::Table(ty),
            ImportDesc::Memory(ty) => ExternType::Memory(ty),
            ImportDesc::Global(ty) => ExternType::Global(ty),
            ImportDesc::Tag(ty) => ExternType::Tag(TagType {
                id: self.types[ty.index()],
                func: self.func_type_at(ty).clone(),
            }),
        }
    }

    /// The type of an export.
    pub fn export_type(&self, export: &Export) -> ExternType {
        match export.index {
            ExternIdx::Func(func) => {
                ExternType::Func { id: self.func_type_id(func), ty: self.func_type(func).clone() }
            }
            ExternIdx::Table(table) => ExternType::Table(self.tables[table.index()].ty),
            ExternIdx::Memory(memory) => ExternType::Memory(self.memories[memory.index()]),
            ExternIdx::Global(global) => ExternType::Global(self.globals[global.index()].ty),
            ExternIdx::Tag(tag) => ExternType::Tag(self.tag_type(tag)),
        }
    }

    /// An export by its name.
    pub fn export(&self, name: &str) -> Option<&Export> {
        self.export_map.get(name).map(|&position| &self.exports[position])
    }

    /// The module's own name, where the `name` section gives one, else what it goes by.
    pub fn name(&self) -> Option<&str> {
        self.names.module.as_deref().or(self.names.given.as_deref())
    }

    /// The bytes of a data segment.
    pub fn data_bytes(&self, data: DataIdx) -> &[u8] {
        &self.bytes.as_slice()[self.data[data.index()].range.clone()]
    }

    /// The branch hints of a function, sorted by offset.
    pub fn branch_hints(&self, func: FuncIdx) -> &[BranchHint] {
        let found = self.branch_hints.binary_search_by_key(&func, |(func, _)| *func);
        found.map_or(&[], |position| &self.branch_hints[position].1)
    }

    /// The contents of the first custom section of that name.
    pub fn custom_section(&self, name: &str) -> Option<&[u8]> {
        let section = self.customs.iter().find(|section| &*section.name == name)?;
        Some(&self.bytes.as_slice()[section.range.clone()])
    }
}

/// An import.
#[derive(Clone, Debug)]
pub struct Import {
    /// Name of the module to import from.
    pub module: Box<str>,
    /// Name of the item within it.
    pub name: Box<str>,
    /// What is wanted.
    pub desc: ImportDesc,
}

/// What an import wants.
#[derive(Clone, Copy, Debug)]
pub enum ImportDesc {
    /// A function of the type at this index.
    Func(TypeIdx),
    /// A table.
    Table(TableType),
    /// A memory.
    Memory(MemoryType),
    /// A global.
    Global(GlobalType),
    /// A tag whose function type is at this index.
    Tag(TypeIdx),
}

/// A table with its initialiser.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its type.
    pub ty: TableType,
    /// What every element is at first; null where absent.
    pub init: Option<ConstExpr>,
}

/// A global with its initialiser.
#[derive(Clone, Debug)]
pub struct Global {
    /// Its type.
    pub ty: GlobalType,
    /// The initial value; absent exactly for imports.
    pub init: Option<ConstExpr>,
}

/// An export.
#[derive(Clone, Debug)]
pub struct Export {
    /// The name.
    pub name: Box<str>,
    /// What is exported.
    pub index: ExternIdx,
}

/// An item of one of a module's index spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExternIdx {
    /// A function.
    Func(FuncIdx),
    /// A table.
    Table(TableIdx),
    /// A memory.
    Memory(MemoryIdx),
    /// A global.
    Global(GlobalIdx),
    /// A tag.
    Tag(TagIdx),
}

impl ExternIdx {
    /// The kind of item.
    pub const fn kind(self) -> ExternKind {
        match self {
            Self::Func(_) => ExternKind::Func,
            Self::Table(_) => ExternKind::Table,
            Self::Memory(_) => ExternKind::Memory,
            Self::Global(_) => ExternKind::Global,
            Self::Tag(_) => ExternKind::Tag,
        }
    }
}

/// A constant expression, without its `end`.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstExpr(pub smallvec::SmallVec<[ConstOp; 1]>);

/// An operator of a constant expression.
/// <https://webassembly.github.io/spec/core/valid/instructions.html#constant-expressions>
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConstOp {
    /// `i32.const`
    I32Const(i32),
    /// `i64.const`
    I64Const(i64),
    /// `f32.const`, as bits.
    F32Const(u32),
    /// `f64.const`, as bits.
    F64Const(u64),
    /// `v128.const`, as a little-endian number.
    V128Const(u128),
    /// `ref.null`
    RefNull(HeapType),
    /// `ref.func`
    RefFunc(FuncIdx),
    /// `global.get`
    GlobalGet(GlobalIdx),
    /// `i32.add`
    I32Add,
    /// `i32.sub`
    I32Sub,
    /// `i32.mul`
    I32Mul,
    /// `i64.add`
    I64Add,
    /// `i64.sub`
    I64Sub,
    /// `i64.mul`
    I64Mul,
    /// `ref.i31`
    RefI31,
    /// `struct.new`
    StructNew(TypeIdx),
    /// `struct.new_default`
    StructNewDefault(TypeIdx),
    /// `array.new`
    ArrayNew(TypeIdx),
    /// `array.new_default`
    ArrayNewDefault(TypeIdx),
    /// `array.new_fixed` of so many elements.
    ArrayNewFixed(TypeIdx, u32),
    /// `any.convert_extern`
    AnyConvertExtern,
    /// `extern.convert_any`
    ExternConvertAny,
}

/// An element segment.
#[derive(Clone, Debug)]
pub struct Element {
    /// When and where it is copied.
    pub mode: ElementMode,
    /// The type of every item.
    pub ty: RefType,
    /// The items.
    pub items: ElementItems,
}

/// When an element segment is copied, and where to.
#[derive(Clone, Debug)]
pub enum ElementMode {
    /// At instantiation.
    Active {
        /// The table to write.
        table: TableIdx,
        /// The index of the first element written.
        offset: ConstExpr,
    },
    /// By `table.init`.
    Passive,
    /// Never: the segment only declares functions for `ref.func`.
    Declared,
}

/// The items of an element segment.
#[derive(Clone, Debug)]
pub enum ElementItems {
    /// Function indices.
    Funcs(Box<[FuncIdx]>),
    /// Constant expressions.
    Exprs(Box<[ConstExpr]>),
}

impl ElementItems {
    /// How many items there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Funcs(items) => items.len(),
            Self::Exprs(items) => items.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A data segment.
#[derive(Clone, Debug)]
pub struct Data {
    /// When and where it is copied.
    pub mode: DataMode,
    /// Its bytes, as a range of the module's bytes.
    pub range: Range<usize>,
}

/// When a data segment is copied, and where to.
#[derive(Clone, Debug)]
pub enum DataMode {
    /// At instantiation.
    Active {
        /// The memory to write.
        memory: MemoryIdx,
        /// The address of the first byte written.
        offset: ConstExpr,
    },
    /// By `memory.init`.
    Passive,
}

/// A custom section.
#[derive(Clone, Debug)]
pub struct CustomSection {
    /// Its name.
    pub name: Box<str>,
    /// Its contents, as a range of the module's bytes.
    pub range: Range<usize>,
}

/// What a compiler believes of a branch.
/// <https://webassembly.github.io/spec/core/appendix/custom.html#branch-hints>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BranchHint {
    /// Where the `if` or `br_if` stands in the function's body, counted as
    /// [`crate::FunctionBody::bytes`] are. If bodies are validated when they are needed, something
    /// else may stand there, and the hint means nothing.
    pub offset: u32,
    /// Whether the condition is likely to be true; else it is likely to be false.
    pub is_likely: bool,
}

/// A module's own name, as errors print it.
pub type ModuleName = Option<Box<str>>;

/// What a module's `name` section says, as far as errors and tools use it.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The module.
    pub module: ModuleName,
    /// What a module goes by that does not name itself, such as the name of its file. It is no part
    /// of the module.
    pub given: ModuleName,
    /// Functions, sorted by index.
    pub funcs: Box<[(FuncIdx, Box<str>)]>,
}

impl Names {
    /// The name of a function.
    pub fn func(&self, func: FuncIdx) -> Option<&str> {
        let position = self.funcs.binary_search_by_key(&func, |(func, _)| *func).ok()?;
        Some(&self.funcs[position].1)
    }
}

impl Element {
    /// Whether the segment is copied at instantiation and then dropped.
    pub const fn is_active(&self) -> bool {
        matches!(self.mode, ElementMode::Active { .. })
    }
}
