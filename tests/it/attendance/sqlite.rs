//! What is SQLite's own: the file, two writers.

use std::os::unix::fs::PermissionsExt as _;

use facerec::attendance::{
    AttendanceStore as _, Channel, Channels, Deleted, Events, Forget, Page, ReportQuery, SessionFilter,
    SqliteStore,
};

use super::{BOTH, class_7a, eight, enrolled, matched, minutes, person, photo, sqlite, statuses};

fn files(directory: &std::path::Path) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}

#[test]
fn nothing_is_on_the_disk_until_the_first_write() {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(directory.path());
    assert_eq!(store.sessions(&SessionFilter::default(), Page::ALL).unwrap().sessions, []);
    assert_eq!(store.report(&ReportQuery::default()).unwrap().people, []);
    assert_eq!(store.due(Channel::Webhook, eight(), 1).unwrap(), []);
    assert_eq!(store.delete_before(eight()).unwrap(), Deleted::default());
    assert_eq!(store.forget("nobody", Forget::Remove).unwrap(), 0);
    assert!(store.session("none").is_err());
    assert_eq!((store.exists(), files(directory.path())), (false, 0));
    class_7a(&*store);
    let mode = std::fs::metadata(store.path()).unwrap().permissions().mode();
    assert!(store.exists());
    assert_eq!(mode & 0o007, 0, "not for everybody");
}

#[test]
fn two_writers_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(directory.path());
    let session = class_7a(&*store);
    let people: Vec<_> = (100..140).chain(200..240).map(|who| enrolled(who, &[])).collect();
    store.sync_people(&people, false).unwrap();
    let threads: Vec<_> = [100, 200]
        .map(|first| {
            let (store, id) = (sqlite(directory.path()), session.id.clone());
            std::thread::spawn(move || {
                for who in first..first + 40 {
                    store
                        .mark(
                            &id,
                            &photo(who as u8, minutes(1)),
                            &[matched(0, who, 0.8), matched(1, 1, 0.5)],
                            minutes(1),
                        )
                        .unwrap();
                }
            })
        })
        .into();
    for thread in threads {
        thread.join().unwrap();
    }
    let store = sqlite(directory.path());
    assert_eq!(statuses(&*store, &session).len(), 4 + 80);
    assert_eq!(store.session(&session.id).unwrap().photos, 80);
    // One of each person's was written by one writer or the other, and only one of them.
    assert_eq!(store.due(Channel::Legacy, minutes(2), 1000).unwrap().len(), 81);
}

#[test]
fn files_of_others_and_of_the_future_are_left_alone() {
    let message = |content: &dyn Fn(&std::path::Path)| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("attendance.db");
        content(&path);
        let before = std::fs::read(&path).unwrap();
        let message = SqliteStore::open(directory.path(), BOTH).err().unwrap().to_string();
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert!(message.starts_with(&format!("the attendance database {}: ", path.display())), "{message}");
        message
    };
    let text = message(&|path| {
        std::fs::write(path, "not a database, but long enough for a header of SQLite.".repeat(20)).unwrap();
    });
    assert!(text.contains("file is not a database"), "{text}");
    // `user_version` of a header: bytes 60 to 63, big-endian.
    let newer = message(&|path| {
        class_7a(&*sqlite(path.parent().unwrap()));
        let mut bytes = std::fs::read(path).unwrap();
        bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
        std::fs::write(path, bytes).unwrap();
    });
    assert!(
        newer.ends_with(
            "expected schema version 3 or lower, found 99: it was written by a newer version of facerec"
        ),
        "{newer}"
    );
    // `application_id`: bytes 68 to 71.
    let foreign = message(&|path| {
        class_7a(&*sqlite(path.parent().unwrap()));
        let mut bytes = std::fs::read(path).unwrap();
        bytes[68..72].fill(0);
        std::fs::write(path, bytes).unwrap();
    });
    assert!(foreign.ends_with("found another program's"), "{foreign}");
}

#[test]
fn a_link_in_place_of_the_file_is_not_followed() {
    let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let target = elsewhere.path().join("target.db");
    std::os::unix::fs::symlink(&target, directory.path().join("attendance.db")).unwrap();
    assert!(SqliteStore::open(directory.path(), BOTH).is_err());
    assert!(!target.exists());
    // The directory itself may be one.
    let link = directory.path().join("data");
    std::os::unix::fs::symlink(elsewhere.path(), &link).unwrap();
    class_7a(&*sqlite(&link));
    assert!(elsewhere.path().join("attendance.db").exists());
}

#[test]
fn nothing_is_written_for_channels_without_a_receiver() {
    let directory = tempfile::tempdir().unwrap();
    let store =
        SqliteStore::open(directory.path(), Channels { webhook: Events::NONE, legacy: true }).unwrap();
    let session = class_7a(&store);
    store.mark(&session.id, &photo(1, minutes(1)), &[matched(0, 1, 0.8)], minutes(1)).unwrap();
    store.close_session(&session.id, "Ms Frizzle", minutes(50)).unwrap();
    assert_eq!(store.outbox_counts().unwrap().pending, 1);
}

#[test]
fn names_that_were_forgotten_are_not_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(directory.path());
    let session = class_7a(&*store);
    store.sync_people(&[enrolled(77_777, &["7A"])], false).unwrap();
    store.mark(&session.id, &photo(1, minutes(1)), &[matched(0, 77_777, 0.8)], minutes(1)).unwrap();
    let holds_name = || {
        let files = std::fs::read_dir(directory.path()).unwrap();
        files
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .any(|bytes| bytes.windows(11).any(|window| window == b"Pupil 77777"))
    };
    assert!(holds_name());
    store.forget(&person(77_777).person_id, Forget::Anonymise).unwrap();
    assert!(!holds_name());
}
