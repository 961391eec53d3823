//! The upload of the Flask service's endpoint.

use axum::extract::{FromRequest, Request};

use crate::error::InputError;
use crate::http::extract::admission::admit;
use crate::http::extract::form::{Form, read_file};
use crate::http::extract::upload::ImageUpload;
use crate::http::problem::ApiError;
use crate::http::state::AppState;

/// The photo in part `file` of a multipart body, as the Flask service took it. Any content
/// type of the part is accepted; a part without a file name is no file.
pub struct PhotoForm(pub ImageUpload);

impl FromRequest<AppState> for PhotoForm {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let _admission = admit(&request, app, app.limits.single).await?;
        // A body that is no multipart form has no file.
        let no_file = || ApiError::from(InputError::Missing("No file provided".to_owned()));
        let limit = app.limits.single;
        let mut form = Form::open(request, &app.uploads, limit).await.map_err(|_| no_file())?;
        while let Some(part) = form.next().await? {
            if part.name() == Some("file") && part.file_name().is_some() {
                return read_file(part, &app.uploads, limit).await.map(Self);
            }
        }
        Err(no_file())
    }
}
