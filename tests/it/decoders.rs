//! Decoders against Pillow: every format and kind of pixel, odd sizes, damaged and hostile files.
//! The files are made by `tests/golden/imaging/make_decoders.py`.

use facerec::error::{Error, InputError};
use facerec::imaging::decode::{DecodeLimits, decode};
use facerec::imaging::encode::encode_png;
use facerec::imaging::orient::{Orientations, orient};
use facerec::imaging::{DecodedRgb, OrientedRgb};

const LIMITS: DecodeLimits = DecodeLimits { max_megapixels: 64 };

/// One row of `decoders/expected.json`.
#[derive(serde::Deserialize)]
struct Expected {
    file: String,
    width: usize,
    height: usize,
    tolerance: u8,
    pixels: String,
}

fn golden(path: &str) -> Vec<u8> {
    let path = format!("{}/tests/golden/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn decoders_golden(file: &str) -> Vec<u8> {
    golden(&format!("imaging/decoders/{file}"))
}

fn expectations() -> Vec<Expected> {
    serde_json::from_slice(&decoders_golden("expected.json")).unwrap()
}

fn upright(bytes: &[u8]) -> Result<OrientedRgb, Error> {
    Ok(orient(decode(bytes, LIMITS)?, Orientations::All))
}

fn input_error(bytes: &[u8]) -> InputError {
    match decode(bytes, LIMITS) {
        Err(Error::Input(error)) => error,
        other => {
            panic!("expected an input error, found {:?}", other.map(|photo| (photo.width, photo.height)))
        }
    }
}

/// Pixels of an expected PNG, read without the code under test.
fn pixels_of(png: &[u8]) -> Vec<u8> {
    image::load_from_memory(png).unwrap().to_rgb8().into_raw()
}

#[test]
fn every_kind_of_file_has_pillows_pixels() {
    let rows = expectations();
    assert!(rows.len() > 90, "only {} files", rows.len());
    let mut wrong = Vec::new();
    for row in rows {
        let bytes = decoders_golden(&row.file);
        let photo = match upright(&bytes) {
            Ok(photo) => photo,
            Err(error) => {
                wrong.push(format!("{}: {error}", row.file));
                continue;
            }
        };
        if (photo.width(), photo.height()) != (row.width, row.height) {
            wrong.push(format!("{}: {} x {}", row.file, photo.width(), photo.height()));
            continue;
        }
        let expected = pixels_of(&decoders_golden(&row.pixels));
        assert_eq!(photo.view().data.len(), expected.len(), "{}", row.file);
        let worst = photo.view().data.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
        if worst > Some(row.tolerance) {
            wrong.push(format!("{}: off by {worst:?}, tolerance {}", row.file, row.tolerance));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_png_of_an_upright_photo_holds_its_pixels() {
    let photo = upright(&decoders_golden("orientation_6.png")).unwrap();
    let png = encode_png(&photo).unwrap();
    let again = upright(&png).unwrap();
    assert_eq!((again.width(), again.height(), again.orientation()), (photo.width(), photo.height(), 1));
    assert_eq!(again.view().data, photo.view().data);

    let empty = OrientedRgb::from_upright(0, 0, Vec::new()).unwrap();
    assert!(encode_png(&empty).unwrap_err().to_string().contains("a PNG of 0 x 0 pixels"));
}

/// Decoders of JPEG differ by a grey level, so its pixels can't prove the turning; but turning by a
/// JPEG's EXIF data is turning by that of the PNG, whose pixels are Pillow's.
#[test]
fn the_orientation_of_a_jpeg_is_applied_as_that_of_a_png() {
    for orientation in 1..=8_u8 {
        let jpeg = decoders_golden(&format!("orientation_{orientation}.jpg"));
        let png = decoders_golden(&format!("orientation_{orientation}.png"));
        let stored = decode(&jpeg, LIMITS).unwrap();
        let by_png = DecodedRgb { orientation: decode(&png, LIMITS).unwrap().orientation, ..stored.clone() };
        let by_jpeg = orient(stored, Orientations::All);
        assert_eq!(by_jpeg.orientation(), orientation);
        assert_eq!(by_jpeg, orient(by_png, Orientations::All));
    }
}

#[test]
fn rotations_only_leaves_mirrored_photos_as_they_lie() {
    for orientation in 1..=8_u8 {
        let bytes = decoders_golden(&format!("orientation_{orientation}.png"));
        let stored = decode(&bytes, LIMITS).unwrap();
        let photo = orient(stored.clone(), Orientations::RotationsOnly);
        if matches!(orientation, 3 | 6 | 8) {
            assert_eq!(photo, orient(stored, Orientations::All));
        } else {
            assert_eq!((photo.orientation(), photo.view().data), (1, stored.data.as_slice()));
        }
    }
}

#[test]
fn a_file_cut_short_is_an_error_or_has_all_its_pixels() {
    for row in expectations() {
        let bytes = decoders_golden(&row.file);
        let whole = decode(&bytes, LIMITS).unwrap();
        for length in (0..bytes.len()).step_by(bytes.len().div_ceil(200)).chain([bytes.len() - 1]) {
            match decode(&bytes[..length], LIMITS) {
                Err(Error::Input(_)) => {}
                Ok(photo) if photo.data == whole.data => {} // what is missing comes after the pixels
                other => {
                    panic!("{} cut to {length} of {}: {:?}", row.file, bytes.len(), other.map(|p| p.width))
                }
            }
        }
    }
    let photo = golden("photos/obama.jpg");
    for length in [photo.len() / 2, photo.len() - 10, photo.len() - 3] {
        let error = input_error(&photo[..length]).to_string();
        assert_eq!(error, "the JPEG image can't be decoded: it is cut short: pixels are missing");
    }
    let whole = decode(&photo, LIMITS).unwrap();
    for length in [photo.len() - 2, photo.len() - 1] {
        assert_eq!(decode(&photo[..length], LIMITS).unwrap(), whole, "only the end-of-image marker is cut");
    }
}

#[test]
fn what_is_no_image_is_refused_with_what_it_looks_like() {
    for (bytes, found) in [(&b""[..], "no bytes at all"), (b"this is no image", "text")] {
        assert_eq!(input_error(bytes), InputError::UnknownFormat { found: found.into() });
    }
    let message = input_error(b"hello").to_string();
    assert_eq!(message, "not an image: expected JPEG, PNG, WebP, GIF, BMP or TIFF, found text");
}

/// A PNG header of the given size in front of nothing: a decoder that allocated for it would show.
pub fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut png = decoders_golden("rgb.png");
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    png
}

/// CRC-32 as PNG has it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| (c >> 1) ^ if c & 1 == 1 { 0xEDB8_8320 } else { 0 })
    })
}

