//! Why a body is refused.

use crate::upload::budget::NoRoom;
use crate::upload::multipart::Broken;

use crate::error::InputError;
use crate::http::problem::{ApiError, ProblemCode, shown};
use crate::upload::steady_body::TooSlow;

/// 415: the route does not take this media type.
#[must_use]
pub fn wrong_media_type(expected: &str, found: &str) -> ApiError {
    let found = if found.is_empty() { "none".to_owned() } else { format!("{:?}", shown(found)) };
    let detail = format!("expected {expected}; found the content type {found}");
    ApiError::new(ProblemCode::UnsupportedMediaType, detail)
}

/// 400 for an unknown part; a misspelt one must not be silently ignored.
#[must_use]
pub fn unknown_part(known: &[&str], name: Option<&str>) -> ApiError {
    let found = shown(name.unwrap_or_default());
    invalid(format!("unknown form field {found:?}; expected one of {}", known.join(", ")))
}

/// 400 for a part that occurs twice.
#[must_use]
pub fn repeated_part(name: &str) -> ApiError {
    invalid(format!("expected one part `{name}` in the form, found two"))
}

/// 400 with a message.
#[must_use]
pub fn invalid(message: String) -> ApiError {
    InputError::Invalid(message).into()
}

/// 413, naming the limit in bytes.
#[must_use]
pub fn too_large(limit: u64) -> ApiError {
    InputError::TooLarge { limit_bytes: limit }.into()
}

/// 503: the memory for uploads is used up.
impl From<NoRoom> for ApiError {
    fn from(no_room: NoRoom) -> Self {
        Self::new(ProblemCode::Busy, no_room.to_string())
    }
}

/// 503: the client is uploading as many photos as one client may.
#[must_use]
pub fn share_taken(photos: usize) -> ApiError {
    let detail = format!("this client is uploading {photos} photos, the most for one; wait for one to end");
    ApiError::new(ProblemCode::Busy, detail)
}

/// 408 where the error is that the body stalled or was too slow.
fn slow_upload(error: &(dyn std::error::Error + 'static)) -> Option<ApiError> {
    let stalled = cause::<tower_http::timeout::TimeoutError>(error);
    let stalled = stalled.map(|_| "the upload stalled; send it faster or again".to_owned());
    let detail = stalled.or_else(|| cause::<TooSlow>(error).map(ToString::to_string))?;
    Some(ApiError::new(ProblemCode::SlowUpload, detail))
}

/// Why a raw body could not be read to its end.
#[must_use]
pub fn broken_body(error: &axum::Error) -> ApiError {
    let truncated = || invalid("expected a complete body, found a truncated one".to_owned());
    slow_upload(error).unwrap_or_else(truncated)
}

/// 400 for a body that is no multipart form.
#[must_use]
pub fn broken_form(why: Broken) -> ApiError {
    invalid(format!("expected a multipart form, found a broken one: {why}"))
}

/// The error of this type, if it is one or has it as a cause.
fn cause<'a, E: std::error::Error + 'static>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a E> {
    let mut cause = Some(error);
    std::iter::from_fn(|| {
        let this = cause?;
        cause = this.source();
        Some(this)
    })
    .find_map(<dyn std::error::Error>::downcast_ref::<E>)
}
