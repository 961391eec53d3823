//! Counters and durations of requests. Labels are of fixed sets: route patterns, never paths as sent.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::service::metrics::PREFIX;

/// Upper bounds of the buckets of request durations, seconds; the longest is the default time limit.
const REQUEST_BUCKETS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

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

/// The recorder of requests.
pub struct RequestMetrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    timeouts: Counter,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let requests = Family::default();
        let durations: Family<_, _, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(REQUEST_BUCKETS));
        registry.register("http_requests", "Requests, by route pattern, method and status", requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time from request head to response head, including the upload of the body",
            durations.clone(),
        );
        Self { registry, requests, durations, timeouts: Counter::default() }
    }
}

impl RequestMetrics {
    /// What was recorded, for the exporter.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Counts a request that timed out.
    pub fn timed_out(&self) {
        self.timeouts.inc();
    }

    /// How many requests timed out.
    #[must_use]
    pub fn timeouts(&self) -> u64 {
        self.timeouts.get()
    }

    /// Records a response.
    pub fn responded(&self, route: String, method: &'static str, status: u16, time: Duration) {
        let route = RouteLabels { route };
        self.durations.get_or_create(&route).observe(time.as_secs_f64());
        self.requests.get_or_create(&RequestLabels { route: route.route, method, status }).inc();
    }
}
