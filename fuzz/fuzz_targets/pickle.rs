//! See `facerec_fuzz::pickle`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| facerec_fuzz::pickle::run(input));
