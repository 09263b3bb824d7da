//! `wasm_c_api.h` from Rust: every function, called as C calls it. The C programs in `tests/c` need a
//! compiler; these tests need none.
#![allow(clippy::undocumented_unsafe_blocks, reason = "all of it is unsafe: these tests play C")]

mod support;

mod calls;
mod config;
mod entities;
mod families;
mod instances;
mod misuse;
mod modules;
mod symbols;
mod types;
