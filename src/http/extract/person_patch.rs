//! Changes of a person, and the fields that clients send of one.

use axum::extract::{FromRequest, Request};
use jiff::civil::Date;
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::query::invalid_parameter;
use super::small_object::read_small_object;
use crate::error::InputError;
use crate::gallery::PersonUpdate;
use crate::http::problem::{ApiError, ProblemCode, shown};
use crate::person_name::PersonName;
use crate::presentation::json_id::{InvalidId, JsonId};
use crate::student_id::{self, StudentId};

/// What is to change; what is left out stays (RFC 7396).
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonPatch {
    /// The new name: 1 to 200 characters, none of control or of direction; white space around it is dropped.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200,
             pattern = "^[^\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]*[^\\x00-\\x20\\x7f-\\xa0\\xad_\\u034f\\u061c\\u1680\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u3000\\ufe00-\\ufe0f\\ufeff][^\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]*$")]
    name: Option<String>,
    /// The person's own ID; null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<NewStudentId>, required = false)]
    #[allow(clippy::option_option, reason = "absent, null and a value are three things in a merge patch")]
    student_id: Option<Option<serde_json::Value>>,
    /// The last day on which the person is recognised; null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = Date, required = false, example = "2027-07-31")]
    #[allow(clippy::option_option, reason = "absent, null and a value are three things in a merge patch")]
    expires: Option<Option<String>>,
}

/// A number or text as the person's own ID.
#[allow(dead_code, reason = "only documents a member of the patch")]
struct NewStudentId;

impl PartialSchema for NewStudentId {
    /// As [`JsonId`]'s, with the bounds of what is taken.
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

impl PersonPatch {
    /// The change, its fields checked.
    ///
    /// # Errors
    /// 400 for an invalid name, ID or day.
    pub fn change(&self) -> Result<PersonUpdate, ApiError> {
        let name = self.name.as_deref().map(parse_name).transpose()?;
        let student_id = self.student_id.as_ref().map(|id| id.as_ref().map(patched_id).transpose());
        let expires = self.expires.as_ref().map(|day| day.as_deref().map(parse_expires).transpose());
        Ok(PersonUpdate { name, student_id: student_id.transpose()?, expires: expires.transpose()? })
    }
}

/// A member that is there, whatever it holds: null is told from absent.
///
/// # Errors
/// As the member's type.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl<S: Sync> FromRequest<S> for PersonPatch {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let types = ["application/merge-patch+json", "application/json"];
        read_small_object(request, &types, "an object with name, student_id or expires").await
    }
}

/// An ID given by a client.
///
/// # Errors
/// 400 for one that is empty, too long, or has control characters.
pub fn parse_student_id(id: JsonId) -> Result<StudentId, ApiError> {
    let (parsed, found) = match id {
        JsonId::Integer(number) => (Some(StudentId::Integer(number)), String::new()),
        JsonId::Number(number) => (StudentId::from_number(number), number.to_string()),
        JsonId::Text(text) => {
            let plain = !text.contains(char::is_control);
            (plain.then(|| StudentId::from_text(&text)).flatten(), text)
        }
    };
    let expected = format!("a number or text of 1 to {} characters, none of control", student_id::MAX_CHARS);
    parsed.ok_or_else(|| invalid_parameter("student_id", &expected, &found))
}

/// A last day given by a client.
///
/// # Errors
/// 400 for what is no day of RFC 3339, and for one before the year 1, which databases don't have.
pub fn parse_expires(text: &str) -> Result<Date, ApiError> {
    // The parser takes times and other notations, too.
    let day = text.parse().ok().filter(|day: &Date| day.to_string() == text && day.year() >= 1);
    day.ok_or_else(|| invalid_parameter("expires", "a day like 2027-07-31", text))
}

/// An ID of a patch, that may be of any type.
fn patched_id(value: &serde_json::Value) -> Result<StudentId, ApiError> {
    let wrong = |wrong: InvalidId| match wrong {
        InvalidId::TooLong => invalid_parameter("student_id", &wrong.to_string(), &value.to_string()),
        // As for a name that is none: the body has another shape.
        InvalidId::Type => {
            let found = shown(&value.to_string());
            InputError::Invalid(format!("student_id: expected {wrong}, found {found}")).into()
        }
    };
    parse_student_id(JsonId::try_from(value).map_err(wrong)?)
}

/// A name given by a client, normalised.
///
/// # Errors
/// 400 saying what is wrong with it.
pub fn parse_name(name: &str) -> Result<PersonName, ApiError> {
    let refused = |error: InputError| {
        ApiError::new(ProblemCode::InvalidParameter, error.to_string()).with("parameter", "name".into())
    };
    // Also at the ends, where they would be dropped as white space.
    if let Some(at) = name.chars().position(char::is_control) {
        let message = format!("character {} of the name is a control character: none is allowed", at + 1);
        return Err(refused(InputError::Invalid(message)));
    }
    PersonName::parse_new(name).map_err(refused)
}
