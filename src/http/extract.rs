//! From a request's body to the photo in it, under limits: bytes are counted as they arrive.

use std::ops::Deref;

use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};

use super::error::ApiError;
use super::state::AppState;
use super::upload::{BufferedBytes, FormBody, NoRoom, ReadPermit, Reservation, next_chunk, no_room};
use crate::error::InputError;

/// What a multipart body may need beside the photo: boundaries, headers, small fields.
pub const MULTIPART_OVERHEAD_BYTES: u64 = 64 * 1024;
/// More parts than any form has; as Werkzeug's `max_form_parts`.
const MAX_PARTS: usize = 1000;
/// Longest text field, bytes: a name or an ID of 200 characters, and more.
const MAX_TEXT_BYTES: usize = 4096;
/// Most of a content type that a message shows, characters.
const MAX_SHOWN: usize = 80;

/// A photo's bytes as they came, and the room they take in the budget.
#[derive(Debug, Default)]
pub struct ImageUpload {
    /// The file.
    pub bytes: Vec<u8>,
    held: Reservation,
}

impl ImageUpload {
    /// Takes more of the file, as far as one file may be large and the budget of all uploads reaches.
    fn extend(&mut self, chunk: &[u8], app: &AppState) -> Result<(), ApiError> {
        let limit = app.config.max_upload_bytes;
        if (self.bytes.len() + chunk.len()) as u64 > limit {
            return Err(too_large(limit));
        }
        app.uploads.grow(&mut self.held, chunk.len())?;
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// Reads a raw body.
    ///
    /// # Errors
    /// 413 over the limit, 408 for a body that stands still, 400 for one that breaks off, 503 without room.
    pub async fn read_body(mut body: Body, app: &AppState) -> Result<Self, ApiError> {
        let mut upload = Self::default();
        while let Some(chunk) = next_chunk(&mut body).await {
            upload.extend(&chunk.map_err(|error| broken_body(&error))?, app)?;
        }
        Ok(upload)
    }
}

/// The photo in part `file` of a multipart body, as the old endpoint takes it. Any content type of
/// the part is accepted; a part without a filename is no file.
pub struct PhotoForm(pub ImageUpload);

impl FromRequest<AppState> for PhotoForm {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let _permit = admit(request.headers(), app, app.config.max_upload_bytes).await?;
        // What is no multipart form has no file, whatever else it is.
        let no_file = || ApiError::from(InputError::Missing("No file provided".to_owned()));
        let limit = app.config.max_upload_bytes;
        let mut form = Form::open(request, app, limit).await.map_err(|_| no_file())?;
        while let Some(part) = form.next().await? {
            if part.name() == Some("file") && part.file_name().is_some() {
                return read_file(part, app, limit).await.map(Self);
            }
        }
        Err(no_file())
    }
}

/// The content type without its parameters, in lower case; empty where there is none.
#[must_use]
pub fn media_type(request: &Request) -> String {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// 415: a body of another kind than the address takes.
#[must_use]
pub fn wrong_media_type(expected: &str, found: &str) -> ApiError {
    let found: String = found.chars().take(MAX_SHOWN).collect();
    let found = if found.is_empty() { "none".to_owned() } else { format!("{found:?}") };
    let detail = format!("expected {expected}; found the content type {found}");
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
}

/// Says no before the body is read, where that is possible: to more than `limit` bytes of files, and
/// when no worker would take the photo. Else it is to be read as long as the permit is held.
///
/// # Errors
/// 413 or 503.
pub async fn admit(head: &HeaderMap, app: &AppState, limit: u64) -> Result<ReadPermit, ApiError> {
    app.workers.check_room()?;
    let announced = head.get(CONTENT_LENGTH);
    let announced = announced.and_then(|v| v.to_str().ok()?.parse::<u64>().ok()).unwrap_or(0);
    if announced > limit.saturating_add(MULTIPART_OVERHEAD_BYTES) {
        return Err(too_large(limit));
    }
    let read_permit = app.read_permits.take().await;
    // Those before may have filled the queue.
    app.workers.check_room()?;
    Ok(read_permit)
}

/// A multipart body, part by part.
pub struct Form {
    parts: Multipart,
    /// Bytes that all files together may have, for the message.
    limit: u64,
    seen: usize,
    buffered: BufferedBytes,
}

/// A part of a [`Form`].
pub struct Part<'a> {
    field: Field<'a>,
    buffered: &'a BufferedBytes,
}

impl<'a> Deref for Part<'a> {
    type Target = Field<'a>;

    fn deref(&self) -> &Field<'a> {
        &self.field
    }
}

impl Part<'_> {
    /// The next piece of its content.
    async fn chunk(&mut self, limit: u64) -> Result<Option<Bytes>, ApiError> {
        let chunk = self.field.chunk().await.map_err(|error| broken_form(&error, limit))?;
        self.buffered.given_on(chunk.as_ref().map_or(0, Bytes::len));
        Ok(chunk)
    }
}

