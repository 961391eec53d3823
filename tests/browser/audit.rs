//! The audit: a finding in words, what is done about it, and who sees the view at all.

use facerec::gallery::{EnrolledPhoto, Gallery, store};

use crate::browser::{DESKTOP, Tab};
use crate::server::Server;
use crate::{TWO, golden, service_with};

#[test]
fn one_face_under_two_names_is_kept_listed_again_and_merged() {
    let server = service_with(&TWO, &[]);
    // The first person once more, under another name.
    let path = server.data.path().join(store::FILE_NAME);
    let gallery = store::read(&path).unwrap();
    let [first, second] = [0, 1].map(|at| &gallery.people()[at]);
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
    let kept = || server.get("/v1/audit").json()["dismissed"].clone();
    assert_eq!(kept(), 1);
    assert!(!tab.text("#audit-rows").contains("look like one person."));
    tab.click("#audit-all");
    tab.wait_text("#audit-rows", "look like one person.");
    tab.click("#audit-rows li:last-child button");
    tab.wait_text("#audit-notice", "It is listed again.");
    assert_eq!(kept(), 0);

    tab.click("#audit-rows li:first-child button");
    tab.wait_text("#sure-words", "who is deleted. This cannot be undone.");
    tab.click("#sure-yes");
    tab.wait_text("#audit-notice", "is merged into");
    // The twin's one photo is the first person's own: of the two the merged one has both.
    assert_eq!(photos(&server), [(TWO[0].to_owned(), 2), (TWO[1].to_owned(), 1)]);
    tab.close();
}

/// Names and numbers of photos of everybody.
fn photos(server: &Server) -> Vec<(String, u64)> {
    let people = server.get("/v1/people").json();
    let people = people["people"].as_array().unwrap().iter();
    let mut found: Vec<_> = people
        .map(|person| (person["name"].as_str().unwrap().to_owned(), person["photos"].as_u64().unwrap()))
        .collect();
    found.sort();
    found
}

/// Gives Joe Biden a photo of Barack Obama's, by force, and returns to the audit.
fn misfile(tab: &Tab, server: &Server, photo: &str) {
    tab.go_to("people");
    tab.wait_text("#people-count", "enrolled");
    tab.click("#people-rows li:last-child a");
    tab.wait_text("#person-title", TWO[1]);
    tab.choose("#person-files", &[golden("photos").join(photo)]);
    tab.click("#person-outcome button");
    tab.wait_text("#person-outcome", "1 photo added.");
    assert_eq!(photos(server)[1].1, 3);
    tab.go_to("audit");
    tab.wait_text(
        "#audit-rows li",
        &format!(
            "A photo of {} (\u{2068}{photo}\u{2069}) is unlike the others and looks like {}.",
            TWO[1], TWO[0]
        ),
    );
}

#[test]
fn a_photo_of_somebody_else_is_moved_to_whom_it_shows_or_removed() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    tab.go_to("people");
    tab.click("#people-rows li:last-child a");
    tab.choose("#person-files", &[golden("photos/biden.jpg")]);
    tab.wait_text("#person-outcome", "1 photo added.");
    let [obama, biden] = TWO.map(str::to_owned);
    let expected = |obamas, bidens| [(obama.clone(), obamas), (biden.clone(), bidens)];

    misfile(&tab, &server, "obama2.jpg");
    let button = |label: &str| {
        let button = format!(
            "[...document.querySelectorAll('#audit-rows button')].find((button) => button.textContent === {label:?})"
        );
        tab.wait_until(label, &format!("return {button} !== undefined"));
        tab.run(&format!("{button}.click()"));
    };
    // Who changes their mind changes nothing.
    button("Move to Barack Obama");
    tab.wait_text("#sure-title", "Move this photo to Barack Obama?");
    tab.click("#sure-dialog [value=no]");
    assert_eq!(photos(&server), expected(1, 3));
    button("Move to Barack Obama");
    tab.click("#sure-yes");
    tab.wait_text("#audit-notice", "The photo is moved to Barack Obama.");
    assert_eq!(photos(&server), expected(2, 2));
    assert!(!tab.text("#audit-rows").contains("is unlike"), "{}", tab.text("#audit-rows"));

    misfile(&tab, &server, "obama3.jpg");
    button("Remove the photo");
    tab.wait_text("#sure-words", "The photo of Joe Biden will be forgotten.");
    tab.click("#sure-yes");
    tab.wait_text("#audit-notice", "The photo is removed.");
    assert_eq!(photos(&server), expected(2, 2));
    assert!(!tab.text("#audit-rows").contains("is unlike"), "{}", tab.text("#audit-rows"));
    tab.close();
}
