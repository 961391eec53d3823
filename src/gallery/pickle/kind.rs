//! What a file is that is no pickle.

/// How files begin, and what they are then.
const KINDS: [(&[u8], &str); 14] = [
    (
        b"FACEREC\0",
        "a gallery of facerec: put it into the data directory as gallery.bin, nothing is to be imported",
    ),
    (b"PK\x03\x04", "a zip archive, such as a PyTorch checkpoint, an .npz or a workbook"),
    (b"\x1f\x8b", "a file compressed by gzip: unpack it first"),
    (b"BZh", "a file compressed by bzip2: unpack it first"),
    (b"\xfd7zXZ\0", "a file compressed by xz: unpack it first"),
    (b"x\x9c", "a file compressed by zlib, as joblib does: save it again without compression"),
    (b"x\x01", "a file compressed by zlib, as joblib does: save it again without compression"),
    (b"\x93NUMPY", "an array of numpy (.npy): the names are missing"),
    (b"\x89HDF\r\n", "an HDF5 file, such as a Keras model"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\xff\xd8\xff", "a JPEG photo"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"%PDF-", "a PDF document"),
    (b"{\"", "JSON: `facerec people import` takes what `facerec people export` wrote"),
];

/// What bytes look like that were not read as a pickle; `None` for what may be one.
pub(super) fn looks_like(bytes: &[u8]) -> Option<&'static str> {
    if bytes.is_empty() {
        return Some("an empty file");
    }
    KINDS.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::looks_like;

    #[test]
    fn pickles_of_every_protocol_are_none_of_the_kinds() {
        for pickle in [&b"\x80\x04\x95"[..], b"\x80\x02}", b"(dp0\n", b"}.", b"(VAda\n"] {
            assert_eq!(looks_like(pickle), None, "{}", pickle.escape_ascii());
        }
        assert_eq!(looks_like(b""), Some("an empty file"));
        assert_eq!(looks_like(b"\xff\xd8\xff\xe0"), Some("a JPEG photo"));
    }
}
