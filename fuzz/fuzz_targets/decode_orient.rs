//! See `facerec_fuzz::decode_orient`.
#![no_main]

use std::time::Duration;

use facerec_fuzz::budget::Budget;

/// What an input of up to a megapixel may cost: 20 ms, and 12 bytes a pixel and 16 MiB (docs/reliability.md).
const BUDGET: Budget = Budget { time: Duration::from_millis(20), kib: Some(12_000_000 / 1024 + (16 << 10)) };

libfuzzer_sys::fuzz_target!(|input: &[u8]| facerec_fuzz::decode_orient::run(input, BUDGET));
