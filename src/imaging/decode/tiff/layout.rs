//! How the pixels of a TIFF file are laid out: what its directory says, checked.

use std::ops::Range;

use crate::error::{Error, InputError, Result};
use crate::imaging::decode::jpeg::Components;
use crate::imaging::decode::limits::PLAIN_ADVICE;
use crate::imaging::decode::sniff::Format;
use crate::imaging::ifd::{Directory, Order, Values};

/// Tags, as TIFF 6.0 numbers them.
pub(super) mod tag {
    pub(crate) const IMAGE_WIDTH: u16 = 256;
    pub(crate) const IMAGE_LENGTH: u16 = 257;
    pub(crate) const BITS_PER_SAMPLE: u16 = 258;
    pub(crate) const COMPRESSION: u16 = 259;
    pub(crate) const PHOTOMETRIC_INTERPRETATION: u16 = 262;
    pub(crate) const FILL_ORDER: u16 = 266;
    pub(crate) const STRIP_OFFSETS: u16 = 273;
    pub(crate) const SAMPLES_PER_PIXEL: u16 = 277;
    pub(crate) const ROWS_PER_STRIP: u16 = 278;
    pub(crate) const STRIP_BYTE_COUNTS: u16 = 279;
    pub(crate) const PLANAR_CONFIGURATION: u16 = 284;
    pub(crate) const PREDICTOR: u16 = 317;
    pub(crate) const COLOR_MAP: u16 = 320;
    pub(crate) const TILE_WIDTH: u16 = 322;
    pub(crate) const TILE_LENGTH: u16 = 323;
    pub(crate) const TILE_OFFSETS: u16 = 324;
    pub(crate) const TILE_BYTE_COUNTS: u16 = 325;
    pub(crate) const SAMPLE_FORMAT: u16 = 339;
    pub(crate) const JPEG_TABLES: u16 = 347;
    pub(crate) const YCBCR_COEFFICIENTS: u16 = 529;
    pub(crate) const YCBCR_SUBSAMPLING: u16 = 530;
    pub(crate) const REFERENCE_BLACK_WHITE: u16 = 532;
}

/// Samples of a pixel that are taken: those of its colour and some more, which are skipped.
const MAX_SAMPLES: u64 = 8;

/// Strips or tiles that are taken, and one more for so many pixels: each costs some microseconds to begin with.
const MAX_PARTS: u64 = 4096;
const PIXELS_PER_PART: u64 = 256;

/// The same for parts that hold a JPEG each, which costs some tens of microseconds.
const MAX_JPEGS: u64 = 512;
const PIXELS_PER_JPEG: u64 = 1024;

/// Widest strip or tile in pixels, as wide as a JPEG can be: buffers hold a few rows of it, with up to 32 bytes a pixel.
const MAX_PART_WIDTH: u64 = 65_536;

/// How much larger than the photo its tiles may be together, and by how many pixels beyond that: a small photo may have
/// one large tile.
const MAX_TILE_EXCESS: u64 = 4;
const MAX_TILE_PIXELS: u64 = 1 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lzw,
    Deflate,
    PackBits,
    Jpeg,
}

/// What samples mean.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Photometric {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    YCbCr,
}

/// What was subtracted from the samples of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Predictor {
    None,
    /// The sample to the left.
    Horizontal,
    /// The byte to the left, of samples whose bytes are stored apart.
    Float,
}

/// The layout of the first picture.
pub(super) struct Layout<'a> {
    /// Width of the photo in pixels.
    pub(super) width: u32,
    /// Height of the photo in pixels.
    pub(super) height: u32,
    pub(super) order: Order,
    pub(super) compression: Compression,
    pub(super) photometric: Photometric,
    pub(super) predictor: Predictor,
    /// Samples of a pixel within a part: one where each sample has a plane of its own.
    pub(super) samples: usize,
    /// Bits of a sample.
    pub(super) bits: usize,
    /// Whether samples are floats.
    pub(super) is_float: bool,
    /// Whether the lowest bit of a byte comes first.
    pub(super) is_reversed: bool,
    /// Width and height in luma samples of what shares its chroma: 1 x 1 but for YCbCr that is not in JPEGs.
    pub(super) subsampling: (usize, usize),
    /// Width of a part in pixels, beyond the photo's edge too.
    pub(super) part_width: usize,
    /// Height of a part in pixels, beyond the photo's edge too.
    pub(super) part_height: usize,
    pub(super) jpeg_tables: &'a [u8],
    /// Planes that are stored one after the other; 0 where pixels are stored whole.
    planes: usize,
    offsets: Values<'a>,
    byte_counts: Option<Values<'a>>,
}

