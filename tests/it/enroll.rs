//! The gate of enrolment, with the real networks on the test photos and altered ones.

use std::convert::Infallible;
use std::path::PathBuf;
use std::process::{Command, Output};

use facerec::embed::Embedding;
use facerec::enroll::{Axis, GateParams, Leniency, Outcome, QualityGate, Reason};
use facerec::gallery::{Gallery, Person, Recipe, store};
use facerec::imaging::decode::DecodeLimits;
use image::imageops::{self, FilterType};
use image::{ImageFormat, RgbImage};

use crate::support::altered::{altered, encoded, turned};
use crate::support::app::{self, pipeline};
use crate::support::faces::named;
use crate::support::place::Place;
use crate::support::{photo, sample};

fn recipe() -> Recipe {
    app::recipe(32)
}

/// One photo of this person in front of a gallery.
fn assess(gallery: &Gallery, name: &str, bytes: &[u8], force: bool) -> Outcome {
    let pipeline = pipeline();
    let mut gate = QualityGate::new(&pipeline, gallery, GateParams::default());
    gate.look(&named(name), bytes).unwrap();
    let leniency = if force { Leniency::Force } else { Leniency::None };
    let Ok(mut outcomes) = gate.judge::<Infallible>(leniency, &mut || Ok(()));
    outcomes.remove(0)
}

/// One photo in front of an empty gallery.
fn look(bytes: &[u8], force: bool) -> Outcome {
    assess(&Gallery::empty(recipe()), "Ada", bytes, force)
}

fn rejected(outcome: Outcome) -> Vec<Reason> {
    match outcome {
        Outcome::Rejected { reasons } => reasons,
        Outcome::Accepted { .. } => panic!("accepted"),
    }
}

fn accepted(outcome: Outcome) -> (facerec::gallery::EnrolledPhoto, Vec<Reason>) {
    match outcome {
        Outcome::Accepted { photo, overridden, .. } => (photo, overridden),
        Outcome::Rejected { reasons } => panic!("rejected: {reasons:?}"),
    }
}

fn codes(reasons: &[Reason]) -> Vec<&'static str> {
    reasons.iter().map(Reason::code).collect()
}

/// The clear portraits of one person that there are.
fn portraits() -> Vec<(&'static str, Vec<u8>)> {
    let golden = ["astronaut.png", "obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg"];
    let samples = ["Barack Obama", "Eileen Collins", "Joe Biden"];
    let golden = golden.into_iter().map(|name| (name, photo(name)));
    golden.chain(samples.into_iter().map(|name| (name, sample(name)))).collect()
}

#[test]
fn every_clear_portrait_passes() {
    for (name, bytes) in portraits() {
        match look(&bytes, false) {
            Outcome::Accepted { overridden, .. } => assert_eq!(overridden, [], "{name}"),
            Outcome::Rejected { reasons } => panic!("{name}: {reasons:?}"),
        }
    }
}

#[test]
fn blurred_portraits_are_refused_with_what_was_measured_and_is_needed() {
    for (name, bytes) in portraits() {
        // The embedder sees the face at 160 pixels: the blur must be of a size with it.
        let reasons = rejected(look(&altered(&bytes, |photo| imageops::blur(photo, 5.0)), false));
        let blurred = reasons.iter().find(|reason| reason.code() == "blurred");
        let (measured, needed) = blurred.and_then(Reason::measured_and_needed).unwrap_or_else(|| {
            panic!("{name}: {reasons:?}");
        });
        assert!(measured < 20.0 && needed == 20.0, "{name}: {measured} of {needed}");
    }
}

#[test]
fn tilted_portraits_are_refused() {
    for name in ["Barack Obama", "Eileen Collins", "Joe Biden"] {
        for degrees in [-45.0, 45.0] {
            let reasons = rejected(look(&altered(&sample(name), |photo| turned(photo, degrees)), false));
            let Some(Reason::ExtremePose { measured, needed, .. }) =
                reasons.iter().find(|reason| matches!(reason, Reason::ExtremePose { axis: Axis::Roll, .. }))
            else {
                panic!("{name} by {degrees}: {reasons:?}")
            };
            assert!((25.0..65.0).contains(measured) && *needed == 25.0, "{name} by {degrees}: {measured}");
        }
    }
}

