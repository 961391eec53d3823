//! API keys: on routes of the test's own, and on the built program.

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use facerec::http::middleware::auth::{self, Access};
use facerec::http::problem::ApiError;
use facerec::keys::backend::KeysFile;
use facerec::keys::file::{KEYS, change, to_toml};
use facerec::keys::{KeyEntry, Scope};
use facerec::reloadable::Reloadable;
use tower::ServiceExt;

use crate::support::server::{Server, facerec, wait_until};

const CAMERA: &str = "facerec_camera";
const OFFICE: &str = "facerec_office";

/// A file with a key for each scope.
fn write_keys(path: &Path) {
    let entries =
        vec![KeyEntry::of("camera", Scope::Recognize, CAMERA), KeyEntry::of("office", Scope::Manage, OFFICE)];
    std::fs::write(path, to_toml(&entries).unwrap()).unwrap();
}

/// `/recognize` and `/manage`, each behind its gate.
fn routes(access: &Arc<Access>) -> Router {
    let behind = |path: &str, scope| {
        let gate = from_fn_with_state(access.require_scope(scope), auth::require);
        Router::new().route(path, get(async || "done")).route_layer(gate)
    };
    behind("/recognize", Scope::Recognize).merge(behind("/manage", Scope::Manage))
}

fn ask(routes: &Router, path: &str, peer: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let peer: SocketAddr = peer.parse().unwrap();
    let request =
        headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    let request = request.extension(ConnectInfo(peer)).body(Body::empty()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(routes.clone().oneshot(request)).unwrap()
}

/// Status and code of a refusal.
fn refused(response: &Response<Body>) -> (u16, &str) {
    (
        response.status().as_u16(),
        response.extensions().get::<ApiError>().map_or("", |error| error.code.code()),
    )
}

const HERE: &str = "127.0.0.1:40000";
const ELSEWHERE: &str = "192.0.2.7:40000";

#[test]
fn each_scope_opens_what_it_should_however_the_key_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    write_keys(&path);
    let access = Arc::new(Access::new(Some(Arc::new(KeysFile::open(&path).unwrap()))));
    let routes = routes(&access);
    // From this machine or another one: where there are keys, only they count.
    for peer in [HERE, ELSEWHERE] {
        let status = |path: &str, headers: &[(&str, &str)]| ask(&routes, path, peer, headers).status();
        for (key, manages) in [(CAMERA, StatusCode::FORBIDDEN), (OFFICE, StatusCode::OK)] {
            for headers in [
                ("authorization", format!("Bearer {key}")),
                ("authorization", format!("bearer   {key} ")),
                ("x-api-key", key.to_owned()),
            ] {
                let headers = [(headers.0, headers.1.as_str())];
                assert_eq!(status("/recognize", &headers), StatusCode::OK, "{headers:?}");
                assert_eq!(status("/manage", &headers), manages, "{headers:?}");
            }
        }
        // Neither a name of the service nor a page matters then.
        let elsewhere = [("x-api-key", CAMERA), ("host", "a.example"), ("origin", "https://b.example")];
        assert_eq!(status("/recognize", &elsewhere), StatusCode::OK);
        // A proxy's own credentials don't stand in the way.
        assert_eq!(
            status("/manage", &[("authorization", "Basic YTpi"), ("x-api-key", OFFICE)]),
            StatusCode::OK
        );
        assert_eq!(
            status("/manage", &[("authorization", "Bearer x"), ("x-api-key", OFFICE)]),
            StatusCode::OK
        );
    }
}

/// Path, headers, status and code, challenge.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], (u16, &'a str), Option<&'a str>);

