//! The markers of a JPEG stream: what its frame header says, and which scans follow.

pub(super) const APP1: u8 = 0xE1;
pub(super) const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;

/// Coefficients that a scan costs at least, in time: it visits each block.
const MIN_COEFFICIENTS: usize = 8;

/// Coefficients of a block.
const BLOCK: usize = 64;

/// The markers of a stream, each with its segment. What is no marker is skipped, as libjpeg does; so is the length of a
/// segment that is too short to count itself.
pub(super) struct Segments<'a> {
    /// What comes after the last marker and its segment.
    rest: &'a [u8],
}

impl<'a> Segments<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let at = self.rest.iter().position(|byte| *byte == 0xFF)?;
            self.rest = &self.rest[at + 1..]; // `at` is an index of `rest`
            let fill = self.rest.iter().take_while(|byte| **byte == 0xFF).count();
            self.rest = &self.rest[fill..]; // as many bytes as were just counted
            match *self.rest {
                // Stuffed 0xFF, TEM, restart markers, start of image: no segment follows.
                [0x00 | 0x01 | 0xD0..=0xD8, ..] => {}
                [END_OF_IMAGE, ref rest @ ..] => {
                    self.rest = rest;
                    return Some((END_OF_IMAGE, &[]));
                }
                [marker, high, low, ref rest @ ..] => {
                    let length = usize::from(u16::from_be_bytes([high, low])).saturating_sub(2);
                    let (body, rest) = rest.split_at_checked(length)?;
                    self.rest = rest;
                    return Some((marker, body));
                }
                _ => return None,
            }
        }
    }
}

/// What the frame header says.
pub(super) struct Frame {
    marker: u8,
    /// Bits of a sample.
    pub(super) precision: u8,
    components: Vec<Component>,
}

struct Component {
    id: u8,
    /// Its share of the picture's pixels: 1 where it is not subsampled.
    share: f64,
}

impl Frame {
    /// The first frame header of a stream.
    pub(super) fn find(stream: &[u8]) -> Option<Self> {
        let is_frame = |marker: u8| matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC);
        let (marker, body) = Segments::of(stream).find(|(marker, _)| is_frame(*marker))?;
        let (precision, rest) = body.split_first()?;
        let (_size, rest) = rest.split_first_chunk::<4>()?;
        let (_count, rest) = rest.split_first()?;
        let components = rest.as_chunks::<3>().0;
        let across = |component: &[u8; 3]| component[1] >> 4;
        let down = |component: &[u8; 3]| component[1] & 15;
        let blocks =
            f64::from(components.iter().map(across).max()?) * f64::from(components.iter().map(down).max()?);
        let share = |component: &[u8; 3]| f64::from(across(component)) * f64::from(down(component)) / blocks;
        let components = components.iter().map(|c| Component { id: c[0], share: share(c) }).collect();
        Some(Self { marker, precision: *precision, components })
    }

    /// Whether it is coded by the discrete cosine transform in one picture: baseline, extended or progressive, by
    /// Huffman or arithmetic codes.
    pub(super) fn is_lossy(&self) -> bool {
        matches!(self.marker, 0xC0 | 0xC1 | 0xC2 | 0xC9 | 0xCA)
    }

    fn is_progressive(&self) -> bool {
        matches!(self.marker, 0xC2 | 0xCA)
    }
}

/// The header of a scan.
struct Scan {
    components: Vec<u8>,
    /// First and last coefficient of each block.
    first: usize,
    last: usize,
    /// Bits of them that are still missing afterwards.
    missing_bits: u8,
}

impl Scan {
    /// From what follows the length of its segment.
    fn read(body: &[u8]) -> Option<Self> {
        let (count, rest) = body.split_first()?;
        let (components, rest) = rest.split_at_checked(usize::from(*count) * 2)?;
        let [first, last, bits, ..] = rest else { return None };
        Some(Self {
            components: components.iter().step_by(2).copied().collect(),
            first: usize::from(*first),
            last: usize::from(*last),
            missing_bits: bits & 15,
        })
    }

    /// How often it goes over as many coefficients as the picture has pixels. `None` where libjpeg refuses it.
    fn passes(&self, frame: &Frame) -> Option<f64> {
        if !(1..=4).contains(&self.components.len()) {
            return None;
        }
        let share = |id: &u8| frame.components.iter().find(|component| component.id == *id).map(|c| c.share);
        let shares: Option<f64> = self.components.iter().map(share).sum();
        let coefficients = if frame.is_progressive() {
            (self.last + 1).saturating_sub(self.first).clamp(MIN_COEFFICIENTS, BLOCK)
        } else {
            BLOCK
        };
        Some(shares? * coefficients as f64 / BLOCK as f64)
    }
}

/// What the scans of a stream amount to.
#[derive(Debug, PartialEq)]
pub(super) struct Scans {
    pub(super) count: usize,
    /// How often they go over as many coefficients as the picture has pixels.
    pub(super) passes: f64,
}

