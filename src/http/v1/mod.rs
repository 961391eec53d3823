//! Version 1 of the API: explained answers, and people and roster to be changed while the service runs.

pub mod detect;
pub mod enroll;
pub mod enroll_form;
pub mod faces;
pub mod outcomes;
pub mod paging;
pub mod people;
pub mod photo;
pub mod query;
pub mod recognize;
pub mod roster;
pub mod timestamps;
pub mod verify;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use super::auth;
use super::body_limit;
use super::state::AppState;
use crate::config::Config;
use crate::keys::Scope;

/// The addresses below `/v1`: who may recognise may look at photos, who may manage sees and changes
/// people and the roster. Forms with several photos have body limits of their own.
#[must_use]
pub fn routes(app: &AppState) -> OpenApiRouter<AppState> {
    let gate = |scope| from_fn_with_state(app.access.gate(scope), auth::require);
    let recognition = recognition_routes(&app.config).route_layer(gate(Scope::Recognize));
    recognition.merge(management_routes(&app.config).route_layer(gate(Scope::Manage)))
}

fn recognition_routes(config: &Config) -> OpenApiRouter<AppState> {
    let pair = DefaultBodyLimit::max(body_limit(config.max_upload_bytes.saturating_mul(2)));
    OpenApiRouter::new()
        .routes(routes!(recognize::recognize))
        .routes(routes!(detect::detect))
        .routes(routes!(verify::verify).layer(pair))
}

fn management_routes(config: &Config) -> OpenApiRouter<AppState> {
    let enrollment = DefaultBodyLimit::max(body_limit(config.max_enrollment_bytes()));
    OpenApiRouter::new()
        .routes(routes!(people::list, enroll::enroll).layer(enrollment))
        .routes(routes!(people::get, people::patch, people::delete))
        .routes(routes!(enroll::add_photos).layer(enrollment))
        .routes(routes!(people::delete_photo))
        .routes(routes!(roster::get, roster::put))
}
