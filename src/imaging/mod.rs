//! From bytes to an upright photo: [`decode`] under limits, [`orient`], and the two ways to [`resample`] that the
//! networks were trained with.

pub mod bilinear;
pub mod decode;
pub mod encode;
mod exif;
#[cfg(feature = "phone-photos")]
mod heif;
mod ifd;
pub mod orient;
pub mod resample;

/// Pixels as decoded: 8-bit RGB, not yet turned upright. Only [`orient::orient`] takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedRgb {
    /// Width in pixels, at least 1.
    pub width: usize,
    /// Height in pixels, at least 1.
    pub height: usize,
    /// `height x width x 3` bytes, row by row, red, green, blue.
    pub data: Vec<u8>,
    /// How they are to be turned, 1 to 8 as EXIF counts it: by the file's EXIF data, its XMP packet or, of HEIC, its
    /// container. 1 where the file does not say.
    pub orientation: u8,
}

/// An upright photo: 8-bit RGB with the orientation applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrientedRgb {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) data: Vec<u8>,
    pub(crate) orientation: u8,
}

impl OrientedRgb {
    /// Takes pixels that are upright already: `height x width x 3` bytes, row by row, red, green,
    /// blue. `None` when the length is not that.
    #[must_use]
    pub fn from_upright(width: usize, height: usize, data: Vec<u8>) -> Option<Self> {
        (data.len() == width * height * 3).then_some(Self { width, height, data, orientation: 1 })
    }

    /// Width in pixels of the upright photo.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels of the upright photo.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The orientation that was applied, 1 to 8 as EXIF counts it; 1 where the file had none.
    #[must_use]
    pub fn orientation(&self) -> u8 {
        self.orientation
    }

    /// The pixels, borrowed.
    #[must_use]
    pub fn view(&self) -> RgbView<'_> {
        RgbView { data: &self.data, width: self.width, height: self.height }
    }
}

/// Borrowed upright pixels: what the detector and the crops read.
#[derive(Debug, Clone, Copy)]
pub struct RgbView<'a> {
    /// `height x width x 3` bytes, row by row, red, green, blue.
    pub data: &'a [u8],
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

/// A window of whole pixels, `[y0, y1) x [x0, x1)`, inside the photo and not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First column.
    pub x0: usize,
    /// First row.
    pub y0: usize,
    /// Column after the last one.
    pub x1: usize,
    /// Row after the last one.
    pub y1: usize,
}
