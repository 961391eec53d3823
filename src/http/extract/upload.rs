//! Uploaded files in memory.

use std::sync::Arc;

use axum::extract::Request;

use super::body::next_chunk;
use super::refusals::{broken_body, too_large};
use crate::clients::network::ClientNetwork;
use crate::clients::shares::Shares;
use crate::config::Config;
use crate::http::middleware::client;
use crate::http::problem::ApiError;
use crate::upload::budget::{Reservation, UploadBudget};
use crate::upload::limits::MULTIPART_OVERHEAD_BYTES;
use crate::upload::permits::ReadPermits;

/// What all uploads share.
pub struct Uploads {
    /// Bytes in memory.
    pub budget: Arc<UploadBudget>,
    /// Which bodies are read first.
    pub permits: ReadPermits,
    /// How many uploads of each client are under way.
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
}

/// An uploaded file, and its reservation in the budget.
pub struct ImageUpload {
    /// The file.
    pub bytes: Vec<u8>,
    held: Reservation,
}

impl ImageUpload {
    /// An empty one of this client.
    #[must_use]
    pub fn of(client: ClientNetwork) -> Self {
        Self { bytes: Vec::new(), held: Reservation::of(client) }
    }

    /// Appends bytes, within the limit of one file and the budget of all uploads.
    pub(super) fn extend(&mut self, chunk: &[u8], uploads: &Uploads) -> Result<(), ApiError> {
        self.reserve(chunk.len(), uploads)?;
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// Reserves room for so many more bytes, within the same limits, before they are made.
    pub(super) fn reserve(&mut self, more: usize, uploads: &Uploads) -> Result<(), ApiError> {
        let limit = uploads.max_file_bytes;
        if self.bytes.len().saturating_add(more) as u64 > limit {
            return Err(too_large(limit));
        }
        Ok(uploads.budget.grow(&mut self.held, more)?)
    }

    /// Reads a raw body.
    ///
    /// # Errors
    /// 413 over the limit, 408 for a stalled body, 400 for a truncated one, 503 without memory.
    pub async fn read_body(request: Request, uploads: &Uploads) -> Result<Self, ApiError> {
        let mut upload = Self::of(client::network(&request));
        let mut body = request.into_body();
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
