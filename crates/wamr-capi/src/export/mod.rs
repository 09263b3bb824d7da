//! `wasm_export.h`: the API of WAMR's own embedders, which has no stores.
