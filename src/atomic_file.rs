//! Atomic and durable replacement of a file: after a crash, a full disk or a power failure the old or the
//! new file is complete. A temporary file in the same directory is written, synced and renamed, and the
//! directory is synced.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// Mode of a new file before the umask: not readable by others, since it holds faces and IDs.
const MODE_OF_NEW_FILES: u32 = 0o640;
/// Mode of a new file that only its owner may read.
const PRIVATE_MODE: u32 = 0o600;
/// Mode of a directory that only its owner may read.
const PRIVATE_DIRECTORY: u32 = 0o700;
/// How the names of temporary files end; they begin with a dot and the name of the file they replace.
pub const SUFFIX: &str = ".tmp";

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 256 << 10;

/// Longest chain of links that is followed.
const MAX_LINKS: usize = 40;

/// Replaces the file at `path` by what `write` writes. When this returns, the new file is on the
/// disk. The returned file is the new one, open.
///
/// A file that is replaced keeps its mode, and its owner and group where this process may give them.
/// Where `path` is a link, what it points to is replaced.
///
/// # Errors
/// What the file system says; the old file is in place then, unless only the last step, syncing
/// the directory, failed.
pub fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<File> {
    replace_with_mode(path, MODE_OF_NEW_FILES, write)
}

/// As [`replace`], with a file that only its owner may read, also in place of one that others could.
///
/// # Errors
/// As [`replace`].
pub fn replace_private(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<File> {
    replace_with_mode(path, PRIVATE_MODE, write)
}

/// `mode` is that of a file that is new; one that is replaced keeps of its mode what a private file may have.
fn replace_with_mode(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<File> {
    let target = trusted_target(path)?;
    let (directory, prefix) = place(&target)?;
    let old = fs::metadata(&target).ok();
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(SUFFIX);
    if old.is_none() {
        builder.permissions(Permissions::from_mode(mode));
    }
    let temporary = builder.tempfile_in(&directory)?;
    let mut buffered = BufWriter::with_capacity(BUFFER_BYTES, temporary);
    write(&mut buffered)?;
    let temporary = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
    match &old {
        Some(old) => {
            let kept = if mode == PRIVATE_MODE { 0o700 } else { 0o777 };
            keep_access(old, temporary.as_file(), kept)?;
        }
        None => give_to_owner_of(&directory, temporary.as_file()),
    }
    temporary.as_file().sync_all()?;
    let file = temporary.persist(&target).map_err(|error| error.error)?;
    File::open(&directory)?.sync_all()?;
    Ok(file)
}

/// Gives a new file to the owner of its directory, which only root can: else a service that runs as that
/// user could not use what root made there.
pub fn give_to_owner_of(directory: &Path, new: &File) {
    // Without the right to do it, the file is the maker's, as files are.
    let _ = fs::metadata(directory)
        .and_then(|directory| fchown(new, Some(directory.uid()), Some(directory.gid())));
}

/// Opens the file at `path`, made as needed and then given to the owner of its directory. A link is followed only if a trusted user made
/// it, and what was there already is given to nobody: otherwise the owner of the directory could have root give any file away.
///
/// # Errors
/// What the file system says; [`ErrorKind::PermissionDenied`] for a link that is not trusted.
pub fn open_or_create(path: &Path, options: &OpenOptions) -> io::Result<File> {
    let target = trusted_target(path)?;
    match options.clone().create_new(true).open(&target) {
        Ok(file) => {
            give_to_owner_of(&place(&target)?.0, &file);
            Ok(file)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            options.clone().custom_flags(libc::O_NOFOLLOW).open(&target)
        }
        Err(error) => Err(error),
    }
}

/// Makes a directory for personal data, which must not be there yet: for its owner only, who is that of the directory `like`.
///
/// # Errors
/// What the file system says.
pub fn create_private_directory(path: &Path, like: &Path) -> io::Result<()> {
    DirBuilder::new().mode(PRIVATE_DIRECTORY).create(path)?;
    give_directory(path, like)
}

/// Gives a new directory to the owner of the directory `like`. A link that took its place meanwhile is not followed.
///
/// # Errors
/// What the file system says.
pub fn give_directory(path: &Path, like: &Path) -> io::Result<()> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    give_to_owner_of(like, &File::options().read(true).custom_flags(flags).open(path)?);
    Ok(())
}

/// As [`create_private_directory`] like the directory that `path` is in; one that is there stays as it is.
///
/// # Errors
/// What the file system says.
pub fn ensure_private_directory(path: &Path) -> io::Result<()> {
    match create_private_directory(path, path.parent().unwrap_or(path)) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The owner, group and mode of the old file for the new one, as far as this process may; of the mode only the bits in `kept`.
fn keep_access(old: &Metadata, new: &File, kept: u32) -> io::Result<()> {
    // Only root can change the owner; the group can also be set by its members.
    let _ = fchown(new, Some(old.uid()), Some(old.gid())).or_else(|_| fchown(new, None, Some(old.gid())));
    let mode = old.mode() & kept;
    let same_group = new.metadata()?.gid() == old.gid();
    let mode = if same_group { mode } else { for_another_group(mode) };
    // `set_permissions` is not subject to the umask.
    new.set_permissions(Permissions::from_mode(mode))
}

/// The mode for a file of another group than before, which may do no more than everybody may.
fn for_another_group(mode: u32) -> u32 {
    mode & (0o707 | (mode & 0o007) << 3)
}

/// What `path` points to, which need not exist; `path` itself where it is no link. Links are followed only if a trusted user made them:
/// otherwise the owner of the directory could make root replace any file.
///
/// # Errors
/// [`ErrorKind::PermissionDenied`] for a link that is not trusted; [`ErrorKind::InvalidInput`] for too many.
pub fn trusted_target(path: &Path) -> io::Result<PathBuf> {
    let (target, makers) = target(path)?;
    let owner = fs::metadata(&target).ok().map(|target| target.uid());
    let trusted = [Some(0), Some(rustix::process::geteuid().as_raw()), owner];
    match makers.into_iter().find(|maker| !trusted.contains(&Some(*maker))) {
        None => Ok(target),
        Some(maker) => {
            let message = format!(
                "it is a link of user {maker}: expected one of root's, of the user's who runs this, or of the owner's of what it \
                 points to"
            );
            Err(io::Error::new(ErrorKind::PermissionDenied, message))
        }
    }
}

/// What `path` points to in the end, and who made the links on the way.
fn target(path: &Path) -> io::Result<(PathBuf, Vec<u32>)> {
    let (mut target, mut makers) = (path.to_path_buf(), Vec::new());
    for _ in 0..MAX_LINKS {
        match fs::symlink_metadata(&target) {
            Ok(link) if link.is_symlink() => makers.push(link.uid()),
            _ => return Ok((target, makers)), // no link, or nothing at all
        }
        let next = fs::read_link(&target)?;
        target = target.parent().unwrap_or(Path::new("")).join(next);
    }
    let message = format!("{}: expected at most {MAX_LINKS} links, found more", path.display());
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

/// Removes temporary files that a killed process left beside `path`. Only the process that may
/// write there calls this. Returns how many there were.
///
/// # Errors
/// What the file system says.
pub fn remove_leftovers(path: &Path) -> io::Result<usize> {
    let (directory, prefix) = place(&trusted_target(path)?)?;
    let mut removed = 0;
    for entry in fs::read_dir(&directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(prefix.as_encoded_bytes()) && name.ends_with(SUFFIX.as_bytes()) {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// The directory of `path`, and how the names of its temporary files begin.
fn place(path: &Path) -> io::Result<(PathBuf, OsString)> {
    let name = path.file_name().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{} does not name a file", path.display()))
    })?;
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    Ok((directory.to_path_buf(), prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.bin");
        replace(&path, |to| to.write_all(b"old")).unwrap();
        let error = replace(&path, |to| {
            to.write_all(b"half of the new")?;
            Err(io::Error::other("the disk is full"))
        });
        assert_eq!(error.unwrap_err().to_string(), "the disk is full");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(directory.path()), ["a.bin"]);
    }

    #[test]
    fn the_mode_is_kept_and_a_new_file_is_not_for_everybody() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.bin");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        replace(&path, |to| to.write_all(b"1")).unwrap();
        assert_eq!(mode(&path) & 0o007, 0);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        replace(&path, |to| to.write_all(b"2")).unwrap();
        assert_eq!(mode(&path), 0o644);
        replace_private(&path, |to| to.write_all(b"3")).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn another_group_gets_no_rights_that_were_meant_for_the_old_one() {
        let modes = [0o640, 0o660, 0o664, 0o600, 0o646].map(for_another_group);
        assert_eq!(modes, [0o600, 0o600, 0o644, 0o600, 0o646]);
    }

    #[test]
    fn what_a_link_points_to_is_replaced_and_its_leftovers_removed() {
        let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (link, first) = (directory.path().join("a.bin"), directory.path().join("first"));
        let file = other.path().join("real.bin");
        std::os::unix::fs::symlink("first", &link).unwrap();
        std::os::unix::fs::symlink(&file, &first).unwrap();
        for content in [b"1", b"2"] {
            replace(&link, |to| to.write_all(content)).unwrap();
            assert_eq!(fs::read(&file).unwrap(), content);
        }
        assert!(link.is_symlink() && first.is_symlink());
        fs::write(other.path().join(".real.bin.x1y2.tmp"), "").unwrap();
        assert_eq!(remove_leftovers(&link).unwrap(), 1);
        assert_eq!(names(other.path()), ["real.bin"]);
        let ring = directory.path().join("ring");
        std::os::unix::fs::symlink("ring", &ring).unwrap();
        let error = replace(&ring, |_| Ok(())).unwrap_err().to_string();
        assert!(error.ends_with("expected at most 40 links, found more"), "{error}");
    }

    /// Gives a file away, which root alone can; whether it could.
    fn gave(path: &Path, user: u32) -> bool {
        std::os::unix::fs::chown(path, Some(user), Some(user)).is_ok()
    }

    #[test]
    fn root_keeps_the_owner_and_gives_new_files_to_that_of_the_directory() {
        const USER: u32 = 12_345;
        let directory = tempfile::tempdir().unwrap();
        // To two users, since this process may be one of them.
        if !(gave(directory.path(), USER + 1) && gave(directory.path(), USER)) {
            return; // not root: nothing can be given
        }
        let owner = |path: &Path| fs::metadata(path).map(|found| (found.uid(), found.gid())).unwrap();
        let path = directory.path().join("a.bin");
        replace(&path, |to| to.write_all(b"1")).unwrap();
        assert_eq!(owner(&path), (USER, USER));
        assert!(gave(&path, USER + 1));
        replace(&path, |to| to.write_all(b"2")).unwrap();
        assert_eq!(owner(&path), (USER + 1, USER + 1));

        // That user's link to a file of root's.
        let (link, precious) = (directory.path().join("link"), directory.path().join("precious"));
        fs::write(&precious, "precious").unwrap();
        std::os::unix::fs::symlink(&precious, &link).unwrap();
        std::os::unix::fs::lchown(&link, Some(USER), Some(USER)).unwrap();
        let error = replace(&link, |to| to.write_all(b"3")).unwrap_err().to_string();
        assert!(error.starts_with("it is a link of user 12345"), "{error}");
        assert_eq!(fs::read(&precious).unwrap(), b"precious");
        // Nor one behind a link of root's.
        let first = directory.path().join("first");
        std::os::unix::fs::symlink(&link, &first).unwrap();
        let error = replace(&first, |to| to.write_all(b"3")).unwrap_err().to_string();
        assert!(error.starts_with("it is a link of user 12345"), "{error}");
        // What is there already is opened, and given to nobody.
        let append = File::options().append(true).clone();
        fs::remove_file(&link).unwrap();
        fs::hard_link(&precious, &link).unwrap();
        open_or_create(&link, &append).unwrap();
        assert_eq!(owner(&precious).0, 0);
        open_or_create(&directory.path().join("new"), &append).unwrap();
        assert_eq!(owner(&directory.path().join("new")), (USER, USER));
    }

    #[test]
    fn leftovers_of_this_file_only_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        for name in [".a.bin.x1y2.tmp", ".b.bin.x1y2.tmp", "a.bin", "a.bin.tmp"] {
            fs::write(directory.path().join(name), name).unwrap();
        }
        assert_eq!(remove_leftovers(&directory.path().join("a.bin")).unwrap(), 1);
        assert_eq!(names(directory.path()), [".b.bin.x1y2.tmp", "a.bin", "a.bin.tmp"]);
    }
}
