//! The orientation that metadata gives a photo: in EXIF data or in an XMP packet.

use super::ifd::Directory;

/// The tag of the orientation.
pub(super) const ORIENTATION: u16 = 0x0112;

/// What EXIF data begins with in JPEG files, and in others where a program copied it.
pub(super) const PREFIX: &[u8] = b"Exif\0\0";

/// The orientation, 1 to 8, in a block of EXIF data, with or without [`PREFIX`].
pub(super) fn orientation(block: &[u8]) -> Option<u8> {
    let tiff = block.strip_prefix(PREFIX).unwrap_or(block);
    orientation_of(&Directory::first(tiff)?)
}

/// The orientation, 1 to 8, in a directory. Nothing else in it is looked at: a broken tag beside it does no harm.
pub(super) fn orientation_of(directory: &Directory<'_>) -> Option<u8> {
    valid(directory.unsigned(ORIENTATION)?)
}

/// The orientation, 1 to 8, in an XMP packet: `tiff:Orientation`, as an attribute or an element.
pub(super) fn xmp_orientation(packet: &[u8]) -> Option<u8> {
    const NAME: &[u8] = b"tiff:Orientation";
    let at = packet.windows(NAME.len()).position(|window| window == NAME)?;
    let value = packet[at + NAME.len()..].trim_ascii_start();
    let value = match value {
        [b'=', value @ ..] => value.trim_ascii_start().split_first()?.1, // a quote follows
        [b'>', value @ ..] => value,
        _ => return None,
    };
    match value.trim_ascii_start() {
        [digit @ b'0'..=b'9', next, ..] if !next.is_ascii_digit() => valid(u64::from(digit - b'0')),
        _ => None,
    }
}

fn valid(value: u64) -> Option<u8> {
    u8::try_from(value).ok().filter(|value| (1..=8).contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xmp_says_it_in_an_attribute_or_an_element() {
        for (packet, expected) in [
            (&b"<rdf:Description tiff:Orientation=\"6\"/>"[..], Some(6)),
            (b"<rdf:Description tiff:Orientation = '3' />", Some(3)),
            (b"<tiff:Orientation>8</tiff:Orientation>", Some(8)),
            (b"<tiff:Orientation>9</tiff:Orientation>", None),
            (b"<tiff:Orientation>16</tiff:Orientation>", None),
            (b"tiff:Orientation=\"", None),
            (b"tiff:Orientation", None),
            (b"<tiff:Make>6</tiff:Make>", None),
            (b"", None),
        ] {
            assert_eq!(xmp_orientation(packet), expected, "{}", packet.escape_ascii());
        }
    }

    #[test]
    fn exif_data_may_begin_with_the_prefix_of_jpeg() {
        let tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x05\0\0\0\0\0\0";
        assert_eq!(orientation(tiff), Some(5));
        assert_eq!(orientation(&[PREFIX, tiff].concat()), Some(5));
    }
}
