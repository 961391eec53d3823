//! What the Huffman codes of a lossless WebP file take in memory, before the decoder makes their tables.
//!
//! A file may define 65,536 groups of five codes for a single pixel: some bytes each, and 4 KiB or more in the decoder. So
//! the stream is followed up to its codes, as the specification has it (RFC 9649, section 3): transforms, colour
//! cache, the image that says which block has which group, and the codes. Pixels are not decoded.

/// Bytes that the tables of all codes may take, and as much again for each pixel.
const MAX_BYTES: u64 = 8 << 20;
const MAX_BYTES_PER_PIXEL: u64 = 4;

/// Groups of codes that are taken, and one more for so many pixels. The reference encoder (libwebp) makes 2600 at most.
const MAX_GROUPS: u64 = 512;
const PIXELS_PER_GROUP: u64 = 2048;

/// Symbols of the five codes of a group: green with lengths, red, blue, alpha, distances. The first has as many more as
/// the colour cache has entries.
const ALPHABETS: [usize; 5] = [256 + 24, 256, 256, 256, 40];

/// The order in which the lengths of the code that lengths are written with are stored.
const LENGTH_ORDER: [usize; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Bits by which the decoder looks a code up at once, and bytes of an entry of that table.
const TABLE_BITS: u32 = 10;
const TABLE_ENTRY_BYTES: u64 = 4;
/// Bytes of the decoder's tree for each symbol whose code is longer.
const LONG_SYMBOL_BYTES: u64 = 32;
/// Bytes of a code besides.
const CODE_BYTES: u64 = 56;

/// Refuses a stream whose codes take more memory than its pixels justify, with the reason. A stream that is broken in
/// another way is left to the decoder.
pub(super) fn check_codes(stream: &[u8], pixels: u64) -> Result<(), String> {
    let limit = MAX_BYTES + MAX_BYTES_PER_PIXEL * pixels;
    let mut reader = Reader { bits: Bits { bytes: stream, at: 0 }, bytes: 0, limit };
    match reader.picture() {
        Err(Stop::TooLarge) => Err(format!("its Huffman codes are out of proportion to its {pixels} pixels")),
        Ok(()) | Err(Stop::Broken) => Ok(()),
    }
}

enum Stop {
    /// The codes take more than they may.
    TooLarge,
    /// The decoder will find out why.
    Broken,
}

type Read<T> = std::result::Result<T, Stop>;

struct Bits<'a> {
    bytes: &'a [u8],
    /// Position in bits.
    at: usize,
}

impl Bits<'_> {
    /// The next bits, least significant first: at most 56, zeros behind the end.
    fn peek(&self) -> u64 {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let word = match rest.first_chunk::<8>() {
            Some(word) => u64::from_le_bytes(*word),
            None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        word >> (self.at % 8)
    }

    fn skip(&mut self, count: usize) -> Read<()> {
        self.at += count;
        if self.at <= self.bytes.len() * 8 { Ok(()) } else { Err(Stop::Broken) }
    }

    fn read(&mut self, count: usize) -> Read<usize> {
        let value = self.peek() & ((1 << count) - 1);
        self.skip(count)?;
        Ok(value as usize) // at most 30 bits
    }

    fn flag(&mut self) -> Read<bool> {
        Ok(self.read(1)? == 1)
    }
}

struct Reader<'a> {
    bits: Bits<'a>,
    /// What the codes so far take.
    bytes: u64,
    limit: u64,
}

/// A canonical Huffman code: symbols in the order of their codes, and how many there are of each length.
struct Code {
    symbols: Vec<u16>,
    counts: [usize; 16],
}

impl Code {
    fn new(lengths: &[u8]) -> Self {
        let mut counts = [0; 16];
        for length in lengths {
            counts[usize::from(*length)] += 1;
        }
        counts[0] = 0;
        let mut symbols: Vec<u16> =
            (0..lengths.len() as u16).filter(|s| lengths[usize::from(*s)] > 0).collect();
        symbols.sort_by_key(|symbol| lengths[usize::from(*symbol)]); // stable: equal lengths keep their order
        Self { symbols, counts }
    }

    fn symbol(&self, bits: &mut Bits<'_>) -> Read<usize> {
        if let [only] = self.symbols[..] {
            return Ok(usize::from(only)); // a code of one symbol takes no bits
        }
        let mut word = bits.peek();
        let (mut code, mut first, mut index) = (0, 0, 0);
        for (length, count) in self.counts.iter().enumerate().skip(1) {
            code = code << 1 | (word & 1) as usize;
            word >>= 1;
            if code < first + count {
                bits.skip(length)?;
                return self.symbols.get(index + code - first).map(|s| usize::from(*s)).ok_or(Stop::Broken);
            }
            index += count;
            first = (first + count) << 1;
        }
        Err(Stop::Broken)
    }