/// A strip or a tile.
pub(super) struct Part {
    index: usize,
    /// Its columns within the photo.
    pub(super) columns: Range<usize>,
    /// Its rows within the photo.
    pub(super) rows: Range<usize>,
    /// The sample that it holds; `None` for all.
    pub(super) plane: Option<usize>,
}

pub(super) fn undecodable(reason: impl Into<String>) -> Error {
    Format::Tiff.undecodable(reason.into()).into()
}

fn unread(format: &'static str) -> Error {
    InputError::UnreadFormat { format, advice: PLAIN_ADVICE }.into()
}

impl<'a> Layout<'a> {
    pub(super) fn read(directory: &Directory<'a>) -> Result<Self> {
        let compression = compression(directory)?;
        let samples = directory.unsigned(tag::SAMPLES_PER_PIXEL).unwrap_or(1);
        let photometric = photometric(directory)?;
        if samples < samples_of(photometric) || samples > MAX_SAMPLES {
            let expected = samples_of(photometric);
            return Err(undecodable(format!(
                "it has {samples} samples a pixel; {expected} to {MAX_SAMPLES} are taken"
            )));
        }
        let (bits, is_float) = sample_format(directory, photometric, compression)?;
        let is_planar = directory.unsigned(tag::PLANAR_CONFIGURATION) == Some(2) && samples > 1;
        if is_planar && matches!(photometric, Photometric::Cmyk | Photometric::YCbCr) {
            return Err(unread("CMYK or YCbCr TIFF in planes"));
        }
        let (width, height) = (side(directory, tag::IMAGE_WIDTH)?, side(directory, tag::IMAGE_LENGTH)?);
        let is_tiled = directory.get(tag::TILE_OFFSETS).is_some();
        let (offsets, byte_counts) = if is_tiled {
            (tag::TILE_OFFSETS, tag::TILE_BYTE_COUNTS)
        } else {
            (tag::STRIP_OFFSETS, tag::STRIP_BYTE_COUNTS)
        };
        let (part_width, part_height) = if is_tiled {
            (side(directory, tag::TILE_WIDTH)?, side(directory, tag::TILE_LENGTH)?)
        } else {
            let rows = directory.unsigned(tag::ROWS_PER_STRIP).unwrap_or(u64::from(height));
            (width, u32::try_from(rows).map_or(height, |rows| rows.min(height)))
        };
        Ok(Self {
            width,
            height,
            order: directory.order(),
            compression,
            photometric,
            predictor: predictor(directory, compression, bits, is_float)?,
            samples: if is_planar { 1 } else { samples as usize },
            bits,
            is_float,
            is_reversed: directory.unsigned(tag::FILL_ORDER) == Some(2),
            subsampling: subsampling(directory, photometric, compression)?,
            part_width: part_width as usize,
            part_height: part_height as usize,
            jpeg_tables: directory.get(tag::JPEG_TABLES).map_or(&[], |tables| tables.bytes()),
            planes: if is_planar { samples as usize } else { 0 },
            offsets: directory.get(offsets).ok_or_else(|| undecodable("it says not where its pixels are"))?,
            byte_counts: directory.get(byte_counts),
        })
    }

