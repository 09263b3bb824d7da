//! The C functions that WAMR gives to modules built without a libc (module `env`), with their C
//! meaning against guest memory, and the globals `NaN` and `Infinity` (module `global`).
//!
//! [`LibcBuiltin`] is a source for lists of imports; [`LibcCtx`] is the world of one guest: where
//! it prints to, and the heap that is managed for it. C's `int`, `long` and pointers have 32 bits,
//! as in every 32-bit WebAssembly ABI.
//!
//! # Safety of the host
//! Every address that a guest passes is checked; what leaves its memory is the trap
//! [`MemoryOutOfBounds`](wamr_types::TrapCode::MemoryOutOfBounds). Work is linear in what the
//! guest passes: no search is quadratic, and paddings of formats are limited
//! ([`MAX_PADDING_BYTES`]). What the heap knows about itself lies outside of guest memory.
//!
//! Memories that threads share are read and written byte by byte; what another thread writes
//! meanwhile may or may not be seen. Where fuel is counted, lengths cost what they cost in bulk
//! operations: before a function that takes a length runs, after others.
//!
//! * `string`, `ctype`, `number`: functions over bytes, without a runtime.
//! * `printf`: format strings.
//! * `heap`: the heap managed by the host.
//! * `link`: the functions as imports.
#![forbid(unsafe_code)]

mod ctx;
pub use ctx::{DEFAULT_HEAP_BYTES, LibcCtx, MemoryOutput};

mod ctype;

mod heap;
pub use heap::HeapMisuse;

mod link;
pub use link::LibcBuiltin;

mod mem;
mod number;

mod printf;
pub use printf::MAX_PADDING_BYTES;

mod process;
pub use process::{Abort, Exit};

mod string;
