//! `facerec attend`: from photos to the list, without a server.

use std::process::Output;

use calamine::{Data, Reader as _, Xlsx, open_workbook};
use facerec::roster;
use rust_xlsxwriter::Workbook;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::place::Place;
use crate::support::server::{sample_data, sample_folder};

/// The sample's people: Barack Obama and Eileen Collins in 7A, and Ada Example, of whom no face is enrolled; Joe Biden in 7B.
fn school() -> TempDir {
    let data = sample_data();
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let rows = [
        ["Name", "ID", "Class"],
        ["Barack Obama", "P-1", "7A"],
        ["Eileen Collins", "P-2", "7A;Choir"],
        ["Ada Example", "P-3", "7A"],
        ["Joe Biden", "P-4", "7B"],
    ];
    for (row, cells) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(cells) {
            sheet.write_string(row, column, cell).unwrap();
        }
    }
    workbook.save(data.path().join(roster::Format::Xlsx.file_name())).unwrap();
    data
}

fn attend(place: &Place, more: &[&str]) -> Output {
    attend_at("2026-11-26T08:00", place, more)
}

fn attend_at(start: &str, place: &Place, more: &[&str]) -> Output {
    let mut command = place.command(&["attend", "--title", "Maths", "--time-zone", "Europe/Berlin"]);
    command.args(["--start", start, "--taken", "2026-11-26T08:12", "--late-after-minutes", "10"]);
    command.args(more).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn one_command_makes_the_list_of_a_class_and_a_photo_that_is_missing_is_told() {
    for place in Place::each(school) {
        let (speech, out) = (sample_folder().join("speech.jpg"), place.folder().join("today.xlsx"));
        let photos = [speech.to_str().unwrap(), "missing.jpg"];
        let output = attend(&place, &["--group", "7A", photos[0], photos[1], "--out", out.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        assert!(
            text(&output.stderr).contains("missing.jpg: the file can't be read"),
            "{}",
            text(&output.stderr)
        );
        let expected = "\
            Maths, 7A, 2026-11-26\n  \
            late          Barack Obama  \"P-1\"\n  \
            absent        Eileen Collins  \"P-2\"\n  \
            not_enrolled  Ada Example  \"P-3\"\n\
            1 present, 1 missing, 1 unsure or not enrolled; 0 unknown faces\n";
        assert_eq!(text(&output.stdout), expected);
        let mut workbook: Xlsx<_> = open_workbook(&out).unwrap();
        let rows = workbook.worksheet_range("Maths").unwrap();
        let rows: Vec<Vec<Data>> = rows.rows().map(<[Data]>::to_vec).collect();
        let cells = |row: usize| [rows[row][0].to_string(), rows[row][2].to_string()];
        assert_eq!(cells(1), ["Ada Example", "not_enrolled"]);
        assert_eq!(cells(2), ["Barack Obama", "late"]);
    }
}

#[test]
fn everybody_is_meant_without_a_group_and_the_list_is_csv_or_json_too() {
    for place in Place::each(school) {
        let group = sample_folder().join("group.jpg");
        let (csv, json) = (place.folder().join("list.csv"), place.folder().join("list.json"));
        let output =
            attend(&place, &["--group", "7A", group.to_str().unwrap(), "--out", csv.to_str().unwrap()]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(
            text(&output.stdout).contains("late          Joe Biden  \"P-4\"  (visitor)"),
            "{}",
            text(&output.stdout)
        );
        let list = std::fs::read_to_string(&csv).unwrap();
        assert!(list.contains("\r\nJoe Biden,P-4,late,2026-11-26 08:12:00"), "{list}");

        let more = ["--keep-open", group.to_str().unwrap(), "--out", json.to_str().unwrap()];
        let output = attend(&place, &more);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(
            text(&output.stdout).starts_with("Maths, everybody, 2026-11-26\n"),
            "{}",
            text(&output.stdout)
        );
        let list: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
        assert_eq!(
            (&list["state"], &list["counts"]["late"], &list["counts"]["not_enrolled"]),
            (&"open".into(), &3.into(), &1.into())
        );
    }
}

#[test]
fn a_group_that_is_not_there_and_a_file_of_another_kind_are_refused_before_anything_is_written() {
    for place in Place::each(school) {
        let speech = sample_folder().join("speech.jpg");
        let output = attend(&place, &["--group", "9Z", speech.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        let expected = "there is no group \"9Z\": expected one of 7A, 7B, Choir";
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
        let output = attend(&place, &["--out", "list.pdf", speech.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2));
        let expected = "expected a file that ends with .csv, .json, .xlsx, found \"list.pdf\"";
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
        assert!(!place.attendance().exists());
    }
}

#[test]
fn without_a_photo_that_can_be_used_or_of_the_time_nothing_is_written() {
    for place in Place::each(school) {
        let text_file = place.folder().join("no_photo.jpg");
        std::fs::write(&text_file, "no photo").unwrap();
        let output = attend(&place, &["missing.jpg", text_file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        let expected = "expected a photo that can be used, found none in 2: nothing is recorded";
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "");
        let speech = sample_folder().join("speech.jpg");
        let output = attend_at("2026-11-26T10:00", &place, &[speech.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        let expected = "the photo was taken at 2026-11-26T07:12:00Z: expected from 2026-11-26T08:00:00Z";
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
        assert!(!place.attendance().exists());
    }
}

#[test]
fn the_list_is_printed_as_json_as_it_is_written() {
    for place in Place::each(school) {
        let (speech, out) = (sample_folder().join("speech.jpg"), place.folder().join("list.json"));
        let arguments = ["--group", "7A", speech.to_str().unwrap(), "--json", "--out", out.to_str().unwrap()];
        let output = attend(&place, &arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let [printed, written] = [output.stdout, std::fs::read(&out).unwrap()]
            .map(|json| serde_json::from_slice::<Value>(&json).unwrap());
        assert_eq!(printed, written);
        assert!(printed.to_string().contains("Barack Obama"), "{printed}");
    }
}
