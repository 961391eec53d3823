//! `facerec people`: lists, shows, renames, removes, exports and imports people, and forgets all that is held about one. People are
//! those of a data directory, of a database or, as far as its API offers it, of a running service.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{bail, ensure};
use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};

use super::client::{Client, KeyArgs};
use super::log_place;
use super::output::JsonArgs;
use super::place::{DataArgs, Place};
use super::url::url;
use crate::access_log::history;
use crate::attendance::Forget;
use crate::config::{AccessLogArgs, DatabaseArgs, LogPlace};

mod change;
mod exchange;
mod file;
mod forget;
mod read;
mod remote;

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

/// Where people are kept, or a service that has them.
enum Source {
    Kept(Place),
    Service(Client),
}

impl PlaceArgs {
    fn source(&self) -> anyhow::Result<Source> {
        match &self.url {
            Some(url) => Ok(Source::Service(Client::new(url, &self.key)?)),
            None => Ok(Source::Kept(Place::of(self.data.as_deref(), &self.database, &self.access_log)?)),
        }
    }

    /// For what the API does not offer: embeddings are not handed out.
    fn place(&self) -> anyhow::Result<Place> {
        ensure!(
            self.url.is_none(),
            "expected --data DIR or --database-url, found --url: a service neither hands out embeddings nor takes any. `facerec people \
             export` reads the directory or the database of a running service, too; import into a directory while no service runs on it, or \
             add photos with `facerec enroll PEOPLE_DIR --add --url URL`"
        );
        Place::of(self.data.as_deref(), &self.database, &self.access_log)
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
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        data: DataArgs,
        /// Keep the person's entries of attendance for the counts, without name, ID, photo and note
        #[arg(long, env = "FACEREC_ANONYMISE", value_parser = BoolishValueParser::new())]
        anonymise: bool,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        access_log: AccessLogArgs,
    },
}

/// What the access log says of a person, which lies where the arguments say.
fn show_history(id: &str, args: &PlaceArgs) -> anyhow::Result<()> {
    let Source::Kept(place) = args.source()? else {
        bail!("expected --data DIR with --history, found --url: the access log is read where it lies");
    };
    let found = match &args.access_log.access_log {
        Some(LogPlace::File(path)) => history(path, id)?,
        Some(LogPlace::Database) | None => log_place::in_database(place.database())?.history(id)?,
    };
    read::show_history(&found, place.is_enrolled(id)?)
}

/// Runs the command.
///
/// # Errors
/// When a file can't be read or written, another process writes to the data directory, the database or a service can't be reached or
/// refuses, or there is no such person.
pub fn run(args: &PeopleArgs) -> anyhow::Result<ExitCode> {
    match &args.action {
        Action::List { place: args, json } => match args.source()? {
            Source::Kept(place) => read::list(&place, &args.access_log, json.json)?,
            Source::Service(service) => read::print_list(service.people()?, json.json)?,
        },
        Action::Show { id, place: args, history: true, .. } => show_history(id, args)?,
        Action::Show { id, place: args, json, .. } => match args.source()? {
            Source::Kept(place) => read::show(id, &place, &args.access_log, json.json)?,
            Source::Service(service) => read::print_person(&remote::person(id, &service)?, json.json)?,
        },
        Action::Rename { id, name, place: args } => match args.source()? {
            Source::Kept(place) => change::rename(id, name, &place, &args.access_log)?,
            Source::Service(service) => remote::rename(id, name, &service)?,
        },
        Action::Remove { ids, place: args, yes } => match args.source()? {
            Source::Kept(place) => change::remove(ids, &place, *yes, &args.access_log)?,
            Source::Service(service) => remote::remove(ids, &service, *yes)?,
        },
        Action::Export { ids, place: args, output, force } => {
            exchange::export(ids, &args.place()?, output, *force, &args.access_log)?;
        }
        Action::Import { file, place: args } => exchange::import(file, &args.place()?, &args.access_log)?,
        Action::Forget { id, data, anonymise, access_log } => {
            let how = if *anonymise { Forget::Anonymise } else { Forget::Remove };
            forget::forget(id, &data.place(access_log)?, how, access_log)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
