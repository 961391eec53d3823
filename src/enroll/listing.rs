//! What lies in a directory with one subdirectory per person, named as the person, holding the photos.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::error::{DataError, Operation, Result};
use crate::file_name::FileName;
use crate::person_name::PersonName;

/// A photo of a directory of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPhoto {
    /// The person: the directory's name.
    pub name: PersonName,
    /// The file.
    pub path: PathBuf,
}

impl ListedPhoto {
    /// The file's name, as it is enrolled.
    pub(super) fn file_name(&self) -> Option<FileName> {
        FileName::of(&self.path.file_name()?.to_string_lossy())
    }
}

/// Something in the directory that can't be a photo of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// What.
    pub path: PathBuf,
    /// Why: what was expected and found.
    pub why: String,
}

/// What lies in a directory of people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeopleListing {
    /// Everyone with a directory, once, sorted by it; also those without a photo in it.
    pub people: Vec<PersonName>,
    /// Sorted by the person's directory, then by file.
    pub photos: Vec<ListedPhoto>,
    /// What was left out, hidden files apart.
    pub skipped: Vec<Skipped>,
}

/// Lists `directory`: in it one directory a person, in each of them files. Hidden ones are left out.
///
/// # Errors
/// [`crate::error::Error::Data`] when `directory` itself can't be read; anything in it that can't be used is
/// [`Skipped`].
pub fn list_people(directory: &Path) -> Result<PeopleListing> {
    let people = entries(directory)
        .map_err(DataError::io(format!("the directory {}", directory.display()), Operation::Read))?;
    let (mut contents, mut names) = (PeopleListing::default(), HashMap::new());
    for path in people {
        match person_of(&path, &names)
            .and_then(|name| Ok((name, entries(&path).map_err(|error| format!("can't be read: {error}"))?)))
        {
            Ok((name, files)) => {
                if files.is_empty() {
                    let why = "expected photos in the directory, found none".to_owned();
                    contents.skipped.push(Skipped { path, why });
                }
                contents.add(&name, files);
                if names.insert(name.key().to_owned(), name.clone()).is_none() {
                    contents.people.push(name);
                }
            }
            Err(why) => contents.skipped.push(Skipped { path, why }),
        }
    }
    Ok(contents)
}

impl PeopleListing {
    /// A file that can't be read is found out when it is read; what is no file is not opened: a pipe
    /// would never end.
    fn add(&mut self, name: &PersonName, files: Vec<PathBuf>) {
        for path in files {
            match std::fs::metadata(&path) {
                Ok(about) if !about.is_file() => {
                    let why = "expected a photo, found no file".to_owned();
                    self.skipped.push(Skipped { path, why });
                }
                _ => self.photos.push(ListedPhoto { name: name.clone(), path }),
            }
        }
    }
}

/// The person of a directory, when `others`, by key, have theirs.
fn person_of(
    directory: &Path,
    others: &HashMap<String, PersonName>,
) -> std::result::Result<PersonName, String> {
    if !directory.is_dir() {
        return Err("expected a directory named as a person, found something else".to_owned());
    }
    let name = directory.file_name().and_then(|name| name.to_str());
    let name = name.ok_or("expected a name in Unicode (UTF-8), found other bytes")?;
    let name = PersonName::parse_new(name).map_err(|error| error.to_string())?;
    match others.get(name.key()) {
        Some(other) if *other != name => Err(format!(
            "expected another name, found that of the directory \"{other}\" in another spelling: put the photos of one \
             person together, or tell two people apart"
        )),
        _ => Ok(name),
    }
}

fn entries(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}
