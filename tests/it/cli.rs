//! The command line: several photos of which some are bad, errors for people and for programs, exit codes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use clap::{Command, CommandFactory};
use facerec::cli::Cli;
use facerec::gallery::{Gallery, Recipe, store};
use serde_json::{Value, json};

use crate::support::place::Place;
use crate::support::server::{facerec, sample_data, sample_folder};
use crate::support::{golden_bytes, golden_path};

fn run<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    facerec().args(args).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Each line as JSON.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// What each line of `recognize --json` has as its result.
fn results(text: &str) -> Vec<Value> {
    lines(text).into_iter().map(|mut line| line["result"].take()).collect()
}

pub(crate) fn portrait(person: &str) -> PathBuf {
    sample_folder().join("people").join(person).join("portrait.jpg")
}

/// Good photos, and between them one that is not there, one that is text, one that is cut off, and a folder.
struct Photos {
    data: tempfile::TempDir,
    paths: Vec<PathBuf>,
}

impl Photos {
    fn new() -> Self {
        let data = sample_data();
        let text = data.path().join("\u{1b}[2Jtext.jpg");
        fs::write(&text, "not a photo").unwrap();
        let cut_off = data.path().join("cut_off.jpg");
        fs::write(&cut_off, &fs::read(portrait("Joe Biden")).unwrap()[..400]).unwrap();
        let folder = data.path().join("folder.jpg");
        fs::create_dir(&folder).unwrap();
        let paths = vec![
            data.path().join("missing.jpg"),
            portrait("Joe Biden"),
            text,
            cut_off,
            folder,
            portrait("Eileen Collins"),
        ];
        Self { data, paths }
    }

    fn recognize(&self, photos: &[PathBuf], more: &[&str]) -> Output {
        facerec()
            .arg("recognize")
            .args(photos)
            .arg("--data")
            .arg(self.data.path())
            .args(more)
            .output()
            .unwrap()
    }
}

#[test]
fn bad_photos_do_not_stop_the_others_and_each_is_named_with_its_fault() {
    let photos = Photos::new();
    let output = photos.recognize(&photos.paths, &[]);
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "{}\n  Joe Biden  \"0046\"\n{}\n  Eileen Collins  \"STS-93\"\n",
        photos.paths[1].display(),
        photos.paths[5].display()
    );
    assert_eq!(out(&output), expected);
    let said = err(&output);
    let faults = [
        "/missing.jpg: the file can't be read: No such file or directory",
        "/\u{fffd}[2Jtext.jpg: not an image: expected JPEG, PNG, WebP, GIF, BMP or TIFF, found ",
        "/cut_off.jpg: the JPEG image can't be decoded: ",
        "/folder.jpg: the file can't be read: Is a directory",
    ];
    assert_eq!(said.lines().count(), faults.len(), "{said}");
    for (line, fault) in said.lines().zip(faults) {
        assert!(line.starts_with("facerec: /") && line.contains(fault), "{line}");
    }

    let good = photos.recognize(&photos.paths[5..], &[]);
    assert_eq!((good.status.code(), err(&good).as_str()), (Some(0), ""));
}

/// The sample's people, and a roster with a name twice.
fn odd_roster() -> tempfile::TempDir {
    let data = sample_data();
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet();
    for (row, [name, id]) in (0..).zip([["Name", "ID"], ["Joe Biden", "1"], ["Joe Biden", "2"]]) {
        sheet.write(row, 0, name).unwrap();
        sheet.write(row, 1, id).unwrap();
    }
    workbook.save(data.path().join("roster.xlsx")).unwrap();
    data
}

/// The sample's people without a roster.
fn no_roster() -> tempfile::TempDir {
    let data = sample_data();
    fs::remove_file(data.path().join("roster.xlsx")).unwrap();
    data
}

#[test]
fn what_is_odd_about_the_roster_is_said_beside_the_answer() {
    let biden = portrait("Joe Biden");
    let recognize = |place: &Place| place.run(&["recognize", "--json", biden.to_str().unwrap()]);
    let shown = |place: &Place| {
        if place.is_database() {
            "the roster of the database".to_owned()
        } else {
            place.folder().join("roster.xlsx").display().to_string()
        }
    };
    for place in Place::each(odd_roster) {
        let output = recognize(&place);
        assert_eq!(results(&out(&output)), [json!([{"Student Name": "Joe Biden", "ID": "2"}])]);
        let expected = format!("facerec: {}: rows 2 and 3 have the same name: row 3 counts\n", shown(&place));
        assert_eq!(err(&output), expected);
    }
    for place in Place::each(no_roster) {
        let output = recognize(&place);
        assert_eq!(results(&out(&output)), [json!([{"Student Name": "Joe Biden", "ID": "ID not found"}])]);
        assert_eq!(err(&output), format!("facerec: {} is missing: no IDs are found\n", shown(&place)));
    }
}

