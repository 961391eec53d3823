//! The errors of each route in the OpenAPI document.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder, Schema};
use utoipa::{IntoResponses, ToSchema};

use super::api_error::PROBLEM_JSON;
use super::code::ProblemCode::{
    self, Busy, Conflict, DataDirectoryLocked, DataError, DatabaseUnavailable, Forbidden, Internal,
    InvalidParameter, InvalidRequest, InvalidRoster, LastPhoto, MissingPart, ModelError, NameTaken, NoFace,
    NoPhotoAccepted, NotFound, SeveralFaces, SlowUpload, Timeout, TooLarge, TooManyPixels, Unauthorized,
    UndecodableImage, UnknownParameter, UnsupportedImage, UnsupportedMediaType,
};
use crate::presentation::outcomes::PhotoOutcome;

/// An error (RFC 9457).
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents what `ApiError` writes")]
pub struct Problem {
    /// The reason phrase of the status.
    #[schema(example = "Bad Request")]
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, example = 400)]
    status: u16,
    /// The stable kind of the error.
    #[schema(example = "invalid_parameter")]
    code: String,
    /// What was expected and what was found, for a person.
    #[schema(example = "threshold: expected a number from 0 to 2, found \"2.5\"")]
    detail: String,
    /// Of `invalid_parameter` and `unknown_parameter`: which one.
    #[schema(nullable = false, example = "threshold")]
    parameter: Option<String>,
    /// Of `invalid_parameter`.
    #[schema(nullable = false, example = "a number from 0 to 2")]
    expected: Option<String>,
    /// Of `invalid_parameter`.
    #[schema(nullable = false, example = "2.5")]
    found: Option<String>,
    /// Of `no_face`: the part whose photo has none.
    #[schema(nullable = false, example = "a")]
    part: Option<String>,
    /// Of `name_taken`: whose name it is.
    #[schema(nullable = false, example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")]
    person_id: Option<String>,
    /// Of `no_photo_accepted`: why each was rejected.
    #[schema(nullable = false)]
    photos: Option<Vec<PhotoOutcome>>,
}

/// Every route.
const ANY: &[ProblemCode] = &[Unauthorized, Forbidden, Internal, Timeout];
/// Routes with query parameters.
const QUERY: &[ProblemCode] = &[InvalidParameter, UnknownParameter, InvalidRequest];
/// Routes that take files.
const UPLOAD: &[ProblemCode] =
    &[MissingPart, InvalidRequest, SlowUpload, TooLarge, UnsupportedMediaType, Busy];
/// Routes that decode photos.
const PHOTO: &[ProblemCode] = &[UnsupportedImage, UndecodableImage, TooManyPixels, ModelError];
/// Routes of one person.
const PERSON: &[ProblemCode] = &[NotFound, InvalidRequest];
/// Routes that take a small JSON object.
const OBJECT: &[ProblemCode] = &[InvalidRequest, SlowUpload, TooLarge, UnsupportedMediaType];
/// Routes that change something.
const CHANGE: &[ProblemCode] = &[DataDirectoryLocked, Conflict, DataError, DatabaseUnavailable];

/// Routes that read or write attendance.
const ATTENDANCE: &[ProblemCode] = &[NotFound, Conflict, DataError];

/// The responses for the codes of `sets`, one a status.
fn responses(sets: &[&[ProblemCode]]) -> BTreeMap<String, RefOr<Response>> {
    let listed = |code: &ProblemCode| ANY.contains(code) || sets.iter().any(|set| set.contains(code));
    let mut by_status: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    for code in ProblemCode::ALL.iter().copied().filter(listed) {
        by_status.entry(code.status().as_u16()).or_default().push(code);
    }
    by_status.into_iter().map(|(status, codes)| (status.to_string(), response(&codes).into())).collect()
}

fn response(codes: &[ProblemCode]) -> Response {
    let lines: Vec<String> =
        codes.iter().map(|code| format!("- `{}`: {}", code.code(), code.meaning())).collect();
    let names = codes.iter().map(|code| json!(code.code()));
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    let schema = AllOfBuilder::new()
        .item(Ref::from_schema_name(Problem::name()))
        .item(ObjectBuilder::new().property("code", code).required("code"));
    let content = Content::new(Some(RefOr::T(Schema::AllOf(schema.build()))));
    ResponseBuilder::new().description(lines.join("\n")).content(PROBLEM_JSON, content).build()
}

