//! Statements and rows of SQLite.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, ToSql, Transaction};

use crate::attendance::sql::Sql;
use crate::attendance::sql::value::{Row, Value};
use crate::error::Result;

impl Sql for Transaction<'_> {
    fn execute(&self, sql: &str, values: &[Value]) -> Result<u64> {
        let mut statement = self.prepare_cached(sql)?;
        bind(&mut statement, values)?;
        Ok(statement.raw_execute()? as u64)
    }

    fn each(&self, sql: &str, values: &[Value], take: &mut dyn FnMut(&Row) -> Result<()>) -> Result<()> {
        let mut statement = self.prepare_cached(sql)?;
        bind(&mut statement, values)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        let mut read = Row(Vec::with_capacity(columns));
        while let Some(row) = rows.next()? {
            read.0.clear();
            for column in 0..columns {
                read.0.push(value(row.get_ref(column)?)?);
            }
            take(&read)?;
        }
        Ok(())
    }
}

fn bind(statement: &mut CachedStatement<'_>, values: &[Value]) -> Result<()> {
    for (place, value) in (1..).zip(values) {
        statement.raw_bind_parameter(place, value)?;
    }
    Ok(())
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn value(read: ValueRef<'_>) -> Result<Value> {
    Ok(match read {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(_) => Value::Text(read.as_str().map_err(rusqlite::Error::from)?.to_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    })
}
