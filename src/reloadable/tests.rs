use std::fs;

use super::*;

fn read(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path).map_err(DataError::io_at(path, Operation::Read))?;
    if text.contains("broken") {
        Err(DataError::Invalid(format!("{text:?} can't be used")).into())
    } else {
        Ok(text)
    }
}

const STRICT: FileSource<String> = FileSource { what: "list", read, without_file: None };
const LENIENT: FileSource<String> = FileSource { without_file: Some(String::new), ..STRICT };

fn message(reloadable: &Reloadable<String>) -> String {
    reloadable.reload_error().map_or_else(String::new, |error| error.message)
}

#[test]
fn a_changed_file_is_read_again_and_an_old_value_stays_with_who_holds_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("list");
    fs::write(&path, "one").unwrap();
    let reloadable = Reloadable::open(&path, STRICT).unwrap();
    let held = reloadable.current();
    fs::write(&path, "two").unwrap();
    assert!(reloadable.poll());
    assert_eq!((held.as_str(), reloadable.current().as_str()), ("one", "two"));
    std::thread::sleep(CLOCK_TICK);
    reloadable.poll();
    assert!(!reloadable.poll(), "nothing changed");
    // The same length, the same times, another file.
    let times = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(directory.path().join("new"), "six").unwrap();
    File::options().write(true).open(directory.path().join("new")).unwrap().set_modified(times).unwrap();
    fs::rename(directory.path().join("new"), &path).unwrap();
    assert!(reloadable.poll());
    assert_eq!(reloadable.current().as_str(), "six");
}

#[test]
fn a_file_that_was_written_just_before_it_was_opened_is_read_once() {
    static READS: AtomicU64 = AtomicU64::new(0);
    fn counted(path: &Path) -> Result<String> {
        READS.fetch_add(1, Ordering::Relaxed);
        read(path)
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("list");
    fs::write(&path, "one").unwrap();
    let list = Reloadable::open(&path, FileSource { read: counted, ..STRICT }).unwrap();
    assert!(!list.poll() && !list.poll());
    assert_eq!((READS.load(Ordering::Relaxed), list.reloads()), (1, (0, 0)));
}

#[test]
fn of_several_names_the_first_that_is_there_counts() {
    let directory = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| directory.path().join(name));
    let list = Reloadable::open_any(&first, vec![second.clone()], LENIENT).unwrap();
    assert_eq!((list.path(), list.current().as_str()), (first.as_path(), ""));
    fs::write(&second, "two").unwrap();
    assert!(list.poll());
    assert_eq!((list.path(), list.current().as_str()), (second.as_path(), "two"));
    fs::write(&first, "one").unwrap();
    assert!(list.poll());
    assert_eq!((list.path(), list.current().as_str()), (first.as_path(), "one"));
    fs::remove_file(&first).unwrap();
    assert!(list.poll());
    let again = Reloadable::open_any(&first, vec![second.clone()], LENIENT).unwrap();
    assert_eq!((list.current().as_str(), again.current().as_str()), ("two", "two"));
}

#[test]
fn a_fifo_in_place_of_the_file_is_reported_and_does_not_block() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("list");
    fs::write(&path, "one").unwrap();
    let list = Reloadable::open(&path, STRICT).unwrap();
    fs::remove_file(&path).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
    assert!(!list.poll());
    assert!(message(&list).ends_with("expected a regular file, found something else"));
    assert_eq!(list.current().as_str(), "one");
}

#[test]
fn a_broken_file_is_reported_and_the_old_value_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("list");
    fs::write(&path, "one").unwrap();
    let reloadable = Reloadable::open(&path, STRICT).unwrap();
    fs::write(&path, "broken").unwrap();
    assert!(!reloadable.poll());
    assert_eq!(reloadable.current().as_str(), "one");
    assert_eq!(message(&reloadable), "\"broken\" can't be used; the list read before is still in use");
    assert_eq!(reloadable.reloads(), (0, 1));
    let since = reloadable.reload_error().unwrap().since;
    fs::write(&path, "broken again").unwrap();
    reloadable.poll();
    assert_eq!(reloadable.reload_error().unwrap().since, since, "the time of the first failure");
    fs::remove_file(&path).unwrap();
    assert!(!reloadable.poll());
    assert!(message(&reloadable).ends_with("was deleted; the one read before is still in use"));
    fs::write(&path, "two").unwrap();
    assert!(reloadable.poll());
    assert_eq!(
        (reloadable.current().as_str(), reloadable.reload_error(), reloadable.reloads()),
        ("two", None, (1, 2))
    );
}

