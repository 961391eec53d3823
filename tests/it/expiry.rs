//! People whose time is over: not recognised, shown as expired, deleted after a while.

use facerec::gallery::{Person, store};
use facerec::service::snapshot::today;
use jiff::ToSpan;
use jiff::civil::Date;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use serde_json::{Value, json};

use crate::support::app::{Form, Service};
use crate::support::faces::{embedding, gallery_of};
use crate::support::photo;
use crate::support::server::facerec;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// A service with Barack Obama and Joe Biden; the ids.
fn service(arguments: &[&str]) -> (Service, [String; 2]) {
    let service = Service::empty(arguments);
    let enrol = |name: &str, file: &str| {
        let form = Form::new().text("name", name).file("photos", file, &photo(file));
        service.post_form("/v1/people", form).expect(201)["id"].as_str().unwrap().to_owned()
    };
    let ids = [enrol("Barack Obama", "obama.jpg"), enrol("Joe Biden", "biden.jpg")];
    (service, ids)
}

/// Name and candidates of the face of another photo of Barack Obama.
fn recognised(service: &Service) -> (Value, usize) {
    let form = Form::new().file("file", "a.jpg", &photo("obama2.jpg"));
    let answer = service.post_form("/v1/recognize?top_k=5", form).expect(200);
    let face = &answer["faces"][0];
    (face["person"]["name"].clone(), face["candidates"].as_array().unwrap().len())
}

fn set(service: &Service, id: &str, expires: &Value) -> Value {
    service.patch(&format!("/v1/people/{id}"), &json!({ "expires": expires })).expect(200)
}

#[test]
fn after_the_last_day_a_person_is_not_recognised_and_shown_as_expired() {
    let (service, [obama, biden]) = service(&[]);
    assert_eq!(recognised(&service), (json!("Barack Obama"), 2));
    let last = set(&service, &obama, &json!(today().to_string()));
    assert_eq!((&last["expires"], &last["expired"]), (&json!(today().to_string()), &json!(false)));
    assert_eq!(recognised(&service).0, "Barack Obama", "on the last day still");

    let yesterday = today().yesterday().unwrap().to_string();
    assert_eq!(set(&service, &obama, &json!(yesterday))["expired"], true);
    assert_eq!(recognised(&service), (Value::Null, 1), "nor is he a candidate");
    let form = Form::new().file("file", "a.jpg", &photo("obama2.jpg"));
    let old = service.post_form("/recognize_faces", form).expect(200);
    assert!(!old.to_string().contains("Obama"), "{old}");
    let form = Form::new().file("a", "a.jpg", &photo("obama2.jpg"));
    service.post_form(&format!("/v1/verify?person_id={obama}"), form).problem(404, "not_found");
    let people = service.get("/v1/people").expect(200);
    let expired = |at: usize| people["people"][at]["expired"].clone();
    assert_eq!((expired(0), expired(1), &people["total"]), (json!(true), json!(false), &json!(2)));

    // The others are, and so is whoever may come back.
    set(&service, &biden, &json!("9999-12-31"));
    assert_eq!(set(&service, &obama, &Value::Null)["expires"], Value::Null);
    assert_eq!(recognised(&service), (json!("Barack Obama"), 2));
}

#[test]
fn a_last_day_is_taken_at_enrolment_and_survives_a_restart() {
    let service = Service::empty(&[]);
    let form = Form::new().text("name", "Barack Obama").text("expires", "2999-07-31");
    let enrolled =
        service.post_form("/v1/people", form.file("photos", "a.jpg", &photo("obama.jpg"))).expect(201);
    let path = format!("/v1/people/{}", enrolled["id"].as_str().unwrap());
    assert_eq!(service.get(&path).expect(200)["expires"], "2999-07-31");
    let gallery = store::read(&service.data.path().join(store::FILE_NAME)).unwrap();
    assert_eq!(gallery.people()[0].expires, Some(day("2999-07-31")));

    let form = |day: &str| {
        Form::new().text("name", "B").text("expires", day).file("photos", "a.jpg", &photo("biden.jpg"))
    };
    for wrong in ["31.7.2027", "2027-02-30", "2027-07-31T00:00:00Z", "20270731", "tomorrow"] {
        let refused = service.post_form("/v1/people", form(wrong)).problem(400, "invalid_parameter");
        assert_eq!(refused["parameter"], "expires");
        assert!(refused["detail"].as_str().unwrap().contains("expected a day like 2027-07-31"), "{refused}");
        service.patch(&path, &json!({ "expires": wrong })).problem(400, "invalid_parameter");
    }
    service.post_form("/v1/people", form("")).expect(201);
}

