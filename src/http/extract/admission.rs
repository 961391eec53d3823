//! What is decided about a request before its body is read.

use std::future::Future;

use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};

use super::refusals::{share_taken, too_large};
use crate::clients::shares::Taken;
use crate::http::middleware::client;
use crate::http::problem::ApiError;
use crate::http::state::AppState;
use crate::upload::limits::MULTIPART_OVERHEAD_BYTES;
use crate::upload::permits::ReadPermit;

/// The content type without its parameters, in lower case; empty where it is absent.
#[must_use]
pub fn media_type(request: &Request) -> String {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// The right to read a request's body, to be held while it is read.
#[must_use = "dropping it lets others read theirs"]
pub struct Admission {
    _of_client: Taken,
    _read_permit: ReadPermit,
}

/// Refuses a request before its body is read, where possible: an announced length above `limit` bytes of files, a full
/// queue, or a client that is uploading its share.
///
/// # Errors
/// 413 or 503.
pub fn admit<'a>(
    request: &Request,
    app: &'a AppState,
    limit: u64,
) -> impl Future<Output = Result<Admission, ApiError>> + Send + use<'a> {
    let client = client::network(request);
    let announced = request.headers().get(CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    async move {
        let (uploads, workers) = (&app.uploads, app.service.workers());
        workers.check_room(client)?;
        let largest = limit.saturating_add(MULTIPART_OVERHEAD_BYTES);
        if announced.is_some_and(|length| length > largest) {
            return Err(too_large(limit));
        }
        let of_client = uploads.shares.take(client, app.config.timeouts.upload_turn).await;
        let of_client = of_client.ok_or_else(|| share_taken(uploads.shares.size()))?;
        let read_permit = uploads.permits.take().await;
        // Earlier requests may have filled the queue meanwhile.
        workers.check_room(client)?;
        Ok(Admission { _of_client: of_client, _read_permit: read_permit })
    }
}
