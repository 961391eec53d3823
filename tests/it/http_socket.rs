//! The built program as its users meet it: signals, files that change, curl, kept photos, the log.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::http::{Client, get, post};
use crate::support::server::{Server, facerec, form, sample_folder, wait_until};
use crate::support::{golden_path, photo};

fn group() -> PathBuf {
    sample_folder().join("group.jpg")
}

fn ready(server: &Server) -> Value {
    server.get("/readyz").json()
}

/// The events of the log, each line one.
fn events(server: &Server) -> Vec<Value> {
    server.log().lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn a_signal_ends_the_service_when_what_runs_is_done() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::sample(&["--workers", "1"]);
        let mut client = Client::sending(server.socket(), &post(&photo("group_12mp.jpg")));
        let mut second = Client::sending(server.socket(), &post(&photo("obama2.jpg")));
        wait_until("one runs and one waits", || {
            let ready = ready(&server);
            (&ready["running"], &ready["waiting"]) == (&json!(1), &json!(1))
        });
        server.signal(signal);
        assert_eq!((client.answer().status, second.answer().status), (200, 200), "SIG{signal}");
        assert_eq!(server.wait().code(), Some(0), "SIG{signal}");
        assert!(TcpStream::connect(server.socket()).is_err());
        let last = events(&server).pop().unwrap();
        assert_eq!((&last["message"], &last["finished"]), (&json!("stopped"), &json!(true)));
    }
}

#[test]
fn it_listens_when_all_is_loaded_and_says_what_is() {
    let server = Server::sample(&[]);
    let events = events(&server);
    let at = |message: &str| events.iter().position(|event| event["message"] == message).expect(message);
    assert!(at("loaded") < at("ready"));
    assert_eq!(server.get("/healthz").json(), json!({"status": "ok"}));
    let expected = json!({
        "status": "ready", "model": "casia", "people": 3, "photos": 3, "roster": 7, "waiting": 0, "running": 0
    });
    assert_eq!(ready(&server), expected);
    let code = |address: &str| {
        let url = format!("http://{address}/readyz");
        facerec().args(["healthcheck", "--url", &url]).output().unwrap().status.code()
    };
    assert_eq!((code(&server.address), code("127.0.0.1:1")), (Some(0), Some(1)));
    let nobody = ready(&Server::empty(&["--model", "casia"]));
    assert_eq!(
        (&nobody["status"], &nobody["people"], &nobody["roster"]),
        (&json!("ready"), &json!(0), &json!(0))
    );
}

/// Puts a file in the place of another in one step, as editors and `mv` do.
fn replace(path: &Path, bytes: &[u8]) {
    let new = path.with_extension("new");
    std::fs::write(&new, bytes).unwrap();
    std::fs::rename(new, path).unwrap();
}

#[test]
fn a_broken_new_file_is_reported_and_the_old_one_stays_in_use_until_it_is_repaired() {
    let server = Server::sample(&[]);
    let recognised = || server.curl("/recognize_faces", &form("file", &group())).body;
    let before = recognised();
    assert!(before.contains("Barack Obama"), "{before}");
    for name in ["gallery.bin", "roster.xlsx"] {
        let path = server.data.path().join(name);
        let whole = std::fs::read(&path).unwrap();
        replace(&path, &whole[..whole.len() / 2]);
        wait_until("it is reported", || ready(&server)["status"] == "degraded");
        let report = ready(&server);
        let what = name.split('.').next().unwrap();
        let said = report["errors"][0].as_str().unwrap();
        assert!(
            said.contains(name) && said.ends_with(&format!("the {what} read before is still in use")),
            "{said}"
        );
        assert_eq!((&report["people"], &report["roster"]), (&json!(3), &json!(7)));
        assert_eq!(recognised(), before);
        assert!(server.log().contains("is still in use"), "{}", server.log());
        replace(&path, &whole);
        wait_until("it is used again", || ready(&server)["status"] == "ready");
    }
    std::fs::remove_file(server.data.path().join("roster.xlsx")).unwrap();
    wait_until("the new roster is in use, an empty one", || ready(&server)["roster"] == 0);
    assert!(recognised().contains("ID not found"));
}

