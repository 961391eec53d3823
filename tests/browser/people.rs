//! People: list, search, one person, and names that look like markup.

use serde_json::json;

use crate::browser::{DESKTOP, Key, Tab};
use crate::server::Server;
use crate::{STRANGER, TWO, golden, sample, service_with};

/// Runs its code wherever a name is taken for markup.
const MARKUP: &str = "<img src=x onerror=alert(1)>";

fn open_people(server: &Server) -> Option<Tab> {
    let tab = Tab::open(server, DESKTOP)?;
    tab.go_to("people");
    tab.wait_text("#people-count", "enrolled");
    Some(tab)
}

fn portrait(person: &str) -> std::path::PathBuf {
    sample("people").join(person).join("portrait.jpg")
}

/// Through the dialog.
fn add(tab: &Tab, name: &str, photos: &[std::path::PathBuf]) {
    tab.click("#person-add");
    tab.type_into("#add-name", name);
    tab.choose("#add-photos", photos);
    tab.click("#add-form button[type=submit]");
}

#[test]
fn a_person_is_added_found_renamed_given_photos_and_deleted() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = open_people(&server) else { return };
    assert_eq!(tab.texts("#people-rows .name"), TWO);
    assert_eq!(tab.texts("#people-rows .count"), ["1 photo", "1 photo"]);
    // One of the photos shows three people.
    add(&tab, "E. Collins", &[portrait(STRANGER), sample("group.jpg")]);
    tab.wait_text("#add-outcome", "1 photo enrolled. 1 photo of 2 not taken.");
    assert!(tab.text("#add-outcome").contains("3 faces are in it; there should be one."));
    tab.click("#add-dialog [data-close]");
    tab.wait_text("#people-count", "3 people enrolled");

    tab.type_into("#people-query", "coll");
    tab.wait_text("#people-count", "1 person found");
    tab.click("#people-rows a");
    tab.wait_text("#person-about", "No ID · 1 photo");
    tab.type_into("#person-name", STRANGER);
    tab.type_into("#person-student-id", "0007");
    tab.click("#person-edit button");
    tab.wait_text("#person-saved", "Saved.");
    assert_eq!(tab.text("#person-title"), STRANGER);
    // The roster has an ID for the new name, and that one comes first.
    assert_eq!(tab.text("#person-about"), "ID STS-93 · 1 photo");
    let found = server.get("/v1/people?q=eileen").json();
    assert_eq!(found["people"][0]["student_id"], "0007");

    tab.choose("#person-files", &[portrait(STRANGER)]);
    tab.wait_text("#person-outcome", "This photo is enrolled already.");
    tab.click("#person-outcome button");
    tab.wait_text("#person-outcome", "1 photo added.");
    tab.wait_text("#person-about", "2 photos");
    tab.click("#person-photos [aria-label='Remove photo 2']");
    tab.wait_text("#sure-title", "Remove this photo?");
    tab.click("#sure-yes");
    tab.wait_text("#person-about", "1 photo");
    assert!(!tab.is_seen("#person-photos button"), "the last photo can't be removed");
    tab.wait_until("the focus", "return document.activeElement.id === 'person-photos-title'");

    tab.click("#person-delete");
    tab.wait_text("#sure-words", "Eileen Collins and 1 photo will be deleted.");
    tab.click("#sure-dialog [value=no]");
    assert_eq!(server.get("/v1/people").json()["total"], 3);
    tab.click("#person-delete");
    tab.click("#sure-yes");
    tab.wait_until("the list", "return location.hash === '#people'");
    tab.wait_text("#people-notice", "Eileen Collins is deleted.");
    tab.wait_text("#announcer", "Eileen Collins is deleted.");
    tab.go_to("roster");
    tab.go_to("people");
    tab.wait_until("silence", "return document.getElementById('people-notice').children.length === 0");
    tab.type_into("#people-query", "o");
    tab.wait_text("#people-count", "2 people found");
    assert_eq!(server.get("/v1/people").json()["total"], 2);
    tab.close();
}

