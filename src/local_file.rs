//! Reading files of this machine: never more than is expected and, where that matters, nothing that others could write or read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The bytes of a file, at most `most`.
///
/// # Errors
/// What the file system says; for a larger file, what was expected and found.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    check_len(len, most)?;
    let mut bytes = Vec::with_capacity(len as usize);
    // It may grow meanwhile.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    check_len(bytes.len() as u64, most)?;
    Ok(bytes)
}

/// Opens a regular file for reading. Never waits, as the opening of a FIFO does for its writer.
///
/// # Errors
/// What the file system says; for anything else, what was expected.
pub fn open_regular(path: &Path) -> io::Result<File> {
    open_with(path, libc::O_NONBLOCK)
}

/// As [`open_regular`], for a file that is no link.
///
/// # Errors
/// As [`open_regular`]; for a link.
pub fn open_no_link(path: &Path) -> io::Result<File> {
    open_with(path, libc::O_NONBLOCK | libc::O_NOFOLLOW)
}

fn open_with(path: &Path, flags: i32) -> io::Result<File> {
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::other("expected a regular file, found something else"))
}

/// As [`read`], for text.
///
/// # Errors
/// As [`read`]; for what is no UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let no_text = |_| io::Error::other("expected text in UTF-8, found other bytes");
    String::from_utf8(read(path, most)?).map_err(no_text)
}

fn check_len(found: u64, most: u64) -> io::Result<()> {
    if found <= most {
        return Ok(());
    }
    Err(io::Error::other(format!("expected at most {most} bytes, found {found}")))
}

/// What users who are neither owner nor in the group may not do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forbidden {
    /// Write it: it says what is allowed.
    Write,
    /// Read or write it: it is secret.
    ReadAndWrite,
}

/// Checks the mode of a file, and names it with what to do about it.
///
/// # Errors
/// What the file system says; for a file with which others may do what is forbidden, its mode.
pub fn check_mode(path: &Path, forbidden: Forbidden) -> io::Result<()> {
    let (bits, may_not, remedy) = match forbidden {
        Forbidden::Write => (0o002, "not write", "o-w"),
        Forbidden::ReadAndWrite => (0o006, "neither read nor write", "o="),
    };
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
    if mode & bits == 0 {
        return Ok(());
    }
    let path = path.display();
    Err(io::Error::other(format!(
        "expected a file that others may {may_not}, found mode {mode:o}: chmod {remedy} {path}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_large_is_refused_and_not_cut() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(read(&path, 4).unwrap_err().to_string(), "expected at most 4 bytes, found 5");
        assert_eq!(read_text(&path, 5).unwrap(), "12345");
        std::fs::write(&path, [0xff]).unwrap();
        assert_eq!(read_text(&path, 5).unwrap_err().to_string(), "expected text in UTF-8, found other bytes");
        // A device says that it has no bytes, and has them all the same.
        assert_eq!(
            read(Path::new("/dev/zero"), 9).unwrap_err().to_string(),
            "expected at most 9 bytes, found 10"
        );
    }

    #[test]
    fn a_file_that_others_may_change_or_a_secret_that_they_may_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        std::fs::write(&path, "").unwrap();
        for (mode, settings, secret) in [
            (0o600, true, true),
            (0o660, true, true),
            (0o644, true, false),
            (0o602, false, false),
            (0o666, false, false),
        ] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(check_mode(&path, Forbidden::Write).is_ok(), settings, "{mode:o}");
            assert_eq!(check_mode(&path, Forbidden::ReadAndWrite).is_ok(), secret, "{mode:o}");
        }
        let said = |forbidden| check_mode(&path, forbidden).unwrap_err().to_string();
        let path = path.display();
        let expected = format!("expected a file that others may not write, found mode 666: chmod o-w {path}");
        assert_eq!(said(Forbidden::Write), expected);
        let expected = format!(
            "expected a file that others may neither read nor write, found mode 666: chmod o= {path}"
        );
        assert_eq!(said(Forbidden::ReadAndWrite), expected);
    }
}
