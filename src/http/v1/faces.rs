//! Faces on the wire.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::gallery::search::Candidate;
use crate::gallery::{Gallery, Person};
use crate::geometry;
use crate::http::types::WireId;
use crate::pipeline::PhotoInfo;
use crate::roster::Roster;

/// The photo as it was looked at: upright.
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
    student_id: Option<WireId>,
}

impl PersonRef {
    /// Of a person of the gallery.
    pub fn new(person: &Person, roster: &Roster) -> Self {
        let student_id = roster.id(&person.name).or(person.student_id.as_ref());
        Self { id: person.id.clone(), name: person.name.clone(), student_id: student_id.map(WireId::from) }
    }
}

/// Somebody whose face it may be.
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
    pub fn new(candidate: &Candidate, gallery: &Gallery, roster: &Roster) -> Option<Self> {
        let person = PersonRef::new(gallery.people().get(candidate.person)?, roster);
        Some(Self { person, distance: wire_distance(candidate.distance) })
    }
}

/// A distance within its range; rounding takes that of two equal embeddings a hair below zero.
#[must_use]
pub fn wire_distance(distance: f32) -> f32 {
    distance.clamp(0.0, 2.0)
}

/// A time in milliseconds, to a tenth.
#[must_use]
pub fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
