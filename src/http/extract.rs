//! From a request's body to the photo in it, under limits: bytes are counted as they arrive.

use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;

use super::error::Failure;
use super::state::AppState;
use super::upload::Held;
use crate::error::InputError;

/// What a multipart body may need beside the photo: boundaries, headers, small fields.
pub const MULTIPART_OVERHEAD_BYTES: u64 = 64 * 1024;
/// More parts than any form has; as Werkzeug's `max_form_parts`.
const MAX_PARTS: usize = 1000;

/// A photo's bytes as they came, and the room they take in the budget.
pub struct ImageUpload {
    /// The file.
    pub bytes: Vec<u8>,
    held: Held,
}

/// The photo in part `file` of a multipart body, as the old endpoint takes it. Any content type of
/// the part is accepted; a part without a filename is no file.
pub struct PhotoForm(pub ImageUpload);

impl FromRequest<AppState> for PhotoForm {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, Failure> {
        refuse_early(&request, app)?;
        // What is no multipart form has no file, whatever else it is.
        let mut form = Multipart::from_request(request, app).await.map_err(|_| no_file())?;
        photo_part(&mut form, app).await.map(Self)
    }
}

/// Says no before the body is read, where that is possible.
fn refuse_early(request: &Request, app: &AppState) -> Result<(), Failure> {
    app.workers.check_room()?;
    let announced = request.headers().get(CONTENT_LENGTH);
    let announced = announced.and_then(|v| v.to_str().ok()?.parse::<u64>().ok()).unwrap_or(0);
    if announced > app.config.max_upload_bytes + MULTIPART_OVERHEAD_BYTES {
        return Err(too_large(app));
    }
    Ok(())
}

async fn photo_part(form: &mut Multipart, app: &AppState) -> Result<ImageUpload, Failure> {
    for _ in 0..MAX_PARTS {
        let part = form.next_field().await.map_err(|e| broken_body(&e, app))?;
        let Some(part) = part else { return Err(no_file()) };
        if part.name() == Some("file") && part.file_name().is_some() {
            return read_part(part, app).await;
        }
    }
    Err(Failure::from(InputError::Invalid(format!("expected at most {MAX_PARTS} parts, found more"))))
}

/// Reads a part into memory.
async fn read_part(mut part: Field<'_>, app: &AppState) -> Result<ImageUpload, Failure> {
    let mut upload = ImageUpload { bytes: Vec::new(), held: Held::default() };
    while let Some(chunk) = part.chunk().await.map_err(|e| broken_body(&e, app))? {
        if (upload.bytes.len() + chunk.len()) as u64 > app.config.max_upload_bytes {
            return Err(too_large(app));
        }
        app.uploads.grow(&mut upload.held, chunk.len())?;
        upload.bytes.extend_from_slice(&chunk);
    }
    Ok(upload)
}

fn no_file() -> Failure {
    InputError::Missing("No file provided".to_owned()).into()
}

fn too_large(app: &AppState) -> Failure {
    InputError::TooLarge { limit_bytes: app.config.max_upload_bytes }.into()
}

/// Why a body could not be read to its end.
fn broken_body(error: &MultipartError, app: &AppState) -> Failure {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large(app);
    }
    if stood_still(error) {
        let detail = "the upload stood still; send it faster or again";
        return Failure::new(StatusCode::REQUEST_TIMEOUT, "slow_upload", detail);
    }
    InputError::Invalid(format!("expected a multipart form, found a broken one: {}", error.body_text()))
        .into()
}

fn stood_still(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    std::iter::from_fn(|| {
        let this = cause?;
        cause = this.source();
        Some(this)
    })
    .any(<dyn std::error::Error>::is::<tower_http::timeout::TimeoutError>)
}
