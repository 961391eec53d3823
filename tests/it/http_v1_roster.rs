//! `/v1/roster`: read in pages, replaced whole or not at all.

use axum::http::Method;
use rust_xlsxwriter::Workbook;
use serde_json::{Value, json};

use crate::support::app::{Form, Service, request};
use crate::support::faces::{embedding, gallery_of};
use crate::support::golden_bytes;

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

fn workbook(rows: &[(&str, f64)]) -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(0, 0, "ID").unwrap();
    sheet.write(0, 1, "Name").unwrap();
    for (row, (name, id)) in (1..).zip(rows) {
        sheet.write(row, 0, *id).unwrap();
        sheet.write(row, 1, *name).unwrap();
    }
    book.save_to_buffer().unwrap()
}

fn put(service: &Service, workbook: Vec<u8>) -> crate::support::app::Reply {
    service.send(request(Method::PUT, "/v1/roster", XLSX, workbook))
}

#[test]
fn a_workbook_replaces_the_roster_on_the_disk_and_in_use() {
    let service = Service::with(&gallery_of(&[vec![embedding(1)]]));
    let empty = json!({"entries": [], "total": 0, "limit": 100, "offset": 0, "warnings": [],
        "names_without_face": 0, "people_without_name": 0});
    assert_eq!(service.get("/v1/roster").expect(200), empty);
    let first = workbook(&[("Person 0", 7.0), ("Zo\u{eb}", 1.5), ("Person 0", 8.0)]);
    let warning = "rows 2 and 4 have the same name: row 4 counts";
    let replaced = put(&service, first.clone()).expect(200);
    assert_eq!((&replaced["dry_run"], &replaced["total"]), (&json!(false), &json!(2)));
    assert_eq!(replaced["warnings"], json!([warning]));
    assert_eq!((&replaced["names_without_face"], &replaced["people_without_name"]), (&json!(1), &json!(0)));
    assert_eq!(std::fs::read(service.data.path().join("roster.xlsx")).unwrap(), first);
    let page = service.get("/v1/roster?limit=1&offset=1").expect(200);
    assert_eq!(page["entries"], json!([{"name": "Person 0", "id": 8, "until": null}]));
    assert_eq!((&page["total"], &page["warnings"]), (&json!(2), &json!([warning])));
    assert_eq!(
        service.get("/v1/roster?q=zo").expect(200)["entries"],
        json!([{"name": "Zo\u{eb}", "id": 1.5, "until": null}])
    );
    assert_eq!(service.get("/v1/people").expect(200)["people"][0]["roster_id"], 8);
    assert_eq!(service.get("/readyz").expect(200)["roster"], 2);

    let form = Form::new().file("file", "r.xlsx", &golden_bytes("legacy/roster.xlsx"));
    let replaced = service.send(form.request(Method::PUT, "/v1/roster")).expect(200);
    assert!(replaced["total"].as_u64().unwrap() > 0);
    assert_eq!(service.get("/v1/people").expect(200)["people"][0]["roster_id"], Value::Null);
    let left: Vec<_> =
        std::fs::read_dir(service.data.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "gallery, roster, earlier rosters and lock file, no temporary file: {left:?}");
}

#[test]
fn a_broken_workbook_changes_nothing_and_is_told_what_is_wrong() {
    let service = Service::empty(&[]);
    let good = workbook(&[("Ada", 1.0)]);
    put(&service, good.clone()).expect(200);
    let mut columns = Workbook::new();
    columns.add_worksheet().write(0, 0, "Name").unwrap();
    let truncated = good[..good.len() / 2].to_vec();
    for (bytes, detail) in [
        (Vec::new(), "expected a workbook"),
        (b"Name,Number of legs\nAda,2\n".to_vec(), "found no \"ID\""),
        (truncated, "expected a workbook"),
        (columns.save_to_buffer().unwrap(), "ID"),
    ] {
        let problem = put(&service, bytes).problem(422, "invalid_roster");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
    let form = Form::new().file("roster", "r.xlsx", &good);
    service.send(form.request(Method::PUT, "/v1/roster")).problem(400, "invalid_request");
    service.send(Form::new().request(Method::PUT, "/v1/roster")).problem(400, "missing_part");
    let body = request(Method::PUT, "/v1/roster", "text/html", good.clone());
    service.send(body).problem(415, "unsupported_media_type");
    assert_eq!(
        service.get("/v1/roster").expect(200)["entries"],
        json!([{"name": "Ada", "id": 1, "until": null}])
    );
    assert_eq!(std::fs::read(service.data.path().join("roster.xlsx")).unwrap(), good);
}

#[test]
fn text_is_taken_under_each_of_its_media_types() {
    let service = Service::empty(&[]);
    for (media_type, text) in [
        ("text/csv; charset=utf-8", "Name,ID\nAda,1\n"),
        ("Text/CSV", "Name;ID\nAda;1\n"),
        ("text/tab-separated-values", "Name\tID\nAda\t1\n"),
        ("text/plain", "Name|ID\nAda|1\n"),
        ("application/csv", "Name,ID\nAda,1\n"),
        ("application/vnd.ms-excel", "Name,ID\nAda,1\n"),
    ] {
        let path = "/v1/roster?dry_run=true";
        let reply =
            service.send(request(Method::PUT, path, media_type, text.as_bytes().to_vec())).expect(200);
        assert_eq!(
            reply["changes"]["added"],
            json!([{"name": "Ada", "id": 1, "until": null}]),
            "{media_type}"
        );
    }
}

/// The files of the data directory that may be the roster.
fn roster_files(service: &Service) -> Vec<String> {
    let entries = std::fs::read_dir(service.data.path()).unwrap();
    let mut names: Vec<String> = entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.starts_with("roster."));
    names.sort();
    names
}