#[test]
fn with_json_a_bad_photo_has_its_line_too() {
    let photos = Photos::new();
    let output = photos.recognize(&photos.paths, &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let answers = lines(&out(&output));
    assert_eq!(answers.len(), photos.paths.len());
    for (answer, path) in answers.iter().zip(&photos.paths) {
        assert_eq!(answer["photo"], path.to_str().unwrap());
    }
    assert_eq!(answers[1]["result"], json!([{"Student Name": "Joe Biden", "ID": "0046"}]));
    assert_eq!(answers[5]["result"], json!([{"Student Name": "Eileen Collins", "ID": "STS-93"}]));
    for (bad, fault) in
        [(0, "can't be read"), (2, "expected JPEG"), (3, "can't be decoded"), (4, "can't be read")]
    {
        assert!(answers[bad]["error"].as_str().unwrap().contains(fault), "{}", answers[bad]);
    }
    let good = photos.recognize(&photos.paths[1..2], &["--json"]);
    assert_eq!((good.status.code(), lines(&out(&good)).len()), (Some(0), 1));

    // The variable of the flag.
    let by_variable = |value: &str| {
        let mut command = facerec();
        command.arg("recognize").arg(&photos.paths[1]).arg("--data").arg(photos.data.path());
        command.env("FACEREC_JSON", value).output().unwrap()
    };
    assert_eq!(out(&by_variable("1")), out(&good));
    assert!(out(&by_variable("false")).contains("  Joe Biden  \"0046\"\n"));
    assert_eq!(by_variable("perhaps").status.code(), Some(2));
}

#[test]
fn inspect_has_an_element_for_each_photo() {
    let photos = Photos::new();
    let inspect =
        |paths: &[PathBuf]| facerec().arg("inspect").args(paths).args(["--model", "casia"]).output().unwrap();
    let output = inspect(&photos.paths[..3]);
    assert_eq!(output.status.code(), Some(1));
    let array: Value = serde_json::from_str(&out(&output)).unwrap();
    let array = array.as_array().unwrap();
    assert_eq!(array.len(), 3);
    for (bad, name, fault) in [(0, "missing.jpg", "can't be read"), (2, "\u{1b}[2Jtext.jpg", "expected JPEG")]
    {
        assert_eq!(array[bad]["photo"], name);
        assert!(array[bad]["error"].as_str().unwrap().contains(fault), "{}", array[bad]);
    }
    assert_eq!(array[1]["photo"], "portrait.jpg");
    assert_eq!(array[1]["faces"][0]["embeddings"]["casia"]["standard"].as_array().unwrap().len(), 512);
    assert!(array[1].get("error").is_none());
    let said = err(&output);
    assert!(said.lines().count() == 2 && said.contains("/missing.jpg: the file can't be read"), "{said}");
    assert_eq!(inspect(&photos.paths[1..2]).status.code(), Some(0));
}

/// The paths of all fields; elements of arrays have none of their own.
fn fields(value: &Value, path: &str) -> BTreeSet<String> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| {
                let path = format!("{path}.{name}");
                let below = fields(member, &path);
                below.into_iter().chain([path])
            })
            .collect(),
        Value::Array(elements) => elements.iter().flat_map(|element| fields(element, path)).collect(),
        _ => BTreeSet::new(),
    }
}

#[test]
fn inspect_has_the_fields_of_the_reference() {
    let mut reference: Value = serde_json::from_slice(&golden_bytes("reference.json")).unwrap();
    let photo = golden_path("photos").join("astronaut.png");
    reference.as_array_mut().unwrap().retain(|entry| entry["photo"] == "astronaut.png");
    for face in reference[0]["faces"].as_array_mut().unwrap() {
        face["embeddings"].as_object_mut().unwrap().remove("vggface2");
    }
    let output = facerec().arg("inspect").arg(photo).args(["--model", "casia"]).output().unwrap();
    let found: Value = serde_json::from_str(&out(&output)).unwrap();
    let expected = fields(&reference, "");
    assert!(expected.len() > 10, "the reference has them: {expected:?}");
    assert_eq!(fields(&found, ""), expected);
}

