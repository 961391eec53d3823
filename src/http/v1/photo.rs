//! The photo that a request is about: part `file` of a form, or the body itself.

use axum::extract::{FromRequest, Request};
use utoipa::ToSchema;

use crate::error::InputError;
use crate::http::error::Failure;
use crate::http::extract::{Form, ImageUpload, media_type, read_file, refuse_early, wrong_media_type};
use crate::http::state::AppState;

/// A form with a photo, for the documentation.
#[derive(ToSchema)]
#[schema(as = PhotoForm)]
pub struct PhotoFormSchema {
    /// JPEG, PNG, WebP, GIF, BMP or TIFF; the bytes decide, not the content type.
    #[schema(value_type = String, format = Binary, content_media_type = "image/*")]
    #[allow(dead_code, reason = "only documents the form")]
    file: Vec<u8>,
}

/// The photo of the request.
pub struct Photo(pub ImageUpload);

impl FromRequest<AppState> for Photo {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, Failure> {
        let limit = app.config.max_upload_bytes;
        refuse_early(&request, app, limit)?;
        match media_type(&request).as_str() {
            "multipart/form-data" => {
                let mut form = Form::open(request, app, limit).await?;
                while let Some(part) = form.next().await? {
                    if part.name() == Some("file") {
                        return read_file(part, app, limit).await.map(Self);
                    }
                }
                let message = "expected the photo in part `file` of the form, found no such part";
                Err(InputError::Missing(message.to_owned()).into())
            }
            image if image.starts_with("image/") => {
                ImageUpload::read_body(request.into_body(), app).await.map(Self)
            }
            other => Err(wrong_media_type(
                "a multipart/form-data body with the photo in part `file`, or the photo itself as image/*",
                other,
            )),
        }
    }
}
