//! The response of the Flask service: names with their IDs, then the count of unknown faces.

use serde::Serialize;
use utoipa::ToSchema;

use super::json_id::JsonId;
use crate::service::recognize::Recognized;

/// One element of the response.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum LegacyEntry {
    /// A recognised face.
    Student {
        /// The person's name.
        #[serde(rename = "Student Name")]
        name: String,
        /// The roster's ID, else the person's own, else `"ID not found"`.
        #[serde(rename = "ID")]
        id: JsonId,
    },
    /// Faces that match nobody; the last element.
    Unknown {
        /// How many, above zero.
        unknown_faces: usize,
    },
    /// The photo shows no face.
    Message {
        /// `No faces detected`.
        message: &'static str,
    },
}

/// The entries of a photo, largest face first.
#[must_use]
pub fn legacy_entries(recognized: &Recognized) -> Vec<LegacyEntry> {
    let Recognized { recognition, snapshot, .. } = recognized;
    if recognition.detected == 0 {
        return vec![LegacyEntry::Message { message: "No faces detected" }];
    }
    let mut entries = Vec::with_capacity(recognition.faces.len() + 1);
    for face in &recognition.faces {
        let person = face.found.matched.and_then(|found| snapshot.gallery.people().get(found.person));
        entries.extend(person.map(|person| {
            let id = snapshot.student_id(person);
            let id = id.map_or_else(|| JsonId::Text("ID not found".to_owned()), JsonId::from);
            LegacyEntry::Student { name: person.name.to_string(), id }
        }));
    }
    let unknown_faces = recognition.faces.len() - entries.len();
    if unknown_faces > 0 {
        entries.push(LegacyEntry::Unknown { unknown_faces });
    }
    entries
}