/// Declares types that stand for the errors of a route.
macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident: $($set:expr),*;)*) => { $(
        $(#[$doc])*
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                responses(&[$($set),*])
            }
        }
    )* };
}

problems! {
    /// Routes without parameters.
    PlainProblems: ;
    /// Recognition and detection.
    PhotoProblems: QUERY, UPLOAD, PHOTO;
    /// Recognition, in a group perhaps.
    RecognizeProblems: QUERY, UPLOAD, PHOTO, ATTENDANCE;
    /// Verification.
    PairProblems: QUERY, UPLOAD, PHOTO, &[NoFace, SeveralFaces, NotFound];
    /// Lists.
    ListProblems: QUERY;
    /// The audit.
    AuditProblems: QUERY, &[Conflict, DataError];
    /// Dismissing a finding.
    DismissProblems: PERSON, CHANGE;
    /// Withdrawing a dismissal.
    RestoreProblems: PERSON, CHANGE;
    /// Enrolment.
    EnrollProblems: &[InvalidParameter, NameTaken, NoPhotoAccepted, ModelError], UPLOAD, CHANGE;
    /// More photos of a person.
    MorePhotosProblems: &[InvalidParameter, NoPhotoAccepted, ModelError], PERSON, UPLOAD, CHANGE;
    /// Reading a person.
    PersonProblems: PERSON;
    /// Reading a thumbnail.
    ThumbnailProblems: PERSON, &[DataError, DatabaseUnavailable];
    /// Changing a person.
    PatchProblems:
        &[InvalidParameter, SlowUpload, TooLarge, UnsupportedMediaType, NameTaken], PERSON, CHANGE;
    /// Deleting a person.
    DeleteProblems: PERSON, CHANGE;
    /// Deleting a photo.
    DeletePhotoProblems: &[LastPhoto], PERSON, CHANGE;
    /// Moving a photo.
    MovePhotoProblems: &[LastPhoto], PERSON, OBJECT, CHANGE;
    /// Merging people.
    MergeProblems: PERSON, OBJECT, CHANGE;
    /// The list of sessions.
    SessionsProblems: QUERY, ATTENDANCE;
    /// Beginning a session.
    CreateSessionProblems: &[InvalidParameter], OBJECT, ATTENDANCE;
    /// Reading a session or a report.
    SessionProblems: QUERY, ATTENDANCE;
    /// Changing a session or one of its entries.
    ChangeSessionProblems: &[InvalidParameter], OBJECT, ATTENDANCE;
    /// Closing a session.
    CloseSessionProblems: OBJECT, ATTENDANCE;
    /// Deleting a session.
    DeleteSessionProblems: PERSON, ATTENDANCE;
    /// Photos of a session.
    SessionPhotosProblems: UPLOAD, &[ModelError], ATTENDANCE;
    /// The list of groups.
    GroupsProblems: ATTENDANCE;
    /// Replacing the roster.
    RosterProblems: &[InvalidRoster], QUERY, UPLOAD, CHANGE;
    /// Listing the rosters that are kept.
    RosterVersionProblems: &[DataError];
    /// Bringing back a roster.
    RestoreRosterProblems: &[InvalidRoster, Busy], PERSON, CHANGE;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_name_their_codes() {
        let all = EnrollProblems::responses();
        let statuses: Vec<&str> = all.keys().map(String::as_str).collect();
        assert_eq!(statuses, ["400", "401", "403", "408", "409", "413", "415", "422", "500", "503"]);
        let conflict = serde_json::to_value(&all["409"]).unwrap();
        let schema = &conflict["content"][PROBLEM_JSON]["schema"]["allOf"];
        assert_eq!(schema[0]["$ref"], "#/components/schemas/Problem");
        let codes = json!(["name_taken", "data_folder_locked", "conflict"]);
        assert_eq!(schema[1]["properties"]["code"]["enum"], codes);
    }
}
