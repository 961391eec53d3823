use super::*;
use crate::embed::Embedding;
use crate::student_id::StudentId;

fn recipe() -> Recipe {
    Recipe { model: "casia".to_owned(), model_sha256: None, margin_px: 32 }
}

fn photo(axis: usize) -> EnrolledPhoto {
    let mut values = vec![0.0; crate::nn::EMBEDDING_LEN];
    values[axis] = 1.0;
    EnrolledPhoto::new(Embedding::new(values).unwrap(), None)
}

fn named(name: &str) -> PersonName {
    PersonName::parse(name).unwrap()
}

fn person(name: &str) -> Person {
    Person::new(named(name), None, vec![photo(0)])
}

fn renamed(name: &str) -> PersonUpdate {
    PersonUpdate { name: Some(named(name)), ..PersonUpdate::default() }
}

fn names(gallery: &Gallery) -> Vec<&str> {
    gallery.people().iter().map(|person| person.name.as_str()).collect()
}

#[test]
fn an_edit_makes_a_new_gallery_and_leaves_the_old_one() {
    let empty = Gallery::empty(recipe());
    let one = empty.with_person(person("Ada")).unwrap();
    let two = one.with_person(person(" Jose\u{301} ")).unwrap();
    assert_eq!((empty.len(), one.len(), two.len()), (0, 1, 2));
    assert_eq!(names(&two), ["Ada", "Jos\u{e9}"]);
    assert_eq!(two.person_by_name(&named("Jose\u{301}")).map(|p| &p.id), Some(&two.people()[1].id));

    let ada = two.people()[0].id.clone();
    let ada_lovelace = two.updated(&ada, renamed("Ada Lovelace")).unwrap();
    assert_eq!(names(&ada_lovelace), ["Ada Lovelace", "Jos\u{e9}"]);
    assert_eq!(ada_lovelace.person(&ada).unwrap().photos, two.person(&ada).unwrap().photos);
    assert_eq!(names(&ada_lovelace.without_person(&ada).unwrap()), ["Jos\u{e9}"]);
    let id = StudentId::from_text("0046");
    let update = PersonUpdate { student_id: Some(id.clone()), ..renamed("Ada King") };
    let both = ada_lovelace.updated(&ada, update).unwrap();
    assert_eq!((names(&both)[0], &both.person(&ada).unwrap().student_id), ("Ada King", &id));
    let no_id =
        both.updated(&ada, PersonUpdate { student_id: Some(None), ..PersonUpdate::default() }).unwrap();
    assert_eq!((names(&no_id)[0], &no_id.person(&ada).unwrap().student_id), ("Ada King", &None));
}

#[test]
fn a_name_is_taken_once_in_either_unicode_form() {
    let gallery = Gallery::empty(recipe()).with_person(person("Jos\u{e9}")).unwrap();
    let taken = gallery.with_person(person("Jose\u{301}")).unwrap_err();
    let jose = gallery.people()[0].id.clone();
    assert!(matches!(taken, Error::Input(InputError::NameTaken { person_id }) if person_id == jose));
    let gallery = gallery.with_person(person("Ada")).unwrap();
    let ada = gallery.person_by_name(&named("Ada")).unwrap().id.clone();
    assert!(
        matches!(gallery.updated(&ada, renamed("Jos\u{e9}")), Err(Error::Input(InputError::NameTaken { person_id })) if person_id == jose)
    );
    assert!(gallery.updated(&ada, renamed("Ada")).is_ok(), "a person may keep the name");
    let found = gallery.person_by_name(&named("JOS\u{c9}\u{200b}")).map(|person| &person.id);
    assert_eq!(found, Some(&jose), "found in another spelling");
    let alike = Gallery::new(recipe(), vec![person("a"), person("A")]).unwrap();
    assert_eq!(
        alike.person_by_name(&named("A")),
        alike.people().last().map(|last| &**last),
        "as written first"
    );
    assert!(alike.with_person(person(" a")).is_err());
    let twice = vec![person("A"), person("A")];
    assert!(matches!(Gallery::new(recipe(), twice), Err(Error::Input(InputError::Conflict(_)))));
}

#[test]
fn a_person_keeps_at_least_one_photo() {
    let gallery = Gallery::empty(recipe()).with_person(person("Ada")).unwrap();
    let ada = gallery.people()[0].id.clone();
    let first = gallery.people()[0].photos[0].id.clone();
    assert!(matches!(gallery.without_photo(&ada, &first), Err(Error::Input(InputError::LastPhoto))));
    let two = gallery.with_photos(&ada, vec![photo(1)]).unwrap();
    assert_eq!(two.photo_count(), 2);
    let one = two.without_photo(&ada, &first).unwrap();
    assert_eq!(one.people()[0].photos, two.people()[0].photos[1..]);
    let none = Person { photos: Vec::new(), ..person("B") };
    assert!(matches!(gallery.with_person(none), Err(Error::Input(InputError::Invalid(_)))));
}

