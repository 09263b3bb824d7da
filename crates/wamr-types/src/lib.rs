//! The vocabulary of the runtime: everything that two or more crates must agree on.
//!
//! Here live types with canonical identity, decoded modules, trap codes, and the traits
//! that crates meet at ([`Loader`], [`FunctionBodies`], [`Resolver`], [`TableAccess`]).
//! What does not live here: any parser's type, any state of an execution, any `unsafe`.
#![forbid(unsafe_code)]

mod index;

pub mod value_type;
pub use value_type::{AbstractHeapType, HeapType, RefType, ValType};

pub mod composite;
pub use composite::{
    ArrayType, CompositeType, FieldType, FuncType, RecGroup, StorageType, StructType, SubType,
};

pub mod registry;
pub use registry::{RegistryError, TypeId, TypeRegistry};
mod subtype;

pub mod extern_type;
pub use extern_type::{
    ExternKind, ExternType, GlobalType, IndexType, Limits, MemoryType, TableType, TagType,
};

pub mod module;
pub use module::{
    BranchHint, ConstExpr, ConstOp, CustomSection, Data, DataMode, Element, ElementItems,
    ElementMode, Export, ExternIdx, Global, Import, ImportDesc, Module, ModuleBytes, ModuleName,
    Names, Table,
};

pub mod feature;
pub use feature::{Feature, Features};

pub mod fuel;

pub mod limits;

pub mod trap;
pub use trap::TrapCode;

pub mod contract;
pub use contract::{
    FunctionBodies, FunctionBody, LoadError, LoadErrorKind, LoadOptions, Loader, Resolver,
    TableAccess, Validation,
};

pub use index::{
    DataIdx, DefinedFuncIdx, ElemIdx, FuncIdx, GlobalIdx, MemoryIdx, TableIdx, TagIdx, TypeIdx,
};
