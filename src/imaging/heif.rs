//! What the container of a HEIC file says of its main picture: size, tiles, crop and orientation. No pixel
//! is decoded here.
//!
//! A phone stores a photo as a grid of tiles, each a small picture of its own, beside properties that say how
//! it is cropped and turned. Everything is a claim of a file that may be hostile: tiles are counted, and what
//! they hold is added up, since they may all point to the same bytes.

use heifer::color::ColorParams;
use heifer::heifer_isobmff::boxes::{ColorInfo, Property};
use heifer::heifer_isobmff::{BoxIter, HeifFile, ItemId};

/// Bytes of the box that describes the file. A photo of 200 megapixels has 40 KB; the reader searches
/// its lists once for each entry.
const MAX_META_BYTES: usize = 256 << 10;

/// Tiles of a picture. Phones make 48 for 12 megapixels and 768 for 200.
const MAX_TILES: usize = 4096;

/// The shorter side of a tile among others, in pixels: the least that the standard (MIAF) allows.
const MIN_TILE_SIDE: u32 = 64;

/// The coded picture is a multiple of the smallest block, which has 64 pixels at most.
const PADDING: u64 = 63;

/// Pixels that may be decoded beside those that the picture is in proportion to: a small one may be a part of a tile, and the
/// tiles of phones, of 512 x 512 pixels, reach over its edges.
const SPARE_PIXELS: u64 = 5 << 18;

/// Bytes of a tile's parameter sets, which are read again for each tile.
const MAX_CONFIG_BYTES: usize = 16 << 10;

/// Parts (NAL units) of a tile's stream: one for a phone's, and 600 slices of a picture at the most (H.265, table A.8).
pub(super) const MAX_NAL_UNITS: usize = 1024;

/// The main picture of a file, as its container describes it.
pub(super) struct HeifPicture<'a> {
    file: HeifFile<'a>,
    /// Width in pixels, before crop and turn.
    pub(super) width: u32,
    /// Height in pixels, before crop and turn.
    pub(super) height: u32,
    /// Row by row.
    pub(super) tiles: Vec<ItemId>,
    /// Tiles in a row.
    pub(super) columns: usize,
    /// Width of each tile, in pixels; the last of a row may reach over the edge.
    pub(super) tile_width: u32,
    /// Height of each tile, in pixels; those of the last row may reach over the edge.
    pub(super) tile_height: u32,
    /// What is left of it, where it is cropped.
    pub(super) crop: Option<Crop>,
    /// How what is left is to be turned, as EXIF counts it: 1 to 8.
    pub(super) orientation: u8,
}

/// The part of a picture that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crop {
    /// First column.
    pub(super) left: u32,
    /// First row.
    pub(super) top: u32,
    /// Columns, at least 1.
    pub(super) width: u32,
    /// Rows, at least 1.
    pub(super) height: u32,
}

