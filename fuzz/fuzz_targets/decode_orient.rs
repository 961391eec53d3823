//! Bytes of a file -> pixels -> upright pixels.
#![no_main]

use facerec::imaging::decode::{DecodeLimits, decode};
use facerec::imaging::orient::{Orientations, orient};
use libfuzzer_sys::fuzz_target;

/// Small, so that time goes to new inputs and not to pixels.
const LIMITS: DecodeLimits = DecodeLimits { max_megapixels: 1 };

fuzz_target!(|file: &[u8]| {
    let Ok(photo) = decode(file, LIMITS) else { return };
    let (width, height) = (photo.width, photo.height);
    assert!(width > 0 && height > 0 && width * height <= 1_000_000, "{width} x {height}");
    assert_eq!(photo.data.len(), width * height * 3);

    let upright = orient(photo, file, Orientations::All);
    let turned = upright.orientation() >= 5;
    let expected = if turned { (height, width) } else { (width, height) };
    assert_eq!((upright.width(), upright.height()), expected);
    assert_eq!(upright.view().data.len(), width * height * 3);
});
