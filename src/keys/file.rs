//! The file of API keys: TOML, one table per key.
//!
//! ```toml
//! [[key]]
//! name = "camera at the gate"
//! scope = "recognize"
//! sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
//! expires = "2027-07-31T22:00:00Z" # optional
//! ```

use std::fs::File;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ApiKeys, KeyEntry, PREFIX, Scope};
use crate::atomic_file;
use crate::error::{DataError, Error, Operation, Result};
use crate::hex::{sha256_from_hex, to_hex};
use crate::local_file::{self, Forbidden};
use crate::reloadable::FileSource;

/// How a [`Reloadable`](crate::reloadable::Reloadable) file of keys is read. A file without entries is valid: then no key is accepted.
pub const KEYS: FileSource<ApiKeys> = FileSource { what: "list of API keys", read, without_file: None };

/// Largest file that is read, bytes: 10,000 keys.
const MAX_BYTES: u64 = 4 << 20;
/// First line of the file.
const HEAD: &str = "# Keys of facerec. Written by `facerec keys`, which keeps entries and no comments.\n";

/// Schema of the file. Scope, hash and time are checked by hand: the parser's messages repeat the value, which
/// may be a key put there by mistake.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Toml {
    #[serde(rename = "key", default, skip_serializing_if = "Vec::is_empty")]
    keys: Vec<TomlKey>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TomlKey {
    name: String,
    scope: String,
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

impl From<&KeyEntry> for TomlKey {
    fn from(entry: &KeyEntry) -> Self {
        let (name, scope) = (entry.name.clone(), entry.scope.as_str().to_owned());
        let expires = entry.expires.map(|time| time.to_string());
        Self { name, scope, sha256: to_hex(&entry.sha256), expires }
    }
}

impl TryFrom<TomlKey> for KeyEntry {
    type Error = String;

    fn try_from(key: TomlKey) -> std::result::Result<Self, String> {
        let expected = |what: &str| format!("key {:?}: expected {what}, found something else", key.name);
        let scope = Scope::from_name(&key.scope).ok_or_else(|| {
            expected(&format!(
                "the scope {}",
                Scope::ALL.map(Scope::as_str).map(|s| format!("{s:?}")).join(" or ")
            ))
        })?;
        let sha256 = sha256_from_hex(&key.sha256)
            .ok_or_else(|| expected("as sha256 the 64 hexadecimal digits of the key's SHA-256"))?;
        if is_guessable(&sha256) {
            return Err(format!(
                "key {:?}: expected the SHA-256 of a random key, found that of a well-known word: make one with `facerec keys new`",
                key.name
            ));
        }
        let time = |text: String| {
            text.parse().map_err(|_| expected("as expires a time in quotes like \"2027-07-31T22:00:00Z\""))
        };
        let expires = key.expires.map(time).transpose()?;
        Ok(Self { name: key.name, scope, sha256, expires })
    }
}

/// Words that are tried first by whoever guesses keys.
const GUESSABLE: [&str; 24] = [
    "",
    "0",
    "1",
    "123",
    "1234",
    "12345",
    "123456",
    "1234567",
    "12345678",
    "123456789",
    "test",
    "password",
    "passwort",
    "secret",
    "key",
    "admin",
    "root",
    "changeme",
    "facerec",
    "token",
    "apikey",
    "example",
    "demo",
    "qwerty",
];

fn is_guessable(sha256: &[u8; 32]) -> bool {
    GUESSABLE.iter().any(|word| Sha256::digest(word.as_bytes()).as_slice() == sha256)
}

/// Reads the file. No message repeats what stands where a key might.
///
/// # Errors
/// [`Error::Data`] when it can't be read or an entry can't be used.
fn read(path: &Path) -> Result<ApiKeys> {
    let file = format!("the file of API keys {}", path.display());
    // Whoever may write the file can add a key of their own.
    let text =
        local_file::check_mode(path, Forbidden::Write).and_then(|()| local_file::read_text(path, MAX_BYTES));
    let text = text.map_err(DataError::io(&file, Operation::Read))?;
    parse(&text).map_err(|reason| DataError::content(&file, Operation::Read, reason))
}

fn parse(text: &str) -> std::result::Result<ApiKeys, String> {
    let toml: Toml = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let said = Some(error.message()).filter(|message| !message.contains(PREFIX));
        format!("line {line}: {}", said.unwrap_or("expected [[key]] tables with name, scope and sha256"))
    })?;
    let entries = toml.keys.into_iter().map(KeyEntry::try_from).collect::<std::result::Result<_, _>>()?;
    ApiKeys::new(entries).map_err(|error| error.to_string())
}

/// The entries of the file at `path`, in order.
///
/// # Errors
/// [`Error::Data`] when it is missing, can't be read or holds an entry that can't be used.
pub fn entries(path: &Path) -> Result<Vec<KeyEntry>> {
    Ok(read(path)?.entries)
}

/// Replaces the file by one with the entries that `edit` makes out of those in it; where there is no
/// file, out of none. When this returns, the file is on the disk. Changes by several processes take turns.
///
/// # Errors
/// What `edit` says; [`Error::Data`] when the file can't be read or written, or the entries can't be a
/// file's. It stays as it is then.
pub fn change(path: &Path, edit: impl FnOnce(Vec<KeyEntry>) -> Result<Vec<KeyEntry>>) -> Result<()> {
    let failed = DataError::io_at(path, Operation::Write);
    // Where the file itself is a link, what it points to is replaced.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let _turn = lock_directory(&target).map_err(&failed)?;
    let old = if target.try_exists().map_err(&failed)? { entries(&target)? } else { Vec::new() };
    let keys = ApiKeys::new(edit(old)?)?;
    let toml = to_toml(keys.entries())?;
    // Left by a process that was killed: the lock rules out others.
    atomic_file::remove_leftovers(&target).map_err(&failed)?;
    atomic_file::replace(&target, |file| write!(file, "{HEAD}{toml}")).map_err(&failed)?;
    Ok(())
}

