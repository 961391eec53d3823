//! People in JSON.

use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use super::faces::wire_distance;
use super::timestamps::created_at;
use crate::gallery::{EnrolledPhoto, Person};
use crate::presentation::json_id::JsonId;
use crate::service::snapshot::{Snapshot, is_expired};

/// What is known of a person beside the photos.
#[derive(Debug, Serialize, ToSchema)]
struct PersonFields {
    /// Of the person; it never changes.
    #[schema(example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")]
    id: String,
    /// As it is shown, in Unicode's NFC.
    #[schema(example = "Barack Obama")]
    name: String,
    /// The person's own ID, used where the roster has none; null when there is none.
    #[schema(required)]
    student_id: Option<JsonId>,
    /// The roster's ID for the name; null when it has none.
    #[schema(required)]
    roster_id: Option<JsonId>,
    /// The person's own last day, after which the person is not recognised; null for no end.
    #[schema(required, format = Date, example = "2027-07-31")]
    expires: Option<String>,
    /// The roster's last day for the name; null when it has none. The earlier day counts.
    #[schema(required, format = Date, example = "2027-07-31")]
    roster_expires: Option<String>,
    /// Whether the last day is over: the person is not recognised, and will be deleted.
    #[schema(example = false)]
    expired: bool,
    /// When the person was enrolled, UTC; null where that is not known.
    #[schema(required, format = DateTime, example = "2026-11-25T10:30:00Z")]
    enrolled_at: Option<String>,
}

impl PersonFields {
    fn new(person: &Person, snapshot: &Snapshot, today: Date) -> Self {
        let roster = &snapshot.roster;
        Self {
            id: person.id.clone(),
            name: person.name.to_string(),
            student_id: person.student_id.as_ref().map(JsonId::from),
            roster_id: roster.id(&person.name).map(JsonId::from),
            expires: person.expires.map(|day| day.to_string()),
            roster_expires: roster.until(&person.name).map(|day| day.to_string()),
            expired: is_expired(snapshot.last_day(person), today),
            enrolled_at: created_at(&person.id),
        }
    }
}

/// A person, in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonSummary {
    #[serde(flatten)]
    fields: PersonFields,
    /// How many photos are enrolled.
    #[schema(minimum = 1, example = 2)]
    photos: usize,
    /// How many of them are weak: enrolled although their quality is low.
    #[schema(minimum = 0, example = 0)]
    weak_photos: usize,
}

impl PersonSummary {
    /// Of a person of `snapshot`, on the day `today`.
    #[must_use]
    pub fn new(person: &Person, snapshot: &Snapshot, today: Date) -> Self {
        Self {
            fields: PersonFields::new(person, snapshot, today),
            photos: person.photos.len(),
            weak_photos: person.weak_photos(),
        }
    }
}

/// A part of the list of people.
#[derive(Debug, Serialize, ToSchema)]
pub struct PeoplePage {
    /// In the order of enrolment.
    pub people: Vec<PersonSummary>,
    /// How many there are on all pages.
    #[schema(example = 1)]
    pub total: usize,
    /// How many were asked for.
    #[schema(example = 100)]
    pub limit: usize,
    /// How many were left out before these.
    #[schema(example = 0)]
    pub offset: usize,
}

/// A person with the photos.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Person)]
pub struct PersonDetail {
    #[serde(flatten)]
    fields: PersonFields,
    /// At least one. The pictures themselves are not kept, only what the face looks like, and a thumbnail where that is asked for.
    photos: Vec<PhotoEntry>,
}

/// An enrolled photo.
#[derive(Debug, Serialize, ToSchema)]
struct PhotoEntry {
    /// Of the photo, within the person.
    #[schema(example = "01JDK5Q2W8E5F6G7H8J9K0M1N2")]
    id: String,
    /// What its file was called, without directories, at most 100 characters; null where it came without a name, or was enrolled
    /// by an older version.
    #[schema(required, max_length = 100, example = "IMG_0044.jpg")]
    file_name: Option<String>,
    /// Whether its quality is low: enrolled by force, or as the best that there was.
    #[schema(example = false)]
    weak: bool,
    /// When it was enrolled, UTC; null where that is not known.
    #[schema(required, format = DateTime, example = "2026-11-25T10:30:00Z")]
    enrolled_at: Option<String>,
    /// Whether it has a thumbnail: `GET /v1/people/{person_id}/photos/{photo_id}/thumbnail`.
    #[schema(example = false)]
    thumbnail: bool,
    /// Mean cosine distance to the person's other photos; null for the only one. A photo of somebody else is far from
    /// them.
    #[schema(required, minimum = 0.0, maximum = 2.0, example = 0.31)]
    distance_to_others: Option<f32>,
}

impl PhotoEntry {
    fn new(photo: &EnrolledPhoto, distance: Option<f32>, snapshot: &Snapshot) -> Self {
        let EnrolledPhoto { id, weak, file_name, .. } = photo;
        Self {
            id: id.to_string(),
            file_name: file_name.as_ref().map(|name| name.as_str().to_owned()),
            weak: *weak,
            enrolled_at: created_at(id),
            thumbnail: snapshot.thumbnails.contains(id),
            distance_to_others: distance.map(wire_distance),
        }
    }
}

impl PersonDetail {
    /// Of a person of `snapshot`, on the day `today`.
    #[must_use]
    pub fn new(person: &Person, snapshot: &Snapshot, today: Date) -> Self {
        let photos = person.photos.iter().zip(person.distances_to_others());
        Self {
            fields: PersonFields::new(person, snapshot, today),
            photos: photos.map(|(photo, distance)| PhotoEntry::new(photo, distance, snapshot)).collect(),
        }
    }
}
