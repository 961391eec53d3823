//! What each store of thumbnails promises: held against all of them.

use std::path::PathBuf;
use std::sync::Arc;

use facerec::error::{Error, InputError, Result};
use facerec::gallery::backend::PeopleBackend;
use facerec::gallery::writer::{GALLERY, GalleryWriter};
use facerec::gallery::{Gallery, Person, PersonUpdate};
use facerec::postgres::PostgresPeople;
use facerec::reloadable::Reloadable;
use facerec::thumbnails::{Thumbnail, ThumbnailStore, Thumbnails};

use crate::support::faces::{embedding, named, person, recipe};
use crate::support::postgres::{self, TestDatabase};

/// Where people and thumbnails are kept: it can be opened again.
enum Place {
    Directory(tempfile::TempDir),
    Database(TestDatabase),
}

/// People and their thumbnails.
struct Kept {
    people: Arc<dyn PeopleBackend>,
    thumbnails: Arc<dyn ThumbnailStore>,
}

impl Place {
    /// A new one of each kind.
    fn all() -> Vec<Self> {
        let directory = Self::Directory(tempfile::tempdir().unwrap());
        std::iter::once(directory).chain(postgres::database().map(Self::Database)).collect()
    }

    fn open(&self) -> Kept {
        match self {
            Self::Directory(directory) => {
                let path: PathBuf = directory.path().join("gallery.bin");
                let gallery = if path.exists() {
                    Reloadable::open(&path, GALLERY).unwrap()
                } else {
                    Reloadable::with_value(&path, GALLERY, Gallery::empty(recipe()))
                };
                let thumbnails = Arc::new(Thumbnails::open(directory.path()).unwrap());
                Kept { people: Arc::new(GalleryWriter::new(Arc::new(gallery))), thumbnails }
            }
            Self::Database(database) => kept(PostgresPeople::open(database.open(), &recipe(), Ok).unwrap()),
        }
    }
}

fn kept(people: PostgresPeople) -> Kept {
    let thumbnails = Arc::new(people.thumbnails());
    Kept { people: Arc::new(people), thumbnails }
}

/// One of each photo, told apart by the photo's id.
fn thumbnails_of(person: &Person) -> Arc<[Thumbnail]> {
    let of = |photo_id: &str| Thumbnail { photo_id: photo_id.to_owned(), png: png(photo_id) };
    person.photos.iter().map(|photo| of(&photo.id)).collect()
}

fn png(photo_id: &str) -> Vec<u8> {
    format!("\0PNG of {photo_id}\u{ff}").into_bytes()
}

impl Kept {
    /// Edits the people as the service does.
    fn edit(&self, edit: impl FnOnce(&Gallery) -> Result<Gallery> + Send + 'static) -> Result<()> {
        let before = self.people.current();
        let after = self.people.edit(Box::new(edit))?;
        self.thumbnails.remove(&before.photos_lost(&after))
    }

    /// Enrols as the service does.
    fn enrol(
        &self,
        of: &Person,
        edit: impl FnOnce(&Gallery) -> Result<Gallery> + Send + 'static,
    ) -> Result<()> {
        let new = thumbnails_of(of);
        let (with_edit, thumbnails) = (Arc::clone(&new), Arc::clone(&self.thumbnails));
        self.edit(move |gallery| {
            let newer = edit(gallery)?;
            thumbnails.keep_with_edit(&with_edit);
            Ok(newer)
        })?;
        self.thumbnails.keep(&of.id, &new, &|| self.people.current())
    }

    fn enrol_new(&self, name: &str, seeds: &[u64]) -> Person {
        let new = person(name, &seeds.iter().map(|seed| embedding(*seed)).collect::<Vec<_>>());
        let added = new.clone();
        self.enrol(&new, move |gallery| gallery.with_person(added)).unwrap();
        new
    }

    fn has(&self, photo_id: &str) -> bool {
        let read = self.thumbnails.read(photo_id).unwrap();
        assert_eq!(self.thumbnails.ids().contains(photo_id), read.is_some());
        assert!(read.is_none_or(|read| read == png(photo_id)), "it is another photo's");
        self.thumbnails.ids().contains(photo_id)
    }

    /// Which of these photos have one.
    fn of(&self, photos: &[&str]) -> Vec<bool> {
        photos.iter().map(|id| self.has(id)).collect()
    }
}

#[test]
fn a_thumbnail_is_kept_with_its_photo_and_comes_back_to_the_last_bit() {
    for place in Place::all() {
        let kept = place.open();
        let ada = kept.enrol_new("Ada", &[1, 2]);
        let photos = [0, 1].map(|at| ada.photos[at].id.as_str());
        assert_eq!(kept.of(&photos), [true, true]);
        assert_eq!(kept.of(&["01JDK5Q2W8E5F6G7H8J9K0M1N2", "../gallery", ""]), [false; 3]);
        drop(kept);
        let again = place.open();
        assert_eq!(again.of(&photos), [true, true]);
        assert_eq!(again.thumbnails.ids().sorted().len(), 2);
        assert_eq!(again.thumbnails.error(), None);
    }
}

