//! Records requests.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

use crate::http::state::AppState;

/// The route of requests that match none.
const NO_ROUTE: &str = "none";

/// Middleware: records route, method, status and duration of each request.
pub async fn count(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let (method, start) = (method_label(request.method()), Instant::now());
    let response = next.run(request).await;
    app.metrics.responded(route, method, response.status().as_u16(), start.elapsed());
    response
}

/// Known methods only: clients can invent any number.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    KNOWN.into_iter().find(|known| method == known).unwrap_or("other")
}
