//! Where the faces of a photo are.

use serde::Serialize;
use utoipa::ToSchema;

use super::faces::{DetectedFace, Image, milliseconds};
use crate::pipeline::FoundFaces;

/// Where the faces are.
#[derive(Debug, Serialize, ToSchema)]
pub struct DetectionResponse {
    image: Image,
    /// The faces, the largest first.
    faces: Vec<DetectedFace>,
    /// How many further faces were found and left out, the smallest ones.
    #[schema(example = 0)]
    faces_omitted: usize,
    /// Number of candidate boxes, the smallest, that were dropped before R-Net or O-Net because the photo has so many.
    #[schema(example = 0)]
    candidates_omitted: usize,
    timings_ms: DetectionTimings,
}

/// Where the time went, milliseconds.
#[derive(Debug, Serialize, ToSchema)]
struct DetectionTimings {
    #[schema(example = 14.1)]
    decode: f64,
    #[schema(example = 96.0)]
    detect: f64,
}

impl From<FoundFaces> for DetectionResponse {
    fn from(found: FoundFaces) -> Self {
        Self {
            image: found.photo.into(),
            faces: found.faces.iter().map(DetectedFace::from).collect(),
            faces_omitted: found.omitted.faces,
            candidates_omitted: found.omitted.candidates,
            timings_ms: DetectionTimings {
                decode: milliseconds(found.timings.decode),
                detect: milliseconds(found.timings.detect),
            },
        }
    }
}
