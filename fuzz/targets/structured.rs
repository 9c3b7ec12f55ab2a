//! See `heddle_fuzz::checks::structured`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heddle_fuzz::checks::structured(data));
