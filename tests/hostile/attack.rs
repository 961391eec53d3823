//! What is sent: thirteen image formats, each broken in many ways, and forms that are none.

use std::path::Path;

use crate::bombs::{self, Bomb};
use crate::common::client::{self, FORM, Wire};
use crate::common::random::Random;
use crate::common::server::sample;
use crate::damage;
use crate::workbook::Workbooks;

/// One hostile upload.
pub(crate) struct Attack {
    pub(crate) what: String,
    pub(crate) request: Wire,
    /// Whether the server may close without a response: the request breaks HTTP or never ends.
    pub(crate) may_be_cut: bool,
    /// The only status that is right, beside "too much at the moment"; `None` where several may be.
    pub(crate) expected: Option<u16>,
}

/// Where all of it goes.
const PATH: &str = "/recognize_faces";

/// A file of each format, small, so that most of it matters. HEIC is read by builds with the feature `phone-photos` only.
const FORMATS: [(&str, &str); 13] = [
    ("JPEG", "420.jpg"),
    ("progressive JPEG", "progressive.jpg"),
    ("CMYK JPEG", "cmyk.jpg"),
    ("PNG", "rgb.png"),
    ("16-bit PNG", "rgba_16bit.png"),
    ("palette PNG", "palette_4bit.png"),
    ("WebP", "lossy.webp"),
    ("lossless WebP", "lossless_alpha.webp"),
    ("GIF", "interlaced.gif"),
    ("BMP", "palette.bmp"),
    ("TIFF", "rgb_lzw.tif"),
    ("animation", "animated.webp"),
    ("HEIC", "../phone/profile.heic"),
];

/// The photo of 12 megapixels.
pub(crate) fn large_photo() -> Vec<u8> {
    golden("photos/group_12mp.jpg")
}

