//! `/v1/people`: who is enrolled, and changes of names and IDs.

use axum::Json;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::paging::PageQuery;
use super::query::{Checked, invalid_parameter};
use super::timestamps::created_at;
use crate::error::InputError;
use crate::gallery::{Gallery, Person};
use crate::http::error::ApiError;
use crate::http::extract::{media_type, read_small_body, wrong_media_type};
use crate::http::problems::{
    DeletePhotoProblems, DeleteProblems, ListProblems, PatchProblems, PersonProblems,
};
use crate::http::state::AppState;
use crate::http::types::{WireId, WrongId};
use crate::person_name;
use crate::roster::Roster;
use crate::student_id::{self, StudentId};

/// Longest JSON body of a change, bytes.
const MAX_PATCH_BYTES: usize = 16 * 1024;

/// A person, in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonSummary {
    /// Of the person; it never changes.
    #[schema(example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")]
    id: String,
    /// As it is shown, in Unicode's NFC.
    #[schema(example = "Barack Obama")]
    name: String,
    /// The person's own ID, used where the roster has none; null when there is none.
    #[schema(required)]
    student_id: Option<WireId>,
    /// The roster's ID for the name; null when it has none.
    #[schema(required)]
    roster_id: Option<WireId>,
    /// How many photos are enrolled.
    #[schema(minimum = 1, example = 2)]
    photos: usize,
    /// When the person was enrolled, UTC; null where that is not known.
    #[schema(required, format = DateTime, example = "2026-11-25T10:30:00Z")]
    enrolled_at: Option<String>,
}

impl PersonSummary {
    fn new(person: &Person, roster: &Roster) -> Self {
        Self {
            id: person.id.clone(),
            name: person.name.clone(),
            student_id: person.student_id.as_ref().map(WireId::from),
            roster_id: roster.id(&person.name).map(WireId::from),
            photos: person.photos.len(),
            enrolled_at: created_at(&person.id),
        }
    }
}

/// A part of the list of people.
#[derive(Debug, Serialize, ToSchema)]
pub struct PeoplePage {
    /// In the order of enrolment.
    people: Vec<PersonSummary>,
    /// How many there are on all pages.
    #[schema(example = 1)]
    total: usize,
    /// How many were asked for.
    #[schema(example = 100)]
    limit: usize,
    /// How many were left out before these.
    #[schema(example = 0)]
    offset: usize,
}

/// Who is enrolled?
///
/// In the order of enrolment; `q` looks for a part of the name. Scope: `manage`.
///
/// # Errors
/// As listed.
#[utoipa::path(
    get, operation_id = "list_people", path = "/v1/people", tag = "people",
    params(PageQuery),
    responses((status = 200, description = "The people of this page", body = PeoplePage), ListProblems),
)]
pub async fn list(
    State(app): State<AppState>,
    Checked(page): Checked<PageQuery>,
) -> Result<Json<PeoplePage>, ApiError> {
    let answer = app.run_blocking(move |app| {
        let (gallery, roster) = (app.gallery.current(), app.roster.current());
        let (people, total) = page.cut(gallery.people(), |person| &person.name);
        let people = people.into_iter().map(|person| PersonSummary::new(person, &roster)).collect();
        Ok(PeoplePage { people, total, limit: page.limit, offset: page.offset })
    });
    Ok(Json(answer.await?))
}

/// A person with the photos.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Person)]
pub struct PersonDetail {
    /// Of the person; it never changes.
    #[schema(example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")]
    id: String,
    /// As it is shown, in Unicode's NFC.
    #[schema(example = "Barack Obama")]
    name: String,
    /// The person's own ID, used where the roster has none; null when there is none.
    #[schema(required)]
    student_id: Option<WireId>,
    /// The roster's ID for the name; null when it has none.
    #[schema(required)]
    roster_id: Option<WireId>,
    /// At least one. The pictures themselves are not kept, only what the face looks like.
    photos: Vec<PhotoEntry>,
    /// When the person was enrolled, UTC; null where that is not known.
    #[schema(required, format = DateTime, example = "2026-11-25T10:30:00Z")]
    enrolled_at: Option<String>,
}

