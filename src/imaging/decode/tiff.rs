//! TIFF: strips and tiles, row by row, so that memory is that of the RGB pixels and a row.
//!
//! What a file says of its parts is held against the size of the photo before any of them is unpacked: their number,
//! their area, and their bytes taken together, since they may all be the same ones. A JPEG within a part must have
//! the part's size.

use super::jpeg::{self, Components};
use super::limits::DecodeLimits;
use super::sniff::Format;
use super::source::Check;
use crate::error::Result;
use crate::imaging::ifd::Directory;
use crate::imaging::{DecodedRgb, exif};
use colors::Colors;
use layout::{Compression, Layout, Part, undecodable};
use unpack::Rows;

mod colors;
mod layout;
mod samples;
mod unpack;

/// The tag of an XMP packet.
const XMP: u16 = 700;

/// Decodes the first picture of a TIFF file.
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits, check: Check<'_>) -> Result<DecodedRgb> {
    let directory = Directory::first(bytes).ok_or_else(|| undecodable("it has no directory"))?;
    let layout = Layout::read(&directory)?;
    limits.check(Format::Tiff, layout.width, layout.height)?;
    layout.check_parts(bytes.len())?;
    let colors = Colors::read(&directory, &layout)?;

    let (width, height) = (layout.width as usize, layout.height as usize);
    let mut photo = Photo { data: vec![0; width * height * 3], width, line: Vec::new() };
    for part in layout.parts() {
        check()?;
        let stored = layout.stored(bytes, &part)?;
        read_part(&layout, &part, stored, check, |line, samples| {
            photo.put(&colors, &part, line, samples);
            Ok(())
        })?;
    }
    let by_xmp = || exif::xmp_orientation(directory.get(XMP)?.bytes());
    let orientation = exif::orientation_of(&directory).or_else(by_xmp).unwrap_or(1);
    Ok(DecodedRgb { width, height, data: photo.data, orientation })
}

/// Hands over the rows of a part, from its first: 8-bit samples of all its pixels, those outside the photo too.
fn read_part(
    layout: &Layout<'_>,
    part: &Part,
    stored: &[u8],
    check: Check<'_>,
    mut each_row: impl FnMut(usize, &[u8]) -> Result<()>,
) -> Result<()> {
    if layout.compression == Compression::Jpeg {
        let mut line = 0;
        let channels = if layout.jpeg_components() == Components::Rgb { 3 } else { layout.samples };
        let size = (layout.part_width, part.rows.len()..=layout.part_height);
        return jpeg::decode_part(layout.jpeg_tables, stored, layout.jpeg_components(), size, check, |row| {
            if row.len() != layout.part_width * channels {
                return Err(undecodable(format!("it holds a JPEG of other than {channels} components")));
            }
            line += 1;
            each_row(line - 1, row)
        });
    }
    let mut rows = Rows::new(layout, stored);
    for line in 0..part.rows.len() {
        check()?;
        each_row(line, rows.next()?)?;
    }
    Ok(())
}

struct Photo {
    data: Vec<u8>,
    width: usize,
    /// A row of a part as RGB.
    line: Vec<u8>,
}

impl Photo {
    /// Puts a row of a part where it belongs.
    fn put(&mut self, colors: &Colors, part: &Part, line: usize, samples: &[u8]) {
        let start = ((part.rows.start + line) * self.width + part.columns.start) * 3;
        let row = &mut self.data[start..start + part.columns.len() * 3];
        match part.plane {
            None => {
                self.line.resize(row.len(), 0);
                colors.to_rgb(samples, &mut self.line);
                row.copy_from_slice(&self.line);
            }
            Some(plane) => colors.put_plane(samples, plane, row),
        }
    }
}
