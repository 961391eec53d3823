//! Version 1 of the API: recognition with explanations, and management of people and roster.
#![allow(clippy::missing_errors_doc, reason = "each route declares its error responses")]

pub mod attendance;
pub mod audit;
pub mod detect;
pub mod enroll;
pub mod files;
pub mod groups;
pub mod people;
pub mod photo_results;
pub mod recognize;
pub mod roster;
pub mod session_photos;
pub mod sessions;
pub mod verify;
pub mod webhooks;

use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::middleware::auth;
use super::state::AppState;
use crate::keys::Scope;

/// The routes below `/v1`. Scope `recognize` covers recognition, detection, verification and photos of a session; scope
/// `manage` covers people, roster and attendance.
#[must_use]
pub fn routes(app: &AppState) -> OpenApiRouter<AppState> {
    let gate = |scope| from_fn_with_state(app.access.require_scope(scope), auth::require);
    let recognition = recognition_routes().route_layer(gate(Scope::Recognize));
    recognition.merge(management_routes().route_layer(gate(Scope::Manage)))
}

fn recognition_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(recognize::recognize))
        .routes(routes!(detect::detect))
        .routes(routes!(verify::verify))
        .routes(routes!(sessions::list))
        .routes(routes!(session_photos::add))
}

fn management_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(people::list, enroll::enroll))
        .routes(routes!(people::get, people::patch, people::delete))
        .routes(routes!(enroll::add_photos))
        .routes(routes!(people::delete_photo))
        .routes(routes!(people::thumbnail))
        .routes(routes!(people::move_photo))
        .routes(routes!(people::merge))
        .routes(routes!(audit::get))
        .routes(routes!(audit::dismiss, audit::restore))
        .routes(routes!(roster::get, roster::put))
        .routes(routes!(roster::versions))
        .routes(routes!(roster::restore))
        .routes(routes!(sessions::create))
        .routes(routes!(sessions::get, sessions::patch, sessions::delete))
        .routes(routes!(sessions::close))
        .routes(routes!(sessions::correct))
        .routes(routes!(attendance::report))
        .routes(routes!(attendance::of_person, attendance::forget))
        .routes(routes!(groups::list))
        .routes(routes!(groups::of_person, groups::set_of_person))
        .routes(routes!(webhooks::list))
        .routes(routes!(webhooks::resend))
        .routes(routes!(groups::get, groups::put, groups::patch, groups::delete))
}
