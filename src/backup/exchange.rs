//! The exchange of the files in use for those of a backup.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::contents::replaced_entries;
use crate::atomic_file::create_private_directory;

/// How the name of a directory begins in which the old files are.
pub const SET_ASIDE: &str = "replaced-";
/// Directories of one second that are tried.
const TRIES: u32 = 100;

/// Moves the old files aside and the new ones in; on an error everything back. Returns the directory of the old ones, if any.
///
/// # Errors
/// What the file system says, with what could not be moved back.
pub(super) fn exchange(staged: &Path, data: &Path) -> io::Result<Option<PathBuf>> {
    let mut moves = Moves::default();
    match moves.exchange(staged, data) {
        Ok(()) => {
            File::open(data)?.sync_all()?;
            Ok(moves.aside)
        }
        Err(error) => Err(moves.undo(&error)),
    }
}

/// A new directory for the files that are moved aside.
fn new_aside(data: &Path) -> io::Result<PathBuf> {
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut number = 1;
    loop {
        let more = if number > 1 { format!("-{number}") } else { String::new() };
        let path = data.join(format!("{SET_ASIDE}{time}{more}"));
        match create_private_directory(&path, data) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && number < TRIES => number += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Files that were moved, from where and to where.
#[derive(Default)]
struct Moves {
    done: Vec<(PathBuf, PathBuf)>,
    /// The directory of the old files, made for the first of them.
    aside: Option<PathBuf>,
}

impl Moves {
    fn exchange(&mut self, staged: &Path, data: &Path) -> io::Result<()> {
        for name in replaced_entries() {
            let old = data.join(&name);
            if fs::symlink_metadata(&old).is_ok() {
                let aside = self.aside(data)?.join(&name);
                self.rename(old, aside)?;
            }
        }
        for entry in fs::read_dir(staged)? {
            let entry = entry?;
            self.rename(entry.path(), data.join(entry.file_name()))?;
        }
        Ok(())
    }

    fn aside(&mut self, data: &Path) -> io::Result<PathBuf> {
        let aside = self.aside.take().map_or_else(|| new_aside(data), Ok)?;
        Ok(self.aside.insert(aside).clone())
    }

    fn rename(&mut self, from: PathBuf, to: PathBuf) -> io::Result<()> {
        fs::rename(&from, &to)?;
        self.done.push((from, to));
        Ok(())
    }

    /// As far as it goes. Returns the error that led here, with those of files that stay where they are.
    fn undo(self, error: &io::Error) -> io::Error {
        let mut messages = vec![error.to_string()];
        for (from, to) in self.done.into_iter().rev() {
            if let Err(error) = fs::rename(&to, &from) {
                let (to, from) = (to.display(), from.display());
                messages.push(format!("{to} can't be moved back to {from}: {error}"));
            }
        }
        if let Some(aside) = self.aside {
            // It is empty now; else it keeps what could not be moved back.
            let _ = fs::remove_dir(aside);
        }
        io::Error::new(error.kind(), messages.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_directory_that_is_there_is_no_place_for_what_is_moved_aside() {
        let data = tempfile::tempdir().unwrap();
        let made: Vec<PathBuf> = (0..3).map(|_| new_aside(data.path()).unwrap()).collect();
        assert!(made[0] != made[1] && made[1] != made[2] && made[0] != made[2], "{made:?}");
        assert_eq!(fs::metadata(&made[2]).unwrap().permissions().mode() & 0o777, 0o700);
        let error = create_private_directory(&made[0], data.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    }

    #[test]
    fn what_cannot_be_moved_back_is_in_the_error() {
        let data = tempfile::tempdir().unwrap();
        let at = |name: &str| data.path().join(name);
        fs::write(at("old"), "old").unwrap();
        let mut moves = Moves::default();
        let aside = moves.aside(data.path()).unwrap();
        moves.rename(at("old"), aside.join("old")).unwrap();
        moves.done.push((at("lost"), aside.join("lost")));
        let error = moves.undo(&io::Error::other("the disk is full")).to_string();
        let expected = format!(
            "the disk is full; {} can't be moved back to {}: ",
            aside.join("lost").display(),
            at("lost").display()
        );
        assert!(error.starts_with(&expected), "{error}");
        assert_eq!(fs::read(at("old")).unwrap(), b"old");
        assert!(!aside.exists());
    }
}
