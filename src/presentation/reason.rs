//! Why a photo is not enrolled.

use serde::Serialize;
use utoipa::ToSchema;

use crate::enroll::Reason;

/// What is wrong with a photo.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reason)]
pub struct WireReason {
    /// `not_an_image`, `no_face`, `several_faces`, `face_too_small`, `low_probability`, `blurred`,
    /// `extreme_pose`, `unlike_own_photos`, `looks_like_another_person` or `same_photo_again`.
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
    /// Of `unlike_own_photos` and `looks_like_another_person`.
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
pub struct OtherPerson {
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
            Reason::UnlikeOwnPhotos { person_id, name, .. }
            | Reason::LooksLikeAnotherPerson { person_id, name, .. } => {
                person = Some(OtherPerson { id: person_id.clone(), name: name.to_string() });
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
