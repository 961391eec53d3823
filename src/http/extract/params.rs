//! Query parameters with numbers: name, range and default of each, once for parser and documentation.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde_json::Value;
use utoipa::Number;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use crate::config::range::{self, DISTANCE, SHARE};

/// A numeric query parameter.
pub struct NumberParam<T> {
    /// Its name.
    pub name: &'static str,
    /// The values allowed, both ends included.
    pub range: RangeInclusive<T>,
    /// The value where it is absent and that is not a setting of the service.
    pub default: Option<T>,
    /// For the documentation.
    pub example: Option<T>,
}

/// Cosine distance below which a face matches a person.
pub const THRESHOLD: NumberParam<f32> =
    NumberParam { name: "threshold", range: DISTANCE, default: None, example: Some(0.5) };
/// Share of strangers that may get a name.
pub const FALSE_NAME_RATE: NumberParam<f64> = NumberParam {
    name: "false_name_rate",
    range: range::FALSE_NAME_RATE,
    default: None,
    example: Some(0.01),
};
/// Minimum probability of a face.
pub const MIN_PROBABILITY: NumberParam<f32> =
    NumberParam { name: "min_probability", range: SHARE, default: None, example: Some(0.9) };
/// Candidates per face.
pub const TOP_K: NumberParam<usize> =
    NumberParam { name: "top_k", range: 1..=100, default: Some(1), example: None };
/// Maximum number of faces.
pub const MAX_FACES: NumberParam<usize> =
    NumberParam { name: "max_faces", range: 1..=10_000, default: None, example: None };
/// Which face of photo `a`.
pub const FACE_A: NumberParam<usize> =
    NumberParam { name: "face_a", range: 0..=9_999, default: None, example: None };
/// Which face of photo `b`.
pub const FACE_B: NumberParam<usize> = NumberParam { name: "face_b", ..FACE_A };
/// Entries of a page.
pub const LIMIT: NumberParam<usize> =
    NumberParam { name: "limit", range: 1..=1000, default: Some(100), example: None };
/// Entries before a page.
pub const OFFSET: NumberParam<usize> =
    NumberParam { name: "offset", range: 0..=u32::MAX as usize, default: Some(0), example: None };

/// A type of number in a query.
pub trait Numeric: FromStr + PartialOrd + Display + Copy {
    /// What a message calls it.
    const KIND: &'static str;

    /// Its type in OpenAPI.
    fn schema() -> ObjectBuilder;

    /// As a bound in OpenAPI.
    fn bound(self) -> Number;

    /// With the digits that are written here; an f32 as f64 would have more.
    fn json(self) -> Value {
        self.to_string().parse().unwrap_or_default()
    }
}

impl Numeric for f32 {
    const KIND: &'static str = "number";

    fn schema() -> ObjectBuilder {
        let format = SchemaFormat::KnownFormat(KnownFormat::Float);
        ObjectBuilder::new().schema_type(Type::Number).format(Some(format))
    }

    fn bound(self) -> Number {
        Number::from(f64::from(self))
    }
}

impl Numeric for f64 {
    const KIND: &'static str = "number";

    fn schema() -> ObjectBuilder {
        let format = SchemaFormat::KnownFormat(KnownFormat::Double);
        ObjectBuilder::new().schema_type(Type::Number).format(Some(format))
    }

    fn bound(self) -> Number {
        Number::from(self)
    }
}

impl Numeric for usize {
    const KIND: &'static str = "whole number";

    fn schema() -> ObjectBuilder {
        ObjectBuilder::new().schema_type(Type::Integer)
    }

    fn bound(self) -> Number {
        Number::from(self)
    }
}

impl<T: Numeric> NumberParam<T> {
    /// The value of `text`; `None` where it is no number of the range.
    pub fn parse(&self, text: &str) -> Option<T> {
        // As numbers in JSON, which have no plus sign either.
        let number = text.parse().ok().filter(|_| !text.starts_with('+'));
        number.filter(|value| self.range.contains(value))
    }

    /// What is expected, for messages.
    pub fn expected(&self) -> String {
        format!("a {} from {} to {}", T::KIND, self.range.start(), self.range.end())
    }

    /// The parameter in the OpenAPI document.
    pub fn document(&self, description: &str) -> Parameter {
        let schema = T::schema()
            .minimum(Some(self.range.start().bound()))
            .maximum(Some(self.range.end().bound()))
            .default(self.default.map(T::json));
        parameter(self.name, description).schema(Some(schema)).example(self.example.map(T::json)).build()
    }
}

/// An optional query parameter.
#[must_use]
pub fn parameter(name: &str, description: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(description))
}
