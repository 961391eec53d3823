//! HEIC against libheif: colours, depths, tiles, crops and orientations, damaged and hostile files.
//! The files are made by `tests/golden/imaging/make_phone.py`.

use facerec::error::{Error, InputError};
use facerec::imaging::decode::{DecodeLimits, decode};
use facerec::imaging::orient::{Orientations, orient};
use facerec::imaging::{DecodedRgb, OrientedRgb};
use serde_json::json;

use crate::support::app::{Form, Service};
use crate::support::faces::Random;
use crate::support::golden_bytes;

const LIMITS: DecodeLimits = DecodeLimits { max_megapixels: 64 };

/// One row of `phone/expected.json`.
#[derive(serde::Deserialize)]
struct Expected {
    file: String,
    width: usize,
    height: usize,
    pixels: String,
    shrunk: usize,
    tolerance: u8,
    mean: f64,
}

fn file(name: &str) -> Vec<u8> {
    golden_bytes(&format!("imaging/phone/{name}"))
}

fn expectations() -> Vec<Expected> {
    serde_json::from_slice(&file("expected.json")).unwrap()
}

fn upright(bytes: &[u8]) -> Result<OrientedRgb, Error> {
    Ok(orient(decode(bytes, LIMITS)?, Orientations::All))
}

/// Why a file is refused.
fn refusal(bytes: &[u8]) -> String {
    match decode(bytes, LIMITS) {
        Err(Error::Input(InputError::Undecodable { format: "HEIC", reason })) => reason,
        other => {
            panic!("expected a HEIC that can't be decoded, found {:?}", other.map(|p| (p.width, p.height)))
        }
    }
}

