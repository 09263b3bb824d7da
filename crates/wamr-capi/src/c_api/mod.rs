//! `wasm_c_api.h`: engines, stores, modules, externs and instances, as upstream's `wasm.h` has them.
