//! What a store holds: functions, tables, memories, globals, tags and instances.
//! <https://webassembly.github.io/spec/core/exec/runtime.html#store>
//!
//! Entities are boxed and never move, because running code and other entities hold their
//! addresses. Who keeps whom alive is the business of [`crate::store`].

mod memory;
pub(crate) use memory::Growth;
pub use memory::{GUARDED_RESERVATION_BYTES, LinearMemory, MemoryEntity, MemoryKind};

pub mod bytes;

mod atomic;
pub use atomic::{AtomicWord, Rmw};

mod wait;
pub use wait::WaitResult;
pub(crate) use wait::timeout_from_ns;

mod table;
pub use table::{MAX_TABLE_ELEMENTS, TableEntity};

mod global;
pub use global::{GlobalEntity, TagEntity};

mod func;
pub(crate) use func::{Direct, GroupId, HostCall, HostCode, run_host};
pub use func::{HostFunc, HostGroup};

mod instance;
pub use instance::{InstanceEntity, InstanceImports};
