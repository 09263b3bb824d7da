//! See `wamr_fuzz::loader`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    wamr_fuzz::loader(bytes);
});
