//! Liveness and readiness.

use axum::Json;
use axum::extract::{Request, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::state::AppState;
use crate::reloadable::ReloadError;
use crate::service::file_status::FileStatus;

/// The response of `GET /healthz`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    status: &'static str,
}

/// Liveness.
#[utoipa::path(get, path = "/healthz", tag = "health", security(()),
    responses((status = 200, description = "The process responds", body = Health)))]
pub async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// The response of `GET /readyz`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ready`, or `degraded` while a changed file is broken and its previous content is in use, the access
    /// log can't be written, or thumbnails of deleted photos can't be removed.
    status: &'static str,
    /// The embedder of the gallery in use.
    model: String,
    /// Enrolled people.
    people: usize,
    /// Enrolled photos of all people.
    photos: usize,
    /// Names in the roster.
    roster: usize,
    /// Photos waiting for a worker.
    waiting: usize,
    /// Photos being processed.
    running: usize,
    /// Why files are not in use. Only their names (`gallery`, `roster`, `keys`, `access_log`, `thumbnails`) where the request carries no
    /// API key, or, of a service without keys, is not from its own machine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<String>,
    /// What works but may not be intended; shortened like `errors`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<String>,
}

/// Readiness.
///
/// Networks, gallery and roster are loaded before the service listens. The status is 200 also while a *changed* file
/// is broken (`degraded`): the previous content is in use. No API key is required, but only requests with one, or
/// of a service without keys from its own machine, are told why a file is broken.
#[utoipa::path(get, path = "/readyz", tag = "health", security(()),
    responses((status = 200, description = "What is in use", body = Readiness)))]
pub async fn readyz(State(app): State<AppState>, request: Request) -> Json<Readiness> {
    let status = app.service.status();
    let detailed = app.access.may_see_details(&request);
    // Messages contain paths of the server and names of keys.
    let describe = |(name, error): (&str, &ReloadError)| {
        if detailed { error.message.clone() } else { name.to_owned() }
    };
    let files: Vec<FileStatus> = status.files.iter().cloned().chain(app.access.keys_status()).collect();
    let mut errors: Vec<_> =
        files.iter().filter_map(|file| file.error().map(|error| describe((file.name, error)))).collect();
    if let Some(error) = status.access_log.and_then(|log| log.error) {
        errors.push(if detailed { error } else { "access_log".to_owned() });
    }
    if let Some(error) = status.thumbnails_error {
        errors.push(if detailed { error } else { "thumbnails".to_owned() });
    }
    let warnings = files.iter().filter_map(|file| file.warning().map(|error| describe((file.name, error))));
    Json(Readiness {
        status: if errors.is_empty() { "ready" } else { "degraded" },
        model: status.model,
        people: status.people,
        photos: status.photos,
        roster: status.roster_entries,
        waiting: status.waiting,
        running: status.running,
        warnings: warnings.collect(),
        errors,
    })
}