/// Entries as they stand in a file.
///
/// # Errors
/// [`Error::Internal`] when TOML can't hold them.
pub fn to_toml(entries: &[KeyEntry]) -> Result<String> {
    let keys = entries.iter().map(TomlKey::from).collect();
    toml::to_string(&Toml { keys }).map_err(|error| Error::Internal(format!("keys as TOML: {error}")))
}

/// The file itself can't carry the lock: it is replaced.
fn lock_directory(path: &Path) -> io::Result<File> {
    let directory =
        path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory = File::open(directory)?;
    directory.lock()?;
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn entry(name: &str, key: &str) -> KeyEntry {
        KeyEntry::of(name, Scope::Recognize, key)
    }

    #[test]
    fn the_file_in_this_files_own_words_is_read() {
        let text = format!("[[key]]\nname = \"camera\"\nscope = \"manage\"\nsha256 = \"{HASH}\"\n");
        let keys = parse(&text).unwrap();
        let expected =
            KeyEntry { sha256: sha256_from_hex(HASH).unwrap(), ..KeyEntry::of("camera", Scope::Manage, "") };
        assert_eq!(keys.entries(), [expected]);
        assert_eq!(to_toml(keys.entries()).unwrap(), text);
        let text = format!("{text}expires = \"2027-07-31T22:00:00Z\"\n");
        let keys = parse(&text).unwrap();
        assert_eq!(keys.entries()[0].expires, Some("2027-08-01T00:00:00+02:00".parse().unwrap()));
        assert_eq!(to_toml(keys.entries()).unwrap(), text);
        let message = parse(&text.replace("2027-07-31T", "31.7.2027 ")).unwrap_err();
        assert!(message.contains("expected as expires a time in quotes"), "{message}");
        assert_eq!(parse("# nobody\n").unwrap(), ApiKeys::default());
    }

    #[test]
    fn hashes_of_well_known_words_are_refused() {
        for word in ["", "test", "123456"] {
            let entry = entry("a", word);
            let message = parse(&to_toml(&[entry]).unwrap()).unwrap_err();
            assert!(message.contains("expected the SHA-256 of a random key"), "{word}: {message}");
        }
        assert!(parse(&to_toml(&[entry("a", "not a word")]).unwrap()).is_ok());
    }

    #[test]
    fn a_file_that_others_may_write_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.toml");
        change(&path, |_| Ok(vec![entry("a", "a key")])).unwrap();
        for (mode, accepted) in [(0o600, true), (0o644, true), (0o660, true), (0o602, false), (0o666, false)]
        {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(entries(&path).is_ok(), accepted, "{mode:o}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_repeating_what_may_be_a_key() {
        let key = format!("{PREFIX}0123");
        let of = |scope: &str, sha256: &str| {
            format!("[[key]]\nname = \"a\"\nscope = \"{scope}\"\nsha256 = {sha256}\n")
        };
        for (text, expected) in [
            (of("recognize", &format!("{key:?}")), "key \"a\": expected as sha256 the 64 hexadecimal digits"),
            (
                of(&key, &format!("{HASH:?}")),
                "expected the scope \"recognize\" or \"manage\", found something else",
            ),
            (of("recognize", &key), "line 4: "),
            (format!("key = [{key:?}]"), "line 1: expected [[key]] tables"),
            (format!("\n{key} = 1"), "line 2: expected [[key]] tables"),
            ("[[key]]\nname = \"a\"".to_owned(), "line 1: missing field `scope`"),
            (of("manage", "5"), "line 4: invalid type: integer `5`, expected a string"),
        ] {
            let message = parse(&text).unwrap_err();
            assert!(message.contains(expected), "{text}: {message}");
            assert!(!message.contains(&key), "{message}");
        }
    }

    #[test]
    fn a_change_keeps_the_other_entries_and_a_failed_one_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.toml");
        let add = |name: &'static str| {
            change(&path, move |mut entries| {
                entries.push(entry(name, name));
                Ok(entries)
            })
        };
        std::fs::write(directory.path().join(".keys.toml.x1y2.tmp"), "of one that was killed").unwrap();
        add("a").unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        add("b").unwrap();
        assert_eq!(entries(&path).unwrap(), [entry("a", "a"), entry("b", "b")]);
        let before = std::fs::read(&path).unwrap();
        assert!(add("a").unwrap_err().to_string().contains("two keys are named \"a\""));
        std::fs::write(&path, "[[key").unwrap();
        assert!(add("c").is_err(), "a broken file is not overwritten");
        assert_eq!(std::fs::read(&path).unwrap(), b"[[key");
        std::fs::write(&path, before).unwrap();
        change(&path, |_| Ok(Vec::new())).unwrap();
        assert_eq!(entries(&path).unwrap(), []);
    }

    #[test]
    fn changes_at_the_same_time_are_all_kept_and_a_link_stays_one() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("keys.toml"), directory.path().join("link"));
        std::fs::write(&path, "").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        std::thread::scope(|scope| {
            for at in 0..16 {
                let link = &link;
                scope.spawn(move || {
                    let (name, key) = (format!("key {at}"), format!("the {at}th key"));
                    let add = |mut entries: Vec<KeyEntry>| {
                        entries.push(entry(&name, &key));
                        Ok(entries)
                    };
                    change(link, add).unwrap();
                });
            }
        });
        assert_eq!(entries(&path).unwrap().len(), 16);
        assert!(link.is_symlink());
    }
}
