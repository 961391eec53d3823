//! What the settings file adds to the arguments, and what it does not.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use clap::CommandFactory;

use super::super::Cli;
use super::*;

fn words(text: &str) -> Vec<OsString> {
    text.split_whitespace().map(OsString::from).collect()
}

/// The arguments with those of a file `facerec.toml` of this text in `data`.
fn with(data: &Path, text: &str, arguments: &str, variables: &[(&str, &str)]) -> Result<Vec<String>, String> {
    fs::write(data.join(FILE_NAME), text).unwrap();
    let mut arguments = words(arguments);
    arguments.push(format!("--data={}", data.display()).into());
    let variables: Vec<(String, OsString)> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(*value))).collect();
    let variable = move |name: &OsStr| {
        variables.iter().find(|(known, _)| OsStr::new(known) == name).map(|(_, value)| value.clone())
    };
    let mut all = with_file(&Cli::command(), arguments, &variable)?.all;
    all.pop();
    Ok(all.into_iter().map(|word| word.into_string().unwrap()).collect())
}

#[test]
fn a_flag_comes_before_a_variable_and_a_variable_before_the_file() {
    let data = tempfile::tempdir().unwrap();
    let text = "port = 7000\nqueue = 3\nno_docs = true\nfalse-name-rate = 0.02\ncors-origin = [\"http://a.example\", \"http://b.example\"]\n";
    let found = with(data.path(), text, "facerec serve --port 1 --queue=2", &[]).unwrap();
    let file = [
        "--cors-origin=http://a.example",
        "--cors-origin=http://b.example",
        "--false-name-rate=0.02",
        "--no-docs",
    ];
    let expected: Vec<&str> =
        ["facerec", "serve"].into_iter().chain(file).chain(["--port", "1", "--queue=2"]).collect();
    assert_eq!(found, expected);
    let found =
        with(data.path(), "port = 7000\nqueue = 3", "facerec serve", &[("FACEREC_QUEUE", "9")]).unwrap();
    assert_eq!(found, ["facerec", "serve", "--port=7000"]);
}

#[test]
fn what_is_given_puts_aside_what_the_file_says_against_it() {
    let data = tempfile::tempdir().unwrap();
    let serve = "facerec serve --false-name-rate 0.1";
    assert_eq!(
        with(data.path(), "threshold = 0.5", serve, &[]).unwrap(),
        serve.split(' ').collect::<Vec<_>>()
    );
    let variables = [("FACEREC_THRESHOLD", "0.5")];
    assert_eq!(
        with(data.path(), "false-name-rate = 0.5", "facerec serve", &variables).unwrap(),
        ["facerec", "serve"]
    );
}

#[test]
fn commands_take_the_settings_that_they_share() {
    let data = tempfile::tempdir().unwrap();
    let text = "threshold = 0.5\nport = 1\napi_keys_file = \"keys.toml\"\nmodels = \"/m\"";
    let found = with(data.path(), text, "facerec recognize a.jpg", &[]).unwrap();
    assert_eq!(found, ["facerec", "recognize", "--models=/m", "--threshold=0.5", "a.jpg"]);
    // Relative to the file, not to where the program is started.
    let found = with(data.path(), text, "facerec serve --threshold 1 --models x --port 2", &[]).unwrap();
    assert_eq!(found[2], format!("--api-keys-file={}", data.path().join("keys.toml").display()));
    // A word that is a value is no flag.
    let found = with(data.path(), "port = 1", "facerec serve --host --port", &[]).unwrap();
    assert_eq!(found, ["facerec", "serve", "--port=1", "--host", "--port"]);
}

