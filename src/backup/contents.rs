//! Which files of a data directory belong to a backup.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::atomic_file;
use crate::attendance::{Channels, SqliteStore};
use crate::audit::dismissals;
use crate::error::{DataError, Operation, Result};
use crate::gallery::store;
use crate::gallery::writer::LOCK_FILE_NAME;
use crate::local_file;
use crate::roster::versions;
use crate::thumbnails::{self, Thumbnails};

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
/// Name of the file of thumbnails while a backup is made.
const SPOOL: &str = "thumbnails";
/// Mode of a thumbnail.
const PRIVATE: u32 = 0o600;

/// Files beside the database and the keys that are copied as they are.
fn plain_names() -> [&'static str; 6] {
    [store::FILE_NAME, "roster.xlsx", "roster.ods", "roster.csv", dismissals::FILE_NAME, SETTINGS_NAME]
}

/// Whether a backup may hold a file of this name.
pub(super) fn is_known(name: &str) -> bool {
    match name.split_once('/') {
        Some((versions::DIRECTORY, file)) => versions::is_version(file),
        Some((thumbnails::DIRECTORY, file)) => thumbnails::photo_id(file).is_some(),
        Some(_) => false,
        None => plain_names().contains(&name) || name == DATABASE || is_keys(name),
    }
}

fn is_keys(name: &str) -> bool {
    name.strip_prefix(KEYS_NAME).is_some_and(|rest| rest.is_empty() || rest == LAST_USED)
}

/// Entries of a data directory that a restored backup takes the place of.
pub(super) fn replaced_entries() -> impl Iterator<Item = String> {
    let others = [DATABASE, KEYS_NAME, versions::DIRECTORY, thumbnails::DIRECTORY];
    let plain = plain_names().into_iter().chain(others).chain(BESIDE_DATABASE);
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

/// A file to be archived.
pub(super) struct Source {
    pub(super) name: String,
    content: Content,
}

enum Content {
    /// It stays the one that was opened, whatever takes its place meanwhile.
    Opened(File),
    /// A part of a file of copies: a thumbnail goes with its photo, at any time, and there may be more of them than a process may have
    /// open.
    Copied { all: Arc<File>, at: u64, bytes: u64 },
}

impl Source {
    /// The file from its beginning, until another one is opened.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn open(&mut self) -> io::Result<io::Take<File>> {
        let (mut file, at, bytes) = match &self.content {
            Content::Opened(file) => (file.try_clone()?, 0, u64::MAX),
            Content::Copied { all, at, bytes } => (all.try_clone()?, *at, *bytes),
        };
        file.seek(SeekFrom::Start(at))?;
        Ok(file.take(bytes))
    }

    /// Its mode.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn mode(&self) -> io::Result<u32> {
        match &self.content {
            Content::Opened(file) => Ok(file.metadata()?.permissions().mode() & 0o777),
            Content::Copied { .. } => Ok(PRIVATE),
        }
    }
}

/// Copies the thumbnails into one file in the directory `scratch`. One that is removed meanwhile is left out, as its photo is.
fn copy_thumbnails(files: Vec<(String, PathBuf)>, scratch: &Path) -> Result<Vec<Source>> {
    let path = scratch.join(SPOOL);
    let failed = DataError::io_at(&path, Operation::Write);
    let all = File::options().read(true).write(true).create_new(true).mode(PRIVATE).open(&path);
    let all = Arc::new(all.map_err(&failed)?);
    let (mut to, mut at, mut sources) = (&*all, 0, Vec::new());
    for (name, path) in files {
        let read = thumbnails::read_png(&path).map_err(DataError::io_at(&path, Operation::Read))?;
        let Some(png) = read else { continue };
        to.write_all(&png).map_err(&failed)?;
        let bytes = png.len() as u64;
        sources.push(Source { name, content: Content::Copied { all: Arc::clone(&all), at, bytes } });
        at += bytes;
    }
    Ok(sources)
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
    for version in versions::list(&rosters).map_err(DataError::io_at(&rosters, Operation::Read))? {
        let name = version.file_name();
        sources.extend(open(&rosters.join(&name), &format!("{}/{name}", versions::DIRECTORY))?);
    }
    sources.extend(copy_thumbnails(Thumbnails::open(data)?.files(), scratch)?);
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
    let file = match local_file::open_regular(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    Ok(Some(Source { name: name.to_owned(), content: Content::Opened(file) }))
}

/// Gives a restored file the mode that it had, without rights of others, and the owner of the directory `data`.
pub(super) fn give_access(data: &Path, file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(fs::Permissions::from_mode(mode & 0o640 | 0o600))?;
    atomic_file::give_to_owner_of(data, file);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;

    use super::{copy_thumbnails, is_known};

    #[test]
    fn a_thumbnail_that_is_removed_meanwhile_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["first", "gone", "last"].map(|name| (name.to_owned(), folder.path().join(name)));
        fs::write(&files[0].1, "1").unwrap();
        fs::write(&files[2].1, "three").unwrap();
        let mut copied = copy_thumbnails(files.to_vec(), folder.path()).unwrap();
        // As they are no more when they are read.
        fs::remove_file(&files[0].1).unwrap();
        let read = |source: &mut super::Source| {
            let mut text = String::new();
            source.open().unwrap().read_to_string(&mut text).unwrap();
            (source.name.clone(), text, source.mode().unwrap())
        };
        for _twice in 0..2 {
            let found: Vec<_> = copied.iter_mut().map(read).collect();
            let expected = [("first", "1"), ("last", "three")];
            assert_eq!(found, expected.map(|(name, text)| (name.to_owned(), text.to_owned(), 0o600)));
        }
    }

    #[test]
    fn only_files_of_a_data_directory_are_known() {
        for good in [
            "gallery.bin",
            "roster.csv",
            "attendance.db",
            "keys.toml",
            "keys.toml.last-used",
            "facerec.toml",
            "rosters/01JDK5Q2W7C1Z8N4T6R0YB3MXA-3.xlsx",
            "thumbnails/01JDK5Q2W8E5F6G7H8J9K0M1N2.png",
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
            "rosters/notes.txt",
            "thumbnails/../keys.png",
            "thumbnails/.png",
            "thumbnails/a.jpg",
            "thumbnails/mine.png",
            "people/x",
            "gallery.lock",
            "./gallery.bin",
        ] {
            assert!(!is_known(bad), "{bad}");
        }
    }
}
