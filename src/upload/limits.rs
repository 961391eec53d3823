//! Limits of request bodies, used by the router's layers and by the readers.

use crate::config::Config;

/// What a multipart body may need beside its files: boundaries, headers, small fields.
pub const MULTIPART_OVERHEAD_BYTES: u64 = 64 * 1024;
/// Largest JSON body of a change of a person, bytes.
pub const MAX_PATCH_BYTES: usize = 16 * 1024;
/// Maximum number of photos in one enrolment.
pub const MAX_PHOTOS: usize = 20;

/// Maximum bytes of the files in one body, by route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLimits {
    /// One photo or workbook.
    pub single: u64,
    /// The two photos of a verification.
    pub pair: u64,
    /// The photos of an enrolment.
    pub enrollment: u64,
    /// A body of JSON with photos in base64, and not those photos.
    pub json: u64,
}

impl From<&Config> for FileLimits {
    fn from(config: &Config) -> Self {
        // The body is held while its photos are decoded, which take three quarters of it: both fit where the photos of an
        // enrolment do.
        let json = (config.max_enrollment_bytes() / 2).max(base64_bytes(config.max_upload_bytes));
        Self {
            json,
            single: config.max_upload_bytes,
            pair: config.max_upload_bytes.saturating_mul(2),
            enrollment: config.max_enrollment_bytes(),
        }
    }
}

/// Length of a file in base64.
fn base64_bytes(bytes: u64) -> u64 {
    bytes.div_ceil(3).saturating_mul(4)
}

/// The largest multipart body with `file_bytes` bytes of files.
#[must_use]
pub fn body_limit(file_bytes: u64) -> usize {
    usize::try_from(file_bytes.saturating_add(MULTIPART_OVERHEAD_BYTES)).unwrap_or(usize::MAX)
}