#[test]
fn what_is_no_setting_is_refused_with_the_nearest_one() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join(FILE_NAME);
    for (text, expected) in [
        ("wrokers = 2", "unknown setting \"wrokers\": did you mean workers?"),
        ("max_uplod_mib = 2", "unknown setting \"max_uplod_mib\": did you mean max-upload-mib?"),
        (
            "xyz = 2",
            "unknown setting \"xyz\": the flags of `facerec serve` are the settings, without the dashes",
        ),
        ("print-config = true", "unknown setting \"print-config\": "),
        ("[serve]\nport = 1", "unknown setting \"serve\": "),
        ("port = 1\nport = 2", "line 2: "),
        ("no-docs = 1", "no-docs: expected true or false, found integer"),
        ("port = true", "port: expected text or a number, found boolean"),
        ("port = [1, 2]", "port: expected text or a number, found array"),
        ("max-faces = 1\nmax_faces = 2", "expected max-faces once, found it with - and with _"),
    ] {
        let message = with(data.path(), text, "facerec serve", &[]).unwrap_err();
        assert!(message.starts_with(&format!("{}: {expected}", path.display())), "{message}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o646)).unwrap();
    let message = with(data.path(), "", "facerec serve", &[]).unwrap_err();
    assert!(message.contains("expected a file that others may not write, found mode 646"), "{message}");
}

#[test]
fn the_file_of_config_comes_before_that_of_the_data_directory() {
    let data = tempfile::tempdir().unwrap();
    let other = data.path().join("other.toml");
    fs::write(&other, "port = 2").unwrap();
    let config = format!("facerec --config {} serve", other.display());
    let found = with(data.path(), "port = 1", &config, &[]).unwrap();
    assert_eq!(found[3..], ["serve", "--port=2"]);
    let variable = other.to_str().unwrap();
    let found = with(data.path(), "port = 1", "facerec serve", &[("FACEREC_CONFIG", variable)]).unwrap();
    assert_eq!(found, ["facerec", "serve", "--port=2"]);
    let missing = with(data.path(), "", "facerec serve --config nowhere.toml", &[]).unwrap_err();
    assert!(missing.starts_with("nowhere.toml: the settings file can't be read: No such file"), "{missing}");
    assert_eq!(with(data.path(), "port = 1", "facerec keys list --file k", &[]).unwrap().len(), 5);
}

/// The arguments as they are, with the file of the directory that the variable names.
fn with_variable(data: &Path, text: &str, arguments: &str) -> Result<Vec<OsString>, String> {
    fs::write(data.join(FILE_NAME), text).unwrap();
    let directory = data.as_os_str().to_owned();
    let variable = move |name: &OsStr| (name == DATA).then(|| directory.clone());
    Ok(with_file(&Cli::command(), words(arguments), &variable)?.all)
}

#[test]
fn the_variable_of_the_directory_counts_for_commands_without_a_flag_for_it() {
    let data = tempfile::tempdir().unwrap();
    let found = with_variable(data.path(), "api-keys-file = \"k.toml\"", "facerec keys list").unwrap();
    let keys = format!("--file={}", data.path().join("k.toml").display());
    assert_eq!(found, ["facerec", "keys", "list", &keys]);
    let found = with_variable(data.path(), "port = 7", "facerec healthcheck").unwrap();
    assert_eq!(found, ["facerec", "healthcheck", "--port=7"]);
    // A broken file is no obstacle to what takes no settings.
    for arguments in ["facerec completions bash", "facerec --help"] {
        assert_eq!(with_variable(data.path(), "broken", arguments).unwrap(), words(arguments));
    }
    assert!(with_variable(data.path(), "broken", "facerec serve").is_err());
}

#[test]
fn an_argument_without_a_flag_is_told_from_values_of_short_flags() {
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join(FILE_NAME), "data = \"/srv\"\napi-keys-file = \"/k\"").unwrap();
    let directory = data.path().to_str().unwrap();
    for given in [
        format!("backup -o x.tar {directory}"),
        format!("backup -ox.tar {directory}"),
        format!("backup -o=x.tar -- {directory}"),
        format!("backup {directory} --output x.tar"),
    ] {
        let arguments = words(&format!("facerec {given}"));
        let all = with_file(&Cli::command(), arguments.clone(), &|_| None).unwrap().all;
        let expected: Vec<OsString> =
            [&arguments[..2], &["--api-keys-file=/k".into()], &arguments[2..]].concat();
        assert_eq!(all, expected);
    }
}