#[test]
fn dimensions_are_refused_before_pixels_are_decoded() {
    let refused = |width, height| InputError::TooManyPixels { width, height, limit_megapixels: 64 };
    assert_eq!(input_error(&png_header(60_000, 60_000)), refused(60_000, 60_000));
    assert_eq!(input_error(&png_header(8_000, 8_001)), refused(8_000, 8_001));
    assert!(matches!(input_error(&png_header(8_000, 8_000)), InputError::Undecodable { format: "PNG", .. }));

    let mut jpeg = decoders_golden("444.jpg");
    let frame = jpeg.windows(4).position(|w| w == [0xFF, 0xC0, 0, 17]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xEA, 0x60, 0xEA, 0x60]);
    assert_eq!(input_error(&jpeg), refused(60_000, 60_000));

    let mut gif = decoders_golden("palette.gif");
    gif[6..10].copy_from_slice(&[0x60, 0xEA, 0x60, 0xEA]);
    assert_eq!(input_error(&gif), refused(60_000, 60_000));

    let mut bmp = decoders_golden("rgb.bmp");
    bmp[18..22].copy_from_slice(&60_000_u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&60_000_u32.to_le_bytes());
    assert_eq!(input_error(&bmp), refused(60_000, 60_000));

    let tiny = DecodeLimits { max_megapixels: 0 };
    let error = decode(&decoders_golden("1x1.png"), tiny).unwrap_err().to_string();
    assert_eq!(error, "the image has 1 x 1 pixels; at most 0 megapixels are taken");
}

