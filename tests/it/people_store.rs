//! What each store of people promises: held against all of them.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use facerec::error::{Error, InputError};
use facerec::file_name::FileName;
use facerec::gallery::backend::PeopleBackend;
use facerec::gallery::writer::{GALLERY, GalleryWriter};
use facerec::gallery::{EnrolledPhoto, Gallery, Person, PersonUpdate};
use facerec::postgres::PostgresPeople;
use facerec::reloadable::Reloadable;
use facerec::student_id::StudentId;

use crate::support::faces::{embedding, named, person, recipe};
use crate::support::postgres::{self, TestDatabase};

/// Where a store keeps its people: it can be opened again.
enum Place {
    Directory(tempfile::TempDir),
    Database(TestDatabase),
}

impl Place {
    /// A new one of each kind.
    fn all() -> Vec<Self> {
        let directory = Self::Directory(tempfile::tempdir().unwrap());
        std::iter::once(directory).chain(postgres::database().map(Self::Database)).collect()
    }

    fn open(&self) -> Arc<dyn PeopleBackend> {
        match self {
            Self::Directory(directory) => {
                let path: PathBuf = directory.path().join("gallery.bin");
                let gallery = if path.exists() {
                    Reloadable::open(&path, GALLERY).unwrap()
                } else {
                    Reloadable::with_value(&path, GALLERY, Gallery::empty(recipe()))
                };
                Arc::new(GalleryWriter::new(Arc::new(gallery)))
            }
            Self::Database(database) => {
                Arc::new(PostgresPeople::open(database.open(), &recipe(), Ok).unwrap())
            }
        }
    }
}

fn names(gallery: &Gallery) -> Vec<&str> {
    gallery.people().iter().map(|person| person.name.as_str()).collect()
}

/// People with everything that a person may have.
fn various() -> Vec<Person> {
    let ids = [
        None,
        Some(StudentId::Integer(i64::MIN)),
        Some(StudentId::Number(0.1)),
        StudentId::from_text("0046 \u{1f393} '\"\\"),
    ];
    let names = ["Barack Obama", "عمر خالد", "Jose\u{301} O'Neil", "李雷"];
    let people = names.iter().zip(ids).enumerate().map(|(at, (name, student_id))| {
        let photos = (0..=at as u64).map(|photo| {
            let sha = (photo % 2 == 0).then_some([at as u8; 32]);
            let weak = photo == 1;
            let file_name = FileName::of(&format!("IMG '{photo}'.jpg")).filter(|_| photo != 2);
            EnrolledPhoto { weak, file_name, ..EnrolledPhoto::new(embedding(at as u64 * 10 + photo), sha) }
        });
        let expires = (at == 2).then(|| "2027-07-31".parse().unwrap());
        Person { expires, ..Person::new(named(name), student_id, photos.collect()) }
    });
    people.collect()
}

fn with_all(gallery: &Gallery, people: Vec<Person>) -> facerec::error::Result<Gallery> {
    people.into_iter().try_fold(gallery.clone(), |gallery, person| gallery.with_person(person))
}

#[test]
fn an_edit_is_in_use_at_once_and_comes_back_to_the_last_bit() {
    for place in Place::all() {
        let store = place.open();
        store.ensure_writable().unwrap();
        assert!(store.current().is_empty());
        let people = various();
        let expected = Gallery::new(recipe(), people.clone()).unwrap();
        let after = store.edit(Box::new(move |gallery| with_all(gallery, people))).unwrap();
        assert_eq!(*after, expected);
        assert_eq!(*store.current(), expected);
        drop(store);
        assert_eq!(*place.open().current(), expected);
    }
}

#[test]
fn a_refused_edit_changes_nothing_and_says_why() {
    for place in Place::all() {
        let store = place.open();
        store.edit(Box::new(|gallery| with_all(gallery, various()))).unwrap();
        let before = store.current();
        let taken =
            store.edit(Box::new(|gallery| gallery.with_person(person("barack obama", &[embedding(99)]))));
        assert!(matches!(taken, Err(Error::Input(InputError::NameTaken { .. }))), "{taken:?}");
        let nobody = store.edit(Box::new(|gallery| gallery.without_person("nobody")));
        assert!(matches!(nobody, Err(Error::Input(InputError::NotFound(_)))), "{nobody:?}");
        assert!(Arc::ptr_eq(&before, &store.current()));
        let nothing = store.edit(Box::new(|gallery| Ok(gallery.clone()))).unwrap();
        assert_eq!(nothing, before);
        drop(store);
        assert_eq!(*place.open().current(), *before);
    }
}

