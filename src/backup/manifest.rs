//! The list of files in a backup, its first entry.

use serde::{Deserialize, Serialize};

/// Name of the entry.
pub(super) const NAME: &str = "manifest.json";
/// Longest list that is read, bytes: 300,000 files.
pub(super) const MAX_BYTES: u64 = 64 << 20;
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

    /// As bytes of the entry.
    pub(super) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(self)
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
