//! What the Flask service said by itself, word for word (`tests/golden/flask.json`): its pages for
//! 404 and 405, and its response to OPTIONS.

use axum::http::StatusCode;

/// Content type of Flask's pages.
pub const HTML: &str = "text/html; charset=utf-8";
/// The methods of `/recognize_faces`.
pub const ALLOW_RECOGNIZE: &str = "POST, OPTIONS";

/// Werkzeug's page for an error that its router made.
#[must_use]
pub fn error_page(status: StatusCode) -> String {
    let title = status.canonical_reason().unwrap_or("Error");
    let text = if status == StatusCode::METHOD_NOT_ALLOWED {
        "The method is not allowed for the requested URL."
    } else {
        "The requested URL was not found on the server. If you entered the URL manually please check your \
         spelling and try again."
    };
    let code = status.as_u16();
    format!(
        "<!doctype html>\n<html lang=en>\n<title>{code} {title}</title>\n<h1>{title}</h1>\n<p>{text}</p>\n"
    )
}