#[test]
fn shrunk_portraits_are_refused() {
    for (name, bytes) in portraits() {
        let small = altered(&bytes, |photo| {
            let side = |pixels: u32| pixels * 64 / photo.height();
            imageops::resize(photo, side(photo.width()), 64, FilterType::Triangle)
        });
        // 64 pixels high, the face up to 32 before it is measured.
        let reasons = rejected(look(&small, false));
        let measured = reasons.iter().find_map(|reason| match reason {
            Reason::FaceTooSmall { measured, needed: 25.0 } => Some(*measured),
            _ => None,
        });
        let measured = measured.unwrap_or_else(|| panic!("{name}: {reasons:?}"));
        assert!((5.0..25.0).contains(&measured), "{name}: {measured}");
    }
}

#[test]
fn of_a_group_nobody_is_enrolled_but_under_force_the_one_in_the_middle() {
    for name in ["group.png", "group.jpg", "group_12mp.jpg", "exif_6.jpg"] {
        let bytes = photo(name);
        assert_eq!(codes(&rejected(look(&bytes, false))), ["several_faces"], "{name}");
        let (forced, overridden) = accepted(look(&bytes, true));
        assert_eq!(overridden, [Reason::SeveralFaces { measured: 3 }], "{name}");
        let distance = |other: &str| embedding_of(&photo(other)).cosine_distance(&forced.embedding);
        let (middle, left, right) =
            (distance("biden.jpg"), distance("obama3.jpg"), distance("astronaut.png"));
        assert!(middle < 0.5 && left > 0.7 && right > 0.7, "{name}: {left} {middle} {right}");
    }
}

fn embedding_of(bytes: &[u8]) -> Embedding {
    accepted(look(bytes, true)).0.embedding
}

#[test]
fn without_a_face_or_an_image_force_does_not_help() {
    let truncated = photo("obama.jpg");
    let truncated = &truncated[..400];
    for (bytes, code) in [
        (photo("no_face.png").as_slice(), "no_face"),
        (b"not a photo at all", "not_an_image"),
        (b"", "not_an_image"),
        (truncated, "not_an_image"),
    ] {
        for force in [false, true] {
            let reasons = rejected(look(bytes, force));
            assert_eq!(codes(&reasons), [code]);
            assert!(!reasons[0].can_be_overridden());
        }
    }
}

/// Barack Obama, with one photo.
fn gallery_of_obama() -> Gallery {
    let (photo, _) = accepted(look(&photo("obama.jpg"), false));
    let person = Person::new(named("Barack Obama"), None, vec![photo]);
    Gallery::new(recipe(), vec![person]).unwrap()
}

#[test]
fn who_looks_like_another_person_is_refused_and_told_whom() {
    let gallery = gallery_of_obama();
    let other = photo("obama2.jpg");
    let reasons = rejected(assess(&gallery, "Somebody Else", &other, false));
    let [Reason::LooksLikeAnotherPerson { person_id, name, measured, needed }] = &reasons[..] else {
        panic!("{reasons:?}")
    };
    assert_eq!((person_id.as_ref(), name.as_str()), (Some(&gallery.people()[0].id), "Barack Obama"));
    assert!((0.15..0.4).contains(measured) && *needed == 0.4, "{measured}");
    let (_, overridden) = accepted(assess(&gallery, "Somebody Else", &other, true));
    assert_eq!(codes(&overridden), ["looks_like_another_person"]);
}

#[test]
fn another_photo_of_the_person_is_welcome_and_the_same_one_is_not() {
    let gallery = gallery_of_obama();
    let same = rejected(assess(&gallery, "Barack Obama", &photo("obama.jpg"), false));
    let photo_id = Some(gallery.people()[0].photos[0].id.to_string());
    assert_eq!(same, [Reason::SamePhotoAgain { photo_id, measured: 0.0, needed: 0.005 }]);
    // The same pixels in another file.
    let pixels =
        facerec::imaging::decode::decode(&photo("obama.jpg"), DecodeLimits { max_megapixels: 64 }).unwrap();
    let pixels = RgbImage::from_raw(pixels.width as u32, pixels.height as u32, pixels.data).unwrap();
    let again = assess(&gallery, "Barack Obama", &encoded(&pixels, ImageFormat::Png), false);
    assert_eq!(codes(&rejected(again)), ["same_photo_again"]);
    let (_, overridden) = accepted(assess(&gallery, " Barack Obama ", &photo("obama2.jpg"), false));
    assert_eq!(overridden, []);
}

