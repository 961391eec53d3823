//! Turns a photo upright.

use rayon::prelude::*;

use super::{DecodedRgb, OrientedRgb};

/// Side of the squares in which a photo is transposed, in pixels: their rows and columns stay in the
/// first-level cache, where whole columns would miss it at every pixel. 16 to 64 take the same time.
const TILE: usize = 16;

/// Which EXIF orientations are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orientations {
    /// All eight.
    All,
    /// 3, 6 and 8 only: what the Flask service did.
    RotationsOnly,
}

/// Turns a photo upright by [`DecodedRgb::orientation`]. Does to the pixels what Pillow's `ImageOps.exif_transpose` does.
#[must_use]
pub fn orient(photo: DecodedRgb, which: Orientations) -> OrientedRgb {
    let orientation = match (which, photo.orientation) {
        (Orientations::RotationsOnly, value @ (3 | 6 | 8)) | (Orientations::All, value @ 1..=8) => value,
        _ => 1,
    };
    apply(photo, orientation)
}

/// Applies an EXIF orientation: 2 to 4 in place, 5 to 8 in one pass into new memory.
fn apply(photo: DecodedRgb, orientation: u8) -> OrientedRgb {
    let DecodedRgb { width, height, mut data, orientation: _ } = photo;
    match orientation {
        2 => data.chunks_exact_mut(width * 3).for_each(reverse_pixels),
        3 => reverse_pixels(&mut data),
        4 => swap_rows(&mut data, width),
        5..=8 => {
            let turn =
                Turn { rows_reversed: matches!(orientation, 6 | 7), columns_reversed: orientation >= 7 };
            let data = turn.transpose(&data, width, height);
            return OrientedRgb { width: height, height: width, data, orientation };
        }
        _ => {}
    }
    OrientedRgb { width, height, data, orientation }
}

/// The last pixel first.
fn reverse_pixels(pixels: &mut [u8]) {
    pixels.as_chunks_mut::<3>().0.reverse();
}

/// The last row first.
fn swap_rows(data: &mut [u8], width: usize) {
    let mut rows = data.chunks_exact_mut(width * 3);
    while let (Some(top), Some(bottom)) = (rows.next(), rows.next_back()) {
        top.swap_with_slice(bottom);
    }
}

/// A transposition: rows become columns, each possibly in reverse.
struct Turn {
    /// The upright photo's columns are the stored rows from the last to the first.
    rows_reversed: bool,
    /// The upright photo's rows are the stored columns from the last to the first.
    columns_reversed: bool,
}

impl Turn {
    /// Transposes `height x width x 3` bytes to `width x height x 3`, tile by tile, on all cores.
    fn transpose(&self, data: &[u8], width: usize, height: usize) -> Vec<u8> {
        let (stored, _) = data.as_chunks::<3>();
        let mut upright = vec![0; data.len()];
        let (target, _) = upright.as_chunks_mut::<3>();
        target.par_chunks_mut(height * TILE).enumerate().for_each(|(band, upright_rows)| {
            for (tile, rows) in stored.chunks(width * TILE).enumerate() {
                let count = rows.len() / width;
                let first = if self.rows_reversed { height - tile * TILE - count } else { tile * TILE };
                for (i, upright_row) in upright_rows.chunks_exact_mut(height).enumerate() {
                    let x = band * TILE + i;
                    let x = if self.columns_reversed { width - 1 - x } else { x };
                    let column = rows.chunks_exact(width).map(|row| row[x]);
                    let place = upright_row[first..first + count].iter_mut();
                    if self.rows_reversed {
                        place.rev().zip(column).for_each(|(to, pixel)| *to = pixel);
                    } else {
                        place.zip(column).for_each(|(to, pixel)| *to = pixel);
                    }
                }
            }
        });
        upright
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `1 2 3 / 4 5 6`, each pixel three equal bytes.
    fn photo() -> DecodedRgb {
        DecodedRgb { width: 3, height: 2, data: (1..=6).flat_map(|v| [v; 3]).collect(), orientation: 1 }
    }

    #[test]
    fn each_orientation_moves_the_pixels_as_exif_defines_it() {
        let expected: [(u8, usize, &[u8]); 8] = [
            (1, 3, &[1, 2, 3, 4, 5, 6]),
            (2, 3, &[3, 2, 1, 6, 5, 4]),
            (3, 3, &[6, 5, 4, 3, 2, 1]),
            (4, 3, &[4, 5, 6, 1, 2, 3]),
            (5, 2, &[1, 4, 2, 5, 3, 6]),
            (6, 2, &[4, 1, 5, 2, 6, 3]),
            (7, 2, &[6, 3, 5, 2, 4, 1]),
            (8, 2, &[3, 6, 2, 5, 1, 4]),
        ];
        for (orientation, width, pixels) in expected {
            let upright = apply(photo(), orientation);
            assert_eq!((upright.width, upright.height), (width, 6 / width), "{orientation}");
            let first_samples: Vec<u8> = upright.data.iter().step_by(3).copied().collect();
            assert_eq!(first_samples, pixels, "{orientation}");
            assert_eq!(upright.orientation, orientation);
        }
    }

    #[test]
    fn turning_back_gives_the_photo_across_tiles() {
        let (width, height) = (TILE * 2 + 7, TILE + 3);
        let data: Vec<u8> = (0..width * height * 3).map(|i| (i * 31 % 251) as u8).collect();
        let photo = DecodedRgb { width, height, data, orientation: 1 };
        for (there, back) in [(2, 2), (3, 3), (4, 4), (5, 5), (6, 8), (7, 7), (8, 6)] {
            let turned = apply(photo.clone(), there);
            let again =
                DecodedRgb { width: turned.width, height: turned.height, data: turned.data, orientation: 1 };
            let again = apply(again, back);
            assert_eq!(
                (again.width, again.height, again.data),
                (width, height, photo.data.clone()),
                "{there}"
            );
        }
    }
}
