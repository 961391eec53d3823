//! A service with API keys: what the page says without one, with a small one, and with the right one.

use std::path::Path;

use facerec::keys::file::to_toml;
use facerec::keys::{KeyEntry, Scope};
use serde_json::json;

use crate::browser::{DESKTOP, Tab};
use crate::server::Server;
use crate::{TWO, sample, service_with};

const CAMERA: &str = "facerec_camera";
const OFFICE: &str = "facerec_office";
const EXPIRED: &str = "facerec_expired";

fn enter(tab: &Tab, key: &str) {
    tab.type_into("#key-value", key);
    tab.click("#key-form button[type=submit]");
}

/// A service with these keys, whose file is in `folder`.
fn service_with_keys(folder: &Path) -> Server {
    let file = folder.join("keys.toml");
    let keys = [("camera", Scope::Recognize, CAMERA), ("office", Scope::Manage, OFFICE)];
    let mut entries: Vec<_> = keys.iter().map(|(name, scope, key)| KeyEntry::of(name, *scope, key)).collect();
    let expires = Some("2020-01-31T12:00:00Z".parse().unwrap());
    entries.push(KeyEntry { expires, ..KeyEntry::of("last year", Scope::Manage, EXPIRED) });
    std::fs::write(&file, to_toml(&entries).unwrap()).unwrap();
    service_with(&TWO, &["--api-keys-file", file.to_str().unwrap()])
}

#[test]
fn a_key_is_asked_for_used_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let server = service_with_keys(folder.path());
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };

    tab.choose("#photo-file", &[sample("group.jpg")]);
    tab.wait_text("#result-notice", "The service asks for a key.");
    tab.click("#result-notice button");
    enter(&tab, "facerec_nobody");
    tab.wait_text(
        "#key-outcome",
        "The service does not take this key. Expected an API key, found one that is not known here.",
    );
    assert_eq!(tab.text("#key-state"), "Key", "a key that is not known is not used");
    enter(&tab, CAMERA);
    tab.wait_text("#summary", "3 faces, 1 unknown");
    assert_eq!(tab.text("#key-state"), "Key in use");

    // Of a session, whose group it is is not told.
    let key = format!("X-API-Key: {OFFICE}");
    let session = [&key, "-H", "Content-Type: application/json", "-d", r#"{"title": "Maths"}"#];
    server.curl("/v1/sessions", &[&["-H"], &session[..]].concat());
    tab.go_to("register");
    tab.wait_text("#register-rows .name", "Maths");
    assert_eq!(tab.text("#register-rows .id"), "open");
    assert!(!tab.is_seen("#audit-link"), "the audit is for those who manage people");
    tab.go_to("people");
    tab.wait_text("#people-notice", "Your key is good for recognising, but not for managing people.");
    tab.click("#people-notice button");
    enter(&tab, CAMERA);
    tab.wait_text("#key-outcome", "Your key is good for recognising, but not for managing people.");
    enter(&tab, OFFICE);
    tab.wait_text("#people-count", "2 people enrolled");
    assert!(!tab.is_seen("#people-notice .bad"));
    tab.wait_until("the audit", "return !document.getElementById('audit-link').hidden");

    let kept = "return [localStorage.length, document.cookie, Object.values(sessionStorage)]";
    assert_eq!(tab.run(kept), json!([0, "", [OFFICE]]));
    tab.click("#key-open");
    tab.click("#key-forget");
    assert_eq!(tab.text("#key-state"), "Key");
    assert_eq!(tab.run(kept), json!([0, "", []]));
    tab.close();
    assert!(!server.log().contains(OFFICE));
}

#[test]
fn the_view_behind_the_key_is_drawn_again_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = service_with_keys(folder.path());
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    tab.choose("#photo-file", &[sample("group.jpg")]);
    tab.wait_text("#result-notice", "The service asks for a key.");
    tab.click("#key-open");
    enter(&tab, CAMERA);
    tab.wait_text("#summary", "3 faces, 1 unknown");
    tab.go_to("people");
    tab.wait_text("#people-notice", "Your key is good for recognising");
    tab.click("#key-open");
    enter(&tab, OFFICE);
    tab.wait_text("#people-count", "2 people enrolled");
    tab.click("#people-rows a");
    tab.wait_text("#person-title", TWO[0]);
    tab.click("#key-open");
    tab.click("#key-forget");
    tab.wait_text("#person-notice", "The service asks for a key.");
    assert!(
        !tab.is_seen("#person-body") && tab.text("#person-title").is_empty(),
        "nobody is shown without it"
    );
    // A person needs more than a key for recognising.
    tab.click("#person-notice button");
    enter(&tab, EXPIRED);
    tab.wait_text("#key-outcome", "found one that expired at 2020-01-31");
    enter(&tab, CAMERA);
    tab.wait_text("#key-outcome", "Your key is good for recognising");
    enter(&tab, OFFICE);
    tab.wait_text("#person-title", TWO[0]);
    tab.close();
}

/// Counts requests to addresses that hold `part`, from now on.
fn count_requests(tab: &Tab, part: &str) {
    tab.run(&format!(
        "const real = window.fetch;
         window.requests = 0;
         window.fetch = (address, options) => {{
             window.requests += String(address).includes('{part}') ? 1 : 0;
             return real(address, options);
         }}"
    ));
}

#[test]
fn nobody_of_a_session_is_shown_without_the_key_and_it_is_asked_for_once_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = service_with_keys(folder.path());
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    let key = format!("X-API-Key: {OFFICE}");
    let session = [&key, "-H", "Content-Type: application/json", "-d", r#"{"title": "Maths"}"#];
    server.curl("/v1/sessions", &[&["-H"], &session[..]].concat());
    tab.go_to("register");
    tab.wait_text("#register-notice", "The service asks for a key.");
    count_requests(&tab, "limit=50");
    tab.click("#key-open");
    enter(&tab, OFFICE);
    tab.wait_text("#register-rows .name", "Maths");
    assert_eq!(tab.run("return window.requests"), json!(1));
    tab.click("#register-rows a");
    tab.wait_text("#session-title", "Maths");
    tab.choose("#session-photos", &[sample("group.jpg")]);
    tab.wait_text("#session-count", "2 of ");

    tab.click("#key-open");
    tab.click("#key-forget");
    tab.wait_text("#session-notice", "The service asks for a key.");
    assert!(!tab.is_seen("#session-body"));
    let left = "return [document.getElementById('session').textContent.includes('Maths'),
        document.querySelectorAll('#session .attendee').length]";
    assert_eq!(tab.run(left), json!([false, 0]));
    count_requests(&tab, "v1/sessions/");
    tab.click("#session-notice button");
    enter(&tab, OFFICE);
    tab.wait_text("#session-title", "Maths");
    assert_eq!(tab.run("return window.requests"), json!(1));
    assert!(!tab.is_seen("#session-notice .notice"));
    tab.close();
}

#[test]
fn a_key_that_is_forgotten_where_another_one_is_asked_for_is_gone_for_the_view() {
    let folder = tempfile::tempdir().unwrap();
    let server = service_with_keys(folder.path());
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    tab.go_to("people");
    tab.click("#key-open");
    enter(&tab, CAMERA);
    tab.wait_text("#people-notice", "Your key is good for recognising");
    tab.click("#people-notice button");
    tab.click("#key-forget");
    tab.wait_text("#people-notice", "The service asks for a key.");
    tab.close();
}
