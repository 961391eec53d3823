//! `facerec backup` and `restore`.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Output;

use facerec::attendance::{AttendanceStore, Channels, NewSession, Page, SessionFilter, SqliteStore};
use facerec::gallery::writer::DirectoryLock;
use jiff::Timestamp;

use crate::support::documented_sample;
use crate::support::made_up::{data, person, recipe};
use crate::support::outcome::{done, refused};
use crate::support::server::facerec;

fn backup(data: &Path, to: &Path, more: &[&str]) -> Output {
    facerec().arg("backup").arg(data).arg("-o").arg(to).args(more).output().unwrap()
}

fn restore(file: &Path, to: &Path, more: &[&str]) -> Output {
    facerec().arg("restore").arg(file).arg("--data").arg(to).args(more).output().unwrap()
}

/// Visible and hidden entries but the lock.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name != "gallery.lock");
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A data directory with all that a backup keeps, and photos, which it does not; and its database, open.
fn full() -> (tempfile::TempDir, SqliteStore) {
    let data = data(recipe("casia", 32), vec![person("Ada"), person("Grace")]);
    let at = |name: &str| data.path().join(name);
    fs::write(at("roster.csv"), "Name,ID\nAda,1\n").unwrap();
    fs::create_dir(at("rosters")).unwrap();
    fs::write(at("rosters/01KB9V2T4M6X8Z0B2D4F6H8J0K-1.csv"), "Name,ID\nAda,0\n").unwrap();
    fs::write(at("audit-dismissals.json"), "{}").unwrap();
    fs::write(at("facerec.toml"), "queue = 3\n").unwrap();
    fs::create_dir(at("people")).unwrap();
    fs::write(at("people/photo.jpg"), "a photo").unwrap();
    let store = SqliteStore::open(data.path(), Channels::default()).unwrap();
    begin(&store, "Maths");
    (data, store)
}

fn begin(store: &SqliteStore, title: &str) {
    let session = NewSession {
        title: title.to_owned(),
        group: None,
        zone: "UTC".to_owned(),
        start: Timestamp::from_second(1_800_000_000).unwrap(),
        late_after_minutes: None,
        end: None,
    };
    store.create_session(&session, None, session.start).unwrap();
}

#[test]
fn what_was_backed_up_is_restored_with_what_is_in_the_log_of_the_database() {
    let (data, open) = full();
    let wal = fs::metadata(data.path().join("attendance.db-wal")).unwrap();
    assert!(wal.len() > 0, "the session is in the WAL");
    let elsewhere = tempfile::tempdir().unwrap();
    let keys = elsewhere.path().join("own-keys.toml");
    done(
        &facerec()
            .args(["keys", "new", "office", "--scope", "manage", "--file"])
            .arg(&keys)
            .output()
            .unwrap(),
    );
    let file = elsewhere.path().join("backup.tar");
    // A service holds the lock.
    let lock = DirectoryLock::acquire(data.path()).unwrap();
    let output = backup(data.path(), &file, &["--api-keys-file", keys.to_str().unwrap()]);
    assert!(done(&output).ends_with(&format!("wrote {}\n", file.display())));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "Not in the backup: people.\n");
    drop(lock);
    assert_eq!(mode(&file), 0o600);
    assert_eq!(names(elsewhere.path()), ["backup.tar", "own-keys.toml"]);
    // What comes after it is not in it.
    begin(&open, "Physics");

    let new = elsewhere.path().join("new/data");
    let said = done(&restore(&file, &new, &[]));
    assert!(said.starts_with("restored 7 files of 20"), "{said}");
    assert_eq!(
        names(&new),
        [
            "attendance.db",
            "audit-dismissals.json",
            "facerec.toml",
            "gallery.bin",
            "keys.toml",
            "roster.csv",
            "rosters"
        ]
    );
    for name in ["gallery.bin", "roster.csv", "facerec.toml", "rosters/01KB9V2T4M6X8Z0B2D4F6H8J0K-1.csv"] {
        assert_eq!(fs::read(new.join(name)).unwrap(), fs::read(data.path().join(name)).unwrap(), "{name}");
    }
    assert_eq!(fs::read(new.join("keys.toml")).unwrap(), fs::read(&keys).unwrap());
    assert_eq!((mode(&new.join("rosters")), mode(&new.join("gallery.bin")) & 0o007), (0o700, 0));
    let restored = SqliteStore::open(&new, Channels::default()).unwrap();
    let sessions = restored.sessions(&SessionFilter::default(), Page::ALL).unwrap().sessions;
    assert_eq!(sessions.iter().map(|session| session.what.title.as_str()).collect::<Vec<_>>(), ["Maths"]);
    assert!(restored.integrity().unwrap().is_empty());
}

