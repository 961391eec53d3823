//! Photos made worse.

use image::{ImageFormat, RgbImage};

/// The photo's pixels changed, as PNG.
pub fn altered(bytes: &[u8], change: impl Fn(&RgbImage) -> RgbImage) -> Vec<u8> {
    encoded(&change(&image::load_from_memory(bytes).unwrap().into_rgb8()), ImageFormat::Png)
}

pub fn encoded(pixels: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Turned about its middle, nearest pixel, grey outside.
pub fn turned(photo: &RgbImage, degrees: f32) -> RgbImage {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (w, h) = (photo.width() as f32, photo.height() as f32);
    RgbImage::from_fn(photo.width(), photo.height(), |x, y| {
        let (dx, dy) = (x as f32 - w / 2.0, y as f32 - h / 2.0);
        let (sx, sy) = (dx * cos + dy * sin + w / 2.0, dy * cos - dx * sin + h / 2.0);
        let inside = sx >= 0.0 && sy >= 0.0 && sx < w && sy < h;
        if inside { *photo.get_pixel(sx as u32, sy as u32) } else { image::Rgb([127; 3]) }
    })
}