#[test]
fn curl_may_ask_first_send_in_chunks_or_speak_http2() {
    let server = Server::sample(&["--max-upload-mib", "2"]);
    let file = form("file", &group());
    let ask = |more: &[&str]| {
        let arguments: Vec<_> =
            more.iter().map(|&argument| argument.to_owned()).chain(file.clone()).collect();
        server.curl("/recognize_faces", &arguments)
    };
    let plain = ask(&[]);
    assert!(plain.status == 200 && plain.body.contains("Barack Obama"), "{}", plain.body);
    let asked_first = ask(&["-H", "Expect: 100-continue"]);
    assert!(asked_first.head.starts_with("http/1.1 100 continue"), "{}", asked_first.head);
    assert_eq!(asked_first.body, plain.body);
    assert_eq!(ask(&["-H", "Transfer-Encoding: chunked"]).body, plain.body);
    let http2 = ask(&["--http2-prior-knowledge"]);
    assert!(http2.head.starts_with("http/2 200"), "{}", http2.head);
    assert_eq!(http2.body, plain.body);

    let large = server.data.path().join("large.jpg");
    std::fs::write(&large, vec![0; 8 << 20]).unwrap();
    for more in
        [&[][..], &["-H", "Expect:"], &["-H", "Transfer-Encoding: chunked"], &["--http2-prior-knowledge"]]
    {
        let arguments: Vec<_> =
            more.iter().map(|&argument| argument.to_owned()).chain(form("file", &large)).collect();
        let answer = server.curl("/recognize_faces", &arguments);
        assert_eq!(answer.status, 413, "{more:?}: {}", answer.body);
    }
}

#[test]
fn kept_photos_are_upright_pngs_with_names_of_their_own() {
    let kept = tempfile::tempdir().unwrap();
    let folder = kept.path().join("photos");
    let mut server = Server::sample(&["--keep-photos", folder.to_str().unwrap()]);
    let sideways = golden_path("photos/exif_6.jpg");
    let not_an_image = server.data.path().join("roster.xlsx");
    for (path, status) in [(&sideways, 200), (&sideways, 200), (&not_an_image, 415)] {
        assert_eq!(server.curl("/recognize_faces", &form("file", path)).status, status);
    }
    // A photo is kept after its answer; the end of the service waits for that.
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    let upright = kept.path().join("upright.png");
    assert!(facerec().arg("normalize").arg(&sideways).arg("-o").arg(&upright).status().unwrap().success());
    let files: BTreeSet<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    for file in files {
        assert!(file.extension().is_some_and(|extension| extension == "png"), "{}", file.display());
        assert!(std::fs::read(&file).unwrap() == std::fs::read(&upright).unwrap(), "{}", file.display());
    }
}

#[test]
fn the_log_is_json_and_holds_no_names() {
    let server = Server::sample(&[]);
    let mut client = Client::connect(server.socket());
    for path in ["/healthz", "/Barack-Obama?name=Barack+Obama", "/v1/people?search=Obama"] {
        client.send(&get(path, &["X-Request-Id: the-one"]));
        client.answer();
    }
    let named = server.data.path().join("Barack Obama.jpg");
    std::fs::copy(group(), &named).unwrap();
    let answer = server.curl("/recognize_faces", &form("file", &named));
    assert!(answer.body.contains("Barack Obama"));
    wait_until("all is logged", || server.log().matches("\"answered\"").count() == 4);
    let answered: Vec<Value> =
        events(&server).into_iter().filter(|event| event["message"] == "answered").collect();
    let (first, last) = (&answered[0], &answered[3]);
    assert_eq!((&first["status"], &first["span"]["id"]), (&json!(200), &json!("the-one")));
    assert_eq!((&last["level"], &last["span"]["route"]), (&json!("INFO"), &json!("/recognize_faces")));
    for name in ["Obama", "Barack", "Biden", "Collins"] {
        assert!(!server.log().contains(name), "{}", server.log());
    }
}