#[test]
fn a_roster_of_another_kind_has_its_own_file_and_takes_the_place_of_the_old_one() {
    let service = Service::with(&gallery_of(&[vec![embedding(1)]]));
    put(&service, workbook(&[("Person 0", 7.0)])).expect(200);
    assert_eq!(roster_files(&service), ["roster.xlsx"]);
    let csv = b"Name;ID\nPERSON_0;0046\n".to_vec();
    service.send(request(Method::PUT, "/v1/roster", "text/csv", csv.clone())).expect(200);
    assert_eq!(roster_files(&service), ["roster.csv"]);
    assert_eq!(std::fs::read(service.data.path().join("roster.csv")).unwrap(), csv);
    assert_eq!(service.get("/v1/people").expect(200)["people"][0]["roster_id"], "0046");
    // Somebody puts a workbook beside it: that comes first, and the other one is named.
    std::fs::write(service.data.path().join("roster.xlsx"), workbook(&[("Person 0", 8.0)])).unwrap();
    service.state.service.poll_files();
    let page = service.get("/v1/roster").expect(200);
    assert_eq!(page["entries"], json!([{"name": "Person 0", "id": 8, "until": null}]));
    assert_eq!(page["warnings"], json!(["roster.csv is passed over, since there is roster.xlsx"]));
}

fn version_ids(service: &Service) -> Vec<(String, Value)> {
    let listed = service.get("/v1/roster/versions").expect(200);
    let versions = listed["versions"].as_array().unwrap().iter();
    versions.map(|it| (it["id"].as_str().unwrap().to_owned(), it["names"].clone())).collect()
}

#[test]
fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let service = Service::with(&gallery_of(&[vec![embedding(1)], vec![embedding(2)], vec![embedding(3)]]));
    let first = workbook(&[("Person 0", 1.0), ("Person 1", 2.0), ("Ada", 3.0)]);
    put(&service, first.clone()).expect(200);
    let second = workbook(&[("PERSON 0", 1.0), ("Ada", 4.0), ("Grace", 5.0), ("Alan", 5.0)]);
    let reply =
        service.send(request(Method::PUT, "/v1/roster?dry_run=true", XLSX, second.clone())).expect(200);
    let person = service.gallery().people()[1].id.clone();
    let expected = json!({
        "added": [{"name": "Grace", "id": 5, "until": null}, {"name": "Alan", "id": 5, "until": null}],
        "added_total": 2,
        "removed": [{"name": "Person 1", "id": 2, "until": null}], "removed_total": 1,
        "changed": [{"name": "Ada", "before": 3, "after": 4}], "changed_total": 1,
        "changed_until": [], "changed_until_total": 0, "changed_groups": [], "changed_groups_total": 0,
        "losing_id": [{"person_id": person, "name": "Person 1", "id": 2}], "losing_id_total": 1,
    });
    assert_eq!((&reply["dry_run"], &reply["changes"]), (&json!(true), &expected));
    assert_eq!((&reply["names_without_face"], &reply["people_without_name"]), (&json!(3), &json!(2)));
    assert_eq!(reply["warnings"], json!(["rows 4 and 5 have the same ID"]));
    assert_eq!(std::fs::read(service.data.path().join("roster.xlsx")).unwrap(), first);
    assert_eq!(service.get("/v1/roster").expect(200)["total"], 3);
    assert_eq!(version_ids(&service), []);
    let done = put(&service, second).expect(200);
    assert_eq!((&done["dry_run"], &done["changes"]), (&json!(false), &expected));
    let bad = service.send(request(Method::PUT, "/v1/roster?dry_run=perhaps", XLSX, Vec::new()));
    bad.problem(400, "invalid_parameter");
    let broken = service.send(request(Method::PUT, "/v1/roster?dry_run=true", XLSX, b"PK".to_vec()));
    broken.problem(422, "invalid_roster");
}

