//! The audit: a finding in words, what is done about it, and who sees the view at all.

use facerec::gallery::{EnrolledPhoto, Gallery, store};

use crate::browser::{DESKTOP, Tab};
use crate::{TWO, service_with};

#[test]
fn one_face_under_two_names_is_kept_listed_again_and_merged() {
    let server = service_with(&TWO, &[]);
    // The first person once more, under another name.
    let path = server.data.path().join(store::FILE_NAME);
    let gallery = store::read(&path).unwrap();
    let [first, second] = gallery.people() else { panic!("two people are enrolled") };
    let mut twin = facerec::gallery::Person::clone(first);
    twin.id = facerec::gallery::new_id();
    twin.name = facerec::person_name::PersonName::parse("Barry").unwrap();
    twin.photos = vec![EnrolledPhoto::new(first.photos[0].embedding.clone(), None)];
    let people = vec![facerec::gallery::Person::clone(first), facerec::gallery::Person::clone(second), twin];
    store::write(&path, &Gallery::new(gallery.recipe().clone(), people).unwrap()).unwrap();
    let listed = || server.get("/v1/people").json()["total"] == 3;
    crate::server::wait_until("the changed gallery", listed);

    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    tab.go_to("audit");
    tab.wait_text("#audit-rows li", "look like one person.");
    let keep = "#audit-rows li:first-child button:nth-of-type(3)";
    tab.click(keep);
    tab.wait_text("#audit-notice", "It is kept, and not listed again.");
    assert!(!tab.text("#audit-rows").contains("look like one person."));
    tab.click("#audit-all");
    tab.wait_text("#audit-rows", "look like one person.");
    tab.click("#audit-rows li:last-child button");
    tab.wait_text("#audit-notice", "It is listed again.");

    tab.click("#audit-rows li:first-child button");
    tab.wait_text("#sure-words", "who is deleted. This cannot be undone.");
    tab.click("#sure-yes");
    tab.wait_text("#audit-notice", "is merged into");
    assert_eq!(server.get("/v1/people").json()["total"], 2);
    tab.close();
}
