//! Thumbnails of enrolled photos: kept where that is asked for, and for as long as their photos.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use axum::body::to_bytes;
use axum::http::{HeaderMap, Method};
use facerec::gallery::store;
use facerec::http::middleware::auth::Access;
use facerec::keys::backend::KeysFile;
use facerec::keys::file::to_toml;
use facerec::keys::{KeyEntry, Scope};
use facerec::pipeline::Pipeline;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::app::{Form, Service, pipeline, request};
use crate::support::outcome::done;
use crate::support::photo;
use crate::support::server::facerec;

const KEEP: &[&str] = &["--keep-thumbnails"];

/// Enrols a person, and returns the ids of person and photos.
fn enroll(service: &Service, name: &str, files: &[&str]) -> (String, Vec<String>) {
    let form = Form::new().text("name", name);
    let form =
        files.iter().fold(form, |form, file| form.file("photos", &format!("C:\\my\\{file}"), &photo(file)));
    let enrolled = service.post_form("/v1/people", form).expect(201);
    let photos = enrolled["photos"].as_array().unwrap().iter();
    (
        text(&enrolled["id"]),
        photos.filter(|photo| photo["id"].is_string()).map(|photo| text(&photo["id"])).collect(),
    )
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The thumbnails on the disk, sorted: the ids of their photos.
fn kept(data: &Path) -> Vec<String> {
    let entries = fs::read_dir(data.join("thumbnails")).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names.into_iter().map(|name| name.strip_suffix(".png").map_or(name.clone(), str::to_owned)).collect()
}

fn sorted(ids: &[&String]) -> Vec<String> {
    let mut ids: Vec<String> = ids.iter().map(|id| (*id).clone()).collect();
    ids.sort();
    ids
}

fn thumbnail_path(person: &str, photo: &str) -> String {
    format!("/v1/people/{person}/photos/{photo}/thumbnail")
}

/// Headers and body of a thumbnail.
fn fetch(service: &Service, path: &str) -> (HeaderMap, Vec<u8>) {
    let mut request = request(Method::GET, path, "", Vec::new());
    request.headers_mut().insert("host", "localhost".parse().unwrap());
    let here = std::net::SocketAddr::from(([127, 0, 0, 1], 40_000));
    request.extensions_mut().insert(axum::extract::ConnectInfo(here));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let response = service.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let headers = response.headers().clone();
        (headers, to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec())
    })
}

/// The crop that is embedded of a photo with one face.
fn crop(file: &str) -> Vec<u8> {
    let found = pipeline().open_and_detect(&photo(file)).unwrap();
    Pipeline::align_face(&found.photo, &found.detected.faces[0], 32).unwrap().pixels
}

#[test]
fn the_crop_that_was_embedded_is_kept_and_served_to_who_may_manage_people() {
    let data = tempfile::tempdir().unwrap();
    let log = data.path().join("access.jsonl");
    let service = Service::on(data, &["--keep-thumbnails", "--access-log", log.to_str().unwrap()]);
    let data = service.data.path();
    assert!(!data.join("thumbnails").exists(), "nobody is enrolled");
    // The second is refused, and so not kept.
    let (id, photos) = enroll(&service, "Barack Obama", &["obama.jpg", "group.jpg"]);
    assert_eq!((photos.len(), kept(data)), (1, photos.clone()));
    let more = Form::new().file("photos", "", &photo("obama2.jpg"));
    let added = service.post_form(&format!("/v1/people/{id}/photos"), more).expect(201);
    let second = text(&added["photos"][0]["id"]);
    assert_eq!(kept(data), sorted(&[&photos[0], &second]));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let directory = data.join("thumbnails");
    assert_eq!((mode(&directory), mode(&directory.join(format!("{second}.png")))), (0o700, 0o600));

    let person = service.get(&format!("/v1/people/{id}")).expect(200);
    let known =
        |at: usize| (person["photos"][at]["thumbnail"].clone(), person["photos"][at]["file_name"].clone());
    assert_eq!([known(0), known(1)], [(json!(true), json!("obama.jpg")), (json!(true), Value::Null)]);
    for (photo_id, file) in [(&photos[0], "obama.jpg"), (&second, "obama2.jpg")] {
        let (headers, png) = fetch(&service, &thumbnail_path(&id, photo_id));
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(
            ["content-type", "cache-control", "x-content-type-options"].map(header),
            ["image/png", "no-store", "nosniff"]
        );
        let image = image::load_from_memory(&png).unwrap().to_rgb8();
        assert_eq!(image.dimensions(), (160, 160));
        assert!(image.into_raw() == crop(file), "{file}: it is not the crop that was embedded");
    }
    for (person, photo) in [("nobody", second.as_str()), (&id, "nothing"), (&id, "..%2Fgallery")] {
        service.get(&thumbnail_path(person, photo)).problem(404, "not_found");
    }
    assert!(service.state.service.drain(std::time::Duration::from_mins(1)));
    let entries = fs::read_to_string(&log).unwrap();
    let entries: Vec<Value> = entries.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of: Vec<_> =
        entries.iter().skip(2).map(|entry| (entry["action"].clone(), entry["people"].clone())).collect();
    assert_eq!(of, vec![(json!("read"), json!([id])); 3], "the person and two thumbnails");
}

