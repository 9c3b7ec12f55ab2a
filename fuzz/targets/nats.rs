//! See `heddle_fuzz::checks::nats`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heddle_fuzz::checks::nats(data));