#[test]
fn photos_of_one_batch_are_held_against_each_other() {
    let (pipeline, empty) = (pipeline(), Gallery::empty(recipe()));
    let mut gate = QualityGate::new(&pipeline, &empty, GateParams::default());
    // Barack Obama's third photo lies with Joe Biden, who comes first.
    for (name, file) in [
        ("Joe Biden", "obama2.jpg"),
        ("Joe Biden", "biden.jpg"),
        ("Barack Obama", "obama.jpg"),
        ("Barack Obama", "obama.jpg"),
        ("Barack Obama", "obama3.jpg"),
    ] {
        gate.look(&named(name), &photo(file)).unwrap();
    }
    let Ok(outcomes) = gate.judge::<Infallible>(Leniency::None, &mut || Ok(()));
    let mut outcomes = outcomes.into_iter();
    let misfiled = rejected(outcomes.next().unwrap());
    let [Reason::UnlikeOwnPhotos { person_id: None, name, measured, own_distance, .. }] = &misfiled[..]
    else {
        panic!("{misfiled:?}")
    };
    assert_eq!(name, "Barack Obama");
    assert!(*measured < 0.4 && *own_distance > 0.5, "{measured} {own_distance}");
    accepted(outcomes.next().unwrap());
    accepted(outcomes.next().unwrap());
    let again = rejected(outcomes.next().unwrap());
    assert_eq!(again, [Reason::SamePhotoAgain { photo_id: None, measured: 0.0, needed: 0.005 }]);
    accepted(outcomes.next().unwrap());
}

struct Folders {
    root: tempfile::TempDir,
}

impl Folders {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn people(&self) -> PathBuf {
        self.root.path().join("people")
    }

