//! See `facerec_fuzz::gallery_store`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| facerec_fuzz::gallery_store::run(input));
