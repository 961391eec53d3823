//! The picture of an HEVC stream, by heifer's parts, with bounded work.
//!
//! heifer's own loop takes as many slices as a stream has, and each may go over the blocks of the whole picture again: a
//! file of a few megabytes could ask for hours. Here the blocks of all slices are counted, and whether the picture is still
//! wanted is asked before each slice.

use heifer::heifer_hevc_dec::nal::{NalUnit, split_annex_b};
use heifer::heifer_hevc_dec::params::ParameterSets;
use heifer::heifer_hevc_dec::recon::{Frame, Reconstructor};
use heifer::heifer_hevc_dec::slice::SliceHeader;
use heifer::heifer_hevc_dec::syntax::{Picture, decode_slice_segment};

use super::source::Check;
use crate::imaging::heif::MAX_NAL_UNITS;

/// What marks the beginning of each part of a stream.
const START_CODE: [u8; 3] = [0, 0, 1];

/// Decodes the first picture of a stream (Annex B), of `max_pixels` at most before it is cropped.
///
/// # Errors
/// The reason.
pub(super) fn decode_picture(stream: &[u8], max_pixels: u64, check: Check<'_>) -> Result<Frame, String> {
    let units = nal_units(stream)?;
    let mut sets = ParameterSets::default();
    for unit in units.iter().take_while(|unit| !unit.header.unit_type.is_slice()) {
        sets.add(unit).map_err(text)?;
    }
    let slices: Vec<&NalUnit<'_>> = units.iter().filter(|unit| unit.header.unit_type.is_slice()).collect();
    let first = slices.first().ok_or("it holds no picture")?;
    let header = SliceHeader::parse(&first.rbsp, &first.header, &sets, None).map_err(text)?;
    let (pps, sps) = sets.get(usize::from(header.slice_pic_parameter_set_id)).map_err(text)?;
    let (width, height) = (sps.pic_width_in_luma_samples, sps.pic_height_in_luma_samples);
    if u64::from(width) * u64::from(height) > max_pixels {
        return Err(format!("{width} x {height} pixels are stored, more than it should have"));
    }
    let (mut picture, mut pixels) = (Picture::new(sps, pps), Reconstructor::new(sps, pps));
    // Another picture may follow, which needs not be intra-coded.
    let ends =
        slices.iter().skip(1).position(|slice| starts_picture(slice)).map_or(slices.len(), |at| at + 1);
    decode_slices(&slices[..ends], &sets, &mut picture, &mut pixels, check)?;
    if !picture.is_complete() {
        return Err("it ends early".to_owned());
    }
    // Its maps are not needed any more, when the picture is copied.
    drop(picture);
    let frame = pixels.finish(false);
    Ok(if sps.conf_win_offsets == [0; 4] { frame } else { frame.cropped(sps) })
}

fn decode_slices(
    slices: &[&NalUnit<'_>],
    sets: &ParameterSets,
    picture: &mut Picture<'_>,
    pixels: &mut Reconstructor<'_>,
    check: Check<'_>,
) -> Result<(), String> {
    let (columns, rows) = picture.sps.pic_size_in_ctbs();
    let mut previous: Option<SliceHeader> = None;
    for slice in slices {
        check().map_err(|error| error.to_string())?;
        let header = SliceHeader::parse(&slice.rbsp, &slice.header, sets, previous.as_ref()).map_err(text)?;
        let data = slice.rbsp.get(header.header_size..).ok_or("a slice is empty")?;
        let qp = header.slice_qp_y(sets).map_err(text)?;
        pixels.start_slice(&header);
        decode_slice_segment(picture, &header, qp, data, pixels).map_err(text)?;
        if let Some(error) = pixels.error.take() {
            return Err(text(error));
        }
        if picture.decoded_ctbs > columns * rows {
            return Err("its slices hold more blocks than the picture".to_owned());
        }
        if !header.dependent_slice_segment_flag {
            previous = Some(header);
        }
    }
    Ok(())
}

/// The parts of a stream, which are counted before a list of them is made.
fn nal_units(stream: &[u8]) -> Result<Vec<NalUnit<'_>>, String> {
    let count = stream.windows(START_CODE.len()).filter(|bytes| **bytes == START_CODE).count();
    if count > MAX_NAL_UNITS {
        return Err(format!("a tile has {count} parts; at most {MAX_NAL_UNITS} are taken"));
    }
    split_annex_b(stream).map(NalUnit::parse).collect::<Result<_, _>>().map_err(text)
}

/// The first bit of a slice.
fn starts_picture(slice: &NalUnit<'_>) -> bool {
    slice.rbsp.first().is_some_and(|byte| byte & 0x80 != 0)
}