#[test]
fn a_name_that_is_taken_is_said_and_changes_nothing() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = open_people(&server) else { return };
    add(&tab, "Joe Biden", &[portrait(STRANGER)]);
    tab.wait_text("#add-outcome", "Somebody of this name is enrolled already.");
    tab.click("#add-dialog [data-close]");
    tab.click("#people-rows li:first-child a");
    tab.wait_text("#person-title", "Barack Obama");
    tab.type_into("#person-name", "Joe Biden");
    tab.click("#person-edit button");
    tab.wait_text("#person-notice", "Somebody of this name is enrolled already.");
    assert_eq!(tab.text("#person-title"), "Barack Obama");
    assert_eq!(server.get("/v1/people?q=biden").json()["people"][0]["photos"], 1);
    tab.close();
}

#[test]
fn a_name_that_looks_like_markup_is_text_in_every_view() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = open_people(&server) else { return };
    add(&tab, MARKUP, &[portrait(STRANGER)]);
    tab.wait_text("#people-rows li:last-child .name", MARKUP);
    tab.click("#people-rows li:last-child a");
    tab.wait_text("#person-title", MARKUP);
    tab.click("#person-delete");
    tab.wait_text("#sure-title", &format!("Delete {MARKUP}?"));
    tab.click("#sure-dialog [value=no]");
    tab.go_to("recognise");
    tab.choose("#photo-file", &[sample("group.jpg")]);
    tab.wait_text("#summary", "3 faces, all known");
    assert_eq!(tab.texts("#faces .name").last().unwrap(), MARKUP);
    assert_eq!(tab.texts(".tag i").last().unwrap(), MARKUP);
    // It is typed for somebody else's face: known names are offered, and the reason names it.
    tab.click("#faces .wrong summary");
    tab.type_into("#faces input", "img");
    tab.wait_until(
        "the offer",
        &format!("return document.querySelector('#known-people option')?.value === {MARKUP:?}"),
    );
    assert_eq!(tab.run("return document.querySelectorAll('main img').length"), 1, "the photo's own");
    // A dialog of `alert` would have failed every step since.
    tab.close();
}

#[test]
fn an_answer_that_comes_late_does_not_change_what_is_shown_by_then() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = open_people(&server) else { return };
    let people = server.get("/v1/people").json();
    let id = |at: usize| people["people"][at]["id"].as_str().unwrap().to_owned();
    tab.hold_answers("GET", &id(0));
    tab.run(&format!("location.hash = '#person/{}'", id(0)));
    tab.wait_until("the answer", "return window.holding === true");
    tab.run(&format!("location.hash = '#person/{}'", id(1)));
    tab.wait_text("#person-title", TWO[1]);
    tab.release_answers();
    assert_eq!(tab.text("#person-title"), TWO[1]);
    assert_eq!(tab.run("return document.title"), format!("{} – facerec", TWO[1]));
    tab.close();
}

#[test]
fn a_person_who_is_being_typed_stays_when_the_one_before_is_answered() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = open_people(&server) else { return };
    tab.hold_answers("POST", "/v1/people");
    add(&tab, STRANGER, &[portrait(STRANGER)]);
    tab.wait_until("the answer", "return window.holding === true");
    tab.click("#add-dialog [data-close]");
    tab.click("#person-add");
    tab.type_into("#add-name", "Somebody Else");
    tab.release_answers();
    tab.wait_text("#people-count", "3 people enrolled");
    assert!(tab.is_seen("#add-dialog"), "the dialog is still open");
    assert_eq!(tab.run("return document.getElementById('add-name').value"), "Somebody Else");
    tab.close();
}

#[test]
fn an_address_that_is_none_changes_nothing() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = open_people(&server) else { return };
    tab.run("location.hash = '#person/%'; return new Promise((done) => setTimeout(done, 100))");
    assert!(tab.is_seen("#people-rows"));
    tab.close();
}

#[test]
fn a_last_day_is_set_and_an_expired_person_is_marked() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = open_people(&server) else { return };
    tab.click("#people-rows a");
    tab.wait_text("#person-about", "1 photo");
    tab.run("document.getElementById('person-expires').value = '2020-01-31'");
    tab.click("#person-edit button");
    tab.wait_text("#person-about", "1 photo · Expired: the last day was 2020-01-31");
    tab.go_to("people");
    tab.wait_text("#people-rows", "Expired: the last day was 2020-01-31");
    tab.close();
}