impl<'a> HeifPicture<'a> {
    /// Reads the container. The reason, where the picture can't be decoded.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        check_meta(bytes)?;
        let file = HeifFile::parse(bytes).map_err(|error| error.to_string())?;
        let mut picture = match kind(&file, file.primary_id)? {
            [b'h', b'v', b'c', b'1'] => Self::single(file)?,
            [b'g', b'r', b'i', b'd'] => Self::grid(file)?,
            other => {
                return Err(format!(
                    "its pixels are stored as '{}', which is not read",
                    other.escape_ascii()
                ));
            }
        };
        picture.check_tiles(bytes.len())?;
        picture.read_transforms()?;
        Ok(picture)
    }

    fn single(file: HeifFile<'a>) -> Result<Self, String> {
        let id = file.primary_id;
        let (width, height) = size(&file, id)?;
        Ok(Self {
            file,
            width,
            height,
            tiles: vec![id],
            columns: 1,
            tile_width: width,
            tile_height: height,
            crop: None,
            orientation: 1,
        })
    }

    fn grid(file: HeifFile<'a>) -> Result<Self, String> {
        let id = file.primary_id;
        let grid = file.grid(id).map_err(|error| error.to_string())?;
        let (rows, columns) = (usize::from(grid.rows), usize::from(grid.columns));
        let tiles = file.referenced_items(id, b"dimg").to_vec();
        if tiles.len() != rows * columns || tiles.len() > MAX_TILES {
            return Err(format!(
                "it has {} tiles for {rows} rows of {columns}; at most {MAX_TILES} are taken",
                tiles.len()
            ));
        }
        let (tile_width, tile_height) = size(&file, tiles[0])?;
        let (width, height) = (grid.output_width, grid.output_height);
        if !covers(width, columns, tile_width) || !covers(height, rows, tile_height) {
            return Err(format!(
                "{rows} rows of {columns} tiles of {tile_width} x {tile_height} pixels do not make {width} x {height}"
            ));
        }
        Ok(Self { file, width, height, tiles, columns, tile_width, tile_height, crop: None, orientation: 1 })
    }

    fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    fn tile_pixels(&self) -> u64 {
        u64::from(self.tile_width) * u64::from(self.tile_height)
    }

    /// The most pixels that a tile may be stored as, with its padding.
    pub(super) fn max_tile_pixels(&self) -> u64 {
        let rows = self.tiles.len() / self.columns.max(1);
        let sides = (
            Side::new(self.width, self.columns, self.tile_width),
            Side::new(self.height, rows, self.tile_height),
        );
        max_tile_pixels(sides.0, sides.1)
    }

    /// Whether so many tiles in work take no more memory than the picture as a single one.
    pub(super) fn may_decode_at_once(&self, tiles: usize) -> bool {
        let tiles = tiles.min(self.tiles.len()) as u64;
        self.max_tile_pixels().saturating_mul(tiles) <= self.pixels().saturating_add(SPARE_PIXELS)
    }

    /// All tiles are alike, untouched, in proportion to the picture, and together no more than the file holds.
    fn check_tiles(&self, file_bytes: usize) -> Result<(), String> {
        if self.tile_pixels() > self.max_tile_pixels() {
            return Err(format!(
                "it has {} tiles of {} x {} pixels for a photo of {} x {}",
                self.tiles.len(),
                self.tile_width,
                self.tile_height,
                self.width,
                self.height
            ));
        }
        let mut bytes = 0;
        for id in &self.tiles {
            if kind(&self.file, *id)? != *b"hvc1" {
                return Err("its tiles are not all stored as 'hvc1'".into());
            }
            if size(&self.file, *id)? != (self.tile_width, self.tile_height) {
                return Err("its tiles have different sizes".into());
            }
            if *id != self.file.primary_id && self.properties(*id)?.any(is_transform) {
                return Err("its tiles are cropped or turned one by one".into());
            }
            let data = self.file.item_data(*id).map_err(|error| error.to_string())?;
            bytes += data.len();
            if bytes > file_bytes {
                return Err("its tiles hold more bytes than the file".into());
            }
            let config = self.file.hevc_config(*id).map_err(|error| error.to_string())?;
            if let Some(config) = &config {
                check_nal_units(&data, usize::from(config.nal_length_size))?;
            }
            let config_bytes: usize = config.iter().flat_map(|c| &c.nal_units).map(Vec::len).sum();
            if config_bytes > MAX_CONFIG_BYTES {
                return Err(format!("a tile has {config_bytes} bytes of parameter sets"));
            }
        }
        Ok(())
    }

    /// Crop, rotation and mirror, which the standard has in this order.
    fn read_transforms(&mut self) -> Result<(), String> {
        let (mut crop, mut orientation) = (None, 1);
        for property in self.properties(self.file.primary_id)? {
            match property {
                Property::CleanAperture { width, height, horiz_offset, vert_offset } => {
                    if crop.is_some() || orientation != 1 {
                        return Err("its crop is not the first change to the picture".into());
                    }
                    let (left, width) = aperture(self.width, *width, *horiz_offset)?;
                    let (top, height) = aperture(self.height, *height, *vert_offset)?;
                    crop = Some(Crop { left, top, width, height });
                }
                Property::Rotation(quarters) => {
                    orientation = (0..*quarters % 4).fold(orientation, |code, _| turned_left(code));
                }
                Property::Mirror(top_bottom) => {
                    orientation = mirrored(orientation);
                    if *top_bottom {
                        orientation = turned_left(turned_left(orientation));
                    }
                }
                _ => {}
            }
        }
        (self.crop, self.orientation) = (crop, orientation);
        Ok(())
    }

    /// The HEVC stream of a tile, and the colours that the container says it has.
    pub(super) fn tile(&self, id: ItemId) -> Result<(Vec<u8>, Option<ColorParams>), String> {
        let stream = self.file.hevc_bitstream(id).map_err(|error| error.to_string())?;
        let colours = match self.colours(id)? {
            None => self.colours(self.file.primary_id)?,
            own => own,
        };
        Ok((stream, colours))
    }

    fn colours(&self, id: ItemId) -> Result<Option<ColorParams>, String> {
        Ok(self.properties(id)?.find_map(|property| match property {
            Property::Color(ColorInfo::Nclx { matrix, full_range, .. }) => {
                Some(ColorParams { matrix: *matrix, full_range: *full_range })
            }
            _ => None,
        }))
    }

    fn properties(&self, id: ItemId) -> Result<impl Iterator<Item = &Property>, String> {
        self.file.item_properties(id).map_err(|error| error.to_string())
    }
}

