//! See `wamr_fuzz::aot`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    wamr_fuzz::aot(bytes);
});
