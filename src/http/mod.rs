//! The HTTP service: [`router`] is a pure function of the state, [`serve`] binds it to a socket.

pub mod auth;
pub mod error;
pub mod extract;
pub mod flask;
pub mod health;
pub mod keep;
pub mod local;
pub mod metrics;
pub mod openapi;
pub mod page;
pub mod problems;
pub mod recognize;
pub mod serve;
pub mod state;
pub mod types;
pub mod upload;
pub mod v1;

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::trace::TraceLayer;
use tracing::Span;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use self::auth::{KEY_FIELD, X_API_KEY};
use self::error::ApiError;
use self::extract::MULTIPART_OVERHEAD_BYTES;
use self::state::AppState;
use crate::error::Error;
use crate::keys::Scope;

/// On every answer: a number to find it in the log by.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id taken over from a client.
const MAX_REQUEST_ID_LEN: usize = 64;

/// The whole service. From the outside in: request id, log, metrics, CORS, bodies of errors, panics,
/// time limit, body limits, routes.
pub fn router(app: AppState) -> Router {
    let layers = ServiceBuilder::new()
        .map_request(drop_odd_request_id)
        .layer(SetRequestIdLayer::new(X_REQUEST_ID, Ulids))
        .layer(PropagateRequestIdLayer::new(X_REQUEST_ID))
        .layer(SetSensitiveRequestHeadersLayer::new([AUTHORIZATION, X_API_KEY]))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_request(()).on_response(log).on_failure(()))
        .layer(from_fn_with_state(app.clone(), metrics::count))
        .option_layer(cors(&app.config.cors_origins))
        .layer(from_fn_with_state(app.clone(), error::render))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(app.clone(), give_up))
        .layer(from_fn_with_state(app.clone(), upload::guard))
        .layer(DefaultBodyLimit::max(body_limit(app.config.max_upload_bytes)));
    let may_recognize = from_fn_with_state(app.access.gate(Scope::Recognize), auth::require);
    let measured = routes!(metrics::metrics).map(|route| route.route_layer(may_recognize.clone()));
    let (routes, api) = OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(recognize::recognize_faces).map(|route| {
            // Not OPTIONS, which says no more than this file does, and which browsers send without a key.
            route.route_layer(may_recognize).options(recognize::options)
        }))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(measured)
        .merge(v1::routes(&app))
        .split_for_parts();
    routes
        .merge(openapi::routes(&api))
        .merge(page::routes())
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(layers)
        .with_state(app)
}

/// How long a multipart body with so many bytes of files may be.
fn body_limit(file_bytes: u64) -> usize {
    usize::try_from(file_bytes.saturating_add(MULTIPART_OVERHEAD_BYTES)).unwrap_or(usize::MAX)
}

/// Makes request ids that sort by time.
#[derive(Clone, Copy)]
struct Ulids;

impl MakeRequestId for Ulids {
    fn make_request_id<B>(&mut self, _request: &axum::http::Request<B>) -> Option<RequestId> {
        HeaderValue::from_str(&ulid::Ulid::generate().to_string()).ok().map(RequestId::new)
    }
}

/// A client's own request id is kept when it is short and plain, so that logs stay readable.
fn drop_odd_request_id(mut request: Request) -> Request {
    let plain = |id: &[u8]| {
        (1..=MAX_REQUEST_ID_LEN).contains(&id.len())
            && id.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
    };
    if request.headers().get(X_REQUEST_ID).is_some_and(|id| !plain(id.as_bytes())) {
        request.headers_mut().remove(X_REQUEST_ID);
    }
    request
}

/// What all log lines of a request carry: the route, never the address as typed, which may hold a name.
fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
    let id = request.headers().get(X_REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or("-");
    tracing::info_span!("request", method = %request.method(), route, id, { KEY_FIELD } = tracing::field::Empty)
}

/// One line a request.
fn log(response: &Response, latency: Duration, _span: &Span) {
    tracing::info!(status = response.status().as_u16(), ms = latency.as_millis() as u64, "answered");
}

/// Off unless origins are named.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origin = match origins {
        [] => return None,
        _ if origins.iter().any(|origin| origin == "*") => AllowOrigin::any(),
        _ => AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok())),
    };
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let cors = CorsLayer::new().allow_origin(origin).allow_methods(methods);
    let cors = cors.allow_headers([AUTHORIZATION, CONTENT_TYPE, X_API_KEY, X_REQUEST_ID]);
    Some(cors.expose_headers([X_REQUEST_ID, RETRY_AFTER]).max_age(Duration::from_hours(1)))
}

/// A panic in a handler; those of jobs are caught by the workers.
#[allow(clippy::needless_pass_by_value, reason = "the layer's signature")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    ApiError::from(Error::from_panic(panic.as_ref())).into_response()
}

/// Middleware: the time limit. Giving up drops the request's job, if it still waits.
async fn give_up(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let limit = app.config.request_timeout;
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        app.metrics.timed_out();
        let detail = format!("no answer within {} s; try again when there is less to do", limit.as_secs());
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", detail).into_response()
    })
}
