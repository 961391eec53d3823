//! Detects the image format from the magic bytes, and words the error for formats that are not supported.

use crate::error::InputError;

/// The formats that are read; HEIC with the feature `phone-photos`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Jpeg,
    Png,
    WebP,
    Gif,
    Bmp,
    Tiff,
    Heic,
}

impl Format {
    /// The error for a file of this format whose pixels can't be read.
    pub(super) fn undecodable(self, mut reason: String) -> InputError {
        let format = match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Heic => "HEIC",
        };
        // Some decoders end theirs with a line break, which would tear logs and output apart.
        reason.truncate(reason.trim_end().len());
        InputError::Undecodable { format, reason }
    }
}

/// Advice for AVIF files.
const AVIF_ADVICE: &str = "convert the photo to JPEG or PNG";

/// Detects the format from the magic bytes; the error says what they look like instead.
pub(super) fn sniff(bytes: &[u8]) -> Result<Format, InputError> {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => Ok(Format::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Ok(Format::Png),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Format::WebP),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(Format::Gif),
        // Classic and big TIFF, in both byte orders.
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Ok(Format::Tiff),
        [b'B', b'M', rest @ ..] if has_bitmap_header(rest) => Ok(Format::Bmp),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => iso_media(bytes),
        _ => Err(InputError::UnknownFormat { found: describe(bytes) }),
    }
}

/// Whether the size of the header after the file header is one that BMP has: two letters alone may be
/// the start of a text.
fn has_bitmap_header(after_magic: &[u8]) -> bool {
    let size = after_magic.get(12..16).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    matches!(size, Some(12 | 16 | 40 | 52 | 56 | 64 | 108 | 124))
}

/// What the first bytes look like, for the person who sent them.
fn describe(bytes: &[u8]) -> String {
    const NAMED: &[(&[u8], &str)] = &[
        (b"\x00\x00\x00\x0CJXL \r\n\x87\n", "JPEG XL, which is not read here; send it as JPEG"),
        (b"\xFF\x0A", "JPEG XL, which is not read here; send it as JPEG"),
        (b"\x00\x00\x00\x0CjP  \r\n\x87\n", "JPEG 2000, which is not read here; send it as JPEG"),
        (b"\xFF\x4F\xFF\x51", "JPEG 2000, which is not read here; send it as JPEG"),
        (b"8BPS", "a Photoshop document; export it as JPEG"),
        (b"%PDF-", "a PDF document; send the photo itself"),
        (b"PK\x03\x04", "a ZIP archive or an office document; send the photo itself"),
        (b"\x1F\x8B", "gzip data; send the photo itself"),
        (b"\x00\x00\x01\x00", "an icon (ICO), which is not read here"),
        (b"\x1A\x45\xDF\xA3", "a video (Matroska or WebM); send a photo"),
    ];
    if bytes.is_empty() {
        return "no bytes at all".into();
    }
    if let Some((_, name)) = NAMED.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return (*name).into();
    }
    let start = &bytes[..bytes.len().min(64)];
    if start.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace() || *b >= 0x80) {
        return if start.trim_ascii_start().starts_with(b"<") {
            "markup (HTML, XML or SVG)".into()
        } else {
            "text".into()
        };
    }
    let hex: Vec<String> = start.iter().take(8).map(|b| format!("{b:02x}")).collect();
    format!("bytes that start with {}", hex.join(" "))
}

/// HEIC, AVIF and videos share one container (ISO base media); its first box lists brands.
fn iso_media(bytes: &[u8]) -> Result<Format, InputError> {
    let length = bytes.first_chunk().map_or(0, |length| u32::from_be_bytes(*length) as usize);
    let first_box = &bytes[..bytes.len().min(length).min(256)];
    let brands = first_box.get(8..).unwrap_or_default().as_chunks::<4>().0;
    let has = |wanted: &[&[u8; 4]]| brands.iter().any(|brand| wanted.contains(&brand));
    if has(&[b"avif", b"avis"]) {
        Err(InputError::UnreadFormat { format: "AVIF", advice: AVIF_ADVICE })
    } else if has(&[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"]) {
        Ok(Format::Heic)
    } else {
        Err(InputError::UnknownFormat { found: "a video (MP4 or QuickTime); send a photo".into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_image_is_named() {
        let cases: [(&[u8], &str); 12] = [
            (b"", "no bytes at all"),
            (b"hello, this is no image", "text"),
            (b"BMW is a maker of cars, not a bitmap", "text"),
            ("Grüße".as_bytes(), "text"),
            (b"<!doctype html><html>", "markup (HTML, XML or SVG)"),
            (b"  <svg/>", "markup (HTML, XML or SVG)"),
            (b"%PDF-1.7\n\x00", "a PDF document; send the photo itself"),
            (b"PK\x03\x04\x14\x00", "a ZIP archive or an office document; send the photo itself"),
            (b"\0\0\0\x18ftypisom\0\0\0\0mp42", "a video (MP4 or QuickTime); send a photo"),
            (b"\0\0\0\x0Cftyp", "a video (MP4 or QuickTime); send a photo"),
            (b"\xFF\x0A\0\0", "JPEG XL, which is not read here; send it as JPEG"),
            (b"\x00\x01\x02\xFF", "bytes that start with 00 01 02 ff"),
        ];
        for (bytes, found) in cases {
            assert_eq!(sniff(bytes), Err(InputError::UnknownFormat { found: found.into() }), "{bytes:?}");
        }
    }

    #[test]
    fn what_phones_make_is_told_by_its_brands() {
        assert_eq!(sniff(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"), Ok(Format::Heic));
        assert_eq!(sniff(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"), Ok(Format::Heic));
        let avif = Err(InputError::UnreadFormat { format: "AVIF", advice: AVIF_ADVICE });
        assert_eq!(sniff(b"\0\0\0\x18ftypavif\0\0\0\0mif1avif"), avif);
        assert_eq!(sniff(b"\0\0\0\x1Cftypmif1\0\0\0\0mif1avifmiaf"), avif);
    }
}