#[test]
fn a_refusal_says_what_is_missing_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    write_keys(&path);
    let access = Arc::new(Access::new(Some(Arc::new(KeysFile::open(&path).unwrap()))));
    let routes = routes(&access);
    let camera = format!("Bearer {CAMERA}");
    let cases: &[Case] = &[
        ("/recognize", &[], (401, "unauthorized"), Some("Bearer realm=\"facerec\"")),
        (
            "/recognize",
            &[("authorization", "Basic YTpi")],
            (401, "unauthorized"),
            Some("Bearer realm=\"facerec\""),
        ),
        (
            "/recognize",
            &[("authorization", "Bearer facerec_guess")],
            (401, "unauthorized"),
            Some("Bearer realm=\"facerec\", error=\"invalid_token\""),
        ),
        (
            "/manage",
            &[("x-api-key", "")],
            (401, "unauthorized"),
            Some("Bearer realm=\"facerec\", error=\"invalid_token\""),
        ),
        ("/manage", &[("authorization", &camera)], (403, "forbidden"), None),
    ];
    for (path, headers, expected, challenge) in cases {
        let response = ask(&routes, path, HERE, headers);
        assert_eq!(refused(&response), *expected, "{path} {headers:?}");
        let found = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap());
        assert_eq!(found, *challenge, "{path} {headers:?}");
    }
    let counts: Vec<_> = access.refused().collect();
    let given = [("no_key", 2), ("unknown_key", 2), ("wrong_scope", 1)];
    let others = [("not_local", 0), ("expired_key", 0), ("other_site", 0)];
    assert_eq!(counts, [&given[..], &others].concat());
}

#[test]
fn without_a_file_recognition_is_open_and_people_are_managed_from_here_only() {
    let access = Arc::new(Access::new(None));
    let routes = routes(&access);
    let host = ("host", "localhost:5000");
    for peer in [HERE, ELSEWHERE, "[::1]:40000"] {
        assert_eq!(ask(&routes, "/recognize", peer, &[host]).status(), StatusCode::OK, "{peer}");
    }
    for peer in [HERE, "[::1]:40000", "[::ffff:127.0.0.1]:40000"] {
        assert_eq!(ask(&routes, "/manage", peer, &[host]).status(), StatusCode::OK, "{peer}");
    }
    for (peer, headers) in [
        (ELSEWHERE, &[host][..]),
        ("[::ffff:192.0.2.7]:40000", &[host]),
        (ELSEWHERE, &[host, ("x-forwarded-for", "127.0.0.1"), ("x-real-ip", "127.0.0.1")]),
        (ELSEWHERE, &[host, ("x-api-key", OFFICE)]),
        (HERE, &[("host", "rebound.example:5000")]),
        (HERE, &[host, ("origin", "https://attacker.example")]),
        (HERE, &[host, ("sec-fetch-site", "cross-site")]),
    ] {
        let response = ask(&routes, "/manage", peer, headers);
        assert_eq!(refused(&response), (403, "forbidden"), "{peer} {headers:?}");
    }
    assert_eq!(access.refused().find(|(reason, _)| *reason == "not_local"), Some(("not_local", 7)));
    let rebound = ask(&routes, "/recognize", ELSEWHERE, &[("host", "rebound.example:5000")]);
    assert_eq!(refused(&rebound), (403, "forbidden"));
    assert_eq!(access.refused().find(|(reason, _)| *reason == "other_site"), Some(("other_site", 1)));
}

