//! The HTTP transport. Handlers translate between JSON or forms and the types of [`Service`](crate::service::Service);
//! [`router`] is a pure function of the state.

pub mod extract;
pub mod health;
pub mod legacy;
pub mod metrics;
pub mod middleware;
pub mod openapi;
pub mod problem;
pub mod state;
pub mod v1;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::trace::TraceLayer;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use self::middleware::auth::{self, X_API_KEY};
use self::middleware::request_id::{Ulids, X_REQUEST_ID, drop_odd_request_id};
use self::middleware::{body, client, cors, host, log, render, security_headers, timeout};
use self::problem::ApiError;
use self::state::AppState;
use crate::error::Error;
use crate::keys::Scope;
use crate::web;

/// All routes and layers. From the outside in: request id, client, log, metrics, CORS, error bodies, panics, host, time limit,
/// pace of bodies, routes.
pub fn router(app: AppState) -> Router {
    let proxies = Arc::new(app.config.clients.trusted_proxies.clone());
    let pace = body::Pace { idle: app.config.timeouts.body_idle, rate: app.config.clients.upload_rate };
    let layers = ServiceBuilder::new()
        .map_request(drop_odd_request_id)
        .layer(SetRequestIdLayer::new(X_REQUEST_ID, Ulids))
        .layer(PropagateRequestIdLayer::new(X_REQUEST_ID))
        .layer(from_fn_with_state(proxies, client::identify))
        .layer(SetSensitiveRequestHeadersLayer::new([AUTHORIZATION, X_API_KEY]))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(log::span)
                .on_request(())
                .on_response(log::log)
                .on_failure(()),
        )
        .layer(from_fn_with_state(app.clone(), middleware::metrics::count))
        .option_layer(cors::cors(&app.config.cors_origins))
        .option_layer(security_headers::https_only(app.config.tls.is_some()))
        .layer(from_fn(security_headers::set))
        .layer(from_fn_with_state(app.config.compat, render::render))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(host::require))
        .layer(from_fn_with_state(app.clone(), timeout::limit_time))
        .layer(from_fn_with_state(pace, body::guard));
    let may_recognize = from_fn_with_state(app.access.require_scope(Scope::Recognize), auth::require);
    let may_measure = app.access.require_scope(Scope::Recognize).through_any_name();
    let may_measure = from_fn_with_state(may_measure, auth::require);
    let measured = routes!(metrics::endpoint::metrics).map(|route| route.route_layer(may_measure));
    let (routes, api) = OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(legacy::recognize::recognize_faces).map(|route| {
            // Not OPTIONS: browsers send it without a key, and it reveals nothing.
            route.route_layer(may_recognize).options(legacy::recognize::options)
        }))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(measured)
        .merge(v1::routes(&app))
        .split_for_parts();
    let docs = if app.config.docs { openapi::routes(&api) } else { Router::new() };
    let routes = routes
        .merge(docs)
        .merge(web::routes())
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(layers)
        .with_state(app);
    // Outside of the router: inside of it the route has been chosen.
    Router::new().fallback_service(ServiceBuilder::new().map_request(legacy::path::normalize).service(routes))
}

/// A panic in a handler; those of jobs are caught by the workers.
#[allow(clippy::needless_pass_by_value, reason = "the layer's signature")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    ApiError::from(Error::from_panic(panic.as_ref())).into_response()
}
