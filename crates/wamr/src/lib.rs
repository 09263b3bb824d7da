//! A WebAssembly runtime with several modes of execution that share one store.
//!
//! This crate puts the others together: it configures an [`Engine`] with a loader and the modes
//! that its features choose, and re-exports the rest.
#![deny(unsafe_code)]

mod config;
pub use config::{Config, Mode, UnknownMode};

mod engine;
pub use engine::Engine;

mod module;
pub use module::{Module, ModuleError};

#[cfg(feature = "aot")]
pub mod aot;

#[cfg(feature = "cache")]
mod cache;
#[cfg(feature = "cache")]
pub use cache::{Cache, CacheError, CacheStats};

#[cfg(feature = "dummies")]
mod dummies;
#[cfg(feature = "dummies")]
pub use dummies::{complete_with_dummies, dummy_imports};
#[cfg(feature = "dummies")]
pub use wamr_linker::NoDummy;

pub use wamr_linker::{
    Candidate, ForThreads, Found, ImportError, ImportList, ImportProblem, Imports, Instance,
    InstancePre, InstantiateError, LinkError, Linker, Missing, MissingFunc, Native, Natives,
    NearMiss, Order, Origin, Policy, ProgramBuilder, ProgramInstance, ProgramPre, Shadowing,
    Source, ThreadPre, UnresolvedImport, UnresolvedImports, resolve,
};
pub use wamr_runtime::{
    AnyRef, AsContext, AsContextMut, Attachment, Backtrace, Caller, Error, ErrorKind, ExnRef,
    ExportType, Extern, ExternRef, Frame, Func, Global, HostFuncDef, HostRegion, ImportType,
    InstanceId, InstanceParts, InterruptHandle, IntoFunc, JoinError, Memory, ResourceLimiter,
    SharedMemory, SlotFunc, SourceLocation, Store, StoreContext, StoreContextMut, StoreLimits,
    Table, Tag, TypedFunc, Val, WaitResult, WasmParams, WasmResults, WasmRet, WasmTy,
    native_stack_bounds,
};

/// Where compiled functions are, for debuggers and profilers.
pub use wamr_runtime::compiled::{CompiledCode, compiled_code};

pub use wamr_types::{
    AbstractHeapType, ArrayType, CompositeType, ExternKind, ExternType, Feature, Features,
    FieldType, FuncType, GlobalType, HeapType, IndexType, Limits, LoadError, LoadErrorKind,
    MemoryType, RecGroup, RefType, Resolver, StorageType, StructType, SubType, TableType, TagType,
    TrapCode, TypeId, ValType, Validation,
};

/// The vocabulary of all crates: decoded modules, and the traits that crates meet at.
pub use wamr_types as types;

#[cfg(feature = "loading-linking")]
pub mod loading;

/// The steps that instantiation is made of.
pub use wamr_runtime::api::instantiate;

/// Registries of natives, called by WAMR's signature strings.
pub use wamr_linker::native;

/// Telling how far a compilation is.
#[cfg(feature = "jit")]
pub use wamr_aot::compiler::CompileProgress;

/// C functions for modules built without a libc.
#[cfg(feature = "libc-builtin")]
pub use wamr_libc_builtin as libc_builtin;

/// WASI for command-line programs.
#[cfg(feature = "wasi")]
pub use wamr_wasi as wasi;

#[cfg(all(doctest, feature = "wat"))]
#[doc = include_str!("../../../README.md")]
struct ReadmeExamples;