#[test]
fn the_old_endpoint_asks_for_a_key_and_the_file_is_read_again() {
    for compat in [&[][..], &["--compat", "flask"]] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        write_keys(&path);
        let server = Server::empty(&[&["--api-keys-file", path.to_str().unwrap()], compat].concat());
        let post = |key: &str| {
            let answer =
                server.curl("/recognize_faces", &["-F", "other=1", "-H", &format!("X-Api-Key: {key}")]);
            (answer.status, answer.json()["error"].as_str().unwrap().to_owned())
        };
        let none = server.curl("/recognize_faces", &["-F", "other=1"]);
        assert_eq!((none.status, none.content_type.as_str()), (401, "application/json"));
        assert!(none.head.contains("www-authenticate: bearer realm=\"facerec\""), "{}", none.head);
        assert_eq!(none.json().as_object().unwrap().keys().collect::<Vec<_>>(), ["error"]);
        assert_eq!(post("facerec_guess").0, 401);
        for key in [CAMERA, OFFICE] {
            let (status, error) = post(key);
            assert!(status == 400 && error.starts_with("No file provided"), "{status} {error}");
        }
        for open in ["/healthz", "/readyz"] {
            assert_eq!(server.get(open).status, 200, "{open}");
        }
        assert!(server.curl("/recognize_faces", &["-X", "OPTIONS"]).status < 300);

        change(&path, |entries| Ok(entries.into_iter().filter(|entry| entry.name != "camera").collect()))
            .unwrap();
        wait_until("the removed key is refused", || post(CAMERA).0 == 401);
        assert_eq!(post(OFFICE).0, 400);

        // A broken file is reported, and the keys read before stay.
        std::fs::write(&path, "[[key]]\nname = \"office\"\n").unwrap();
        wait_until("the broken file is reported", || server.get("/readyz").json()["status"] == "degraded");
        // Paths and names of keys are nobody's business who shows none.
        for stranger in [server.get("/readyz"), server.curl("/readyz", &["-H", "X-Api-Key: facerec_guess"])] {
            assert_eq!((stranger.status, &stranger.json()["errors"]), (200, &serde_json::json!(["keys"])));
        }
        let readiness = server.curl("/readyz", &["-H", &format!("X-Api-Key: {OFFICE}")]);
        assert_eq!(readiness.status, 200);
        let error = readiness.json()["errors"][0].as_str().unwrap().to_owned();
        assert!(error.contains("missing field `scope`") && error.contains("still in use"), "{error}");
        assert_eq!((post(OFFICE).0, post(CAMERA).0), (400, 401));
        write_keys(&path);
        wait_until("the whole file is taken up", || post(CAMERA).0 == 400);
        assert_eq!(server.get("/readyz").json()["status"], "ready");

        let log = server.log();
        assert!(log.contains("\"key\":\"office\""), "the key's name stands in the log: {log}");
        for secret in [CAMERA, OFFICE, "facerec_guess"] {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
    }
}

#[test]
fn without_a_readable_file_of_keys_the_service_does_not_start() {
    let data = tempfile::tempdir().unwrap();
    let start = |file: &Path| {
        let output =
            facerec().arg("serve").arg("--data").arg(data.path()).arg("--api-keys-file").arg(file).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let path = data.path().join("keys.toml");
    assert!(start(&path).contains("keys.toml can't be read: No such file"), "missing");
    std::fs::write(&path, "[[key]]\nname = 5\n").unwrap();
    assert!(start(&path).contains("keys.toml can't be read: line 2: invalid type"), "broken");
}

#[test]
fn keys_are_made_listed_and_removed_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    let keys = |arguments: &[&str]| {
        let output =
            facerec().arg("keys").args(arguments).env("FACEREC_API_KEYS_FILE", &path).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, key, _) = keys(&["new", "camera at the gate", "--scope", "recognize"]);
    assert_eq!(code, Some(0));
    let key = key.strip_suffix('\n').unwrap();
    assert!(key.starts_with("facerec_") && !key.contains('\n'), "{key}");
    let file = std::fs::read_to_string(&path).unwrap();
    assert!(!file.contains(key), "{file}");
    let read = Reloadable::open(&path, KEYS).unwrap().current();
    let entry = read.find(key.as_bytes()).unwrap();
    assert_eq!((entry.name.as_str(), entry.scope), ("camera at the gate", Scope::Recognize));

    let (code, _, error) = keys(&["new", "camera at the gate", "--scope", "manage"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("two keys are named \"camera at the gate\""), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), file, "a refused name changes nothing");
    assert_eq!(keys(&["new", "office", "--scope", "admin"]).0, Some(2), "no such scope");
    assert_eq!(keys(&["new", "office", "--scope", "manage"]).0, Some(0));

    let (_, list, _) = keys(&["list"]);
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(list.lines().nth(1).unwrap().starts_with("manage") && list.ends_with("office\n"), "{list}");
    assert_eq!(keys(&["remove", "office"]).0, Some(0));
    let (code, _, error) = keys(&["remove", "office"]);
    assert!(code == Some(1) && error.contains("expected a key named \"office\", found none"), "{error}");
    assert_eq!(keys(&["list"]).1.lines().count(), 1);
}

