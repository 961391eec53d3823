//! What each list of API keys promises: held against the file and the database.

use std::thread;

use facerec::keys::backend::{KeyFile, KeyList};
use facerec::keys::last_use::Times;
use facerec::keys::rotation::rotate;
use facerec::keys::{KeyEntry, Scope};
use facerec::postgres::PostgresKeyList;
use jiff::Timestamp;

use crate::support::postgres::{self, TestDatabase};

enum Place {
    Directory(tempfile::TempDir),
    Database(TestDatabase),
}

impl Place {
    fn all() -> Vec<Self> {
        let directory = Self::Directory(tempfile::tempdir().unwrap());
        std::iter::once(directory).chain(postgres::database().map(Self::Database)).collect()
    }

    /// A new list, without entries.
    fn list(&self) -> Box<dyn KeyList> {
        match self {
            Self::Directory(directory) => {
                let path = directory.path().join("keys.toml");
                if !path.exists() {
                    std::fs::write(&path, "").unwrap();
                }
                Box::new(KeyFile(path))
            }
            Self::Database(database) => Box::new(PostgresKeyList::open(database.open()).unwrap()),
        }
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn various() -> Vec<KeyEntry> {
    let expires = Some(time("2027-07-31T22:00:00.123456789Z"));
    vec![
        KeyEntry::of("the office", Scope::Manage, "facerec_1"),
        KeyEntry { expires, ..KeyEntry::of("كاميرا 'ß\"", Scope::Recognize, "facerec_2") },
        KeyEntry::of("camera", Scope::Recognize, "facerec_3"),
    ]
}

fn set(list: &dyn KeyList, entries: Vec<KeyEntry>) {
    list.change(Box::new(|_| Ok(entries))).unwrap();
}

#[test]
fn entries_come_back_in_order_and_to_the_last_digit() {
    for place in Place::all() {
        assert_eq!(place.list().entries().unwrap(), []);
        set(&*place.list(), various());
        assert_eq!(place.list().entries().unwrap(), various());
        let mut other_order = various();
        other_order.rotate_left(1);
        set(&*place.list(), other_order.clone());
        assert_eq!(place.list().entries().unwrap(), other_order);
        set(&*place.list(), Vec::new());
        assert_eq!(place.list().entries().unwrap(), []);
    }
}

#[test]
fn a_refused_change_leaves_all_as_it_was() {
    for place in Place::all() {
        let list = place.list();
        set(&*list, various());
        let twice = |mut entries: Vec<KeyEntry>| {
            entries.push(KeyEntry::of("camera", Scope::Manage, "facerec_4"));
            Ok(entries)
        };
        let error = list.change(Box::new(twice)).unwrap_err().to_string();
        assert!(error.contains("two keys are named \"camera\""), "{error}");
        assert_eq!(list.entries().unwrap(), various());
    }
}

#[test]
fn a_rotation_keeps_the_name_and_when_the_old_key_was_used() {
    for place in Place::all() {
        let list = place.list();
        set(&*list, various());
        let [office, _, camera] = [0, 1, 2].map(|at| various()[at].sha256);
        let (monday, tuesday) = (time("2026-01-05T00:00:00Z"), time("2026-01-06T00:00:00Z"));
        list.add_uses(&Times::from([(office, tuesday), (camera, monday), ([7; 32], monday)])).unwrap();
        list.add_uses(&Times::from([(office, monday)])).unwrap();
        let expected = Times::from([(office, tuesday), (camera, monday)]);
        assert_eq!(list.last_used().unwrap(), Some(expected.clone()), "the latest, and none of unknown keys");
        list.change(Box::new(|entries| rotate(entries, "camera", "facerec_5", monday, tuesday))).unwrap();
        let names: Vec<String> = list.entries().unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["the office", "كاميرا 'ß\"", "camera", "camera (old)"]);
        assert_eq!(list.entries().unwrap()[2], KeyEntry::of("camera", Scope::Recognize, "facerec_5"));
        assert_eq!(list.last_used().unwrap(), Some(expected));
    }
}

#[test]
fn changes_at_the_same_time_are_all_kept() {
    for place in Place::all() {
        drop(place.list());
        thread::scope(|scope| {
            for at in 0..8 {
                let place = &place;
                scope.spawn(move || {
                    let add = |mut entries: Vec<KeyEntry>| {
                        entries.push(KeyEntry::of(
                            &format!("key {at}"),
                            Scope::Manage,
                            &format!("facerec_{at}"),
                        ));
                        Ok(entries)
                    };
                    place.list().change(Box::new(add)).unwrap();
                });
            }
        });
        assert_eq!(place.list().entries().unwrap().len(), 8);
    }
}
