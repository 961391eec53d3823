//! The errors of the API as its documentation lists them: each code once, with its status and what it means.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder, Schema};
use utoipa::{IntoResponses, ToSchema};

use super::error::PROBLEM_JSON;
use super::v1::outcomes::PhotoOutcome;

/// An error (RFC 9457).
#[derive(ToSchema)]
#[allow(dead_code, reason = "only documents what the module of errors writes")]
pub struct Problem {
    /// The status in words.
    #[schema(example = "Bad Request")]
    title: String,
    /// The HTTP status again.
    #[schema(minimum = 400, maximum = 599, example = 400)]
    status: u16,
    /// The stable name of the kind of error.
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

/// Code, status and meaning of each error.
const CODES: &[(&str, u16, &str)] = &[
    ("invalid_parameter", 400, "a value is out of its range or not of its kind; `parameter` says which"),
    ("unknown_parameter", 400, "a query parameter that is not known here"),
    ("missing_part", 400, "the form lacks a part"),
    ("invalid_request", 400, "the body or the address can't be understood"),
    ("unauthorized", 401, "there is no API key, or an unknown one"),
    (
        "forbidden",
        403,
        "the API key is not for this, or, on a service without keys, the caller is not on its machine",
    ),
    ("not_found", 404, "there is no such person or photo"),
    ("method_not_allowed", 405, "the `Allow` header says which methods there are"),
    ("slow_upload", 408, "the upload stood still"),
    ("name_taken", 409, "another person has the name; `person_id` says who"),
    ("last_photo", 409, "it is the person's only photo"),
    ("data_folder_locked", 409, "another process writes to the data folder"),
    ("conflict", 409, "it contradicts what is stored"),
    ("too_large", 413, "the body or a file in it is over the limit"),
    ("unsupported_media_type", 415, "the body is of another kind than is taken here"),
    ("unsupported_image", 415, "the file is of no image format that is read here"),
    ("undecodable_image", 422, "the image is broken"),
    ("too_many_pixels", 422, "the image is over the limit of pixels"),
    ("no_face", 422, "a photo without a face; `part` says which"),
    ("no_photo_accepted", 422, "nobody is enrolled by these photos; `photos` says why"),
    ("invalid_roster", 422, "the file is no workbook with the columns `Name` and `ID`"),
    ("internal", 500, "the service has failed"),
    ("model_error", 500, "a network can't be run"),
    ("data_error", 500, "the data folder can't be used"),
    ("busy", 503, "there is no room for more work; `Retry-After` says when to try again"),
    ("timeout", 503, "there was no answer in time; a change may have been made all the same"),
];

/// What any address may say.
const ANY: &[&str] = &["unauthorized", "forbidden", "internal", "timeout"];
/// What an address with query parameters may say.
const QUERY: &[&str] = &["invalid_parameter", "unknown_parameter", "invalid_request"];
/// What an address that takes files may say.
const UPLOAD: &[&str] =
    &["missing_part", "invalid_request", "slow_upload", "too_large", "unsupported_media_type", "busy"];
/// What is said of a photo.
const PHOTO: &[&str] = &["unsupported_image", "undecodable_image", "too_many_pixels", "model_error"];
/// What an address of a person may say.
const PERSON: &[&str] = &["not_found", "invalid_request"];
/// What an address that changes something may say.
const CHANGE: &[&str] = &["data_folder_locked", "conflict", "data_error"];

/// The responses for the codes of `sets`, a response a status.
fn responses(sets: &[&[&str]]) -> BTreeMap<String, RefOr<Response>> {
    let wanted = |code: &str| ANY.contains(&code) || sets.iter().any(|set| set.contains(&code));
    let mut by_status: BTreeMap<u16, Vec<(&str, &str)>> = BTreeMap::new();
    for (code, status, meaning) in CODES.iter().filter(|(code, ..)| wanted(code)) {
        by_status.entry(*status).or_default().push((code, meaning));
    }
    by_status.into_iter().map(|(status, codes)| (status.to_string(), response(&codes).into())).collect()
}

fn response(codes: &[(&str, &str)]) -> Response {
    let lines: Vec<String> = codes.iter().map(|(code, meaning)| format!("- `{code}`: {meaning}")).collect();
    let names = codes.iter().map(|(code, _)| json!(code));
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    let schema = AllOfBuilder::new()
        .item(Ref::from_schema_name(Problem::name()))
        .item(ObjectBuilder::new().property("code", code).required("code"));
    let content = Content::new(Some(RefOr::T(Schema::AllOf(schema.build()))));
    ResponseBuilder::new().description(lines.join("\n")).content(PROBLEM_JSON, content).build()
}

/// Declares a type that stands for the errors of an address.
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
    /// Of what reads and takes nothing.
    PlainProblems: ;
    /// Of recognition and detection.
    PhotoProblems: QUERY, UPLOAD, PHOTO;
    /// Of the comparison of two photos.
    PairProblems: QUERY, UPLOAD, PHOTO, &["no_face"];
    /// Of lists.
    ListProblems: QUERY;
    /// Of a new person.
    EnrollProblems: &["invalid_parameter", "name_taken", "no_photo_accepted", "model_error"], UPLOAD, CHANGE;
    /// Of more photos.
    MorePhotosProblems: &["invalid_parameter", "no_photo_accepted", "model_error"], PERSON, UPLOAD, CHANGE;
    /// Of reading a person.
    PersonProblems: PERSON;
    /// Of changing a person.
    PatchProblems:
        &["invalid_parameter", "slow_upload", "too_large", "unsupported_media_type", "name_taken"], PERSON, CHANGE;
    /// Of deleting a person.
    DeleteProblems: PERSON, CHANGE;
    /// Of deleting a photo.
    DeletePhotoProblems: &["last_photo"], PERSON, CHANGE;
    /// Of a new roster.
    RosterProblems: &["invalid_roster"], UPLOAD, CHANGE;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_stands_once_and_each_set_holds_known_ones() {
        let known = |code: &&str| CODES.iter().filter(|(name, ..)| name == code).count() == 1;
        assert!(CODES.iter().all(|(code, ..)| known(code)));
        for set in [ANY, QUERY, UPLOAD, PHOTO, PERSON, CHANGE] {
            assert!(set.iter().all(known), "{set:?}");
        }
    }

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
