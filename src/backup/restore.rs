//! Restoring a backup: everything is unpacked and checked beside the files in use, then all of it is put in place.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tar::{Archive, Entries, Entry, EntryType};

use super::contents::{give_access, is_known, is_trace};
use super::create::Hashing;
use super::exchange::exchange;
use super::manifest::{self, BackupFile, Manifest};
use super::staging;
use crate::atomic_file::create_private_directory;
use crate::error::{DataError, InputError, Operation, Result};
use crate::gallery::store;
use crate::gallery::writer::DirectoryLock;
use crate::hex::to_hex;

/// What a restored backup had, and where the files are whose place it took.
#[derive(Debug)]
pub struct Restored {
    /// The list of the backup.
    pub manifest: Manifest,
    /// The directory of the files that were there before; `None` where there were none.
    pub replaced: Option<PathBuf>,
}

/// Restores the backup `archive` into the directory `data`, created if missing. What is there already is moved aside with
/// `force`, and refused without.
///
/// # Errors
/// [`InputError::Conflict`] for a directory that is not empty; [`InputError::Locked`] while another process writes to it;
/// [`crate::error::Error::Data`] when the backup is altered, not one, or can't be unpacked. The directory's files are then as
/// they were.
pub fn restore(archive: &Path, data: &Path, force: bool) -> Result<Restored> {
    let failed = DataError::io_at(data, Operation::Write);
    let mut opened = open(archive)?;
    fs::create_dir_all(data).map_err(&failed)?;
    if !force {
        check_empty(data)?;
    }
    let _lock = DirectoryLock::acquire(data)?;
    staging::remove_leftovers(data).map_err(&failed)?;
    let staged = staging::create(data).map_err(&failed)?;
    let manifest = unpack(&mut opened, staged.path(), data)
        .map_err(|reason| DataError::content(shown(archive), Operation::Read, reason))?;
    check_gallery(staged.path())?;
    let replaced = exchange(staged.path(), data).map_err(&failed)?;
    Ok(Restored { manifest, replaced })
}

fn shown(archive: &Path) -> String {
    format!("the backup {}", archive.display())
}

fn open(archive: &Path) -> Result<Archive<File>> {
    Ok(Archive::new(File::open(archive).map_err(DataError::io(shown(archive), Operation::Read))?))
}

fn check_empty(data: &Path) -> Result<()> {
    let failed = DataError::io_at(data, Operation::Read);
    for entry in fs::read_dir(data).map_err(&failed)? {
        let name = entry.map_err(&failed)?.file_name();
        let name = name.to_string_lossy();
        if !is_trace(&name) && !staging::is_leftover(&name) {
            let message = format!(
                "expected an empty directory, found {name} in {}: --force moves what a backup holds aside",
                data.display()
            );
            return Err(InputError::Conflict(message).into());
        }
    }
    Ok(())
}

/// Unpacks all files of the directory `data` into `to`, and says what is wrong with the first that is not as the list has it.
fn unpack(archive: &mut Archive<File>, to: &Path, data: &Path) -> std::result::Result<Manifest, String> {
    let mut entries = archive.entries().map_err(|error| not_an_archive(&error))?;
    let manifest = read_manifest(&mut entries)?;
    let mut seen = HashSet::new();
    for described in &manifest.files {
        check_name(described, &mut seen)?;
        let entry = next(&mut entries)?
            .ok_or_else(|| format!("it is truncated: expected {}, found its end", described.name))?;
        unpack_one(entry, described, to, data)?;
    }
    match next(&mut entries)? {
        None => Ok(manifest),
        Some(more) => {
            Err(format!("expected its end, found {:?}", String::from_utf8_lossy(&more.path_bytes())))
        }
    }
}

fn not_an_archive(error: &io::Error) -> String {
    format!("expected a tar file that `facerec backup` made, found {error}")
}

fn next<'a>(entries: &mut Entries<'a, File>) -> std::result::Result<Option<Entry<'a, File>>, String> {
    entries.next().transpose().map_err(|error| not_an_archive(&error))
}

fn read_manifest(entries: &mut Entries<'_, File>) -> std::result::Result<Manifest, String> {
    let missing = || {
        format!(
            "expected a tar file that `facerec backup` made, found one that does not begin with {}",
            manifest::NAME
        )
    };
    let first = next(entries)?.filter(|entry| *entry.path_bytes() == *manifest::NAME.as_bytes());
    let mut first = first.ok_or_else(missing)?;
    let (most, found) = (manifest::MAX_BYTES, first.size());
    if found > most {
        return Err(format!("expected a list of {most} bytes at most in {}, found {found}", manifest::NAME));
    }
    let mut bytes = Vec::new();
    first.read_to_end(&mut bytes).map_err(|error| not_an_archive(&error))?;
    Manifest::from_json(&bytes)
}

/// Nothing but a file of a data directory, once.
fn check_name<'a>(described: &'a BackupFile, seen: &mut HashSet<&'a str>) -> std::result::Result<(), String> {
    let name = &described.name;
    if !is_known(name) {
        return Err(format!("expected files of a data directory, found {name:?}"));
    }
    if !seen.insert(name) {
        return Err(format!("expected {name} once, found it twice"));
    }
    Ok(())
}

fn unpack_one(
    entry: Entry<'_, File>,
    described: &BackupFile,
    to: &Path,
    data: &Path,
) -> std::result::Result<(), String> {
    let name = &described.name;
    let (found, kind) = (entry.path_bytes().into_owned(), entry.header().entry_type());
    if found != name.as_bytes() || kind != EntryType::Regular {
        return Err(format!(
            "expected the file {name}, found {:?} ({kind:?})",
            String::from_utf8_lossy(&found)
        ));
    }
    let path = to.join(name);
    let (bytes, sha256) = copy(entry, described, &path, data).map_err(|error| format!("{name}: {error}"))?;
    if (bytes, &sha256) == (described.bytes, &described.sha256) {
        return Ok(());
    }
    Err(format!(
        "it was altered: expected of {name} {} bytes with the SHA-256 {}, found {bytes} with {sha256}",
        described.bytes, described.sha256
    ))
}

/// Writes the entry to the disk, for the owner of the directory `data`. Returns length and checksum.
fn copy(
    entry: Entry<'_, File>,
    described: &BackupFile,
    path: &Path,
    data: &Path,
) -> io::Result<(u64, String)> {
    let directory = path.parent().unwrap_or(Path::new("."));
    if !directory.is_dir() {
        create_private_directory(directory, data)?;
    }
    let mut to = Hashing { to: File::create_new(path)?, sha256: Sha256::new() };
    let bytes = io::copy(&mut entry.take(described.bytes.saturating_add(1)), &mut to)?;
    give_access(data, &to.to, described.mode)?;
    to.to.sync_all()?;
    Ok((bytes, to_hex(&to.sha256.finalize())))
}

/// A gallery that this program can't read is noticed before it takes the place of one that it can.
fn check_gallery(staged: &Path) -> Result<()> {
    let path = staged.join(store::FILE_NAME);
    if path.exists() { store::read(&path).map(drop) } else { Ok(()) }
}
