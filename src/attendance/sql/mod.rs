//! Attendance in a database that speaks SQL: the statements, which all of them share, and what they are asked for.
//!
//! A database implements [`Transactions`], and is an [`AttendanceStore`] by that. Statements are those that SQLite and
//! PostgreSQL both take: parameters are `?1` and on, truths stand bare or as `TRUE`, and a parameter that is not compared with a
//! column has its type by `CAST`.

pub(crate) mod copy;
mod correct;
mod entries;
mod everybody;
mod groups;
mod history;
mod ids;
mod mark;
mod merge;
mod outbox;
mod people;
mod report;
mod requests;
pub(super) mod retention;
mod sessions;
mod store;
mod sync;
mod update;
pub(crate) mod value;

use super::outbox::Channels;
use crate::error::Result;
use value::{FromValue, Row, Value};

/// A database within a transaction.
pub(crate) trait Sql {
    /// Carries a statement out; how many rows it changed.
    fn execute(&self, sql: &str, values: &[Value]) -> Result<u64>;

    /// Hands each row that a statement returns to `take`.
    fn each(&self, sql: &str, values: &[Value], take: &mut dyn FnMut(&Row) -> Result<()>) -> Result<()>;
}

/// Without a transaction.
pub(crate) trait Transactions: Send + Sync {
    /// For whom messages are written.
    fn channels(&self) -> Channels;

    /// Whether anything was ever written.
    fn exists(&self) -> bool;

    /// Whether this process does what one of several does.
    fn leads(&self) -> Result<bool>;

    /// Works in a transaction that is committed when `work` went well. One writes at a time.
    fn write<T>(&self, work: impl FnOnce(&dyn Sql) -> Result<T>) -> Result<T>;

    /// Reads in a transaction, which sees one committed state.
    fn read<T>(&self, work: impl FnOnce(&dyn Sql) -> Result<T>) -> Result<T>;

    /// After rows were written with keys of another database: new rows get other keys.
    fn continue_keys(&self, db: &dyn Sql) -> Result<()>;

    /// Where the database can, what was deleted is made unreadable.
    fn overwrite_deleted(&self);
}

impl dyn Sql + '_ {
    /// All rows that a statement returns.
    fn rows<T>(&self, sql: &str, values: &[Value], read: impl Fn(&Row) -> Result<T>) -> Result<Vec<T>> {
        let mut all = Vec::new();
        self.each(sql, values, &mut |row| {
            all.push(read(row)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// The row that a statement returns, where it returns one.
    fn row<T>(&self, sql: &str, values: &[Value], read: impl Fn(&Row) -> Result<T>) -> Result<Option<T>> {
        Ok(self.rows(sql, values, read)?.pop())
    }

    /// The first column of all rows.
    fn column<T: FromValue>(&self, sql: &str, values: &[Value]) -> Result<Vec<T>> {
        self.rows(sql, values, |row| row.get(0))
    }

    /// The first column of the row that a statement returns, where it returns one.
    fn cell<T: FromValue>(&self, sql: &str, values: &[Value]) -> Result<Option<T>> {
        self.row(sql, values, |row| row.get(0))
    }
}
