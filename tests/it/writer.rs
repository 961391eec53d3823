//! Changes of the gallery: durable when answered, one process at a time, readers not in the way.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use facerec::error::{Error, InputError};
use facerec::gallery::store;
use facerec::gallery::writer::{DirectoryLock, GALLERY, GalleryWriter};
use facerec::gallery::{EnrolledPhoto, Gallery};
use facerec::reloadable::Reloadable;

use crate::support::enrolling_child::kill_after;
use crate::support::faces::{embedding, named, person, recipe};
use crate::support::server::{Server, facerec_after, sample_data};

/// Tells the test binary, started again, that it is to be killed.
const FOLDER: &str = "FACEREC_TEST_FOLDER";
/// The first number that the child gives to a person.
const FIRST: &str = "FACEREC_TEST_FIRST";
const WRITERS_IN_THE_CHILD: u64 = 4;

fn live(folder: &Path) -> Arc<Reloadable<Gallery>> {
    let path = folder.join(store::FILE_NAME);
    let fresh = || Reloadable::with_value(&path, GALLERY, Gallery::empty(recipe()));
    Arc::new(if path.exists() { Reloadable::open(&path, GALLERY).unwrap() } else { fresh() })
}

fn writer(folder: &Path) -> GalleryWriter {
    GalleryWriter::new(live(folder))
}

fn add(writer: &GalleryWriter, name: &str) -> Result<Arc<Gallery>, Error> {
    let new = person(name, &[embedding(1)]);
    writer.edit(move |gallery| gallery.with_person(new))
}

fn names(gallery: &Gallery) -> HashSet<String> {
    gallery.people().iter().map(|person| person.name.to_string()).collect()
}

/// This test binary again, running only `test`, which is ignored otherwise.
fn child(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--ignored", "--nocapture"]).env(FOLDER, folder);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The body of a child process: enrols from several threads and says whom, until it is killed.
#[test]
#[ignore = "run by an_answered_enrolment_survives_kill_9, in a process of its own"]
fn child_that_enrols_until_it_is_killed() {
    let folder = std::env::var(FOLDER).expect("started by another test");
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let writer = &writer(Path::new(&folder));
    std::thread::scope(|scope| {
        for thread in 0..WRITERS_IN_THE_CHILD {
            scope.spawn(move || {
                for number in (first + thread..).step_by(WRITERS_IN_THE_CHILD as usize) {
                    add(writer, &format!("Person {number}")).unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "enrolled Person {number}").unwrap();
                    out.flush().unwrap();
                }
            });
        }
    });
}

#[test]
fn an_answered_enrolment_survives_kill_9() {
    const KILLS: u64 = 200;
    let folder = tempfile::tempdir().unwrap();
    let mut answered = HashSet::new();
    for round in 0..KILLS {
        // The gallery stays small, so that a round takes milliseconds.
        if round % 20 == 0 {
            answered.clear();
            let _ = fs::remove_file(folder.path().join(store::FILE_NAME));
        }
        let mut process = child("writer::child_that_enrols_until_it_is_killed", folder.path())
            .env(FIRST, (round * 1_000_000).to_string())
            .spawn()
            .unwrap();
        answered.extend(kill_after(&mut process, 1 + round as usize % 7));
        let stored = store::read(&folder.path().join(store::FILE_NAME)).expect("the file is whole");
        let lost: Vec<_> = answered.difference(&names(&stored)).cloned().collect();
        assert!(lost.is_empty(), "round {round}: lost {lost:?}");
    }
    let lock = DirectoryLock::acquire(folder.path());
    assert!(lock.is_ok(), "the lock of a killed process is free: {lock:?}");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "gallery and lock file, no temporary file: {left:?}");
}

