//! The list of files in a backup, its first entry.

use std::io;

use serde::{Deserialize, Serialize};

/// Name of the entry.
pub(super) const NAME: &str = "manifest.json";
/// Longest list that is written or read, bytes: of the thumbnails of 2,000,000 photos, and much more.
pub(super) const MAX_BYTES: u64 = 512 << 20;
/// What stands in `format`.
const FORMAT: &str = "facerec-backup";
/// What stands in `version`.
const VERSION: u32 = 1;

/// What is in a backup, and when it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: String,
    version: u32,
    /// Version of the program that made it.
    pub facerec: String,
    /// When it was made, UTC, RFC 3339.
    pub created_at: String,
    /// The files, in the order of the archive.
    pub files: Vec<BackupFile>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// Path in the data directory.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// Its mode.
    pub mode: u32,
}

impl Manifest {
    /// The list of `files`.
    pub(super) fn new(created_at: String, files: Vec<BackupFile>) -> Self {
        let facerec = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: FORMAT.to_owned(), version: VERSION, facerec, created_at, files }
    }

    /// As bytes of the entry, `most` of them: what is not read again must not be written.
    pub(super) fn to_json(&self, most: u64) -> io::Result<Vec<u8>> {
        let bytes = serde_json::to_vec_pretty(self)?;
        let found = bytes.len() as u64;
        if found <= most {
            return Ok(bytes);
        }
        Err(io::Error::other(format!("expected a list of {most} bytes at most in {NAME}, found {found}")))
    }

    /// Reads the entry; the error says what was expected.
    pub(super) fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| format!("expected a list of files in {NAME}, found {error}"))?;
        if (manifest.format.as_str(), manifest.version) == (FORMAT, VERSION) {
            return Ok(manifest);
        }
        Err(format!(
            "expected format {FORMAT:?} of version {VERSION}, found {:?} of version {}: another facerec made it",
            manifest.format, manifest.version
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(files: usize) -> Manifest {
        let file = BackupFile {
            name: "thumbnails/01JDK5Q2W8E5F6G7H8J9K0M1N2.png".to_owned(),
            bytes: 99_999,
            sha256: "0".repeat(64),
            mode: 0o600,
        };
        Manifest::new("2026-11-27T12:00:00Z".to_owned(), vec![file; files])
    }

    #[test]
    fn a_list_that_is_not_read_again_is_not_written() {
        let bytes = manifest(1).to_json(MAX_BYTES).unwrap();
        let most = bytes.len() as u64;
        assert_eq!(manifest(1).to_json(most).unwrap(), bytes);
        let error = manifest(1).to_json(most - 1).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("expected a list of {} bytes at most in manifest.json, found {most}", most - 1)
        );
    }

    #[test]
    fn the_thumbnails_of_two_million_photos_have_room() {
        let [one, two] = [1, 2].map(|files| manifest(files).to_json(MAX_BYTES).unwrap().len() as u64);
        assert!((two - one) * 2_000_000 < MAX_BYTES);
    }
}