/// One line of JSON on standard output with the error, which people are told too.
fn assert_json_error(output: &Output, expected: &str) {
    assert_eq!(output.status.code(), Some(1));
    let answer = lines(&out(output));
    assert_eq!(answer.len(), 1);
    let message = answer[0]["error"].as_str().unwrap();
    assert!(message.contains(expected), "{message}");
    assert_eq!(err(output), format!("facerec: {message}\n"));
}

#[test]
fn what_stops_a_command_is_json_where_its_output_is() {
    let photo = portrait("Joe Biden");
    let photo = photo.to_str().unwrap();
    let missing = "nowhere/gallery.bin is missing: create it with `facerec enroll PEOPLE_DIR --data nowhere`";
    assert_json_error(&run(["recognize", photo, "--data", "nowhere", "--json"]), missing);
    let text = run(["recognize", photo, "--data", "nowhere"]);
    assert_eq!((text.status.code(), out(&text).as_str()), (Some(1), ""));
    assert!(err(&text).starts_with(&format!("facerec: {missing}")), "{}", err(&text));

    let models = tempfile::tempdir().unwrap();
    fs::write(models.path().join("pnet.onnx"), "altered").unwrap();
    let inspect = run(["inspect", photo, "--model", "casia", "--models", models.path().to_str().unwrap()]);
    assert_json_error(&inspect, "pnet.onnx is not the pnet model it should be: expected SHA-256");
    assert_json_error(&run(["bench", "missing.jpg", "--json"]), "missing.jpg: the file can't be read");
}

#[test]
fn a_service_that_does_not_start_says_why_in_the_form_of_its_log() {
    let serve = |format: &str, filter: &str| {
        let mut command = facerec();
        command.args(["serve", "--data", "nowhere", "--log-format", format]).env("FACEREC_LOG", filter);
        let output = command.output().unwrap();
        assert_eq!((output.status.code(), out(&output).as_str()), (Some(1), ""));
        err(&output)
    };
    let fault = "nowhere: expected a directory, found none";
    assert_eq!(serve("text", "info"), format!("facerec: {fault}\n"));
    assert_eq!(serve("text", "off"), format!("facerec: {fault}\n"));
    for filter in ["info", "off"] {
        let log = lines(&serve("json", filter));
        let last = log.last().unwrap();
        assert_eq!((&last["level"], &last["message"]), (&json!("ERROR"), &json!(fault)));
    }
    let log = lines(&serve("json", "facerec=loud"));
    assert!(log[0]["message"].as_str().unwrap().starts_with("FACEREC_LOG: expected a log filter"), "{log:?}");
}

#[test]
fn wrong_usage_is_2_and_says_what_was_expected_and_found() {
    for (args, expected) in [
        (vec!["serve", "--data", "d", "--threshold", "2.5"], "expected a number from 0 to 2, found \"2.5\""),
        (vec!["recognize", "a.jpg", "--data", "d", "--threshold", "NaN"], "from 0 to 2, found \"NaN\""),
        (vec!["recognize", "a.jpg", "--data", "d", "--min-probability=-1"], "from 0 to 1, found \"-1\""),
        (vec!["inspect", "a.jpg", "--margin-px", "160"], "expected a whole number from 0 to 159, found"),
        (vec!["recognize", "a.jpg", "--data", "d", "--model", "arcface"], "possible values: casia, vggface2"),
        (vec!["recognize", "--data", "d"], "required arguments were not provided"),
        (vec!["serve", "--model", "casia", "--colour"], "unexpected argument '--colour'"),
        (vec!["guess"], "unrecognized subcommand 'guess'"),
        (vec![], "Usage: facerec [OPTIONS] <COMMAND>"),
    ] {
        let output = run(&args);
        assert_eq!((output.status.code(), out(&output).as_str()), (Some(2), ""), "{args:?}");
        assert!(err(&output).contains(expected), "{args:?}: {}", err(&output));
    }
    let by_variable = facerec().args(["serve", "--data", "d"]).env("FACEREC_QUEUE", "many").output().unwrap();
    assert_eq!(by_variable.status.code(), Some(2));
    let said = err(&by_variable);
    assert!(said.contains("expected a whole number from 0 to 10000, found \"many\""), "{said}");
}

#[test]
fn an_empty_variable_is_none_but_keys_are_never_switched_off_by_one() {
    let data = sample_data();
    let mut recognize = facerec();
    recognize.arg("recognize").arg(portrait("Joe Biden")).arg("--data").arg(data.path());
    for variable in ["FACEREC_THRESHOLD", "FACEREC_MODEL", "FACEREC_MODELS", "FACEREC_JSON"] {
        recognize.env(variable, "");
    }
    let output = recognize.output().unwrap();
    assert_eq!((output.status.code(), err(&output).as_str()), (Some(0), ""));
    let mut serve = facerec();
    serve.args(["serve", "--data", "/nowhere"]).env("FACEREC_API_KEYS_FILE", "");
    let output = serve.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
    assert!(err(&output).contains("--api-keys-file"), "{}", err(&output));
}

