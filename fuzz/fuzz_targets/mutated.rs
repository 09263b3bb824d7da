//! See `wamr_fuzz::mutated`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    wamr_fuzz::mutated(bytes);
});
