//! `facerec people`: lists, shows, renames, removes, exports and imports people, and forgets all that is held about one. People are
//! those of a data directory, of a database or, as far as its API offers it, of a running service.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};

use super::client::{Client, KeyArgs};
use super::command_log::CommandLog;
use super::data::DataDirectory;
use super::files_only::FilesOnlyArgs;
use super::log_place;
use super::output::JsonArgs;
use super::url::url;
use crate::access_log::history;
use crate::attendance::Forget;
use crate::config::{AccessLogArgs, DatabaseArgs, DatabaseParams, LogPlace};
use crate::postgres::{Database, is_enrolled};

mod change;
mod exchange;
mod file;
mod forget;
mod read;
mod remote;
mod stored;

use stored::Stored;

/// The arguments of `facerec people`.
#[derive(Debug, Args)]
pub struct PeopleArgs {
    #[command(subcommand)]
    action: Action,
}

impl PeopleArgs {
    /// Whether JSON is printed.
    pub(super) fn json(&self) -> bool {
        matches!(&self.action, Action::List { json, .. } | Action::Show { json, .. } if json.json)
    }
}

/// Where the people are, and where it is recorded that a directory's were read or changed.
#[derive(Debug, Args)]
struct PlaceArgs {
    /// The data directory; for a change one that no running service uses
    #[arg(long, env = "FACEREC_DATA", value_name = "DIR", required_unless_present_any = ["url", "database_url"])]
    data: Option<PathBuf>,
    /// In place of the directory, the service at this URL, which may be running on it
    #[arg(long, env = "FACEREC_URL", value_name = "URL", value_parser = url)]
    url: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    access_log: AccessLogArgs,
}

/// A data directory, a database or a running service.
enum Place {
    Directory(DataDirectory),
    Database(DatabaseParams),
    Service(Client),
}

impl PlaceArgs {
    fn place(&self) -> anyhow::Result<Place> {
        match (&self.url, self.database.params()) {
            (Some(url), _) => Ok(Place::Service(Client::new(url, &self.key)?)),
            (None, Some(database)) => Ok(Place::Database(database)),
            (None, None) => Ok(Place::Directory(self.directory()?)),
        }
    }

    /// For what the API does not offer: embeddings are not handed out.
    fn directory(&self) -> anyhow::Result<DataDirectory> {
        ensure!(
            self.url.is_none(),
            "expected --data DIR, found --url: a service neither hands out embeddings nor takes any. `facerec people export` \
             reads the directory of a running service, too; import while it is stopped, or add photos with `facerec enroll \
             PEOPLE_DIR --add --url URL`"
        );
        ensure!(
            self.database.params().is_none(),
            "expected a data directory, found --database-url: `facerec migrate --export` writes one from the database, and \
             `facerec migrate` takes one over"
        );
        Ok(DataDirectory::new(self.data.as_deref().context("expected --data DIR, found none")?))
    }
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the enrolled people: id, number of photos, name, last day
    List {
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        place: PlaceArgs,
        #[command(flatten)]
        json: JsonArgs,
    },
    /// Show a person with the last day, the roster's or the person's own, and who looked the person up
    Show {
        /// The person's id
        id: String,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        place: PlaceArgs,
        /// Print the entries of the access log about the person, oldest first, as JSON lines; also of a deleted person
        #[arg(long, env = "FACEREC_HISTORY", requires = "access_log", value_parser = BoolishValueParser::new())]
        history: bool,
        #[command(flatten)]
        json: JsonArgs,
    },
    /// Give a person another name; photos, ID and attendance stay
    Rename {
        /// The person's id
        id: String,
        /// The new name
        name: String,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        place: PlaceArgs,
    },
    /// Remove people with their photos; attendance stays, which `facerec people forget` removes, too
    Remove {
        /// The people's ids
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        place: PlaceArgs,
        /// Don't ask; needed where there is no terminal
        #[arg(long, short, env = "FACEREC_YES", value_parser = BoolishValueParser::new())]
        yes: bool,
    },
    /// Write people with their embeddings, without photos, into a file for `facerec people import`
    Export {
        /// The people's ids [default: everybody]
        #[arg(value_name = "ID")]
        ids: Vec<String>,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        place: PlaceArgs,
        /// File that is written, for its owner only; in a directory people.json
        #[arg(long, short, env = "FACEREC_OUTPUT", value_name = "FILE")]
        output: PathBuf,
        /// Replace a file that is there
        #[arg(long, env = "FACEREC_FORCE", value_parser = BoolishValueParser::new())]
        force: bool,
    },
    /// Add the people of an exported file to a gallery of the same model and margin: all of them or, on an error, nobody
    Import {
        /// The file that `facerec people export` wrote
        file: PathBuf,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        place: PlaceArgs,
    },
    /// Remove all that is held about a person, and say what remains elsewhere
    Forget {
        /// The person's id
        id: String,
        /// The data directory, which no running service uses
        #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
        data: PathBuf,
        /// Keep the person's entries of attendance for the counts, without name, ID, photo and note
        #[arg(long, env = "FACEREC_ANONYMISE", value_parser = BoolishValueParser::new())]
        anonymise: bool,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        files: FilesOnlyArgs,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        access_log: AccessLogArgs,
    },
}

