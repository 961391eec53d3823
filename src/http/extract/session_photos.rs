//! The form with photos of a session.

use axum::extract::{FromRequest, Request};
use utoipa::ToSchema;

use super::enroll_form::{PhotoFile, photo_label};
use super::form::{Form, read_file, read_text};
use super::refusals::unknown_part;
use super::upload::ImageUpload;
use crate::error::InputError;
use crate::http::problem::ApiError;
use crate::http::state::AppState;
use crate::service::attendance::photos::SessionPhoto;

/// Photos of a session.
#[derive(ToSchema)]
#[schema(as = SessionPhotos)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only documents the form")]
pub struct SessionPhotosSchema {
    /// When the photos after this part were taken: RFC 3339, or without an offset in the session's time zone. Absent or empty
    /// for now.
    #[schema(required = false, example = "2026-11-26T08:02:00+01:00")]
    captured_at: Option<String>,
    /// One to 20 photos: JPEG, PNG, WebP, GIF, BMP or TIFF. The part may be called `file`, too.
    #[schema(value_type = Vec<PhotoFile>, min_items = 1, max_items = 20)]
    photos: Vec<PhotoFile>,
}

/// The photos of the request.
pub struct SessionPhotosForm {
    /// File names; `photo 3` for one without. As many as `photos`.
    pub labels: Vec<String>,
    /// One to [`MAX_PHOTOS`](crate::upload::limits::MAX_PHOTOS) photos with the times said.
    pub photos: Vec<SessionPhoto<ImageUpload>>,
}

impl FromRequest<AppState> for SessionPhotosForm {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let expected = "the photos in parts `photos`";
        let (_admission, mut form) = Form::admitted(request, app, app.limits.enrollment, expected).await?;
        let (mut labels, mut photos, mut captured_at) = (Vec::new(), Vec::new(), None);
        while let Some(part) = form.next().await? {
            match part.name() {
                Some("photos" | "file") => {
                    labels.push(photo_label(photos.len() + 1, part.file_name())?);
                    let bytes = read_file(part, &app.uploads).await?;
                    photos.push(SessionPhoto { bytes, captured_at: captured_at.clone() });
                }
                Some("captured_at") => {
                    let text = read_text(part).await?;
                    captured_at = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
                }
                _ => return Err(unknown_part(&["photos", "file", "captured_at"], part.name())),
            }
        }
        if photos.is_empty() {
            let message = "expected at least one photo in a part `photos` of the form, found none";
            return Err(InputError::Missing(message.to_owned()).into());
        }
        Ok(Self { labels, photos })
    }
}