fn golden(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files to start from.
pub(crate) struct Corpus {
    files: Vec<(&'static str, Vec<u8>)>,
    bombs: Vec<Bomb>,
    workbooks: Workbooks,
}

impl Corpus {
    pub(crate) fn load() -> Self {
        let read =
            |(format, file): (&'static str, &str)| (format, golden(&format!("imaging/decoders/{file}")));
        let bombs = bombs::all(&|file| golden(&format!("imaging/decoders/{file}")));
        Self { files: FORMATS.map(read).into(), bombs, workbooks: Workbooks::new(sample("roster.xlsx")) }
    }

    /// The small photos that stand for much work or memory.
    pub(crate) fn bombs(&self) -> &[Bomb] {
        &self.bombs
    }

    /// The most pixels that the header of an attack claims and that are taken.
    pub(crate) fn most_pixels(&self) -> u64 {
        self.bombs.iter().map(|bomb| bomb.pixels).max().unwrap_or(0)
    }

    /// Upload `number` of the battery with this seed: the same bytes each time.
    pub(crate) fn attack(&self, seed: u64, number: u64) -> Attack {
        let mut random = Random::new(seed, number);
        let (format, file) = &self.files[number as usize % self.files.len()];
        // Of every 16 one is a form that is none, one a workbook, and one a photo that is small and stands for much
        // work or memory; the rest are broken images.
        match number % 16 {
            3 => {
                let bomb = &self.bombs[random.below(self.bombs.len())];
                return Attack {
                    what: bomb.what.to_owned(),
                    request: upload(&bomb.bytes),
                    may_be_cut: false,
                    expected: None,
                };
            }
            7 => return self.workbooks.attack(&mut random),
            15 => return broken_form(&mut random, file),
            _ => {}
        }
        let other = &self.files[random.below(self.files.len())].1;
        let (how, bytes) = broken_image(&mut random, file, other);
        Attack {
            what: format!("{format}, {how}"),
            request: upload(&bytes),
            may_be_cut: false,
            expected: None,
        }
    }
}

fn broken_image(random: &mut Random, file: &[u8], other: &[u8]) -> (&'static str, Vec<u8>) {
    match random.below(damage::WAYS + 2) {
        6 => ("EXIF that points at itself", with_exif(random)),
        7 => ("a header that claims 60000 x 60000 pixels", giant(random)),
        way => damage::damaged(&mut |end| random.below(end), way, file, other),
    }
}

/// A JPEG whose EXIF directories are deep, cyclic or lie about their size.
fn with_exif(random: &mut Random) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0".to_vec();
    let entries = random.below(200) as u16;
    exif.extend(entries.to_le_bytes());
    for _ in 0..entries {
        // The EXIF and GPS pointers and the orientation, with any type, count and offset.
        let tag = [0x8769_u16, 0x8825, 0x0112, 0xA005][random.below(4)];
        exif.extend(tag.to_le_bytes());
        exif.extend((random.below(14) as u16).to_le_bytes());
        exif.extend((random.next() as u32 >> random.below(32)).to_le_bytes());
        exif.extend((random.below(64) as u32).to_le_bytes());
    }
    exif.extend((random.below(64) as u32).to_le_bytes());
    let mut jpeg = b"\xFF\xD8\xFF\xE1".to_vec();
    jpeg.extend((exif.len() as u16 + 2).to_be_bytes());
    jpeg.extend(exif);
    jpeg.extend_from_slice(&golden("imaging/decoders/444.jpg")[2..]);
    jpeg
}

/// A few bytes that claim a picture of many gigabytes.
fn giant(random: &mut Random) -> Vec<u8> {
    const SIDE: u32 = 60_000;
    let mut bytes;
    match random.below(3) {
        0 => {
            bytes = golden("imaging/decoders/rgb.png");
            bytes[16..20].copy_from_slice(&SIDE.to_be_bytes());
            bytes[20..24].copy_from_slice(&SIDE.to_be_bytes());
        }
        1 => {
            bytes = golden("imaging/decoders/rgb.bmp");
            bytes[18..22].copy_from_slice(&SIDE.to_le_bytes());
            bytes[22..26].copy_from_slice(&SIDE.to_le_bytes());
        }
        _ => {
            bytes = golden("imaging/decoders/palette.gif");
            bytes[6..8].copy_from_slice(&(SIDE as u16).to_le_bytes());
            bytes[8..10].copy_from_slice(&(SIDE as u16).to_le_bytes());
        }
    }
    bytes
}

/// Requests whose form, not whose image, is wrong.
fn broken_form(random: &mut Random, file: &[u8]) -> Attack {
    let attack = |what: &str, request, may_be_cut| Attack {
        what: what.to_owned(),
        request,
        may_be_cut,
        expected: None,
    };
    match random.below(9) {
        0 => attack("an empty part", upload(b""), false),
        1 => attack("thousands of parts", many_parts(), false),
        2 => {
            let wire = upload(file);
            let body = wire.repeated.0;
            attack("another boundary", request("multipart/form-data; boundary=other", body), false)
        }
        3 => attack("no boundary", request("multipart/form-data", file.to_vec()), false),
        4 => attack("a form that never ends", request(FORM, endless(file)), false),
        5 => attack("a gigabyte of zeros, announced", gigabyte(true), true),
        6 => attack("a gigabyte of zeros, in chunks", gigabyte(false), true),
        7 => {
            // The client goes away in the middle of its upload.
            let mut wire = upload(file);
            let half = wire.repeated.0.len() / 2;
            wire.repeated.0.truncate(half);
            wire.head = head(FORM, &format!("Content-Length: {half}"));
            attack("half a form", wire, false)
        }
        _ => {
            let noise = (0..random.below(2048)).map(|_| random.next() as u8).collect();
            attack(
                "noise instead of HTTP",
                Wire { head: noise, repeated: (b"\r\n\r\n".to_vec(), 1), tail: vec![] },
                true,
            )
        }
    }
}

fn many_parts() -> Wire {
    let part = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n";
    request(FORM, (part.repeat(5_000) + "--b--\r\n").into_bytes())
}

fn endless(file: &[u8]) -> Vec<u8> {
    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n".to_vec();
    body.extend_from_slice(file);
    body
}

/// Far over the limit of 20 MiB; it must be refused long before its end.
fn gigabyte(announced: bool) -> Wire {
    const MIB: usize = 1 << 20;
    let start = endless(b"");
    if announced {
        let length = format!("Content-Length: {}", start.len() + 1024 * MIB);
        let mut head = head(FORM, &length);
        head.extend(start);
        return Wire { head, repeated: (vec![0; MIB], 1024), tail: vec![] };
    }
    let mut head = head(FORM, "Transfer-Encoding: chunked");
    head.extend(format!("{:x}\r\n", start.len()).bytes());
    head.extend(start);
    head.extend(b"\r\n");
    let mut chunk = format!("{MIB:x}\r\n").into_bytes();
    chunk.resize(chunk.len() + MIB, 0);
    chunk.extend(b"\r\n");
    Wire { head, repeated: (chunk, 1024), tail: b"0\r\n\r\n".to_vec() }
}

/// A right request with one file.
fn upload(content: &[u8]) -> Wire {
    request(FORM, client::form(&[("file", Some("x"), content)]))
}

fn request(content_type: &str, body: Vec<u8>) -> Wire {
    client::request("POST", PATH, content_type, body)
}

fn head(content_type: &str, length: &str) -> Vec<u8> {
    client::head("POST", PATH, content_type, length)
}
