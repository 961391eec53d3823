//! See `facerec_fuzz::checkpoint`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| facerec_fuzz::checkpoint::run(input));
