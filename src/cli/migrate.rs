//! `facerec migrate`: people, thumbnails, roster, attendance and API keys from a data directory into a database, and back.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Args;
use clap::builder::BoolishValueParser;
use indicatif::ProgressBar;

use super::data::DataDirectory;
use super::output::{self, printable};
use crate::audit::dismissals::DismissalFile;
use crate::config::DatabaseArgs;
use crate::error::InputError;
use crate::gallery::backend::PeopleBackend;
use crate::gallery::{Changes, Gallery, Person, store};
use crate::local_file;
use crate::postgres::{Contents, Database, PostgresPeople, PostgresRoster, analyze, examine};
use crate::roster::backend::{RosterBackend, RosterFile};
use crate::roster::{MAX_FILE_BYTES, Roster};

mod attendance;
mod dismissals;
mod keys;
mod thumbnails;

/// People of one transaction: an interruption loses no more.
const AT_A_TIME: usize = 200;

/// The arguments of `facerec migrate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Stop the service on the data directory first. After an interruption, start it again: it goes on."
)]
pub struct MigrateArgs {
    /// Data directory with gallery.bin
    #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    database: DatabaseArgs,
    /// File of API keys to take over, too; services without it then ask for those of the database
    #[arg(long, env = "FACEREC_API_KEYS_FILE", value_name = "FILE")]
    api_keys_file: Option<PathBuf>,
    /// Write gallery.bin from the database instead
    #[arg(long, env = "FACEREC_EXPORT", value_parser = BoolishValueParser::new())]
    export: bool,
    /// With --export: replace a gallery.bin and a file of API keys that are there
    #[arg(long, env = "FACEREC_FORCE", value_parser = BoolishValueParser::new())]
    force: bool,
}

/// Takes the people over, and counts them on the other side.
///
/// # Errors
/// When the file or the database can't be used, or they contradict each other.
pub fn run(args: &MigrateArgs) -> anyhow::Result<ExitCode> {
    let params = args.database.params().context("expected --database-url, found none")?;
    let (data, database) = (DataDirectory::new(&args.data), Database::new(&params)?);
    if args.export {
        let moved = export(args, &data, database)?;
        let (people, photos, place) = (moved.len(), moved.photo_count(), printable(&data.gallery()));
        output::line(format_args!("{people} people with {photos} photos are in {place}"))?;
    } else {
        let after = import(&data, database)?;
        let Contents { people, photos, .. } = count(&Database::new(&params)?, &after)?;
        output::line(format_args!("{people} people with {photos} photos are in the database"))?;
    }
    attendance::take_over(&data, &params, args.export)?;
    match &args.api_keys_file {
        Some(path) => keys::take_over(path, &params, args.export, args.force)?,
        None => output::note("API keys are not taken over: --api-keys-file names their file."),
    }
    Ok(ExitCode::SUCCESS)
}

/// Counts what is stored, which what is in memory here does not tell.
fn count(database: &Database, expected: &Gallery) -> anyhow::Result<Contents> {
    analyze(database)?;
    let found = examine(database)?.context("expected people in the database, found none")?;
    let (people, photos) = (expected.len(), expected.photo_count());
    ensure!(
        (found.people, found.photos) == (people as i64, photos as i64),
        "expected {people} people with {photos} photos in the database, found {} with {}: perhaps a service changes them",
        found.people,
        found.photos
    );
    Ok(found)
}

