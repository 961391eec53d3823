//! Is it alive, and can it answer?

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::state::AppState;
use crate::reloadable::ReloadError;

/// The answer of `GET /healthz`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    status: &'static str,
}

/// Is it alive?
#[utoipa::path(get, path = "/healthz", tag = "health", security(()),
    responses((status = 200, description = "The process answers", body = Health)))]
pub async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// The answer of `GET /readyz`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ready`, or `degraded` when a changed file can't be used and the old content is in use.
    status: &'static str,
    /// The embedder of the gallery in use.
    model: String,
    /// Enrolled people.
    people: usize,
    /// Embeddings of all people together.
    photos: usize,
    /// Names with an ID.
    roster: usize,
    /// Photos that wait for a worker.
    waiting: usize,
    /// Photos worked on.
    running: usize,
    /// Why a file is not in use; only which, `gallery`, `roster` or `keys`, where the service has API keys and
    /// the request shows none of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<String>,
    /// What is well and yet may not be meant; as short as `errors` where those are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<String>,
}

/// Can it answer, and with what?
///
/// Networks, gallery and roster are loaded: nothing is listened to before they are. 200 also when a
/// *changed* file is broken (`degraded`): the old content still answers. A service with API keys asks for none
/// here, but says why a file is broken only to those who show one.
#[utoipa::path(get, path = "/readyz", tag = "health", security(()),
    responses((status = 200, description = "What is in use", body = Readiness)))]
pub async fn readyz(State(app): State<AppState>, headers: HeaderMap) -> (StatusCode, Json<Readiness>) {
    let gallery = app.gallery.current();
    let detailed = app.access.may_see_details(&headers);
    // The message has paths of the server and names of keys.
    let told = |file: &str, trouble: ReloadError| if detailed { trouble.message } else { file.to_owned() };
    // A data folder may be without a roster, but not with a broken one.
    let (broken, missing): (Vec<_>, Vec<_>) =
        app.roster.reload_error().into_iter().partition(|t| t.file_exists);
    let gallery_trouble = app.gallery.reload_error().map(|trouble| told("gallery", trouble));
    let roster = |troubles: Vec<ReloadError>| troubles.into_iter().map(|trouble| told("roster", trouble));
    let keys = app.access.reload_error().map(|trouble| told("keys", trouble));
    let errors: Vec<_> = gallery_trouble.into_iter().chain(roster(broken)).chain(keys).collect();
    let readiness = Readiness {
        status: if errors.is_empty() { "ready" } else { "degraded" },
        model: gallery.recipe().model.clone(),
        people: gallery.len(),
        photos: gallery.photo_count(),
        roster: app.roster.current().len(),
        waiting: app.workers.waiting(),
        running: app.workers.running(),
        errors,
        warnings: roster(missing).collect(),
    };
    (StatusCode::OK, Json(readiness))
}
