//! Uploaded files in memory.

use std::sync::Arc;

use axum::body::Body;

use super::body::next_chunk;
use super::budget::{NoRoom, Reservation, UploadBudget};
use super::limits::MULTIPART_OVERHEAD_BYTES;
use super::permits::ReadPermits;
use super::refusals::{broken_body, no_room, too_large};
use crate::clients::shares::Shares;
use crate::config::Config;
use crate::http::problem::ApiError;

/// What all uploads share.
pub struct Uploads {
    /// Bytes in memory.
    pub budget: Arc<UploadBudget>,
    /// Which bodies are read first.
    pub permits: ReadPermits,
    /// How many photos each client is uploading.
    pub shares: Shares,
    /// Largest file, bytes.
    pub max_file_bytes: u64,
}

impl Uploads {
    /// With memory for one file per worker and place in the queue.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (places, max_file_bytes) = (config.upload_places(), config.max_upload_bytes);
        let budget = UploadBudget::new(places, max_file_bytes.saturating_add(MULTIPART_OVERHEAD_BYTES));
        let shares = Shares::new(config.upload_places_per_client());
        Self { budget: Arc::new(budget), permits: ReadPermits::new(places), shares, max_file_bytes }
    }

    /// As how many photos a body counts: those of the largest size that it has room for, at least one.
    #[must_use]
    pub fn places_of(&self, body_bytes: u64) -> usize {
        let photos = body_bytes.div_ceil(self.max_file_bytes.saturating_add(MULTIPART_OVERHEAD_BYTES));
        usize::try_from(photos).unwrap_or(usize::MAX).max(1)
    }
}

/// An uploaded file, and its reservation in the budget.
#[derive(Debug, Default)]
pub struct ImageUpload {
    /// The file.
    pub bytes: Vec<u8>,
    held: Reservation,
}

impl ImageUpload {
    /// Appends bytes, within the limit of one file and the budget of all uploads.
    pub(super) fn extend(&mut self, chunk: &[u8], uploads: &Uploads) -> Result<(), ApiError> {
        let limit = uploads.max_file_bytes;
        if (self.bytes.len() + chunk.len()) as u64 > limit {
            return Err(too_large(limit));
        }
        uploads.budget.grow(&mut self.held, chunk.len()).map_err(|NoRoom| no_room())?;
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// Reads a raw body.
    ///
    /// # Errors
    /// 413 over the limit, 408 for a stalled body, 400 for a truncated one, 503 without memory.
    pub async fn read_body(mut body: Body, uploads: &Uploads) -> Result<Self, ApiError> {
        let mut upload = Self::default();
        while let Some(chunk) = next_chunk(&mut body).await {
            upload.extend(&chunk.map_err(|error| broken_body(&error))?, uploads)?;
        }
        Ok(upload)
    }
}

impl AsRef<[u8]> for ImageUpload {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
