//! `POST /v1/people` and `POST /v1/people/{person_id}/photos`: through the gate into the gallery.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::error::InputError;
use crate::http::extract::enroll_form::{EnrollForm, NewPersonSchema, NewPhotosSchema};
use crate::http::extract::person_patch::{parse_expires, parse_name, parse_student_id};
use crate::http::problem::{ApiError, EnrollProblems, MorePhotosProblems, ProblemCode};
use crate::http::state::AppState;
use crate::presentation::json_id::JsonId;
use crate::presentation::outcomes::{PhotoOutcome, photo_outcomes};
use crate::service::enroll::{EnrollError, Enrollment, NewPerson, NewPhotos};

/// A person and what became of the photos that were sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct Enrolled {
    /// Of the person.
    #[schema(example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")]
    id: String,
    /// As it is shown, in Unicode's NFC.
    #[schema(example = "Barack Obama")]
    name: String,
    /// The person's own ID; null when there is none.
    #[schema(required)]
    student_id: Option<JsonId>,
    /// What became of each photo, in the order in which they came.
    photos: Vec<PhotoOutcome>,
}

/// 201 with its `Location`.
type Created = (StatusCode, [(axum::http::HeaderName, String); 1], Json<Enrolled>);

/// The response to an enrolment of photos with these labels.
fn created(labels: Vec<String>, enrolled: Result<Enrollment, EnrollError>) -> Result<Created, ApiError> {
    let Enrollment { id, name, student_id, outcomes } = match enrolled {
        Ok(enrollment) => enrollment,
        Err(EnrollError::NoPhotoAccepted(outcomes)) => {
            let detail =
                format!("none of the {} photos was accepted; photos gives the reasons", outcomes.len());
            let photos = json!(photo_outcomes(labels, &outcomes));
            return Err(ApiError::new(ProblemCode::NoPhotoAccepted, detail).with("photos", photos));
        }
        Err(EnrollError::Failed(error)) => return Err(error.into()),
    };
    let location = format!("/v1/people/{id}");
    let (student_id, photos) = (student_id.as_ref().map(JsonId::from), photo_outcomes(labels, &outcomes));
    Ok((
        StatusCode::CREATED,
        [(LOCATION, location)],
        Json(Enrolled { id, name: name.into(), student_id, photos }),
    ))
}

/// Enrol a person.
///
/// Photos are assessed together: each has one sharp, large, frontal face, and not more photos of another person agree with
/// it than of its own. Some photos may be rejected while others are accepted; when all are rejected, nobody is enrolled
/// (422). A response of 201 means that the person is stored durably and recognised. At most 20 photos a request, each within
/// the upload limit. Scope: `manage`.
///
/// # Errors
/// Among others 409 `name_taken` (`person_id`) and 422 `no_photo_accepted` (`photos`).
#[utoipa::path(
    post, operation_id = "enroll_person", path = "/v1/people", tag = "people",
    request_body(description = "Name and photos", content((NewPersonSchema = "multipart/form-data"))),
    responses((status = 201, description = "Enrolled; some photos may have been rejected", body = Enrolled,
               headers(("location" = String, description = "Where the person is")),
               links(
                   ("person" = (operation_id = "get_person", parameters(("person_id" = "$response.body#/id")))),
                   ("update" = (operation_id = "update_person", parameters(("person_id" = "$response.body#/id")))),
                   ("more photos" = (operation_id = "add_photos", parameters(("person_id" = "$response.body#/id")))),
                   ("photo" = (operation_id = "delete_photo", parameters(
                       ("person_id" = "$response.body#/id"), ("photo_id" = "$response.body#/photos/0/id")))),
                   ("delete" = (operation_id = "delete_person", parameters(("person_id" = "$response.body#/id")))),
               )), EnrollProblems),
)]
pub async fn enroll(State(app): State<AppState>, form: EnrollForm) -> Result<Created, ApiError> {
    let missing = || InputError::Missing("expected a part `name` in the form, found none".to_owned());
    let name = parse_name(&form.name.ok_or_else(missing)?)?;
    let student_id = form.student_id.map(JsonId::Text).map(parse_student_id).transpose()?;
    let expires = form.expires.as_deref().map(parse_expires).transpose()?;
    let photos = NewPhotos { photos: form.photos, force: form.force };
    let person = NewPerson { name, student_id, expires };
    created(form.labels, app.service.enroll(person, photos).await)
}

/// Add photos to a person.
///
/// Through the same gate as for a new person; a photo that is there already is rejected. Scope: `manage`.
///
/// # Errors
/// Among others 422 `no_photo_accepted` (`photos`).
#[utoipa::path(
    post, operation_id = "add_photos", path = "/v1/people/{person_id}/photos", tag = "people",
    params(("person_id" = String, Path, description = "Of the person", example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")),
    request_body(description = "Photos", content((NewPhotosSchema = "multipart/form-data"))),
    responses((status = 201, description = "Added; some photos may have been rejected", body = Enrolled,
               headers(("location" = String, description = "Where the person is"))), MorePhotosProblems),
)]
pub async fn add_photos(
    State(app): State<AppState>,
    Path(id): Path<String>,
    form: EnrollForm,
) -> Result<Created, ApiError> {
    if form.name.is_some() || form.student_id.is_some() || form.expires.is_some() {
        let message = "expected no other parts than photos and force; found name, student_id or expires, which PATCH changes";
        return Err(InputError::Invalid(message.to_owned()).into());
    }
    let photos = NewPhotos { photos: form.photos, force: form.force };
    created(form.labels, app.service.add_photos(&id, photos).await)
}
