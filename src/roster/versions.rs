//! Rosters that were replaced, to be brought back: the last ten, in a directory that only its owner may read.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use ulid::Ulid;

use super::format::Format;
use crate::atomic_file;

/// The directory below that of the roster.
pub const DIRECTORY: &str = "rosters";
/// How many are kept.
const KEPT: usize = 10;

/// A roster that was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// ULID of the moment at which it was replaced.
    pub id: String,
    /// How many names it has.
    pub names: usize,
    /// What kind of file it is.
    pub format: Format,
}

impl Version {
    /// Name of its file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}-{}.{}", self.id, self.names, self.format.extension())
    }

    fn of_file(name: &str) -> Option<Self> {
        let (stem, extension) = name.rsplit_once('.')?;
        let (id, names) = stem.split_once('-')?;
        let format = Format::ALL.into_iter().find(|format| format.extension() == extension)?;
        Ulid::from_string(id).ok()?;
        Some(Self { id: id.to_owned(), names: names.parse().ok()?, format })
    }
}

/// Whether a roster that was replaced has a file of this name.
#[must_use]
pub fn is_version(name: &str) -> bool {
    Version::of_file(name).is_some_and(|version| version.file_name() == name)
}

/// Keeps the bytes of a roster with `names` names, and forgets those beyond the last ten.
///
/// # Errors
/// What the file system says.
pub fn keep(directory: &Path, bytes: &[u8], names: usize, format: Format) -> io::Result<()> {
    atomic_file::ensure_private_directory(directory)?;
    let version = Version { id: Ulid::generate().to_string(), names, format };
    atomic_file::replace_private(&directory.join(version.file_name()), |to| to.write_all(bytes))?;
    for old in list(directory)?.into_iter().skip(KEPT) {
        match fs::remove_file(directory.join(old.file_name())) {
            // Somebody else has made room.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            removed => removed?,
        }
    }
    Ok(())
}

/// The rosters that are kept, the latest first.
///
/// # Errors
/// What the file system says; none is kept where there is no directory.
pub fn list(directory: &Path) -> io::Result<Vec<Version>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut versions = Vec::new();
    for entry in entries {
        versions.extend(entry?.file_name().to_str().and_then(Version::of_file));
    }
    versions.sort_unstable_by(|a: &Version, b| b.id.cmp(&a.id));
    Ok(versions)
}

/// The bytes of the roster with this id, at most `most` and one; `None` where it is not kept.
///
/// # Errors
/// What the file system says.
pub fn read(directory: &Path, id: &str, most: usize) -> io::Result<Option<Vec<u8>>> {
    let Some(path) = find(directory, id)? else { return Ok(None) };
    read_file(&path, most)
}

/// `None` for a file that is gone: another replacement may have made room for itself since it was listed.
fn read_file(path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Only among the files that are there: the id is a client's, and no path.
fn find(directory: &Path, id: &str) -> io::Result<Option<PathBuf>> {
    let version = list(directory)?.into_iter().find(|version| version.id == id);
    Ok(version.map(|version| directory.join(version.file_name())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_last_ten_are_kept_for_their_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join(DIRECTORY);
        assert_eq!(list(&directory).unwrap(), []);
        for names in 0..13_usize {
            // ULIDs of one millisecond are in no order.
            std::thread::sleep(std::time::Duration::from_millis(2));
            keep(&directory, format!("roster {names}").as_bytes(), names, Format::Csv).unwrap();
        }
        fs::write(directory.join("notes.txt"), "not a roster").unwrap();
        let kept = list(&directory).unwrap();
        let names: Vec<usize> = kept.iter().map(|version| version.names).collect();
        assert_eq!(names, [12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
        let read = |id: &str| read(&directory, id, 100).unwrap();
        assert_eq!(read(&kept[9].id).as_deref(), Some(&b"roster 3"[..]));
        for nobody in ["", "../gallery", "01ARZ3NDEKTSV4RRFFQ69G5FAV"] {
            assert_eq!(read(nobody), None);
        }
        let of_nobody = Version { id: kept[0].id.clone(), names: 99, format: Format::Ods };
        assert_eq!(read_file(&directory.join(of_nobody.file_name()), 100).unwrap(), None);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&directory.join(kept[0].file_name()))), (0o700, 0o600));
    }
}
