//! Good photos, made of the sample's, and who is in each.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat};
use serde_json::{Value, json};

use crate::common::server::sample;

/// Pixels of the large photo, at least: what a phone's camera makes.
const LARGE_PIXELS: u32 = 12_000_000;
/// Of what is encoded here; cameras use about this.
const JPEG_QUALITY: u8 = 90;

/// An enrolled person of the sample.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    /// The roster's cell, as JSON.
    id: &'static str,
}

const OBAMA: Known = Known { name: "Barack Obama", id: "20090044" };
const BIDEN: Known = Known { name: "Joe Biden", id: "\"0046\"" };
const COLLINS: Known = Known { name: "Eileen Collins", id: "\"STS-93\"" };

/// A photo, and the people that the response must name.
pub(crate) struct Photo {
    pub(crate) what: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) people: &'static [Known],
}

impl Photo {
    fn new(what: impl Into<String>, bytes: Vec<u8>, people: &'static [Known]) -> Self {
        Self { what: what.into(), bytes, people }
    }

    /// The elements of the response of `/recognize_faces`, in any order.
    pub(crate) fn expected(&self) -> Vec<Value> {
        let entry = |known: &Known| {
            let id: Value = serde_json::from_str(known.id).unwrap();
            json!({"Student Name": known.name, "ID": id})
        };
        self.people.iter().map(entry).collect()
    }
}

/// All good photos.
pub(crate) struct Photos {
    pub(crate) group: Photo,
    pub(crate) large: Photo,
    /// The group photo, stored in each of the eight EXIF orientations.
    pub(crate) exif: Vec<Photo>,
    /// Other sizes, formats and people.
    pub(crate) others: Vec<Photo>,
}

impl Photos {
    pub(crate) fn prepare() -> Self {
        let group_bytes = sample("group.jpg");
        let group = image::load_from_memory(&group_bytes).unwrap();
        let small = scaled(&group, 0.6);
        let exif = (1..=8).map(|orientation| {
            let bytes = stored_in(&small, orientation);
            Photo::new(format!("group photo, orientation {orientation}"), bytes, GROUP)
        });
        Self {
            large: Photo::new("group photo, 12 megapixels", jpeg(&large(&group)), GROUP),
            exif: exif.collect(),
            others: others(&group, &small),
            group: Photo::new("group photo", group_bytes, GROUP),
        }
    }
}

const GROUP: &[Known] = &[OBAMA, BIDEN, COLLINS];

/// The coarse ones are of the speech: the two others of the group have doubles among the visitors.
fn others(group: &DynamicImage, small: &DynamicImage) -> Vec<Photo> {
    let speech_bytes = sample("speech.jpg");
    let speech = image::load_from_memory(&speech_bytes).unwrap();
    let portrait = |name: &str| sample(&format!("people/{name}/portrait.jpg"));
    let grey = DynamicImage::ImageLuma8(group.to_luma8());
    vec![
        Photo::new("speech", speech_bytes, &[OBAMA]),
        Photo::new("portrait of Obama", portrait(OBAMA.name), &[OBAMA]),
        Photo::new("portrait of Biden", portrait(BIDEN.name), &[BIDEN]),
        Photo::new("portrait of Collins", portrait(COLLINS.name), &[COLLINS]),
        Photo::new("group photo at 60 %, JPEG", jpeg(small), GROUP),
        Photo::new("group photo at 60 %, PNG", encoded(small, ImageFormat::Png), GROUP),
        Photo::new("group photo at 60 %, BMP", encoded(small, ImageFormat::Bmp), GROUP),
        Photo::new("group photo at 60 %, TIFF", encoded(small, ImageFormat::Tiff), GROUP),
        Photo::new("group photo at 60 %, WebP", encoded(small, ImageFormat::WebP), GROUP),
        Photo::new("group photo, grey", jpeg(&grey), GROUP),
        Photo::new("group photo at 150 %", jpeg(&scaled(group, 1.5)), GROUP),
        Photo::new("speech at 200 %", jpeg(&scaled(&speech, 2.0)), &[OBAMA]),
        Photo::new("speech at 70 %, GIF", encoded(&scaled(&speech, 0.7), ImageFormat::Gif), &[OBAMA]),
        Photo::new("speech at 50 %", jpeg(&scaled(&speech, 0.5)), &[OBAMA]),
    ]
}

pub(crate) fn scaled(photo: &DynamicImage, factor: f64) -> DynamicImage {
    let side = |pixels: u32| (f64::from(pixels) * factor).ceil() as u32;
    photo.resize_exact(side(photo.width()), side(photo.height()), FilterType::Triangle)
}

fn large(photo: &DynamicImage) -> DynamicImage {
    let pixels = f64::from(photo.width() * photo.height());
    scaled(photo, (f64::from(LARGE_PIXELS) / pixels).sqrt())
}

pub(crate) fn jpeg(photo: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    photo.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)).unwrap();
    bytes
}

pub(crate) fn encoded(photo: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let plain = if format == ImageFormat::Gif { photo.to_rgba8().into() } else { photo.clone() };
    plain.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A JPEG whose pixels are turned and mirrored such that it is upright in this EXIF orientation.
fn stored_in(upright: &DynamicImage, orientation: u8) -> Vec<u8> {
    let turned = match orientation {
        2 => upright.fliph(),
        3 => upright.rotate180(),
        4 => upright.flipv(),
        5 => upright.rotate90().fliph(),
        6 => upright.rotate270(),
        7 => upright.rotate270().fliph(),
        8 => upright.rotate90(),
        _ => upright.clone(),
    };
    let mut bytes = jpeg(&turned);
    bytes.splice(2..2, exif(orientation));
    bytes
}

/// The EXIF segment of a JPEG with one entry, the orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let tiff = [
        b"II*\0\x08\0\0\0".as_slice(), // little-endian, the directory begins at 8
        b"\x01\0",                     // one entry
        b"\x12\x01\x03\0\x01\0\0\0",   // the orientation, one u16
        &[orientation, 0, 0, 0],
        b"\0\0\0\0", // no other directory
    ]
    .concat();
    let length = (2 + 6 + tiff.len()) as u16;
    [b"\xFF\xE1".as_slice(), &length.to_be_bytes(), b"Exif\0\0", &tiff].concat()
}
