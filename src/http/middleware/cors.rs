//! Cross-origin requests: refused unless origins are configured.

use std::time::Duration;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::auth::X_API_KEY;
use super::request_id::X_REQUEST_ID;

/// The layer for these origins; `None` without any. A page of the public network may ask a service in a private one, where
/// its origin is among them: browsers ask for that before the request (Private Network Access).
#[must_use]
pub fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origin = match origins {
        [] => return None,
        _ if origins.iter().any(|origin| origin == "*") => AllowOrigin::any(),
        _ => AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok())),
    };
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let cors = CorsLayer::new().allow_origin(origin).allow_methods(methods);
    let cors = cors.allow_headers([AUTHORIZATION, CONTENT_TYPE, X_API_KEY, X_REQUEST_ID]);
    let cors = cors.allow_private_network(true);
    Some(cors.expose_headers([X_REQUEST_ID, RETRY_AFTER]).max_age(Duration::from_hours(1)))
}