#[test]
fn a_dry_run_says_whose_last_day_and_groups_would_change() {
    let service = Service::empty(&[]);
    let csv = |query: &str, text: &str| {
        service
            .send(request(Method::PUT, &format!("/v1/roster{query}"), "text/csv", text.as_bytes().to_vec()))
            .expect(200)
    };
    csv("", "Name,ID,Until,Class\nAda,1,2027-07-31,7A\nGrace,2,,7B\n");
    let reply = csv("?dry_run=true", "Name,ID,Until,Class\nAda,1,,7A;Choir\nGrace,2,31.12.2027,7B\n");
    let changes = &reply["changes"];
    assert_eq!(
        changes["changed_until"],
        json!([
            {"name": "Ada", "before": "2027-07-31", "after": null},
            {"name": "Grace", "before": null, "after": "2027-12-31"},
        ])
    );
    assert_eq!(
        changes["changed_groups"],
        json!([{"name": "Ada", "before": ["7A"], "after": ["7A", "Choir"]}])
    );
    let totals = ["changed", "changed_until", "changed_groups"].map(|kind| &changes[format!("{kind}_total")]);
    assert_eq!(totals, [&json!(0), &json!(2), &json!(1)]);
    assert_eq!(service.get("/v1/roster").expect(200)["entries"][0]["until"], "2027-07-31");
}

#[test]
fn the_changes_are_those_from_the_file_that_was_there_when_it_was_replaced() {
    let service = Service::empty(&[]);
    put(&service, workbook(&[("Ada", 1.0)])).expect(200);
    // Nobody has looked at the file since somebody else changed it.
    std::fs::write(service.data.path().join("roster.xlsx"), workbook(&[("Grace", 2.0)])).unwrap();
    let changes = &put(&service, workbook(&[("Alan", 3.0)])).expect(200)["changes"];
    assert_eq!(changes["removed"], json!([{"name": "Grace", "id": 2, "until": null}]));
}

#[test]
fn rosters_that_were_replaced_come_back() {
    let service = Service::with(&gallery_of(&[vec![embedding(1)]]));
    let first = workbook(&[("Person 0", 1.0)]);
    put(&service, first.clone()).expect(200);
    put(&service, first.clone()).expect(200);
    assert_eq!(version_ids(&service), [], "the same again is no other one");
    let csv = b"Name,ID\nAda,2\nGrace,3\n".to_vec();
    service.send(request(Method::PUT, "/v1/roster", "text/csv", csv)).expect(200);
    let kept = version_ids(&service);
    assert_eq!(kept.iter().map(|(_, names)| names).collect::<Vec<_>>(), [&json!(1)]);
    let restore = |id: &str| {
        service.send(request(Method::POST, &format!("/v1/roster/versions/{id}/restore"), "", Vec::new()))
    };
    let back = restore(&kept[0].0).expect(200);
    assert_eq!((&back["total"], &back["changes"]["removed_total"]), (&json!(1), &json!(2)));
    assert_eq!(roster_files(&service), ["roster.xlsx"]);
    assert_eq!(std::fs::read(service.data.path().join("roster.xlsx")).unwrap(), first);
    assert_eq!(service.get("/v1/people").expect(200)["people"][0]["roster_id"], 1);
    let names: Vec<Value> = version_ids(&service).into_iter().map(|(_, names)| names).collect();
    assert_eq!(names.len(), 2);
    for nobody in ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "..%2F..%2Fgallery", "x"] {
        restore(nobody).problem(404, "not_found");
    }
}

#[test]
fn methods_and_queries_of_the_roster_are_checked() {
    let service = Service::empty(&["--max-upload-mib", "1"]);
    let reply = service.delete("/v1/roster");
    let mut allowed: Vec<&str> = reply.allow.split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "PUT"]);
    reply.problem(405, "method_not_allowed");
    service.get("/v1/roster?sort=name").problem(400, "unknown_parameter");
    put(&service, vec![0; (1 << 20) + 1]).problem(413, "too_large");
}
