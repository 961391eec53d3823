//! The most memory that the service takes, as README.md states it: the worst photo of each format, as many at a time as
//! there are workers and places in the queue.

use std::io::{Cursor, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::codecs::gif::GifEncoder;
use image::{DynamicImage, ExtendedColorType, GrayImage, ImageFormat, RgbaImage};

use crate::bombs;
use crate::support::http::{exchange, post};
use crate::support::server::Server;
use crate::support::{golden_bytes, repository_file};

const WORKERS: u64 = 2;
const QUEUE: u64 = 2;
const MAX_UPLOAD_MIB: u64 = 20;
const MAX_MEGAPIXELS: u64 = 16;
/// Side of a square of [`MAX_MEGAPIXELS`].
const SIDE: u32 = 4000;

/// The formula of README.md, KiB.
fn most_kib() -> u64 {
    let program = 200 << 10;
    let worker = MAX_MEGAPIXELS * 1_000_000 * 12 / 1024 + (16 << 10);
    let uploads = (3 * WORKERS + QUEUE) * (MAX_UPLOAD_MIB << 10);
    let connections = 384 << 10;
    program + WORKERS * worker + uploads + connections
}

/// A photo, and what it is answered.
pub struct Worst {
    pub what: &'static str,
    pub bytes: Vec<u8>,
    pub status: u16,
}

fn worst_photos() -> Vec<Worst> {
    let taken = |what, bytes| Worst { what, bytes, status: 200 };
    let golden = |name: &str| golden_bytes(&format!("imaging/decoders/{name}"));
    let mut photos = vec![
        taken("PNG, 16 bits, alpha, interlaced", interlaced_png()),
        taken("lossless WebP, alpha", encoded(&DynamicImage::from(colours()), ImageFormat::WebP)),
        taken("GIF", gif()),
        taken("BMP, palette", encoded(&DynamicImage::from(GrayImage::new(SIDE, SIDE)), ImageFormat::Bmp)),
        taken("TIFF, floats, one strip", float_tiff()),
    ];
    let of_the_size = |bomb: &bombs::Bomb| bomb.what == "JPEG, 16 megapixels and no data";
    let jpeg = bombs::all(&golden).into_iter().find(of_the_size).expect("progressive, a bomb");
    photos.push(taken("progressive JPEG", jpeg.bytes));
    photos
}

/// Noise, of which the encoder makes many codes.
fn colours() -> RgbaImage {
    RgbaImage::from_fn(SIDE, SIDE, |x, y| {
        let noise =
            (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).rotate_left(x % 13).to_le_bytes();
        image::Rgba([noise[1] & 3, noise[2] & 3, noise[3] & 3, 255])
    })
}

fn encoded(photo: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    photo.write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn gif() -> Vec<u8> {
    let mut file = Vec::new();
    let pixels = vec![127; SIDE as usize * SIDE as usize * 3];
    GifEncoder::new_with_speed(&mut file, 30).encode(&pixels, SIDE, SIDE, ExtendedColorType::Rgb8).unwrap();
    file
}

fn deflated(value: u8, count: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let piece = vec![value; 1 << 20];
    for start in (0..count).step_by(piece.len()) {
        encoder.write_all(&piece[..piece.len().min(count - start)]).unwrap();
    }
    encoder.finish().unwrap()
}

fn chunk(name: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut sum = flate2::Crc::new();
    sum.update(&name);
    sum.update(body);
    [&(body.len() as u32).to_be_bytes()[..], &name, body, &sum.sum().to_be_bytes()].concat()
}

/// Black, in the seven passes of Adam7: rows of each with their filter byte.
fn interlaced_png() -> Vec<u8> {
    const PASSES: [(u32, u32, u32, u32); 7] =
        [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)];
    const PIXEL_BYTES: usize = 8;
    let bytes = PASSES.map(|(left, across, top, down)| {
        let (columns, rows) = ((SIDE - left).div_ceil(across) as usize, (SIDE - top).div_ceil(down) as usize);
        rows * (1 + columns * PIXEL_BYTES)
    });
    let header = [&SIDE.to_be_bytes()[..], &SIDE.to_be_bytes(), &[16, 6, 0, 0, 1]].concat();
    let data = deflated(0, bytes.iter().sum());
    let chunks = [chunk(*b"IHDR", &header), chunk(*b"IDAT", &data), chunk(*b"IEND", b"")];
    [&b"\x89PNG\r\n\x1a\n"[..], &chunks.concat()].concat()
}

/// Three floats a pixel, deflated.
fn float_tiff() -> Vec<u8> {
    let data = deflated(0, SIDE as usize * SIDE as usize * 12);
    let tags = [
        (256, vec![SIDE]),
        (257, vec![SIDE]),
        (258, vec![32, 32, 32]),
        (259, vec![8]),
        (262, vec![2]),
        (273, vec![8]),
        (277, vec![3]),
        (278, vec![SIDE]),
        (279, vec![data.len() as u32]),
        (339, vec![3, 3, 3]),
    ];
    bombs::tiff(&tags, &data)
}

/// The most that the process has held so far, KiB.
fn peak_kib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The status of the response, once the queue has a place: that of an earlier photo is given back just after its response.
fn served(server: &Server, request: &[u8]) -> u16 {
    loop {
        let status = exchange(server.socket(), request).status;
        if status != 503 {
            return status;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_readme_and_the_documentation_state_the_formula_that_is_held() {
    let text = |file: &str| repository_file(file).split_whitespace().collect::<Vec<_>>().join(" ");
    let formula = "584 MiB + N x (12 bytes x `--max-megapixels` x 10^6 + 16 MiB) + (3 N + `--queue`) x `--max-upload-mib`";
    assert!(text("README.md").contains(formula));
    let operations = text("docs/operations.md");
    for part in [
        "| 200 MiB,",
        "N x (12 bytes x `--max-megapixels` x 10^6 + 16 MiB + 2 x `--max-upload-mib`)",
        "384 KiB x 1024 connections",
    ] {
        assert!(operations.contains(part), "{part}");
    }
}

#[test]
fn the_worst_photos_of_each_format_take_no_more_memory_than_is_stated() {
    hold_worst(worst_photos());
}

/// Sends each photo as often at a time as there are workers and places in the queue.
pub fn hold_worst(photos: Vec<Worst>) {
    let numbers = [WORKERS, QUEUE, MAX_MEGAPIXELS, MAX_UPLOAD_MIB].map(|number| number.to_string());
    let [workers, queue, megapixels, mib] = numbers.each_ref().map(String::as_str);
    let flags = ["--workers", workers, "--queue", queue, "--max-megapixels", megapixels];
    // Small faces take time, and no more memory.
    let more = [
        "--max-upload-mib",
        mib,
        "--min-face-px",
        "40",
        "--max-uploads-per-client",
        "9",
        "--request-timeout-s",
        "600",
    ];
    let server = Server::sample(&[&flags[..], &more].concat());
    let most = most_kib();
    for Worst { what, bytes, status } in photos {
        let request = post(&bytes);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let clients = (0..WORKERS + QUEUE).map(|_| scope.spawn(|| served(&server, &request)));
            clients.collect::<Vec<_>>().into_iter().map(|client| client.join().unwrap()).collect()
        });
        assert!(statuses.iter().all(|found| *found == status), "{what}: {statuses:?}");
        let peak = peak_kib(&server);
        println!("{what}: {} MiB so far, {} MiB are stated", peak >> 10, most >> 10);
        assert!(peak <= most, "{what}: {peak} KiB, more than {most}");
    }
}