    /// Bytes of the decoder's tables.
    fn bytes(&self) -> u64 {
        let longest = self.counts.iter().rposition(|count| *count > 0).unwrap_or(0) as u32; // 15 at most
        let table = if self.symbols.len() < 2 { 0 } else { TABLE_ENTRY_BYTES << longest.min(TABLE_BITS) };
        let long: usize = self.counts[TABLE_BITS as usize + 1..].iter().sum();
        CODE_BYTES + table + long as u64 * LONG_SYMBOL_BYTES
    }
}

impl Reader<'_> {
    /// A whole stream up to its last code.
    fn picture(&mut self) -> Read<()> {
        self.bits.read(8)?; // signature
        let mut width = self.bits.read(14)? + 1;
        let height = self.bits.read(14)? + 1;
        self.bits.read(4)?; // whether alpha is used, version
        let mut seen = [false; 4];
        while self.bits.flag()? {
            let transform = self.bits.read(2)?;
            if std::mem::replace(&mut seen[transform], true) {
                return Err(Stop::Broken);
            }
            match transform {
                0 | 1 => {
                    let block = self.bits.read(3)? + 2;
                    self.image(blocks(width, block), blocks(height, block))?;
                }
                3 => {
                    let colors = self.bits.read(8)? + 1;
                    self.image(colors, 1)?;
                    width = blocks(
                        width,
                        match colors {
                            ..=2 => 3,
                            3..=4 => 2,
                            5..=16 => 1,
                            _ => 0,
                        },
                    );
                }
                _ => {} // green is subtracted: nothing is stored
            }
        }
        let cache = self.cache_size()?;
        let pixels = width as u64 * height as u64;
        let mut groups = 1;
        if self.bits.flag()? {
            let block = self.bits.read(3)? + 2;
            let image = self.image(blocks(width, block), blocks(height, block))?;
            groups += image.iter().map(|pixel| (pixel >> 8 & 0xFFFF) as usize).max().unwrap_or(0);
        }
        if groups as u64 > MAX_GROUPS + pixels / PIXELS_PER_GROUP {
            return Err(Stop::TooLarge);
        }
        for _ in 0..groups {
            self.group(cache)?;
        }
        Ok(())
    }

    /// The entries of the colour cache, 0 for none.
    fn cache_size(&mut self) -> Read<usize> {
        if !self.bits.flag()? {
            return Ok(0);
        }
        match self.bits.read(4)? {
            bits @ 1..=11 => Ok(1 << bits),
            _ => Err(Stop::Broken),
        }
    }

    fn group(&mut self, cache: usize) -> Read<[Code; 5]> {
        let mut code = |index: usize| {
            let alphabet = ALPHABETS[index] + if index == 0 { cache } else { 0 };
            let code = self.code(alphabet)?;
            self.bytes += code.bytes();
            if self.bytes > self.limit { Err(Stop::TooLarge) } else { Ok(code) }
        };
        Ok([code(0)?, code(1)?, code(2)?, code(3)?, code(4)?])
    }

    fn code(&mut self, alphabet: usize) -> Read<Code> {
        if self.bits.flag()? {
            let count = self.bits.read(1)? + 1;
            let width = if self.bits.flag()? { 8 } else { 1 };
            let mut symbols = vec![self.bits.read(width)? as u16]; // eight bits
            if count == 2 {
                symbols.push(self.bits.read(8)? as u16); // eight bits
            }
            let mut counts = [0; 16];
            counts[1] = count;
            return Ok(Code { symbols, counts });
        }
        let mut lengths = vec![0; alphabet];
        self.lengths(&mut lengths)?;
        Ok(Code::new(&lengths))
    }

    /// The lengths of a code, which are themselves written with a code and with repetitions.
    fn lengths(&mut self, lengths: &mut [u8]) -> Read<()> {
        let mut of_lengths = [0; 19];
        let count = self.bits.read(4)? + 4;
        for index in LENGTH_ORDER.iter().take(count) {
            of_lengths[*index] = self.bits.read(3)? as u8; // three bits
        }
        let code = Code::new(&of_lengths);
        let mut left = lengths.len();
        if self.bits.flag()? {
            let bits = 2 + 2 * self.bits.read(3)?;
            left = 2 + self.bits.read(bits)?;
        }
        let (mut at, mut previous) = (0, 8);
        while at < lengths.len() && left > 0 {
            left -= 1;
            let (length, repeat) = match code.symbol(&mut self.bits)? {
                length @ 0..=15 => (length as u8, 1), // four bits
                16 => (previous, 3 + self.bits.read(2)?),
                17 => (0, 3 + self.bits.read(3)?),
                _ => (0, 11 + self.bits.read(7)?),
            };
            lengths.get_mut(at..at + repeat).ok_or(Stop::Broken)?.fill(length);
            at += repeat;
            if length > 0 {
                previous = length;
            }
        }
        Ok(())
    }

    /// An image within the stream, as ARGB: those of transforms, and the one of groups.
    fn image(&mut self, width: usize, height: usize) -> Read<Vec<u32>> {
        let cache_size = self.cache_size()?;
        let codes = self.group(cache_size)?;
        let mut cache = vec![0_u32; cache_size];
        let len = width * height;
        let mut pixels: Vec<u32> = Vec::with_capacity(len);
        while pixels.len() < len {
            let first = pixels.len();
            let mut from_cache = false;
            match codes[0].symbol(&mut self.bits)? {
                green @ 0..=255 => {
                    let [red, blue, alpha] =
                        [1, 2, 3].map(|index: usize| codes[index].symbol(&mut self.bits));
                    pixels.push((alpha? << 24 | red? << 16 | green << 8 | blue?) as u32); // a byte each
                }
                length @ 256..=279 => {
                    let length = self.distance(length - 256)?;
                    let code = codes[4].symbol(&mut self.bits)?;
                    let back = back(width, self.distance(code)?);
                    if back > first || length > len - first {
                        return Err(Stop::Broken);
                    }
                    (0..length).for_each(|index| pixels.push(pixels[first + index - back]));
                }
                entry => {
                    pixels.push(*cache.get(entry - 280).ok_or(Stop::Broken)?);
                    from_cache = true;
                }
            }
            // What comes out of the cache is in it.
            if cache_size > 0 && !from_cache {
                let shift = 32 - cache_size.trailing_zeros();
                for pixel in &pixels[first..] {
                    cache[(0x1E35_A7BD_u32.wrapping_mul(*pixel) >> shift) as usize] = *pixel;
                }
            }
        }
        Ok(pixels)
    }

    /// A length or distance from the symbol that stands for its range.
    fn distance(&mut self, symbol: usize) -> Read<usize> {
        if symbol < 4 {
            return Ok(symbol + 1);
        }
        let extra = (symbol - 2) >> 1;
        Ok(((2 + (symbol & 1)) << extra) + self.bits.read(extra)? + 1)
    }
}

