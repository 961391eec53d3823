//! The form with which people and photos are enrolled.

use axum::extract::{FromRequest, Request};
use serde_json::json;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::form::{Form, read_file, read_text};
use super::query::invalid_parameter;
use super::refusals::{repeated_part, unknown_part};
use super::upload::ImageUpload;
use crate::error::InputError;
use crate::file_name::FileName;
use crate::http::problem::ApiError;
use crate::http::state::AppState;
use crate::service::enroll::NewPhoto;
use crate::upload::limits::MAX_PHOTOS;

/// Longest file name that the response repeats, characters.
const MAX_LABEL_CHARS: usize = 255;

/// The whole form; the handler checks which fields are present.
#[derive(Default)]
pub struct EnrollForm {
    /// As sent.
    pub name: Option<String>,
    /// As sent; `None` also for an empty one, as browsers send it.
    pub student_id: Option<String>,
    /// As sent; `None` also for an empty one.
    pub expires: Option<String>,
    /// File names; `photo 3` for one without. As many as `photos`.
    pub labels: Vec<String>,
    /// One to [`MAX_PHOTOS`] files.
    pub photos: Vec<NewPhoto<ImageUpload>>,
    /// Accept every photo that shows a face.
    pub force: bool,
}

/// A new person.
#[derive(ToSchema)]
#[schema(as = NewPerson)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only documents the form")]
pub struct NewPersonSchema {
    /// 1 to 200 characters, none of control or of direction; white space around it is dropped.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = "^[^\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]*[^\\x00-\\x20\\x7f-\\xa0\\xad_\\u034f\\u061c\\u1680\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u3000\\ufe00-\\ufe0f\\ufeff][^\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]*$",
        example = "Barack Obama"
    )]
    name: String,
    /// The person's own ID, used where the roster has none.
    #[schema(value_type = String, required = false, max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$", example = "0046")]
    student_id: Option<String>,
    /// The last day on which the person is recognised.
    #[schema(value_type = String, required = false, format = Date, example = "2027-07-31")]
    expires: Option<String>,
    /// One to 20 photos with one face each: JPEG, PNG, WebP, GIF, BMP or TIFF.
    #[schema(value_type = Vec<PhotoFile>, min_items = 1, max_items = 20)]
    photos: Vec<PhotoFile>,
    #[schema(value_type = Flag, required = false, inline)]
    force: Option<bool>,
}

/// More photos of a person.
#[derive(ToSchema)]
#[schema(as = NewPhotos)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only documents the form")]
pub struct NewPhotosSchema {
    /// One to 20 photos with one face each: JPEG, PNG, WebP, GIF, BMP or TIFF.
    #[schema(value_type = Vec<PhotoFile>, min_items = 1, max_items = 20)]
    photos: Vec<PhotoFile>,
    #[schema(value_type = Flag, required = false, inline)]
    force: Option<bool>,
}

/// Whether to take every photo that has a face: yes or no in a form, where all is text. It is described here
/// and not at the field: there a description would make it an object too, which nothing could be then.
#[allow(dead_code, reason = "only documents a field of the form")]
struct Flag;

impl PartialSchema for Flag {
    fn schema() -> RefOr<Schema> {
        let values = [json!(true), json!(false), json!("true"), json!("false")];
        let types = SchemaType::from_iter([Type::Boolean, Type::String]);
        let flag = ObjectBuilder::new().schema_type(types).enum_values(Some(values));
        let description =
            "Take every photo that has a face, of several the main one; `no_face` can't be overridden.";
        flag.default(Some(json!(false))).description(Some(description)).into()
    }
}

impl ToSchema for Flag {}

/// The bytes of a photo.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code, reason = "only documents the form")]
pub struct PhotoFile(Vec<u8>);

impl FromRequest<AppState> for EnrollForm {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let expected = "the photos in parts `photos`";
        let (_admission, mut form) = Form::admitted(request, app, app.limits.enrollment, expected).await?;
        let mut fields = Self::default();
        while let Some(part) = form.next().await? {
            match part.name() {
                Some("photos") => {
                    let label = fields.label(part.file_name())?;
                    let file_name = part.file_name().and_then(FileName::of);
                    let bytes = read_file(part, &app.uploads).await?;
                    fields.photos.push(NewPhoto { bytes, file_name });
                    fields.labels.push(label);
                }
                Some("name") => once("name", &mut fields.name, read_text(part).await?)?,
                Some("student_id") => {
                    once("student_id", &mut fields.student_id, read_text(part).await?)?;
                }
                Some("expires") => once("expires", &mut fields.expires, read_text(part).await?)?,
                Some("force") => fields.force = flag("force", &read_text(part).await?)?,
                _ => {
                    return Err(unknown_part(
                        &["name", "student_id", "expires", "photos", "force"],
                        part.name(),
                    ));
                }
            }
        }
        fields.student_id = fields.student_id.filter(|id| !id.trim().is_empty());
        fields.expires = fields.expires.filter(|day| !day.trim().is_empty());
        if fields.photos.is_empty() {
            let message = "expected at least one photo in a part `photos` of the form, found none";
            return Err(InputError::Missing(message.to_owned()).into());
        }
        Ok(fields)
    }
}

impl EnrollForm {
    /// What the response calls the next photo.
    fn label(&self, file_name: Option<&str>) -> Result<String, ApiError> {
        photo_label(self.photos.len() + 1, file_name)
    }
}

/// What the response calls the photo of this number, from 1.
///
/// # Errors
/// 400 for more than [`MAX_PHOTOS`].
pub fn photo_label(number: usize, file_name: Option<&str>) -> Result<String, ApiError> {
    if number > MAX_PHOTOS {
        let message = format!("expected at most {MAX_PHOTOS} photos in a form, found more");
        return Err(InputError::Invalid(message).into());
    }
    let name: String = file_name.unwrap_or_default().chars().take(MAX_LABEL_CHARS).collect();
    Ok(if name.is_empty() { format!("photo {number}") } else { name })
}

fn once(name: &'static str, field: &mut Option<String>, value: String) -> Result<(), ApiError> {
    if field.replace(value).is_some() { Err(repeated_part(name)) } else { Ok(()) }
}

fn flag(name: &'static str, value: &str) -> Result<bool, ApiError> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(invalid_parameter(name, "true or false", other)),
    }
}
