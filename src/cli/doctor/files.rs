//! The data directory, who may read and write what is in it, and the file of keys.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::super::data::DataDirectory;
use super::super::output::printable;
use super::check::Check;
use crate::backup::SET_ASIDE;
use crate::keys::file::entries;

const DIRECTORY: &str = "directory";
const FILES: &str = "permissions";
const KEYS: &str = "keys";
const ASIDE: &str = "set aside";

/// Whether the directory can be used, and others can't read what is in it.
pub(super) fn all(data: &DataDirectory) -> Vec<Check> {
    let directory = data.directory();
    let shown = printable(directory);
    if !directory.is_dir() {
        let next = format!("`mkdir {shown}`, or name another one with --data");
        return vec![Check::fail(DIRECTORY, format!("{shown}: expected a directory, found none"), next)];
    }
    let mut checks = vec![writable(directory), permissions(directory)];
    checks.extend(set_aside(directory));
    checks
}

/// What restored backups took the place of: names and faces that nothing else deletes.
fn set_aside(directory: &Path) -> Option<Check> {
    let names = fs::read_dir(directory).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut found: Vec<String> = names.filter(|name| name.starts_with(SET_ASIDE)).collect();
    found.sort();
    if found.is_empty() {
        return None;
    }
    let paths: Vec<String> = found.iter().map(|name| printable(&directory.join(name))).collect();
    let paths = paths.join(" ");
    let detail = format!("what restored backups took the place of, names and faces too, is in {paths}");
    Some(Check::warn(ASIDE, detail, format!("`rm -r {paths}`, once you don't need it")))
}

/// Tried out: rights, read-only disks and containers make it hard to tell otherwise.
fn writable(directory: &Path) -> Check {
    let shown = printable(directory);
    match tempfile::tempfile_in(directory) {
        // Who may write to the directory can put other files in the place of those in it.
        Ok(_) if mode(directory).is_some_and(|mode| mode & 0o1002 == 0o002) => {
            let detail = format!("everybody may write to {shown}, and replace what is in it");
            Check::warn(DIRECTORY, detail, format!("`chmod o-w {shown}`"))
        }
        Ok(_) => Check::ok(DIRECTORY, format!("{shown} is writable")),
        Err(error) => {
            let user = fs::metadata("/proc/self").map(|about| about.uid());
            let user = user.map_or_else(|_| "USER".to_owned(), |user| user.to_string());
            let detail = format!("{shown} can't be written to: {error}");
            Check::fail(DIRECTORY, detail, format!("`chown -R {user} {shown}`, or run facerec as its owner"))
        }
    }
}

/// Files with names, IDs or faces that everybody may read, or change.
fn permissions(directory: &Path) -> Check {
    const PERSONAL: [&str; 7] = [
        "gallery.bin",
        "roster.xlsx",
        "roster.ods",
        "roster.csv",
        "attendance.db",
        "rosters",
        "audit-dismissals.json",
    ];
    let paths = PERSONAL.map(|name| directory.join(name));
    let all: Vec<&PathBuf> = paths.iter().filter(|path| path.exists()).collect();
    let with = |bits: u32| -> Vec<String> {
        let found = all.iter().filter(|path| mode(path).is_some_and(|mode| mode & bits != 0));
        found.map(|path| printable(path)).collect()
    };
    let (written, read) = (with(0o002), with(0o004));
    // Who can't enter the directory can't read what is in it.
    let is_closed = mode(directory).is_some_and(|mode| mode & 0o001 == 0);
    if !written.is_empty() {
        let files = written.join(" ");
        return Check::fail(FILES, format!("everybody may write to {files}"), format!("`chmod o-w {files}`"));
    }
    if !read.is_empty() && !is_closed {
        let files = read.join(" ");
        return Check::warn(
            FILES,
            format!("everybody on this machine may read {files}"),
            format!("`chmod o-r {files}`"),
        );
    }
    Check::ok(FILES, format!("{} files, closed to others", all.len()))
}

fn mode(path: &Path) -> Option<u32> {
    Some(fs::metadata(path).ok()?.permissions().mode())
}

/// The file of API keys.
pub(super) fn keys(path: Option<&Path>) -> Check {
    let Some(path) = path else {
        return Check::ok(KEYS, "none: recognition is open, people are managed from this machine only");
    };
    let shown = printable(path);
    let keys = match entries(path) {
        Ok(keys) => keys,
        Err(error) => {
            let next = format!(
                "correct {shown}, or make one with `facerec keys new NAME --scope manage --file {shown}`"
            );
            return Check::fail(KEYS, error.to_string(), next);
        }
    };
    let valid = keys.iter().filter(|key| !key.is_expired(Timestamp::now())).count();
    if valid == 0 {
        let detail =
            format!("{shown}: expected a valid key, found {} expired ones: nobody is let in", keys.len());
        return Check::warn(KEYS, detail, format!("`facerec keys new NAME --scope manage --file {shown}`"));
    }
    if mode(path).is_some_and(|mode| mode & 0o044 != 0) {
        let detail = format!("{shown}: {valid} valid keys; others may read names and hashes of keys");
        return Check::warn(KEYS, detail, format!("`chmod go-r {shown}`, if the service runs as its owner"));
    }
    Check::ok(KEYS, format!("{shown}: {valid} valid keys, {} expired", keys.len() - valid))
}
