//! Multipart forms, part by part, under limits.

use std::ops::Deref;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, Multipart};
use axum::extract::{FromRequest, Request};

use super::form_body::{BufferedBytes, FormBody};
use super::refusals::{broken_form, invalid};
use super::upload::{ImageUpload, Uploads};
use crate::http::problem::{ApiError, shown};

/// More parts than any form has; the same as Werkzeug's `max_form_parts`.
const MAX_PARTS: usize = 1000;
/// Longest text field, bytes: more than a name or an ID of 200 characters.
const MAX_TEXT_BYTES: usize = 4096;

/// A multipart body, part by part.
pub struct Form {
    parts: Multipart,
    /// Most bytes of all files, for messages.
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
        self.buffered.release(chunk.as_ref().map_or(0, Bytes::len));
        Ok(chunk)
    }
}

impl Form {
    /// The form of a request whose content type is multipart.
    ///
    /// # Errors
    /// 400 when it has no boundary.
    pub async fn open(request: Request, uploads: &Uploads, limit: u64) -> Result<Self, ApiError> {
        let broken = |_| invalid("expected a multipart form with a boundary, found none".to_owned());
        let buffered = BufferedBytes::default();
        let (held, budget) = (buffered.clone(), Arc::clone(&uploads.budget));
        let request = request.map(|body| Body::new(FormBody { body, buffered: held, budget }));
        let parts = Multipart::from_request(request, &()).await.map_err(broken)?;
        Ok(Self { parts, limit, seen: 0, buffered })
    }

    /// The next part, or `None` at the end.
    ///
    /// # Errors
    /// 400 for a broken form or one with too many parts, 413, 408, 503 without memory.
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

/// Reads a part that is a file into memory; `limit` is that of the whole form, for the message.
///
/// # Errors
/// As [`ImageUpload::read_body`].
pub async fn read_file(mut part: Part<'_>, uploads: &Uploads, limit: u64) -> Result<ImageUpload, ApiError> {
    let mut upload = ImageUpload::default();
    while let Some(chunk) = part.chunk(limit).await? {
        upload.extend(&chunk, uploads)?;
    }
    Ok(upload)
}

/// Reads a part that is text.
///
/// # Errors
/// 400 when it is too long or no UTF-8, else as [`ImageUpload::read_body`].
pub async fn read_text(mut part: Part<'_>, limit: u64) -> Result<String, ApiError> {
    let name = shown(part.name().unwrap_or_default());
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
