//! API keys from a file into a database, and back.

use std::path::Path;

use crate::cli::output;
use crate::config::DatabaseParams;
use crate::keys::backend::{KeyFile, KeyList};
use crate::postgres::{Database, PostgresKeyList};

/// Takes all keys over, with when they were last used, unless the other side has other ones.
///
/// # Errors
/// When one of both can't be used, or, without `force`, there is a file to be written over.
pub(super) fn take_over(
    path: &Path,
    params: &DatabaseParams,
    export: bool,
    force: bool,
) -> anyhow::Result<()> {
    let (file, database) = (KeyFile(path.to_path_buf()), PostgresKeyList::open(Database::new(params)?)?);
    if !export {
        return copy(&file, &database, false);
    }
    output::ensure_new(path, force)?;
    // A file without entries is no open service: it would be one that accepts no key.
    if database.entries()?.is_empty() {
        return Ok(());
    }
    copy(&database, &file, force)
}

fn copy(from: &dyn KeyList, to: &dyn KeyList, replace: bool) -> anyhow::Result<()> {
    let entries = from.entries()?;
    let mut others = false;
    to.change(Box::new(|there| {
        others = !replace && !there.is_empty() && there != entries;
        Ok(if others { there } else { entries.clone() })
    }))?;
    if others {
        output::note(format_args!("{} has other API keys, which stay.", to.shown()));
        return Ok(());
    }
    to.add_uses(&from.last_used()?.unwrap_or_default())?;
    output::line(format_args!("{} API keys are in {}", entries.len(), to.shown()))
}