#[test]
fn parallel_writers_all_get_their_turn_and_readers_see_whole_galleries() {
    const WRITERS: usize = 8;
    const EACH: usize = 12;
    let folder = tempfile::tempdir().unwrap();
    let live = live(folder.path());
    let writer = &GalleryWriter::new(Arc::clone(&live));
    let done = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Ordering::Relaxed) {
                let count = live.current().len();
                assert!(count >= most, "people only come");
                most = count;
                live.poll();
            }
        });
        let writers: Vec<_> = (0..WRITERS)
            .map(|w| {
                scope.spawn(move || {
                    for n in 0..EACH {
                        let name = format!("Person {w}-{n}");
                        let gallery = add(writer, &name).unwrap();
                        assert!(gallery.person_by_name(&named(&name)).is_some());
                    }
                })
            })
            .collect();
        for thread in writers {
            thread.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert_eq!(live.current().len(), WRITERS * EACH);
    assert_eq!(store::read(live.path()).unwrap(), *live.current());
    assert!(!live.poll(), "its own writes are no foreign changes");
}

#[test]
fn a_refused_edit_changes_nothing_and_does_not_touch_its_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let writer = &writer(folder.path());
    add(writer, "Ada").unwrap();
    let before = fs::metadata(folder.path().join(store::FILE_NAME)).unwrap().modified().unwrap();
    assert!(matches!(add(writer, "Ada"), Err(Error::Input(InputError::NameTaken { .. }))));
    assert_eq!(fs::metadata(folder.path().join(store::FILE_NAME)).unwrap().modified().unwrap(), before);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..12)
            .map(|n| {
                scope.spawn(move || {
                    let name = if n % 3 == 0 { "Ada".to_owned() } else { format!("Person {n}") };
                    (n, add(writer, &name).is_ok())
                })
            })
            .collect();
        for thread in threads {
            let (n, accepted) = thread.join().unwrap();
            assert_eq!(accepted, n % 3 != 0);
        }
    });
    assert_eq!(store::read(&folder.path().join(store::FILE_NAME)).unwrap().len(), 9);
}

#[test]
fn an_edit_that_panics_harms_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(folder.path());
    let panicked =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| writer.edit(|_| panic!("on purpose"))));
    assert!(panicked.is_err());
    assert_eq!(add(&writer, "Ada").unwrap().len(), 1);
}

/// The body of a child process: holds the lock until its input ends.
#[test]
#[ignore = "run by a_second_process_may_not_write, in a process of its own"]
fn child_that_holds_the_lock() {
    let folder = std::env::var(FOLDER).expect("started by another test");
    let _lock = DirectoryLock::acquire(Path::new(&folder)).unwrap();
    println!("locked");
    std::io::stdin().lines().for_each(drop);
}

#[test]
fn a_second_process_may_not_write() {
    let folder = tempfile::tempdir().unwrap();
    let mut process =
        child("writer::child_that_holds_the_lock", folder.path()).stdin(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("locked")), "the child has the lock");

    let writer = writer(folder.path());
    let error = add(&writer, "Ada").unwrap_err();
    assert!(matches!(error, Error::Input(InputError::Locked(_))));
    let expected = format!(
        "another facerec process (pid {}) is writing to this data directory: change people through that one, or stop it first",
        process.id()
    );
    assert_eq!(error.to_string(), expected);
    assert!(!folder.path().join(store::FILE_NAME).exists());

    drop(process.stdin.take());
    process.wait().unwrap();
    assert!(add(&writer, "Ada").is_ok(), "free again, without a new start");
}

#[test]
fn a_gallery_put_in_place_by_hand_is_built_upon() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(store::FILE_NAME);
    let writer = writer(folder.path());
    add(&writer, "Ada").unwrap();
    let other = Gallery::new(recipe(), vec![person("Grace", &[embedding(2)])]).unwrap();
    store::write(&path, &other).unwrap();
    assert_eq!(names(&add(&writer, "Joan").unwrap()), HashSet::from(["Grace".to_owned(), "Joan".to_owned()]));

    fs::write(&path, "not a gallery").unwrap();
    let error = add(&writer, "Mary").unwrap_err().to_string();
    assert!(error.starts_with("a gallery file that can't be read was put in place"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"not a gallery");
    fs::remove_file(&path).unwrap();
    assert_eq!(add(&writer, "Mary").unwrap().len(), 3, "a deleted file is written again");
}

