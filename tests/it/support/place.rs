//! Where the people of a command are: a data directory, and a database. What holds for one holds for the other.

use std::path::Path;
use std::process::{Command, Output};

use facerec::attendance::{AttendanceStore, Channels, SqliteStore};
use facerec::gallery::backend::PeopleBackend;
use facerec::gallery::{Gallery, store};
use facerec::postgres::{PostgresAttendance, PostgresPeople, examine};

use super::outcome::done;
use super::postgres::{TestDatabase, database};
use super::server::facerec;

/// A place with people.
pub struct Place {
    /// A data directory; beside a database one without people.
    folder: tempfile::TempDir,
    database: Option<TestDatabase>,
}

impl Place {
    /// What the directories that `make` makes hold, in each kind of place.
    pub fn each(make: impl Fn() -> tempfile::TempDir) -> Vec<Self> {
        let taken_over = database().map(|database| {
            let folder = make();
            let mut migrate = facerec();
            migrate.args(["migrate", "--database-url", &database.url(), "--data"]).arg(folder.path());
            done(&migrate.output().unwrap());
            for entry in folder.path().read_dir().unwrap().map(Result::unwrap) {
                if entry.path().is_file() {
                    std::fs::remove_file(entry.path()).unwrap();
                }
            }
            Self { folder, database: Some(database) }
        });
        std::iter::once(Self { folder: make(), database: None }).chain(taken_over).collect()
    }

    /// Without anything, each kind.
    pub fn each_new() -> Vec<Self> {
        let new = |database| Self { folder: tempfile::tempdir().unwrap(), database };
        std::iter::once(new(None)).chain(database().map(|database| new(Some(database)))).collect()
    }

    /// A folder for the files of a test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn is_database(&self) -> bool {
        self.database.is_some()
    }

    /// What `messages` begin with that name the place of the people.
    pub fn shown(&self) -> String {
        match &self.database {
            Some(_) => "the database".to_owned(),
            None => self.folder().join("gallery.bin").display().to_string(),
        }
    }

    /// The program with these arguments on the people of the place.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = facerec();
        command.args(arguments);
        match &self.database {
            Some(database) => command.args(["--database-url", &database.url()]),
            None => command.arg("--data").arg(self.folder()),
        };
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Attendance, as it is stored.
    pub fn attendance(&self) -> Box<dyn AttendanceStore> {
        let channels = Channels::default();
        match &self.database {
            Some(database) => Box::new(PostgresAttendance::open(database.open(), channels).unwrap()),
            None => Box::new(SqliteStore::open(self.folder(), channels).unwrap()),
        }
    }

    /// The people, as they are stored.
    pub fn gallery(&self) -> Gallery {
        self.try_gallery().expect("somebody is enrolled")
    }

    /// The same; `None` where nothing was ever written.
    pub fn try_gallery(&self) -> Option<Gallery> {
        let Some(database) = &self.database else {
            let path = self.folder().join(store::FILE_NAME);
            return path.exists().then(|| store::read(&path).unwrap());
        };
        let found = examine(&database.open()).unwrap()?;
        let people = PostgresPeople::open(database.open(), &found.recipe, Ok).unwrap();
        Some((*people.current()).clone())
    }
}
