//! Crops a detected face to FaceNet's input of 160x160 pixels: facenet-pytorch's `extract_face`.

use crate::geometry::BBox;
use crate::imaging::bilinear::resize_bilinear;
use crate::imaging::{RgbView, Window};
use crate::nn::FACENET_SIDE;

/// A face, cropped and resized: `160 x 160 x 3` bytes (height, width, channel; RGB).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlignedCrop {
    /// The pixels.
    pub pixels: Vec<u8>,
    /// The cropped window of the photo.
    pub window: Window,
}

/// Crops the face with a margin, and resizes it as Pillow does (bilinear). `margin_px` is the margin in pixels of the
/// resized crop, both sides together, 0 to 159. `None` if the box is empty after clipping to the photo.
#[must_use]
pub fn align(photo: RgbView<'_>, bbox: &BBox, margin_px: u32) -> Option<AlignedCrop> {
    let window = crop_window(photo, bbox, margin_px)?;
    Some(AlignedCrop { pixels: resize_bilinear(photo, window, FACENET_SIDE, FACENET_SIDE), window })
}

/// The box with its margin, truncated to whole pixels and clipped to the photo. The margin is a fraction of the box,
/// such that it is `margin_px` pixels wide after resizing, half on each side.
fn crop_window(photo: RgbView<'_>, bbox: &BBox, margin_px: u32) -> Option<Window> {
    let margin = f64::from(margin_px.min(FACENET_SIDE as u32 - 1));
    let share = margin / (FACENET_SIDE as f64 - margin) / 2.0;
    let (dx, dy) = (f64::from(bbox.width()) * share, f64::from(bbox.height()) * share);
    let first = |v: f32, d: f64| (f64::from(v) - d).max(0.0) as usize;
    let end = |v: f32, d: f64, limit: usize| (f64::from(v) + d).clamp(0.0, limit as f64) as usize;
    let window = Window {
        x0: first(bbox.x1, dx),
        y0: first(bbox.y1, dy),
        x1: end(bbox.x2, dx, photo.width),
        y1: end(bbox.y2, dy, photo.height),
    };
    (window.x0 < window.x1 && window.y0 < window.y1).then_some(window)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(x1: f32, y1: f32, x2: f32, y2: f32, margin_px: u32) -> Option<Window> {
        let pixels = vec![0; 200 * 100 * 3];
        let photo = RgbView { data: &pixels, width: 200, height: 100 };
        crop_window(photo, &BBox { x1, y1, x2, y2 }, margin_px)
    }

    #[test]
    fn without_a_margin_the_box_is_clipped_and_cut_to_whole_pixels() {
        assert_eq!(window(-3.5, 10.9, 50.9, 120.0, 0), Some(Window { x0: 0, y0: 10, x1: 50, y1: 100 }));
    }

    #[test]
    fn a_margin_of_32_adds_an_eighth_of_the_box_on_each_side() {
        // 32 / (160 - 32) / 2 = 1/8 of 64 = 8
        assert_eq!(window(50.0, 20.0, 114.0, 84.0, 32), Some(Window { x0: 42, y0: 12, x1: 122, y1: 92 }));
    }

    #[test]
    fn a_box_without_pixels_is_no_face() {
        assert_eq!(window(210.0, 10.0, 240.0, 40.0, 0), None);
        assert_eq!(window(-50.0, 10.0, -10.0, 40.0, 0), None);
        assert_eq!(window(10.2, 10.0, 10.7, 40.0, 0), None);
        assert_eq!(window(40.0, 10.0, 20.0, 40.0, 0), None);
        assert_eq!(window(f32::NAN, 10.0, f32::NAN, 40.0, 32), None);
    }
}
