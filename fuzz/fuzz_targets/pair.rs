//! See `wamr_fuzz::pair`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    wamr_fuzz::pair(bytes);
});