#[test]
fn it_goes_with_its_photo_and_stays_with_one_that_is_moved() {
    for place in Place::all() {
        let kept = place.open();
        let (ada, grace) = (kept.enrol_new("Ada", &[1, 2, 3]), kept.enrol_new("Grace", &[4]));
        let mary = kept.enrol_new("Mary", &[5]);
        let all: Vec<&str> =
            [&ada, &grace, &mary].iter().flat_map(|person| &person.photos).map(|photo| &*photo.id).collect();
        // What is changed beside it, and more photos of the person: they lie where it lay.
        let id = ada.id.clone();
        let renamed = PersonUpdate { name: Some(named("Ada King")), ..PersonUpdate::default() };
        kept.edit(move |gallery| gallery.updated(&id, renamed)).unwrap();
        let more = person("more", &[embedding(6)]);
        let (id, photos) = (ada.id.clone(), more.photos.clone());
        kept.enrol(&more, move |gallery| gallery.with_photos(&id, photos)).unwrap();
        assert_eq!(kept.of(&all), [true; 5]);
        assert!(kept.has(&more.photos[0].id));

        let (from, to, first, second) =
            (ada.id.clone(), grace.id.clone(), all[0].to_owned(), all[1].to_owned());
        kept.edit(move |gallery| gallery.with_moved_photo(&from, &first, &to)).unwrap();
        let id = ada.id.clone();
        kept.edit(move |gallery| gallery.without_photo(&id, &second)).unwrap();
        assert_eq!(kept.of(&all), [true, false, true, true, true]);
        let (into, from, gone) = (ada.id.clone(), grace.id.clone(), mary.id.clone());
        kept.edit(move |gallery| gallery.merged(&into, &from)?.without_person(&gone)).unwrap();
        assert_eq!(kept.of(&all), [true, false, true, true, false]);
        assert_eq!(place.open().of(&all), [true, false, true, true, false]);

        kept.edit(|gallery| Ok(gallery.without_people(|_| true))).unwrap();
        assert_eq!(kept.of(&all), [false; 5]);
        assert_eq!(place.open().thumbnails.ids().sorted(), [""; 0]);
    }
}

/// So many that the database deletes them in parts.
#[test]
fn those_of_many_people_go_at_once_but_for_a_photo_that_is_moved_from_them() {
    for place in Place::all() {
        let kept = place.open();
        let (ada, grace) = (kept.enrol_new("Ada", &[1, 2]), kept.enrol_new("Grace", &[3]));
        let many: Vec<Person> = (0..300).map(|at| person(&format!("{at}"), &[embedding(10 + at)])).collect();
        let added = many.clone();
        let all = move |gallery: &Gallery| {
            added.into_iter().try_fold(gallery.clone(), |all, one| all.with_person(one))
        };
        kept.edit(all).unwrap();
        let new: Vec<Thumbnail> = many.iter().flat_map(|one| thumbnails_of(one).to_vec()).collect();
        kept.thumbnails.keep(&many[0].id, &new, &|| kept.people.current()).unwrap();
        assert_eq!(kept.thumbnails.ids().sorted().len(), 303);

        let (from, to, moved) = (ada.id.clone(), grace.id.clone(), ada.photos[0].id.to_string());
        let edit = move |gallery: &Gallery| {
            let all = gallery.with_moved_photo(&from, &moved, &to)?;
            Ok(all.without_people(|person| person.id != to))
        };
        kept.edit(edit).unwrap();
        let mut left = [ada.photos[0].id.to_string(), grace.photos[0].id.to_string()];
        left.sort_unstable();
        assert_eq!(place.open().thumbnails.ids().sorted(), left);
        assert_eq!(kept.of(&left.each_ref().map(String::as_str)), [true; 2]);
        assert_eq!(kept.thumbnails.ids().sorted(), left);
    }
}

#[test]
fn of_a_refused_enrolment_none_is_kept() {
    for place in Place::all() {
        let kept = place.open();
        kept.enrol_new("Ada", &[1]);
        let other = person("ada", &[embedding(2)]);
        let added = other.clone();
        let refused = kept.enrol(&other, move |gallery| gallery.with_person(added));
        assert!(matches!(refused, Err(Error::Input(InputError::NameTaken { .. }))), "{refused:?}");
        // One whose edit was refused after all, with the next commit.
        kept.thumbnails.keep_with_edit(&thumbnails_of(&other));
        kept.enrol_new("Grace", &[3]);
        assert!(!kept.has(&other.photos[0].id));
        assert_eq!(place.open().thumbnails.ids().sorted().len(), 2);
    }
}

#[test]
fn one_that_comes_later_is_kept_while_its_photo_is_there_whosever_it_is() {
    for place in Place::all() {
        let kept = place.open();
        let ada = person("Ada", &[embedding(1), embedding(2), embedding(3)]);
        let (added, grace) = (ada.clone(), person("Grace", &[embedding(4)]));
        let (from, to) = (ada.id.clone(), grace.id.clone());
        let [first, second] = [0, 1].map(|at| ada.photos[at].id.to_string());
        let edit = move |gallery: &Gallery| {
            let both = gallery.with_person(added)?.with_person(grace)?;
            both.without_photo(&from, &first)?.with_moved_photo(&from, &second, &to)
        };
        kept.edit(edit).unwrap();
        for _twice in 0..2 {
            kept.thumbnails.keep(&ada.id, &thumbnails_of(&ada), &|| kept.people.current()).unwrap();
            let photos: Vec<&str> = ada.photos.iter().map(|photo| &*photo.id).collect();
            assert_eq!(kept.of(&photos), [false, true, true]);
        }
        assert_eq!(place.open().thumbnails.ids().sorted().len(), 2);
    }
}
