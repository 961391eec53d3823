//! The findings that somebody has looked at and kept: `audit-dismissals.json` in the data directory.
//!
//! Who writes it holds the lock on the directory. The file holds ids, and no names.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use crate::atomic_file;
use crate::error::{DataError, InputError, Operation, Result};
use crate::gallery::Gallery;

/// Name of the file in the data directory.
pub const FILE_NAME: &str = "audit-dismissals.json";

/// What a dismissed finding is about. Once one of them is gone, so is the dismissal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subjects {
    /// Ids of the people.
    people: Vec<String>,
    /// Id of the photo, of the first person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    photo_id: Option<String>,
}

/// The dismissed findings, by [`Finding::key`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dismissals(BTreeMap<String, Subjects>);

impl Subjects {
    fn of(finding: &Finding) -> Self {
        let photo_id = match finding {
            Finding::UnlikePhoto { photo_id, .. } => Some(photo_id.clone()),
            _ => None,
        };
        Self { people: finding.people().map(|person| person.id.clone()).collect(), photo_id }
    }

    fn are_enrolled(&self, gallery: &Gallery) -> bool {
        let has_photo = |person: &str, photo: &str| {
            gallery.person(person).is_some_and(|person| person.photos.iter().any(|own| own.id == photo))
        };
        let photo = self.people.first().zip(self.photo_id.as_ref());
        self.people.iter().all(|id| gallery.person(id).is_some())
            && photo.is_none_or(|(person, photo)| has_photo(person, photo))
    }
}

impl Dismissals {
    /// Reads the file of the data directory; none where there is no file.
    ///
    /// # Errors
    /// [`Error::Data`](crate::error::Error::Data) when it can't be read. The file stays as it is.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = path(directory);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                let reason = format!(
                    "expected a JSON object of dismissed findings, found {error}; correct the file, or move it away: the \
                     findings are listed again then"
                );
                DataError::content(shown(&path), Operation::Read, reason)
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(DataError::io(shown(&path), Operation::Read)(error)),
        }
    }

    /// Whether the finding with this key was dismissed.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Writes the file, which only its owner may read. Blocks on the disk.
    fn write(&self, directory: &Path) -> Result<()> {
        let path = path(directory);
        let write = |to: &mut dyn io::Write| Ok(serde_json::to_writer_pretty(to, self)?);
        let written = atomic_file::replace_private(&path, write).map(drop);
        written.map_err(DataError::io(shown(&path), Operation::Write))
    }
}

/// Dismisses one of `findings`; already dismissed, it stays so. Dismissals of people and photos that are gone are
/// dropped. The caller holds the lock on the directory. Blocks on the disk.
///
/// # Errors
/// [`InputError::NotFound`] where no finding has the key; [`Error::Data`](crate::error::Error::Data) when the file can't
/// be read or written.
pub fn dismiss(directory: &Path, gallery: &Gallery, findings: &[Finding], key: &str) -> Result<()> {
    let finding = findings.iter().find(|finding| finding.key() == key).ok_or_else(|| {
        InputError::NotFound(
            "expected the key of a finding; the audit lists them, and has none with this key".to_owned(),
        )
    })?;
    let mut dismissals = Dismissals::read(directory)?;
    dismissals.0.retain(|_, subjects| subjects.are_enrolled(gallery));
    dismissals.0.insert(key.to_owned(), Subjects::of(finding));
    dismissals.write(directory)
}

/// Withdraws a dismissal: the finding is listed again. The caller holds the lock on the directory. Blocks on the disk.
///
/// # Errors
/// [`InputError::NotFound`] where the key was not dismissed; [`Error::Data`](crate::error::Error::Data) when the file
/// can't be read or written.
pub fn withdraw(directory: &Path, key: &str) -> Result<()> {
    let mut dismissals = Dismissals::read(directory)?;
    if dismissals.0.remove(key).is_none() {
        return Err(InputError::NotFound("no finding with this key was dismissed".to_owned()).into());
    }
    dismissals.write(directory)
}

fn path(directory: &Path) -> PathBuf {
    directory.join(FILE_NAME)
}

fn shown(path: &Path) -> String {
    format!("the file of dismissed findings {}", path.display())
}
