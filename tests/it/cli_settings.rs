//! The settings file of the running program.

use std::fs;

use crate::support::server::{Server, facerec, form, sample_data, sample_folder};
use crate::support::{documented_sample, golden_path};

#[test]
fn the_service_takes_the_settings_of_its_data_directory() {
    let data = sample_data();
    fs::write(data.path().join("facerec.toml"), "no-docs = true\nmax_megapixels = 1\n").unwrap();
    let server = Server::start(data, &[]);
    assert_eq!(server.get("/docs/").status, 404);
    // Of 0.98 and 1.7 million pixels.
    for (photo, status) in [(sample_folder().join("group.jpg"), 200), (golden_path("photos/group.jpg"), 422)]
    {
        let answer = server.curl("/v1/recognize", &form("file", &photo));
        assert_eq!(answer.status, status, "{}", answer.body);
    }
}

#[test]
fn the_settings_in_force_are_printed_with_where_they_are_from() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("facerec.toml");
    fs::write(&file, "queue = 3\nport = 7000\ncors-origin = [\"http://a.example\", \"http://b.example\"]\n")
        .unwrap();
    let mut command = facerec();
    command.args(["serve", "--print-config", "--port", "1", "--data"]).arg(data.path());
    let output = command.env("FACEREC_WORKERS", "2").output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "port = 1 # --port".to_owned(),
        "workers = 2 # FACEREC_WORKERS".to_owned(),
        format!("queue = 3 # {}", file.display()),
        format!("cors-origin = [\"http://a.example\", \"http://b.example\"] # {}", file.display()),
        "host = \"0.0.0.0\" # default".to_owned(),
        "no-docs = false # default".to_owned(),
        "# api-keys-file is not set".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
    }
    // What is printed is a settings file.
    fs::write(&file, &text).unwrap();
    let output = facerec().args(["serve", "--print-config", "--config"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_wrong_setting_is_wrong_usage_and_names_the_file() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("facerec.toml");
    let long = "#".repeat((1 << 20) + 1);
    for (text, expected) in [
        (long.as_str(), "the settings file can't be read: expected at most 1048576 bytes, found 1048577"),
        ("queue = \"many\"", "expected a whole number from 0 to 10000, found \"many\""),
        ("qeue = 1", "unknown setting \"qeue\": did you mean queue?"),
    ] {
        fs::write(&file, text).unwrap();
        let output = facerec().args(["serve", "--data"]).arg(data.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(expected) && said.contains(file.to_str().unwrap()), "{said}");
    }
}

#[test]
fn the_documented_sample_is_understood() {
    let sample = documented_sample();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("facerec.toml");
    fs::write(&file, &sample).unwrap();
    let output = facerec().args(["serve", "--print-config", "--config"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let settings = sample.lines().filter(|line| line.contains(" = ")).count();
    let printed = String::from_utf8(output.stdout).unwrap();
    let of_file = printed.lines().filter(|line| line.ends_with(file.to_str().unwrap())).count();
    assert!(settings >= 5 && of_file == settings, "{printed}");
}
