//! The store of the runtime: entities, table and memory semantics, calls and traps.
//!
//! * [`vm`]: layouts that running code reads, and the call protocol.
//! * [`entity`]: functions, tables, memories, globals, tags, instances: semantics stand here,
//!   once.
//! * [`store`]: who owns entities, who keeps whom alive, how calls enter and leave wasm.
//! * [`gc`]: the heap of structs, arrays and host values.
//! * [`rt`]: what running code calls.
//! * [`numeric`]: what numeric instructions compute.
//! * [`compiled`]: the calling convention of machine code, and the adapters to it.
//! * [`api`]: handles for embedders.
//! * [`fault`]: accesses to guarded memories that fault.
//! * [`backend`]: what a mode of execution is.
//!
//! What does not live here: parsing, import resolution, any mode's own code.
#![cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    allow(dead_code, reason = "compiled code, or its faults, exist on that platform alone")
)]

pub mod vm;

pub mod engine;
pub use engine::{Engine, Tunables};

pub mod error;
pub use error::{Error, ErrorKind};

pub mod backtrace;
pub use backtrace::{Backtrace, Frame, SourceLocation};
mod symbols;

pub mod live;

pub mod backend;
pub use backend::{Backend, Executable, FuncEntry};

pub mod module;
pub use module::{ExportType, ImportType, Module, WeakModule};

pub mod entity;
pub use entity::{MemoryKind, WaitResult};

mod image;
mod plan;
mod platform;
pub use platform::{fault, stack_bounds as native_stack_bounds};

pub mod region;
pub use region::HostRegion;

pub mod gc;

pub mod store;
pub use store::{
    AsContext, AsContextMut, Attachment, Caller, InstanceId, InterruptHandle, JoinError,
    ResourceLimiter, Store, StoreContext, StoreContextMut, StoreLimits,
};

pub mod rt;

pub mod numeric;

pub mod compiled;

pub mod api;
pub use api::{
    AnyRef, ExnRef, Extern, ExternRef, Func, Global, HostFuncDef, InstanceParts, IntoFunc, Memory,
    SharedMemory, SlotFunc, Table, Tag, TypedFunc, Val, WasmParams, WasmResults, WasmRet, WasmTy,
};
