//! `wasm_c_api.h` and `wasm.h`: the API that several runtimes share, with WAMR's additions.
//!
//! * `handle`: what C's pointers point to, and how wrong ones are told.
//! * `vec`, `types`, `value`, `refs`: what everything else is described with.
//! * `engine`, `module`, `instance`, `func`, `entity`, `trap`, `foreign`: the objects themselves.
//!
//! Every pointer that C holds is a handle of its own. Handles to entities hold their store
//! (`crate::store`), so that they may be deleted in any order; nothing is deleted twice, since a
//! handle that was deleted is known as one until its place is used again, which takes a while.
//! `NULL`, handles of the wrong kind and deleted ones are answered with what means failure where
//! the function can tell it, and ignored where it cannot.
//!
//! What the pointers of each function must be stands in the headers.
#![allow(clippy::missing_safety_doc, reason = "the headers say what C has to keep")]
#![allow(non_camel_case_types, reason = "the names are C's")]

mod handle;
pub use handle::{Handle, live_handles};

mod vec;
pub use vec::*;

mod types;
pub use types::*;

mod casts;
pub use casts::*;

mod import_export;
pub use import_export::*;

mod value;
pub use value::*;

mod refs;
pub use refs::*;

mod config;
pub use config::*;

mod engine;
pub use engine::*;

mod module;
pub use module::*;

mod trap;
pub use trap::*;

mod func;
pub use func::*;

mod entity;
pub use entity::*;

mod foreign;
pub use foreign::*;

mod instance;
pub use instance::*;