#[test]
fn a_file_or_directory_that_is_there_is_not_replaced_unasked() {
    let (data, _open) = full();
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("backup.tar");
    done(&backup(data.path(), &file, &[]));
    let said = refused(&backup(data.path(), &file, &[]));
    assert!(said.contains("is there already: expected another file name, or --force"), "{said}");
    done(&backup(data.path(), &file, &["--force"]));

    let other = crate::support::made_up::data(recipe("casia", 0), vec![person("Mary")]);
    fs::write(other.path().join("attendance.db-wal"), "of another database").unwrap();
    fs::write(other.path().join("notes.txt"), "mine").unwrap();
    let mary = fs::read(other.path().join("gallery.bin")).unwrap();
    let said = refused(&restore(&file, other.path(), &[]));
    assert!(said.contains("expected an empty directory, found "), "{said}");
    assert_eq!(fs::read(other.path().join("gallery.bin")).unwrap(), mary);
    let lock = DirectoryLock::acquire(other.path()).unwrap();
    let said = refused(&restore(&file, other.path(), &["--force"]));
    assert!(said.contains("is writing to this data directory"), "{said}");
    drop(lock);

    let said = done(&restore(&file, other.path(), &["--force"]));
    let aside = names(other.path()).into_iter().find(|name| name.starts_with("replaced-")).unwrap();
    assert!(said.contains(&format!("{aside}: delete it when all is well")), "{said}");
    let aside = other.path().join(aside);
    assert_eq!(
        (names(&aside), mode(&aside)),
        (vec!["attendance.db-wal".to_owned(), "gallery.bin".to_owned()], 0o700)
    );
    assert_eq!(fs::read(aside.join("gallery.bin")).unwrap(), mary);
    assert!(other.path().join("notes.txt").exists());
    assert_eq!(
        fs::read(other.path().join("gallery.bin")).unwrap(),
        fs::read(data.path().join("gallery.bin")).unwrap()
    );
    assert!(!other.path().join("attendance.db-wal").exists());
}

#[test]
fn what_root_restores_belongs_to_the_owner_of_the_directory() {
    const USER: u32 = 12345;
    let (data, _open) = full();
    let elsewhere = tempfile::tempdir().unwrap();
    let (file, new) = (elsewhere.path().join("backup.tar"), elsewhere.path().join("new"));
    done(&backup(data.path(), &file, &[]));
    fs::create_dir(&new).unwrap();
    if chown(&new, Some(USER), Some(USER)).is_err() {
        eprintln!("skipped: this user can't give files away");
        return;
    }
    done(&restore(&file, &new, &[]));
    done(&restore(&file, &new, &["--force"]));
    let aside = names(&new).into_iter().find(|name| name.starts_with("replaced-")).unwrap();
    let version = "rosters/01KB9V2T4M6X8Z0B2D4F6H8J0K-1.csv";
    for name in ["gallery.bin", "attendance.db", "facerec.toml", "rosters", version, &aside] {
        let about = fs::metadata(new.join(name)).unwrap();
        assert_eq!((about.uid(), about.gid()), (USER, USER), "{name}");
    }
}

#[test]
fn what_killed_runs_left_is_removed() {
    let (data, _open) = full();
    let elsewhere = tempfile::tempdir().unwrap();
    let (file, new) = (elsewhere.path().join("backup.tar"), elsewhere.path().join("new"));
    let (old, young) =
        (elsewhere.path().join(".facerec-backup-old"), elsewhere.path().join(".facerec-backup-new"));
    for directory in [&old, &young, &new.join(".restore-x1y2.tmp")] {
        fs::create_dir_all(directory).unwrap();
        fs::write(directory.join("attendance.db"), "half").unwrap();
    }
    let two_days_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(48);
    File::open(&old).unwrap().set_modified(two_days_ago).unwrap();
    done(&backup(data.path(), &file, &[]));
    // A young one may be of a run that goes on.
    assert_eq!(names(elsewhere.path()), [".facerec-backup-new", "backup.tar", "new"]);
    done(&restore(&file, &new, &[]));
    assert!(names(&new).iter().all(|name| !name.starts_with('.')), "{:?}", names(&new));
}

#[test]
fn the_settings_of_the_directory_are_no_obstacle_to_its_backup() {
    let (data, _open) = full();
    let keys = data.path().join("keys.toml");
    let new_key = ["keys", "new", "office", "--scope", "manage", "--file"];
    done(&facerec().args(new_key).arg(&keys).output().unwrap());
    fs::copy(&keys, data.path().join("other.toml")).unwrap();
    fs::write(data.path().join("facerec.toml"), documented_sample()).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("backup.tar");
    let holds_keys = |output: &Output| done(output).lines().any(|line| line.ends_with("  keys.toml"));
    let output = backup(data.path(), &file, &[]);
    assert!(holds_keys(&output));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "Not in the backup: other.toml, people.\n");
    // The name of the archive is not taken for the directory, whose settings name the keys.
    for output_flag in [vec!["-o".into(), file.clone().into_os_string()], vec![short_with(&file)]] {
        let mut command = facerec();
        command.arg("backup").args(output_flag).arg("--force").arg(data.path());
        fs::write(data.path().join("facerec.toml"), "api-keys-file = \"other.toml\"\n").unwrap();
        let output = command.output().unwrap();
        assert!(holds_keys(&output));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "Not in the backup: keys.toml, people.\n");
    }
}

