//! `GET /metrics`, in the text format of Prometheus.
//!
//! What happens is counted here as it happens; what *is* (queue, gallery, process) is read when
//! somebody asks (`snapshot`). Labels are from sets that are fixed in the code: routes as patterns,
//! never addresses as typed, and no names of people.

mod snapshot;

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::error::ApiError;
use super::problems::PlainProblems;
use super::state::AppState;
use crate::error::Error;
use crate::pipeline::{FoundFaces, Recognition};

/// What the names of the service's own metrics begin with.
const PREFIX: &str = "facerec";
/// Upper bounds of the buckets of whole requests, seconds; the longest is the default time limit.
const REQUEST_BUCKETS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Those of stages: a search among few people takes microseconds, a photo of a crowd seconds.
const STAGE_BUCKETS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// The route of requests that no route took.
const NO_ROUTE: &str = "none";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

fn request_histogram() -> Histogram {
    Histogram::new(REQUEST_BUCKETS)
}

fn stage_histogram() -> Histogram {
    Histogram::new(STAGE_BUCKETS)
}

/// The stages that a photo passes through.
struct Stages {
    decode: Histogram,
    detect: Histogram,
    embed: Histogram,
    matching: Histogram,
}

/// What is counted as it happens.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    timeouts: Counter,
    stages: Stages,
    faces_found: Counter,
    faces_matched: Counter,
    faces_unknown: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let stage: Family<StageLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(stage_histogram);
        registry.register("stage_duration_seconds", "Time that stages took on one photo", stage.clone());
        let of = |name| stage.get_or_create_owned(&StageLabels { stage: name });
        let stages =
            Stages { decode: of("decode"), detect: of("detect"), embed: of("embed"), matching: of("match") };
        let metrics = Self {
            requests: Family::default(),
            request_durations: Family::new_with_constructor(request_histogram),
            timeouts: Counter::default(),
            stages,
            faces_found: Counter::default(),
            faces_matched: Counter::default(),
            faces_unknown: Counter::default(),
            registry,
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register(
            "http_requests",
            "Requests answered, by the pattern of their route",
            self.requests.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "Time from the head of a request to the head of its answer, its body's way here included",
            self.request_durations.clone(),
        );
        let found = "Faces found with enough probability, in recognition and detection";
        registry.register("faces_found", found, self.faces_found.clone());
        registry.register("faces_matched", "Faces recognised as a person's", self.faces_matched.clone());
        let unknown = "Faces looked for among the people and recognised as nobody's";
        registry.register("faces_unknown", unknown, self.faces_unknown.clone());
        self
    }

    /// Counts a photo that was recognised.
    pub fn recognized(&self, recognition: &Recognition) {
        let timings = &recognition.timings;
        self.looked_at(timings.decode, timings.detect, recognition.faces.len());
        if recognition.faces.is_empty() {
            return; // the other stages had nothing to do
        }
        self.stages.embed.observe(timings.embed.as_secs_f64());
        self.stages.matching.observe(timings.matching.as_secs_f64());
        let matched = recognition.faces.iter().filter(|face| face.found.matched.is_some()).count();
        self.faces_matched.inc_by(matched as u64);
        self.faces_unknown.inc_by((recognition.faces.len() - matched) as u64);
    }

    /// Counts a photo whose faces were found and not looked for.
    pub fn detected(&self, found: &FoundFaces) {
        self.looked_at(found.timings.decode, found.timings.detect, found.faces.len());
    }

    fn looked_at(&self, decode: Duration, detect: Duration, faces: usize) {
        self.stages.decode.observe(decode.as_secs_f64());
        self.stages.detect.observe(detect.as_secs_f64());
        self.faces_found.inc_by(faces as u64);
    }

    /// Counts a request that was given up.
    pub fn timed_out(&self) {
        self.timeouts.inc();
    }

    fn answered(&self, route: String, method: &'static str, status: u16, time: Duration) {
        let route = RouteLabels { route };
        self.request_durations.get_or_create(&route).observe(time.as_secs_f64());
        self.requests.get_or_create(&RequestLabels { route: route.route, method, status }).inc();
    }
}

/// Middleware: counts each request.
pub async fn count(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let (method, start) = (method_label(request.method()), Instant::now());
    let response = next.run(request).await;
    app.metrics.answered(route, method, response.status().as_u16(), start.elapsed());
    response
}

/// Clients can make up methods without end.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    KNOWN.into_iter().find(|known| method == known).unwrap_or("other")
}

/// What is going on, in the text format of Prometheus.
///
/// Scope: `recognize`.
///
/// # Errors
/// 500 when the metrics can't be written.
#[utoipa::path(
    get, operation_id = "metrics", path = "/metrics", tag = "health",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain"), PlainProblems),
)]
pub async fn metrics(State(app): State<AppState>) -> Result<Response, ApiError> {
    // The system is asked about the process, and a large registry takes a while to write.
    let text = app.run_blocking(|app| {
        let mut text = String::new();
        for registry in [&app.metrics.registry, &snapshot::registry(app)] {
            prometheus_text::encode(&mut text, registry)
                .map_err(|error| Error::Internal(format!("the metrics can't be written: {error}")))?;
        }
        Ok(text)
    });
    Ok(([(CONTENT_TYPE, prometheus_text::CONTENT_TYPE)], text.await?).into_response())
}
