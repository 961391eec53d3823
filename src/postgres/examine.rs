//! A look at a database, for people: nothing is changed.

use super::connection::{Database, LOAD_LIMIT, WORK_LIMIT};
use super::{rows, schema};
use crate::error::Result;
use crate::gallery::Recipe;

/// What is in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// How the embeddings were made.
    pub recipe: Recipe,
    /// Enrolled people.
    pub people: i64,
    /// Enrolled photos of all people.
    pub photos: i64,
}

/// Looks into the database; `None` for one without tables or without a recipe, which is new.
///
/// # Errors
/// [`Error::Unavailable`](crate::error::Error::Unavailable); [`Error::Data`](crate::error::Error::Data) for a server that is too
/// old.
pub fn examine(database: &Database) -> Result<Option<Contents>> {
    let connection = database.connect()?;
    let client = &connection.client;
    database.within(WORK_LIMIT, async {
        schema::check_server(client).await?;
        let has_tables = "select to_regclass('facerec.photos') is not null";
        if !client.query_one(has_tables, &[]).await?.try_get::<_, bool>(0)? {
            return Ok(None);
        }
        let Some(recipe) = rows::recipe(client).await? else { return Ok(None) };
        let counts = "select (select count(*) from people), (select count(*) from photos)";
        let row = client.query_one(counts, &[]).await?;
        Ok(Some(Contents { recipe, people: row.try_get(0)?, photos: row.try_get(1)? }))
    })
}

/// Whether the person with this id is enrolled.
///
/// # Errors
/// [`Error::Unavailable`](crate::error::Error::Unavailable).
pub fn is_enrolled(database: &Database, id: &str) -> Result<bool> {
    let connection = database.connect()?;
    let select = "select exists (select from people where id = $1)";
    database.within(WORK_LIMIT, async { Ok(connection.client.query_one(select, &[&id]).await?.try_get(0)?) })
}

/// Counts what is in the tables for the server's planner, as it does by itself some time after many people came.
///
/// # Errors
/// [`Error::Unavailable`](crate::error::Error::Unavailable).
pub fn analyze(database: &Database) -> Result<()> {
    let connection = database.connect()?;
    database
        .within(LOAD_LIMIT, async { Ok(connection.client.batch_execute("analyze people, photos").await?) })
}