#[test]
fn a_progressive_jpeg_has_a_limited_number_of_scans() {
    let jpeg = decoders_golden("grey_progressive.jpg");
    let scan = jpeg.windows(2).rposition(|w| w == [0xFF, 0xDA]).unwrap();
    let (body, end) = jpeg.split_at(jpeg.len() - 2);
    let with_scans = |more: usize| [body, &body[scan..].repeat(more), end].concat();
    assert!(decode(&with_scans(10), LIMITS).is_ok());
    // Where its data is broken, libjpeg also finds scans within what has the look of a segment.
    let hidden = body[scan..].repeat(80);
    let len = u16::try_from(hidden.len() + 2).unwrap().to_be_bytes();
    for jpeg in [with_scans(80), [body, &[0xFF, 0x02], &len, &hidden, end].concat()] {
        let reason = input_error(&jpeg).to_string();
        assert!(reason.contains("scans, at most 64 are taken"), "{reason}");
    }
}

/// EXIF data, little endian: one directory at offset 8 with these entries (tag, type, count, value).
fn exif_data(entries: &[(u16, u16, u32, u32)], next: u32) -> Vec<u8> {
    let mut data = b"II*\0\x08\0\0\0".to_vec();
    data.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        data.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        data.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
    }
    data.extend(next.to_le_bytes());
    data
}

/// The orientation found when a photo's JPEG file has this EXIF data.
fn orientation_by(exif: &[u8]) -> u8 {
    let mut jpeg = b"\xFF\xD8\xFF\xE1".to_vec();
    jpeg.extend(((exif.len() + 8) as u16).to_be_bytes());
    jpeg.extend(b"Exif\0\0");
    jpeg.extend(exif);
    jpeg.extend(&decoders_golden("444.jpg")[2..]);
    upright(&jpeg).unwrap().orientation()
}

#[test]
fn broken_and_hostile_exif_is_no_orientation() {
    const ORIENTATION: u16 = 0x0112;
    const EXIF_POINTER: u16 = 0x8769;
    let short = |value| exif_data(&[(ORIENTATION, 3, 1, value)], 0);
    assert_eq!(orientation_by(&short(6)), 6);
    for value in [0, 9, 255, 256 + 6, 65535] {
        assert_eq!(orientation_by(&short(value)), 1, "value {value}");
    }
    assert_eq!(orientation_by(b""), 1);
    assert_eq!(orientation_by(b"II*"), 1);
    assert_eq!(orientation_by(&[0xFF; 64]), 1);
    assert_eq!(orientation_by(b"II*\0\xFF\xFF\xFF\xFF"), 1, "directory outside the data");
    assert_eq!(orientation_by(&exif_data(&[(ORIENTATION, 2, 4, 0x3636_3636)], 0)), 1, "text");
    assert_eq!(orientation_by(&exif_data(&[(ORIENTATION, 3, u32::MAX, 8)], 0)), 1, "endless value");
    assert_eq!(orientation_by(&exif_data(&[(ORIENTATION, 3, 0, 6)], 0)), 1, "no value");
    // The rest may be broken: the orientation beside it still counts.
    assert_eq!(orientation_by(&exif_data(&[(ORIENTATION, 3, 1, 6)], 8)), 6, "next directory is this one");
    let recursive = [(ORIENTATION, 3, 1, 6), (EXIF_POINTER, 4, 1, 8), (0x010F, 2, 99_999, 7)];
    assert_eq!(orientation_by(&exif_data(&recursive, 0)), 6, "directory within itself, endless text");
    let pointers = vec![(EXIF_POINTER, 4, 1, 8); 4_000];
    assert_eq!(orientation_by(&exif_data(&pointers, 8)), 1, "thousands of directories");
}

/// A fixed sequence of numbers that look random (xorshift64*), so that a failure can be repeated.
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }
}

#[test]
fn damaged_files_never_panic() {
    let small = DecodeLimits { max_megapixels: 1 };
    // More rounds for a longer search: FACEREC_FUZZ_ROUNDS=10000 cargo test --release damaged
    let rounds = std::env::var("FACEREC_FUZZ_ROUNDS").map_or(20, |n| n.parse().unwrap());
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    for row in expectations() {
        let bytes = decoders_golden(&row.file);
        for round in 0..rounds {
            let mut damaged = bytes.clone();
            for _ in 0..=noise.below(8) {
                // Headers lie in front: half of the damage goes there.
                let end = if noise.below(2) == 0 { damaged.len().min(200) } else { damaged.len() };
                let at = noise.below(end);
                damaged[at] = if noise.below(2) == 0 {
                    noise.below(256) as u8
                } else {
                    damaged[at] ^ 1 << noise.below(8)
                };
            }
            if noise.below(4) == 0 {
                damaged.truncate(noise.below(damaged.len()));
            }
            let outcome = std::panic::catch_unwind(|| match decode(&damaged, small) {
                Ok(photo) => {
                    let DecodedRgb { width, height, ref data, .. } = photo;
                    assert!(width > 0 && height > 0 && data.len() == width * height * 3);
                    let _ = orient(photo, Orientations::All);
                }
                Err(Error::Input(_)) => {}
                Err(other) => panic!("{other}"),
            });
            assert!(outcome.is_ok(), "{} in round {round}", row.file);
        }
    }
}

