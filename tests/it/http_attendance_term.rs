//! A class of public figures over three lessons: what the photos and the office say, and the report in all its forms.

use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};
use serde_json::{Value, json};

use crate::http_v1_attendance::{begin, download, id_of, lesson, list, photos, post, school_data};
use crate::support::app::Service;

/// Begins the lesson of a day, adds photos taken at these minutes past eight, and closes it; its address.
fn held(service: &Service, day: &str, taken: &[(&str, u32)]) -> String {
    let session = begin(service, &lesson(&format!("{day}T08:00")));
    let times: Vec<String> = taken.iter().map(|(_, minute)| format!("{day}T08:{minute:02}")).collect();
    let files: Vec<(&str, &str)> =
        taken.iter().zip(&times).map(|((file, _), at)| (*file, at.as_str())).collect();
    service.post_form(&format!("{session}/photos"), photos(&files)).expect(200);
    session
}

fn correct(service: &Service, session: &str, person: &str, status: &str) {
    let said = json!({"status": status, "by": "Ms Frizzle"});
    service.patch(&format!("{session}/entries/{person}"), &said).expect(200);
}

/// Id of somebody on the list.
fn listed(session: &Value, name: &str) -> String {
    let mut entries = session["entries"].as_array().unwrap().iter();
    let entry = entries.find(|entry| entry["person"]["name"] == name).unwrap();
    entry["person"]["id"].as_str().unwrap().to_owned()
}

/// Barack Obama is of the class, Eileen Collins of another one, and of Joe Biden no face is enrolled.
fn three_lessons(service: &Service) {
    // The clock goes back between the first and the second: eight o'clock stays eight o'clock.
    let first = held(service, "2026-10-23", &[("obama.jpg", 2), ("group.jpg", 3)]);
    let second = held(service, "2026-10-26", &[("obama2.jpg", 12)]);
    let third = held(service, "2026-10-27", &[("no_face.png", 1)]);
    let expected =
        [("Barack Obama", "present"), ("Eileen Collins", "present"), ("Joe Biden", "not_enrolled")];
    let seen = service.get(&first).expect(200);
    assert_eq!((list(&seen), &seen["unknown_faces"]), (expected.to_vec(), &json!(1)));
    let members = seen["entries"].as_array().unwrap().iter().map(|entry| &entry["member"]);
    assert_eq!(
        members.collect::<Vec<_>>(),
        [&json!(true), &json!(false), &json!(true)],
        "Collins is a visitor"
    );
    let biden = listed(&service.get(&second).expect(200), "Joe Biden");
    correct(service, &second, &biden, "present");
    for session in [&first, &second, &third] {
        post(service, &format!("{session}/close"), &json!({"by": "Ms Frizzle"})).expect(200);
    }
    correct(service, &third, &id_of(service, "Barack Obama"), "excused");
    let last = service.get(&third).expect(200);
    assert_eq!(list(&last), [("Barack Obama", "excused"), ("Joe Biden", "not_enrolled")]);
    assert_eq!(last["corrections"][0]["after_close"], true);
}

/// Head and rows of the report, as text.
const ROWS: [[&str; 5]; 3] = [
    ["Name", "ID", "2026-10-23 08:00 Maths", "2026-10-26 08:00 Maths", "2026-10-27 08:00 Maths"],
    ["Barack Obama", "P-1", "present", "late", "excused"],
    ["Joe Biden", "P-3", "not_enrolled", "present", "not_enrolled"],
];

#[test]
fn three_lessons_of_a_class_give_one_report_in_all_its_forms() {
    let service = Service::on(school_data(), &[]);
    three_lessons(&service);
    let report = service.get("/v1/attendance?group=7A").expect(200);
    let statuses: Vec<&Value> =
        report["people"].as_array().unwrap().iter().map(|row| &row["statuses"]).collect();
    assert_eq!(
        statuses,
        [&json!(["present", "late", "excused"]), &json!(["not_enrolled", "present", "not_enrolled"])]
    );
    let share = report["people"][0]["counts"]["attended_share"].as_f64().unwrap();
    assert!((share - 2.0 / 3.0).abs() < 1e-9, "{report}");
    assert_eq!(
        report["people"][1]["counts"]["attended_share"], 1.0,
        "where he could not be seen is in no share"
    );

    let (_, bytes) = download(&service, "/v1/attendance?group=7A&format=csv");
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').take(5).collect()).collect();
    assert_eq!(lines[..3], ROWS.map(|row| row.to_vec()));

    let (_, bytes) = download(&service, "/v1/attendance?group=7A&format=xlsx");
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    let sheet = workbook.worksheet_range("Attendance").unwrap();
    let rows: Vec<&[Data]> = sheet.rows().collect();
    assert_eq!(rows.len(), ROWS.len());
    for (found, expected) in rows.iter().zip(ROWS) {
        assert_eq!(found[..5], expected.map(|text| Data::String(text.to_owned())));
    }
    let number = |cell: &Data| matches!(cell, Data::Float(value) if (value - 2.0 / 3.0).abs() < 1e-9);
    assert!(rows[1].iter().any(number), "the share is a number: {:?}", rows[1]);
}
