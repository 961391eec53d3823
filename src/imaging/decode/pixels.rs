//! Rows of samples to rows of 8-bit RGB, as Pillow's `convert("RGB")` does: alpha is dropped and not
//! blended, grey is repeated. Of 16-bit samples the high byte is kept (Pillow clips 16-bit grey to white).

/// Copies three bytes of each pixel of `N` bytes: those at `offsets`, for red, green and blue.
fn pick<const N: usize>(row: &[u8], offsets: [usize; 3], rgb: &mut [u8]) {
    let pixels = row.as_chunks::<N>().0.iter();
    for (pixel, rgb) in pixels.zip(rgb.as_chunks_mut::<3>().0) {
        *rgb = offsets.map(|offset| pixel[offset]);
    }
}

/// Converts a row of big-endian grey, grey with alpha, RGB or RGBA samples (`channels` 1 to 4) of 1 or 2 bytes.
/// `false` for another layout.
#[must_use]
pub(super) fn to_rgb(row: &[u8], channels: usize, sample_bytes: usize, rgb: &mut [u8]) -> bool {
    match (channels, sample_bytes) {
        (1, 1) => pick::<1>(row, [0; 3], rgb),
        (2, 1) | (1, 2) => pick::<2>(row, [0; 3], rgb),
        (3, 1) => pick::<3>(row, [0, 1, 2], rgb),
        (4, 1) => pick::<4>(row, [0, 1, 2], rgb),
        (2, 2) => pick::<4>(row, [0; 3], rgb),
        (3, 2) => pick::<6>(row, [0, 2, 4], rgb),
        (4, 2) => pick::<8>(row, [0, 2, 4], rgb),
        _ => return false,
    }
    true
}

/// Turns RGBA pixels into RGB in place.
pub(super) fn drop_alpha(pixels: &mut Vec<u8>) {
    let count = pixels.len() / 4;
    for index in 0..count {
        pixels.copy_within(index * 4..index * 4 + 3, index * 3);
    }
    pixels.truncate(count * 3);
}

/// One pixel of CMYK ink (0: none, 255: full) as Pillow's `cmyk2rgb` turns it into RGB.
pub(super) fn cmyk_to_rgb([cyan, magenta, yellow, key]: [u8; 4]) -> [u8; 3] {
    let light = 255 - u32::from(key);
    [cyan, magenta, yellow].map(|ink| {
        let product = u32::from(ink) * light + 128;
        let removed = ((product >> 8) + product) >> 8; // product / 255, rounded
        (light - removed.min(light)) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(row: &[u8], channels: usize, sample_bytes: usize) -> Vec<u8> {
        let mut rgb = vec![0; row.len() / channels / sample_bytes * 3];
        assert!(to_rgb(row, channels, sample_bytes, &mut rgb));
        rgb
    }

    #[test]
    fn sixteen_bits_keep_the_high_byte() {
        assert_eq!(converted(&[0x12, 0xFF, 0x00, 0x80], 1, 2), [0x12, 0x12, 0x12, 0, 0, 0]);
        assert_eq!(converted(&[0x12, 0xFF, 0x00, 0x80], 2, 2), [0x12; 3]);
        assert_eq!(converted(&[1, 0, 2, 255, 255, 255, 0, 0], 4, 2), [1, 2, 255]);
    }

    #[test]
    fn alpha_is_dropped_not_blended() {
        assert_eq!(converted(&[1, 2, 3, 0, 4, 5, 6, 255], 4, 1), [1, 2, 3, 4, 5, 6]);
        assert_eq!(converted(&[9, 0], 2, 1), [9, 9, 9]);
        let mut pixels = vec![1, 2, 3, 0, 4, 5, 6, 255];
        drop_alpha(&mut pixels);
        assert_eq!(pixels, [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn ink_takes_light_away() {
        assert_eq!(cmyk_to_rgb([0, 0, 0, 0]), [255; 3]);
        assert_eq!(cmyk_to_rgb([255, 0, 128, 0]), [0, 255, 127]);
        assert_eq!(cmyk_to_rgb([10, 200, 30, 255]), [0; 3]);
    }
}
