//! The C APIs of the WAMR runtime, as `libiwasm`.
//!
//! * `c_api`: `wasm_c_api.h` (and `wasm.h`), the API that several runtimes share.
//! * `export`: `wasm_export.h`, WAMR's own.
//! * `guard`: what stands between C and Rust; a panic never crosses it.

mod c_api;
mod export;
mod guard;
