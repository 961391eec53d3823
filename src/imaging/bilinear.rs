//! Pillow's bilinear resize, bit for bit: how facenet-pytorch brings a face to 160x160.
//!
//! `extract_face` of facenet-pytorch cuts the face out and calls `Image.resize((160, 160),
//! Image.BILINEAR)`. Pillow's BILINEAR is a triangle filter whose support grows with the ratio when it
//! shrinks, so it averages instead of skipping pixels. It works in 8-bit fixed point, horizontally
//! first, and rounds to a byte in between; each of these choices shows in the pixels, so all are kept.
//! The reference is Pillow 10.2, which facenet-pytorch 2.6.0 asks for. Newer ones (13.0) take the cheaper
//! order of the two passes, which differs by a grey level for windows that are higher than wide.

use std::ops::Range;

use super::{RgbView, Window};

/// Fraction bits of a weight: `PRECISION_BITS` of Pillow's `Resample.c` (32 bits less 8 of the sample
/// and 2 of headroom).
const PRECISION_BITS: u32 = 32 - 8 - 2;

/// One half in fixed point: added before the fraction is cut off, so that it rounds.
const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// Which input samples make which output sample, along one axis.
struct Taps {
    /// For each output sample: its first input sample, and where its weights lie in `weights`.
    spans: Vec<(usize, Range<usize>)>,
    /// Fixed point with [`PRECISION_BITS`] fraction bits; the weights of one output sample sum to 1.
    weights: Vec<i32>,
}

impl Taps {
    /// Ports `precompute_coeffs` and `normalize_coeffs_8bpc` of Pillow's `Resample.c` for the
    /// triangle filter (support 1) over the whole of an axis of `in_size` samples.
    fn new(in_size: usize, out_size: usize) -> Self {
        let scale = in_size as f64 / out_size as f64;
        let filter_scale = scale.max(1.0);
        let support = filter_scale; // the triangle's own support is 1
        let mut taps = Self { spans: Vec::with_capacity(out_size), weights: Vec::new() };
        let mut exact = Vec::new();
        for i in 0..out_size {
            let centre = (i as f64 + 0.5) * scale;
            // As C's (int): towards zero. A negative value becomes 0, which is Pillow's clamp.
            let first = (centre - support + 0.5) as usize;
            let end = ((centre + support + 0.5) as usize).min(in_size);
            exact.clear();
            // Pillow multiplies by the reciprocal and adds in this order; both decide the last bit.
            exact.extend((first..end).map(|x| triangle((x as f64 - centre + 0.5) * (1.0 / filter_scale))));
            let sum: f64 = exact.iter().sum();
            let start = taps.weights.len();
            taps.weights.extend(exact.iter().map(|w| to_fixed(if sum == 0.0 { *w } else { w / sum })));
            taps.spans.push((first, start..taps.weights.len()));
        }
        taps
    }

    /// For each output sample its first input sample and its weights.
    fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        self.spans.iter().map(|(first, range)| (*first, &self.weights[range.clone()]))
    }
}

/// `bilinear_filter` of Pillow's `Resample.c`.
fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

/// Rounds half up, as `normalize_coeffs_8bpc` does for weights that are not negative.
fn to_fixed(weight: f64) -> i32 {
    (0.5 + weight * f64::from(1 << PRECISION_BITS)) as i32
}

/// `clip8` of Pillow's `Resample.c`: drops the fraction.
fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// Resizes a window of the photo as Pillow's `photo.crop(window).resize((out_width, out_height),
/// BILINEAR)` does, to the last bit. The window's edge counts as the image's edge: pixels outside it
/// have no influence.
///
/// The window must lie inside the photo and not be empty. Returns `out_height x out_width x 3` bytes,
/// row by row, red, green, blue.
///
/// Ports `ImagingResample` of Pillow's `Resample.c`.
#[must_use]
pub fn resize_bilinear(photo: RgbView<'_>, window: Window, out_width: usize, out_height: usize) -> Vec<u8> {
    let narrow = resize_rows(photo, window, out_width);
    resize_columns(narrow, window.y1 - window.y0, out_width, out_height)
}

/// The horizontal pass: every row of the window to `out_width` pixels.
fn resize_rows(photo: RgbView<'_>, window: Window, out_width: usize) -> Vec<u8> {
    let in_width = window.x1 - window.x0;
    let rows = (window.y0..window.y1).map(|y| {
        let start = (y * photo.width + window.x0) * 3;
        &photo.data[start..start + in_width * 3]
    });
    let mut out = Vec::with_capacity((window.y1 - window.y0) * out_width * 3);
    if in_width == out_width {
        rows.for_each(|row| out.extend_from_slice(row));
        return out;
    }
    let taps = Taps::new(in_width, out_width);
    for row in rows {
        let (pixels, _) = row.as_chunks::<3>();
        for (first, weights) in taps.iter() {
            let mut sum = [HALF; 3];
            for (pixel, weight) in pixels[first..first + weights.len()].iter().zip(weights) {
                for (s, v) in sum.iter_mut().zip(pixel) {
                    *s += i32::from(*v) * weight;
                }
            }
            out.extend(sum.map(to_byte));
        }
    }
    out
}

/// The vertical pass: `in_height` rows of `width` pixels to `out_height` rows.
fn resize_columns(rows: Vec<u8>, in_height: usize, width: usize, out_height: usize) -> Vec<u8> {
    if in_height == out_height {
        return rows;
    }
    let stride = width * 3;
    let taps = Taps::new(in_height, out_height);
    let mut out = Vec::with_capacity(out_height * stride);
    let mut sums = vec![HALF; stride];
    for (first, weights) in taps.iter() {
        sums.fill(HALF);
        for (i, weight) in weights.iter().enumerate() {
            let start = (first + i) * stride;
            for (s, v) in sums.iter_mut().zip(&rows[start..start + stride]) {
                *s += i32::from(*v) * weight;
            }
        }
        out.extend(sums.iter().map(|s| to_byte(*s)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_of_each_sample_sum_to_one() {
        for (in_size, out_size) in [(1, 160), (7, 160), (160, 160), (161, 160), (999, 160), (3, 1)] {
            let taps = Taps::new(in_size, out_size);
            assert_eq!(taps.spans.len(), out_size);
            for (first, weights) in taps.iter() {
                assert!(!weights.is_empty() && first + weights.len() <= in_size);
                let sum: i32 = weights.iter().sum();
                // Each weight is off by half a unit at most.
                assert!((sum - (1 << PRECISION_BITS)).unsigned_abs() as usize <= weights.len());
            }
        }
    }

    #[test]
    fn pixels_outside_the_window_have_no_influence() {
        let mut data = vec![255; 9 * 9 * 3];
        for y in 3..6 {
            data[(y * 9 + 3) * 3..(y * 9 + 6) * 3].fill(10);
        }
        let photo = RgbView { data: &data, width: 9, height: 9 };
        let out = resize_bilinear(photo, Window { x0: 3, y0: 3, x1: 6, y1: 6 }, 7, 2);
        assert_eq!(out, vec![10; 7 * 2 * 3]);
    }
}
