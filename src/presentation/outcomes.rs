//! Outcomes of an enrolment's photos.

use serde::Serialize;
use utoipa::ToSchema;

use super::faces::FaceBox;
use crate::enroll::{Outcome, Reason};
use crate::presentation::reason::WireReason;

/// What became of a photo.
#[derive(Debug, Serialize, ToSchema)]
pub struct PhotoOutcome {
    /// Its file name.
    #[schema(example = "a.jpg")]
    photo: String,
    outcome: Verdict,
    /// Of the enrolled photo; only when accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "01JDK5Q2W8E5F6G7H8J9K0M1N2")]
    id: Option<String>,
    /// Why it was rejected; only then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    reasons: Vec<WireReason>,
    /// What would have rejected it without `force`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    overridden: Vec<WireReason>,
    /// Whether it is enrolled although its quality is low, by `force`; only then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    weak: bool,
    /// Other faces in it, which were not taken for the person; only where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    bystanders: Vec<FaceBox>,
}

/// Whether it was enrolled.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Accepted,
    Rejected,
}

impl PhotoOutcome {
    fn new(photo: String, outcome: &Outcome) -> Self {
        let wire = |reasons: &[Reason]| reasons.iter().map(WireReason::from).collect();
        match outcome {
            Outcome::Accepted { photo: enrolled, overridden, bystanders } => Self {
                photo,
                outcome: Verdict::Accepted,
                id: Some(enrolled.id.to_string()),
                reasons: Vec::new(),
                overridden: wire(overridden),
                weak: enrolled.weak,
                bystanders: bystanders.iter().map(FaceBox::from).collect(),
            },
            Outcome::Rejected { reasons } => Self {
                photo,
                outcome: Verdict::Rejected,
                id: None,
                reasons: wire(reasons),
                overridden: Vec::new(),
                weak: false,
                bystanders: Vec::new(),
            },
        }
    }
}

/// The outcome of each photo; `labels` are the photos' names in the response.
#[must_use]
pub fn photo_outcomes(labels: Vec<String>, outcomes: &[Outcome]) -> Vec<PhotoOutcome> {
    labels.into_iter().zip(outcomes).map(|(label, outcome)| PhotoOutcome::new(label, outcome)).collect()
}
