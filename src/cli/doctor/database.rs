//! The database of people.

use super::check::Check;
use crate::config::DatabaseParams;
use crate::error::{Error, Result};
use crate::postgres::{Contents, Database, examine};

const DATABASE: &str = "database";

/// Whether it can be used, and what is in it.
pub(super) fn check(params: &DatabaseParams) -> Check {
    match look(params) {
        Ok((shown, Some(contents))) => {
            let Contents { recipe, people, photos } = contents;
            let made = format!("of the model {} at margin {}", recipe.model, recipe.margin_px);
            Check::ok(DATABASE, format!("{shown}: {people} people, {photos} photos, {made}"))
        }
        Ok((shown, None)) => {
            let next = "`facerec migrate` takes the people of gallery.bin over, or enrol through the service";
            Check::warn(DATABASE, format!("{shown}: nobody is enrolled"), next)
        }
        Err(error) => Check::fail(DATABASE, error.to_string(), next(&error)),
    }
}

fn look(params: &DatabaseParams) -> Result<(String, Option<Contents>)> {
    let database = Database::new(params)?;
    let contents = examine(&database)?;
    Ok((database.shown(), contents))
}

fn next(error: &Error) -> &'static str {
    match error {
        Error::Unavailable(_) => "see that the server runs and lets this role in: psql with the same address",
        _ => "see docs/scaling.md",
    }
}
