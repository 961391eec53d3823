//! Small photos that stand for a lot of work or memory, one or more of each format.

use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write;

/// A photo, and how many pixels its header claims.
pub(crate) struct Bomb {
    pub(crate) what: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) pixels: u64,
}

/// All of them. `golden` gives files of `tests/golden/imaging/decoders`.
pub(crate) fn all(golden: &dyn Fn(&str) -> Vec<u8>) -> Vec<Bomb> {
    let bomb = |what, bytes, pixels| Bomb { what, bytes, pixels };
    let png = golden("rgb.png");
    let png_pixels = 50 * 65;
    let zeros = zlib_zeros(256 << 20);
    let large_jpeg = sized(&golden("444.jpg"), 8000, 8000);
    let larger_jpeg = sized(&golden("444.jpg"), 16384, 16384);
    let blocks = [0, 0, 0, 0xFF, 0xFF].repeat(200_000);
    vec![
        bomb(
            "TIFF, 500 strips that share a JPEG of 64 megapixels",
            jpeg_strips(100, 500, &large_jpeg),
            50_000,
        ),
        bomb("TIFF, one strip with a JPEG of 268 megapixels", jpeg_strips(10, 1, &larger_jpeg), 10),
        bomb("TIFF, strips that share empty deflate blocks", shared_strips(10, 4000, 8, &blocks), 40_000),
        bomb(
            "TIFF, strips that share LZW clear codes",
            shared_strips(10, 4000, 5, &lzw_clear_codes()),
            40_000,
        ),
        bomb("TIFF, a tile of 4 gigapixels", large_tile(), 100),
        bomb("TIFF, one row of 64 megapixels with 8 samples of 32 bits", long_row(), 64_000_000),
        bomb("TIFF, 65535 samples a pixel", many_samples(), 64_000_000),
        bomb(
            "PNG, a profile of 256 MiB",
            with_chunk(&png, *b"iCCP", &[b"a\0\0", &zeros[..]].concat()),
            png_pixels,
        ),
        bomb(
            "PNG, an EXIF text of 256 MiB",
            with_chunk(&png, *b"zTXt", &[b"Raw profile type exif\0\0", &zeros[..]].concat()),
            png_pixels,
        ),
        bomb(
            "PNG, an XMP packet of 256 MiB",
            with_chunk(&png, *b"iTXt", &[b"XML:com.adobe.xmp\0\x01\0\0\0", &zeros[..]].concat()),
            png_pixels,
        ),
        bomb("PNG, EXIF data of 8 MiB", with_chunk(&png, *b"eXIf", &vec![b'I'; 8 << 20]), png_pixels),
        bomb("JPEG, 40 more scans of 64 megapixels", many_scans(&golden("progressive.jpg"), 40), 64_000_000),
        bomb("JPEG, 16 megapixels and no data", sized(&golden("progressive.jpg"), 4000, 4000), 16_000_000),
        bomb("WebP, 65536 groups of codes for a pixel", many_codes(), 1),
        bomb("GIF, a million empty comments", with_comments(&golden("palette.gif")), 50 * 65),
    ]
}

/// Zeros, packed to a thousandth.
fn zlib_zeros(count: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let zeros = vec![0; 1 << 20];
    (0..count >> 20).for_each(|_| encoder.write_all(&zeros).unwrap());
    encoder.finish().unwrap()
}

/// A PNG with another chunk behind its header, whose checksum is wrong.
fn with_chunk(png: &[u8], name: [u8; 4], body: &[u8]) -> Vec<u8> {
    let (header, rest) = png.split_at(33);
    [header, &(body.len() as u32).to_be_bytes(), &name, body, &[0; 4], rest].concat()
}

