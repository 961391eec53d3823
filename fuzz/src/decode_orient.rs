//! Bytes of a file -> pixels -> upright pixels.

use facerec::imaging::decode::{DecodeLimits, decode};
use facerec::imaging::orient::{Orientations, orient};

/// Small, so that time goes to new inputs and not to pixels.
const LIMITS: DecodeLimits = DecodeLimits { max_megapixels: 1 };

/// Runs the target.
pub fn run(file: &[u8]) {
    let Ok(photo) = decode(file, LIMITS) else { return };
    let (width, height) = (photo.width, photo.height);
    assert!(width > 0 && height > 0 && width * height <= 1_000_000, "{width} x {height}");
    assert_eq!(photo.data.len(), width * height * 3);

    let upright = orient(photo, file, Orientations::All);
    let turned = upright.orientation() >= 5;
    let expected = if turned { (height, width) } else { (width, height) };
    assert_eq!((upright.width(), upright.height()), expected);
    assert_eq!(upright.view().data.len(), width * height * 3);
}
