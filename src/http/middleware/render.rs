//! Bodies of error responses, also of those that the router makes (404, 405).

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::json;

use crate::config::Compat;
use crate::http::legacy::flask;
use crate::http::problem::{ApiError, PROBLEM_JSON};

/// Seconds after which a refused client may retry: about one photo's time.
const RETRY_AFTER_S: u32 = 1;

/// The format of an error's body.
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

/// Middleware: writes the body of every error, and logs the causes of 5xx.
pub async fn render(State(compat): State<Compat>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let error = match response.extensions_mut().remove::<ApiError>() {
        Some(error) => error,
        // A handler's own JSON.
        None if response.headers().get(CONTENT_TYPE).is_some_and(|t| t == "application/json") => {
            return response;
        }
        None => ApiError::of_status(status),
    };
    if let Some(cause) = &error.cause {
        tracing::error!(code = error.code.code(), cause, "request failed");
    }
    let (content_type, body) = write(&error, Shape::of(&path, status, compat));
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

fn write(error: &ApiError, shape: Shape) -> (&'static str, String) {
    match shape {
        Shape::Legacy => ("application/json", json!({ "error": error.detail }).to_string()),
        Shape::Problem => (PROBLEM_JSON, error.problem().to_string()),
        Shape::FlaskPage => (flask::HTML, flask::error_page(error.status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
