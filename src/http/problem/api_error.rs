//! What an error means to an HTTP client. Decided here, and only here.
//!
//! Handlers return an [`ApiError`]; the `render` middleware writes its body.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::code::ProblemCode;
use crate::error::{Error, InputError};

/// Media type of errors in version 1 (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// An error response.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// HTTP status, 4xx or 5xx: the code's, or the one that the router chose.
    pub status: StatusCode,
    /// The stable kind.
    pub code: ProblemCode,
    /// One sentence for a person. That of a 5xx reveals no internals.
    pub detail: String,
    /// Further members of the problem object.
    pub members: Map<String, Value>,
    /// The cause of a 5xx, for the log only.
    pub cause: Option<String>,
}

impl ApiError {
    /// An error with the code's status.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { status: code.status(), code, detail: detail.into(), members: Map::new(), cause: None }
    }

    /// The same with one more member in its problem object.
    #[must_use]
    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.members.insert(member.to_owned(), value);
        self
    }

    /// A failure of the service; the cause goes to the log, not to the client.
    fn hidden(code: ProblemCode, detail: &str, cause: &dyn std::fmt::Display) -> Self {
        Self { cause: Some(cause.to_string()), ..Self::new(code, detail) }
    }

    /// The error of a response that has a status only: the router or a middleware refused the request.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => (ProblemCode::NotFound, "there is nothing at this address"),
            StatusCode::METHOD_NOT_ALLOWED => (
                ProblemCode::MethodNotAllowed,
                "this address does not take this method; the Allow header says which",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => (ProblemCode::TooLarge, "the body is larger than the limit"),
            _ if status.is_server_error() => (ProblemCode::Internal, "the service has failed"),
            _ => (ProblemCode::InvalidRequest, "the request can't be parsed"),
        };
        Self { status, ..Self::new(code, detail) }
    }

    /// The problem object of RFC 9457. Without `type`, which means `about:blank`: the title is the status's.
    #[must_use]
    pub fn problem(&self) -> Value {
        let mut object = self.members.clone();
        object.insert("title".to_owned(), self.status.canonical_reason().unwrap_or("Error").into());
        object.insert("status".to_owned(), self.status.as_u16().into());
        object.insert("code".to_owned(), self.code.code().into());
        object.insert("detail".to_owned(), self.detail.as_str().into());
        Value::Object(object)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::Input(input) => input.into(),
            // A cancelled job's client has gone and sees no response.
            Error::Busy { .. } | Error::Cancelled => Self::new(ProblemCode::Busy, error.to_string()),
            Error::Data(cause) => Self::hidden(
                ProblemCode::DataError,
                "the data directory can't be read or written; the service's log says why",
                &cause,
            ),
            Error::Unavailable(cause) => Self::hidden(
                ProblemCode::DatabaseUnavailable,
                "the database can't be reached for now: nothing can be changed, recognition goes on",
                &cause,
            ),
            Error::Unknown(cause) => Self::hidden(
                ProblemCode::DatabaseUnavailable,
                "the database was lost while it stored the change: the change may have been made; look before sending it again",
                &cause,
            ),
            Error::Model(cause) => Self::hidden(ProblemCode::ModelError, "a network can't be run", &cause),
            Error::Internal(cause) => Self::hidden(ProblemCode::Internal, "the service has failed", &cause),
        }
    }
}

impl From<InputError> for ApiError {
    fn from(error: InputError) -> Self {
        let detail = error.to_string();
        let code = match error {
            InputError::Missing(_) => ProblemCode::MissingPart,
            InputError::Invalid(_) => ProblemCode::InvalidRequest,
            InputError::TooLarge { .. } => ProblemCode::TooLarge,
            InputError::UnknownFormat { .. } | InputError::UnreadFormat { .. } => {
                ProblemCode::UnsupportedImage
            }
            InputError::Undecodable { .. } => ProblemCode::UndecodableImage,
            InputError::TooManyPixels { .. } => ProblemCode::TooManyPixels,
            InputError::InvalidWorkbook(_) => ProblemCode::InvalidRoster,
            InputError::NotFound(_) => ProblemCode::NotFound,
            InputError::NameTaken { person_id } => {
                return Self::new(ProblemCode::NameTaken, detail).with("person_id", person_id.into());
            }
            InputError::LastPhoto => ProblemCode::LastPhoto,
            InputError::Locked(_) => ProblemCode::DataDirectoryLocked,
            InputError::Conflict(_) => ProblemCode::Conflict,
        };
        Self::new(code, detail)
    }
}

impl IntoResponse for ApiError {
    /// Status and, for the `render` middleware, the error itself; the body is written there.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::{DataError, ModelError};

    #[test]
    fn each_error_has_its_status_and_code() {
        let too_many = InputError::TooManyPixels { width: 60_000, height: 60_000, limit_megapixels: 64 };
        let undecodable = InputError::Undecodable { format: "PNG", reason: "it ends early".into() };
        for (error, status, code) in [
            (InputError::Missing("No file provided".into()).into(), 400, "missing_part"),
            (InputError::Invalid("x".into()).into(), 400, "invalid_request"),
            (InputError::TooLarge { limit_bytes: 5 }.into(), 413, "too_large"),
            (InputError::UnknownFormat { found: "text".into() }.into(), 415, "unsupported_image"),
            (InputError::UnreadFormat { format: "HEIC", advice: "x" }.into(), 415, "unsupported_image"),
            (undecodable.into(), 422, "undecodable_image"),
            (too_many.into(), 422, "too_many_pixels"),
            (InputError::NotFound("x".into()).into(), 404, "not_found"),
            (InputError::NameTaken { person_id: "7".into() }.into(), 409, "name_taken"),
            (InputError::LastPhoto.into(), 409, "last_photo"),
            (InputError::Locked("x".into()).into(), 409, "data_folder_locked"),
            (InputError::Conflict("x".into()).into(), 409, "conflict"),
            (Error::Busy { waiting: 3, limit: 3 }, 503, "busy"),
            (Error::Unavailable("/secret/path".into()), 503, "database_unavailable"),
            (Error::Unknown("/secret/path".into()), 503, "database_unavailable"),
            (DataError::Invalid("/secret/path".into()).into(), 500, "data_error"),
            (ModelError::Run("/secret/path".into()).into(), 500, "model_error"),
            (Error::Internal("/secret/path".into()), 500, "internal"),
        ] {
            let error = ApiError::from(error);
            assert_eq!((error.status.as_u16(), error.code.code()), (status, code));
            assert!(!error.detail.contains("secret"), "{}", error.detail);
        }
    }

    #[test]
    fn a_change_that_may_have_been_made_is_not_told_as_one_that_was_not() {
        let error = ApiError::from(Error::Unknown("x".into()));
        assert!(error.detail.contains("the change may have been made"), "{}", error.detail);
        assert!(!error.detail.contains("nothing can be changed"), "{}", error.detail);
    }

    #[test]
    fn a_problem_says_what_rfc_9457_asks_for() {
        let error = ApiError::new(ProblemCode::Conflict, "taken").with("id", json!("7"));
        let expected =
            json!({"title": "Conflict", "status": 409, "code": "conflict", "detail": "taken", "id": "7"});
        assert_eq!(error.problem(), expected);
    }
}
