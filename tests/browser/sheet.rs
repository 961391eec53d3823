//! A session's list on paper and as files, and the ways by which its photos come in.

use std::path::{Path, PathBuf};

use calamine::{Data, Reader as _, Xlsx, open_workbook};

use crate::browser::{DESKTOP, PHONE, Tab};
use crate::register::{begin, pairs, session, statuses};
use crate::server::wait_until;
use crate::{STRANGER, TWO, sample, service_with};

#[test]
fn what_is_printed_is_the_list_with_a_place_to_sign() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    begin(&tab, "Maths");
    tab.choose("#session-photos", &[sample("group.jpg")]);
    tab.wait_text("#session-count", "2 of ");
    assert!(tab.is_seen("#session-close") && !tab.is_seen(".signature"));
    // The button asks for the browser's own dialogue, which no test can answer.
    tab.run("window.print = () => { window.printed = true; }");
    tab.click("#session-print");
    assert_eq!(tab.run("return window.printed"), true);

    tab.set_print();
    for part in ["#session-title", "#session-about", "#session-count", ".signature"] {
        assert!(tab.is_seen(part), "{part} is not printed");
    }
    assert_eq!(tab.texts("#session-here .name"), TWO);
    assert!(tab.texts("#session-missing .name").contains(&STRANGER.to_owned()));
    assert!(tab.texts("#session-missing .about").iter().any(|about| about.contains("no photo enrolled")));
    let controls =
        ".bar, #session button, #session a, #session input, #session form, #session .notice, #session .hint";
    let printed = format!(
        "return [...document.querySelectorAll('{controls}')].filter((e) => e.getClientRects().length > 0).map((e) => e.outerHTML)"
    );
    assert_eq!(tab.run(&printed), serde_json::json!([]));
    let columns = "return new Set([...document.querySelectorAll('.columns > section')]
        .map((column) => column.getBoundingClientRect().top)).size";
    assert_eq!(tab.run(columns), 1, "the columns lie side by side");
    tab.close();
}

/// The file of this name, once the browser has written it.
fn saved(directory: &Path, name: &str) -> PathBuf {
    let path = directory.join(name);
    wait_until(name, || path.exists());
    path
}

#[test]
fn the_list_is_saved_as_text_and_as_a_workbook() {
    let server = service_with(&TWO, &[]);
    let files = tempfile::tempdir().unwrap();
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    let id = begin(&tab, "Maths");
    tab.choose("#session-photos", &[sample("group.jpg")]);
    tab.wait_text("#session-count", "2 of ");
    tab.save_to(files.path());
    let found = session(&server, &id);
    let date = found["date"].as_str().unwrap();
    let mut expected = statuses(&found, &[TWO[0], TWO[1], STRANGER]);
    assert_eq!(expected, pairs(&[(TWO[0], "present"), (STRANGER, "not_enrolled"), (TWO[1], "present")]));

    tab.click("#session-csv");
    let csv = std::fs::read_to_string(saved(files.path(), &format!("Maths {date}.csv"))).unwrap();
    let listed =
        |name: &str, status: &str| csv.lines().any(|line| line.contains(name) && line.contains(status));
    assert!(expected.iter().all(|(name, status)| listed(name, status)), "{csv}");
    assert_eq!(csv.lines().count(), 1 + found["entries"].as_array().unwrap().len());

    tab.click("#session-xlsx");
    let mut workbook: Xlsx<_> = open_workbook(saved(files.path(), &format!("Maths {date}.xlsx"))).unwrap();
    let rows = workbook.worksheet_range("Maths").unwrap();
    let rows: Vec<Vec<String>> = rows.rows().map(|row| row.iter().map(Data::to_string).collect()).collect();
    let listed =
        |pair: &(String, String)| rows.iter().any(|row| row.contains(&pair.0) && row.contains(&pair.1));
    expected.retain(|pair| !listed(pair));
    assert!(expected.is_empty(), "{expected:?} of {rows:?}");
    assert_eq!(rows.len(), 1 + found["entries"].as_array().unwrap().len());
    tab.close();
}

#[test]
fn a_photo_that_the_camera_takes_is_recorded() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open_with_camera(&server, PHONE, Some(&sample("group.jpg"))) else { return };
    let id = begin(&tab, "Maths");
    tab.click("#session-camera");
    tab.wait_until("the camera", "return !document.getElementById('camera-take').disabled");
    tab.click("#camera-take");
    tab.wait_text("#session-count", "2 of ");
    let found = session(&server, &id);
    assert_eq!(statuses(&found, &TWO), pairs(&[(TWO[0], "present"), (TWO[1], "present")]));
    assert_eq!(found["photos"], 1);
    let camera = "return document.getElementById('camera-picture').srcObject?.active ?? false";
    assert_eq!(tab.run(camera), false, "it is off again");
    tab.close();
}

#[test]
fn photos_that_are_dropped_on_a_session_are_recorded_one_by_one() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    let id = begin(&tab, "Maths");
    let portrait = |person: &str| sample("people").join(person).join("portrait.jpg");
    tab.drop_files("#session-photos", &[portrait(TWO[0]), sample("roster.xlsx"), portrait(TWO[1])]);
    tab.wait_text("#session-count", "2 of ");
    tab.wait_text("#session-notice", "roster.xlsx: ");
    let found = session(&server, &id);
    assert_eq!(statuses(&found, &TWO), pairs(&[(TWO[0], "present"), (TWO[1], "present")]));
    assert_eq!(found["photos"], 2);
    tab.close();
}