impl Scans {
    /// No fewer scans than libjpeg can find. Where the data of a scan is broken it looks for the next marker byte by
    /// byte, in what a well-formed file has as a segment, too. So after the first scan's header, whatever looks like
    /// another one counts: in unbroken data nothing else does.
    pub(super) fn possible(stream: &[u8], frame: &Frame) -> Self {
        let mut segments = Segments::of(stream);
        let none = Self { count: 0, passes: 0.0 };
        let Some((_, first)) = segments.find(|(marker, _)| *marker == START_OF_SCAN) else { return none };
        let Some(first) = Scan::read(first) else { return none };
        if !frame.is_progressive() && first.components.len() == frame.components.len() {
            return Self { count: 1, passes: 1.0 }; // libjpeg reads no further
        }
        let data = segments.rest;
        let is_end = |(marker, _): &(u8, &[u8])| *marker == END_OF_IMAGE;
        let behind = if segments.any(|segment| is_end(&segment)) { segments.rest.len() } else { 0 };
        let data = &data[..data.len() - behind];
        let mut scans = Self { count: 1, passes: first.passes(frame).unwrap_or_default() };
        for (at, pair) in data.windows(2).enumerate() {
            if *pair == [0xFF, START_OF_SCAN] {
                let header = data.get(at + 4..).and_then(Scan::read);
                scans.passes += header.and_then(|scan| scan.passes(frame)).unwrap_or_default();
                scans.count += 1;
            }
        }
        scans
    }

    /// Whether the scans of a stream give all coefficients of all components, to the last bit.
    pub(super) fn cover_all(stream: &[u8]) -> bool {
        let Some(frame) = Frame::find(stream) else { return false };
        let mut covered = vec![[false; BLOCK]; frame.components.len()];
        for (_, body) in Segments::of(stream).filter(|(marker, _)| *marker == START_OF_SCAN) {
            let Some(scan) = Scan::read(body) else { continue };
            let range =
                if frame.is_progressive() { scan.first..(scan.last + 1).min(BLOCK) } else { 0..BLOCK };
            for (component, covered) in frame.components.iter().zip(&mut covered) {
                if scan.missing_bits == 0 && scan.components.contains(&component.id) {
                    covered.get_mut(range.clone()).into_iter().flatten().for_each(|bit| *bit = true);
                }
            }
        }
        covered.iter().flatten().all(|covered| *covered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A progressive frame of two components, the second one subsampled.
    const FRAME: &[u8] = b"\xFF\xC2\x00\x0E\x08\x00\x10\x00\x10\x02\x01\x22\x00\x02\x11\x00";

    fn scan(component: u8, first: u8, last: u8, bits: u8) -> Vec<u8> {
        vec![0xFF, START_OF_SCAN, 0, 8, 1, component, 0, first, last, bits, b'a', 0xFF, 0, b'b']
    }

    #[test]
    fn segments_are_stepped_over_whatever_they_hold() {
        let stream = b"\xFF\xD8\xFF\xE1\x00\x04\xFF\xD9junk\xFF\xE1\x00\x01\xFF\xFF\xDA\x00\x02ab\xFF\x00c\xFF\xD0d\xFF\xD9";
        let markers: Vec<u8> = Segments::of(stream).map(|(marker, _)| marker).collect();
        assert_eq!(markers, [APP1, APP1, START_OF_SCAN, END_OF_IMAGE]);
        assert_eq!(Segments::of(b"\xFF\xE1\x00\x09short").next(), None);
    }

    #[test]
    fn scans_within_what_looks_like_a_segment_count() {
        // The thumbnail's scan does not, since libjpeg steps over the segments before the first scan.
        let thumbnail = b"\xFF\xE1\x00\x04\xFF\xDA";
        let hidden = [&[0xFF, 0x02, 0, 16][..], &scan(2, 1, 63, 0)].concat();
        let image = [thumbnail, FRAME, &scan(1, 0, 0, 0), &hidden, b"\xFF\xD9", &scan(1, 0, 63, 0)].concat();
        let frame = Frame::find(&image).unwrap();
        let scans = Scans::possible(&image, &frame);
        assert_eq!(scans, Scans { count: 2, passes: 8.0 / 64.0 + 0.25 * 63.0 / 64.0 });
    }

    #[test]
    fn every_bit_of_every_coefficient_is_needed() {
        let all = [scan(1, 0, 0, 1), scan(1, 0, 0, 0x10), scan(1, 1, 63, 0), scan(2, 0, 63, 0)];
        assert!(Scans::cover_all(&[FRAME, &all.concat()].concat()));
        for missing in [1, 2, 3] {
            let mut scans = all.to_vec();
            scans.remove(missing);
            assert!(!Scans::cover_all(&[FRAME, &scans.concat()].concat()), "scan {missing}");
        }
    }
}
