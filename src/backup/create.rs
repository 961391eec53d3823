//! Making a backup.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::contents::{Source, collect};
use super::manifest::{self, BackupFile, Manifest};
use super::staging;
use crate::atomic_file;
use crate::error::{DataError, InputError, Operation, Result};
use crate::hex::to_hex;

/// Mode of the entries; only the owner of an unpacked one may read it.
const ENTRY_MODE: u32 = 0o600;

/// Archives the data directory `data` as the file `to`, which only its owner may read. `keys` is the file of API keys, where it
/// lies outside of the directory. A service may run: files are replaced as a whole, and the database is copied by its own
/// means. The archive is there whole or not at all.
///
/// # Errors
/// [`InputError::NotFound`] for a directory without anything to keep; [`crate::error::Error::Data`] when a file can't be read, or the archive can't
/// be written.
pub fn create(data: &Path, keys: Option<&Path>, to: &Path) -> Result<Manifest> {
    let file = format!("the backup {}", to.display());
    let failed = DataError::io(&file, Operation::Write);
    let beside = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let scratch = staging::scratch(beside).map_err(&failed)?;
    let mut sources = collect(data, keys, scratch.path())?;
    // What was opened stays readable.
    drop(scratch);
    if sources.is_empty() {
        let message = format!("{}: expected a data directory, found nothing to keep", data.display());
        return Err(InputError::NotFound(message).into());
    }
    let files = sources.iter_mut().map(|source| describe(source, data)).collect::<Result<Vec<_>>>()?;
    let manifest = Manifest::new(format!("{:.0}", Timestamp::now()), files);
    atomic_file::remove_leftovers(to).map_err(&failed)?;
    atomic_file::replace_private(to, |to| write(to, &manifest, sources)).map_err(&failed)?;
    Ok(manifest)
}

fn describe(source: &mut Source, data: &Path) -> Result<BackupFile> {
    let failed = DataError::io(format!("{} of {}", source.name, data.display()), Operation::Read);
    let mut file = source.open().map_err(&failed)?;
    let (bytes, sha256) = hash(&mut file).map_err(&failed)?;
    Ok(BackupFile { name: source.name.clone(), bytes, sha256, mode: source.mode().map_err(&failed)? })
}

/// Length and checksum of what is left to read.
fn hash(from: &mut impl Read) -> io::Result<(u64, String)> {
    let mut sink = Hashing { to: io::sink(), sha256: Sha256::new() };
    let bytes = io::copy(from, &mut sink)?;
    Ok((bytes, to_hex(&sink.sha256.finalize())))
}

/// Writes on, and sums what it writes.
pub(super) struct Hashing<W> {
    pub(super) to: W,
    pub(super) sha256: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Reads on, and sums what it reads.
struct HashedRead {
    from: io::Take<io::Take<File>>,
    sha256: Sha256,
}

impl Read for HashedRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.sha256.update(&buffer[..read]);
        Ok(read)
    }
}

fn write(to: &mut dyn Write, manifest: &Manifest, sources: Vec<Source>) -> io::Result<()> {
    let mut archive = Builder::new(to);
    let list = manifest.to_json(manifest::MAX_BYTES)?;
    archive.append_data(&mut header(list.len() as u64), manifest::NAME, list.as_slice())?;
    for (described, mut source) in manifest.files.iter().zip(sources) {
        let mut from = HashedRead { from: source.open()?.take(described.bytes), sha256: Sha256::new() };
        archive.append_data(&mut header(described.bytes), &described.name, &mut from)?;
        if to_hex(&from.sha256.finalize()) != described.sha256 {
            let message = format!("{} was written to while it was copied: try again", described.name);
            return Err(io::Error::other(message));
        }
    }
    archive.finish()
}

fn header(bytes: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(bytes);
    header.set_mode(ENTRY_MODE);
    header.set_mtime(u64::try_from(Timestamp::now().as_second()).unwrap_or_default());
    header
}