/// Refuses a file whose description is out of all proportion, before it is read.
fn check_meta(bytes: &[u8]) -> Result<(), String> {
    for part in BoxIter::new(bytes) {
        let part = part.map_err(|error| error.to_string())?;
        if part.header.box_type.0 == *b"meta" && part.content.len() > MAX_META_BYTES {
            return Err(format!(
                "{} bytes describe it; at most {MAX_META_BYTES} are taken",
                part.content.len()
            ));
        }
    }
    Ok(())
}

/// Counts the parts of a tile's data, each with its length in front, before a stream is made of them.
fn check_nal_units(mut data: &[u8], length_size: usize) -> Result<(), String> {
    for _ in 0..MAX_NAL_UNITS {
        let Some((length, rest)) = data.split_at_checked(length_size.max(1)) else { return Ok(()) };
        let length = length.iter().fold(0, |length, &byte| (length << 8) | usize::from(byte));
        // What is cut short is refused where it is read.
        data = rest.get(length..).unwrap_or_default();
    }
    if data.is_empty() { Ok(()) } else { Err(format!("a tile has more than {MAX_NAL_UNITS} parts")) }
}

fn kind(file: &HeifFile<'_>, id: ItemId) -> Result<[u8; 4], String> {
    Ok(file.item(id).map_err(|error| error.to_string())?.item_type.0)
}

fn size(file: &HeifFile<'_>, id: ItemId) -> Result<(u32, u32), String> {
    let size = file.image_size(id).map_err(|error| error.to_string())?;
    size.ok_or_else(|| "it does not say its size".into())
}

/// A side of a picture and the tiles along it, in pixels.
#[derive(Clone, Copy)]
struct Side {
    length: u64,
    tiles: u64,
    tile: u64,
}

impl Side {
    fn new(length: u32, tiles: usize, tile: u32) -> Self {
        Self { length: length.into(), tiles: tiles.max(1) as u64, tile: tile.into() }
    }

    /// How far several tiles reach, at most: the last one begins within the picture, and is no longer than that.
    fn reach(self) -> u64 {
        if self.tiles == 1 { self.length } else { self.length.saturating_add(self.tile.min(self.length)) }
    }
}

/// The most pixels that each of the tiles may be stored as. Memory follows from one tile, work from all of them, and both
/// must follow from the picture, whose pixels are what is held against the limits.
fn max_tile_pixels(width: Side, height: Side) -> u64 {
    let pixels = width.length.saturating_mul(height.length);
    let padded = (width.tile + PADDING).saturating_mul(height.tile + PADDING);
    let by_memory = pixels.saturating_add(pixels / 4).saturating_add(SPARE_PIXELS);
    let of_grid = width.reach().saturating_mul(height.reach());
    let by_work =
        pixels.saturating_mul(2).saturating_add(SPARE_PIXELS).max(of_grid) / (width.tiles * height.tiles);
    padded.min(by_memory).min(by_work)
}

fn is_transform(property: &Property) -> bool {
    matches!(property, Property::CleanAperture { .. } | Property::Rotation(_) | Property::Mirror(_))
}

/// Whether tiles of a length cover a side, each of them at least in part.
fn covers(side: u32, count: usize, tile: u32) -> bool {
    let (side, count, tile) = (u64::from(side), count as u64, u64::from(tile));
    (count == 1 || tile >= u64::from(MIN_TILE_SIDE)) && (count - 1) * tile < side && side <= count * tile
}

/// Start and length of a crop along a side, from its length and the distance of its centre from the picture's,
/// both of them fractions.
fn aperture(side: u32, length: (u32, u32), offset: (i32, u32)) -> Result<(u32, u32), String> {
    let length = (f64::from(length.0) / f64::from(length.1)).round();
    let start = ((f64::from(side) - length) / 2.0 + f64::from(offset.0) / f64::from(offset.1)).round();
    // Not a number where a fraction is by zero: then no comparison holds.
    if length >= 1.0 && start >= 0.0 && start + length <= f64::from(side) {
        return Ok((start as u32, length as u32));
    }
    Err("its crop reaches outside the picture".into())
}

/// The EXIF orientation that turns a picture a quarter to the left after `code` has been applied.
fn turned_left(code: u8) -> u8 {
    [8, 5, 6, 7, 4, 1, 2, 3][usize::from(code) - 1] // EXIF codes are 1 to 8
}