#[test]
fn a_file_that_could_not_be_read_is_tried_again_after_a_while() {
    fn unless_the_disk_fails(path: &Path) -> Result<String> {
        let failing = path.with_extension("failing").exists();
        if failing { Err(DataError::Invalid("the disk fails".to_owned()).into()) } else { read(path) }
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("list");
    fs::write(&path, "one").unwrap();
    let reloadable = Reloadable::open(&path, FileSource { read: unless_the_disk_fails, ..STRICT }).unwrap();
    fs::write(path.with_extension("failing"), "").unwrap();
    fs::write(&path, "two").unwrap();
    assert!(!reloadable.poll());
    fs::remove_file(path.with_extension("failing")).unwrap();
    assert!(!reloadable.poll(), "not at once, since large files that stay broken are read in vain");
    let Seen::Broken(stamp, at) = *reloadable.lock_seen() else { panic!("it could not be read") };
    *reloadable.lock_seen() = Seen::Broken(stamp, at.checked_sub(RETRY_INTERVAL).unwrap());
    assert!(reloadable.poll());
    assert_eq!((reloadable.current().as_str(), reloadable.reload_error()), ("two", None));
}

#[test]
fn a_clock_that_jumps_does_not_have_files_read_again_and_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("list");
    fs::write(&path, "one").unwrap();
    let stamp = Stamp::of(&fs::metadata(&path).unwrap());
    let changed = SystemTime::UNIX_EPOCH
        + Duration::new(stamp.changed.0.try_into().unwrap(), stamp.changed.1.try_into().unwrap());
    let (year, moment) = (Duration::from_hours(24 * 365), CLOCK_TICK / 2);
    assert!(stamp.is_settled(changed + year) && stamp.is_settled(changed - year));
    assert!(!stamp.is_settled(changed + moment) && !stamp.is_settled(changed - moment));
}

#[test]
fn a_value_that_is_refused_is_reported_and_the_old_one_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("list");
    fs::write(&path, "one").unwrap();
    let short = |text: &String| match text.len() {
        ..=3 => Ok(()),
        len => Err(DataError::Invalid(format!("expected 3 letters, found {len}")).into()),
    };
    let reloadable = Reloadable::open(&path, STRICT).unwrap().checked(short);
    fs::write(&path, "three").unwrap();
    assert!(!reloadable.poll());
    assert_eq!(reloadable.current().as_str(), "one");
    assert_eq!(message(&reloadable), "expected 3 letters, found 5; the list read before is still in use");
    assert!(reloadable.reload_error().unwrap().file_exists);
    fs::write(&path, "two").unwrap();
    assert!(reloadable.poll());
    assert_eq!((reloadable.current().as_str(), reloadable.reload_error()), ("two", None));
}

#[test]
fn a_file_that_may_be_missing_counts_as_empty() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("list");
    let reloadable = Reloadable::open(&path, LENIENT).unwrap();
    assert!(!reloadable.reload_error().unwrap().file_exists);
    fs::write(&path, "one").unwrap();
    assert!(reloadable.poll());
    assert_eq!((reloadable.current().as_str(), reloadable.reload_error()), ("one", None));
    fs::remove_file(&path).unwrap();
    assert!(reloadable.poll());
    assert_eq!(reloadable.current().as_str(), "");
    assert!(Reloadable::open(&path, STRICT).is_err());
    fs::write(&path, "broken").unwrap();
    assert!(Reloadable::open(&path, LENIENT).is_err(), "there at the start, it must be whole");
}

#[test]
fn own_writes_are_no_foreign_changes_and_foreign_changes_are_not_lost() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("list");
    let reloadable = Reloadable::with_value(&path, STRICT, "0".to_owned());
    assert!(!reloadable.poll() && reloadable.reload_error().is_none(), "not written yet");
    let add = |text: &'static str| {
        reloadable.write(|old| {
            let new = format!("{old}{text}");
            let file = crate::atomic_file::replace(&path, |to| to.write_all(new.as_bytes())).unwrap();
            Ok(Some((new, file)))
        })
    };
    assert_eq!(add("1").unwrap().as_str(), "01");
    assert!(!reloadable.poll(), "its own write");
    fs::write(&path, "foreign").unwrap();
    assert_eq!(add("2").unwrap().as_str(), "foreign2");
    assert!(!reloadable.poll());
    assert!(reloadable.write(|_| Err(DataError::Invalid("no".to_owned()).into())).is_err());
    assert_eq!(reloadable.current().as_str(), "foreign2");
}
