//! Area resampling: facenet-pytorch's `imresample`, which is `torch.nn.functional.interpolate` in
//! mode `area`, which is adaptive average pooling. This is the plain version: the truth that the
//! fused kernels of fast engines are tested against, and what the tract engine runs.

use super::{RgbView, Window};

/// Channels of an RGB pixel.
const CHANNELS: usize = 3;

/// The source cells `[first, last)` that output cell `index` of `out_len` averages: from
/// `floor(index * in_len / out_len)` to `ceil((index + 1) * in_len / out_len)`, never empty
/// (`start_index` and `end_index` of torch's adaptive pooling).
#[must_use]
pub fn area_span(index: usize, in_len: usize, out_len: usize) -> (usize, usize) {
    (index * in_len / out_len, ((index + 1) * in_len).div_ceil(out_len))
}

/// Area-resamples `window` of `photo` to `out_width x out_height`: each output pixel is the
/// unweighted mean of the source pixels under it, also when enlarging. Returns
/// `out_height x out_width x 3` floats (height, width, channel), 0 to 255, not standardised; sums
/// are exact integers, rounded where they become floats (only above 2^24) and by the division.
///
/// # Panics
/// When `window` is empty or not inside the photo, or when an output side is 0.
#[must_use]
pub fn area_resample(photo: RgbView<'_>, window: Window, out_width: usize, out_height: usize) -> Vec<f32> {
    let (in_width, in_height) = (window.x1 - window.x0, window.y1 - window.y0);
    assert!(in_width > 0 && in_height > 0, "expected a window with pixels, found {window:?}");
    let spans: Vec<_> = (0..out_width).map(|x| area_span(x, in_width, out_width)).collect();
    let mut column_sums = vec![0u32; in_width * CHANNELS];
    let mut out = Vec::with_capacity(out_height * out_width * CHANNELS);
    for y in 0..out_height {
        let (first, last) = area_span(y, in_height, out_height);
        column_sums.fill(0);
        for row in first..last {
            let start = ((window.y0 + row) * photo.width + window.x0) * CHANNELS;
            let pixels = &photo.data[start..start + in_width * CHANNELS];
            for (sum, &value) in column_sums.iter_mut().zip(pixels) {
                *sum += u32::from(value);
            }
        }
        for &(left, right) in &spans {
            let mut sums = [0u64; CHANNELS];
            for pixel in column_sums[left * CHANNELS..right * CHANNELS].chunks_exact(CHANNELS) {
                for (sum, &value) in sums.iter_mut().zip(pixel) {
                    *sum += u64::from(value);
                }
            }
            let count = ((last - first) * (right - left)) as f32;
            out.extend(sums.map(|sum| sum as f32 / count));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(width: usize, height: usize) -> Window {
        Window { x0: 0, y0: 0, x1: width, y1: height }
    }

    /// A photo whose red is its column, green its row, blue constant.
    fn ramp(width: usize, height: usize) -> Vec<u8> {
        (0..width * height).flat_map(|i| [(i % width) as u8, (i / width) as u8, 7]).collect()
    }

    #[test]
    fn spans_are_those_of_adaptive_pooling() {
        // 10 -> 4: starts floor(0, 2.5, 5, 7.5), ends ceil(2.5, 5, 7.5, 10).
        let spans: Vec<_> = (0..4).map(|i| area_span(i, 10, 4)).collect();
        assert_eq!(spans, [(0, 3), (2, 5), (5, 8), (7, 10)]);
        // 2 -> 3 (enlarging): the middle cell averages both.
        let spans: Vec<_> = (0..3).map(|i| area_span(i, 2, 3)).collect();
        assert_eq!(spans, [(0, 1), (0, 2), (1, 2)]);
    }

    #[test]
    fn shrinking_averages_whole_cells() {
        let data = ramp(4, 2);
        let photo = RgbView { data: &data, width: 4, height: 2 };
        assert_eq!(area_resample(photo, whole(4, 2), 2, 1), [0.5, 0.5, 7.0, 2.5, 0.5, 7.0]);
    }

    #[test]
    fn enlarging_averages_neighbours_where_cells_straddle() {
        let data = ramp(2, 1);
        let photo = RgbView { data: &data, width: 2, height: 1 };
        let red: Vec<f32> = area_resample(photo, whole(2, 1), 3, 2).chunks_exact(3).map(|p| p[0]).collect();
        assert_eq!(red, [0.0, 0.5, 1.0, 0.0, 0.5, 1.0]);
    }

    #[test]
    fn a_window_is_resampled_as_if_cut_out() {
        let data = ramp(9, 7);
        let photo = RgbView { data: &data, width: 9, height: 7 };
        let window = Window { x0: 2, y0: 1, x1: 8, y1: 6 };
        let cut: Vec<u8> = (1..6).flat_map(|y| data[(y * 9 + 2) * 3..(y * 9 + 8) * 3].to_vec()).collect();
        let cut = RgbView { data: &cut, width: 6, height: 5 };
        assert_eq!(area_resample(photo, window, 4, 3), area_resample(cut, whole(6, 5), 4, 3));
    }
}
