//! See `wamr_fuzz::imports`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    wamr_fuzz::imports(bytes);
});
