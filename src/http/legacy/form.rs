//! The upload of the Flask service's endpoint.

use axum::extract::{FromRequest, Request};

use crate::config::Compat;
use crate::error::InputError;
use crate::http::extract::admission::{admit, media_type};
use crate::http::extract::form::{Form, read_file};
use crate::http::extract::upload::ImageUpload;
use crate::http::problem::{ApiError, shown};
use crate::http::state::AppState;

/// The Flask service's words where there is no photo.
const NO_FILE: &str = "No file provided";
/// Most names of parts that a message repeats.
const MAX_NAMES: usize = 5;

/// The photo in part `file` of a multipart body, as the Flask service took it. Any content type of the part is accepted.
/// With `--compat flask` a part without a file name is no file.
pub struct PhotoForm(pub ImageUpload);

impl FromRequest<AppState> for PhotoForm {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let compat = app.config.compat;
        let limit = app.limits.single;
        let _admission = admit(&request, app, limit).await?;
        let found = media_type(&request);
        // A body that is no multipart form has no file.
        let mut form = Form::open(request, &app.uploads, limit).map_err(|_| no_form(&found, compat))?;
        let mut names = Vec::new();
        while let Some(part) = form.next().await? {
            let is_file = compat == Compat::Standard || part.file_name().is_some();
            match part.name() {
                Some("file") if is_file => return read_file(part, &app.uploads).await.map(Self),
                name if names.len() < MAX_NAMES => names.push(shown(name.unwrap_or_default())),
                _ => {}
            }
        }
        Err(no_file(&names, compat))
    }
}

fn no_form(media_type: &str, compat: Compat) -> ApiError {
    let found = match media_type {
        "" => "no content type".to_owned(),
        "multipart/form-data" => "one without a boundary".to_owned(),
        other => format!("the content type {:?}", shown(other)),
    };
    refusal(
        &format!("expected a form (multipart/form-data) with the photo in part `file`, found {found}"),
        compat,
    )
}

fn no_file(names: &[String], compat: Compat) -> ApiError {
    let found = if names.is_empty() { "no parts".to_owned() } else { format!("the parts {names:?}") };
    refusal(&format!("expected the photo in part `file` of the form, found {found}"), compat)
}

fn refusal(detail: &str, compat: Compat) -> ApiError {
    let message = match compat {
        Compat::Flask => NO_FILE.to_owned(),
        Compat::Standard => format!("{NO_FILE}: {detail}"),
    };
    InputError::Missing(message).into()
}
