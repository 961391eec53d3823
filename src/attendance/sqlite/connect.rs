//! Connections and their settings.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::schema;
use crate::atomic_file;
use crate::attendance::sql::value::fault;
use crate::error::Result;

/// Mode of a new file, less what the umask takes; SQLite gives it to the files beside it, too.
const MODE_OF_NEW_FILES: u32 = 0o640;
/// How long a writer waits for one of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Prepared statements that a connection keeps.
const CACHED_STATEMENTS: usize = 64;
/// Links are not followed: else the owner of the directory could have root open any file.
const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX.union(OpenFlags::SQLITE_OPEN_NOFOLLOW);

/// A connection that writes. Creates the file if need be, and brings the schema up to date.
pub(super) fn for_writing(path: &Path) -> Result<Connection> {
    let (path, directory) = resolve(path).map_err(fault)?;
    match create(&path, &directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(fault(error)),
        _ => {}
    }
    let mut connection = Connection::open_with_flags(&path, FLAGS | OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    settings(&connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn for_reading(path: &Path) -> Result<Connection> {
    let (path, _) = resolve(path).map_err(fault)?;
    // Not SQLITE_OPEN_READ_ONLY: the first reader after a crash recovers the WAL.
    let connection = Connection::open_with_flags(path, FLAGS | OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    settings(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Writes the last committed state of one database into a new file.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    let connection = for_reading(from)?;
    let (to, directory) = resolve(to).map_err(fault)?;
    // VACUUM INTO takes an empty file, and would make one that everybody may read.
    create(&to, &directory).map_err(fault)?;
    connection.pragma_update(None, "query_only", false)?;
    connection.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
    Ok(())
}

fn create(path: &Path, directory: &Path) -> io::Result<()> {
    let new = OpenOptions::new().write(true).create_new(true).mode(MODE_OF_NEW_FILES).open(path)?;
    atomic_file::give_to_owner_of(directory, &new);
    Ok(())
}

/// What is read where there is no file: the schema without a row.
pub(super) fn empty() -> Result<Connection> {
    let mut connection = Connection::open_in_memory()?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

fn settings(connection: &Connection) -> Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.pragma_update(None, "foreign_keys", true)?;
    // What retention and `forget` delete is overwritten.
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(())
}

/// The path with its directory's links resolved, and the directory: a data directory may be a link.
fn resolve(path: &Path) -> io::Result<(PathBuf, PathBuf)> {
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => fs::canonicalize(directory)?,
        _ => fs::canonicalize(".")?,
    };
    let name = path.file_name().unwrap_or_default();
    Ok((directory.join(name), directory))
}
