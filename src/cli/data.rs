//! The data directory: paths of gallery and roster, and how they are opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use super::output;
use crate::error::Result;
use crate::gallery::writer::{DirectoryLock, GALLERY};
use crate::gallery::{Gallery, store};
use crate::reloadable::Reloadable;
use crate::roster::{self, ROSTER, Roster};
use crate::thumbnails::{ThumbnailStore, Thumbnails};

/// The gallery that a command is about to replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// None, or one without people.
    Nothing,
    /// A gallery with this many people.
    People(usize),
    /// A gallery that can't be read.
    Unreadable,
}

impl Replaced {
    /// Prints what was replaced.
    ///
    /// # Errors
    /// When standard output can't be written to.
    pub fn print(self) -> anyhow::Result<()> {
        match self {
            Self::Nothing => Ok(()),
            Self::People(people) => output::line(format_args!("replaced a gallery of {people} people")),
            Self::Unreadable => output::line("replaced a gallery that could not be read"),
        }
    }
}

/// The files of a data directory.
#[derive(Debug, Clone)]
pub struct DataDirectory(PathBuf);

impl DataDirectory {
    /// The directory at `path`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.to_path_buf())
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0
    }

    /// `gallery.bin`: the enrolled people.
    #[must_use]
    pub fn gallery(&self) -> PathBuf {
        self.0.join(store::FILE_NAME)
    }

    /// `roster.xlsx`, `roster.ods` or `roster.csv`: the IDs. Of several the first; without any, that of Excel.
    #[must_use]
    pub fn roster(&self) -> PathBuf {
        let [xlsx, others @ ..] = roster::paths(&self.0);
        [&xlsx].into_iter().chain(&others).find(|path| path.exists()).unwrap_or(&xlsx).clone()
    }

    /// `people`: photos to enrol where there is no gallery yet.
    #[must_use]
    pub fn people(&self) -> PathBuf {
        self.0.join("people")
    }

    /// Creates the directory if missing, and locks it for writing.
    ///
    /// # Errors
    /// When another process holds the lock, or the directory can't be written to.
    pub fn lock(&self) -> anyhow::Result<DirectoryLock> {
        std::fs::create_dir_all(&self.0)
            .with_context(|| format!("the directory {} can't be created", self.0.display()))?;
        Ok(DirectoryLock::acquire(&self.0)?)
    }

    /// Opens the gallery, to be kept up to date.
    ///
    /// # Errors
    /// When it is missing or can't be read.
    pub fn open_gallery(&self) -> Result<Reloadable<Gallery>> {
        Reloadable::open(&self.gallery(), GALLERY)
    }

    /// Checks that there is a gallery.
    ///
    /// # Errors
    /// When there is none, with how to create one.
    pub fn ensure_gallery(&self) -> anyhow::Result<()> {
        let path = self.gallery();
        if !path.exists() {
            anyhow::bail!(
                "{} is missing: create it with `facerec enroll PEOPLE_DIR --data {1}` or `facerec import-pickle \
                 FILE --data {1}`",
                path.display(),
                self.0.display()
            );
        }
        Ok(())
    }

    /// Reads the gallery.
    ///
    /// # Errors
    /// As [`DataDirectory::ensure_gallery`]; when it is broken.
    pub fn read_gallery(&self) -> anyhow::Result<Gallery> {
        self.ensure_gallery()?;
        Ok(store::read(&self.gallery())?)
    }

    /// Replaces the gallery, has that recorded by `record`, and removes the thumbnails whose photos are not in it. This process
    /// holds the lock.
    ///
    /// # Errors
    /// When it can't be written; else what `record` says, or [`DataDirectory::sweep_thumbnails`].
    pub fn write_gallery(
        &self,
        gallery: &Gallery,
        record: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        store::write(&self.gallery(), gallery)?;
        let recorded = record();
        let swept = self.sweep_thumbnails(gallery);
        recorded?;
        swept.map(drop)
    }

    /// Removes the thumbnails whose photos are not in `gallery`, which was written, and returns how many. This process holds the
    /// lock.
    ///
    /// # Errors
    /// When one can't be removed; all others are, and what was done before is done.
    pub fn sweep_thumbnails(&self, gallery: &Gallery) -> anyhow::Result<usize> {
        let swept = Thumbnails::open(&self.0).and_then(|kept| kept.sweep(&|| Arc::new(gallery.clone())));
        swept.context("it is done, but thumbnails of deleted photos remain, which the next start of the service tries to remove again")
    }

    /// The gallery that a new one replaces. One with people only if `replace` is set: they can't be
    /// recovered.
    ///
    /// # Errors
    /// Without `replace`, when people are enrolled or the gallery can't be read.
    pub fn replaced(&self, replace: bool) -> anyhow::Result<Replaced> {
        const EXPECTED: &str = "expected --replace, or a data directory without people";
        let path = self.gallery();
        let gallery = match path.try_exists() {
            Ok(false) => return Ok(Replaced::Nothing),
            _ => store::read(&path),
        };
        match gallery {
            Ok(gallery) if gallery.is_empty() => Ok(Replaced::Nothing),
            Ok(gallery) if replace => Ok(Replaced::People(gallery.len())),
            Err(_) if replace => Ok(Replaced::Unreadable),
            Ok(gallery) => {
                anyhow::bail!("{} holds {} people: {EXPECTED}", path.display(), gallery.len())
            }
            Err(error) => anyhow::bail!("{error}: {EXPECTED}"),
        }
    }

    /// Opens the roster. Without a file it is empty, and a warning is logged.
    ///
    /// # Errors
    /// When the file exists but can't be read.
    pub fn open_roster(&self) -> anyhow::Result<Reloadable<Roster>> {
        let [path, others @ ..] = roster::paths(&self.0);
        let opened = Reloadable::open_any(&path, others.to_vec(), ROSTER);
        opened.with_context(|| format!("{} can't be used", self.roster().display()))
    }
}

/// Prints the warnings of the roster, which is `shown`, on standard error.
pub fn note_warnings(shown: &str, is_there: bool, roster: &Roster) {
    if !is_there {
        output::note(format_args!("facerec: {shown} is missing: no IDs are found"));
    }
    for warning in roster.warnings() {
        output::note(format_args!("facerec: {shown}: {warning}"));
    }
}