#[test]
fn what_is_not_there_and_what_is_not_allowed_is_said() {
    let gallery = Gallery::empty(recipe()).with_person(person("Ada")).unwrap();
    let ada = &gallery.people()[0].id;
    let message = |result: Result<Gallery>| result.unwrap_err().to_string();
    assert_eq!(message(gallery.without_person("nobody")), "there is no person with the id \"nobody\"");
    assert_eq!(message(gallery.without_photo(ada, "x")), "the person has no photo with the id \"x\"");
    let bad_id = Person { id: "../x".to_owned(), ..person("B") };
    assert_eq!(
        message(gallery.with_person(bad_id)),
        "expected an id of 1 to 64 ASCII letters, digits, - or _"
    );
    let repeated = vec![gallery.people()[0].photos[0].clone()];
    assert_eq!(message(gallery.with_photos(ada, repeated)), "two photos of a person have the same id");
}

fn people(count: usize) -> Gallery {
    let person = |at: usize| {
        let photos = (0..1 + at % 3).map(|n| photo((at * 7 + n) % 512)).collect();
        Person::new(named(&format!("Person {at}")), None, photos)
    };
    Gallery::new(recipe(), (0..count).map(person).collect()).unwrap()
}

/// The same people, nothing shared.
fn anew(gallery: &Gallery) -> Gallery {
    let people = gallery.people().iter().map(|person| {
        let photo = |photo: &EnrolledPhoto| EnrolledPhoto {
            embedding: Embedding::new(photo.embedding.values().into_owned()).unwrap(),
            ..photo.clone()
        };
        Person { photos: person.photos.iter().map(photo).collect(), ..(**person).clone() }
    });
    Gallery::new(gallery.recipe.clone(), people.collect()).unwrap()
}

/// What a search of all directions finds.
fn found(gallery: &Gallery) -> Vec<Vec<search::Candidate>> {
    let faces: Vec<_> = (0..16).map(|at| photo(at * 31).embedding).collect();
    search::nearest(gallery, &faces, 5)
}

#[test]
fn a_gallery_that_was_edited_finds_what_a_new_one_finds() {
    let mut gallery = people(700);
    gallery.prepare();
    let id = |gallery: &Gallery, at: usize| gallery.people()[at].id.clone();
    for round in 0..300 {
        let at = (round * 37) % gallery.len();
        let of = id(&gallery, at);
        gallery = match round % 4 {
            0 => gallery.with_person(person(&format!("New {round}"))).unwrap(),
            1 => gallery.without_person(&of).unwrap(),
            2 => gallery.with_photos(&of, vec![photo(round), photo(511 - round)]).unwrap(),
            _ => gallery.updated(&of, renamed(&format!("Renamed {round}"))).unwrap(),
        };
        if round % 7 == 0 {
            let new = anew(&gallery);
            assert_eq!((found(&gallery), &gallery), (found(&new), &new), "round {round}");
        }
    }
    let first = id(&gallery, 0);
    let last = id(&gallery, gallery.len() - 1);
    for of in [first, last] {
        gallery = gallery.without_person(&of).unwrap();
        assert_eq!(found(&gallery), found(&anew(&gallery)));
    }
    let one = people(1);
    one.prepare();
    let none = one.without_person(&id(&one, 0)).unwrap();
    assert_eq!(found(&none), vec![Vec::new(); 16]);
}

#[test]
fn who_is_nearer_than_a_distance_is_who_is_so_among_all() {
    let gallery = people(700);
    // Between two axes, on which others' photos lie: from 0 to 1 away.
    let between = |at: usize| {
        let mut values = vec![0.0; 512];
        let part = at as f32 / 40.0;
        (values[at * 12], values[at * 5 + 3]) = (part, (1.0 - part * part).sqrt());
        Embedding::new(values).unwrap()
    };
    let faces: Vec<Embedding> = (0..40).map(between).collect();
    let mut left_out = 0;
    for distance in [0.01, 0.2, 0.4, 0.7, 1.0, 1.5] {
        let mut expected = search::nearest(&gallery, &faces, 5);
        let all = expected.iter().flatten().count();
        for nearest in &mut expected {
            nearest.retain(|candidate| candidate.distance < distance);
        }
        left_out += all - expected.iter().flatten().count();
        assert_eq!(search::nearest_within(&gallery, &faces, 5, distance), expected, "{distance}");
    }
    assert!((1..6 * 40 * 5).contains(&left_out), "{left_out}");
}

#[test]
fn an_edit_shares_everybody_else() {
    let gallery = people(100);
    let of = gallery.people()[40].id.clone();
    let edited = gallery.updated(&of, renamed("Ada")).unwrap();
    let shared = gallery.people().iter().zip(edited.people()).filter(|(a, b)| Arc::ptr_eq(a, b));
    assert_eq!(shared.count(), 99);
    assert_eq!(gallery.people()[40].name, "Person 40");
}

