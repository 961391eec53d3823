//! What monitors and browsers ask for.

use serde_json::Value;

use crate::common::random::Random;
use crate::session::{Fault, Session, same};
use crate::tally::Kind;

pub(crate) fn metrics_and_readiness(session: &Session, _random: &mut Random) -> Result<(), Fault> {
    let metrics = session.get(Kind::Metrics, "/metrics")?.body;
    for part in ["facerec_http_requests_total{", "process_resident_memory_bytes "] {
        if !metrics.contains(part) {
            return Err(format!("/metrics: expected {part:?}, found {} bytes without it", metrics.len()));
        }
    }
    same("/readyz: model", &Value::from("casia"), &session.readiness()?["model"])
}

pub(crate) fn page(session: &Session, _random: &mut Random) -> Result<(), Fault> {
    let page = session.get(Kind::Page, "/")?.body;
    let is_whole = page.contains("<!doctype html>") && page.trim_end().ends_with("</html>");
    if is_whole { Ok(()) } else { Err(format!("page: expected all of it, found {} bytes", page.len())) }
}
