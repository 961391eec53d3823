//! What an error means to an HTTP client: status, stable code, message. Decided here, and only here.
//!
//! Handlers return an [`ApiError`]; how its body looks depends on who is asking
//! (`Shape`) and is written by the `render` middleware, which also gives a body to the answers
//! that the router makes by itself (404, 405).

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::flask;
use super::state::AppState;
use crate::config::Compat;
use crate::error::{Error, InputError};

/// Media type of errors in version 1 (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Seconds after which a refused client may try again: about one photo's time.
const RETRY_AFTER_S: u32 = 1;

/// An answer that is no success.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// HTTP status, 4xx or 5xx.
    pub status: StatusCode,
    /// Stable name of the kind of failure, `snake_case`.
    pub code: &'static str,
    /// One sentence for a person. Of a 5xx it says nothing about the inside.
    pub detail: String,
    /// Further members of the problem object.
    pub members: Map<String, Value>,
    /// What the log is told in addition: the cause of a 5xx.
    cause: Option<String>,
}

impl ApiError {
    /// A failure the client can do something about.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), members: Map::new(), cause: None }
    }

    /// The same with one more member in its problem object.
    #[must_use]
    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.members.insert(member.to_owned(), value);
        self
    }

    /// A failure of the service; the cause goes to the log, not to the client.
    fn hidden(code: &'static str, detail: &str, cause: &dyn std::fmt::Display) -> Self {
        let failure = Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, detail);
        Self { cause: Some(cause.to_string()), ..failure }
    }

    /// No handler spoke: the router or a middleware refused the request by its status alone.
    fn of_status(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => ("not_found", "there is nothing at this address"),
            StatusCode::METHOD_NOT_ALLOWED => {
                ("method_not_allowed", "this address does not take this method; the Allow header says which")
            }
            StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "the body is larger than the limit"),
            _ if status.is_server_error() => ("internal", "the service has failed"),
            _ => ("invalid_request", "the request can't be understood"),
        };
        Self::new(status, code, detail)
    }

    /// Whether the bytes of the upload were the trouble, not the way they were sent.
    #[must_use]
    pub fn is_about_the_image(&self) -> bool {
        matches!(self.code, "unsupported_image" | "undecodable_image" | "too_many_pixels")
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::Input(input) => input.into(),
            // The client that the second would be for has gone.
            Error::Busy { .. } | Error::Cancelled => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", error.to_string())
            }
            Error::Data(cause) => Self::hidden(
                "data_error",
                "the data folder can't be read or written; the service's log says why",
                &cause,
            ),
            Error::Model(cause) => Self::hidden("model_error", "a network can't be run", &cause),
            Error::Internal(cause) => Self::hidden("internal", "the service has failed", &cause),
        }
    }
}

impl From<InputError> for ApiError {
    fn from(error: InputError) -> Self {
        let detail = error.to_string();
        let (status, code) = match error {
            InputError::Missing(_) => (StatusCode::BAD_REQUEST, "missing_part"),
            InputError::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
            InputError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            InputError::UnknownFormat { .. } | InputError::UnreadFormat { .. } => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_image")
            }
            InputError::Undecodable { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "undecodable_image"),
            InputError::TooManyPixels { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "too_many_pixels"),
            InputError::InvalidWorkbook(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_roster"),
            InputError::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            InputError::NameTaken { person_id } => {
                let taken = Self::new(StatusCode::CONFLICT, "name_taken", detail);
                return taken.with("person_id", person_id.into());
            }
            InputError::LastPhoto => (StatusCode::CONFLICT, "last_photo"),
            InputError::Locked(_) => (StatusCode::CONFLICT, "data_folder_locked"),
            InputError::Conflict(_) => (StatusCode::CONFLICT, "conflict"),
        };
        Self::new(status, code, detail)
    }
}

impl IntoResponse for ApiError {
    /// Status and, for `render`, the failure itself; the body comes later.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// How an error's body looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// `{"error": "..."}`, of the old endpoint.
    Legacy,
    /// RFC 9457.
    Problem,
    /// The Flask service's HTML page, where it made one.
    FlaskPage,
}