#[test]
fn a_photo_has_its_mean_distance_to_the_others_and_the_only_one_has_none() {
    let ada = Person::new(named("Ada"), None, vec![photo(0), photo(0), photo(1)]);
    assert_eq!(ada.distances_to_others(), [Some(0.5), Some(0.5), Some(1.0)]);
    assert_eq!(person("Ada").distances_to_others(), [None]);
    // Rounding does not grow with the number of photos.
    let many = Person::new(named("Ada"), None, vec![photo(0); 1000]);
    assert!(many.distances_to_others().iter().all(|distance| distance.is_some_and(|far| far.abs() < 1e-6)));
}

#[test]
fn the_photos_that_an_edit_lost_are_those_in_nobodys_hands_any_more() {
    let with_two = |name: &str| Person::new(named(name), None, vec![photo(0), photo(1)]);
    let old = Gallery::new(recipe(), ["Ada", "Grace", "Mary"].map(with_two).to_vec()).unwrap();
    let [ada, grace, mary] = [0, 1, 2].map(|at| old.people()[at].clone());
    let of = |person: &Person| person.photos.iter().map(|photo| photo.id.to_string()).collect::<Vec<_>>();
    let lost = |new: Result<Gallery>| old.photos_lost(&new.unwrap());
    assert_eq!(lost(old.without_person(&grace.id)), of(&grace));
    assert_eq!(lost(old.without_photo(&ada.id, &ada.photos[1].id)), [ada.photos[1].id.to_string()]);
    for kept in [
        old.merged(&ada.id, &mary.id),
        old.with_moved_photo(&mary.id, &mary.photos[0].id, &ada.id),
        old.updated(&grace.id, renamed("Grace Hopper")),
        old.with_person(with_two("Eve")),
        Ok(old.clone()),
    ] {
        assert_eq!(lost(kept), [""; 0]);
    }
    // Read anew, nothing is shared.
    let copies = old.people().iter().map(|person| (**person).clone()).collect();
    let copy = Gallery::new(recipe(), copies).unwrap();
    assert_eq!(old.photos_lost(&copy), [""; 0]);
    assert_eq!(old.photos_lost(&Gallery::empty(recipe())).len(), 6);
}

#[test]
fn an_edit_copies_the_run_of_people_that_it_concerns() {
    let gallery = people(1000);
    let of = |at: usize| gallery.people()[at].id.clone();
    let copied = |edited: &Gallery| edited.people.runs_apart(&gallery.people).len();
    assert_eq!(gallery.people.runs().len(), 8);
    assert_eq!(copied(&gallery.updated(&of(500), renamed("Ada")).unwrap()), 1);
    assert_eq!(copied(&gallery.with_photos(&of(3), vec![photo(8)]).unwrap()), 1);
    assert_eq!(copied(&gallery.without_person(&of(999)).unwrap()), 1);
    assert_eq!(copied(&gallery.with_person(person("Ada")).unwrap()), 1);
    // Several changes by others at once: two of one run, one of another, a new person.
    let changed = |at: usize| {
        Arc::new(Person { name: named(&format!("Changed {at}")), ..(*gallery.people()[at]).clone() })
    };
    let changes =
        Changes { saved: vec![changed(1), changed(600), Arc::new(person("Ada"))], removed: vec![of(2)] };
    let edited = gallery.with_changes(&changes).unwrap();
    assert_eq!(copied(&edited), 3);
    assert_eq!((edited.len(), edited.people().last().unwrap().name.as_str()), (1000, "Ada"));
    let mut found = edited.changes_since(&gallery);
    found.saved.sort_by(|a, b| a.name.as_str().len().cmp(&b.name.as_str().len()).reverse());
    assert_eq!(found.removed, changes.removed);
    let names =
        |people: &[Arc<Person>]| people.iter().map(|person| person.name.clone()).collect::<HashSet<_>>();
    assert_eq!(names(&found.saved), names(&changes.saved));
    let kept = |at: usize| {
        Arc::ptr_eq(&gallery.people()[at].clone(), edited.people().iter().find(|p| p.id == of(at)).unwrap())
    };
    assert!(kept(0) && kept(601) && !kept(600), "people beside those who changed are shared");
}

#[test]
fn people_who_leave_don_t_leave_ever_more_runs() {
    let mut gallery = people(1000);
    for at in 0..900 {
        let of = gallery.people()[(at * 7) % gallery.len()].id.clone();
        gallery = gallery.without_person(&of).unwrap();
    }
    assert_eq!(gallery.len(), 100);
    assert!(gallery.people.runs().len() <= 8, "{}", gallery.people.runs().len());
}
