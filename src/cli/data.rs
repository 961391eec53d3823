//! The data folder: where gallery and roster lie, and how they are read at the start.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::error::Result;
use crate::gallery::writer::FolderLock;
use crate::gallery::{Gallery, store};
use crate::roster::Roster;

/// The files of a data folder.
#[derive(Debug, Clone)]
pub struct DataFolder(PathBuf);

impl DataFolder {
    /// The folder at `path`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.to_path_buf())
    }

    /// `gallery.bin`: the enrolled people.
    #[must_use]
    pub fn gallery(&self) -> PathBuf {
        self.0.join("gallery.bin")
    }

    /// `roster.xlsx`: the IDs.
    #[must_use]
    pub fn roster(&self) -> PathBuf {
        self.0.join("roster.xlsx")
    }

    /// `people`: photos to enrol where there is no gallery yet.
    #[must_use]
    pub fn people(&self) -> PathBuf {
        self.0.join("people")
    }

    /// Makes the folder if need be, and takes the right to write its gallery.
    ///
    /// # Errors
    /// When another process has it, or the folder can't be written to.
    pub fn lock(&self) -> anyhow::Result<FolderLock> {
        std::fs::create_dir_all(&self.0)
            .with_context(|| format!("the folder {} can't be made", self.0.display()))?;
        Ok(FolderLock::acquire(&self.0)?)
    }

    /// Reads the gallery.
    ///
    /// # Errors
    /// When it is missing, with how to make one; when it is broken.
    pub fn read_gallery(&self) -> anyhow::Result<Gallery> {
        let path = self.gallery();
        if !path.exists() {
            anyhow::bail!(
                "{} is missing: make it with `facerec enroll PEOPLE_DIR --data {1}` or `facerec import-pickle \
                 FILE --data {1}`",
                path.display(),
                self.0.display()
            );
        }
        Ok(store::read(&path)?)
    }

    /// Reads the roster; a folder without one has an empty one, and its log says so.
    ///
    /// # Errors
    /// When it is there but can't be read.
    pub fn read_roster(&self) -> anyhow::Result<Roster> {
        let path = self.roster();
        if !path.exists() {
            tracing::warn!(path = %path.display(), "there is no roster: every ID will be \"ID not found\"");
            return Ok(Roster::default());
        }
        let roster = read_roster_file(&path).with_context(|| format!("{} can't be used", path.display()))?;
        for warning in roster.warnings() {
            tracing::warn!(path = %path.display(), warning, "the roster was read, but");
        }
        Ok(roster)
    }
}

/// Reads a workbook.
///
/// # Errors
/// [`crate::error::Error::Data`] when it can't be read or is no roster.
pub fn read_roster_file(path: &Path) -> Result<Roster> {
    let bytes = std::fs::read(path)
        .map_err(|reason| crate::error::Error::Data(format!("{} can't be read: {reason}", path.display())))?;
    Roster::from_xlsx(&bytes)
}
