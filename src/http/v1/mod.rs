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
pub mod verify;
pub mod when;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use super::body_limit;
use super::state::AppState;
use crate::config::Config;

/// The addresses below `/v1`. Forms with several photos have body limits of their own.
pub fn routes(config: &Config) -> OpenApiRouter<AppState> {
    let pair = DefaultBodyLimit::max(body_limit(config.max_upload_bytes.saturating_mul(2)));
    let enrollment = DefaultBodyLimit::max(body_limit(config.max_enrollment_bytes()));
    OpenApiRouter::new()
        .routes(routes!(recognize::recognize))
        .routes(routes!(detect::detect))
        .routes(routes!(verify::verify).layer(pair))
        .routes(routes!(people::list, enroll::enroll).layer(enrollment))
        .routes(routes!(people::get, people::patch, people::delete))
        .routes(routes!(enroll::add_photos).layer(enrollment))
        .routes(routes!(people::delete_photo))
        .routes(routes!(roster::get, roster::put))
}
