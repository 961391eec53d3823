//! `/v1/people`: lists, details and changes of enrolled people.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use utoipa::ToSchema;

use crate::http::extract::other_person::{MergeSource, MoveTarget, Other};
use crate::http::extract::page::PageQuery;
use crate::http::extract::person_patch::PersonPatch;
use crate::http::extract::query::Checked;
use crate::http::problem::{
    ApiError, DeletePhotoProblems, DeleteProblems, ListProblems, MergeProblems, MovePhotoProblems,
    PatchProblems, PersonProblems, ThumbnailProblems,
};
use crate::http::state::AppState;
use crate::presentation::people::{PeoplePage, PersonDetail, PersonSummary};
use crate::service::snapshot::today;

/// List people.
///
/// In the order of enrolment; `q` looks for a part of the name. Scope: `manage`.
#[utoipa::path(
    get, operation_id = "list_people", path = "/v1/people", tag = "people",
    params(PageQuery),
    responses((status = 200, description = "The people of this page", body = PeoplePage), ListProblems),
)]
pub async fn list(
    State(app): State<AppState>,
    Checked(PageQuery(page)): Checked<PageQuery>,
) -> Result<Json<PeoplePage>, ApiError> {
    let (limit, offset) = (page.limit, page.offset);
    let page = app.service.list_people(page).await?;
    let (snapshot, today) = (&page.snapshot, today());
    let people = page.people().map(|person| PersonSummary::new(person, snapshot, today)).collect();
    Ok(Json(PeoplePage { people, total: page.total, limit, offset }))
}

/// Get a person.
///
/// With ids and times of the photos. Scope: `manage`.
#[utoipa::path(
    get, operation_id = "get_person", path = "/v1/people/{person_id}", tag = "people",
    params(("person_id" = String, Path, description = "Of the person", example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")),
    responses((status = 200, description = "The person", body = PersonDetail), PersonProblems),
)]
pub async fn get(
    State(app): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<PersonDetail>, ApiError> {
    let snapshot = app.service.read_person(&id)?;
    Ok(Json(PersonDetail::new(snapshot.person(&id)?, &snapshot, today())))
}

/// Change name, ID or last day.
///
/// A JSON merge patch: absent members stay, a `student_id` or `expires` of null is removed. The response is the
/// changed person, stored durably. Scope: `manage`.
///
/// # Errors
/// Among others 409 `name_taken` (`person_id`).
#[utoipa::path(
    patch, operation_id = "update_person", path = "/v1/people/{person_id}", tag = "people",
    params(("person_id" = String, Path, description = "Of the person", example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")),
    request_body(description = "What is to change", content(
        (PersonPatch = "application/merge-patch+json"), (PersonPatch = "application/json"),
    )),
    responses((status = 200, description = "The person, changed", body = PersonDetail), PatchProblems),
)]
pub async fn patch(
    State(app): State<AppState>,
    Path(id): Path<String>,
    patch: PersonPatch,
) -> Result<Json<PersonDetail>, ApiError> {
    let snapshot = app.service.update_person(&id, patch.change()?).await?;
    Ok(Json(PersonDetail::new(snapshot.person(&id)?, &snapshot, today())))
}

/// Delete a person.
///
/// With all photos. A response of 204 means that the deletion is durable. Scope: `manage`.
#[utoipa::path(
    delete, operation_id = "delete_person", path = "/v1/people/{person_id}", tag = "people",
    params(("person_id" = String, Path, description = "Of the person", example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")),
    responses((status = 204, description = "Deleted"), DeleteProblems),
)]
pub async fn delete(State(app): State<AppState>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    app.service.delete_person(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete a photo of a person.
///
/// The last one can't be deleted (`last_photo`): a person without a photo is not recognised; delete the
/// person instead. Scope: `manage`.
#[utoipa::path(
    delete, operation_id = "delete_photo", path = "/v1/people/{person_id}/photos/{photo_id}", tag = "people",
    params(
        ("person_id" = String, Path, description = "Of the person", example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA"),
        ("photo_id" = String, Path, description = "Of the photo", example = "01JDK5Q2W8E5F6G7H8J9K0M1N2"),
    ),
    responses((status = 204, description = "Deleted"), DeletePhotoProblems),
)]
pub async fn delete_photo(
    State(app): State<AppState>,
    Path((id, photo_id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    app.service.delete_photo(&id, &photo_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get the thumbnail of a photo.
///
/// The crop of the face that was embedded, of 160 x 160 pixels. 404 where the photo has none: it was enrolled while no thumbnails
/// were kept. Scope: `manage`.
#[utoipa::path(
    get, operation_id = "get_thumbnail", path = "/v1/people/{person_id}/photos/{photo_id}/thumbnail", tag = "people",
    params(
        ("person_id" = String, Path, description = "Of the person", example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA"),
        ("photo_id" = String, Path, description = "Of the photo", example = "01JDK5Q2W8E5F6G7H8J9K0M1N2"),
    ),
    responses((status = 200, description = "The thumbnail", body = ThumbnailFile, content_type = "image/png"), ThumbnailProblems),
)]
pub async fn thumbnail(
    State(app): State<AppState>,
    Path((id, photo_id)): Path<(String, String)>,
) -> Result<([(HeaderName, &'static str); 1], Vec<u8>), ApiError> {
    Ok(([(CONTENT_TYPE, "image/png")], app.service.thumbnail(&id, &photo_id).await?))
}

/// The bytes of a PNG file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code, reason = "only documents the response")]
pub struct ThumbnailFile(Vec<u8>);

/// Move a photo to another person.
///
/// The last one can't be moved (`last_photo`): merge the people instead. The response is the person who has the photo now.
/// Scope: `manage`.
#[utoipa::path(
    post, operation_id = "move_photo", path = "/v1/people/{person_id}/photos/{photo_id}/move", tag = "people",
    params(
        ("person_id" = String, Path, description = "Of the person", example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA"),
        ("photo_id" = String, Path, description = "Of the photo", example = "01JDK5Q2W8E5F6G7H8J9K0M1N2"),
    ),
    request_body(description = "Where it goes", content = MoveTarget),
    responses((status = 200, description = "The person with the photo", body = PersonDetail), MovePhotoProblems),
)]
pub async fn move_photo(
    State(app): State<AppState>,
    Path((id, photo_id)): Path<(String, String)>,
    Other(MoveTarget { to }): Other<MoveTarget>,
) -> Result<Json<PersonDetail>, ApiError> {
    let snapshot = app.service.move_photo(&id, &photo_id, &to).await?;
    Ok(Json(PersonDetail::new(snapshot.person(&to)?, &snapshot, today())))
}

/// Merge another person into this one.
///
/// This person gets the photos of the other one, who is deleted, and keeps name and ID; without an ID it gets the other
/// one's. The response is this person, stored durably. Scope: `manage`.
#[utoipa::path(
    post, operation_id = "merge_people", path = "/v1/people/{person_id}/merge", tag = "people",
    params(("person_id" = String, Path, description = "Of the person who stays", example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")),
    request_body(description = "Who is merged", content = MergeSource),
    responses((status = 200, description = "The person with the photos of both", body = PersonDetail), MergeProblems),
)]
pub async fn merge(
    State(app): State<AppState>,
    Path(id): Path<String>,
    Other(MergeSource { from }): Other<MergeSource>,
) -> Result<Json<PersonDetail>, ApiError> {
    let snapshot = app.service.merge_people(&id, &from).await?;
    Ok(Json(PersonDetail::new(snapshot.person(&id)?, &snapshot, today())))
}
