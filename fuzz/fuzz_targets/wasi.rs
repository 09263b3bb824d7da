//! See `wamr_fuzz::wasi`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    wamr_fuzz::wasi(bytes);
});
