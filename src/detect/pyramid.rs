//! Scales of the image pyramid: the first loop of facenet-pytorch's `detect_face`.

use crate::nn::{LevelSize, PNET_CELL};

/// One level of the pyramid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Pixels of the level for one pixel of the photo.
    pub scale: f64,
    /// Size of the level.
    pub size: LevelSize,
}

/// The levels for a photo of `width` x `height` pixels, largest first. Empty when the photo's short
/// side is under `min_face_px`.
///
/// `factor` is the ratio of one level to the one before and must lie in (0, 1), `min_face_px` must
/// be positive: the configuration checks both.
#[must_use]
pub fn levels(width: usize, height: usize, min_face_px: f64, factor: f64) -> Vec<Level> {
    let cell = PNET_CELL as f64;
    let mut scale = cell / min_face_px;
    let mut short_side = width.min(height) as f64 * scale;
    let mut levels = Vec::new();
    while short_side >= cell {
        levels.push(Level { scale, size: level_size(width, height, scale) });
        scale *= factor;
        short_side *= factor;
    }
    levels
}

/// `int(side * scale + 1)`, in float64 as in the reference.
fn level_size(width: usize, height: usize, scale: f64) -> LevelSize {
    let side = |pixels: usize| (pixels as f64 * scale + 1.0) as usize;
    LevelSize { width: side(width), height: side(height) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_smaller_than_the_smallest_face_has_no_level() {
        assert!(levels(14, 4000, 15.0, 0.709).is_empty());
        assert!(levels(0, 0, 15.0, 0.709).is_empty());
        assert_eq!(levels(15, 15, 15.0, 0.709).len(), 1);
    }

    #[test]
    fn levels_of_a_512_pixel_photo() {
        let levels = levels(512, 512, 15.0, 0.709);
        // 512 * 0.8 = 409.6, times 0.709^k, stays at or above 12 for k = 0..=10.
        assert_eq!(levels.len(), 11);
        assert_eq!(levels[0].size, LevelSize { width: 410, height: 410 });
        // 409.6 * 0.709 = 290.4064
        assert_eq!(levels[1].size, LevelSize { width: 291, height: 291 });
    }

    #[test]
    fn every_level_is_large_enough_for_one_cell() {
        for side in 15..400 {
            for level in levels(side, 3 * side, 15.0, 0.709) {
                let (columns, rows) = level.size.cells();
                assert!(columns >= 1 && rows >= 1, "{level:?}");
            }
        }
    }
}
