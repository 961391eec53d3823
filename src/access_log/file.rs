//! The file of the log: appended to, synchronised, rotated.

use std::fs::{File, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};

use super::LogParams;
use super::rotation::rotate;
use super::store::LogStore;
use crate::atomic_file;

/// Mode of the files, under any umask: whom somebody looked up is personal data.
const MODE: u32 = 0o600;

/// The file that is appended to.
pub(super) struct LogFile {
    params: LogParams,
    file: File,
    bytes: u64,
}

impl LogFile {
    /// Opens the file, creating it if missing.
    ///
    /// # Errors
    /// When it can't be opened for writing, or is no regular file.
    pub(super) fn open(params: LogParams) -> io::Result<Self> {
        // Before opening: opening a FIFO waits for its reader.
        if params.path.metadata().is_ok_and(|found| !found.is_file()) {
            return Err(io::Error::other("expected a regular file, found something else"));
        }
        // A command of root's must not leave a log that the service can't write.
        let options = File::options().read(true).append(true).mode(MODE).clone();
        let mut file = atomic_file::open_or_create(&params.path, &options)?;
        file.set_permissions(Permissions::from_mode(MODE))?;
        end_last_line(&mut file)?;
        let bytes = file.metadata()?.len();
        Ok(Self { params, file, bytes })
    }

    /// Whether another program has moved the file away, as logrotate does, or deleted it.
    fn was_moved(&self) -> bool {
        let identity = |found: &std::fs::Metadata| (found.dev(), found.ino());
        let own = self.file.metadata().map(|found| identity(&found));
        let there = self.params.path.metadata().map(|found| identity(&found));
        match (own, there) {
            (Ok(own), Ok(there)) => own != there,
            _ => true,
        }
    }
}

impl LogStore for LogFile {
    fn append(&mut self, lines: &mut Vec<u8>) -> io::Result<()> {
        if self.was_moved() {
            *self = Self::open(self.params.clone())?;
        }
        if self.bytes > 0 && self.bytes + lines.len() as u64 > self.params.max_bytes {
            rotate(&self.params.path, self.params.keep)?;
            *self = Self::open(self.params.clone())?;
        }
        while !lines.is_empty() {
            let written = match self.file.write(lines) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                written => written?,
            };
            self.bytes += written as u64;
            lines.drain(..written);
        }
        self.file.sync_data()
    }
}

/// A process that was killed, or a full disk, leaves half a line; the next one must not continue it.
fn end_last_line(file: &mut File) -> io::Result<()> {
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}
