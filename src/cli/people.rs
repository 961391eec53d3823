//! `facerec people`: lists, shows, renames, removes, exports and imports people, and forgets all that is held about one.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};

use super::data::DataDirectory;
use super::output::JsonArgs;
use crate::attendance::Forget;
use crate::config::AccessLogArgs;

mod change;
mod exchange;
mod file;
mod forget;
mod read;

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

#[derive(Debug, Subcommand)]
enum Action {
    /// List the enrolled people: id, number of photos, name, last day
    List {
        /// The data directory
        #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
        data: PathBuf,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        access_log: AccessLogArgs,
        #[command(flatten)]
        json: JsonArgs,
    },
    /// Show a person with the last day, the roster's or the person's own, and who looked the person up
    Show {
        /// The person's id
        id: String,
        /// The data directory
        #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
        data: PathBuf,
        /// Print the entries of the access log about the person, oldest first, as JSON lines; also of a deleted person
        #[arg(long, env = "FACEREC_HISTORY", requires = "access_log", value_parser = BoolishValueParser::new())]
        history: bool,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        access_log: AccessLogArgs,
        #[command(flatten)]
        json: JsonArgs,
    },
    /// Give a person another name; photos, ID and attendance stay
    Rename {
        /// The person's id
        id: String,
        /// The new name
        name: String,
        /// The data directory, which no running service uses
        #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
        data: PathBuf,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        access_log: AccessLogArgs,
    },
    /// Remove people with their photos; attendance stays, which `facerec people forget` removes, too
    Remove {
        /// The people's ids
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
        /// The data directory, which no running service uses
        #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
        data: PathBuf,
        /// Don't ask; needed where there is no terminal
        #[arg(long, short, env = "FACEREC_YES", value_parser = BoolishValueParser::new())]
        yes: bool,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        access_log: AccessLogArgs,
    },
    /// Write people with their embeddings, without photos, into a file for `facerec people import`
    Export {
        /// The people's ids [default: everybody]
        #[arg(value_name = "ID")]
        ids: Vec<String>,
        /// The data directory
        #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
        data: PathBuf,
        /// File that is written, for its owner only; in a directory people.json
        #[arg(long, short, env = "FACEREC_OUTPUT", value_name = "FILE")]
        output: PathBuf,
        /// Replace a file that is there
        #[arg(long, env = "FACEREC_FORCE", value_parser = BoolishValueParser::new())]
        force: bool,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        access_log: AccessLogArgs,
    },
    /// Add the people of an exported file to a gallery of the same model and margin: all of them or, on an error, nobody
    Import {
        /// The file that `facerec people export` wrote
        file: PathBuf,
        /// The data directory, which no running service uses; a gallery is made where there is none
        #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
        data: PathBuf,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        access_log: AccessLogArgs,
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
        access_log: AccessLogArgs,
    },
}

/// Runs the command.
///
/// # Errors
/// When a file can't be read or written, another process writes to the data directory, or there is no such person.
pub fn run(args: &PeopleArgs) -> anyhow::Result<ExitCode> {
    let data = DataDirectory::new;
    match &args.action {
        Action::List { data: directory, access_log, json } => {
            read::list(&data(directory), access_log, json.json)?;
        }
        Action::Show { id, data: directory, history, access_log, json } => {
            read::show(id, &data(directory), access_log, *history, json.json)?;
        }
        Action::Rename { id, name, data: directory, access_log } => {
            change::rename(id, name, &data(directory), access_log)?;
        }
        Action::Remove { ids, data: directory, yes, access_log } => {
            change::remove(ids, &data(directory), *yes, access_log)?;
        }
        Action::Export { ids, data: directory, output, force, access_log } => {
            exchange::export(ids, &data(directory), output, *force, access_log)?;
        }
        Action::Import { file, data: directory, access_log } => {
            exchange::import(file, &data(directory), access_log)?;
        }
        Action::Forget { id, data: directory, anonymise, access_log } => {
            let how = if *anonymise { Forget::Anonymise } else { Forget::Remove };
            forget::forget(id, &data(directory), how, access_log)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