/// A workbook whose column `Leaving Date` has a date, text, and nothing.
fn roster() -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (at, header) in ["Name", "ID", "Leaving Date"].iter().enumerate() {
        sheet.write_string(0, at as u16, *header).unwrap();
    }
    let date = ExcelDateTime::from_ymd(2026, 1, 31).unwrap();
    let format = Format::new().set_num_format("dd/mm/yyyy");
    sheet.write_string(1, 0, "Barack Obama").unwrap();
    sheet.write_datetime_with_format(1, 2, &date, &format).unwrap();
    sheet.write_string(2, 0, "Joe Biden").unwrap();
    sheet.write_string(2, 2, "31.01.2999").unwrap();
    sheet.write_string(3, 0, "Ada Example").unwrap();
    sheet.write_string(3, 2, "when she likes").unwrap();
    workbook.save_to_buffer().unwrap()
}

#[test]
fn of_the_rosters_day_and_the_persons_own_the_earlier_one_counts() {
    let (service, [obama, biden]) = service(&[]);
    let form = Form::new().file("file", "roster.xlsx", &roster());
    let put = service.send(form.request(axum::http::Method::PUT, "/v1/roster")).expect(200);
    let warning =
        "cell C4: expected a date like 2027-07-31 as the last day, found something else; taken as no end";
    assert!(put["warnings"].as_array().unwrap().contains(&json!(warning)), "{put}");
    let person = |id: &str| service.get(&format!("/v1/people/{id}")).expect(200);
    let days = |person: &Value| {
        [&person["expires"], &person["roster_expires"], &person["expired"]].map(Value::clone)
    };
    assert_eq!(days(&person(&obama)), [Value::Null, json!("2026-01-31"), json!(true)]);
    assert_eq!(recognised(&service), (Value::Null, 1));
    assert_eq!(days(&set(&service, &obama, &json!("2999-01-01")))[2], true, "the roster's is earlier");
    assert_eq!(days(&person(&biden)), [Value::Null, json!("2999-01-31"), json!(false)]);
    assert_eq!(days(&set(&service, &biden, &json!("2026-01-01")))[2], true, "the own one is earlier");
}

#[test]
fn people_are_deleted_the_set_time_after_their_last_day_and_that_is_in_the_access_log() {
    let data = tempfile::tempdir().unwrap();
    let log = data.path().join("access.jsonl");
    let last = day("2026-03-01");
    let mut people: Vec<Person> = gallery_of(&[vec![embedding(1)], vec![embedding(2)], vec![embedding(3)]])
        .people()
        .iter()
        .map(|p| (**p).clone())
        .collect();
    people[1].expires = Some(last);
    people[2].expires = Some(last.tomorrow().unwrap());
    let ids: Vec<String> = people.iter().map(|person| person.id.clone()).collect();
    let gallery = facerec::gallery::Gallery::new(crate::support::faces::recipe(), people).unwrap();
    store::write(&data.path().join(store::FILE_NAME), &gallery).unwrap();
    let arguments = ["--expired-people-days", "10", "--access-log", log.to_str().unwrap()];
    let service = Service::on(data, &arguments);
    let left = || service.gallery().people().iter().map(|person| person.id.clone()).collect::<Vec<_>>();
    for days in [0, 1, 10] {
        assert_eq!(service.state.service.delete_expired(last + days.days()).unwrap(), 0, "after {days} days");
    }
    assert_eq!(left(), ids);
    assert_eq!(service.state.service.delete_expired(last + 11.days()).unwrap(), 1);
    assert_eq!(left(), [ids[0].clone(), ids[2].clone()]);
    assert_eq!(service.state.service.delete_expired(last + 365.days()).unwrap(), 1);
    let written = store::read(&service.data.path().join(store::FILE_NAME)).unwrap();
    assert_eq!((left(), written.len()), (vec![ids[0].clone()], 1));

    assert!(service.state.service.drain(std::time::Duration::from_mins(1)));
    let entries: Vec<Value> = std::fs::read_to_string(&log)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |entry: &Value| {
        [&entry["action"], &entry["key"], &entry["client"], &entry["people"]].map(Value::clone)
    };
    let expected =
        [&ids[1], &ids[2]].map(|id| [json!("delete"), json!("service"), json!("local"), json!([id])]);
    assert_eq!(entries.iter().map(of).collect::<Vec<_>>(), expected);
}

#[test]
fn the_command_shows_until_when_a_person_is_recognised() {
    let data = tempfile::tempdir().unwrap();
    let mut people: Vec<Person> = gallery_of(&[vec![embedding(1)], vec![embedding(2)], vec![embedding(3)]])
        .people()
        .iter()
        .map(|p| (**p).clone())
        .collect();
    people[1].expires = Some(day("2999-07-31"));
    people[2].expires = Some(day("2026-01-31"));
    let ids: Vec<String> = people.iter().map(|person| person.id.clone()).collect();
    let gallery = facerec::gallery::Gallery::new(crate::support::faces::recipe(), people).unwrap();
    store::write(&data.path().join(store::FILE_NAME), &gallery).unwrap();
    for (id, ending) in
        ids.iter().zip(["Person 0", "Person 1  (until 2999-07-31)", "Person 2  (expired 2026-01-31)"])
    {
        let output = facerec().args(["people", "show", id, "--data"]).arg(data.path()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.lines().next().unwrap().ends_with(ending), "{said}");
    }
}