#[test]
fn a_photo_that_is_unlike_the_others_is_told_and_moved_to_whom_it_shows() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = open_people(&server) else { return };
    tab.click("#people-rows a");
    tab.wait_text("#person-about", "1 photo");
    assert!(!tab.is_seen("#person-photos button"), "the only photo stays");
    tab.choose("#person-files", &[golden("photos/biden.jpg")]);
    tab.click("#person-outcome button");
    tab.wait_text("#person-about", "2 photos");
    let people = server.get("/v1/people").json();
    let obama = server.get(&format!("/v1/people/{}", people["people"][0]["id"].as_str().unwrap())).json();
    let distance = obama["photos"][1]["distance_to_others"].as_f64().unwrap();
    let photos = tab.texts("#person-photos li");
    assert!(photos[1].contains(&format!("distance {distance:.3} to the others")), "{photos:?}");

    tab.click("#person-photos li:last-child button");
    tab.wait_text("#move-title", "Move photo 2 of Barack Obama");
    tab.type_into("#move-name", "Barack Obama");
    tab.click("#move-form button[type=submit]");
    tab.wait_text("#move-outcome", "Nobody else of this name is enrolled.");
    tab.type_into("#move-name", "Joe");
    tab.click("#move-form button[type=submit]");
    tab.wait_text("#move-outcome", "Like it are: Joe Biden.");
    tab.type_into("#move-name", "joe biden");
    tab.click("#move-form button[type=submit]");
    tab.wait_text("#person-outcome", "The photo is moved to Joe Biden.");
    tab.wait_text("#person-about", "1 photo");
    assert_eq!(server.get("/v1/people?q=biden").json()["people"][0]["photos"], 2);
    tab.close();
}

#[test]
fn a_photo_is_told_by_its_file_name_and_its_thumbnail() {
    let server = service_with(&TWO, &["--keep-thumbnails"]);
    let Some(tab) = open_people(&server) else { return };
    let seen = |place: &str, count: usize| {
        let whole = format!(
            "const all = [...document.querySelectorAll('{place} img.thumbnail')]; return all.length === {count} && \
             all.every((image) => !image.hidden && image.naturalWidth === 160 && image.alt)"
        );
        tab.wait_until("the thumbnails", &whole);
    };
    tab.click("#people-rows a");
    tab.wait_text("#person-photos", "portrait.jpg");
    seen("#person-photos", 1);
    tab.choose("#person-files", &[golden("photos/obama2.jpg")]);
    tab.wait_text("#person-about", "2 photos");
    tab.choose("#person-files", &[golden("photos/biden.jpg")]);
    tab.click("#person-outcome button");
    tab.wait_text("#person-about", "3 photos");
    tab.wait_text("#person-photos li:last-child", "biden.jpg");
    seen("#person-photos", 3);
    tab.go_to("audit");
    tab.wait_text("#audit-rows", "biden.jpg");
    seen("#audit-rows", 1);
    tab.close();
}

#[test]
fn a_word_is_said_after_a_photo_is_removed() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = open_people(&server) else { return };
    tab.click("#people-rows a");
    tab.choose("#person-files", &[golden("photos/obama2.jpg")]);
    tab.wait_text("#person-about", "2 photos");
    tab.click("#person-photos [aria-label='Remove photo 2']");
    tab.click("#sure-yes");
    tab.wait_text("#person-outcome", "The photo is removed.");
    tab.wait_text("#announcer", "The photo is removed.");
    tab.close();
}

/// Until they are shown and can be changed.
fn wait_for_groups(tab: &Tab, groups: &str) {
    let field = "document.getElementById('person-groups')";
    tab.wait_until("the groups", &format!("return !{field}.disabled && {field}.value === {groups:?}"));
}

