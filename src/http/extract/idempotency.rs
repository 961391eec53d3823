//! The header `Idempotency-Key`.

use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::request::Parts;

use super::refusals::invalid;
use crate::http::problem::ApiError;

/// Tells a repeated request from a new one.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Longest key, bytes.
const MAX_BYTES: usize = 128;

/// The key of the request, if it has one.
pub struct Idempotency(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for Idempotency {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get(IDEMPOTENCY_KEY) else { return Ok(Self(None)) };
        match value.to_str() {
            Ok(key) if (1..=MAX_BYTES).contains(&key.len()) && !key.contains('\t') => {
                Ok(Self(Some(key.to_owned())))
            }
            _ => {
                let message =
                    format!("Idempotency-Key: expected 1 to {MAX_BYTES} ASCII characters, found other ones");
                Err(invalid(message))
            }
        }
    }
}