fn short_with(file: &Path) -> std::ffi::OsString {
    format!("-o{}", file.display()).into()
}

/// An archive with these entries, made by hand.
fn archive(path: &Path, entries: &[(&str, &[u8], tar::EntryType)]) {
    let mut archive = tar::Builder::new(File::create(path).unwrap());
    for (name, content, kind) in entries {
        let mut header = tar::Header::new_gnu();
        // Not by `set_path`, which refuses what a hostile archive has.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        if *kind == tar::EntryType::Symlink {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        archive.append(&header, *content).unwrap();
    }
    archive.finish().unwrap();
}

fn list(files: &[(&str, &[u8])]) -> Vec<u8> {
    use sha2::Digest as _;
    let file = |(name, content): &(&str, &[u8])| {
        let sha256: Vec<String> =
            sha2::Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        serde_json::json!({ "name": name, "bytes": content.len(), "sha256": sha256.concat(), "mode": 0o640 })
    };
    let files: Vec<_> = files.iter().map(file).collect();
    serde_json::to_vec(&serde_json::json!({
        "format": "facerec-backup", "version": 1, "facerec": "0", "created_at": "2026-11-27T00:00:00Z", "files": files,
    }))
    .unwrap()
}

#[test]
fn what_is_altered_or_hostile_is_refused_and_nothing_is_written() {
    use tar::EntryType::{Regular, Symlink};
    let (data, _open) = full();
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("backup.tar");
    done(&backup(data.path(), &file, &[]));
    let whole = fs::read(&file).unwrap();
    let target = elsewhere.path().join("data");
    let check = |expected: &str| {
        let said = refused(&restore(&file, &target, &[]));
        assert!(said.contains(expected), "{expected}: {said}");
        assert_eq!(names(&target), [""; 0], "{expected}");
        assert_eq!(names(elsewhere.path()), ["backup.tar", "data"], "{expected}");
    };
    let at = whole.windows(7).position(|window| window == b"FACEREC").unwrap() + 200;
    let mut altered = whole.clone();
    altered[at] ^= 1;
    fs::write(&file, altered).unwrap();
    check("it was altered: expected of gallery.bin");
    fs::write(&file, &whole[..at]).unwrap();
    check("gallery.bin");
    fs::write(&file, "hello").unwrap();
    check("expected a tar file that `facerec backup` made, found ");

    let csv: &[u8] = b"Name,ID\n";
    for bad in ["../evil.csv", "/tmp/facerec-evil.csv", "rosters/../../evil.csv", "people/a.jpg"] {
        archive(&file, &[("manifest.json", &list(&[(bad, csv)]), Regular), (bad, csv, Regular)]);
        check("expected files of a data directory, found ");
    }
    let one = list(&[("roster.csv", csv)]);
    archive(&file, &[("manifest.json", &one, Regular), ("../evil.csv", csv, Regular)]);
    check("expected the file roster.csv, found \"../evil.csv\"");
    archive(&file, &[("manifest.json", &one, Regular), ("roster.csv", b"", Symlink)]);
    check("expected the file roster.csv, found \"roster.csv\" (Symlink)");
    archive(&file, &[("manifest.json", &one, Regular)]);
    check("it is truncated: expected roster.csv, found its end");
    archive(
        &file,
        &[("manifest.json", &one, Regular), ("roster.csv", csv, Regular), ("gallery.bin", b"x", Regular)],
    );
    check("expected its end, found \"gallery.bin\"");
    archive(&file, &[("roster.csv", csv, Regular)]);
    check("found one that does not begin with manifest.json");
    // A list that is longer than any is read, and not its beginning.
    archive(&file, &[("manifest.json", b"", Regular)]);
    let mut claiming = fs::read(&file).unwrap();
    let mut header = tar::Header::from_byte_slice(&claiming[..512]).clone();
    header.set_size((512 << 20) + 1);
    header.set_cksum();
    claiming[..512].copy_from_slice(header.as_bytes());
    fs::write(&file, claiming).unwrap();
    check("expected a list of 536870912 bytes at most in manifest.json, found 536870913");
    let gallery: &[u8] = b"of a version to come";
    archive(
        &file,
        &[("manifest.json", &list(&[("gallery.bin", gallery)]), Regular), ("gallery.bin", gallery, Regular)],
    );
    check("expected a gallery");
}
