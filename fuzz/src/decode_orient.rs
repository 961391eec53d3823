//! Bytes of a file -> pixels -> upright pixels, within what decoding may cost.

use std::time::Duration;

use facerec::imaging::decode::{DecodeLimits, decode};
use facerec::imaging::orient::{Orientations, orient};

use super::budget::Budget;

/// Small, so that time goes to new inputs and not to pixels.
const LIMITS: DecodeLimits = DecodeLimits { max_megapixels: 1 };

/// What an input may cost where other work disturbs the measurement: ten times the time that the fuzzer allows.
pub const LOOSE_BUDGET: Budget = Budget { time: Duration::from_millis(200), kib: None };

/// Runs the target.
pub fn run(file: &[u8], budget: Budget) {
    budget.hold(|| decode_and_turn(file));
}

fn decode_and_turn(file: &[u8]) {
    let Ok(photo) = decode(file, LIMITS) else { return };
    let (width, height) = (photo.width, photo.height);
    assert!(width > 0 && height > 0 && width * height <= 1_000_000, "{width} x {height}");
    assert_eq!(photo.data.len(), width * height * 3);

    let upright = orient(photo, Orientations::All);
    let turned = upright.orientation() >= 5;
    let expected = if turned { (height, width) } else { (width, height) };
    assert_eq!((upright.width(), upright.height()), expected);
    assert_eq!(upright.view().data.len(), width * height * 3);
}
