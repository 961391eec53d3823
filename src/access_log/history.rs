//! Reads what the log says of one person.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Entry;
use super::rotation::older;
use crate::error::{DataError, Operation, Result};

/// Older files that are looked for; more than `--access-log-keep` allows.
const MAX_OLDER: u32 = 10_000;
/// Longest line that is read, bytes: a list of a thousand people takes 30 KB.
const MAX_LINE_BYTES: u64 = 1024 * 1024;

/// What the log says of a person.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Oldest first.
    pub entries: Vec<Entry>,
    /// Lines that can't be read: cut off, or not of this log.
    pub unreadable: u64,
}

/// The entries about a person in the log at `path` and its older files.
///
/// # Errors
/// [`Error::Data`](crate::error::Error::Data) when there is no log, or a file can't be read.
pub fn history(path: &Path, person_id: &str) -> Result<History> {
    let failed = DataError::io(format!("the access log {}", path.display()), Operation::Read);
    let mut history = History::default();
    for file in open_all(path).map_err(&failed)? {
        read(BufReader::new(file), person_id, &mut history).map_err(&failed)?;
    }
    Ok(history)
}

/// All files, oldest first. They are opened newest first: one that is rotated meanwhile is met twice, and never missed.
fn open_all(path: &Path) -> io::Result<Vec<File>> {
    let mut files = vec![File::open(path)?];
    for n in 1..=MAX_OLDER {
        match File::open(older(path, n)) {
            Ok(file) => files.push(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        }
    }
    let mut seen = HashSet::new();
    let mut once = Vec::new();
    for file in files {
        let found = file.metadata()?;
        if seen.insert((found.dev(), found.ino())) {
            once.push(file);
        }
    }
    once.reverse();
    Ok(once)
}

fn read(mut file: impl BufRead, person_id: &str, history: &mut History) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if file.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        match Entry::from_line(&line) {
            Some(entry) if entry.concerns(person_id) => history.entries.push(entry),
            Some(_) => {}
            None if line.iter().all(u8::is_ascii_whitespace) => {}
            None => history.unreadable += 1,
        }
    }
}
