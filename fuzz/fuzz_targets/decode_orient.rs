//! See `facerec_fuzz::decode_orient`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| facerec_fuzz::decode_orient::run(input));