    /// Refuses parts that are out of proportion to the photo.
    pub(super) fn check_parts(&self, file_bytes: usize) -> Result<()> {
        let (width, height) = (u64::from(self.width), u64::from(self.height));
        let (part_width, part_height) = (self.part_width as u64, self.part_height as u64);
        if part_width == 0 || part_height == 0 {
            return Err(undecodable("its strips or tiles have no pixels"));
        }
        if part_width > MAX_PART_WIDTH {
            return Err(undecodable(format!(
                "its strips or tiles are {part_width} pixels wide, at most {MAX_PART_WIDTH} are taken"
            )));
        }
        let (across, down) = (width.div_ceil(part_width), height.div_ceil(part_height));
        let parts = across * down * self.planes.max(1) as u64;
        let pixels = width * height;
        let limit = match self.compression {
            Compression::Jpeg => MAX_JPEGS + pixels / PIXELS_PER_JPEG,
            _ => MAX_PARTS + pixels / PIXELS_PER_PART,
        };
        if parts > limit {
            return Err(undecodable(format!("it has {parts} strips or tiles, at most {limit} are taken")));
        }
        let area = (across * part_width).saturating_mul(down * part_height);
        if area > pixels * MAX_TILE_EXCESS + MAX_TILE_PIXELS {
            return Err(undecodable(format!("its tiles have {area} pixels for a photo of {pixels}")));
        }
        let mut bytes = 0_u64;
        for index in 0..parts as usize {
            bytes = bytes.saturating_add(self.byte_count(index)?);
            if bytes > file_bytes as u64 {
                return Err(undecodable("its strips or tiles hold more bytes than the file"));
            }
        }
        Ok(())
    }

    fn byte_count(&self, index: usize) -> Result<u64> {
        match &self.byte_counts {
            Some(counts) => {
                counts.unsigned(index).ok_or_else(|| undecodable("lengths of strips or tiles are missing"))
            }
            None if index == 0 => Ok(0), // a single strip reaches to the end of the file
            None => Err(undecodable("it says not how long its strips or tiles are")),
        }
    }

    /// All parts, plane by plane.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> + use<> {
        let (width, height) = (self.width as usize, self.height as usize);
        let (part_width, part_height, planes) = (self.part_width, self.part_height, self.planes);
        let across = width.div_ceil(part_width);
        let of_plane = across * height.div_ceil(part_height);
        (0..of_plane * planes.max(1)).map(move |index| {
            let (column, row) =
                (index % of_plane % across * part_width, index % of_plane / across * part_height);
            Part {
                index,
                columns: column..width.min(column + part_width),
                rows: row..height.min(row + part_height),
                plane: (planes > 0).then(|| index / of_plane),
            }
        })
    }

    /// The bytes of a part.
    pub(super) fn stored<'b>(&self, bytes: &'b [u8], part: &Part) -> Result<&'b [u8]> {
        let cut_short = || undecodable("it is cut short: strips or tiles are missing");
        let start = self
            .offsets
            .unsigned(part.index)
            .and_then(|at| usize::try_from(at).ok())
            .ok_or_else(cut_short)?;
        let rest = bytes.get(start..).ok_or_else(cut_short)?;
        if self.byte_counts.is_none() {
            return Ok(rest);
        }
        // Some programs count more bytes than they write: what is missing shows when it is unpacked.
        let count = usize::try_from(self.byte_count(part.index)?).unwrap_or(usize::MAX);
        Ok(&rest[..rest.len().min(count)])
    }

    /// Bytes of a row of a part.
    pub(super) fn row_bytes(&self) -> usize {
        (self.part_width * self.samples * self.bits).div_ceil(8)
    }

    /// What JPEGs are decoded to: the file says what their components mean, not they.
    pub(super) fn jpeg_components(&self) -> Components {
        if self.photometric == Photometric::YCbCr { Components::Rgb } else { Components::Stored }
    }
}

fn side(directory: &Directory<'_>, tag: u16) -> Result<u32> {
    let side = directory.unsigned(tag).ok_or_else(|| undecodable("it does not say its size"))?;
    u32::try_from(side).map_err(|_| undecodable(format!("it is {side} pixels long")))
}

fn compression(directory: &Directory<'_>) -> Result<Compression> {
    let compression = match directory.unsigned(tag::COMPRESSION).unwrap_or(1) {
        1 => Compression::None,
        2..=4 => return Err(unread("fax-compressed TIFF")),
        5 => Compression::Lzw,
        6 => return Err(unread("old-style JPEG TIFF")),
        7 => Compression::Jpeg,
        8 | 32946 => Compression::Deflate,
        32773 => Compression::PackBits,
        _ => return Err(unread("unusually compressed TIFF")),
    };
    if directory.unsigned(tag::FILL_ORDER) == Some(2) && compression != Compression::None {
        return Err(unread("TIFF with reversed bits"));
    }
    Ok(compression)
}

