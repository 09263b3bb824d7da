//! See `wamr_fuzz::differential`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    wamr_fuzz::differential(bytes);
});
