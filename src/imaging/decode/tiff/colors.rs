//! Samples of 8 bits to RGB, by what the directory says they mean.

use super::layout::{Compression, Layout, Photometric, tag, undecodable};
use crate::error::Result;
use crate::imaging::decode::pixels;
use crate::imaging::ifd::Directory;

/// What the samples of a pixel mean.
pub(super) struct Colors {
    meaning: Meaning,
    /// Samples of a pixel.
    samples: usize,
}

enum Meaning {
    /// One sample, inverted where white is zero.
    Grey {
        inverted: bool,
    },
    Rgb,
    Cmyk,
    Palette(Box<[[u8; 3]; 256]>),
    YCbCr(YCbCr),
}

impl Colors {
    pub(super) fn read(directory: &Directory<'_>, layout: &Layout<'_>) -> Result<Self> {
        let meaning = match layout.photometric {
            Photometric::WhiteIsZero => Meaning::Grey { inverted: true },
            Photometric::BlackIsZero => Meaning::Grey { inverted: false },
            Photometric::YCbCr if layout.compression != Compression::Jpeg => {
                Meaning::YCbCr(YCbCr::read(directory))
            }
            Photometric::Rgb | Photometric::YCbCr => Meaning::Rgb,
            Photometric::Cmyk => Meaning::Cmyk,
            Photometric::Palette => Meaning::Palette(palette(directory, layout.bits)?),
        };
        let samples = if layout.photometric == Photometric::YCbCr { 3 } else { layout.samples };
        Ok(Self { meaning, samples })
    }

    /// Turns as many pixels as `rgb` has room for into RGB.
    pub(super) fn to_rgb(&self, samples: &[u8], rgb: &mut [u8]) {
        let pixels = samples.chunks_exact(self.samples).zip(rgb.as_chunks_mut::<3>().0);
        match &self.meaning {
            Meaning::Grey { inverted: false } => pixels.for_each(|(pixel, rgb)| *rgb = [pixel[0]; 3]),
            Meaning::Grey { inverted: true } => pixels.for_each(|(pixel, rgb)| *rgb = [255 - pixel[0]; 3]),
            Meaning::Rgb => pixels.for_each(|(pixel, rgb)| rgb.copy_from_slice(&pixel[..3])),
            Meaning::Cmyk => pixels.for_each(|(pixel, rgb)| {
                *rgb = pixels::cmyk_to_rgb([pixel[0], pixel[1], pixel[2], pixel[3]]);
            }),
            Meaning::Palette(colors) => pixels.for_each(|(pixel, rgb)| *rgb = colors[usize::from(pixel[0])]),
            Meaning::YCbCr(conversion) => pixels.for_each(|(pixel, rgb)| {
                *rgb = conversion.to_rgb([pixel[0], pixel[1], pixel[2]]);
            }),
        }
    }

    /// Puts the samples of one plane into as many pixels as `rgb` has. Planes beyond the colour are skipped.
    pub(super) fn put_plane(&self, samples: &[u8], plane: usize, rgb: &mut [u8]) {
        if matches!(self.meaning, Meaning::Rgb) {
            if plane < 3 {
                rgb.chunks_exact_mut(3).zip(samples).for_each(|(pixel, sample)| pixel[plane] = *sample);
            }
        } else if plane == 0 {
            self.to_rgb(samples, rgb);
        }
    }
}

/// The colour of each index: 16 bits in the file, of which the high byte is kept.
fn palette(directory: &Directory<'_>, bits: usize) -> Result<Box<[[u8; 3]; 256]>> {
    let map = directory.get(tag::COLOR_MAP).ok_or_else(|| undecodable("it has no colour map"))?;
    let count = 1 << bits;
    let color = |index: usize| {
        let part = |channel: usize| map.unsigned(channel * count + index).unwrap_or(0) >> 8;
        [0, 1, 2].map(|channel| part(channel) as u8)
    };
    Ok(Box::new(std::array::from_fn(|index| if index < count { color(index) } else { [0; 3] })))
}

/// The conversion of YCbCr as TIFF 6.0 has it (section 21).
struct YCbCr {
    /// Shares of red, green and blue in luma.
    luma: [f64; 3],
    /// Codes of black and white, of luma and both chroma samples.
    range: [f64; 6],
}

impl YCbCr {
    fn read(directory: &Directory<'_>) -> Self {
        // Defaults as in the specification.
        let (mut luma, mut range) = ([0.299, 0.587, 0.114], [0.0, 255.0, 128.0, 255.0, 128.0, 255.0]);
        let numbers =
            [(tag::YCBCR_COEFFICIENTS, &mut luma[..]), (tag::REFERENCE_BLACK_WHITE, &mut range[..])];
        for (tag, numbers) in numbers {
            let Some(values) = directory.get(tag) else { continue };
            for (index, number) in numbers.iter_mut().enumerate() {
                *number = values.number(index).filter(|value| value.is_finite()).unwrap_or(*number);
            }
        }
        Self { luma, range }
    }

    fn to_rgb(&self, [y, cb, cr]: [u8; 3]) -> [u8; 3] {
        let [red_share, green_share, blue_share] = self.luma;
        let scaled = |code: u8, at: usize, full: f64| {
            (f64::from(code) - self.range[at]) * full / (self.range[at + 1] - self.range[at])
        };
        let (y, cb, cr) = (scaled(y, 0, 255.0), scaled(cb, 2, 127.0), scaled(cr, 4, 127.0));
        let red = cr * (2.0 - 2.0 * red_share) + y;
        let blue = cb * (2.0 - 2.0 * blue_share) + y;
        let green = (y - blue_share * blue - red_share * red) / green_share;
        [red, green, blue].map(|value| (value + 0.5) as u8) // a cast keeps to 0 to 255
    }
}