#[test]
fn a_thumbnail_goes_with_its_photo_and_stays_with_one_that_is_moved() {
    let service = Service::empty(KEEP);
    let data = service.data.path();
    let (obama, of_obama) = enroll(&service, "Barack Obama", &["obama.jpg", "obama2.jpg"]);
    let (biden, of_biden) = enroll(&service, "Joe Biden", &["biden.jpg"]);
    let [first, second] = &of_obama[..] else { panic!("{of_obama:?}") };
    assert_eq!(kept(data), sorted(&[first, second, &of_biden[0]]));
    let to = request(
        Method::POST,
        &format!("/v1/people/{obama}/photos/{second}/move"),
        "application/json",
        json!({"to": biden}).to_string().into_bytes(),
    );
    let moved = service.send(to).expect(200);
    assert_eq!(moved["photos"][1]["thumbnail"], true);
    assert_eq!(kept(data), sorted(&[first, second, &of_biden[0]]));
    service.get(&thumbnail_path(&obama, second)).problem(404, "not_found");
    assert_eq!(fetch(&service, &thumbnail_path(&biden, second)).0["content-type"], "image/png");
    service.delete(&format!("/v1/people/{biden}/photos/{second}")).expect(204);
    assert_eq!(kept(data), sorted(&[first, &of_biden[0]]));
    let into = request(
        Method::POST,
        &format!("/v1/people/{biden}/merge"),
        "application/json",
        json!({"from": obama}).to_string().into_bytes(),
    );
    service.send(into).expect(200);
    assert_eq!(kept(data), sorted(&[first, &of_biden[0]]));
    service.delete(&format!("/v1/people/{biden}")).expect(204);
    assert_eq!(kept(data), [""; 0]);
}

#[test]
fn nothing_is_kept_unless_that_is_asked_for() {
    let service = Service::empty(&[]);
    let (id, photos) = enroll(&service, "Barack Obama", &["obama.jpg"]);
    assert!(!service.data.path().join("thumbnails").exists());
    let person = service.get(&format!("/v1/people/{id}")).expect(200);
    assert_eq!(person["photos"][0]["thumbnail"], false);
    service.get(&thumbnail_path(&id, &photos[0])).problem(404, "not_found");
}

#[test]
fn those_without_a_photo_are_swept_at_the_start_and_go_with_an_expiry() {
    let Service { data, .. } = {
        let service = Service::empty(KEEP);
        enroll(&service, "Barack Obama", &["obama.jpg"]);
        enroll(&service, "Joe Biden", &["biden.jpg"]);
        service
    };
    let all = kept(data.path());
    assert_eq!(all.len(), 2);
    let directory = data.path().join("thumbnails");
    // As of a process that was killed between the deletion of a photo and that of its thumbnail, or while one was written.
    let orphan = "01JDK5Q2W8E5F6G7H8J9K0M1N2.png";
    for name in [orphan, ".01JDK5Q2W8E5F6G7H8J9K0M1N3.png.x1.tmp", "mine.txt"] {
        fs::write(directory.join(name), "x").unwrap();
    }
    fs::create_dir(directory.join(".x2.tmp")).unwrap();
    fs::write(directory.join(".x2.tmp/0"), "x").unwrap();
    // Also where none are kept any more.
    let service = Service::on(data, &[]);
    let data = service.data.path();
    let mut expected = all.clone();
    expected.push("mine.txt".to_owned());
    assert_eq!(kept(data), expected);

    let gallery = store::read(&data.join(store::FILE_NAME)).unwrap();
    let left = gallery.people()[1].photos[0].id.clone();
    let id = gallery.people()[0].id.clone();
    service.patch(&format!("/v1/people/{id}"), &json!({"expires": "2026-01-31"})).expect(200);
    assert_eq!(service.state.service.delete_expired("2027-01-31".parse().unwrap()).unwrap(), 1);
    assert_eq!(kept(data), [left.as_str(), "mine.txt"]);
}

#[test]
fn a_key_of_scope_recognize_is_not_served_any() {
    let data = tempfile::tempdir().unwrap();
    let keys = data.path().join("keys.toml");
    let entries = [
        KeyEntry::of("camera", Scope::Recognize, "facerec_camera"),
        KeyEntry::of("office", Scope::Manage, "facerec_office"),
    ];
    fs::write(&keys, to_toml(&entries).unwrap()).unwrap();
    let access = Access::new(Some(Arc::new(KeysFile::open(&keys).unwrap())));
    let service = Service::guarded(data, KEEP, access);
    let with = |key: &str, mut request: axum::http::Request<axum::body::Body>| {
        request.headers_mut().insert("x-api-key", key.parse().unwrap());
        service.send(request)
    };
    let form = Form::new().text("name", "Barack Obama").file("photos", "a.jpg", &photo("obama.jpg"));
    let enrolled = with("facerec_office", form.request(Method::POST, "/v1/people")).expect(201);
    let path = thumbnail_path(&text(&enrolled["id"]), &text(&enrolled["photos"][0]["id"]));
    let get = || request(Method::GET, &path, "", Vec::new());
    service.send(get()).expect(401);
    with("facerec_camera", get()).expect(403);
    with("facerec_office", get()).expect(200);
}