/// Replaces what stands once in a file.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let places: Vec<usize> =
        (0..=bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    let [at] = places[..] else { panic!("{from:?} is there {} times", places.len()) };
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn every_kind_of_file_has_libheifs_pixels() {
    let rows = expectations();
    assert!(rows.len() > 15, "only {} files", rows.len());
    for Expected { file: name, width, height, pixels, shrunk, tolerance, mean } in rows {
        let photo = upright(&file(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((photo.width(), photo.height()), (width, height), "{name}");
        let expected = image::load_from_memory(&file(&pixels)).unwrap().to_rgb8();
        assert_eq!(expected.dimensions(), ((width / shrunk) as u32, (height / shrunk) as u32), "{name}");
        let found = reduced(&photo, shrunk);
        let differences = || found.iter().zip(expected.as_raw()).map(|(a, b)| a.abs_diff(*b));
        let worst = differences().max().unwrap();
        let found_mean = differences().map(f64::from).sum::<f64>() / found.len() as f64;
        assert!(
            worst <= tolerance && found_mean <= mean,
            "{name}: off by {worst}, {found_mean:.3} on average"
        );
    }
}

/// The means of squares of a side of `factor` pixels.
fn reduced(photo: &OrientedRgb, factor: usize) -> Vec<u8> {
    let stride = photo.width() * 3;
    let samples = photo.view().data;
    let mut means = Vec::new();
    for y in (0..photo.height()).step_by(factor) {
        for x in (0..photo.width()).step_by(factor) {
            for channel in 0..3 {
                let rows = (y..y + factor).map(|row| row * stride);
                let square =
                    rows.flat_map(|row| (x..x + factor).map(move |column| row + column * 3 + channel));
                let sum: usize = square.map(|at| usize::from(samples[at])).sum();
                means.push(((sum + factor * factor / 2) / (factor * factor)) as u8);
            }
        }
    }
    means
}

/// The EXIF data of these files says the same as the container: applied twice, a photo would lie again.
#[test]
fn the_orientation_of_the_container_is_applied_once() {
    let upright_pixels = decode(&file("orientation_1.heic"), LIMITS).unwrap();
    for orientation in 1..=8_u8 {
        let bytes = file(&format!("orientation_{orientation}.heic"));
        let stored = decode(&bytes, LIMITS).unwrap();
        assert_eq!(stored.data, upright_pixels.data, "all eight hold the same pixels");
        let png = golden_bytes(&format!("imaging/decoders/orientation_{orientation}.png"));
        let by_png = DecodedRgb { orientation: decode(&png, LIMITS).unwrap().orientation, ..stored.clone() };
        let turned = orient(stored, Orientations::All);
        assert_eq!(turned.orientation(), orientation);
        assert_eq!(turned, orient(by_png, Orientations::All));
    }
}

#[test]
fn a_person_is_recognised_on_an_iphones_photo() {
    let service = Service::empty(&[]);
    let enrol = Form::new().text("name", "Barack Obama");
    let enrol = enrol.file("photos", "obama.jpg", &crate::support::photo("obama.jpg"));
    service.post_form("/v1/people", enrol).expect(201);
    let answer = service.post_photo("/v1/recognize", file("portrait.heic")).expect(200);
    assert_eq!(answer["image"], json!({"width": 300, "height": 400, "orientation": 6}));
    assert_eq!(answer["faces"][0]["person"]["name"], "Barack Obama", "{answer}");
    assert!(answer["faces"][0]["distance"].as_f64().unwrap() < 0.4, "{answer}");
}

#[test]
fn dimensions_are_refused_before_pixels_are_decoded() {
    // The size of a grid stands in its own data, that of a picture in `ispe`.
    let grid =
        replaced(&file("portrait.heic"), &[0, 0, 2, 3, 1, 144, 1, 44], &[0, 0, 2, 3, 255, 255, 255, 255]);
    assert!(refusal(&grid).contains("do not make 65535 x 65535"), "{}", refusal(&grid));
    let size = |width: u32, height: u32| {
        [b"ispe\0\0\0\0".as_slice(), &width.to_be_bytes(), &height.to_be_bytes()].concat()
    };
    let picture = replaced(&file("grey.heic"), &size(64, 64), &size(60_000, 60_000));
    let refused = InputError::TooManyPixels { width: 60_000, height: 60_000, limit_megapixels: 64 };
    let Err(Error::Input(found)) = decode(&picture, LIMITS) else { panic!("decoded") };
    assert_eq!(found, refused);
    // What the container says binds the stream, too.
    let small = replaced(&file("grey.heic"), &size(64, 64), &size(320, 640));
    assert_eq!(refusal(&small), "it should have 320 x 640 pixels, 64 x 64 are stored");
    let none = DecodeLimits { max_megapixels: 0 };
    let error = decode(&file("portrait.heic"), none).unwrap_err().to_string();
    assert_eq!(error, "the image has 400 x 300 pixels; at most 0 megapixels are taken");
}

/// A few bytes must not be decoded again and again as the tiles of one large photo.
#[test]
fn tiles_hold_no_more_bytes_than_the_file() {
    let bytes = file("portrait.heic");
    let tiles = bytes.windows(4).position(|w| w == b"dimg").unwrap() + 8;
    let shared = |tile: u8| {
        let mut shared = bytes.clone();
        shared[tiles..tiles + 24].copy_from_slice(&[0, tile].repeat(12));
        decode(&shared, LIMITS).map_err(|error| error.to_string())
    };
    let outcomes: Vec<_> = (2..=13).map(shared).collect();
    let refused = "the HEIC image can't be decoded: its tiles hold more bytes than the file";
    assert!(
        outcomes.iter().any(|outcome| outcome.as_ref().is_err_and(|error| error == refused)),
        "large tiles"
    );
    assert!(outcomes.iter().any(Result::is_ok), "small tiles");
    let many = replaced(&bytes, &[0, 0, 2, 3, 1, 144, 1, 44], &[0, 0, 255, 255, 1, 144, 1, 44]);
    assert_eq!(refusal(&many), "it has 12 tiles for 256 rows of 256; at most 4096 are taken");
}

#[test]
fn what_is_no_hevc_picture_is_refused_by_name() {
    let bytes = file("grey.heic");
    let avif = replaced(&bytes, b"hvc1", b"av01");
    assert_eq!(refusal(&avif), "its pixels are stored as 'av01', which is not read");
    let cropped = replaced(&bytes, b"clap\0\0\0\x30", b"clap\0\0\0\x90");
    assert_eq!(refusal(&cropped), "its crop reaches outside the picture");
    assert!(refusal(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").contains("meta"));
}

#[test]
fn a_file_cut_short_is_an_error() {
    for name in ["portrait.heic", "profile.heic", "ten_bits.heic"] {
        let bytes = file(name);
        for length in (13..bytes.len()).step_by(bytes.len().div_ceil(100)).chain([bytes.len() - 1]) {
            match decode(&bytes[..length], LIMITS) {
                Err(Error::Input(_)) => {}
                other => panic!("{name} cut to {length}: {:?}", other.map(|photo| photo.width)),
            }
        }
    }
    let service = Service::empty(&[]);
    let half = file("portrait.heic")[..9_000].to_vec();
    service.post_photo("/v1/recognize", half).problem(422, "undecodable_image");
}

#[test]
fn damaged_files_never_panic() {
    let small = DecodeLimits { max_megapixels: 1 };
    // More rounds for a longer search: FACEREC_FUZZ_ROUNDS=10000 cargo test --release --features phone-photos phone
    let rounds = std::env::var("FACEREC_FUZZ_ROUNDS").map_or(20, |n| n.parse().unwrap());
    let mut noise = Random::new(7);
    for row in expectations() {
        let bytes = file(&row.file);
        for round in 0..rounds {
            let mut damaged = bytes.clone();
            for _ in 0..=noise.below(6) {
                let at = noise.below(damaged.len());
                damaged[at] = if noise.below(2) == 0 {
                    noise.below(256) as u8
                } else {
                    damaged[at] ^ 1 << noise.below(8)
                };
            }
            match decode(&damaged, small) {
                Ok(photo) => {
                    assert_eq!(
                        photo.data.len(),
                        photo.width * photo.height * 3,
                        "{} in round {round}",
                        row.file
                    );
                    let _ = orient(photo, Orientations::All);
                }
                Err(Error::Input(InputError::Undecodable { reason, .. })) => {
                    assert_ne!(reason, "the decoder gave up", "{} in round {round}", row.file);
                }
                Err(Error::Input(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
}