#[test]
fn leftovers_of_a_killed_writer_are_removed_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["gallery.bin", "roster.xlsx", "roster.ods", "roster.csv", "audit-dismissals.json"];
    let leftovers = names.map(|name| folder.path().join(format!(".{name}.Ab12Cd.tmp")));
    for leftover in &leftovers {
        fs::write(leftover, "half a file").unwrap();
    }
    let writer = writer(folder.path());
    assert!(leftovers.iter().all(|leftover| !leftover.exists()));
    add(&writer, "Ada").unwrap();
}

#[test]
fn a_gallery_that_is_linked_to_stays_where_it_is_and_a_lock_is_no_link() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (link, real) = (folder.path().join(store::FILE_NAME), other.path().join("real.bin"));
    store::write(&real, &Gallery::empty(recipe())).unwrap();
    symlink(&real, &link).unwrap();
    let writer = writer(folder.path());
    add(&writer, "Ada").unwrap();
    assert!(link.is_symlink());
    assert_eq!(store::read(&real).unwrap().len(), 1);
    drop(writer);

    let (lock, precious) = (folder.path().join("gallery.lock"), other.path().join("precious"));
    fs::remove_file(&lock).unwrap();
    fs::write(&precious, "precious").unwrap();
    symlink(&precious, &lock).unwrap();
    let error = DirectoryLock::acquire(folder.path()).unwrap_err().to_string();
    assert!(error.ends_with("can't be locked: expected a file, found a link"), "{error}");
    assert_eq!(fs::read(&precious).unwrap(), b"precious");
}

#[test]
fn a_lock_file_is_for_its_owner_alone_whatever_the_umask() {
    let server = Server::start_as(facerec_after("umask 000"), sample_data(), &[]);
    let lock = server.data.path().join("gallery.lock");
    assert_eq!(fs::metadata(lock).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn the_service_can_take_a_lock_file_that_root_made_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    if chown(folder.path(), Some(12_345), Some(12_345)).is_err() {
        return; // not root: every file is this user's
    }
    drop(DirectoryLock::acquire(folder.path()).unwrap());
    let lock = fs::metadata(folder.path().join("gallery.lock")).unwrap();
    assert_eq!((lock.uid(), lock.gid()), (12_345, 12_345));
}

/// The body of a child process: no file may grow beyond 32 KiB in it.
#[test]
#[ignore = "run by a_full_disk_is_an_error_and_the_old_gallery_stays, in a process of its own"]
fn child_on_a_full_disk() {
    let folder = std::env::var(FOLDER).expect("started by another test");
    let folder = Path::new(&folder);
    let writer = writer(folder);
    add(&writer, "Ada").unwrap();
    let many: Vec<EnrolledPhoto> = (0..40).map(|n| EnrolledPhoto::new(embedding(n), None)).collect();
    let too_many = writer.edit(move |gallery| gallery.with_photos(&gallery.people()[0].id, many));
    let error = too_many.unwrap_err();
    assert!(matches!(error, Error::Data(_)) && error.to_string().contains("can't be written"), "{error}");
    assert_eq!(store::read(&folder.join(store::FILE_NAME)).unwrap().photo_count(), 1);
    assert_eq!(add(&writer, "Grace").unwrap().photo_count(), 2, "there is room for that");
}

#[test]
fn a_full_disk_is_an_error_and_the_old_gallery_stays() {
    let folder = tempfile::tempdir().unwrap();
    // A write beyond the limit fails as on a full disk, since the signal that comes with it is ignored.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["writer::child_on_a_full_disk", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "it ran");
    assert_eq!(names(&store::read(&folder.path().join(store::FILE_NAME)).unwrap()).len(), 2);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "gallery and lock file, no temporary file: {left:?}");
}

#[test]
fn a_folder_that_takes_no_files_can_be_read_but_not_written() {
    // Nobody can make a file there, root neither.
    let path = Path::new("/proc").join(store::FILE_NAME);
    let live = Arc::new(Reloadable::with_value(&path, GALLERY, Gallery::empty(recipe())));
    let writer = GalleryWriter::new(Arc::clone(&live));
    let error = add(&writer, "Ada").unwrap_err();
    assert!(matches!(error, Error::Data(_)), "{error}");
    assert!(error.to_string().starts_with("/proc/gallery.lock can't be locked: "), "{error}");
    assert!(live.current().is_empty());
    std::thread::sleep(Duration::from_millis(1));
    assert!(!live.poll());
}