impl Shape {
    fn of(path: &str, status: StatusCode, compat: Compat) -> Self {
        let by_router = matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED);
        match compat {
            Compat::Flask if by_router && !path.starts_with("/v1") => Self::FlaskPage,
            Compat::Flask | Compat::Standard if path == "/recognize_faces" => Self::Legacy,
            Compat::Flask | Compat::Standard => Self::Problem,
        }
    }
}

/// Middleware: gives every failure its body, and tells the log about those of the service.
pub async fn render(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let failure = match response.extensions_mut().remove::<ApiError>() {
        Some(failure) => failure,
        // A handler's own JSON, like that of /readyz.
        None if response.headers().get(CONTENT_TYPE).is_some_and(|t| t == "application/json") => {
            return response;
        }
        None => ApiError::of_status(status),
    };
    if let Some(cause) = &failure.cause {
        tracing::error!(code = failure.code, cause, "request failed");
    }
    let (content_type, body) = write(&failure, Shape::of(&path, status, app.compat()));
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED && path == "/recognize_faces" {
        headers.insert(ALLOW, HeaderValue::from_static(flask::ALLOW_RECOGNIZE));
    }
    *response.body_mut() = Body::from(body);
    response
}

fn write(failure: &ApiError, shape: Shape) -> (&'static str, String) {
    match shape {
        Shape::Legacy => ("application/json", json!({ "error": failure.detail }).to_string()),
        Shape::Problem => (PROBLEM_JSON, problem(failure).to_string()),
        Shape::FlaskPage => (flask::HTML, flask::error_page(failure.status)),
    }
}

/// The problem object of RFC 9457; `type` is left out, which means `about:blank`: the title is the status's.
fn problem(failure: &ApiError) -> Value {
    let mut object = failure.members.clone();
    object.insert("title".to_owned(), failure.status.canonical_reason().unwrap_or("Error").into());
    object.insert("status".to_owned(), failure.status.as_u16().into());
    object.insert("code".to_owned(), failure.code.into());
    object.insert("detail".to_owned(), failure.detail.as_str().into());
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{DataError, ModelError};

    #[test]
    fn each_kind_of_error_has_its_status_and_code() {
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
            (DataError::Invalid("/secret/path".into()).into(), 500, "data_error"),
            (ModelError::Run("/secret/path".into()).into(), 500, "model_error"),
            (Error::Internal("/secret/path".into()), 500, "internal"),
        ] {
            let failure = ApiError::from(error);
            assert_eq!((failure.status.as_u16(), failure.code), (status, code));
            assert!(!failure.detail.contains("secret"), "{}", failure.detail);
        }
    }

    #[test]
    fn a_problem_says_what_rfc_9457_asks_for() {
        let failure = ApiError::new(StatusCode::CONFLICT, "conflict", "taken").with("id", json!("7"));
        let expected =
            json!({"title": "Conflict", "status": 409, "code": "conflict", "detail": "taken", "id": "7"});
        assert_eq!(problem(&failure), expected);
    }

    #[test]
    fn the_shape_follows_path_and_profile() {
        let cases = [
            ("/recognize_faces", 413, Compat::Standard, Shape::Legacy),
            ("/recognize_faces", 405, Compat::Standard, Shape::Legacy),
            ("/recognize_faces", 405, Compat::Flask, Shape::FlaskPage),
            ("/recognize_faces", 400, Compat::Flask, Shape::Legacy),
            ("/nope", 404, Compat::Standard, Shape::Problem),
            ("/nope", 404, Compat::Flask, Shape::FlaskPage),
            ("/v1/nope", 404, Compat::Flask, Shape::Problem),
        ];
        for (path, status, compat, shape) in cases {
            assert_eq!(
                Shape::of(path, StatusCode::from_u16(status).unwrap(), compat),
                shape,
                "{path} {status}"
            );
        }
    }
}
