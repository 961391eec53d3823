use super::*;

fn recipe() -> Recipe {
    Recipe { model: "casia".to_owned(), model_sha256: None, margin_px: 32 }
}

fn photo(axis: usize) -> EnrolledPhoto {
    let mut values = vec![0.0; crate::nn::EMBEDDING_LEN];
    values[axis] = 1.0;
    EnrolledPhoto::new(Embedding::new(values).unwrap(), None)
}

fn person(name: &str) -> Person {
    Person::new(name, None, vec![photo(0)]).unwrap()
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
    assert_eq!(two.person_by_name("Jose\u{301}").map(|p| &p.id), Some(&two.people()[1].id));

    let ada = two.people()[0].id.clone();
    let renamed = two.renamed(&ada, "Ada Lovelace").unwrap();
    assert_eq!(names(&renamed), ["Ada Lovelace", "Jos\u{e9}"]);
    assert_eq!(renamed.person(&ada).unwrap().photos, two.person(&ada).unwrap().photos);
    assert_eq!(names(&renamed.without_person(&ada).unwrap()), ["Jos\u{e9}"]);
    let with_id = renamed.with_student_id(&ada, StudentId::from_text("0046")).unwrap();
    assert_eq!(with_id.person(&ada).unwrap().student_id, StudentId::from_text("0046"));
}

#[test]
fn a_name_is_taken_once_in_either_unicode_form() {
    let gallery = Gallery::empty(recipe()).with_person(person("Jos\u{e9}")).unwrap();
    let taken = gallery.with_person(person("Jose\u{301}")).unwrap_err();
    let jose = gallery.people()[0].id.clone();
    assert!(matches!(taken, Error::Input(InputError::NameTaken { person_id }) if person_id == jose));
    let gallery = gallery.with_person(person("Ada")).unwrap();
    let ada = gallery.person_by_name("Ada").unwrap().id.clone();
    assert!(
        matches!(gallery.renamed(&ada, "Jos\u{e9}"), Err(Error::Input(InputError::NameTaken { person_id })) if person_id == jose)
    );
    assert!(gallery.renamed(&ada, "Ada").is_ok(), "a person may keep the name");
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
    assert_eq!(
        message(gallery.renamed(ada, "a\u{7}")),
        "character 2 of the name is a control character: none is allowed"
    );
    let bad_id = Person { id: "../x".to_owned(), ..person("B") };
    assert_eq!(
        message(gallery.with_person(bad_id)),
        "expected an id of 1 to 64 ASCII letters, digits, - or _"
    );
    let repeated = vec![gallery.people()[0].photos[0].clone()];
    assert_eq!(message(gallery.with_photos(ada, repeated)), "two photos of a person have the same id");
}
