//! HEIC, the photos of iPhones, by heifer: HEVC in safe Rust. What it was chosen among is in
//! `docs/phone-photos.md`.
//!
//! The tiles are put together here, not by the decoder, so that no tile may be larger than the container says,
//! the alpha plane is not decoded in vain, and the memory is known: three bytes a pixel and the tiles in work.

use std::panic::{AssertUnwindSafe, catch_unwind};

use heifer::color::{ColorParams, frame_to_rgba_sized};
use heifer::heifer_isobmff::ItemId;
use rayon::prelude::*;

use super::hevc::decode_picture;
use super::limits::DecodeLimits;
use super::sniff::Format;
use super::source::Check;
use crate::error::Result;
use crate::imaging::DecodedRgb;
use crate::imaging::heif::{Crop, HeifPicture};

/// Decodes the main picture of a HEIC file, cropped as it says, not turned: a grid of tiles or a single picture,
/// 8 to 16 bits, with any chroma subsampling or none.
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits, check: Check<'_>) -> Result<DecodedRgb> {
    let undecodable = |reason: String| Format::Heic.undecodable(reason);
    let picture = caught(|| HeifPicture::read(bytes)).map_err(undecodable)?;
    limits.check(Format::Heic, picture.width, picture.height)?;
    Ok(caught(|| pixels(&picture, check)).map_err(undecodable)?)
}

/// The decoder is young: should it panic, the file is at fault and not the service.
fn caught<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err("the decoder gave up".into()))
}

fn pixels(picture: &HeifPicture<'_>, check: Check<'_>) -> Result<DecodedRgb, String> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let data = match picture.tiles[..] {
        [only] => decode_tile(picture, only, check)?,
        _ => assemble(picture, check)?,
    };
    let photo = DecodedRgb { width, height, data, orientation: picture.orientation };
    Ok(match picture.crop {
        Some(crop) => cut_out(&photo, crop),
        None => photo,
    })
}

/// Puts the tiles together, the rows of tiles on all cores unless they are so large that this would take more memory than
/// the picture as a whole.
fn assemble(picture: &HeifPicture<'_>, check: Check<'_>) -> Result<Vec<u8>, String> {
    let stride = picture.width as usize * 3;
    let tile_stride = picture.tile_width as usize * 3;
    let mut data = vec![0; stride * picture.height as usize];
    let fill = |(band, tiles): (&mut [u8], &[ItemId])| -> Result<(), String> {
        for (column, id) in tiles.iter().enumerate() {
            let tile = decode_tile(picture, *id, check)?;
            let start = column * tile_stride;
            let end = stride.min(start + tile_stride);
            for (row, tile_row) in band.chunks_exact_mut(stride).zip(tile.chunks_exact(tile_stride)) {
                row[start..end].copy_from_slice(&tile_row[..end - start]);
            }
        }
        Ok(())
    };
    let band_bytes = stride * picture.tile_height as usize;
    if picture.may_decode_at_once(rayon::current_num_threads()) {
        let bands = data.par_chunks_mut(band_bytes);
        bands.zip(picture.tiles.par_chunks(picture.columns)).try_for_each(fill)?;
    } else {
        data.chunks_mut(band_bytes).zip(picture.tiles.chunks(picture.columns)).try_for_each(fill)?;
    }
    Ok(data)
}

/// The pixels of a tile, `tile_height x tile_width x 3` bytes.
fn decode_tile(picture: &HeifPicture<'_>, id: ItemId, check: Check<'_>) -> Result<Vec<u8>, String> {
    let (stream, colours) = picture.tile(id)?;
    let (width, height) = (picture.tile_width, picture.tile_height);
    let frame = decode_picture(&stream, picture.max_tile_pixels(), check)?;
    if frame.widths[0] < width || frame.heights[0] < height {
        return Err(format!(
            "it should have {width} x {height} pixels, {} x {} are stored",
            frame.widths[0], frame.heights[0]
        ));
    }
    let colours = colours.unwrap_or_else(|| ColorParams::from_frame(&frame));
    let image = frame_to_rgba_sized::<u8>(&frame, colours, width, height);
    drop(frame);
    Ok(image.into_rgb8())
}

fn cut_out(photo: &DecodedRgb, crop: Crop) -> DecodedRgb {
    let (left, width) = (crop.left as usize * 3, crop.width as usize * 3);
    let rows = photo.data.chunks_exact(photo.width * 3).skip(crop.top as usize).take(crop.height as usize);
    let data = rows.flat_map(|row| &row[left..left + width]).copied().collect();
    DecodedRgb {
        width: crop.width as usize,
        height: crop.height as usize,
        data,
        orientation: photo.orientation,
    }
}
