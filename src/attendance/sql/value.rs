//! Values of statements and rows, and what they stand for.

use jiff::Timestamp;

use crate::attendance::status::Status;
use crate::error::{DataError, Error, Result};
use crate::student_id::StudentId;

/// A value as databases hold one; a truth is 0 or 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

/// The values of a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::attendance::sql::value::Value::from($value)),*] };
}
pub(super) use values;

/// A row that was read.
pub(crate) struct Row(pub(crate) Vec<Value>);

impl Row {
    /// The value of the column at the place `at`, from 0.
    ///
    /// # Errors
    /// [`DataError::Database`] for a value of another type.
    pub(super) fn get<T: FromValue>(&self, at: usize) -> Result<T> {
        let value = self.0.get(at).unwrap_or(&Value::Null);
        T::from_value(value).ok_or_else(|| {
            fault(format!("expected {} in column {at}, found {}", std::any::type_name::<T>(), kind(value)))
        })
    }
}

/// The kind alone: values may be names of people.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Integer(_) => "another integer",
        Value::Real(_) => "a number",
        Value::Text(_) => "another text",
        Value::Blob(_) => "other bytes",
    }
}

/// A fault of the database, not yet named.
pub(crate) fn fault(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    DataError::Database { file: String::new(), source: source.into() }.into()
}

/// The key of a row that was inserted.
pub(super) fn inserted(key: Option<i64>) -> Result<i64> {
    key.ok_or_else(|| fault("expected the key of a new row, found none"))
}

/// What a value can stand for.
pub(super) trait FromValue: Sized {
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Integer(number) = value { Some(*number) } else { None }
    }
}

macro_rules! integers {
    ($($integer:ty),*) => { $(
        impl FromValue for $integer {
            fn from_value(value: &Value) -> Option<Self> {
                i64::from_value(value)?.try_into().ok()
            }
        }
    )* };
}
integers!(u8, u16, u32, u64, usize);

impl FromValue for bool {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl FromValue for f64 {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Real(number) => Some(*number),
            Value::Integer(number) => Some(*number as Self),
            _ => None,
        }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text.clone()) } else { None }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Blob(bytes) = value { Some(bytes.clone()) } else { None }
    }
}

impl FromValue for [u8; 32] {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Blob(bytes) = value { bytes.as_slice().try_into().ok() } else { None }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        if *value == Value::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}

impl FromValue for Timestamp {
    fn from_value(value: &Value) -> Option<Self> {
        Self::from_millisecond(i64::from_value(value)?).ok()
    }
}

impl FromValue for Status {
    fn from_value(value: &Value) -> Option<Self> {
        Self::from_code(u8::from_value(value)?)
    }
}

/// An ID keeps its type: number or text.
impl FromValue for StudentId {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(Self::Integer(*number)),
            Value::Real(number) => Some(Self::Number(*number)),
            Value::Text(text) => Some(Self::Text(text.clone())),
            Value::Null | Value::Blob(_) => None,
        }
    }
}

macro_rules! from {
    ($($from:ty: $name:ident => $value:expr),* $(,)?) => { $(
        impl From<$from> for Value {
            fn from($name: $from) -> Self {
                $value
            }
        }
    )* };
}

from! {
    i64: number => Self::Integer(number),
    u8: number => Self::Integer(number.into()),
    u16: number => Self::Integer(number.into()),
    u32: number => Self::Integer(number.into()),
    u64: number => Self::Integer(number as i64),
    usize: number => Self::Integer(number as i64),
    bool: truth => Self::Integer(truth.into()),
    f64: number => Self::Real(number),
    String: text => Self::Text(text),
    &String: text => Self::Text(text.clone()),
    &str: text => Self::Text(text.to_owned()),
    &Vec<u8>: bytes => Self::Blob(bytes.clone()),
    [u8; 32]: bytes => Self::Blob(bytes.to_vec()),
    Timestamp: instant => Self::Integer(instant.as_millisecond()), // milliseconds since 1970
    Status: status => Self::Integer(status.code().into()),
    &StudentId: id => match id {
        StudentId::Integer(number) => Self::Integer(*number),
        StudentId::Number(number) => Self::Real(*number),
        StudentId::Text(text) => Self::Text(text.clone()),
    },
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