/// The EXIF orientation that exchanges left and right after `code` has been applied.
fn mirrored(code: u8) -> u8 {
    [2, 1, 4, 3, 6, 5, 8, 7][usize::from(code) - 1] // EXIF codes are 1 to 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_and_mirrors_lead_round_all_orientations() {
        for code in 1..=8 {
            let round =
                [turned_left, turned_left, turned_left, turned_left].iter().fold(code, |c, turn| turn(c));
            assert_eq!((round, mirrored(mirrored(code))), (code, code));
            // To mirror and turn left is to turn right and mirror.
            let right = turned_left(turned_left(turned_left(code)));
            assert_eq!(turned_left(mirrored(code)), mirrored(right), "{code}");
        }
        assert_eq!((turned_left(1), mirrored(1), turned_left(mirrored(1))), (8, 2, 5));
    }

    #[test]
    fn a_crop_lies_inside_the_picture() {
        assert_eq!(aperture(334, (333, 1), (-1, 2)), Ok((0, 333)));
        assert_eq!(aperture(100, (50, 1), (0, 1)), Ok((25, 50)));
        assert_eq!(aperture(100, (100, 1), (0, 1)), Ok((0, 100)));
        for (length, offset) in [
            ((101, 1), (0, 1)),
            ((50, 1), (26, 1)),
            ((50, 1), (-26, 1)),
            ((0, 1), (0, 1)),
            ((1, 0), (0, 1)),
            ((0, 0), (0, 1)),
            ((50, 1), (0, 0)),
            ((u32::MAX, 1), (i32::MIN, 1)),
        ] {
            assert!(aperture(100, length, offset).is_err(), "{length:?} {offset:?}");
        }
    }

    #[test]
    fn the_parts_of_a_tile_are_counted() {
        for size in [1, 2, 4] {
            let part = [vec![0; size - 1], vec![3, 7, 7, 7]].concat();
            check_nal_units(&part.repeat(MAX_NAL_UNITS), size).unwrap();
            assert!(check_nal_units(&part.repeat(MAX_NAL_UNITS + 1), size).is_err());
            check_nal_units(&part[..part.len() - 1], size).unwrap();
        }
        assert!(check_nal_units(&[0; 5000], 1).is_err(), "empty ones");
    }

    #[test]
    fn the_pixels_of_tiles_follow_from_those_of_the_picture() {
        let most = |width: u32, height: u32, tile: (u32, u32), (columns, rows): (usize, usize)| {
            max_tile_pixels(Side::new(width, columns, tile.0), Side::new(height, rows, tile.1))
        };
        // As phones make them, and the parts of one whose tiles reach furthest over the edges.
        for (width, height, side, tiles) in [
            (4032, 3024, 512, (8, 6)),
            (8064, 6048, 512, (16, 12)),
            (2049, 2049, 512, (5, 5)),
            (513, 513, 512, (2, 2)),
            (300, 200, 512, (1, 1)),
            (1200, 1100, 1024, (2, 2)),
            (1025, 1025, 1024, (2, 2)),
            (2049, 1025, 1024, (3, 2)),
        ] {
            assert!(most(width, height, (side, side), tiles) >= u64::from(side * side), "{width} x {height}");
        }
        for (width, height, tile, tiles) in [
            (10, 10, (4000, 4000), (1, 1)),
            (4000, 10, (4000, 4000), (1, 1)),
            (4001, 10, (4000, 4000), (2, 1)),
            (60_000_000, 1, (512, 512), (117_188, 1)),
            (513, 257, (512, 256), (64, 64)),
        ] {
            let stored = u64::from(tile.0) * u64::from(tile.1);
            assert!(most(width, height, tile, tiles) < stored, "{tiles:?} tiles of {tile:?}");
        }
        // Padding of a thin picture would be a multiple of it.
        assert!(most(1, 60_000_000, (1, 60_000_000), (1, 1)) < 80_000_000);
        assert_eq!(most(100, 50, (100, 50), (1, 1)), 163 * 113);
        assert_eq!(most(u32::MAX, u32::MAX, (u32::MAX, u32::MAX), (1, 1)), u64::MAX);
    }

    #[test]
    fn tiles_cover_the_picture_and_none_lies_outside() {
        for (side, count, tile, fits) in [
            (4032, 8, 512, true),
            (4096, 8, 512, true),
            (4097, 8, 512, false),
            (3584, 8, 512, false),
            (30, 1, 30, true),
            (60, 2, 30, false),
            (0, 1, 512, false),
            (u32::MAX, 256, u32::MAX, false),
        ] {
            assert_eq!(covers(side, count, tile), fits, "{side} {count} {tile}");
        }
    }
}
