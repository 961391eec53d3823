//! One photo, or several: a form, the photo itself, or JSON with photos in base64.

use std::borrow::Cow;

use axum::extract::{FromRequest, Request};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use utoipa::ToSchema;

use super::admission::{admit, media_type};
use super::body::next_chunk;
use super::budget::{NoRoom, Reservation};
use super::enroll_form::{PhotoFile, photo_label};
use super::form::{Form, read_file};
use super::limits::MAX_PHOTOS;
use super::refusals::{
    broken_body, invalid, no_room, repeated_part, too_large, unknown_part, wrong_media_type,
};
use super::upload::{ImageUpload, Uploads};
use crate::error::InputError;
use crate::http::problem::ApiError;
use crate::http::state::AppState;

/// Base64 with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A form with one photo in `file`, or several in `photos`.
#[derive(ToSchema)]
#[schema(as = PhotosForm)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only documents the form")]
pub struct PhotosFormSchema {
    /// One photo: JPEG, PNG, WebP, GIF, BMP or TIFF, and HEIC where it is built in; the bytes decide, not the content type.
    #[schema(value_type = String, format = Binary, required = false)]
    file: Option<Vec<u8>>,
    /// In place of `file`: up to 20 photos, each with an answer of its own.
    #[schema(value_type = Vec<PhotoFile>, max_items = 20, required = false)]
    photos: Option<Vec<PhotoFile>>,
}

/// Photos in base64, also as `data:` URLs: one in `image`, or several in `images`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PhotosInJson)]
pub struct PhotosInJson<'a> {
    #[serde(borrow, default)]
    #[schema(required = false, nullable = false)]
    image: Option<Cow<'a, str>>,
    /// Up to 20 photos, each with an answer of its own.
    #[serde(borrow, default)]
    #[schema(required = false, nullable = false, min_items = 1, max_items = 20)]
    images: Option<Vec<Cow<'a, str>>>,
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
                // Base64 takes four bytes for three.
                let limit = app.limits.enrollment.div_ceil(3).saturating_mul(4);
                let _admission = admit(&request, app, limit).await?;
                read_json(request, &app.uploads, limit).await
            }
            image if image.starts_with("image/") => {
                let _admission = admit(&request, app, app.limits.single).await?;
                ImageUpload::read_body(request.into_body(), &app.uploads).await.map(Self::One)
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

/// The body counts against the upload budget, and so does each photo; the body is given back.
async fn read_json(request: Request, uploads: &Uploads, limit: u64) -> Result<Photos, ApiError> {
    let (mut json, mut held) = (Vec::new(), Reservation::default());
    let mut body = request.into_body();
    while let Some(chunk) = next_chunk(&mut body).await {
        let chunk = chunk.map_err(|error| broken_body(&error))?;
        if (json.len() + chunk.len()) as u64 > limit {
            return Err(too_large(limit));
        }
        uploads.budget.grow(&mut held, chunk.len()).map_err(|NoRoom| no_room())?;
        json.extend_from_slice(&chunk);
    }
    let refused = |found: &str| {
        let expected = "expected an object with a photo in base64 in `image`, or up to 20 in `images`";
        invalid(format!("{expected}; {found}"))
    };
    // A list without names would do for serde.
    if !json.trim_ascii_start().starts_with(b"{") {
        return Err(refused("found another body"));
    }
    // Not what the parser says: it quotes.
    let photos: PhotosInJson<'_> =
        serde_json::from_slice(&json).map_err(|_| refused("found another body"))?;
    match (photos.image, photos.images) {
        (Some(image), None) => decoded(&image, "image", uploads).map(Photos::One),
        (None, Some(images)) if (1..=MAX_PHOTOS).contains(&images.len()) => {
            let photo = |(at, image): (usize, &Cow<'_, str>)| {
                Ok((photo_label(at + 1, None)?, decoded(image, &format!("images[{at}]"), uploads)?))
            };
            images.iter().enumerate().map(photo).collect::<Result<_, ApiError>>().map(Photos::Several)
        }
        (None, Some(images)) => Err(refused(&format!("found {} photos", images.len()))),
        (Some(_), Some(_)) => Err(refused("found both")),
        (None, None) => Err(refused("found neither")),
    }
}

/// The photo of `data:image/jpeg;base64,...`, or of what stands behind the comma alone.
fn decoded(text: &str, member: &str, uploads: &Uploads) -> Result<ImageUpload, ApiError> {
    let data = match text.strip_prefix("data:") {
        Some(url) => url.split_once(',').map_or("", |(_, data)| data),
        None => text,
    };
    let broken = || invalid(format!("{member}: expected a photo in base64, found other text"));
    let compact: Cow<'_, str> = if data.contains(char::is_whitespace) {
        Cow::Owned(data.split_whitespace().collect())
    } else {
        Cow::Borrowed(data)
    };
    let bytes = BASE64.decode(compact.as_bytes()).map_err(|_| broken())?;
    if bytes.is_empty() {
        return Err(broken());
    }
    let mut upload = ImageUpload::default();
    upload.extend(&bytes, uploads)?;
    Ok(upload)
}
