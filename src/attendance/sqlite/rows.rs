//! Values of rows and what they stand for.

use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};

use crate::attendance::status::Status;
use crate::student_id::StudentId;

/// An instant as milliseconds since 1970.
pub(super) struct Millis(pub(super) Timestamp);

impl FromSql for Millis {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let millis = value.as_i64()?;
        Timestamp::from_millisecond(millis).map(Self).map_err(|_| FromSqlError::OutOfRange(millis))
    }
}

impl ToSql for Millis {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_millisecond().into())
    }
}

pub(super) fn millis(instant: Option<Timestamp>) -> Option<Millis> {
    instant.map(Millis)
}

pub(super) fn instant(millis: Option<Millis>) -> Option<Timestamp> {
    millis.map(|millis| millis.0)
}

impl FromSql for Status {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let code = value.as_i64()?;
        let status = u8::try_from(code).ok().and_then(Self::from_code);
        status.ok_or(FromSqlError::OutOfRange(code))
    }
}

impl ToSql for Status {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.code().into())
    }
}

/// An ID with its type: number or text.
pub(super) struct Id(pub(super) StudentId);

impl FromSql for Id {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Self(match value {
            ValueRef::Integer(number) => StudentId::Integer(number),
            ValueRef::Real(number) => StudentId::Number(number),
            ValueRef::Text(_) => StudentId::Text(value.as_str()?.to_owned()),
            ValueRef::Null | ValueRef::Blob(_) => return Err(FromSqlError::InvalidType),
        }))
    }
}

pub(super) fn student_id(id: Option<&StudentId>) -> Value {
    match id {
        None => Value::Null,
        Some(StudentId::Integer(number)) => Value::Integer(*number),
        Some(StudentId::Number(number)) => Value::Real(*number),
        Some(StudentId::Text(text)) => Value::Text(text.clone()),
    }
}
