//! `facerec evaluate` from photos to figures that can be counted by hand.

use std::path::{Path, PathBuf};
use std::process::Output;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use crate::support::golden_path;
use crate::support::server::{facerec, sample_folder};

/// Five folders of public figures. Two hold nothing but a photo that another one has, too: of a photo that two people have,
/// neither is the better one, so that of the six that can be searched only Collins's two get the right name.
fn people(root: &Path) -> PathBuf {
    let golden = |name: &str| golden_path(&format!("photos/{name}"));
    let portrait = |person: &str| sample_folder().join("people").join(person).join("portrait.jpg");
    let folders = [
        ("a", vec![golden("obama.jpg"), golden("obama2.jpg")]),
        ("b", vec![golden("biden.jpg"), portrait("Joe Biden")]),
        ("c", vec![golden("astronaut.png"), portrait("Eileen Collins")]),
        ("d", vec![golden("obama.jpg")]),
        ("e", vec![golden("biden.jpg")]),
    ];
    let people = root.join("people");
    for (name, photos) in folders {
        fill(&people.join(name), &photos);
    }
    people
}

fn fill(folder: &Path, photos: &[PathBuf]) {
    std::fs::create_dir_all(folder).unwrap();
    for photo in photos {
        std::fs::copy(photo, folder.join(photo.file_name().unwrap())).unwrap();
    }
}

fn evaluate(people: &Path, more: &[&str]) -> Output {
    facerec().args(["evaluate", "--model", "casia"]).arg(people).args(more).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// `count` and `of` at a rate.
fn counts(report: &Value, rate: f64, what: &str) -> [u64; 2] {
    let rates = report["rates"].as_array().unwrap();
    let row = rates.iter().find(|row| row["false_name_rate"] == rate).unwrap();
    let share = &row[what];
    let counts = ["count", "of"].map(|member| share[member].as_u64().unwrap());
    let expected = counts[0] as f64 / counts[1] as f64;
    assert!((share["share"].as_f64().unwrap() - expected).abs() < 1e-12, "{share}");
    counts
}

#[test]
fn people_who_share_a_photo_are_missed_and_are_strangers_with_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let output = evaluate(&people(folder.path()), &["--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    // Whatever is said on the way is on standard error.
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["model"], &report["margin_px"]), (&"casia".into(), &32.into()));
    assert_eq!((&report["people"], &report["photos"]), (&5.into(), &8.into()));
    assert_eq!(report["strangers"], "left_out_people");
    // Of d and e nothing would be left to enrol. Without their own folder all photos of Obama and Biden are somebody
    // else's face, and get that one's name.
    assert_eq!(counts(&report, 0.01, "tpir"), [2, 6]);
    assert_eq!(counts(&report, 0.01, "fpir"), [6, 8]);
}

/// The points of the only curve of an SVG that is well-formed.
fn curve(svg: &str) -> Vec<(f64, f64)> {
    let mut reader = Reader::from_str(svg);
    reader.config_mut().check_end_names = true;
    let mut curves = Vec::new();
    let mut depth = 0;
    loop {
        match reader.read_event().unwrap() {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            Event::Empty(tag) if tag.name().as_ref() == "polyline" => {
                let points = tag.try_get_attribute("points").unwrap().unwrap();
                curves.push(points.value.into_owned());
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!((depth, curves.len()), (0, 1), "{svg}");
    let point = |point: &str| {
        let (x, y) = point.split_once(',').unwrap();
        (x.parse().unwrap(), y.parse().unwrap())
    };
    curves[0].split(' ').map(point).collect()
}

#[test]
fn strangers_of_a_directory_are_counted_and_the_curve_is_drawn_from_the_same_points() {
    let folder = tempfile::tempdir().unwrap();
    let (strangers, svg) = (folder.path().join("strangers"), folder.path().join("det.svg"));
    // One who is enrolled, and so is taken for a stranger with a name at any rate; one photo without a face.
    fill(&strangers, &[golden_path("photos/obama3.jpg"), golden_path("photos/no_face.png")]);
    let more = ["--json", "--strangers", strangers.to_str().unwrap(), "--svg", svg.to_str().unwrap()];
    let output = evaluate(&people(folder.path()), &more);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("skipped"), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("no_face.png"), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["strangers"], "photos");
    assert_eq!(counts(&report, 0.01, "tpir"), [2, 6]);
    assert_eq!(counts(&report, 0.01, "fpir"), [1, 1]);

    let number = |point: &Value, member: &str| point[member].as_f64().unwrap();
    let det = report["det"].as_array().unwrap();
    let rises = |member: &str, sign: f64| {
        det.windows(2).all(|pair| sign * number(&pair[0], member) <= sign * number(&pair[1], member))
    };
    assert!(rises("false_name_rate", 1.0) && rises("fpir", 1.0) && rises("fnir", -1.0), "{det:?}");
    let last = &det[det.len() - 1];
    let expected = [1.0, 1.0, 4.0 / 6.0];
    let found = ["false_name_rate", "fpir", "fnir"].map(|member| number(last, member));
    assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12), "{last}");

    let drawn = curve(&std::fs::read_to_string(&svg).unwrap());
    assert_eq!(drawn.len(), det.len());
    // Downwards is less: the curve goes right and down, to all strangers named and four of six missed.
    assert!(drawn.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1), "{drawn:?}");
    assert_eq!(drawn[drawn.len() - 1], (610.0, 52.3));
}

#[test]
fn the_table_says_the_same_in_words_and_what_cannot_be_done_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let people = people(folder.path());
    let output = evaluate(&people, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    assert!(table.starts_with("casia, margin 32: 5 people, 8 photos\n"), "{table}");
    let row =
        table.lines().find(|line| line.trim_start().starts_with("1 %")).unwrap_or_else(|| panic!("{table}"));
    assert!(row.contains("33.3 % (2 of 6)") && row.contains("75.0 % (6 of 8)"), "{row}");

    let strangers = folder.path().join("strangers");
    fill(&strangers, &[golden_path("photos/no_face.png")]);
    let output = evaluate(&people, &["--strangers", strangers.to_str().unwrap()]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
    assert!(text(&output.stderr).contains("expected faces, found none"), "{}", text(&output.stderr));
    let nowhere = folder.path().join("missing/det.svg");
    let output = evaluate(&people, &["--svg", nowhere.to_str().unwrap()]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
    assert!(text(&output.stderr).contains("det.svg can't be written"), "{}", text(&output.stderr));
    assert_eq!(evaluate(&people, &["--svg"]).status.code(), Some(2), "wrong usage");
}
