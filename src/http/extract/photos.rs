//! One photo, or several: a form, the photo itself, or JSON with photos in base64.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use utoipa::ToSchema;

use super::admission::{admit, media_type};
use super::body::next_chunk;
use super::enroll_form::{PhotoFile, photo_label};
use super::form::{Form, read_file};
use super::refusals::{broken_body, invalid, repeated_part, too_large, unknown_part, wrong_media_type};
use super::upload::{ImageUpload, Uploads};
use crate::clients::network::ClientNetwork;
use crate::error::InputError;
use crate::http::middleware::client;
use crate::http::problem::ApiError;
use crate::http::state::AppState;
use crate::service::blocking::run_blocking;
use crate::upload::base64_json::{Base64, PhotosInJson, refused};
use crate::upload::budget::Reservation;
use crate::upload::limits::body_limit;

/// A form with one photo in `file`, or several in `photos`.
#[derive(ToSchema)]
#[schema(as = PhotosForm)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only documents the form")]
pub struct PhotosFormSchema {
    /// One photo: JPEG, PNG, WebP, GIF, BMP or TIFF, and HEIC where it is built in; the bytes decide, not the content type.
    #[schema(value_type = String, format = Binary, required = false)]
    file: Option<Vec<u8>>,
    /// In place of `file`: up to 20 photos, each with a result of its own.
    #[schema(value_type = Vec<PhotoFile>, max_items = 20, required = false)]
    photos: Option<Vec<PhotoFile>>,
}

/// The photos of the request.
pub enum Photos {
    /// One.
    One(ImageUpload),
    /// Several, with what the response calls each.
    Several(Vec<(String, ImageUpload)>),
}

impl FromRequest<AppState> for Photos {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let found = media_type(&request);
        match found.as_str() {
            "multipart/form-data" => {
                let limit = app.limits.enrollment;
                let _admission = admit(&request, app, limit).await?;
                read_form(Form::open(request, &app.uploads, limit)?, &app.uploads).await
            }
            "application/json" => {
                let limit = app.limits.json;
                let _admission = admit(&request, app, limit).await?;
                read_json(request, &app.uploads, limit).await
            }
            image if image.starts_with("image/") => {
                let _admission = admit(&request, app, app.limits.single).await?;
                ImageUpload::read_body(request, &app.uploads).await.map(Self::One)
            }
            _ => {
                let expected = "a multipart/form-data body with the photo in part `file` or photos in parts `photos`, the \
                                photo itself as image/*, or application/json with `image` or `images` in base64";
                Err(wrong_media_type(expected, &found))
            }
        }
    }
}

async fn read_form(mut form: Form, uploads: &Uploads) -> Result<Photos, ApiError> {
    let (mut file, mut photos) = (None, Vec::new());
    while let Some(part) = form.next().await? {
        match part.name() {
            Some("file") if file.is_some() => return Err(repeated_part("file")),
            Some("file") => file = Some(read_file(part, uploads).await?),
            Some("photos") => {
                let label = photo_label(photos.len() + 1, part.file_name())?;
                photos.push((label, read_file(part, uploads).await?));
            }
            name => return Err(unknown_part(&["file", "photos"], name)),
        }
    }
    match (file, photos.is_empty()) {
        (Some(file), true) => Ok(Photos::One(file)),
        (None, false) => Ok(Photos::Several(photos)),
        (Some(_), false) => {
            Err(invalid("expected part `file` or parts `photos` in the form, found both".to_owned()))
        }
        (None, true) => {
            Err(InputError::Missing("expected a part `file` in the form, found none".to_owned()).into())
        }
    }
}

/// The body counts against the upload budget until its photos are decoded, and so does each photo.
async fn read_json(request: Request, uploads: &Arc<Uploads>, limit: u64) -> Result<Photos, ApiError> {
    let client = client::network(&request);
    let (mut json, mut held) = (Vec::new(), Reservation::of(client));
    let mut body = request.into_body();
    while let Some(chunk) = next_chunk(&mut body).await {
        let chunk = chunk.map_err(|error| broken_body(&error))?;
        if json.len() + chunk.len() > body_limit(limit) {
            return Err(too_large(limit));
        }
        uploads.budget.grow(&mut held, chunk.len())?;
        json.extend_from_slice(&chunk);
    }
    let uploads = Arc::clone(uploads);
    // A hundred megabytes take a tenth of a second.
    let photos = run_blocking(move || {
        let photos = PhotosInJson::with_decoded(&mut json, |photos| decode(&photos, client, &uploads));
        drop((json, held));
        Ok(photos)
    });
    photos.await?
}

fn decode(photos: &PhotosInJson<'_>, client: ClientNetwork, uploads: &Uploads) -> Result<Photos, ApiError> {
    let decoded = |text: &Base64<'_>, member: &str| {
        let mut upload = ImageUpload::of(client);
        upload.reserve(text.max_bytes(), uploads)?;
        text.decode_into(&mut upload.bytes, member)?;
        Ok::<_, ApiError>(upload)
    };
    match (&photos.image, &photos.images) {
        (Some(image), None) => decoded(image, "image").map(Photos::One),
        (None, Some(images)) if !images.is_empty() => {
            let photo =
                |(at, image)| Ok((photo_label(at + 1, None)?, decoded(image, &format!("images[{at}]"))?));
            images.iter().enumerate().map(photo).collect::<Result<_, ApiError>>().map(Photos::Several)
        }
        (None, Some(_)) => Err(refused("found none").into()),
        (Some(_), Some(_)) => Err(refused("found both").into()),
        (None, None) => Err(refused("found neither").into()),
    }
}