#[expect(clippy::needless_pass_by_value, reason = "its form is that of map_err's functions")]
fn text(error: heifer::heifer_hevc_dec::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use heifer::heifer_hevc_dec::decoder;

    use super::*;
    use crate::imaging::heif::HeifPicture;

    const MAX_PIXELS: u64 = 64 * 64;

    /// The stream of a picture of one block, and where its only slice begins.
    fn stream() -> (Vec<u8>, usize) {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/imaging/phone/420.heic");
        let bytes = std::fs::read(path).unwrap();
        let picture = HeifPicture::read(&bytes).unwrap();
        let (stream, _) = picture.tile(picture.tiles[0]).unwrap();
        let slice = nal_units(&stream).unwrap().into_iter().position(|unit| unit.header.unit_type.is_slice());
        let starts = stream.windows(3).enumerate().filter(|(_, bytes)| *bytes == START_CODE);
        let start = starts.map(|(at, _)| at).nth(slice.unwrap()).unwrap();
        (stream, start)
    }

    /// The stream's slice as a later one of the same picture, which begins at the first block again.
    fn further_slice(stream: &[u8], start: usize) -> Vec<u8> {
        let units = nal_units(stream).unwrap();
        let mut sets = ParameterSets::default();
        let slice = units.iter().position(|unit| unit.header.unit_type.is_slice()).unwrap();
        for unit in &units[..slice] {
            sets.add(unit).unwrap();
        }
        let slice = &units[slice];
        let header = SliceHeader::parse(&slice.rbsp, &slice.header, &sets, None).unwrap();
        let (pps, sps) = sets.get(usize::from(header.slice_pic_parameter_set_id)).unwrap();
        let (columns, rows) = sps.pic_size_in_ctbs();
        let address_bits = u32::BITS - (columns * rows - 1).leading_zeros();
        let added = address_bits as usize + usize::from(pps.dependent_slice_segments_enabled_flag);
        let bits = |byte: &u8| (0..8).rev().map(|bit| byte >> bit & 1).collect::<Vec<_>>();
        let mut head: Vec<u8> = slice.rbsp[..header.header_size].iter().flat_map(bits).collect();
        // It ends with a one and zeros up to a whole byte.
        head.truncate(head.iter().rposition(|bit| *bit == 1).unwrap());
        head[0] = 0; // not the first slice
        // Behind that flag, another one and the number of the parameter set, which is 0.
        head.splice(3..3, vec![0; added]);
        head.push(1);
        head.resize(head.len().next_multiple_of(8), 0);
        let head = head.chunks(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit));
        let name = &stream[start..start + START_CODE.len() + 2];
        name.iter().copied().chain(head).chain(slice.rbsp[header.header_size..].iter().copied()).collect()
    }

    fn refusal(stream: &[u8]) -> String {
        decode_picture(stream, MAX_PIXELS, &|| Ok(())).err().unwrap()
    }

    #[test]
    fn the_pixels_are_those_of_the_decoders_own_loop() {
        let (stream, _) = stream();
        let expected = decoder::decode_picture(&stream, decoder::DecodeOptions::default()).unwrap();
        let found = decode_picture(&stream, MAX_PIXELS, &|| Ok(())).unwrap();
        assert_eq!((found.widths, found.heights), (expected.widths, expected.heights));
        assert!(found.planes == expected.planes);
        // What follows the picture is not looked at.
        let twice = [stream.as_slice(), &stream].concat();
        assert!(decode_picture(&twice, MAX_PIXELS, &|| Ok(())).unwrap().planes == expected.planes);
        assert!(refusal_of_size(&stream).contains("more than it should have"));
    }

    fn refusal_of_size(stream: &[u8]) -> String {
        decode_picture(stream, MAX_PIXELS - 1, &|| Ok(())).err().unwrap()
    }

    #[test]
    fn a_picture_is_not_decoded_again_and_again_by_further_slices() {
        let (stream, start) = stream();
        let further = further_slice(&stream, start);
        let repeated = |times: usize| [stream.clone(), further.repeat(times)].concat();
        assert_eq!(refusal(&repeated(1)), "its slices hold more blocks than the picture");
        let checks = AtomicUsize::new(0);
        let counting = || {
            checks.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        assert!(decode_picture(&repeated(500), MAX_PIXELS, &counting).is_err());
        assert_eq!(checks.into_inner(), 2, "the first one too many ends it");
        assert!(refusal(&repeated(2000)).contains("parts; at most"));
    }

    #[test]
    fn decoding_ends_when_it_is_cancelled() {
        let (stream, _) = stream();
        let cancelled = decode_picture(&stream, MAX_PIXELS, &|| Err(crate::error::Error::Cancelled));
        assert!(cancelled.is_err());
    }
}
