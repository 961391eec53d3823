//! Every kind of pixel to 8-bit RGB, as Pillow's `convert("RGB")` does.

use image::ColorType;

/// Turns decoded samples (native byte order) into 8-bit RGB. Pixels that are wider than 3 bytes are
/// narrowed in place. `None` for a kind of pixel that no decoder here makes.
///
/// Where Pillow is no model: 16-bit samples keep their high byte (Pillow clips 16-bit grey to white);
/// float samples are taken as 0 (black) to 1 (white), as programs for photos write them.
pub(super) fn to_rgb8(samples: Vec<u8>, color: ColorType) -> Option<Vec<u8>> {
    Some(match color {
        ColorType::Rgb8 => samples,
        ColorType::L8 => widen(&samples, |[v]| v),
        ColorType::La8 => widen(&samples, |[v, _]| v),
        ColorType::L16 => widen(&samples, high),
        ColorType::La16 => widen(&samples, |[a, b, _, _]| high([a, b])),
        ColorType::Rgba8 => narrow(samples, |[r, g, b, _]| [r, g, b]),
        ColorType::Rgb16 => narrow(samples, |[a, b, c, d, e, f]| [high([a, b]), high([c, d]), high([e, f])]),
        ColorType::Rgba16 => {
            narrow(samples, |[a, b, c, d, e, f, _, _]| [high([a, b]), high([c, d]), high([e, f])])
        }
        ColorType::Rgb32F => narrow::<12>(samples, |pixel| rgb_of_floats(&pixel)),
        ColorType::Rgba32F => narrow::<16>(samples, |pixel| rgb_of_floats(&pixel)),
        _ => return None,
    })
}

/// The high byte of a 16-bit sample.
fn high(sample: [u8; 2]) -> u8 {
    (u16::from_ne_bytes(sample) >> 8) as u8
}

/// The first three floats of a pixel, 0 to 1, as bytes. What is no number is black.
fn rgb_of_floats(pixel: &[u8]) -> [u8; 3] {
    let (samples, _) = pixel.as_chunks::<4>();
    let mut rgb = [0; 3];
    for (byte, sample) in rgb.iter_mut().zip(samples) {
        *byte = (f32::from_ne_bytes(*sample).clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
    }
    rgb
}

/// Grey pixels of `N` bytes to RGB.
fn widen<const N: usize>(samples: &[u8], grey: impl Fn([u8; N]) -> u8) -> Vec<u8> {
    let (pixels, _) = samples.as_chunks::<N>();
    let mut rgb = Vec::with_capacity(pixels.len() * 3);
    rgb.extend(pixels.iter().flat_map(|pixel| [grey(*pixel); 3]));
    rgb
}

/// Pixels of `N` bytes, at least 3, to RGB in place.
fn narrow<const N: usize>(mut samples: Vec<u8>, rgb: impl Fn([u8; N]) -> [u8; 3]) -> Vec<u8> {
    const { assert!(N >= 3) };
    let pixels = samples.len() / N;
    for i in 0..pixels {
        let mut pixel = [0; N];
        pixel.copy_from_slice(&samples[i * N..(i + 1) * N]);
        samples[i * 3..(i + 1) * 3].copy_from_slice(&rgb(pixel));
    }
    samples.truncate(pixels * 3);
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<T: Copy, const N: usize>(samples: &[T], to: impl Fn(T) -> [u8; N]) -> Vec<u8> {
        samples.iter().flat_map(|s| to(*s)).collect()
    }

    #[test]
    fn sixteen_bits_keep_the_high_byte() {
        let grey = bytes(&[0x12FF_u16, 0x0080], u16::to_ne_bytes);
        assert_eq!(to_rgb8(grey, ColorType::L16).unwrap(), [0x12, 0x12, 0x12, 0, 0, 0]);
        let rgba = bytes(&[0x0100_u16, 0x02FF, 0xFFFF, 0x0000], u16::to_ne_bytes);
        assert_eq!(to_rgb8(rgba, ColorType::Rgba16).unwrap(), [1, 2, 255]);
    }

    #[test]
    fn alpha_is_dropped_not_blended() {
        let rgba = vec![1, 2, 3, 0, 4, 5, 6, 255];
        assert_eq!(to_rgb8(rgba, ColorType::Rgba8).unwrap(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(to_rgb8(vec![9, 0], ColorType::La8).unwrap(), [9, 9, 9]);
    }

    #[test]
    fn floats_are_zero_to_one_whatever_they_hold() {
        let rgb = bytes(&[0.5_f32, -1.0, 7.0, f32::NAN, f32::INFINITY, 1.0], f32::to_ne_bytes);
        assert_eq!(to_rgb8(rgb, ColorType::Rgb32F).unwrap(), [128, 0, 255, 0, 255, 255]);
    }
}