/// Runs a command on a data directory.
fn command(data: &Path, arguments: &[&str]) -> String {
    done(&facerec().args(arguments).arg("--data").arg(data).output().unwrap())
}

#[test]
fn commands_keep_and_remove_them_as_the_service_does() {
    let people = tempfile::tempdir().unwrap();
    for (person, file) in
        [("Barack Obama", "obama.jpg"), ("Joe Biden", "biden.jpg"), ("Joe Biden", "no_face.png")]
    {
        fs::create_dir_all(people.path().join(person)).unwrap();
        fs::write(people.path().join(person).join(file), photo(file)).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let directory = people.path().to_str().unwrap();
    let log = folder.path().join("access.jsonl");
    let logged = ["--access-log", log.to_str().unwrap()];
    let enroll = ["enroll", directory, "--model", "casia", "--keep-thumbnails"];
    command(data, &[&enroll[..], &logged].concat());
    let gallery = store::read(&data.join(store::FILE_NAME)).unwrap();
    let [obama, biden] = [0, 1].map(|at| &gallery.people()[at]);
    let [of_obama, of_biden] = [obama, biden].map(|person| person.photos[0].id.to_string());
    assert_eq!(kept(data), sorted(&[&of_obama, &of_biden]));
    let png = fs::read(data.join(format!("thumbnails/{of_biden}.png"))).unwrap();
    assert!(image::load_from_memory(&png).unwrap().to_rgb8().into_raw() == crop("biden.jpg"));
    let mode = |path: &str| fs::metadata(data.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("thumbnails"), mode(&format!("thumbnails/{of_biden}.png"))), (0o700, 0o600));
    let shown = command(data, &["people", "show", &biden.id]);
    assert!(shown.ends_with(&format!("  photo {of_biden}     -  biden.jpg\n")), "{shown}");
    let shown: Value =
        serde_json::from_str(&command(data, &["people", "show", &biden.id, "--json"])).unwrap();
    assert_eq!(
        (&shown["photos"][0]["thumbnail"], &shown["photos"][0]["file_name"]),
        (&json!(true), &json!("biden.jpg"))
    );

    let archive = tempfile::tempdir().unwrap();
    let (file, restored) = (archive.path().join("backup.tar"), archive.path().join("restored"));
    let output = facerec().arg("backup").arg(data).arg("-o").arg(&file).args(logged).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("thumbnails"), "they are left out");
    command(&restored, &["restore", file.to_str().unwrap()]);
    assert_eq!(kept(&restored), kept(data));
    assert_eq!(fs::read(restored.join(format!("thumbnails/{of_biden}.png"))).unwrap(), png);
    let mode = |path: &str| fs::metadata(restored.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("thumbnails"), mode(&format!("thumbnails/{of_biden}.png"))), (0o700, 0o600));

    let said = command(data, &["people", "forget", &biden.id]);
    assert!(said.contains("removed 1 thumbnails\n"), "{said}");
    assert_eq!(kept(data), [of_obama]);
    command(data, &["people", "remove", &obama.id, "--yes"]);
    assert_eq!(kept(data), [""; 0]);
    fs::write(people.path().join("Barack Obama/2.jpg"), photo("obama2.jpg")).unwrap();
    let add = ["enroll", directory, "--model", "casia", "--add", "--keep-thumbnails"];
    command(&restored, &[&add[..], &logged].concat());
    assert_eq!(kept(&restored).len(), 3);
    command(&restored, &[&["enroll", directory, "--model", "casia", "--replace"][..], &logged].concat());
    let new = store::read(&restored.join(store::FILE_NAME)).unwrap();
    let text = fs::read_to_string(&log).unwrap();
    let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let entries: Vec<_> = entries.map(|entry| (entry["action"].clone(), entry["people"].clone())).collect();
    let ids = |gallery: &facerec::gallery::Gallery| -> Value {
        gallery.people().iter().map(|person| person.id.clone()).collect()
    };
    let expected = [
        ("enroll", ids(&gallery)),
        ("export", json!([])),
        ("add_photos", json!([obama.id])),
        ("delete", ids(&gallery)),
        ("enroll", ids(&new)),
    ];
    assert_eq!(entries, expected.map(|(action, people)| (json!(action), people)));
    assert_eq!(
        kept(&restored),
        [""; 0],
        "those of a gallery that was replaced are gone, and no more are made"
    );
}
