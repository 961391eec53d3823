//! A student ID in JSON: a whole number, a number or text.

use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::student_id::StudentId;

/// An ID as the roster's cell has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum JsonId {
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Number(f64),
    /// Text.
    Text(String),
}

/// Why a JSON value is no ID; the message says what is expected.
#[derive(Debug, thiserror::Error)]
pub enum InvalidId {
    /// Floating point would round it.
    #[error("a whole number of at most 64 bits with its sign; send this one as text")]
    TooLong,
    /// An object, an array, a boolean or null.
    #[error("a number, text or null")]
    Type,
}

impl TryFrom<&serde_json::Value> for JsonId {
    type Error = InvalidId;

    fn try_from(value: &serde_json::Value) -> Result<Self, InvalidId> {
        match value {
            serde_json::Value::String(text) => Ok(Self::Text(text.clone())),
            serde_json::Value::Number(number) => number_id(number),
            _ => Err(InvalidId::Type),
        }
    }
}

/// 2^63.
const I64_RANGE: f64 = 9_223_372_036_854_775_808.0;

/// Whole numbers are kept exactly or refused.
fn number_id(number: &serde_json::Number) -> Result<JsonId, InvalidId> {
    if let Some(whole) = number.as_i64() {
        return Ok(JsonId::Integer(whole));
    }
    // Beyond i64 the parser reads whole numbers as floating point: they can't be told from fractions.
    match number.as_f64() {
        Some(float) if !number.is_u64() && float.abs() < I64_RANGE => Ok(JsonId::Number(float)),
        _ => Err(InvalidId::TooLong),
    }
}

impl From<&StudentId> for JsonId {
    fn from(id: &StudentId) -> Self {
        match id {
            StudentId::Integer(number) => Self::Integer(*number),
            StudentId::Number(number) => Self::Number(*number),
            StudentId::Text(text) => Self::Text(text.clone()),
        }
    }
}

impl PartialSchema for JsonId {
    /// Written by hand: as alternatives, a whole number would match integer and number at once.
    fn schema() -> RefOr<Schema> {
        let types = SchemaType::from_iter([Type::Number, Type::String]);
        let description = "An ID as the roster's cell has it: a whole number, a number or text";
        let examples = [serde_json::json!(20_090_044), serde_json::json!("0046")];
        ObjectBuilder::new().schema_type(types).description(Some(description)).examples(examples).into()
    }
}

impl ToSchema for JsonId {
    fn name() -> std::borrow::Cow<'static, str> {
        "StudentId".into()
    }
}
