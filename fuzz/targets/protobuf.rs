//! See `heddle_fuzz::checks::protobuf`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heddle_fuzz::checks::protobuf(data));