/// Enter in the field, which asks no button.
fn submit_groups(tab: &Tab) {
    tab.run("document.getElementById('groups-edit').requestSubmit(); return new Promise((done) => setTimeout(done, 200))");
}

#[test]
fn groups_that_are_not_known_yet_are_not_replaced_and_what_is_typed_stays() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = open_people(&server) else { return };
    let people = server.get("/v1/people").json();
    let ids: Vec<&str> = (0..2).map(|at| people["people"][at]["id"].as_str().unwrap()).collect();
    let groups = |at: usize| server.get(&format!("/v1/people/{}/groups", ids[at])).json()["groups"].clone();
    for id in &ids {
        tab.run(&format!(
            "const headers = {{ 'Content-Type': 'application/json' }};
             await fetch('v1/people/{id}/groups', {{ method: 'PUT', headers, body: '{{\"groups\": [\"7A\"]}}' }})"
        ));
    }
    // The answer is on its way.
    tab.hold_answers("GET", "/groups");
    tab.run(&format!("location.hash = '#person/{}'", ids[0]));
    tab.wait_text("#person-about", "1 photo");
    tab.wait_until("the answer", "return window.holding === true");
    assert_eq!(tab.run("return document.getElementById('person-groups').disabled"), true);
    submit_groups(&tab);
    tab.release_answers();
    wait_for_groups(&tab, "7A");
    assert_eq!(groups(0), json!(["7A"]));
    // What is typed while it is saved is not taken away.
    tab.hold_answers("PUT", "/groups");
    tab.type_into("#person-groups", "Choir ;7A");
    tab.click("#groups-edit button");
    tab.wait_until("the answer", "return window.holding === true");
    tab.type_into("#person-groups", "Chess");
    tab.release_answers();
    tab.wait_text("#groups-saved", "Saved.");
    wait_for_groups(&tab, "Chess");
    assert_eq!(groups(0), json!(["7A", "Choir"]));
    // There is no answer.
    tab.run(
        "const real = window.fetch;
         window.fetch = async (address, options) => {
             if (String(address).endsWith('/groups') && options.method === 'GET') throw new TypeError('no connection');
             return real(address, options);
         }",
    );
    tab.run(&format!("location.hash = '#person/{}'", ids[1]));
    tab.wait_text("#person-title", TWO[1]);
    tab.wait_until("the problem", "return document.querySelector('#groups-notice .bad') !== null");
    submit_groups(&tab);
    assert_eq!(groups(1), json!(["7A"]));
    tab.close();
}

#[test]
fn a_person_found_for_a_dialog_that_was_left_is_not_taken_for_the_next_one() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = open_people(&server) else { return };
    tab.click("#people-rows a");
    tab.wait_text("#person-about", "1 photo");
    tab.choose("#person-files", &[golden("photos/obama2.jpg")]);
    tab.wait_text("#person-about", "2 photos");
    tab.hold_answers("GET", "/v1/people");
    tab.click("#person-photos [aria-label='Move photo 2']");
    tab.type_into("#move-name", "Joe Biden");
    tab.click("#move-form button[type=submit]");
    tab.wait_until("the answer", "return window.holding === true");
    tab.press(Key::Escape);
    tab.click("#person-photos [aria-label='Move photo 1']");
    tab.wait_text("#move-title", "Move photo 1 of Barack Obama");
    tab.release_answers();
    assert!(tab.is_seen("#move-dialog"), "nobody was chosen for photo 1");
    tab.press(Key::Escape);
    assert_eq!(server.get("/v1/people?q=obama").json()["people"][0]["photos"], 2);
    tab.close();
}

#[test]
fn the_groups_of_a_person_are_edited() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = open_people(&server) else { return };
    tab.click("#people-rows a");
    wait_for_groups(&tab, "");
    tab.type_into("#person-groups", " Choir;7A ; ");
    tab.click("#groups-edit button");
    tab.wait_text("#groups-saved", "Saved.");
    wait_for_groups(&tab, "7A; Choir");
    let groups = server.get("/v1/groups").json();
    assert_eq!(groups["groups"][1]["name"], "Choir");
    assert_eq!(groups["groups"][1]["members"], 1);
    tab.close();
}
