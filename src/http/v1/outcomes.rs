//! What becomes of photos that are to be enrolled: through the gate, and onto the wire.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::enroll_form::NamedPhoto;
use crate::enroll::{Gate, GateParams, Outcome, Reason, identity_conflict};
use crate::error::{InputError, Result};
use crate::gallery::{EnrolledPhoto, Gallery};
use crate::http::error::ApiError;
use crate::http::state::AppState;

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
}

/// Whether it was enrolled.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Accepted,
    Rejected,
}

/// What is wrong with a photo.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reason)]
struct WireReason {
    /// `not_an_image`, `no_face`, `several_faces`, `face_too_small`, `low_probability`, `blurred`,
    /// `extreme_pose`, `looks_like_another_person` or `same_photo_again`.
    #[schema(example = "several_faces")]
    reason: &'static str,
    /// In a sentence.
    #[schema(example = "expected one face, found 3")]
    detail: String,
    /// What was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 3)]
    measured: Option<f32>,
    /// The bound that it must keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 1)]
    needed: Option<f32>,
    /// `yaw`, `pitch` or `roll`, of `extreme_pose`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    axis: Option<&'static str>,
    /// Of `looks_like_another_person`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    person: Option<OtherPerson>,
    /// Of `same_photo_again`: the photo that is enrolled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    photo_id: Option<String>,
}

/// Whom a photo looks like.
#[derive(Debug, Serialize, ToSchema)]
struct OtherPerson {
    /// Null for one of the same form.
    #[schema(required, example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")]
    id: Option<String>,
    #[schema(example = "Barack Obama")]
    name: String,
}

impl From<&Reason> for WireReason {
    fn from(reason: &Reason) -> Self {
        let numbers = reason.measured_and_needed();
        let text = reason.to_string();
        let detail = text.strip_prefix(reason.code()).and_then(|text| text.strip_prefix(": "));
        let (mut axis, mut person, mut photo_id) = (None, None, None);
        match reason {
            Reason::ExtremePose { axis: about, .. } => axis = Some(about.name()),
            Reason::LooksLikeAnotherPerson { person_id, name, .. } => {
                person = Some(OtherPerson { id: person_id.clone(), name: name.clone() });
            }
            Reason::SamePhotoAgain { photo_id: id, .. } => photo_id.clone_from(id),
            Reason::NotAnImage(_)
            | Reason::NoFace
            | Reason::SeveralFaces { .. }
            | Reason::FaceTooSmall { .. }
            | Reason::LowProbability { .. }
            | Reason::Blurred { .. } => {}
        }
        Self {
            reason: reason.code(),
            detail: detail.unwrap_or(&text).to_owned(),
            measured: numbers.map(|(measured, _)| measured),
            needed: numbers.map(|(_, needed)| needed),
            axis,
            person,
            photo_id,
        }
    }
}

impl PhotoOutcome {
    fn new(photo: String, outcome: &Outcome) -> Self {
        let wire = |reasons: &[Reason]| reasons.iter().map(WireReason::from).collect();
        match outcome {
            Outcome::Accepted { photo: enrolled, overridden } => Self {
                photo,
                outcome: Verdict::Accepted,
                id: Some(enrolled.id.clone()),
                reasons: Vec::new(),
                overridden: wire(overridden),
            },
            Outcome::Rejected { reasons } => Self {
                photo,
                outcome: Verdict::Rejected,
                id: None,
                reasons: wire(reasons),
                overridden: Vec::new(),
            },
        }
    }
}

/// The photos of a form, assessed.
pub struct Assessment {
    /// Those that may be enrolled.
    pub accepted: Vec<EnrolledPhoto>,
    /// What became of each, in order.
    pub outcomes: Vec<PhotoOutcome>,
    /// What else has to be so when the photos get into the gallery.
    pub revalidation: Revalidation,
}

/// What accepted photos were accepted for, to be asked again where they are enrolled: of two requests that
/// were assessed side by side, neither saw the other's person.
pub struct Revalidation {
    gallery: Arc<Gallery>,
    params: GateParams,
    name: String,
    force: bool,
}

impl Revalidation {
    /// Whether the gate would still let the photos into `gallery`; no network is run for it.
    ///
    /// # Errors
    /// [`InputError::Conflict`] saying what has changed.
    pub fn check(&self, gallery: &Gallery, photos: &[EnrolledPhoto]) -> Result<()> {
        if std::ptr::eq(&raw const *self.gallery, gallery) {
            return Ok(());
        }
        let conflict = |found: &str| {
            let message =
                format!("the gallery changed while the photos were assessed: {found}; send them again");
            Err(InputError::Conflict(message).into())
        };
        if self.gallery.recipe() != gallery.recipe() {
            return conflict("expected embeddings of the same recipe, found another one");
        }
        let identity_conflict =
            if self.force { None } else { identity_conflict(gallery, self.params, &self.name, photos) };
        identity_conflict.map_or(Ok(()), |reason| conflict(&reason.to_string()))
    }
}

/// Has a worker lead photos of the person `name` through the gate, if `check` is content with the gallery
/// that they are held against.
///
/// # Errors
/// What `check` says; 422 with the outcomes when none is accepted; 409 when another process writes to the data folder;
/// 503 when there is no room.
pub async fn assess(
    app: &AppState,
    name: String,
    photos: Vec<NamedPhoto>,
    force: bool,
    check: impl FnOnce(&Gallery) -> Result<()> + Send + 'static,
) -> Result<Assessment, ApiError> {
    let assessment = app
        .work(move |app, pipeline| {
            // Before the work, not after it.
            app.writer.ensure_lock()?;
            let gallery = app.gallery.current();
            check(&gallery)?;
            let mut gate = Gate::new(pipeline, &gallery, app.config.gate);
            let (mut accepted, mut outcomes) = (Vec::new(), Vec::new());
            for NamedPhoto { label, upload } in photos {
                let outcome = gate.assess(&name, &upload.bytes, force)?;
                outcomes.push(PhotoOutcome::new(label, &outcome));
                if let Outcome::Accepted { photo, .. } = outcome {
                    accepted.push(photo);
                }
            }
            let revalidation =
                Revalidation { gallery: Arc::clone(&gallery), params: app.config.gate, name, force };
            Ok(Assessment { accepted, outcomes, revalidation })
        })
        .await?;
    if assessment.accepted.is_empty() {
        let detail =
            format!("none of the {} photos can be enrolled; photos says why", assessment.outcomes.len());
        let failure =
            ApiError::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "no_photo_accepted", detail);
        return Err(failure.with("photos", json!(assessment.outcomes)));
    }
    Ok(assessment)
}