/// What the access log says of a person, which lies where the arguments say.
fn show_history(id: &str, place: &PlaceArgs) -> anyhow::Result<()> {
    match (place.place()?, &place.access_log.access_log) {
        (Place::Service(_), _) => {
            bail!("expected --data DIR with --history, found --url: the access log is read where it lies")
        }
        (Place::Database(database), Some(LogPlace::Database)) => stored::show_history(id, &database),
        (Place::Database(database), Some(LogPlace::File(path))) => {
            read::show_history(&history(path, id)?, is_enrolled(&Database::new(&database)?, id)?)
        }
        (Place::Directory(data), Some(LogPlace::File(path))) => {
            read::show_history(&history(path, id)?, data.read_gallery()?.person(id).is_some())
        }
        (Place::Directory(_), _) | (_, None) => log_place::in_database(None).map(drop),
    }
}

/// Runs the command.
///
/// # Errors
/// When a file can't be read or written, another process writes to the data directory, a service can't be reached or refuses, or
/// there is no such person.
pub fn run(args: &PeopleArgs) -> anyhow::Result<ExitCode> {
    match &args.action {
        Action::List { place, json } => match place.place()? {
            Place::Directory(data) => {
                let log = CommandLog::open(&place.access_log)?;
                read::list(&read::read(&data)?, &log, json.json)?;
            }
            Place::Database(database) => Stored::open(&database, &place.access_log)?.list(json.json)?,
            Place::Service(service) => read::print_list(service.people()?, json.json)?,
        },
        Action::Show { id, place, history: true, .. } => show_history(id, place)?,
        Action::Show { id, place, json, .. } => match place.place()? {
            Place::Directory(data) => {
                let snapshot = read::read(&data)?;
                read::show(id, &snapshot, &CommandLog::open(&place.access_log)?, json.json)?;
            }
            Place::Database(database) => Stored::open(&database, &place.access_log)?.show(id, json.json)?,
            Place::Service(service) => read::print_person(&remote::person(id, &service)?, json.json)?,
        },
        Action::Rename { id, name, place } => match place.place()? {
            Place::Directory(data) => change::rename(id, name, &data, &place.access_log)?,
            Place::Database(database) => Stored::open(&database, &place.access_log)?.rename(id, name)?,
            Place::Service(service) => remote::rename(id, name, &service)?,
        },
        Action::Remove { ids, place, yes } => match place.place()? {
            Place::Directory(data) => change::remove(ids, &data, *yes, &place.access_log)?,
            Place::Database(database) => Stored::open(&database, &place.access_log)?.remove(ids, *yes)?,
            Place::Service(service) => remote::remove(ids, &service, *yes)?,
        },
        Action::Export { ids, place, output, force } => {
            exchange::export(ids, &place.directory()?, output, *force, &place.access_log)?;
        }
        Action::Import { file, place } => {
            exchange::import(file, &place.directory()?, &place.access_log)?;
        }
        Action::Forget { id, data: directory, anonymise, files, access_log } => {
            files.ensure("remove the person with `facerec people remove`, and the entries through a service, `DELETE /v1/people/{id}/attendance`")?;
            let how = if *anonymise { Forget::Anonymise } else { Forget::Remove };
            forget::forget(id, &DataDirectory::new(directory), how, access_log)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