/// An enrolled photo.
#[derive(Debug, Serialize, ToSchema)]
struct PhotoEntry {
    /// Of the photo, within the person.
    #[schema(example = "01JDK5Q2W8E5F6G7H8J9K0M1N2")]
    id: String,
    /// When it was enrolled, UTC; null where that is not known.
    #[schema(required, format = DateTime, example = "2026-11-25T10:30:00Z")]
    enrolled_at: Option<String>,
}

impl PersonDetail {
    fn new(person: &Person, roster: &Roster) -> Self {
        let photos = person.photos.iter();
        let PersonSummary { id, name, student_id, roster_id, enrolled_at, .. } =
            PersonSummary::new(person, roster);
        Self {
            id,
            name,
            student_id,
            roster_id,
            photos: photos
                .map(|photo| PhotoEntry { id: photo.id.clone(), enrolled_at: created_at(&photo.id) })
                .collect(),
            enrolled_at,
        }
    }
}

/// The person with this id.
///
/// # Errors
/// 404.
pub fn find<'a>(gallery: &'a Gallery, id: &str) -> Result<&'a Person, ApiError> {
    let missing = || InputError::NotFound("there is no person with this id".to_owned());
    Ok(gallery.person(id).ok_or_else(missing)?)
}

/// One person.
///
/// With ids and times of the photos. Scope: `manage`.
///
/// # Errors
/// As listed.
#[utoipa::path(
    get, operation_id = "get_person", path = "/v1/people/{person_id}", tag = "people",
    params(("person_id" = String, Path, description = "Of the person", example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")),
    responses((status = 200, description = "The person", body = PersonDetail), PersonProblems),
)]
pub async fn get(
    State(app): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<PersonDetail>, ApiError> {
    let gallery = app.gallery.current();
    Ok(Json(PersonDetail::new(find(&gallery, &id)?, &app.roster.current())))
}

/// What is to change; what is left out stays (RFC 7396).
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonPatch {
    /// The new name: 1 to 200 characters, no control characters; white space around it is dropped.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200,
             pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\x00-\\x20\\x7f-\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000][^\\x00-\\x1f\\x7f-\\x9f]*$")]
    name: Option<String>,
    /// The person's own ID; null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<NewStudentId>, required = false)]
    #[allow(clippy::option_option, reason = "absent, null and a value are three things in a merge patch")]
    student_id: Option<Option<serde_json::Value>>,
}

/// A number or text as the person's own ID.
#[allow(dead_code, reason = "only documents a member of the patch")]
struct NewStudentId;

impl PartialSchema for NewStudentId {
    /// As [`WireId`]'s, with the bounds of what is taken.
    fn schema() -> RefOr<Schema> {
        let plain = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::Number, Type::String]))
            .min_length(Some(1))
            .max_length(Some(student_id::MAX_CHARS))
            .pattern(Some("^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\x00-\\x20\\x7f-\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000][^\\x00-\\x1f\\x7f-\\x9f]*$"));
        plain.description(Some("A number, or text without control characters")).into()
    }
}

impl ToSchema for NewStudentId {}

/// A member that is there, whatever it holds: null is told from absent.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl FromRequest<AppState> for PersonPatch {
    type Rejection = ApiError;

    async fn from_request(request: Request, _app: &AppState) -> Result<Self, ApiError> {
        let found = media_type(&request);
        if !matches!(found.as_str(), "application/json" | "application/merge-patch+json") {
            return Err(wrong_media_type("application/merge-patch+json or application/json", &found));
        }
        let body = read_small_body(request.into_body(), MAX_PATCH_BYTES).await?;
        let refused = |why: &str| {
            let message = format!("expected an object with name, student_id or both; {why}");
            ApiError::from(InputError::Invalid(message))
        };
        // Members without names would do for serde.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(refused("found none"));
        }
        serde_json::from_slice(&body).map_err(|error| refused(&error.to_string()))
    }
}

