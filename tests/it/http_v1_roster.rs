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
    let empty = json!({"entries": [], "total": 0, "limit": 100, "offset": 0, "warnings": []});
    assert_eq!(service.get("/v1/roster").expect(200), empty);
    let first = workbook(&[("Person 0", 7.0), ("Zo\u{eb}", 1.5), ("Person 0", 8.0)]);
    let warning = "rows 2 and 4 have the same name: row 4 counts";
    assert_eq!(put(&service, first.clone()).expect(200), json!({"total": 2, "warnings": [warning]}));
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
    assert_eq!(left.len(), 3, "gallery, roster and lock file, no temporary file: {left:?}");
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
        (Vec::new(), "expected an .xlsx workbook"),
        (b"Name,ID\nAda,1\n".to_vec(), "expected an .xlsx workbook"),
        (truncated, "expected an .xlsx workbook"),
        (columns.save_to_buffer().unwrap(), "ID"),
    ] {
        let problem = put(&service, bytes).problem(422, "invalid_roster");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
    let form = Form::new().file("roster", "r.xlsx", &good);
    service.send(form.request(Method::PUT, "/v1/roster")).problem(400, "invalid_request");
    service.send(Form::new().request(Method::PUT, "/v1/roster")).problem(400, "missing_part");
    let body = request(Method::PUT, "/v1/roster", "text/csv", good.clone());
    service.send(body).problem(415, "unsupported_media_type");
    assert_eq!(
        service.get("/v1/roster").expect(200)["entries"],
        json!([{"name": "Ada", "id": 1, "until": null}])
    );
    assert_eq!(std::fs::read(service.data.path().join("roster.xlsx")).unwrap(), good);
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
