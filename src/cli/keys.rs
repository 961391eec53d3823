//! `facerec keys`: creates API keys, and lists, rotates and removes their entries.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::output::{self, JsonArgs};
use crate::config::DatabaseArgs;
use crate::config::range::whole;
use crate::error::{InputError, Result};
use crate::hex::to_hex;
use crate::keys::backend::{KeyFile, KeyList};
use crate::keys::file::to_toml;
use crate::keys::last_use::Times;
use crate::keys::rotation::rotate;
use crate::keys::{self, ApiKeys, KeyEntry, Scope};
use crate::postgres::{Database, PostgresKeyList};

/// The arguments of `facerec keys`.
#[derive(Debug, Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    action: Action,
}

impl KeysArgs {
    /// Whether JSON is printed.
    pub(super) fn json(&self) -> bool {
        matches!(&self.action, Action::List { json, .. } if json.json)
    }
}

/// Where the keys are.
#[derive(Debug, Args)]
struct PlaceArgs {
    /// The file of API keys; it counts where a database is named, too. `new` creates it if missing, and prints the entry without either
    #[arg(long, env = "FACEREC_API_KEYS_FILE", value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseArgs,
}

impl PlaceArgs {
    /// The list, if one is named; of two that which a service with the same settings takes.
    fn find(&self) -> anyhow::Result<Option<Box<dyn KeyList>>> {
        match (&self.file, self.database.params()) {
            (Some(file), database) => {
                if database.is_some() {
                    output::note(format_args!(
                        "These are the keys of {}, not those of the database.",
                        file.display()
                    ));
                }
                Ok(Some(Box::new(KeyFile(file.clone()))))
            }
            (None, Some(database)) => Ok(Some(Box::new(PostgresKeyList::open(Database::new(&database)?)?))),
            (None, None) => Ok(None),
        }
    }

    fn open(&self) -> anyhow::Result<Box<dyn KeyList>> {
        self.find()?.context("expected --file FILE or --database-url URL, found neither")
    }
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a key and print it once: only its SHA-256 is stored
    New {
        /// Name of the key's holder; may appear in the log
        name: String,
        /// Scope: recognize, or manage, which includes recognize
        #[arg(long, env = "FACEREC_KEY_SCOPE", value_name = "SCOPE", value_parser = scope())]
        scope: Scope,
        /// Days until the key expires [default: it never does]
        #[arg(long, env = "FACEREC_KEY_EXPIRES_DAYS", value_name = "DAYS", value_parser = whole(1..=36_500_u32))]
        expires_days: Option<u32>,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        place: PlaceArgs,
    },
    /// List the keys: scope, first digits of the SHA-256, name, when it expires, when it was last used
    List {
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        place: PlaceArgs,
        #[command(flatten)]
        json: JsonArgs,
    },
    /// Create a key in place of another one and print it once; the old key stays valid for the overlap
    Rotate {
        /// The name of the key
        name: String,
        /// Hours for which the old key stays valid, as NAME (old); 0 for not at all
        #[arg(long, env = "FACEREC_KEY_OVERLAP", value_name = "HOURS", default_value = "24",
              value_parser = whole(0..=8760_u32))]
        overlap: u32,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        place: PlaceArgs,
    },
    /// Remove a key; a running service rejects it from then on
    Remove {
        /// The name of the key
        name: String,
        #[command(flatten)]
        #[allow(missing_docs, reason = "a doc comment here would become the help of the whole command")]
        place: PlaceArgs,
    },
}

fn scope() -> impl TypedValueParser<Value = Scope> {
    PossibleValuesParser::new(Scope::ALL.map(Scope::as_str))
        .try_map(|name| Scope::from_name(&name).ok_or("expected a scope, found something else"))
}

