//! `facerec people`: lists people, shows one, and removes all that is held about one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::data::DataDirectory;
use super::output;
use crate::access_log::{self, AccessLog, Action as Recorded, Entry};
use crate::attendance::{AttendanceStore, Channels, Forget, SqliteStore};
use crate::config::AccessLogArgs;
use crate::gallery::{Gallery, Person, store};
use crate::service::snapshot::{Snapshot, is_expired, today};

/// Time for the access log to take the entry of a command.
const LOG_LIMIT: Duration = Duration::from_secs(10);

/// The arguments of `facerec people`.
#[derive(Debug, Args)]
pub struct PeopleArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the enrolled people: id, number of photos, name, last day
    List {
        /// The data directory
        #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
        data: PathBuf,
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
        /// The access log
        #[arg(long, env = "FACEREC_ACCESS_LOG", value_name = "FILE")]
        access_log: Option<PathBuf>,
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
/// When a file can't be read or written, or there is no such person.
pub fn run(args: &PeopleArgs) -> anyhow::Result<ExitCode> {
    match &args.action {
        Action::List { data } => list(&DataDirectory::new(data))?,
        Action::Show { id, data, history, access_log } => {
            show(id, &DataDirectory::new(data), access_log.as_deref().filter(|_| *history))?;
        }
        Action::Forget { id, data, anonymise, access_log } => {
            let how = if *anonymise { Forget::Anonymise } else { Forget::Remove };
            forget(id, &DataDirectory::new(data), how, access_log)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// People and roster as they are on the disk.
fn read(data: &DataDirectory) -> anyhow::Result<Snapshot> {
    Ok(Snapshot { gallery: Arc::new(data.read_gallery()?), roster: data.open_roster()?.current() })
}

fn list(data: &DataDirectory) -> anyhow::Result<()> {
    let snapshot = read(data)?;
    snapshot.gallery.people().iter().try_for_each(|person| print(person, &snapshot))
}

fn print(person: &Person, snapshot: &Snapshot) -> anyhow::Result<()> {
    let last = snapshot.last_day(person);
    let until = if is_expired(last, today()) { "expired" } else { "until" };
    let until = last.map(|day| format!("  ({until} {day})")).unwrap_or_default();
    output::line(format_args!("{}  {:>4}  {}{until}", person.id, person.photos.len(), person.name))
}

fn show(id: &str, data: &DataDirectory, log: Option<&Path>) -> anyhow::Result<()> {
    let snapshot = read(data)?;
    let gallery = &snapshot.gallery;
    let Some(log) = log else { return print(find(gallery, id)?, &snapshot) };
    let history = access_log::history(log, id)?;
    for entry in &history.entries {
        output::line(serde_json::to_string(entry)?)?;
    }
    if gallery.person(id).is_none() {
        output::note("This person is not enrolled (any more).");
    }
    if history.unreadable > 0 {
        output::note(format_args!(
            "{} lines can't be read: cut off, or not of an access log.",
            history.unreadable
        ));
    }
    Ok(())
}

fn find<'a>(gallery: &'a Gallery, id: &str) -> anyhow::Result<&'a Person> {
    let missing =
        || format!("expected the id of an enrolled person, found {id:?}: `facerec people list` has the ids");
    gallery.person(id).with_context(missing)
}

/// The entry is written also where the person was not enrolled any more: records may have been there.
fn forget(id: &str, data: &DataDirectory, how: Forget, log: &AccessLogArgs) -> anyhow::Result<()> {
    let _lock = data.lock()?;
    // Before anything is removed: a log that can't be written must not be noticed afterwards.
    let log = log.params().as_ref().map(AccessLog::open).transpose()?;
    let gallery = data.read_gallery()?;
    let attendance = SqliteStore::open(data.directory(), Channels::default())?;
    let enrolled = gallery.person(id).is_some();
    let entries = if attendance.exists() { attendance.forget(id, how)? } else { 0 };
    if enrolled {
        store::write(&data.gallery(), &gallery.without_person(id)?)?;
    }
    if let Some(log) = log {
        log.record(Entry {
            time: Timestamp::now(),
            request_id: None,
            key: None,
            client: "local".to_owned(),
            action: Recorded::Forget,
            people: vec![id.to_owned()],
            candidates: Vec::new(),
        });
        ensure!(log.flush(LOG_LIMIT), "the person was removed, but the access log can't be written");
    }
    if enrolled {
        output::line("removed from the gallery")?;
    }
    let what = match how {
        Forget::Remove => "removed",
        Forget::Anonymise => "anonymised",
    };
    output::line(format_args!("{what} {entries} entries of attendance"))?;
    output::note(
        "What remains elsewhere, if you have it: the name in roster.xlsx, photos in people/ and in the directory of \
         --keep-photos (which name nobody), backups, exports of attendance, and the id in the access log.",
    );
    ensure!(enrolled || entries > 0, "nothing was held about {id:?}: `facerec people list` has the ids");
    Ok(())
}
