//! See `heddle_fuzz::engine::values`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heddle_fuzz::engine::values(data));
