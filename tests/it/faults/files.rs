//! Files of the data folder that are broken in place while they are in use.

use std::fs::{self, File};
use std::path::Path;

use serde_json::{Value, json};

use super::{enroll, enrolled, people, recognized};
use crate::support::server::{Server, form, sample_folder, wait_until};

/// What `/readyz` says is wrong, when it says so.
fn trouble(server: &Server) -> String {
    let mut report = Value::Null;
    wait_until("the trouble is reported", || {
        report = server.get("/readyz").json();
        report["status"] == "degraded"
    });
    report["errors"][0].as_str().unwrap().to_owned()
}

fn wait_until_ready(server: &Server) {
    wait_until("all is well again", || server.get("/readyz").json()["status"] == "ready");
}

/// Cuts a file off where it lies, as a copy that breaks off does.
fn truncate(path: &Path, len: u64) {
    File::options().write(true).open(path).unwrap().set_len(len).unwrap();
}

#[test]
fn a_gallery_cut_off_in_place_is_not_used_not_written_over_and_can_be_made_again() {
    let server = Server::sample(&[]);
    enrolled(&server, "Ada");
    let path = server.data.path().join("gallery.bin");
    let before = (people(&server), recognized(&server));
    let whole = fs::metadata(&path).unwrap().len();
    for (len, what) in [
        (whole / 2, format!("expected {whole} bytes, found {}", whole / 2)),
        (0, "bytes, found 0".to_owned()),
    ] {
        truncate(&path, len);
        wait_until("this trouble is reported", || trouble(&server).contains(&what));
        assert!(trouble(&server).ends_with("; the gallery read before is still in use"));
        assert_eq!((people(&server), recognized(&server)), before);
        let refused = enroll(&server, "Grace");
        assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("conflict")), "{}", refused.body);
        assert!(refused.body.contains("restore it or take it away first"), "{}", refused.body);
        assert_eq!(fs::metadata(&path).unwrap().len(), len, "nothing was written over it");
    }
    // Nobody has a copy: what the service still knows is written with the next change.
    fs::remove_file(&path).unwrap();
    wait_until("it is seen", || trouble(&server).contains("was deleted"));
    let grace = enrolled(&server, "Grace");
    wait_until_ready(&server);
    let all = [before.0, vec![grace]].concat();
    assert_eq!(people(&server), all);
    assert_eq!(people(&Server::start(server.kill(), &[])), all);
}

#[test]
fn a_folder_in_the_place_of_a_file_is_reported_and_the_file_read_before_stays_in_use() {
    let server = Server::sample(&[]);
    let before = recognized(&server);
    assert!(before.contains("20090044"), "with an ID of the roster: {before}");
    for name in ["roster.xlsx", "gallery.bin"] {
        let path = server.data.path().join(name);
        let whole = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        wait_until("the folder is seen", || trouble(&server).contains("expected a file, found a directory"));
        let what = name.split('.').next().unwrap();
        assert!(trouble(&server).ends_with(&format!("; the {what} read before is still in use")));
        assert_eq!(recognized(&server), before);
        if name == "roster.xlsx" {
            let workbook = form("file", &sample_folder().join(name));
            let put = [vec!["-X".to_owned(), "PUT".to_owned()], workbook].concat();
            let refused = server.curl("/v1/roster", &put);
            assert_eq!(
                (refused.status, &refused.json()["code"]),
                (500, &json!("data_error")),
                "{}",
                refused.body
            );
        }
        fs::remove_dir(&path).unwrap();
        fs::write(&path, whole).unwrap();
        wait_until_ready(&server);
        assert_eq!(recognized(&server), before);
    }
}
