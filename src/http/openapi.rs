//! The OpenAPI 3.1 document at `/openapi.json`, made from the routes themselves, and Swagger UI at `/docs`, whose
//! files are embedded.

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, SecurityRequirement};
use utoipa::{Modify, OpenApi as _};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::problem::Problem;

/// Path of the document.
const PATH: &str = "/openapi.json";
/// Path of Swagger UI.
const DOCS: &str = "/docs";

/// What the routes do not say themselves.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "facerec",
        description = "Who is in this photo? A photo in, names and IDs out.\n\nErrors are `application/problem+json` \
                       (RFC 9457) with a stable `code`. Every response carries `x-request-id`, except refusals before a request was parsed: \
                       on HTTP/1 a malformed request line or header (400) or a head of more than 64 KiB (431) \
                       get a bare status without body or ID. A service that was \
                       started with API keys requires one: of scope `recognize` to recognise photos, of scope \
                       `manage` to read and change people and the roster. Without keys, people are managed from the \
                       service's own machine only.",
    ),
    tags(
        (name = "recognition", description = "Faces in photos"),
        (name = "people", description = "Enrolled people"),
        (name = "roster", description = "The workbook that maps names to IDs"),
        (name = "attendance", description = "Who was there: sessions, their lists, reports"),
        (name = "flask", description = "The endpoint of the service that this one replaces"),
        (name = "health", description = "Liveness, readiness and metrics"),
    ),
    components(schemas(Problem)),
    modifiers(&Keys),
)]
struct Description;

/// How a client shows its API key.
struct Keys;

impl Modify for Keys {
    fn modify(&self, api: &mut OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An API key"));
        let header = ApiKey::Header(ApiKeyValue::with_description("X-Api-Key", "An API key"));
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
        components.add_security_scheme("api_key", SecurityScheme::ApiKey(header));
        // One of them, or none where the service has no keys.
        let requirement = |name: &str| SecurityRequirement::new(name, Vec::<String>::new());
        let none = SecurityRequirement::default();
        api.security = Some(vec![requirement("bearer"), requirement("api_key"), none]);
    }
}

/// The description without its routes.
#[must_use]
pub fn base() -> OpenApi {
    Description::openapi()
}

/// The routes of the description and of its browser.
pub fn routes<S: Clone + Send + Sync + 'static>(api: &OpenApi) -> Router<S> {
    let json = Bytes::from(serde_json::json!(api).to_string());
    let describe = move || std::future::ready(([(CONTENT_TYPE, "application/json")], json.clone()));
    // "none": the browser would have a server on the internet look at the description.
    let browser = SwaggerUi::new(DOCS).config(Config::from(PATH).validator_url("none"));
    Router::new().route(PATH, get(describe)).merge(browser)
}