fn import(data: &DataDirectory, database: Database) -> anyhow::Result<Gallery> {
    let _lock = data.lock()?;
    let file = store::read(&data.gallery())?;
    let people = PostgresPeople::open(database, file.recipe(), Ok)?;
    let before = people.current();
    ensure!(
        before.recipe() == file.recipe(),
        "expected a database with embeddings of the file's recipe, {:?}, found {:?}",
        file.recipe(),
        before.recipe()
    );
    let bar = ProgressBar::new(file.len() as u64);
    // A service may have changed the database meanwhile: what is there by its id is not written over.
    let known = ids(&before);
    let is_new = |person: &&Arc<Person>| !known.contains(person.id.as_str());
    report_others(&file, &before);
    let missing: Vec<Arc<Person>> = file.people().iter().filter(is_new).cloned().collect();
    bar.set_position((file.len() - missing.len()) as u64);
    for people_of_one in missing.chunks(AT_A_TIME) {
        let saved = people_of_one.to_vec();
        people.edit(Box::new(move |gallery| add(gallery, saved)))?;
        bar.inc(people_of_one.len() as u64);
    }
    bar.finish_and_clear();
    thumbnails::import(data, &people)?;
    import_roster(data, &people.roster())?;
    dismissals::copy(&DismissalFile::of(data.directory()), &people.dismissals())?;
    let after = people.current();
    let there = ids(&after).intersection(&ids(&file)).count();
    ensure!(there == file.len(), "expected {} people of the file in the database, found {there}", file.len());
    Ok((*after).clone())
}

/// The roster of the directory, unless the database has one.
fn import_roster(data: &DataDirectory, stored: &PostgresRoster) -> anyhow::Result<()> {
    let path = data.roster();
    if !path.exists() {
        return Ok(());
    }
    let bytes = local_file::read(&path, MAX_FILE_BYTES as u64)
        .with_context(|| format!("{} can't be read", printable(&path)))?;
    let roster = Roster::from_bytes(&bytes).with_context(|| format!("{} can't be used", printable(&path)))?;
    if stored.current().is_empty() {
        let names = roster.len();
        stored.replace(&bytes, roster)?;
        output::line(format_args!("the roster of {names} names is in the database"))
    } else if *stored.current() == roster {
        output::line("the roster is in the database already")
    } else {
        output::note("The database has another roster, which stays.");
        Ok(())
    }
}

/// Names the people by their ids whose data in the database are not those of the file.
fn report_others(file: &Gallery, database: &Gallery) {
    let stored: HashMap<&str, &Arc<Person>> =
        database.people().iter().map(|person| (person.id.as_str(), person)).collect();
    for person in file.people() {
        if stored.get(person.id.as_str()).is_some_and(|stored| *stored != person) {
            output::note(format_args!(
                "{}: the database has other data of this person, which stay",
                person.id
            ));
        }
    }
}

fn ids(gallery: &Gallery) -> HashSet<&str> {
    gallery.people().iter().map(|person| person.id.as_str()).collect()
}

fn add(gallery: &Gallery, people: Vec<Arc<Person>>) -> crate::error::Result<Gallery> {
    let names: HashSet<&str> = people.iter().map(|person| person.name.key()).collect();
    if let Some(other) = gallery.people().iter().find(|other| names.contains(other.name.key())) {
        let message = format!(
            "expected names that nobody in the database has, found one that its person {} has: rename or delete one of the two",
            other.id
        );
        return Err(InputError::Conflict(message).into());
    }
    gallery.with_changes(&Changes { saved: people, removed: Vec::new() })
}

fn export(args: &MigrateArgs, data: &DataDirectory, database: Database) -> anyhow::Result<Gallery> {
    let _lock = data.lock()?;
    // It makes no tables in what may be a wrong database.
    let found = examine(&database)?.context("expected people in the database, found none")?;
    output::ensure_new(&data.gallery(), args.force)?;
    let stored = PostgresPeople::open(database, &found.recipe, Ok)?;
    let people = stored.current();
    store::write(&data.gallery(), &people)?;
    let written = store::read(&data.gallery())?;
    ensure!(
        written == *people,
        "expected the people of the database in {}, found others",
        printable(&data.gallery())
    );
    thumbnails::export(&stored, &people, data)?;
    dismissals::copy(&stored.dismissals(), &DismissalFile::of(data.directory()))?;
    if let Some(bytes) = stored.roster().file()? {
        RosterFile::new(data.open_roster()?).replace(&bytes, Roster::from_bytes(&bytes)?)?;
    }
    Ok(written)
}
