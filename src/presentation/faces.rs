//! Faces on the wire.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::attendance;
use crate::config::range::DISTANCE;
use crate::detect::Detection;
use crate::gallery::Person;
use crate::gallery::search::Candidate;
use crate::geometry;
use crate::pipeline::PhotoInfo;
use crate::presentation::json_id::JsonId;
use crate::service::disclosure::Disclosure;
use crate::service::snapshot::Snapshot;

/// Probabilities are not told apart below this.
const LEAST_PROBABILITY: f64 = 1e-9;

/// The upright photo.
#[derive(Debug, Serialize, ToSchema)]
pub struct Image {
    /// Width of the upright photo, pixels.
    #[schema(example = 1600)]
    width: usize,
    /// Height of the upright photo, pixels.
    #[schema(example = 1066)]
    height: usize,
    /// The EXIF orientation that was applied.
    #[schema(minimum = 1, maximum = 8, example = 1)]
    orientation: u8,
}

impl From<PhotoInfo> for Image {
    fn from(photo: PhotoInfo) -> Self {
        Self { width: photo.width, height: photo.height, orientation: photo.orientation }
    }
}

/// A box in pixels of the upright photo, from its top left corner; it may reach outside the photo.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Box)]
pub struct FaceBox {
    /// Left edge.
    #[schema(example = 320.4)]
    x: f32,
    /// Upper edge.
    #[schema(example = 156.2)]
    y: f32,
    /// To the right.
    #[schema(example = 241.1)]
    width: f32,
    /// Down.
    #[schema(example = 311.9)]
    height: f32,
}

impl From<&geometry::BBox> for FaceBox {
    fn from(bbox: &geometry::BBox) -> Self {
        Self { x: bbox.x1, y: bbox.y1, width: bbox.width(), height: bbox.height() }
    }
}

/// A point in pixels of the upright photo.
#[derive(Debug, Serialize, ToSchema)]
pub struct Point {
    /// From the left.
    #[schema(example = 381.2)]
    x: f32,
    /// From the top.
    #[schema(example = 274.9)]
    y: f32,
}

impl From<geometry::Point> for Point {
    fn from(point: geometry::Point) -> Self {
        Self { x: point.x, y: point.y }
    }
}

/// Five points of a face; left and right as seen in the photo.
#[derive(Debug, Serialize, ToSchema)]
pub struct Landmarks {
    left_eye: Point,
    right_eye: Point,
    nose: Point,
    mouth_left: Point,
    mouth_right: Point,
}

impl From<&geometry::Landmarks> for Landmarks {
    fn from(landmarks: &geometry::Landmarks) -> Self {
        let [left_eye, right_eye, nose, mouth_left, mouth_right] = landmarks.points().map(Point::from);
        Self { left_eye, right_eye, nose, mouth_left, mouth_right }
    }
}

/// A face.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DetectedFace)]
pub struct DetectedFace {
    r#box: FaceBox,
    landmarks: Landmarks,
    /// How sure the detector is that it is a face.
    #[schema(minimum = 0, maximum = 1, example = 0.9999)]
    probability: f32,
}

impl From<&Detection> for DetectedFace {
    fn from(face: &Detection) -> Self {
        Self {
            r#box: (&face.bbox).into(),
            landmarks: (&face.landmarks).into(),
            probability: face.probability,
        }
    }
}

/// Whose face it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonRef {
    /// Of the person, as in `/v1/people/{person_id}`.
    #[schema(example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")]
    id: String,
    /// As it is shown.
    #[schema(example = "Barack Obama")]
    name: String,
    /// The roster's ID for the name; where it has none, the person's own; else null.
    #[schema(required)]
    student_id: Option<JsonId>,
}

impl PersonRef {
    /// Of a person of the gallery.
    #[must_use]
    pub fn new(person: &Person, snapshot: &Snapshot) -> Self {
        let student_id = snapshot.student_id(person).map(JsonId::from);
        Self { id: person.id.clone(), name: person.name.to_string(), student_id }
    }
}

impl From<&attendance::PersonRef> for PersonRef {
    fn from(person: &attendance::PersonRef) -> Self {
        let student_id = person.student_id.as_ref().map(JsonId::from);
        Self { id: person.person_id.clone(), name: person.name.clone(), student_id }
    }
}

/// A person whose face it may be.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Candidate)]
pub struct WireCandidate {
    person: PersonRef,
    /// Cosine distance to the nearest photo of the person.
    #[schema(minimum = 0, maximum = 2, example = 0.202)]
    distance: f32,
}

impl WireCandidate {
    /// `None` for an index that the gallery does not have.
    #[must_use]
    pub fn new(candidate: &Candidate, snapshot: &Snapshot, disclosure: Disclosure) -> Option<Self> {
        let person = PersonRef::new(snapshot.gallery.people().get(candidate.person)?, snapshot);
        Some(Self { person, distance: disclosure.figure(wire_distance(candidate.distance)) })
    }
}

/// A distance within its range; rounding may put that of two equal embeddings below zero.
#[must_use]
pub fn wire_distance(distance: f32) -> f32 {
    distance.clamp(*DISTANCE.start(), *DISTANCE.end())
}

/// The probability of a stranger, to three digits and not below one in a thousand million: no data supports less.
#[must_use]
pub fn wire_probability(probability: f64) -> f64 {
    let probability = probability.clamp(LEAST_PROBABILITY, 1.0);
    let digits = 10_f64.powi(2 - probability.log10().floor() as i32);
    (probability * digits).round() / digits
}

/// A time in milliseconds, to a tenth.
#[must_use]
pub fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