/// The words that call each command.
fn commands(words: &[String], command: &Command) -> Vec<Vec<String>> {
    let below = command.get_subcommands().flat_map(|command| {
        let words: Vec<String> = words.iter().cloned().chain([command.get_name().to_owned()]).collect();
        commands(&words, command)
    });
    below.chain([words.to_vec()]).collect()
}

#[test]
fn every_command_explains_itself() {
    let commands = commands(&[], &Cli::command());
    assert!(commands.len() > 15, "{commands:?}");
    for words in commands {
        let output = run(words.iter().map(String::as_str).chain(["--help"]));
        assert_eq!((output.status.code(), err(&output).as_str()), (Some(0), ""), "{words:?}");
        let usage = ["Usage: facerec"].into_iter().chain(words.iter().map(String::as_str));
        let usage = usage.collect::<Vec<_>>().join(" ");
        assert!(out(&output).contains(&usage), "{usage:?} is not in {}", out(&output));
    }
}

#[test]
fn a_model_that_nobody_knows_is_not_installed() {
    let output = run(["models", "install", "arcface"]);
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(1), ""));
    assert!(err(&output).contains("arcface"), "{}", err(&output));
}

#[test]
fn a_models_folder_that_is_not_there_is_refused() {
    let file = sample_folder().join("group.jpg");
    let photo = file.to_str().unwrap();
    for command in [
        &["serve", "--data", "d"][..],
        &["enroll", "people", "--data", "d"],
        &["recognize", photo, "--data", "d"],
        &["inspect", photo],
        &["bench"],
        &["models", "list"],
        &["models", "verify"],
    ] {
        for (folder, found) in [("/nowhere", "none"), (photo, "something else")] {
            let output = run(command.iter().chain(&["--models", folder]));
            let expected = format!("--models {folder}: expected a directory, found {found}\n");
            assert_eq!(output.status.code(), Some(1), "{command:?}");
            assert!(err(&output).ends_with(&expected), "{command:?}: {}", err(&output));
        }
    }
    // An installation makes it.
    let root = tempfile::tempdir().unwrap();
    let new = root.path().join("new");
    let install = ["models", "install", "vggface2", "--from", photo, "--models", new.to_str().unwrap()];
    let said = err(&run(install));
    assert!(!said.contains("expected a directory") && new.is_dir(), "{said}");
}

#[test]
fn a_gallery_of_another_model_is_refused_with_the_way_out() {
    let data = tempfile::tempdir().unwrap();
    let recipe = Recipe { model: "vggface2".to_owned(), model_sha256: None, margin_px: 0 };
    store::write(&data.path().join("gallery.bin"), &Gallery::empty(recipe)).unwrap();
    let (photo, folder) = (portrait("Joe Biden"), data.path().to_str().unwrap());
    for command in
        [vec!["recognize", photo.to_str().unwrap()], vec!["serve"], vec!["bench", photo.to_str().unwrap()]]
    {
        let output = run(command.iter().chain(&["--data", folder, "--model", "casia"]));
        assert_eq!((output.status.code(), out(&output).as_str()), (Some(1), ""), "{command:?}");
        let said = err(&output);
        assert!(said.contains("made with the model vggface2, but --model asks for casia"), "{said}");
        assert!(said.contains("`facerec enroll PEOPLE_DIR --data DIR --model casia --replace`"), "{said}");
    }
}

#[test]
fn a_photo_that_can_t_be_made_upright_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.jpg");
    fs::write(&bad, "not a photo").unwrap();
    let png = folder.path().join("out.png");
    let normalize =
        |photo: &Path, png: &Path| facerec().arg("normalize").arg(photo).arg("-o").arg(png).output().unwrap();
    let files = || {
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    for photo in [&bad, &folder.path().join("missing.jpg")] {
        let output = normalize(photo, &png);
        assert_eq!((output.status.code(), out(&output).as_str()), (Some(1), ""));
        assert!(err(&output).starts_with(&format!("facerec: {}: ", photo.display())), "{}", err(&output));
        assert_eq!(files(), ["bad.jpg"]);
    }
    let output = normalize(&portrait("Joe Biden"), &folder.path().join("nowhere/out.png"));
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("nowhere/out.png: "), "{}", err(&output));

    assert_eq!(normalize(&portrait("Joe Biden"), &png).status.code(), Some(0));
    let good = fs::read(&png).unwrap();
    assert!(good.starts_with(b"\x89PNG"));
    assert_eq!(normalize(&bad, &png).status.code(), Some(1));
    assert_eq!(fs::read(&png).unwrap(), good);
    assert_eq!(files(), ["bad.jpg", "out.png"]);
}

