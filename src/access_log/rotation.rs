//! Names of the older files: `.1` is the latest of them.

use std::io;
use std::path::{Path, PathBuf};

/// The `n`th older file.
pub(super) fn older(path: &Path, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    PathBuf::from(name)
}

/// Moves the file and its older ones on by one; of the older ones `keep` stay.
///
/// # Errors
/// When a file can't be renamed.
pub(super) fn rotate(path: &Path, keep: u32) -> io::Result<()> {
    for n in (1..keep).rev() {
        rename_if_there(&older(path, n), &older(path, n + 1))?;
    }
    rename_if_there(path, &older(path, 1))
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}
