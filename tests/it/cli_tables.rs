//! What commands print as JSON, completions and manual pages.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::made_up::{data, person, recipe};
use crate::support::outcome::done;
use crate::support::server::facerec;

fn text(arguments: &[&str]) -> String {
    done(&facerec().args(arguments).output().unwrap())
}

/// The one object that a command prints.
fn object(arguments: &[&str]) -> Value {
    let text = text(arguments);
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn people_are_listed_as_the_api_lists_them() {
    let ada = person("Ada Lovelace");
    let id = ada.id.clone();
    let data = data(recipe("casia", 32), vec![ada, person("Grace")]);
    let data = data.path().to_str().unwrap();
    let mut list = object(&["people", "list", "--data", data, "--json"]);
    assert_eq!(list["total"], 2);
    let mut first = list["people"][0].take();
    assert!(first["enrolled_at"].take().is_string());
    let expected = json!({
        "id": id, "name": "Ada Lovelace", "student_id": null, "roster_id": null, "expires": null,
        "roster_expires": null, "expired": false, "photos": 2, "weak_photos": 1, "enrolled_at": null,
    });
    assert_eq!(first, expected);
    let shown = object(&["people", "show", &id, "--data", data, "--json"]);
    assert_eq!((&shown["id"], &shown["photos"][1]["weak"]), (&json!(id), &json!(true)));
    let error = facerec().args(["people", "show", "x", "--json", "--data", data]).output().unwrap();
    assert!(serde_json::from_slice::<Value>(&error.stdout).unwrap()["error"].is_string());
}

#[test]
fn keys_and_models_are_listed_as_json_too() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys.toml");
    let file = file.to_str().unwrap();
    text(&["keys", "new", "camera", "--scope", "recognize", "--file", file, "--expires-days", "1"]);
    text(&["keys", "new", "office", "--scope", "manage", "--file", file]);
    let keys = object(&["keys", "list", "--file", file, "--json"]);
    let [camera, office] = &keys["keys"].as_array().unwrap()[..] else { panic!("{keys}") };
    assert_eq!((&camera["name"], &camera["scope"]), (&json!("camera"), &json!("recognize")));
    assert_eq!((&camera["expired"], camera["expires"].is_string()), (&json!(false), true));
    assert_eq!((&office["expires"], &office["last_used"]), (&json!(null), &json!(null)));
    assert_eq!(office["sha256_start"].as_str().unwrap().len(), 8);
    let models = object(&["models", "list", "--json"]);
    let casia = models["models"].as_array().unwrap().iter().find(|model| model["name"] == "casia").unwrap();
    assert_eq!(casia["role"], "embedder");
    assert!(Path::new(casia["path"].as_str().unwrap()).is_file(), "{casia}");
    assert!(models["strangers"][0]["margin_px"].is_u64(), "{models}");
}

#[test]
fn each_shell_has_completions_and_each_command_a_manual_page() {
    for (shell, expected) in
        [("bash", "complete -F _facerec"), ("zsh", "#compdef facerec"), ("fish", "complete -c facerec")]
    {
        let script = text(&["completions", shell]);
        assert!(script.contains(expected) && script.contains("import-pickle"), "{shell}: {script}");
    }
    let page = text(&["man"]);
    assert!(page.contains(".TH facerec 1") && page.contains("healthcheck"), "{page}");
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man1");
    text(&["man", "-o", pages.to_str().unwrap()]);
    for (name, expected) in [
        ("facerec.1", "SUBCOMMANDS"),
        ("facerec-keys-list.1", "The file of API keys"),
        ("facerec-serve.1", "workers"),
    ] {
        let page = fs::read_to_string(pages.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(page.contains(expected), "{name}: {page}");
    }
}
