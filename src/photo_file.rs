//! Reading photos from local files.

use std::path::Path;

use crate::local_file;

/// Largest file that is read, bytes; cameras write smaller ones.
const MAX_BYTES: u64 = 256 << 20;

/// The file's bytes.
///
/// # Errors
/// Why the file can't be read, without the path.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    local_file::read(path, MAX_BYTES).map_err(|error| format!("the file can't be read: {error}"))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn what_is_no_file_of_a_photos_size_is_refused_with_the_reason() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.jpg");
        assert!(read(&path).unwrap_err().starts_with("the file can't be read: No such file"));
        assert!(read(directory.path()).unwrap_err().starts_with("the file can't be read: Is a directory"));
        let file = File::create(&path).unwrap();
        assert_eq!(read(&path).unwrap(), b"");
        file.set_len(MAX_BYTES + 1).unwrap();
        let expected = "the file can't be read: expected at most 268435456 bytes, found 268435457";
        assert_eq!(read(&path).unwrap_err(), expected);
    }
}