/// A pipe that nobody reads, from before the first byte on.
fn unread() -> Stdio {
    std::io::pipe().unwrap().1.into()
}

fn run_unread(args: &[&str]) -> Output {
    facerec().args(args).stdout(unread()).stderr(Stdio::piped()).output().unwrap()
}

#[test]
fn a_reader_that_has_enough_ends_the_command_quietly() {
    let photo = portrait("Joe Biden");
    let photo = photo.to_str().unwrap();
    let data = sample_data();
    let folder = data.path().to_str().unwrap();
    for args in [
        &["recognize", photo, photo, "--data", folder, "--json"][..],
        &["recognize", photo, photo, "--data", folder],
        &["inspect", photo, "--model", "casia"],
        &["models", "list"],
        &["keys", "new", "camera", "--scope", "recognize"],
    ] {
        let output = run_unread(args);
        assert_eq!((output.status.code(), err(&output).as_str()), (Some(1), ""), "{args:?}");
    }
    // Nobody reads standard error either.
    let mut command = facerec();
    command.args(["recognize", "missing.jpg", photo, "--data", folder]);
    assert_eq!(command.stdout(unread()).stderr(unread()).status().unwrap().code(), Some(1));
}

#[test]
fn a_gallery_is_written_even_where_nobody_reads_the_summary() {
    let data = tempfile::tempdir().unwrap();
    let people = sample_folder().join("people");
    let (people, folder) = (people.to_str().unwrap(), data.path().to_str().unwrap());
    let output = run_unread(&["enroll", people, "--data", folder, "--model", "casia"]);
    let errors = err(&output);
    // A slow machine sees lines of progress.
    assert_eq!(errors.lines().find(|line| !line.starts_with("enrolling: ")), None, "{errors}");
    assert_eq!(store::read(&data.path().join("gallery.bin")).unwrap().len(), 3);
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_can_t_be_written_is_an_error() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = facerec().args(["models", "list"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let expected = "facerec: standard output can't be written to: No space left on device";
    assert!(err(&output).starts_with(expected), "{}", err(&output));
}

/// The response to each photo, of a gallery of the sample's portraits of these people.
fn recognized(people: &[&str], photos: &[&str]) -> Vec<Value> {
    let directory = tempfile::tempdir().unwrap();
    for person in people {
        let own = directory.path().join("people").join(person);
        fs::create_dir_all(&own).unwrap();
        fs::copy(portrait(person), own.join("portrait.jpg")).unwrap();
    }
    let data = directory.path().join("data");
    let enrolled = facerec()
        .arg("enroll")
        .arg(directory.path().join("people"))
        .arg("--data")
        .arg(&data)
        .output()
        .unwrap();
    assert!(enrolled.status.success(), "{}", err(&enrolled));
    let photos = photos.iter().map(|photo| golden_path("photos").join(photo));
    let found = facerec().args(["recognize", "--json", "--data"]).arg(&data).args(photos).output().unwrap();
    assert!(found.status.success(), "{}", err(&found));
    results(&out(&found))
}

#[test]
fn at_the_default_rate_people_get_their_names_and_strangers_none() {
    let named = |name: &str| json!({"Student Name": name, "ID": "ID not found"});
    let [obama, biden, collins] = ["Barack Obama", "Joe Biden", "Eileen Collins"].map(named);
    let strangers = |count: u32| json!({"unknown_faces": count});
    let photos = ["obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg", "astronaut.png", "group.jpg"];
    assert_eq!(
        recognized(&["Barack Obama", "Joe Biden", "Eileen Collins"], &photos),
        [
            json!([obama]),
            json!([obama]),
            // A bystander behind him.
            json!([obama, strangers(1)]),
            json!([biden]),
            json!([collins]),
            json!([obama, biden, collins]),
        ]
    );
    // Whoever is not enrolled is a stranger, on every photo.
    assert_eq!(
        recognized(&["Joe Biden", "Eileen Collins"], &photos),
        [
            json!([strangers(1)]),
            json!([strangers(1)]),
            json!([strangers(2)]),
            json!([biden]),
            json!([collins]),
            json!([biden, collins, strangers(1)]),
        ]
    );
}