#[test]
fn a_key_is_rotated_on_the_command_line_and_both_are_taken_during_the_overlap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    write_keys(&path);
    let server = Server::empty(&["--api-keys-file", path.to_str().unwrap()]);
    let status = |key: &str| {
        let request = crate::support::http::get("/v1/people", &[&format!("Authorization: Bearer {key}")]);
        crate::support::http::exchange(server.socket(), &request).status
    };
    assert_eq!(status(OFFICE), 200);
    let rotate = |overlap: &str| {
        let mut keys = facerec();
        keys.args(["keys", "rotate", "office", "--overlap", overlap]).env("FACEREC_API_KEYS_FILE", &path);
        let output = keys.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let second = rotate("1");
    wait_until("the new key is known", || status(&second) == 200);
    assert_eq!(status(OFFICE), 200, "the old one is valid for an hour");
    let third = rotate("0");
    wait_until("the newest key is known", || status(&third) == 200);
    assert_eq!((status(&second), status(OFFICE)), (401, 200), "without an overlap the one before is not");
}

#[test]
fn the_list_shows_when_a_key_was_last_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    write_keys(&path);
    let list = || {
        let output = facerec().args(["keys", "list", "--file"]).arg(&path).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(
        list().iter().all(|line| !line.contains("use")),
        "nothing is known without a service: {:?}",
        list()
    );
    let began = jiff::Timestamp::now();
    let mut server = Server::empty(&["--model", "casia", "--api-keys-file", path.to_str().unwrap()]);
    let status = |key: &str| server.curl("/v1/people", &["-H", &format!("X-Api-Key: {key}")]).status;
    // Of the scope `recognize`: refused, and so not used.
    assert_eq!((status(OFFICE), status(CAMERA)), (200, 403));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    let [camera, office] = &list()[..] else { panic!("{:?}", list()) };
    assert!(camera.ends_with("camera  (no use known)"), "{camera}");
    let (_, used) = office.split_once("office  (last used ").unwrap();
    let used: jiff::Timestamp = used.strip_suffix(')').unwrap().parse().unwrap();
    assert!(used.as_second() >= began.as_second() && used <= jiff::Timestamp::now(), "{used}");
}

#[test]
fn a_file_of_keys_keeps_its_mode_whatever_the_umask() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    std::fs::write(&path, "").unwrap();
    for mode in [0o660, 0o604] {
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let output = Command::new("sh")
            .args(["-c", "umask 077 && exec \"$@\"", "sh", env!("CARGO_BIN_EXE_facerec"), "keys", "new"])
            .args([&format!("{mode}"), "--scope", "manage", "--file"])
            .arg(&path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "expected {mode:o}, found {found:o}");
    }
}

#[test]
fn a_key_made_without_a_file_comes_with_its_entry() {
    let folder = tempfile::tempdir().unwrap();
    let output = facerec()
        .args(["keys", "new", "office", "--scope", "manage"])
        .env_remove("FACEREC_API_KEYS_FILE")
        .current_dir(&folder)
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let (key, entry) = printed.split_once("\n\n").unwrap();
    let path = folder.path().join("keys.toml");
    std::fs::write(&path, entry).unwrap();
    let keys = Reloadable::open(&path, KEYS).unwrap().current();
    assert_eq!(keys.entries(), [KeyEntry::of("office", Scope::Manage, key)]);
}