#[test]
fn noise_behind_every_magic_number_never_panics() {
    let small = DecodeLimits { max_megapixels: 1 };
    let mut noise = Noise(7);
    let magics: [&[u8]; 8] = [
        b"",
        b"\xFF\xD8\xFF",
        b"\x89PNG\r\n\x1A\n",
        b"RIFF\0\x01\0\0WEBP",
        b"GIF89a",
        b"II*\0",
        b"MM\0*",
        b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
    ];
    for magic in magics {
        for _ in 0..200 {
            let mut bytes = magic.to_vec();
            bytes.extend((0..noise.below(600)).map(|_| noise.below(256) as u8));
            if let Ok(photo) = decode(&bytes, small) {
                assert_eq!(photo.data.len(), photo.width * photo.height * 3);
            }
        }
    }
}

/// Files as cameras and programs write them, which some decoders refuse.
#[test]
fn photos_with_flaws_that_do_not_touch_pixels_are_read() {
    let cases = |name: &str| golden(&format!("cases/{name}"));
    let sizes = [
        ("noeoi_zeros.jpg", (485, 700), 1),
        ("no_iend.png", (443, 640), 1),
        ("ori_eXIf_prefix.png", (443, 640), 6),
        ("gif_small_screen.gif", (443, 640), 1),
        ("pal.tif", (443, 640), 1),
        ("ycbcr_jpeg.tif", (443, 640), 1),
    ];
    for (name, size, orientation) in sizes {
        let photo = upright(&cases(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(((photo.width(), photo.height()), photo.orientation()), (size, orientation), "{name}");
    }
}

/// One row of `matrix/expected.json`.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum MatrixRow {
    Read { file: String, width: usize, height: usize, orientation: u8, tolerance: u8, pixels: String },
    Refused { file: String, unsupported: bool },
}

/// Colour types, depths, compressions, interlacing and orientations of each format (`docs/photo-formats.md`).
/// The files are made by `tests/golden/imaging/matrix.py`.
#[test]
fn the_whole_matrix_of_each_format_has_pillows_pixels() {
    let rows: Vec<MatrixRow> = serde_json::from_slice(&golden("imaging/matrix/expected.json")).unwrap();
    assert!(rows.len() > 150, "only {} files", rows.len());
    let wrong: Vec<String> = rows.iter().filter_map(|row| fault_of(row).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn fault_of(row: &MatrixRow) -> Result<(), String> {
    let read = |file: &str| upright(&golden(&format!("imaging/matrix/{file}")));
    match row {
        MatrixRow::Refused { file, unsupported } => match read(file) {
            Err(Error::Input(InputError::UnreadFormat { .. })) if *unsupported => Ok(()),
            other => Err(format!("{file}: {:?}", other.map(|photo| photo.width()))),
        },
        MatrixRow::Read { file, width, height, orientation, tolerance, pixels } => {
            let photo = read(file).map_err(|error| format!("{file}: {error}"))?;
            let found = (photo.width(), photo.height(), photo.orientation());
            if found != (*width, *height, *orientation) {
                return Err(format!("{file}: {found:?}, expected {:?}", (width, height, orientation)));
            }
            let data = photo.view().data;
            if *tolerance == 0 {
                let same = sha256(data) == *pixels;
                return if same { Ok(()) } else { Err(format!("{file}: other pixels")) };
            }
            let expected =
                (0..data.len()).map(|at| u8::from_str_radix(&pixels[at * 2..at * 2 + 2], 16).unwrap());
            let worst = data.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
            if worst > Some(*tolerance) { Err(format!("{file}: off by {worst:?}")) } else { Ok(()) }
        }
    }
}

fn hex_digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().flat_map(|byte| [byte >> 4, byte & 15]).map(hex_digit).collect()
}
