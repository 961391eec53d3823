//! The findings that somebody has looked at and kept: `audit-dismissals.json` in the data directory, or a database.
//!
//! Who writes the file holds the lock on the directory. It holds ids, and no names.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use crate::atomic_file;
use crate::error::{DataError, Error, InputError, Operation, Result};
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

/// A change of the dismissed findings.
pub type Change<'c> = Box<dyn FnOnce(&mut Dismissals) -> Result<()> + 'c>;

/// Where the dismissed findings are kept.
pub trait DismissalStore: Send + Sync {
    /// All of them.
    ///
    /// # Errors
    /// When they can't be read.
    fn read(&self) -> Result<Dismissals>;

    /// Changes them; durable when this returns. Changes take turns. Blocks on the disk or the network.
    ///
    /// # Errors
    /// What `change` says, and then nothing has changed; when they can't be read or written.
    fn change(&self, change: Change<'_>) -> Result<()>;
}

impl Dismissals {
    /// Whether the finding with this key was dismissed.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those of a file.
    ///
    /// # Errors
    /// What was found instead.
    pub fn from_json(bytes: &[u8]) -> std::result::Result<Self, String> {
        serde_json::from_slice(bytes)
            .map_err(|error| format!("expected a JSON object of dismissed findings, found {error}"))
    }

    /// As they stand in a file.
    ///
    /// # Errors
    /// [`Error::Internal`] when JSON can't hold them.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self)
            .map_err(|error| Error::Internal(format!("dismissed findings as JSON: {error}")))
    }

    /// Dismisses one of `findings`; already dismissed, it stays so. Dismissals of people and photos that are gone are
    /// dropped.
    ///
    /// # Errors
    /// [`InputError::NotFound`] where no finding has the key.
    pub fn dismiss(&mut self, gallery: &Gallery, findings: &[Finding], key: &str) -> Result<()> {
        let finding = findings.iter().find(|finding| finding.key() == key).ok_or_else(|| {
            InputError::NotFound(
                "expected the key of a finding; the audit lists them, and has none with this key".to_owned(),
            )
        })?;
        self.0.retain(|_, subjects| subjects.are_enrolled(gallery));
        self.0.insert(key.to_owned(), Subjects::of(finding));
        Ok(())
    }

    /// Withdraws a dismissal: the finding is listed again.
    ///
    /// # Errors
    /// [`InputError::NotFound`] where the key was not dismissed.
    pub fn withdraw(&mut self, key: &str) -> Result<()> {
        if self.0.remove(key).is_none() {
            return Err(InputError::NotFound("no finding with this key was dismissed".to_owned()).into());
        }
        Ok(())
    }
}

/// The file of a data directory, on which the user holds the lock for changes.
pub struct DismissalFile {
    path: PathBuf,
    /// Held while it is changed.
    changing: Mutex<()>,
}

impl DismissalFile {
    /// That of the data directory `directory`; it need not be there.
    #[must_use]
    pub fn of(directory: &Path) -> Self {
        Self { path: directory.join(FILE_NAME), changing: Mutex::default() }
    }

    /// Writes the file, which only its owner may read.
    fn write(&self, dismissals: &Dismissals) -> Result<()> {
        let json = dismissals.to_json()?;
        let written = atomic_file::replace_private(&self.path, |to| to.write_all(json.as_bytes())).map(drop);
        written.map_err(DataError::io(shown(&self.path), Operation::Write))
    }
}

impl DismissalStore for DismissalFile {
    /// None where there is no file. One that can't be read stays as it is.
    fn read(&self) -> Result<Dismissals> {
        match fs::read(&self.path) {
            Ok(bytes) => Dismissals::from_json(&bytes).map_err(|reason| {
                let advice = "correct the file, or move it away: the findings are listed again then";
                DataError::content(shown(&self.path), Operation::Read, format!("{reason}; {advice}"))
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Dismissals::default()),
            Err(error) => Err(DataError::io(shown(&self.path), Operation::Read)(error)),
        }
    }

    fn change(&self, change: Change<'_>) -> Result<()> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dismissals = self.read()?;
        change(&mut dismissals)?;
        self.write(&dismissals)
    }
}

fn shown(path: &Path) -> String {
    format!("the file of dismissed findings {}", path.display())
}
