//! HEIC files that stand for more work or memory than their photos: tiles, slices, ancillary data.

use std::sync::atomic::{AtomicUsize, Ordering};

use facerec::error::{Error, InputError};
use facerec::imaging::decode::{DecodeLimits, decode, decode_while};
use heifer::heifer_isobmff::HeifFile;
use heifer::heifer_isobmff::boxes::HevcConfig;
use heifer::heifer_isobmff::writer::{HeifWriter, ImageSpec};

use crate::bombs::Bomb;
use crate::decode_limits::hold;
use crate::memory::{Worst, hold_worst};
use crate::support::golden_bytes;

const LIMITS: DecodeLimits = DecodeLimits { max_megapixels: 64 };
/// Side of large.heic.
const SIDE: u32 = 4000;

fn file(name: &str) -> Vec<u8> {
    golden_bytes(&format!("imaging/phone/{name}"))
}

/// The only picture of a file: its parameter sets and its slices.
fn picture(file: &[u8]) -> (HevcConfig, Vec<Vec<u8>>) {
    let file = HeifFile::parse(file).unwrap();
    let config = file.hevc_config(file.primary_id).unwrap().unwrap().clone();
    let data = file.item_data(file.primary_id).unwrap();
    let mut rest = &data[..];
    let mut slices = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk() {
        let (slice, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
        slices.push(slice.to_vec());
        rest = behind;
    }
    assert_eq!((config.nal_length_size, slices.len()), (4, 1));
    (config, slices)
}

/// A photo of one tile, `side` pixels wide and high.
fn one_tile(side: u32, (width, height): (u32, u32), stored: &[u8]) -> Vec<u8> {
    let (config, slices) = picture(stored);
    let mut writer = HeifWriter::new();
    let tile = writer.add_image(&ImageSpec { hidden: true, ..ImageSpec::new(side, side, config, &slices) });
    let grid = writer.add_grid(1, 1, width, height, &[tile], None, None);
    writer.set_primary(grid);
    writer.finish()
}

/// 4096 tiles of 64 x 64, each with as many bytes of parameter sets as are taken.
fn many_tiles() -> Vec<u8> {
    let (mut config, slices) = picture(&file("grey.heic"));
    let taken: usize = config.nal_units.iter().map(Vec::len).sum();
    // A message to the decoder (SEI), which it passes over.
    config.nal_units.push([&[39 << 1, 1][..], &vec![0xAA; (16 << 10) - taken - 2]].concat());
    let mut writer = HeifWriter::new();
    let spec = ImageSpec { hidden: true, ..ImageSpec::new(64, 64, config, &slices) };
    let tiles: Vec<_> = (0..4096).map(|_| writer.add_image(&spec)).collect();
    let grid = writer.add_grid(64, 64, 4096, 4096, &tiles, None, None);
    writer.set_primary(grid);
    writer.finish()
}

/// A small picture beside ancillary data.
fn with_more(add: impl FnOnce(&mut HeifWriter, heifer::heifer_isobmff::ItemId)) -> Vec<u8> {
    let (config, slices) = picture(&file("grey.heic"));
    let mut writer = HeifWriter::new();
    let id = writer.add_image(&ImageSpec::new(64, 64, config, &slices));
    add(&mut writer, id);
    writer.finish()
}

fn bombs() -> Vec<Bomb> {
    let bomb = |what, bytes, pixels| Bomb { what, bytes, pixels };
    let large = file("large.heic");
    let (zeros, items) = (vec![0; 8 << 20], 8000);
    vec![
        bomb("a tile of 16 megapixels for a photo of 100", one_tile(SIDE, (10, 10), &large), 100),
        bomb("a tile of 16 megapixels for a strip", one_tile(SIDE, (SIDE, 1), &large), 4000),
        bomb("16 megapixels in 10 bits without subsampling", large, 16_000_000),
        bomb("4096 tiles with 16 KiB of parameter sets each", many_tiles(), 4096 * 4096),
        bomb("a profile of 8 MiB", with_more(|to, id| to.add_icc_profile(id, &zeros)), 64 * 64),
        bomb("EXIF data of 8 MiB", with_more(|to, id| _ = to.add_exif(id, &zeros)), 64 * 64),
        bomb("an XMP packet of 8 MiB", with_more(|to, id| _ = to.add_xmp(id, &zeros)), 64 * 64),
        bomb(
            "thousands of packets",
            with_more(|to, id| (0..items).for_each(|_| _ = to.add_xmp(id, b""))),
            64 * 64,
        ),
    ]
}

fn find(what: &str) -> Vec<u8> {
    bombs().into_iter().find(|bomb| bomb.what.starts_with(what)).unwrap().bytes
}

#[test]
fn heic_bombs_are_decoded_or_refused_within_the_limits() {
    for bomb in bombs() {
        hold(&bomb);
    }
}

#[test]
fn heic_tiles_out_of_proportion_to_the_photo_are_refused_with_the_reason() {
    let reason = |what: &str| match decode(&find(what), LIMITS) {
        Err(Error::Input(InputError::Undecodable { format: "HEIC", reason })) => reason,
        other => panic!("{what}: {:?}", other.map(|photo| (photo.width, photo.height))),
    };
    assert_eq!(
        reason("a tile of 16 megapixels for a photo"),
        "it has 1 tiles of 4000 x 4000 pixels for a photo of 10 x 10"
    );
    assert_eq!(
        reason("a tile of 16 megapixels for a strip"),
        "it has 1 tiles of 4000 x 4000 pixels for a photo of 4000 x 1"
    );
    assert!(reason("a profile").contains("bytes describe it; at most 262144 are taken"));
    // A part of a tile is a photo all the same.
    let part = decode(&one_tile(64, (30, 20), &file("grey.heic")), LIMITS).unwrap();
    assert_eq!((part.width, part.height), (30, 20));
}

#[test]
fn heic_metadata_that_is_not_needed_is_not_read() {
    let plain = decode(&with_more(|_, _| ()), LIMITS).unwrap();
    for what in ["EXIF", "an XMP"] {
        assert_eq!(decode(&find(what), LIMITS).unwrap(), plain, "{what}");
    }
}

#[test]
fn heic_decoding_ends_when_it_is_cancelled() {
    for name in ["grey.heic", "420.heic", "portrait.heic", "orientation_6.heic"] {
        let bytes = file(name);
        let count = AtomicUsize::new(0);
        let checked = decode_while(&bytes, LIMITS, &|| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        checked.unwrap();
        let checks = count.load(Ordering::Relaxed);
        assert!(checks > 0, "{name} is read without a check");
        if name == "portrait.heic" {
            assert!(checks >= 12, "each of its 12 tiles is decoded after a check: {checks}");
        }
        for last in 0..checks {
            let count = AtomicUsize::new(0);
            let cancelled = decode_while(&bytes, LIMITS, &|| {
                if count.fetch_add(1, Ordering::Relaxed) < last { Ok(()) } else { Err(Error::Cancelled) }
            });
            assert!(matches!(cancelled, Err(Error::Cancelled)), "{name} at check {last} of {checks}");
        }
    }
}

#[test]
fn the_worst_heic_takes_no_more_memory_than_is_stated() {
    let what = "HEIC, 10 bits, without subsampling";
    hold_worst(vec![Worst { what, bytes: file("large.heic"), status: 200 }]);
}
