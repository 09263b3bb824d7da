//! The C APIs of the WAMR runtime, as `libiwasm`.
//!
//! * `c_api`: `wasm_c_api.h` (and `wasm.h`), the API that several runtimes share.
//! * `export`: `wasm_export.h`, WAMR's own.
//! * `store`: stores as C sees them, for both.
//! * `frame`: call stacks.
//! * `memory`: what C gets and gives back.
//! * `guard`: what stands between C and Rust; a panic never crosses it.

// What one of the two APIs does not use yet, the other may.
#![allow(dead_code)]

pub mod c_api;
mod export;
mod frame;
mod guard;
mod memory;
mod store;