/// A JPEG whose frame header claims another size.
fn sized(jpeg: &[u8], width: u16, height: u16) -> Vec<u8> {
    let mut jpeg = jpeg.to_vec();
    let frame = jpeg.windows(4).position(|w| matches!(w, [0xFF, 0xC0 | 0xC2, 0, 17])).unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

/// A progressive JPEG of 64 megapixels whose last scan is there again and again.
fn many_scans(jpeg: &[u8], count: usize) -> Vec<u8> {
    let jpeg = sized(jpeg, 8000, 8000);
    let scan = jpeg.windows(2).rposition(|w| w == [0xFF, 0xDA]).unwrap();
    let (body, end) = jpeg.split_at(jpeg.len() - 2);
    [body, &body[scan..].repeat(count), end].concat()
}

/// A little-endian TIFF of one directory, all of whose values are 32 bits wide. `data` lies at offset 8.
pub(crate) fn tiff(tags: &[(u16, Vec<u32>)], data: &[u8]) -> Vec<u8> {
    let padded = data.len().next_multiple_of(2);
    let directory = 8 + padded;
    let mut values = Vec::new();
    let mut bytes =
        [&b"II*\0"[..], &(directory as u32).to_le_bytes(), data, &vec![0; padded - data.len()]].concat();
    bytes.extend((tags.len() as u16).to_le_bytes());
    let behind = directory + 2 + tags.len() * 12 + 4;
    for (tag, numbers) in tags {
        bytes.extend([tag.to_le_bytes(), 4_u16.to_le_bytes()].concat());
        bytes.extend((numbers.len() as u32).to_le_bytes());
        if let [number] = numbers[..] {
            bytes.extend(number.to_le_bytes());
        } else {
            bytes.extend(((behind + values.len()) as u32).to_le_bytes());
            values.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(values);
    bytes
}

/// A TIFF with a strip a row, all of which are the same bytes.
fn strips(
    width: u32,
    height: u32,
    (compression, photometric, samples): (u32, u32, u32),
    data: &[u8],
) -> Vec<u8> {
    let rows = height as usize;
    let tags = [
        (256, vec![width]),
        (257, vec![height]),
        (258, vec![8; samples as usize]),
        (259, vec![compression]),
        (262, vec![photometric]),
        (273, vec![8; rows]),
        (277, vec![samples]),
        (278, vec![1]),
        (279, vec![data.len() as u32; rows]),
    ];
    tiff(&tags, data)
}

fn jpeg_strips(width: u32, height: u32, jpeg: &[u8]) -> Vec<u8> {
    strips(width, height, (7, 6, 3), jpeg)
}

fn shared_strips(width: u32, height: u32, compression: u32, data: &[u8]) -> Vec<u8> {
    strips(width, height, (compression, 1, 1), data)
}

/// Codes of 9 bits that say nothing: 256, again and again.
fn lzw_clear_codes() -> Vec<u8> {
    let bits = (0..8 * 9).map(|bit| u8::from(bit % 9 == 0));
    let bits: Vec<u8> = bits.collect();
    let bytes: Vec<u8> = bits.chunks(8).map(|byte| byte.iter().fold(0, |b, bit| b << 1 | bit)).collect();
    bytes.repeat(100_000)
}

fn large_tile() -> Vec<u8> {
    let side = vec![65_536];
    let tags = [
        (256, vec![10]),
        (257, vec![10]),
        (258, vec![8]),
        (259, vec![8]),
        (262, vec![1]),
        (277, vec![1]),
        (322, side.clone()),
        (323, side),
        (324, vec![8]),
        (325, vec![100]),
    ];
    tiff(&tags, &[0; 100])
}

fn long_row() -> Vec<u8> {
    let tags = [
        (256, vec![64_000_000]),
        (257, vec![1]),
        (258, vec![32; 8]),
        (259, vec![8]),
        (262, vec![2]),
        (273, vec![8]),
        (277, vec![8]),
        (278, vec![1]),
        (279, vec![1 << 20]),
        (339, vec![3; 8]),
    ];
    tiff(&tags, &zlib_zeros(2048 << 20))
}

fn many_samples() -> Vec<u8> {
    let side = vec![8000];
    let tags = [
        (256, side.clone()),
        (257, side.clone()),
        (258, vec![8]),
        (259, vec![8]),
        (262, vec![1]),
        (273, vec![8]),
        (277, vec![65_535]),
        (278, side),
        (279, vec![1 << 20]),
    ];
    tiff(&tags, &zlib_zeros(256 << 20))
}

fn with_comments(gif: &[u8]) -> Vec<u8> {
    let head = 13 + (3 << ((gif[10] & 7) + 1));
    [&gif[..head], &b"\x21\xFE\x01a\0".repeat(1_000_000), &gif[head..]].concat()
}

/// Bits as lossless WebP has them: the lowest of a byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn put(&mut self, value: usize, count: usize) {
        for index in 0..count {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= ((value >> index & 1) as u8) << (self.count % 8);
            self.count += 1;
        }
    }

    /// A code of one symbol.
    fn put_single(&mut self, symbol: usize) {
        self.put(0b101, 3);
        self.put(symbol, 8);
    }

    /// A code of 11 symbols with lengths up to 10, which takes 4 KiB in a decoder that looks up 10 bits.
    fn put_long(&mut self) {
        self.put(0, 1);
        self.put(15, 4); // lengths of all 19 symbols: 4 for the lengths 0 to 15, none for repetitions
        for symbol in [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] {
            self.put(if symbol < 16 { 4 } else { 0 }, 3);
        }
        self.put(0b0011, 4); // a number of symbols follows, in 4 bits
        self.put(11 - 2, 4);
        for length in [1_usize, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10] {
            self.put((0..4).fold(0, |code, bit| code << 1 | length >> bit & 1), 4);
        }
    }
}

/// A lossless WebP of one pixel that says it has 65536 groups of codes, and holds some thousands.
fn many_codes() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(0x2F, 8);
    bits.put(0, 14 + 14 + 1 + 3); // 1 x 1, no alpha, version 0
    bits.put(0b100, 3); // no transform, no colour cache, but groups
    bits.put(0, 3); // for blocks of 4 x 4
    bits.put(0, 1); // no cache
    for symbol in [255, 255, 0, 0, 0] {
        bits.put_single(symbol);
    }
    (0..20_000 * 5).for_each(|_| bits.put_long());
    let body = bits.bytes;
    let padded = body.len().next_multiple_of(2);
    let mut webp = [&b"RIFF"[..], &((padded + 12) as u32).to_le_bytes(), b"WEBPVP8L"].concat();
    webp.extend((body.len() as u32).to_le_bytes());
    webp.extend(&body);
    webp.resize(20 + padded, 0);
    webp
}
