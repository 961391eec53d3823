//! `POST /v1/people` and `POST /v1/people/{person_id}/photos`: through the gate into the gallery.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use serde::Serialize;
use utoipa::ToSchema;

use super::enroll_form::{EnrollForm, NewPersonSchema, NewPhotosSchema};
use super::outcomes::{PhotoOutcome, assess};
use super::people::{find, parse_name, parse_student_id};
use crate::error::InputError;
use crate::gallery::{Gallery, Person};
use crate::http::error::ApiError;
use crate::http::problems::{EnrollProblems, MorePhotosProblems};
use crate::http::state::AppState;
use crate::http::types::WireId;

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
    student_id: Option<WireId>,
    /// What became of each photo, in the order in which they came.
    photos: Vec<PhotoOutcome>,
}

impl Enrolled {
    fn new(person: &Person, photos: Vec<PhotoOutcome>) -> Self {
        let student_id = person.student_id.as_ref().map(WireId::from);
        Self { id: person.id.clone(), name: person.name.clone(), student_id, photos }
    }
}

/// 201, where it is, and what became of the photos.
type Created = (StatusCode, [(axum::http::HeaderName, String); 1], Json<Enrolled>);

fn created(enrolled: Enrolled) -> Created {
    (StatusCode::CREATED, [(LOCATION, format!("/v1/people/{}", enrolled.id))], Json(enrolled))
}

/// Enrol a person.
///
/// Each photo passes a gate: one sharp, large face that looks at the camera and at nobody else who is
/// enrolled. Some photos may be rejected while others are accepted; when none is, nobody is enrolled
/// (422). When this is answered, the person is on the disk and recognised. At most 20 photos a request,
/// each within the upload limit. Scope: `manage`.
///
/// # Errors
/// As listed; a name that is taken is one (`name_taken`, `person_id`), photos none of which is accepted
/// are another (`no_photo_accepted`, `photos`).
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
    let student_id = form.student_id.map(WireId::Text).map(parse_student_id).transpose()?;
    let wanted = name.clone();
    let is_free = move |gallery: &Gallery| match gallery.person_by_name(&wanted) {
        Some(other) => Err(InputError::NameTaken { person_id: other.id.clone() }.into()),
        None => Ok(()),
    };
    let assessment = assess(&app, name.clone(), form.photos, form.force, is_free.clone()).await?;
    let person = Person::new(&name, student_id, assessment.accepted).map_err(ApiError::from)?;
    let enrolled = Enrolled::new(&person, assessment.outcomes);
    let revalidation = assessment.revalidation;
    let add = move |gallery: &Gallery| {
        // A name that was taken meanwhile is told as such.
        is_free(gallery)?;
        revalidation.check(gallery, &person.photos)?;
        gallery.with_person(person)
    };
    app.edit(add).await?;
    Ok(created(enrolled))
}

/// Add photos to a person.
///
/// Through the same gate as for a new person; a photo that is there already is rejected. Scope: `manage`.
///
/// # Errors
/// As listed; photos none of which is accepted are one (`no_photo_accepted`, `photos`).
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
    if form.name.is_some() || form.student_id.is_some() {
        let message =
            "expected no other parts than photos and force; found name or student_id, which PATCH changes";
        return Err(InputError::Invalid(message.to_owned()).into());
    }
    let name = find(&app.gallery.current(), &id)?.name.clone();
    let assessment = assess(&app, name, form.photos, form.force, |_| Ok(())).await?;
    let key = id.clone();
    let (revalidation, photos) = (assessment.revalidation, assessment.accepted);
    let add = move |gallery: &Gallery| {
        revalidation.check(gallery, &photos)?;
        gallery.with_photos(&key, photos)
    };
    let gallery = app.edit(add).await?;
    Ok(created(Enrolled::new(find(&gallery, &id)?, assessment.outcomes)))
}