/// Runs the command.
///
/// # Errors
/// When the keys can't be read or written, a name is taken, or is not there.
pub fn run(args: &KeysArgs) -> anyhow::Result<ExitCode> {
    match &args.action {
        Action::New { name, scope, expires_days, place } => {
            new(name, *scope, *expires_days, place.find()?.as_deref())?;
        }
        Action::List { place, json } => list(&*place.open()?, json.json)?,
        Action::Rotate { name, overlap, place } => rotate_key(name, *overlap, &*place.open()?)?,
        Action::Remove { name, place } => remove(name, &*place.open()?)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// With a list of keys, only the key is printed on standard output, so that a script can read it.
fn new(
    name: &str,
    scope: Scope,
    expires_days: Option<u32>,
    list: Option<&dyn KeyList>,
) -> anyhow::Result<()> {
    let key = keys::generate()?;
    let expires = expires_days.map(|days| in_hours(24 * i64::from(days)));
    let entry = KeyEntry { expires, ..KeyEntry::of(name, scope, &key) };
    let Some(list) = list else {
        let keys = ApiKeys::new(vec![entry])?;
        output::line(format_args!("{key}\n\n{}", to_toml(keys.entries())?.trim_end()))?;
        output::note(
            "The first line is the key; it can't be shown again. The rest goes into the file of keys.",
        );
        return Ok(());
    };
    let add = |mut entries: Vec<KeyEntry>| {
        entries.push(entry);
        Ok(entries)
    };
    list.change(Box::new(add))?;
    output::line(key)?;
    output::note(format_args!(
        "This is the key; it can't be shown again. Its entry was added to {}.",
        list.shown()
    ));
    Ok(())
}

fn list(list: &dyn KeyList, as_json: bool) -> anyhow::Result<()> {
    let entries = list.entries()?;
    let times = list.last_used().unwrap_or_else(|error| {
        output::note(format_args!("facerec: {error}"));
        None
    });
    if as_json {
        let keys: Vec<Value> = entries.iter().map(|entry| key_json(entry, times.as_ref())).collect();
        return output::json(&json!({ "keys": keys }));
    }
    for entry in entries {
        let digits = first_digits(&entry);
        let expired = if entry.is_expired(Timestamp::now()) { "expired" } else { "expires" };
        let expires = entry.expires.map(|time| format!("  ({expired} {time:.0})")).unwrap_or_default();
        let used = times.as_ref().map(|times| use_words(times, &entry)).unwrap_or_default();
        output::line(format_args!("{:<9}  {digits}  {}{expires}{used}", entry.scope.as_str(), entry.name))?;
    }
    Ok(())
}

/// Enough of the SHA-256 to tell two keys apart.
fn first_digits(entry: &KeyEntry) -> String {
    to_hex(&entry.sha256[..4])
}

fn key_json(entry: &KeyEntry, times: Option<&Times>) -> Value {
    let text = |time: &Timestamp| format!("{time:.0}");
    json!({
        "name": entry.name,
        "scope": entry.scope.as_str(),
        "sha256_start": first_digits(entry),
        "expires": entry.expires.as_ref().map(text),
        "expired": entry.is_expired(Timestamp::now()),
        "last_used": times.and_then(|times| times.get(&entry.sha256)).map(text),
    })
}

fn use_words(times: &Times, entry: &KeyEntry) -> String {
    match times.get(&entry.sha256) {
        Some(time) => format!("  (last used {time:.0})"),
        None => "  (no use known)".to_owned(),
    }
}

/// The time in so many hours.
fn in_hours(hours: i64) -> Timestamp {
    Timestamp::now().saturating_add(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MAX)
}

/// Only the key is printed on standard output, so that a script can read it.
fn rotate_key(name: &str, overlap: u32, list: &dyn KeyList) -> anyhow::Result<()> {
    let key = keys::generate()?;
    let until = in_hours(i64::from(overlap));
    list.change(Box::new(|entries| rotate(entries, name, &key, Timestamp::now(), until)))?;
    output::line(&key)?;
    output::note(format_args!(
        "This is the new key; it can't be shown again. The old one is accepted until {until:.0}."
    ));
    Ok(())
}

fn remove(name: &str, list: &dyn KeyList) -> Result<()> {
    list.change(Box::new(|mut entries| {
        let before = entries.len();
        entries.retain(|entry| entry.name != name);
        if entries.len() < before {
            return Ok(entries);
        }
        let message = format!("{}: expected a key named {name:?}, found none", list.shown());
        Err(InputError::NotFound(message).into())
    }))
}
