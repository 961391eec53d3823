//! Which files of a data directory belong to a backup.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::atomic_file;
use crate::attendance::{Channels, SqliteStore};
use crate::audit::dismissals;
use crate::error::{DataError, Operation, Result};
use crate::gallery::store;
use crate::gallery::writer::LOCK_FILE_NAME;
use crate::roster::versions;

/// Name of the file of API keys in a backup, wherever it lies.
pub const KEYS_NAME: &str = "keys.toml";
/// What the service writes beside the file of keys.
const LAST_USED: &str = ".last-used";
/// Name of the settings file.
const SETTINGS_NAME: &str = "facerec.toml";
/// The database of attendance, which is copied by its own means.
const DATABASE: &str = "attendance.db";
/// What SQLite keeps beside the database.
const BESIDE_DATABASE: [&str; 2] = ["attendance.db-wal", "attendance.db-shm"];

/// Files beside the database and the keys that are copied as they are.
fn plain_names() -> [&'static str; 6] {
    [store::FILE_NAME, "roster.xlsx", "roster.ods", "roster.csv", dismissals::FILE_NAME, SETTINGS_NAME]
}

/// Whether a backup may hold a file of this name.
pub(super) fn is_known(name: &str) -> bool {
    let is_version = || {
        name.strip_prefix(versions::DIRECTORY).and_then(|rest| rest.strip_prefix('/')).is_some_and(is_plain)
    };
    plain_names().contains(&name) || name == DATABASE || is_keys(name) || is_version()
}

fn is_keys(name: &str) -> bool {
    name.strip_prefix(KEYS_NAME).is_some_and(|rest| rest.is_empty() || rest == LAST_USED)
}

/// Whether it is the name of a visible file and of nothing else.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !name.starts_with('.')
}

/// Entries of a data directory that a restored backup takes the place of.
pub(super) fn replaced_entries() -> impl Iterator<Item = String> {
    let plain =
        plain_names().into_iter().chain([DATABASE, KEYS_NAME, versions::DIRECTORY]).chain(BESIDE_DATABASE);
    plain.map(str::to_owned).chain([format!("{KEYS_NAME}{LAST_USED}")])
}

/// Entries that may be in a directory that counts as empty.
pub(super) fn is_trace(name: &str) -> bool {
    name == LOCK_FILE_NAME || name == "lost+found"
}

/// Entries of the data directory that a backup leaves out, such as the photos in `people/`; and its file of keys, where `keys`
/// is another one.
///
/// # Errors
/// [`crate::error::Error::Data`] when the directory can't be read.
pub fn left_out(data: &Path, keys: Option<&Path>) -> Result<Vec<String>> {
    let keys = key_files(data, keys).map(|path| path.canonicalize().ok());
    let failed = DataError::io_at(data, Operation::Read);
    let mut names = Vec::new();
    for entry in fs::read_dir(data).map_err(&failed)? {
        let entry = entry.map_err(&failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_key_file = entry.path().canonicalize().is_ok_and(|path| keys.contains(&Some(path)));
        let known = !is_keys(&name) && replaced_entries().any(|known| known == name);
        let taken = is_key_file || known || is_trace(&name);
        if !taken && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The file of API keys in use, and what the service writes beside it.
fn key_files(data: &Path, keys: Option<&Path>) -> [PathBuf; 2] {
    let keys = keys.map_or_else(|| data.join(KEYS_NAME), Path::to_path_buf);
    let mut last_used = keys.clone().into_os_string();
    last_used.push(LAST_USED);
    [keys, last_used.into()]
}

/// A file to be archived. It stays the one that was opened, whatever takes its place meanwhile.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) file: File,
}

/// Opens everything in the data directory that belongs to a backup. `keys` is the file of API keys, where it lies elsewhere; the
/// database is copied into the directory `scratch`.
///
/// # Errors
/// [`crate::error::Error::Data`] when one can't be read.
pub(super) fn collect(data: &Path, keys: Option<&Path>, scratch: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for name in plain_names() {
        sources.extend(open(&data.join(name), name)?);
    }
    let rosters = data.join(versions::DIRECTORY);
    for name in names(&rosters).map_err(DataError::io_at(&rosters, Operation::Read))? {
        sources.extend(open(&rosters.join(&name), &format!("{}/{name}", versions::DIRECTORY))?);
    }
    let copy = scratch.join(DATABASE);
    if SqliteStore::unmigrated(data, Channels::default()).backup(&copy)? {
        sources.extend(open(&copy, DATABASE)?);
    }
    let [keys, last_used] = key_files(data, keys);
    sources.extend(open(&keys, KEYS_NAME)?);
    sources.extend(open(&last_used, &format!("{KEYS_NAME}{LAST_USED}"))?);
    Ok(sources)
}

/// `None` where there is no such file.
fn open(path: &Path, name: &str) -> Result<Option<Source>> {
    let failed = DataError::io_at(path, Operation::Read);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if !file.metadata().map_err(&failed)?.is_file() {
        return Err(failed(io::Error::other("expected a file, found something else")));
    }
    Ok(Some(Source { name: name.to_owned(), file }))
}

/// The visible files of a directory, sorted; none where there is no directory.
fn names(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().to_str().filter(|name| is_plain(name)).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// Gives a restored file the mode that it had, without rights of others, and the owner of the directory `data`.
pub(super) fn give_access(data: &Path, file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(fs::Permissions::from_mode(mode & 0o640 | 0o600))?;
    atomic_file::give_to_owner_of(data, file);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_known;

    #[test]
    fn only_files_of_a_data_directory_are_known() {
        for good in [
            "gallery.bin",
            "roster.csv",
            "attendance.db",
            "keys.toml",
            "keys.toml.last-used",
            "facerec.toml",
            "rosters/01K-3.xlsx",
        ] {
            assert!(is_known(good), "{good}");
        }
        for bad in [
            "",
            "../gallery.bin",
            "/etc/passwd",
            "rosters",
            "rosters/",
            "rosters/../x",
            "rosters/.x",
            "rosters/a/b",
            "people/x",
            "gallery.lock",
            "./gallery.bin",
        ] {
            assert!(!is_known(bad), "{bad}");
        }
    }
}