impl Form {
    /// Of a request that says that it is one.
    ///
    /// # Errors
    /// 400 when it has no boundary.
    pub async fn open(request: Request, app: &AppState, limit: u64) -> Result<Self, ApiError> {
        let broken = |_| invalid("expected a multipart form with a boundary, found none".to_owned());
        let buffered = BufferedBytes::default();
        let (held, budget_of) = (buffered.clone(), app.clone());
        let request = request.map(|body| Body::new(FormBody { body, buffered: held, app: budget_of }));
        let parts = Multipart::from_request(request, app).await.map_err(broken)?;
        Ok(Self { parts, limit, seen: 0, buffered })
    }

    /// The next part, or `None` at the end.
    ///
    /// # Errors
    /// 400 for a broken form or one with too many parts, 413, 408, 503 without room.
    pub async fn next(&mut self) -> Result<Option<Part<'_>>, ApiError> {
        let field = self.parts.next_field().await.map_err(|error| broken_form(&error, self.limit))?;
        let Some(field) = field else { return Ok(None) };
        self.seen += 1;
        if self.seen > MAX_PARTS {
            return Err(invalid(format!("expected at most {MAX_PARTS} parts, found more")));
        }
        Ok(Some(Part { field, buffered: &self.buffered }))
    }
}

/// 400 for a part that is not known; one that is misspelt must not be silently without effect.
#[must_use]
pub fn unknown_part(known: &str, part: &Field<'_>) -> ApiError {
    let found: String = part.name().unwrap_or_default().chars().take(MAX_SHOWN).collect();
    invalid(format!("expected no other parts in the form than {known}; found {found:?}"))
}

/// 400 for a part that is there already.
#[must_use]
pub fn repeated_part(name: &str) -> ApiError {
    invalid(format!("expected one part `{name}` in the form, found two"))
}

/// Reads a part that is a file into memory; `limit` is that of the whole form, for the message.
///
/// # Errors
/// As [`ImageUpload::read_body`].
pub async fn read_file(mut part: Part<'_>, app: &AppState, limit: u64) -> Result<ImageUpload, ApiError> {
    let mut upload = ImageUpload::default();
    while let Some(chunk) = part.chunk(limit).await? {
        upload.extend(&chunk, app)?;
    }
    Ok(upload)
}

/// Reads a part that is text.
///
/// # Errors
/// 400 when it is too long or no UTF-8, else as [`ImageUpload::read_body`].
pub async fn read_text(mut part: Part<'_>, limit: u64) -> Result<String, ApiError> {
    let name: String = part.name().unwrap_or_default().chars().take(MAX_SHOWN).collect();
    let mut bytes = Vec::new();
    while let Some(chunk) = part.chunk(limit).await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_TEXT_BYTES {
            return Err(invalid(format!(
                "expected at most {MAX_TEXT_BYTES} bytes in part {name}, found more"
            )));
        }
    }
    String::from_utf8(bytes)
        .map_err(|_| invalid(format!("expected text in UTF-8 in part {name}, found other bytes")))
}

/// Reads a body of a few bytes, that needs no place in the budget of uploads.
///
/// # Errors
/// 413 for more than `limit` bytes, 408 for a body that stands still, 400 for one that breaks off.
pub async fn read_small_body(mut body: Body, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = next_chunk(&mut body).await {
        bytes.extend_from_slice(&chunk.map_err(|error| broken_body(&error))?);
        if bytes.len() > limit {
            return Err(too_large(limit as u64));
        }
    }
    Ok(bytes)
}

fn invalid(message: String) -> ApiError {
    InputError::Invalid(message).into()
}

/// 413, naming the limit in bytes.
#[must_use]
pub fn too_large(limit: u64) -> ApiError {
    InputError::TooLarge { limit_bytes: limit }.into()
}

fn slow_upload() -> ApiError {
    let detail = "the upload stood still; send it faster or again";
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "slow_upload", detail)
}

/// Why a raw body could not be read to its end.
fn broken_body(error: &axum::Error) -> ApiError {
    let broken = || invalid("expected a whole body, found one that breaks off".to_owned());
    if stood_still(error) { slow_upload() } else { broken() }
}

/// Why a form could not be read to its end.
fn broken_form(error: &MultipartError, limit: u64) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large(limit);
    }
    if stood_still(error) {
        return slow_upload();
    }
    if has_cause::<NoRoom>(error) {
        return no_room();
    }
    invalid(format!("expected a multipart form, found a broken one: {}", error.body_text()))
}

fn stood_still(error: &(dyn std::error::Error + 'static)) -> bool {
    has_cause::<tower_http::timeout::TimeoutError>(error)
}

fn has_cause<E: std::error::Error + 'static>(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    std::iter::from_fn(|| {
        let this = cause?;
        cause = this.source();
        Some(this)
    })
    .any(<dyn std::error::Error>::is::<E>)
}
