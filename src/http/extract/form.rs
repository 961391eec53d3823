//! Multipart forms, part by part, under limits.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use std::sync::Arc;

use super::admission::{Admission, admit, media_type};
use super::body::next_chunk;
use super::refusals::{broken_body, broken_form, invalid, too_large, wrong_media_type};
use super::upload::{ImageUpload, Uploads};
use crate::http::middleware::client;
use crate::http::problem::{ApiError, shown};
use crate::http::state::AppState;
use crate::upload::budget::{Reservation, UploadBudget};
use crate::upload::limits::body_limit;
use crate::upload::multipart::{Event, Head, Parser};

/// More parts than any form has; the same as Werkzeug's `max_form_parts`.
const MAX_PARTS: usize = 1000;
/// Longest text field, bytes: more than a name or an ID of 200 characters.
const MAX_TEXT_BYTES: usize = 4096;

/// A multipart body, part by part. Bytes that have come and are not yet returned count against the upload budget.
pub struct Form {
    body: Body,
    parser: Parser,
    /// Maximum bytes of all files, for messages.
    limit: u64,
    /// Bytes that may still come.
    left: usize,
    parts: usize,
    budget: Arc<UploadBudget>,
    held: Reservation,
}

/// A part of a [`Form`].
pub struct Part<'a> {
    form: &'a mut Form,
    head: Head,
    is_at_end: bool,
}

impl Part<'_> {
    /// The field's name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.head.name.as_deref()
    }

    /// The file's name.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.head.file_name.as_deref()
    }

    /// The next piece of its content.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        if self.is_at_end {
            return Ok(None);
        }
        match self.form.event().await? {
            Event::Data { bytes, is_last } => {
                self.is_at_end = is_last;
                Ok(Some(bytes))
            }
            _ => Ok(None),
        }
    }
}

impl Form {
    /// The form of a request whose content type is multipart; `limit` is the most that its files may have, bytes.
    ///
    /// # Errors
    /// 400 when it has no boundary.
    pub fn open(request: Request, uploads: &Uploads, limit: u64) -> Result<Self, ApiError> {
        let content_type =
            request.headers().get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let missing = || invalid("expected a multipart form with a boundary, found none".to_owned());
        let parser = content_type.and_then(|it| Parser::new(&it)).ok_or_else(missing)?;
        let (left, held) = (body_limit(limit), Reservation::of(client::network(&request)));
        let (body, budget) = (request.into_body(), Arc::clone(&uploads.budget));
        Ok(Self { body, parser, limit, left, parts: 0, budget, held })
    }

    /// The form of a request that takes nothing but one, and the right to read it; `expected` says what it holds, for
    /// messages.
    ///
    /// # Errors
    /// 415 for a body of another kind; else as [`admit`] and [`Form::open`].
    pub async fn admitted(
        request: Request,
        app: &AppState,
        limit: u64,
        expected: &str,
    ) -> Result<(Admission, Self), ApiError> {
        let found = media_type(&request);
        if found != "multipart/form-data" {
            return Err(wrong_media_type(&format!("multipart/form-data with {expected}"), &found));
        }
        let admission = admit(&request, app, limit).await?;
        Ok((admission, Self::open(request, &app.uploads, limit)?))
    }

    /// The next part, or `None` at the end. What is left of the part before is passed over.
    ///
    /// # Errors
    /// 400 for a broken form or one with too many parts, 413, 408, 503 without memory.
    pub async fn next(&mut self) -> Result<Option<Part<'_>>, ApiError> {
        let head = loop {
            match self.event().await? {
                Event::Head(head) => break head,
                Event::End => return Ok(None),
                Event::Data { .. } | Event::NeedMore => {}
            }
        };
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(invalid(format!("expected at most {MAX_PARTS} parts, found more")));
        }
        Ok(Some(Part { form: self, head, is_at_end: false }))
    }

    /// What comes next in the body, for which it is read on.
    async fn event(&mut self) -> Result<Event, ApiError> {
        loop {
            let before = self.parser.buffered();
            let event = self.parser.event().map_err(broken_form)?;
            self.held.shrink(before - self.parser.buffered());
            if event != Event::NeedMore {
                return Ok(event);
            }
            match next_chunk(&mut self.body).await {
                None => self.parser.complete(),
                Some(chunk) => self.take(&chunk.map_err(|error| broken_body(&error))?)?,
            }
        }
    }

    fn take(&mut self, chunk: &Bytes) -> Result<(), ApiError> {
        self.left = self.left.checked_sub(chunk.len()).ok_or_else(|| too_large(self.limit))?;
        self.budget.grow(&mut self.held, chunk.len())?;
        self.parser.push(chunk);
        Ok(())
    }
}

/// Reads a part that is a file into memory.
///
/// # Errors
/// As [`ImageUpload::read_body`].
pub async fn read_file(mut part: Part<'_>, uploads: &Uploads) -> Result<ImageUpload, ApiError> {
    let mut upload = ImageUpload::of(part.form.held.client());
    while let Some(chunk) = part.chunk().await? {
        upload.extend(&chunk, uploads)?;
    }
    Ok(upload)
}

/// Reads a part that is text.
///
/// # Errors
/// 400 when it is too long or no UTF-8, else as [`ImageUpload::read_body`].
pub async fn read_text(mut part: Part<'_>) -> Result<String, ApiError> {
    let name = shown(part.name().unwrap_or_default());
    let mut bytes = Vec::new();
    while let Some(chunk) = part.chunk().await? {
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