/// Columns to the left and rows up that the first distances stand for.
#[rustfmt::skip]
const NEAR: [(isize, isize); 120] = [
    (0, 1), (1, 0), (1, 1), (-1, 1), (0, 2), (2, 0), (1, 2), (-1, 2), (2, 1), (-2, 1),
    (2, 2), (-2, 2), (0, 3), (3, 0), (1, 3), (-1, 3), (3, 1), (-3, 1), (2, 3), (-2, 3),
    (3, 2), (-3, 2), (0, 4), (4, 0), (1, 4), (-1, 4), (4, 1), (-4, 1), (3, 3), (-3, 3),
    (2, 4), (-2, 4), (4, 2), (-4, 2), (0, 5), (3, 4), (-3, 4), (4, 3), (-4, 3), (5, 0),
    (1, 5), (-1, 5), (5, 1), (-5, 1), (2, 5), (-2, 5), (5, 2), (-5, 2), (4, 4), (-4, 4),
    (3, 5), (-3, 5), (5, 3), (-5, 3), (0, 6), (6, 0), (1, 6), (-1, 6), (6, 1), (-6, 1),
    (2, 6), (-2, 6), (6, 2), (-6, 2), (4, 5), (-4, 5), (5, 4), (-5, 4), (3, 6), (-3, 6),
    (6, 3), (-6, 3), (0, 7), (7, 0), (1, 7), (-1, 7), (5, 5), (-5, 5), (7, 1), (-7, 1),
    (4, 6), (-4, 6), (6, 4), (-6, 4), (2, 7), (-2, 7), (7, 2), (-7, 2), (3, 7), (-3, 7),
    (7, 3), (-7, 3), (5, 6), (-5, 6), (6, 5), (-6, 5), (8, 0), (4, 7), (-4, 7), (7, 4),
    (-7, 4), (8, 1), (8, 2), (6, 6), (-6, 6), (8, 3), (5, 7), (-5, 7), (7, 5), (-7, 5),
    (8, 4), (6, 7), (-6, 7), (7, 6), (-7, 6), (8, 5), (7, 7), (-7, 7), (8, 6), (8, 7),
];

/// How many pixels back a distance points.
fn back(width: usize, distance: usize) -> usize {
    match NEAR.get(distance - 1) {
        Some((left, up)) => (left + up * width as isize).max(1) as usize,
        None => distance - NEAR.len(),
    }
}

/// How many blocks of `1 << bits` pixels cover a side.
fn blocks(side: usize, bits: usize) -> usize {
    side.div_ceil(1 << bits)
}
