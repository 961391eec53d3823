//! Counters and histograms of photos and faces, recorded where the work is done.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::gallery::search::Decision;
use crate::pipeline::{FoundFaces, Recognition};

/// Prefix of the names of all metrics of this program.
pub const PREFIX: &str = "facerec";
/// Upper bounds of the buckets of stage durations, seconds: a search among few people takes microseconds, a photo
/// of a crowd seconds.
const STAGE_BUCKETS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

/// Durations of the pipeline's stages.
struct Stages {
    decode: Histogram,
    detect: Histogram,
    embed: Histogram,
    matching: Histogram,
}

/// The recorder of the service.
pub struct Metrics {
    registry: Registry,
    stages: Stages,
    faces_found: Counter,
    faces_matched: Counter,
    faces_unsure: Counter,
    faces_unknown: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let stage: Family<StageLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(STAGE_BUCKETS));
        registry.register("stage_duration_seconds", "Duration of pipeline stages, per photo", stage.clone());
        let of = |name| stage.get_or_create_owned(&StageLabels { stage: name });
        let stages =
            Stages { decode: of("decode"), detect: of("detect"), embed: of("embed"), matching: of("match") };
        let [faces_found, faces_matched, faces_unsure, faces_unknown] =
            std::array::from_fn(|_| Counter::default());
        for (name, help, counter) in [
            (
                "faces_found",
                "Faces detected above the minimum probability, in recognition and detection",
                &faces_found,
            ),
            ("faces_matched", "Faces matched to an enrolled person", &faces_matched),
            (
                "faces_unsure",
                "Faces that match only at ten times the false name rate (0.5 at most)",
                &faces_unsure,
            ),
            (
                "faces_unknown",
                "Faces with the decision unknown; unsure ones are counted in faces_unsure",
                &faces_unknown,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
        Self { registry, stages, faces_found, faces_matched, faces_unsure, faces_unknown }
    }
}

impl Metrics {
    /// What was recorded, for an exporter.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Records a recognised photo.
    pub(super) fn recognized(&self, recognition: &Recognition) {
        let timings = &recognition.timings;
        self.faces_detected(timings.decode, timings.detect, recognition.faces.len());
        if recognition.faces.is_empty() {
            return; // the other stages had nothing to do
        }
        self.stages.embed.observe(timings.embed.as_secs_f64());
        self.stages.matching.observe(timings.matching.as_secs_f64());
        for face in &recognition.faces {
            match face.found.decision {
                Decision::Match => self.faces_matched.inc(),
                Decision::Unsure => self.faces_unsure.inc(),
                Decision::Unknown => self.faces_unknown.inc(),
            };
        }
    }

    /// Records a photo whose faces were detected and not searched for.
    pub(super) fn detected(&self, found: &FoundFaces) {
        self.faces_detected(found.timings.decode, found.timings.detect, found.faces.len());
    }

    fn faces_detected(&self, decode: Duration, detect: Duration, faces: usize) {
        self.stages.decode.observe(decode.as_secs_f64());
        self.stages.detect.observe(detect.as_secs_f64());
        self.faces_found.inc_by(faces as u64);
    }
}
