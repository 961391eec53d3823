//! Version 1 of the API: explained answers, and people and roster to be changed while the service runs.

pub mod faces;
pub mod photo;
pub mod query;
pub mod recognize;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::AppState;

/// The addresses below `/v1`.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(recognize::recognize))
}
