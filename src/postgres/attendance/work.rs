//! Statements over a connection, and the types of their values.

use std::cell::RefCell;
use std::collections::HashMap;

use tokio_postgres::Statement;
use tokio_postgres::types::{ToSql, Type};

use crate::attendance::sql::Sql;
use crate::attendance::sql::value::{Row, Value, fault};
use crate::error::Result;
use crate::postgres::connection::{Connection, Database, LOAD_LIMIT, WORK_LIMIT};
use crate::postgres::fault::Fault;

/// A connection with the statements that it has prepared.
pub(super) struct Session {
    connection: Connection,
    statements: RefCell<HashMap<String, Statement>>,
}

impl Session {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, statements: RefCell::default() }
    }

    pub(super) fn is_open(&self) -> bool {
        !self.connection.client.is_closed()
    }

    /// Carries out statements without values.
    pub(super) fn run(&self, database: &Database, sql: &str) -> Result<()> {
        database.within(WORK_LIMIT, async { Ok(self.connection.client.batch_execute(sql).await?) })
    }

    async fn prepared(&self, sql: &str) -> std::result::Result<Statement, Fault> {
        if let Some(known) = self.statements.borrow().get(sql) {
            return Ok(known.clone());
        }
        // Parameters of SQLite are `?1` where those of PostgreSQL are `$1`; no statement has another question mark.
        let prepared = self.connection.client.prepare(&sql.replace('?', "$")).await?;
        self.statements.borrow_mut().insert(sql.to_owned(), prepared.clone());
        Ok(prepared)
    }
}

/// A session in a transaction.
pub(super) struct Work<'w> {
    pub(super) database: &'w Database,
    pub(super) session: &'w Session,
}

impl Work<'_> {
    /// A statement and its values in the types that it has them in.
    fn prepare(&self, sql: &str, values: &[Value]) -> Result<(Statement, Vec<Parameter>)> {
        let statement = self.database.within(WORK_LIMIT, self.session.prepared(sql))?;
        let parameters = values
            .iter()
            .zip(statement.params())
            .map(|(value, kind)| parameter(value, kind))
            .collect::<Result<_>>();
        Ok((statement, parameters?))
    }
}

impl Sql for Work<'_> {
    fn execute(&self, sql: &str, values: &[Value]) -> Result<u64> {
        let (statement, parameters) = self.prepare(sql, values)?;
        let changed = self.session.connection.client.execute_raw(&statement, parameters);
        self.database.within(WORK_LIMIT, async { Ok(changed.await?) })
    }

    fn each(&self, sql: &str, values: &[Value], take: &mut dyn FnMut(&Row) -> Result<()>) -> Result<()> {
        let (statement, parameters) = self.prepare(sql, values)?;
        let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|value| &**value as _).collect();
        let rows = self.session.connection.client.query(&statement, &parameters);
        for row in self.database.within(LOAD_LIMIT, async { Ok(rows.await?) })? {
            let cells = (0..row.len()).map(|column| value(&row, column)).collect::<Result<_>>()?;
            take(&Row(cells))?;
        }
        Ok(())
    }
}

pub(super) fn is_anything_written(db: &dyn Sql) -> Result<bool> {
    let mut written = false;
    let sql =
        "select exists (select from people) or exists (select from groups) or exists (select from sessions)";
    db.each(sql, &[], &mut |row| {
        written = row.0 == [Value::Integer(1)];
        Ok(())
    })?;
    Ok(written)
}

/// Lets new keys follow those that are there.
pub(super) fn continue_keys(db: &dyn Sql) -> Result<()> {
    for (table, key) in
        [("people", "key"), ("groups", "key"), ("sessions", "key"), ("corrections", "key"), ("outbox", "seq")]
    {
        let sql = format!(
            "select setval(pg_get_serial_sequence('facerec_attendance.{table}', '{key}'), coalesce(max({key}), 0) + 1, false)
             from {table}"
        );
        db.each(&sql, &[], &mut |_| Ok(()))?;
    }
    Ok(())
}

type Parameter = Box<dyn ToSql + Sync + Send>;

/// A value in the type that a statement has it in.
fn parameter(value: &Value, kind: &Type) -> Result<Parameter> {
    Ok(match (kind, value) {
        (&Type::BOOL, Value::Null) => Box::new(None::<bool>),
        (&Type::BOOL, Value::Integer(number)) => Box::new(*number != 0),
        (&Type::INT4, Value::Null) => Box::new(None::<i32>),
        (&Type::INT4, Value::Integer(number)) => Box::new(i32::try_from(*number).map_err(fault)?),
        (&Type::INT8, Value::Null) => Box::new(None::<i64>),
        (&Type::INT8, Value::Integer(number)) => Box::new(*number),
        (&Type::FLOAT8, Value::Null) => Box::new(None::<f64>),
        (&Type::FLOAT8, Value::Real(number)) => Box::new(*number),
        (&Type::TEXT, Value::Null) => Box::new(None::<String>),
        (&Type::TEXT, Value::Text(text)) => Box::new(text.clone()),
        (&Type::BYTEA, Value::Null) => Box::new(None::<Vec<u8>>),
        (&Type::BYTEA, Value::Blob(bytes)) => Box::new(bytes.clone()),
        (&Type::TEXT_ARRAY, value) => Box::new(typed(value)?),
        _ => return Err(fault(format!("a value of a statement can't be of the type {kind}"))),
    })
}

/// A value of any type as a column of SQLite has it: its type and itself.
fn typed(value: &Value) -> Result<Option<Vec<String>>> {
    let (kind, value) = match value {
        Value::Null => return Ok(None),
        Value::Integer(number) => ("integer", number.to_string()),
        Value::Real(number) => ("number", number.to_string()),
        Value::Text(text) => ("text", text.clone()),
        Value::Blob(_) => return Err(fault("expected a number or a text, found bytes")),
    };
    Ok(Some(vec![kind.to_owned(), value]))
}

/// A cell of a row.
fn value(row: &tokio_postgres::Row, column: usize) -> Result<Value> {
    let cell = match *row.columns()[column].type_() {
        Type::BOOL => row
            .try_get::<_, Option<bool>>(column)
            .map(|truth| truth.map(|truth| Value::Integer(truth.into()))),
        Type::INT4 => row
            .try_get::<_, Option<i32>>(column)
            .map(|number| number.map(|number| Value::Integer(number.into()))),
        Type::INT8 => row.try_get::<_, Option<i64>>(column).map(|number| number.map(Value::Integer)),
        Type::FLOAT8 => row.try_get::<_, Option<f64>>(column).map(|number| number.map(Value::Real)),
        Type::TEXT => row.try_get::<_, Option<String>>(column).map(|text| text.map(Value::Text)),
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(column).map(|bytes| bytes.map(Value::Blob)),
        Type::TEXT_ARRAY => {
            let typed = row.try_get::<_, Option<Vec<String>>>(column).map_err(fault)?;
            return typed.map_or(Ok(Value::Null), |typed| untyped(&typed));
        }
        ref other => return Err(fault(format!("a column can't be of the type {other}"))),
    };
    Ok(cell.map_err(fault)?.unwrap_or(Value::Null))
}

fn untyped(typed: &[String]) -> Result<Value> {
    match typed {
        [kind, value] if kind == "integer" => value.parse().map(Value::Integer).map_err(fault),
        [kind, value] if kind == "number" => value.parse().map(Value::Real).map_err(fault),
        [kind, value] if kind == "text" => Ok(Value::Text(value.clone())),
        _ => Err(fault("expected a type and a value, found something else")),
    }
}