/// An ID given by a client.
///
/// # Errors
/// 400 for one that is empty, too long, or has control characters.
pub fn parse_student_id(id: WireId) -> Result<StudentId, ApiError> {
    let (parsed, found) = match id {
        WireId::Integer(number) => (Some(StudentId::Integer(number)), String::new()),
        WireId::Number(number) => (StudentId::from_number(number), number.to_string()),
        WireId::Text(text) => {
            let plain = !text.contains(char::is_control);
            (plain.then(|| StudentId::from_text(&text)).flatten(), text)
        }
    };
    let expected = format!("a number or text of 1 to {} characters, none of control", student_id::MAX_CHARS);
    parsed.ok_or_else(|| invalid_parameter("student_id", &expected, &found))
}

/// Most of a value that a message shows, characters.
const MAX_SHOWN: usize = 80;

/// An ID of a patch, that may be of any type.
fn patched_id(value: &serde_json::Value) -> Result<StudentId, ApiError> {
    let wrong = |wrong: WrongId| match wrong {
        WrongId::TooLong => invalid_parameter("student_id", &wrong.to_string(), &value.to_string()),
        // As for a name that is none: the body has another shape.
        WrongId::Type => {
            let found: String = value.to_string().chars().take(MAX_SHOWN).collect();
            InputError::Invalid(format!("student_id: expected {wrong}, found {found}")).into()
        }
    };
    parse_student_id(WireId::try_from(value).map_err(wrong)?)
}

/// A name given by a client, normalised.
///
/// # Errors
/// 400 saying what is wrong with it.
pub fn parse_name(name: &str) -> Result<String, ApiError> {
    let refused = |error: InputError| {
        let failure = ApiError::new(StatusCode::BAD_REQUEST, "invalid_parameter", error.to_string());
        failure.with("parameter", "name".into())
    };
    // Also at the ends, where they would be dropped as white space.
    if let Some(at) = name.chars().position(char::is_control) {
        let message = format!("character {} of the name is a control character: none is allowed", at + 1);
        return Err(refused(InputError::Invalid(message)));
    }
    person_name::parse(name).map_err(refused)
}

/// Change name or ID.
///
/// A JSON merge patch: what is left out stays, a `student_id` of null is taken away. The answer is the
/// person as it is then, and on the disk. Scope: `manage`.
///
/// # Errors
/// As listed; a name that another person has is one (`name_taken`, `person_id`).
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
    let name = patch.name.as_deref().map(parse_name).transpose()?;
    let student_id = patch.student_id.map(|id| id.as_ref().map(patched_id).transpose()).transpose()?;
    find(&app.gallery.current(), &id)?;
    let key = id.clone();
    let gallery = app.edit(move |gallery| {
        let mut changed = gallery.clone();
        if let Some(name) = name {
            changed = changed.renamed(&key, &name)?;
        }
        if let Some(student_id) = student_id {
            changed = changed.with_student_id(&key, student_id)?;
        }
        Ok(changed)
    });
    let gallery = gallery.await?;
    Ok(Json(PersonDetail::new(find(&gallery, &id)?, &app.roster.current())))
}

/// Delete a person.
///
/// With all photos. When this is answered, it is so on the disk. Scope: `manage`.
///
/// # Errors
/// As listed.
#[utoipa::path(
    delete, operation_id = "delete_person", path = "/v1/people/{person_id}", tag = "people",
    params(("person_id" = String, Path, description = "Of the person", example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")),
    responses((status = 204, description = "Deleted"), DeleteProblems),
)]
pub async fn delete(State(app): State<AppState>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    find(&app.gallery.current(), &id)?;
    app.edit(move |gallery| gallery.without_person(&id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete a photo of a person.
///
/// The last one can't be deleted (`last_photo`): a person without a photo is not recognised; delete the
/// person instead. Scope: `manage`.
///
/// # Errors
/// As listed.
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
    find(&app.gallery.current(), &id)?;
    app.edit(move |gallery| gallery.without_photo(&id, &photo_id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
