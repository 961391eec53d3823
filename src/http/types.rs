//! What goes over the wire. The domain's types know no serde; these are made from them.

use serde::Serialize;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::gallery::Gallery;
use crate::pipeline::Recognition;
use crate::roster::Roster;
use crate::student_id::StudentId;

/// An ID as the roster's cell has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum WireId {
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Number(f64),
    /// Text.
    Text(String),
}

/// What is no ID of a roster, said so that a client knows what would be.
#[derive(Debug, thiserror::Error)]
pub enum WrongId {
    /// Floating point would alter it without a word.
    #[error("a whole number of at most 64 bits with its sign; send this one as text")]
    TooLong,
    /// An object, a list, or yes and no.
    #[error("a number, text or null")]
    Type,
}

impl TryFrom<&serde_json::Value> for WireId {
    type Error = WrongId;

    fn try_from(value: &serde_json::Value) -> Result<Self, WrongId> {
        match value {
            serde_json::Value::String(text) => Ok(Self::Text(text.clone())),
            serde_json::Value::Number(number) => number_id(number),
            _ => Err(WrongId::Type),
        }
    }
}

/// 2^63.
const I64_RANGE: f64 = 9_223_372_036_854_775_808.0;

/// A whole number stays one, or is refused; what JSON's parser read as floating point may be either.
fn number_id(number: &serde_json::Number) -> Result<WireId, WrongId> {
    if let Some(whole) = number.as_i64() {
        return Ok(WireId::Integer(whole));
    }
    // Beyond i64 the parser takes whole numbers for floating point too: no telling them apart.
    match number.as_f64() {
        Some(float) if !number.is_u64() && float.abs() < I64_RANGE => Ok(WireId::Number(float)),
        _ => Err(WrongId::TooLong),
    }
}

impl From<&StudentId> for WireId {
    fn from(id: &StudentId) -> Self {
        match id {
            StudentId::Integer(number) => Self::Integer(*number),
            StudentId::Number(number) => Self::Number(*number),
            StudentId::Text(text) => Self::Text(text.clone()),
        }
    }
}

impl PartialSchema for WireId {
    /// By hand: as alternatives a whole number would be an integer and a number at once.
    fn schema() -> RefOr<Schema> {
        let types = SchemaType::from_iter([Type::Number, Type::String]);
        let description = "An ID as the roster's cell has it: a whole number, a number or text";
        let examples = [serde_json::json!(20_090_044), serde_json::json!("0046")];
        ObjectBuilder::new().schema_type(types).description(Some(description)).examples(examples).into()
    }
}

impl ToSchema for WireId {
    fn name() -> std::borrow::Cow<'static, str> {
        "StudentId".into()
    }
}

/// One element of the old endpoint's answer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum LegacyEntry {
    /// A recognised face.
    Student {
        /// The person's name.
        #[serde(rename = "Student Name")]
        name: String,
        /// Of the roster, else the person's own, else `"ID not found"`.
        #[serde(rename = "ID")]
        id: WireId,
    },
    /// Faces that are nobody's; the last element.
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

/// A form of the old endpoint, for the documentation.
#[allow(dead_code, reason = "only documents the form")]
pub struct LegacyForm;

impl PartialSchema for LegacyForm {
    fn schema() -> RefOr<Schema> {
        let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
        let file = ObjectBuilder::new().schema_type(Type::String).format(Some(binary));
        let names = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[ -~]+$"));
        ObjectBuilder::new()
            .description(Some("The photo, with a file name; other parts are passed over"))
            .property("file", file)
            .required("file")
            .property_names(Some(names.build()))
            .into()
    }
}

impl ToSchema for LegacyForm {}

/// An error of the old endpoint.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only documents what the module of errors writes")]
pub struct LegacyError {
    /// What is wrong.
    #[schema(example = "No file provided")]
    error: String,
}

/// The old endpoint's answer: names with their IDs, largest face first, then the count of unknown faces.
#[must_use]
pub fn legacy_entries(recognition: &Recognition, gallery: &Gallery, roster: &Roster) -> Vec<LegacyEntry> {
    if recognition.detected == 0 {
        return vec![LegacyEntry::Message { message: "No faces detected" }];
    }
    let mut entries = Vec::with_capacity(recognition.faces.len() + 1);
    for face in &recognition.faces {
        let person = face.found.matched.and_then(|found| gallery.people().get(found.person));
        entries.extend(person.map(|person| {
            let id = roster.id(&person.name).or(person.student_id.as_ref());
            let id = id.map_or_else(|| WireId::Text("ID not found".to_owned()), WireId::from);
            LegacyEntry::Student { name: person.name.clone(), id }
        }));
    }
    let unknown_faces = recognition.faces.len() - entries.len();
    if unknown_faces > 0 {
        entries.push(LegacyEntry::Unknown { unknown_faces });
    }
    entries
}