fn photometric(directory: &Directory<'_>) -> Result<Photometric> {
    Ok(match directory.unsigned(tag::PHOTOMETRIC_INTERPRETATION).unwrap_or(0) {
        0 => Photometric::WhiteIsZero,
        1 => Photometric::BlackIsZero,
        2 => Photometric::Rgb,
        3 => Photometric::Palette,
        5 => Photometric::Cmyk,
        6 => Photometric::YCbCr,
        8..=10 => return Err(unread("Lab TIFF")),
        32803 | 34892 => return Err(unread("raw camera")),
        _ => return Err(unread("unusually coloured TIFF")),
    })
}

fn samples_of(photometric: Photometric) -> u64 {
    match photometric {
        Photometric::WhiteIsZero | Photometric::BlackIsZero | Photometric::Palette => 1,
        Photometric::Rgb | Photometric::YCbCr => 3,
        Photometric::Cmyk => 4,
    }
}

/// Bits of a sample, and whether it is a float.
fn sample_format(
    directory: &Directory<'_>,
    photometric: Photometric,
    compression: Compression,
) -> Result<(usize, bool)> {
    let all_equal = |tag: u16, default: u64| -> Result<u64> {
        let Some(values) = directory.get(tag) else { return Ok(default) };
        let first = values.unsigned(0).unwrap_or(default);
        let others = (1..values.len().min(MAX_SAMPLES as usize)).filter_map(|index| values.unsigned(index));
        if others.into_iter().all(|value| value == first) {
            Ok(first)
        } else {
            Err(unread("TIFF with uneven samples"))
        }
    };
    let bits = all_equal(tag::BITS_PER_SAMPLE, 1)?;
    let is_float = match all_equal(tag::SAMPLE_FORMAT, 1)? {
        1 | 4 => false, // 4: not said
        3 => true,
        _ => return Err(unread("TIFF with signed samples")),
    };
    let is_read = match (photometric, is_float) {
        _ if compression == Compression::Jpeg => bits == 8 && !is_float,
        (Photometric::Palette, false) => matches!(bits, 1 | 2 | 4 | 8),
        (Photometric::WhiteIsZero | Photometric::BlackIsZero, false) => {
            matches!(bits, 1 | 2 | 4 | 8 | 16 | 32)
        }
        (Photometric::YCbCr, false) => bits == 8,
        (Photometric::Rgb | Photometric::Cmyk, false) => matches!(bits, 8 | 16 | 32),
        (Photometric::Rgb | Photometric::BlackIsZero | Photometric::WhiteIsZero, true) => bits == 32,
        _ => false,
    };
    if is_read { Ok((bits as usize, is_float)) } else { Err(unread("TIFF with samples of an unusual kind")) }
}

fn predictor(
    directory: &Directory<'_>,
    compression: Compression,
    bits: usize,
    is_float: bool,
) -> Result<Predictor> {
    if !matches!(compression, Compression::Lzw | Compression::Deflate) {
        return Ok(Predictor::None); // the tag has a meaning for these two only
    }
    match directory.unsigned(tag::PREDICTOR).unwrap_or(1) {
        1 => Ok(Predictor::None),
        2 if bits >= 8 => Ok(Predictor::Horizontal),
        3 if is_float => Ok(Predictor::Float),
        _ => Err(unread("TIFF with an unusual predictor")),
    }
}

fn subsampling(
    directory: &Directory<'_>,
    photometric: Photometric,
    compression: Compression,
) -> Result<(usize, usize)> {
    if photometric != Photometric::YCbCr || compression == Compression::Jpeg {
        return Ok((1, 1));
    }
    let values = directory.get(tag::YCBCR_SUBSAMPLING);
    let factor = |index| values.map_or(Some(2), |values| values.unsigned(index));
    match (factor(0), factor(1)) {
        (Some(across @ (1 | 2 | 4)), Some(down @ (1 | 2 | 4))) => Ok((across as usize, down as usize)),
        _ => Err(undecodable("its chroma is subsampled by other factors than 1, 2 and 4")),
    }
}
