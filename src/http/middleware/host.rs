//! The `Host` header that HTTP/1.1 asks for.

use axum::extract::Request;
use axum::http::Version;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::problem::{ApiError, ProblemCode};

/// Middleware: responds 400 to a request in HTTP/1.1 without a `Host` header or with several (RFC 9112, section 3.2).
pub async fn require(request: Request, next: Next) -> Response {
    let hosts = request.headers().get_all(HOST).iter().count();
    if request.version() == Version::HTTP_11 && hosts != 1 {
        let detail = format!("expected one Host header in a request of HTTP/1.1, found {hosts}");
        return ApiError::new(ProblemCode::InvalidRequest, detail).into_response();
    }
    next.run(request).await
}
