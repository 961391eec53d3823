//! Replacing a file so that a crash, a full disk or a pulled plug leaves the old one or the new
//! one, whole: a temporary file in the same folder, synced, renamed, and the folder synced.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Mode of a new file: faces and IDs are nobody else's business. A file that is replaced keeps its mode.
const MODE_OF_NEW_FILES: u32 = 0o640;
/// How the names of temporary files end; they begin with a dot and the name of the file they replace.
const SUFFIX: &str = ".tmp";

/// Replaces the file at `path` by what `write` writes. When this returns, the new file is on the
/// disk. The returned file is the new one, open.
///
/// # Errors
/// What the file system says; the old file is in place then, unless only the last step, syncing
/// the folder, failed.
pub fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<File> {
    let (folder, prefix) = place(path)?;
    let mode = match fs::metadata(path) {
        Ok(old) => old.permissions(),
        Err(_) => Permissions::from_mode(MODE_OF_NEW_FILES),
    };
    let mut builder = tempfile::Builder::new();
    let temporary = builder.prefix(&prefix).suffix(SUFFIX).permissions(mode).tempfile_in(&folder)?;
    let mut buffered = BufWriter::with_capacity(1 << 20, temporary);
    write(&mut buffered)?;
    let temporary = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
    temporary.as_file().sync_all()?;
    let file = temporary.persist(path).map_err(|error| error.error)?;
    File::open(&folder)?.sync_all()?;
    Ok(file)
}

/// Removes temporary files that a killed process left beside `path`. Only the process that may
/// write there calls this. Returns how many there were.
///
/// # Errors
/// What the file system says.
pub fn remove_leftovers(path: &Path) -> io::Result<usize> {
    let (folder, prefix) = place(path)?;
    let mut removed = 0;
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(prefix.as_encoded_bytes()) && name.ends_with(SUFFIX.as_bytes()) {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// The folder of `path`, and how the names of its temporary files begin.
fn place(path: &Path) -> io::Result<(PathBuf, OsString)> {
    let name = path.file_name().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{} does not name a file", path.display()))
    })?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    Ok((folder.to_path_buf(), prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        replace(&path, |to| to.write_all(b"old")).unwrap();
        let error = replace(&path, |to| {
            to.write_all(b"half of the new")?;
            Err(io::Error::other("the disk is full"))
        });
        assert_eq!(error.unwrap_err().to_string(), "the disk is full");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.bin"]);
    }

    #[test]
    fn the_mode_is_kept_and_a_new_file_is_not_for_everybody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        replace(&path, |to| to.write_all(b"1")).unwrap();
        assert_eq!(mode(&path) & 0o007, 0);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        replace(&path, |to| to.write_all(b"2")).unwrap();
        assert_eq!(mode(&path), 0o644);
    }

    #[test]
    fn leftovers_of_this_file_only_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".a.bin.x1y2.tmp", ".b.bin.x1y2.tmp", "a.bin", "a.bin.tmp"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        assert_eq!(remove_leftovers(&folder.path().join("a.bin")).unwrap(), 1);
        assert_eq!(names(folder.path()), [".b.bin.x1y2.tmp", "a.bin", "a.bin.tmp"]);
    }
}