    fn gallery(&self) -> PathBuf {
        self.root.path().join("data/gallery.bin")
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.people().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Enrols into the place.
    fn enroll_into(&self, place: &Place, more: &[&str]) -> Output {
        let people = self.people();
        place.run(&[&["enroll", people.to_str().unwrap(), "--model", "casia"], more].concat())
    }

    fn enroll(&self, more: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_facerec"));
        command.arg("enroll").arg(self.people()).arg("--data").arg(self.root.path().join("data"));
        command.args(["--model", "casia"]).args(more).output().unwrap()
    }
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_command_goes_on_past_bad_files_and_says_what_became_of_each() {
    let folders = Folders::new();
    folders.put("Barack Obama/1.jpg", &photo("obama.jpg"));
    folders.put("Barack Obama/2.jpg", &photo("obama2.jpg"));
    folders.put("Barack Obama/3.jpg", &photo("obama2.jpg"));
    folders.put("Barack Obama/empty.jpg", b"");
    folders.put("Barack Obama/group.jpg", &photo("group.jpg"));
    folders.put("Zoe\u{308} 李雷 <b>/a.jpg", &photo("biden.jpg"));
    folders.put("Zoe\u{308} 李雷 <b>/impostor.jpg", &photo("obama3.jpg"));
    folders.put("Zoe\u{308} 李雷 <b>/\u{1b}[2J.jpg", b"not an image");
    folders.put("notes.txt", b"beside the folders");
    folders.put("Empty/.hidden", b"");
    std::fs::create_dir_all(folders.people().join("Barack Obama/older")).unwrap();
    std::os::unix::fs::symlink("/nowhere", folders.people().join("Barack Obama/gone.jpg")).unwrap();
    let not_unicode = std::os::unix::ffi::OsStrExt::from_bytes(b"caf\xe9");
    let not_unicode: &std::ffi::OsStr = not_unicode;
    std::fs::create_dir_all(folders.people().join(not_unicode)).unwrap();

    let output = folders.enroll(&[]);
    let said = out(&output);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for line in [
        "enrolled  refused  person",
        "       2        4  Barack Obama",
        "       1        2  Zo\u{eb} 李雷 <b>",
        "Barack Obama/3.jpg: same_photo_again: ",
        "Barack Obama/empty.jpg: not_an_image: ",
        "Barack Obama/gone.jpg: not_an_image: the file can't be read: ",
        "Barack Obama/group.jpg: several_faces: expected one face, found 3",
        "\u{fffd}[2J.jpg: not_an_image: ",
        "impostor.jpg: unlike_own_photos: ",
        "notes.txt: expected a directory named as a person",
        "Empty: expected photos in the directory, found none",
        "older: expected a photo, found no file",
        "expected a name in Unicode (UTF-8), found other bytes",
        "(casia, 2 people, 3 photos)",
    ] {
        assert!(said.contains(line), "{line:?} is not in:\n{said}");
    }
    let gallery = store::read(&folders.gallery()).unwrap();
    let people: Vec<(&str, usize)> =
        gallery.people().iter().map(|person| (person.name.as_str(), person.photos.len())).collect();
    assert_eq!(people, [("Barack Obama", 2), ("Zo\u{eb} 李雷 <b>", 1)]);
}

#[test]
fn between_two_people_with_one_face_the_same_photo_is_refused_whatever_their_names() {
    let enrolled = |ann: &str, bob: &str| {
        let folders = Folders::new();
        folders.put("Ann/1.jpg", &photo(ann));
        folders.put("Bob/1.jpg", &photo(bob));
        let said = out(&folders.enroll(&[]));
        assert!(
            said.starts_with("left out  ") && said.contains("1.jpg: looks_like_another_person: "),
            "{said}"
        );
        let gallery = store::read(&folders.gallery()).unwrap();
        assert_eq!(gallery.len(), 1);
        // The bound is a setting.
        assert!(folders.enroll(&["--replace", "--enroll-other-person-distance", "0.1"]).status.success());
        assert_eq!(store::read(&folders.gallery()).unwrap().len(), 2);
        gallery.people()[0].photos[0].source_sha256
    };
    assert_eq!(enrolled("obama.jpg", "obama2.jpg"), enrolled("obama2.jpg", "obama.jpg"));
}

#[test]
fn of_two_directories_with_one_name_the_second_is_left_out_and_named() {
    let folders = Folders::new();
    folders.put("Barack Obama/1.jpg", &photo("obama.jpg"));
    folders.put("barack_obama/2.jpg", &photo("obama2.jpg"));
    folders.put("Joe\u{202e}Biden/1.jpg", &photo("biden.jpg"));
    let said = out(&folders.enroll(&[]));
    let expected = "barack_obama: expected another name, found that of the directory \"Barack Obama\" in another spelling";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("U+202E, which changes the direction of text"), "{said}");
    let gallery = store::read(&folders.gallery()).unwrap();
    let people: Vec<_> = gallery.people().iter().map(|p| (p.name.as_str(), p.photos.len())).collect();
    assert_eq!(people, [("Barack Obama", 1)]);
}

#[test]
fn who_ends_without_a_photo_comes_first_in_every_form_of_the_report() {
    let folders = Folders::new();
    folders.put("=Ann/group.jpg", &photo("group.jpg"));
    folders.put("Barack Obama/1.jpg", &photo("obama.jpg"));
    folders.put("Joe/soft.jpg", &altered(&photo("biden.jpg"), |photo| imageops::blur(photo, 6.0)));
    std::fs::create_dir_all(folders.people().join("Zoe")).unwrap();
    let csv = folders.root.path().join("report.csv");
    for place in Place::each_new() {
        let output = folders.enroll_into(&place, &["--strict", "--json", "--report", csv.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let left_out = serde_json::json!([{"name": "=Ann", "photos": 1}, {"name": "Zoe", "photos": 0}]);
        assert_eq!(report["left_out"], left_out);
        let totals = ["people", "enrolled_people", "photos", "enrolled_photos", "weak_photos"];
        assert_eq!(totals.map(|total| report[total].as_u64().unwrap()), [4, 2, 3, 2, 1]);
        let outcomes: Vec<&str> = report["outcomes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|photo| photo["outcome"].as_str().unwrap())
            .collect();
        assert_eq!(outcomes, ["refused", "enrolled", "weak"]);
        assert_eq!(report["outcomes"][0]["reasons"][0]["reason"], "several_faces");
        let rows = std::fs::read_to_string(&csv).unwrap();
        assert!(rows.contains("\r\n'=Ann,") && rows.contains(",weak,blurred,"), "{rows}");
        // The best that there is of Joe is in the gallery, and says what it is.
        let gallery = place.gallery();
        let joe = gallery.person_by_name(&named("Joe")).unwrap();
        assert_eq!((joe.photos.len(), joe.photos[0].weak), (1, true));

        let output = folders.enroll_into(&place, &["--dry-run"]);
        let said = out(&output);
        assert_eq!(output.status.code(), Some(0), "{said}");
        let expected = "left out  =Ann: none of 1 photos could be enrolled\nleft out  Zoe: none of 0 photos could be enrolled\n\
                    2 of 4 people enrolled, with 2 of 3 photos; weak ones among them: 1\n";
        assert!(said.starts_with(expected), "{said}");
        assert!(said.contains("\nweak  ") && said.contains("Joe/soft.jpg: blurred: "), "{said}");
    }
}

#[test]
fn where_nobody_is_enrolled_the_exit_code_is_1_and_the_old_gallery_stays() {
    let folders = Folders::new();
    folders.put("Ann/group.jpg", &photo("group.jpg"));
    folders.put("Bob/nothing.png", &photo("no_face.png"));
    for place in Place::each_new() {
        let output = folders.enroll_into(&place, &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("nobody was enrolled"));
        assert!(place.try_gallery().is_none());

        let output = folders.enroll_into(&place, &["--force"]);
        let said = out(&output);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(said.contains("forced  ") && said.contains("Ann/group.jpg: several_faces"), "{said}");
        assert!(said.contains("refused  ") && said.contains("Bob/nothing.png: no_face"), "{said}");
        let before = place.gallery();
        assert_eq!(folders.enroll_into(&place, &["--replace"]).status.code(), Some(1));
        assert_eq!(place.gallery(), before);
    }
}

#[test]
fn people_are_written_over_only_where_it_is_asked_for() {
    let pickle = crate::support::golden_path("legacy/face_model.pkl");
    for place in Place::each_new() {
        let folders = Folders::new();
        folders.put("Ann/1.jpg", &photo("obama.jpg"));
        let ann = folders.enroll_into(&place, &[]);
        assert!(ann.status.success() && !out(&ann).contains("replaced"), "{}", out(&ann));
        std::fs::rename(folders.people().join("Ann"), folders.people().join("Bob")).unwrap();
        let import =
            |more: &[&str]| place.run(&[&["import-pickle", pickle.to_str().unwrap()], more].concat());
        let people = || place.gallery().people().clone();
        let expected = if place.is_database() {
            "the database holds 1 people: expected --replace, or a database without people\n"
        } else {
            "/gallery.bin holds 1 people: expected --replace, or a data directory without people\n"
        };

        let before = people();
        for refused in [folders.enroll_into(&place, &[]), import(&[])] {
            assert_eq!((refused.status.code(), out(&refused).as_str()), (Some(1), ""));
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(said.ends_with(expected), "{said}");
            assert_eq!(people(), before);
        }
        let replaced = folders.enroll_into(&place, &["--replace"]);
        assert!(out(&replaced).ends_with("replaced a gallery of 1 people\n"), "{}", out(&replaced));
        assert_eq!((people().len(), people()[0].name.as_str()), (1, "Bob"));
        let imported = import(&["--replace"]);
        if place.is_database() {
            // It was made for another model.
            let said = String::from_utf8_lossy(&imported.stderr).into_owned();
            assert!(
                said.contains("people of the model casia at margin 32, which the database was made for"),
                "{said}"
            );
            assert_eq!((people().len(), people()[0].name.as_str()), (1, "Bob"));
            let people = folders.people();
            let other = place.run(&["enroll", people.to_str().unwrap(), "--replace", "--model", "vggface2"]);
            let said = String::from_utf8_lossy(&other.stderr).into_owned();
            assert!(said.contains("expected --model casia, which the database was made for"), "{said}");
        } else {
            assert!(out(&imported).contains("\nreplaced a gallery of 1 people\n"));
        }
    }
}

/// Who is in a broken one can't be told.
#[test]
fn a_gallery_that_cannot_be_read_is_written_over_only_where_it_is_asked_for() {
    let folders = Folders::new();
    folders.put("Ann/1.jpg", &photo("obama.jpg"));
    std::fs::create_dir_all(folders.gallery().parent().unwrap()).unwrap();
    std::fs::write(folders.gallery(), "broken").unwrap();
    let refused = folders.enroll(&[]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("expected --replace"));
    assert!(out(&folders.enroll(&["--replace"])).ends_with("replaced a gallery that could not be read\n"));
}

#[test]
fn while_another_process_writes_to_the_data_folder_the_command_refuses_at_once() {
    let folders = Folders::new();
    folders.put("Ann/1.jpg", &photo("obama.jpg"));
    std::fs::create_dir_all(folders.gallery().parent().unwrap()).unwrap();
    let _held =
        facerec::gallery::writer::DirectoryLock::acquire(folders.gallery().parent().unwrap()).unwrap();
    let output = folders.enroll(&[]);
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("is writing to this data directory"), "{said}");
    assert!(!folders.gallery().exists());

    // What writes nothing goes on, and says as much of the photos.
    folders.put("Ann/empty.jpg", b"");
    let output = folders.enroll(&["--dry-run"]);
    let said = out(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("       1        1  Ann\nrefused  "), "{said}");
    assert!(said.contains("Ann/empty.jpg: not_an_image: "), "{said}");
    assert!(said.ends_with("nothing was written: this was a dry run\n"), "{said}");
    assert!(!folders.gallery().exists());
}
