//! Exports, read back by other readers.

use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};
use facerec::attendance::export::{Table, history_table, report_table, session_table, write_csv, xlsx};
use facerec::attendance::{AttendanceStore as _, Correction, PersonRecord, ReportQuery, SqliteStore, Status};
use facerec::student_id::StudentId;

use super::{BOTH, class_7a, matched, minutes, person, photo};

/// A closed session of class 7A with a pupil named `-Ada`, and a note that looks like a formula.
fn school() -> (tempfile::TempDir, SqliteStore, String) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path(), BOTH).unwrap();
    let session = class_7a(&store);
    let ada = PersonRecord {
        person_id: Some("ada".into()),
        name: "-Ada".into(),
        student_id: Some(StudentId::Text("007".into())),
        groups: Some(vec!["7A".into()]),
    };
    store.sync_people(&[ada], false).unwrap();
    store.mark(&session.id, &photo(1, minutes(2)), &[matched(0, 1, 0.75)], minutes(2)).unwrap();
    let note = Some("=HYPERLINK(\"http://evil.example\")".into());
    let correction = Correction { status: Some(Status::Excused), by: "Ms Frizzle".into(), note };
    store.correct(&session.id, "ada", &correction, minutes(3)).unwrap();
    store.close_session(&session.id, "Ms Frizzle", minutes(50)).unwrap();
    (directory, store, session.id)
}

fn csv(table: Table<'_>) -> String {
    let mut bytes = Vec::new();
    write_csv(table, false, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn sheet(table: Table<'_>) -> (String, Vec<Vec<Data>>, String) {
    let bytes = xlsx(table).unwrap();
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes.clone())).unwrap();
    let name = workbook.sheet_names()[0].clone();
    let range = workbook.worksheet_range(&name).unwrap();
    assert!(workbook.worksheet_formula(&name).unwrap().is_empty(), "no cell is a formula");
    let rows = range.rows().map(<[Data]>::to_vec).collect();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let xml = std::io::read_to_string(archive.by_name("xl/worksheets/sheet1.xml").unwrap()).unwrap();
    (name, rows, xml)
}

#[test]
fn a_session_as_csv_is_in_local_time_and_free_of_formulas() {
    let (_directory, store, id) = school();
    let (session, entries) = (store.session(&id).unwrap(), store.entries(&id).unwrap());
    let expected = "\
        Name,ID,Status,First seen,Last seen,Similarity,Visitor,Set by,Corrected by,Corrected at,Note\r\n\
        '-Ada,007,excused,,,,,hand,Ms Frizzle,2026-11-26 08:03:00,\"'=HYPERLINK(\"\"http://evil.example\"\")\"\r\n\
        Pupil 00001,1,present,2026-11-26 08:02:00,2026-11-26 08:02:00,0.75,,camera,,,\r\n\
        Pupil 00002,2,absent,,,,,,,,\r\n\
        Pupil 00003,3,absent,,,,,,,,\r\n\
        Pupil 00004,4,not_enrolled,,,,,,,,\r\n";
    assert_eq!(csv(session_table(&session, &entries)), expected);
}

#[test]
fn a_session_as_workbook_has_real_types_a_frozen_header_and_filters() {
    let (_directory, store, id) = school();
    let (session, entries) = (store.session(&id).unwrap(), store.entries(&id).unwrap());
    let (name, rows, xml) = sheet(session_table(&session, &entries));
    assert_eq!((name.as_str(), rows.len(), &rows[0][0]), ("Maths", 6, &Data::String("Name".into())));
    assert_eq!(rows[1][..3], ["-Ada", "007", "excused"].map(|text| Data::String(text.into())));
    assert_eq!(rows[1][10], Data::String("=HYPERLINK(\"http://evil.example\")".into()));
    let Data::DateTime(seen) = rows[2][3] else { panic!("no date but {:?}", rows[2][3]) };
    assert_eq!(seen.as_f64(), 46_352.0 + (8.0 * 60.0 + 2.0) / 1440.0);
    assert_eq!((&rows[2][1], &rows[2][5]), (&Data::Float(1.0), &Data::Float(0.75)));
    assert!(xml.contains("ySplit=\"1\"") && xml.contains("state=\"frozen\""), "{xml}");
    assert!(xml.contains("<autoFilter ref=\"A1:K6\"/>"), "{xml}");
}

#[test]
fn a_report_has_a_column_for_each_session_and_shares_as_percent() {
    let (_directory, store, _) = school();
    let report = store.report(&ReportQuery { group: Some("7A".into()), ..ReportQuery::default() }).unwrap();
    let text = csv(report_table(&report));
    let mut lines = text.lines();
    let header = "Name,ID,2026-11-26 08:00 Maths,Present,Late,Absent,Excused,Unsure,Not enrolled,Attended,Present %,Late %,Absent %,Excused %,Unsure %,Attended %";
    assert_eq!(lines.next(), Some(header));
    let ada = "'-Ada,007,excused,0,0,0,1,0,0,0,0.0000,0.0000,0.0000,1.0000,0.0000,0.0000";
    assert_eq!(lines.next(), Some(ada));
    assert_eq!(lines.last(), Some("Pupil 00004,4,not_enrolled,0,0,0,0,0,1,0,,,,,,"));
    let (_, rows, _) = sheet(report_table(&report));
    assert_eq!((&rows[2][3], &rows[2][10]), (&Data::Float(1.0), &Data::Float(1.0)));
}

#[test]
fn a_large_table_is_the_same_workbook() {
    let (_directory, store, id) = school();
    let (session, entries) = (store.session(&id).unwrap(), store.entries(&id).unwrap());
    let many: Vec<_> = entries.iter().cycle().take(20_000).cloned().collect(); // 220,000 cells
    let (_, rows, xml) = sheet(session_table(&session, &many));
    assert_eq!((rows.len(), &rows[19_996][0]), (20_001, &Data::String("-Ada".into())));
    assert!(xml.contains("<autoFilter ref=\"A1:K20001\"/>"));
}

#[test]
fn a_persons_history_has_dates_without_a_time() {
    let (_directory, store, _) = school();
    let history = store.history(&person(1).person_id).unwrap();
    let who = &history[0].entry.person;
    let (name, rows, _) = sheet(history_table(who, &history));
    assert_eq!((name.as_str(), rows.len()), ("Pupil 00001", 2));
    let Data::DateTime(date) = rows[1][0] else { panic!("no date but {:?}", rows[1][0]) };
    assert_eq!(date.as_f64(), 46_352.0);
    assert_eq!(rows[1][3], Data::String("present".into()));
}
