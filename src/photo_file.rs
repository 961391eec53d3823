//! Reading photos from local files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Largest file that is read, bytes; cameras write smaller ones.
const MAX_BYTES: u64 = 256 << 20;

/// The file's bytes.
///
/// # Errors
/// Why the file can't be read, without the path.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| format!("the file can't be read: {error}");
    let file = File::open(path).map_err(failed)?;
    let len = file.metadata().map_err(failed)?.len();
    if len > MAX_BYTES {
        return Err(format!("expected a file of {MAX_BYTES} bytes at most, found {len}"));
    }
    let mut bytes = Vec::with_capacity(len as usize);
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
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
        assert_eq!(read(&path).unwrap_err(), "expected a file of 268435456 bytes at most, found 268435457");
    }
}