#[test]
fn every_kind_of_edit_is_kept() {
    for place in Place::all() {
        let store = place.open();
        store.edit(Box::new(|gallery| with_all(gallery, various()))).unwrap();
        let ids: Vec<String> = store.current().people().iter().map(|person| person.id.clone()).collect();
        let photo = |person: usize, photo: usize| store.current().people()[person].photos[photo].id.clone();
        let same = |expected: &Gallery| {
            assert_eq!(*store.current(), *expected);
            store.current()
        };
        // Two people swap their names in one edit.
        let swap = {
            let ids = ids.clone();
            move |gallery: &Gallery| {
                let name = |name: &str| PersonUpdate { name: Some(named(name)), ..PersonUpdate::default() };
                let aside = gallery.updated(&ids[0], name("aside"))?;
                let one = aside.updated(&ids[3], name("Barack Obama"))?;
                one.updated(&ids[0], PersonUpdate { expires: Some(None), ..name("李雷") })
            }
        };
        let expected = swap(&store.current()).unwrap();
        store.edit(Box::new(swap)).unwrap();
        same(&expected);

        let (first, moved) = (photo(3, 0), photo(3, 1));
        let (from, to) = (ids[3].clone(), ids[0].clone());
        let photos = move |gallery: &Gallery| {
            gallery.without_photo(&from, &first)?.with_moved_photo(&from, &moved, &to)
        };
        let expected = photos(&store.current()).unwrap();
        store.edit(Box::new(photos)).unwrap();
        same(&expected);

        let (into, gone, deleted) = (ids[0].clone(), ids[1].clone(), ids[2].clone());
        let last = person("The last", &[embedding(77)]);
        let merge = move |gallery: &Gallery| {
            gallery.merged(&into, &gone)?.without_person(&deleted)?.with_person(last.clone())
        };
        let expected = merge(&store.current()).unwrap();
        store.edit(Box::new(merge)).unwrap();
        let newest = same(&expected);
        assert_eq!(names(&newest), ["李雷", "Barack Obama", "The last"]);
        drop(store);
        assert_eq!(*place.open().current(), *newest);
    }
}

#[test]
fn edits_at_the_same_time_are_all_made_each_on_the_one_before() {
    const EDITORS: usize = 12;
    for place in Place::all() {
        let store = place.open();
        thread::scope(|scope| {
            for at in 0..EDITORS {
                let store = &store;
                scope.spawn(move || {
                    let (name, own) =
                        (format!("Person {at}"), person(&format!("Person {at}"), &[embedding(at as u64)]));
                    let after = store.edit(Box::new(move |gallery| gallery.with_person(own))).unwrap();
                    assert!(names(&after).contains(&name.as_str()), "the answer holds the edit");
                });
            }
        });
        let newest = store.current();
        assert_eq!(names(&newest).iter().collect::<HashSet<_>>().len(), EDITORS);
        drop(store);
        assert_eq!(*place.open().current(), *newest, "also the order is the same");
    }
}

#[test]
fn of_edits_that_exclude_each_other_one_is_made() {
    for place in Place::all() {
        let store = place.open();
        let outcomes: Vec<_> = thread::scope(|scope| {
            let editor = |at: u64| {
                let store = &store;
                let own = person("Ada", &[embedding(at)]);
                scope.spawn(move || store.edit(Box::new(move |gallery| gallery.with_person(own))))
            };
            let editors: Vec<_> = (0..6).map(editor).collect();
            editors.into_iter().map(|editor| editor.join().unwrap()).collect()
        });
        let refused =
            |outcome: &&Result<_, Error>| matches!(outcome, Err(Error::Input(InputError::NameTaken { .. })));
        assert_eq!(outcomes.iter().filter(refused).count(), 5);
        assert_eq!(names(&store.current()), ["Ada"]);
    }
}

#[test]
fn an_edit_that_panics_harms_no_other() {
    for place in Place::all() {
        let store = place.open();
        let panicked =
            catch_unwind(AssertUnwindSafe(|| store.edit(Box::new(|_| panic!("an edit of the test panics")))));
        assert!(panicked.is_err());
        store.edit(Box::new(|gallery| gallery.with_person(person("Ada", &[embedding(1)])))).unwrap();
        assert_eq!(names(&store.current()), ["Ada"]);
    }
}
