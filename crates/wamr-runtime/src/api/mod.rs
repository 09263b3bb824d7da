//! Handles for embedders: cheap, typed, checked against the store that they are used with.
//!
//! A handle keeps its entity alive, may be dropped anywhere and at any time, and turns void with
//! its store.

mod val;
pub use val::{ExternRef, Val};

mod object;
pub use object::AnyRef;

mod exception;
pub use exception::ExnRef;

mod handle;

mod typed;
pub use typed::{WasmParams, WasmResults, WasmRet, WasmTy};

mod func;
pub use func::{Func, TypedFunc};

mod host;
pub use host::{HostFuncDef, SharedHostFunc};

mod slots;
pub use slots::SlotFunc;

mod wrap;
pub use wrap::IntoFunc;

mod memory;
pub use memory::Memory;

mod shared_memory;
pub use shared_memory::SharedMemory;

mod table;
pub use table::Table;

mod global;
pub use global::{Global, Tag};

mod external;
pub use external::Extern;

pub mod instantiate;

mod post_mortem;
pub use post_mortem::InstanceParts;
