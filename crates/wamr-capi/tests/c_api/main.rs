//! `wasm_c_api.h` from Rust: every function, called as C calls it. The C programs in `tests/c` need a
//! compiler; these tests need none.

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
