//! Where a directory of people or a pickle is enrolled: what is there before, and how all of it gets there or nothing.

use std::sync::{Arc, OnceLock};

use anyhow::{Context, bail, ensure};

use super::command_log::CommandLog;
use super::data::{DataDirectory, Replaced};
use super::place::{Kept, Place};
use crate::config::{DatabaseParams, ModelName};
use crate::error::{InputError, Result};
use crate::gallery::writer::DirectoryLock;
use crate::gallery::{Gallery, Recipe};
use crate::postgres::{Database, examine};

/// What becomes of the people who are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// More come to them.
    Add,
    /// Others take their place.
    Replace,
    /// There must be nobody.
    New,
}

impl Mode {
    /// That of a command with `--replace`.
    pub(super) fn of(replace: bool) -> Self {
        if replace { Self::Replace } else { Self::New }
    }
}

/// What leads from the newest people to those with the enrolled ones.
pub(super) type Join = Box<dyn FnOnce(&Gallery) -> Result<Gallery> + Send>;

/// A place that people are written to, or would be.
pub(super) enum Target {
    Directory { data: DataDirectory, mode: Mode, lock: Option<DirectoryLock> },
    Database { params: DatabaseParams, mode: Mode, kept: Option<Box<dyn Kept>> },
}

impl Target {
    /// The place, with the right to write to it.
    ///
    /// # Errors
    /// When somebody is there who is neither added to nor replaced; when another process writes to the directory; when the database
    /// can't be used.
    pub(super) fn open(place: &Place, mode: Mode) -> anyhow::Result<(Self, Replaced)> {
        match place {
            Place::Directory(data) => {
                let lock = Some(data.lock()?);
                let replaced = match mode {
                    Mode::Add => Replaced::Nothing,
                    Mode::Replace | Mode::New => data.replaced(mode == Mode::Replace)?,
                };
                Ok((Self::Directory { data: data.clone(), mode, lock }, replaced))
            }
            Place::Database(params) => {
                let found = examine(&Database::new(params)?)?;
                let people = found.as_ref().map_or(0, |found| found.people);
                ensure!(
                    people == 0 || mode != Mode::New,
                    "the database holds {people} people: {}",
                    expected_nobody()
                );
                let replaced = match mode {
                    Mode::Replace if people > 0 => Replaced::People(usize::try_from(people)?),
                    _ => Replaced::Nothing,
                };
                Ok((Self::in_database(place, params, mode, found.is_some())?, replaced))
            }
        }
    }

    /// The place for a dry run, which is only read.
    ///
    /// # Errors
    /// When the database can't be used.
    pub(super) fn read(place: &Place, mode: Mode) -> anyhow::Result<Self> {
        match place {
            Place::Directory(data) => Ok(Self::Directory { data: data.clone(), mode, lock: None }),
            Place::Database(params) => {
                let found = examine(&Database::new(params)?)?;
                Self::in_database(place, params, mode, found.is_some())
            }
        }
    }

    /// The people of the database are read now. One that is new gets tables only once there is something to write.
    fn in_database(
        place: &Place,
        params: &DatabaseParams,
        mode: Mode,
        has_tables: bool,
    ) -> anyhow::Result<Self> {
        let kept = if has_tables { Some(place.open()?) } else { None };
        Ok(Self::Database { params: params.clone(), mode, kept })
    }

    /// The people to whom others come, or nobody with the recipe that their embeddings must have; `None` for a new place.
    ///
    /// # Errors
    /// When they can't be read.
    pub(super) fn base(&self) -> anyhow::Result<Option<Gallery>> {
        match self {
            Self::Directory { data, mode: Mode::Add, .. } if data.gallery().exists() => {
                Ok(Some(data.read_gallery()?))
            }
            Self::Directory { .. } => Ok(None),
            Self::Database { mode, kept, .. } => {
                let people = kept.as_ref().map(|kept| kept.people().current());
                Ok(people.map(|people| match mode {
                    Mode::Add => (*people).clone(),
                    Mode::Replace | Mode::New => Gallery::empty(people.recipe().clone()),
                }))
            }
        }
    }

    /// Refuses another model than that of a database; a directory gets another one with `--replace`.
    ///
    /// # Errors
    /// When another one is asked for.
    pub(super) fn ensure_model(&self, asked: Option<ModelName>, recipe: &Recipe) -> anyhow::Result<()> {
        let (Self::Database { .. }, Some(asked)) = (self, asked) else { return Ok(()) };
        ensure!(
            asked.as_str() == recipe.model,
            "expected --model {}, which the database was made for, or none, found {}: people of another model need another database",
            recipe.model,
            asked.as_str()
        );
        Ok(())
    }

    /// What is written, in words.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Directory { data, .. } => data.gallery().display().to_string(),
            Self::Database { .. } => "people to the database".to_owned(),
        }
    }

    /// Writes a gallery in the place of everybody.
    ///
    /// # Errors
    /// When it can't be written, and then nothing has changed; when that can't be recorded.
    pub(super) fn write(self, gallery: &Gallery, log: &CommandLog) -> anyhow::Result<()> {
        match self {
            Self::Directory { data, lock, .. } => {
                let _lock = lock.context("expected the lock on the directory, found none")?;
                let old = data.read_gallery().ok(); // one that can't be read is replaced
                data.write_gallery(gallery, || log.record_change(old.as_ref(), gallery))
            }
            Self::Database { .. } => {
                let all = gallery.clone();
                self.edit(gallery.recipe(), Box::new(move |_| Ok(all)), log).map(drop)
            }
        }
    }

    /// Changes the people of a database, and returns those afterwards with their place. One that is new begins with `recipe`.
    ///
    /// # Errors
    /// When `join` refuses or it can't be written, and then nothing has changed; when that can't be recorded.
    pub(super) fn edit(
        self,
        recipe: &Recipe,
        join: Join,
        log: &CommandLog,
    ) -> anyhow::Result<(Arc<Gallery>, Box<dyn Kept>)> {
        let Self::Database { params, mode, kept } = self else {
            bail!("expected a database, found a directory")
        };
        let kept = match kept {
            Some(kept) => kept,
            None => Place::Database(params).open_or_new(recipe)?,
        };
        let before = Arc::new(OnceLock::new());
        let seen = Arc::clone(&before);
        let edit = Box::new(move |newest: &Gallery| {
            // Services may have enrolled people since it was looked at.
            if mode == Mode::New && !newest.is_empty() {
                let message = format!("the database holds {} people: {}", newest.len(), expected_nobody());
                return Err(InputError::Conflict(message).into());
            }
            let _ = seen.set(newest.clone());
            join(newest)
        });
        let after = kept.edit(edit, &mut |after| log.record_change(before.get(), after))?;
        Ok((after, kept))
    }
}

fn expected_nobody() -> &'static str {
    "expected --replace, or a database without people"
}
