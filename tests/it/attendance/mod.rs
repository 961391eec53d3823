//! Attendance: the rules against every kind of store, and what is SQLite's own.

mod class;
mod contract;
mod delivery;
mod exports;
mod kill;
mod merge;
mod order;
mod outbox;
mod people;
mod postgres;
pub mod receiver;
mod retention;
mod sqlite;

use std::sync::Arc;

use facerec::attendance::{
    AttendanceStore, Channels, Decision, Events, FaceResult, NewSession, PersonRecord, PersonRef, Photo,
    Session, SqliteStore, Status,
};
use facerec::student_id::StudentId;
use jiff::{Timestamp, ToSpan};

const BERLIN: &str = "Europe/Berlin";
pub const BOTH: Channels = Channels { webhook: Events::ALL, legacy: true };

/// Runs each test of a module against each kind of store.
macro_rules! for_each_store {
    ($($name:ident),* $(,)?) => {
        mod with_sqlite {
            $(#[test]
            fn $name() {
                let directory = tempfile::tempdir().unwrap();
                let store = facerec::attendance::SqliteStore::open(directory.path(), super::super::BOTH).unwrap();
                super::$name(&store);
            })*
        }

        mod with_postgres {
            $(#[test]
            fn $name() {
                // Said in the output where there is no PostgreSQL.
                let Some(database) = crate::support::postgres::database() else { return };
                super::$name(&super::super::postgres::open(&database));
            })*
        }
    };
}
use for_each_store;

fn sqlite(directory: &std::path::Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(directory, BOTH).unwrap())
}

/// What is wrong with the whole file: its structure and its references.
fn faults(store: &SqliteStore) -> Vec<String> {
    let db = rusqlite::Connection::open(store.path()).unwrap();
    let lines = |pragma: &str| -> Vec<String> {
        let mut found = db.prepare(pragma).unwrap();
        found.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let mut faults = lines("PRAGMA integrity_check");
    faults.retain(|line| line != "ok");
    faults.extend(lines("PRAGMA foreign_key_check"));
    faults
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The start of the lessons of these tests.
fn eight() -> Timestamp {
    at("2026-11-26T08:00:00+01:00")
}

pub fn minutes(after: i64) -> Timestamp {
    eight() + after.minutes()
}

/// Somebody whose id, name and roster ID follow from a number.
pub fn person(number: i64) -> PersonRef {
    PersonRef {
        person_id: format!("person-{number:05}"),
        name: format!("Pupil {number:05}"),
        student_id: Some(StudentId::Integer(number)),
    }
}

fn enrolled(number: i64, groups: &[&str]) -> PersonRecord {
    let PersonRef { person_id, name, student_id } = person(number);
    let groups = Some(groups.iter().map(|&group| group.to_owned()).collect());
    PersonRecord { person_id: Some(person_id), name, student_id, groups }
}

/// On the roster, and without a face.
fn on_roster(number: i64, groups: &[&str]) -> PersonRecord {
    PersonRecord { person_id: None, ..enrolled(number, groups) }
}

fn lesson(group: Option<&str>) -> NewSession {
    NewSession {
        title: "Maths".into(),
        group: group.map(str::to_owned),
        zone: BERLIN.into(),
        start: eight(),
        late_after_minutes: Some(10),
        end: Some(minutes(45)),
    }
}

/// Pupils 1 to 3 of class 7A with faces, pupil 4 of it without one, pupil 5 of class 7B.
pub fn class_7a(store: &dyn AttendanceStore) -> Session {
    let records = [
        enrolled(1, &["7A"]),
        enrolled(2, &["7A", "Choir"]),
        enrolled(3, &["7A"]),
        on_roster(4, &["7A"]),
        enrolled(5, &["7B"]),
    ];
    store.sync_people(&records, true).unwrap();
    store.create_session(&lesson(Some("7A")), None, eight()).unwrap()
}

pub fn photo(number: u8, captured_at: Timestamp) -> Photo {
    Photo { id: format!("photo-{number}"), sha256: [number; 32], captured_at }
}

pub fn matched(face_index: u32, number: i64, score: f32) -> FaceResult {
    FaceResult { face_index, decision: Decision::Match { person: person(number), score } }
}

fn unsure(face_index: u32, number: i64, score: f32) -> FaceResult {
    FaceResult { face_index, decision: Decision::Unsure { person: person(number), score } }
}

pub fn stranger(face_index: u32) -> FaceResult {
    FaceResult { face_index, decision: Decision::Unknown }
}

/// Names' numbers and statuses of a session's list.
fn statuses(store: &dyn AttendanceStore, session: &Session) -> Vec<(i64, Status)> {
    let number = |name: &str| name.trim_start_matches("Pupil ").parse().unwrap();
    let entries = store.entries(&session.id).unwrap();
    entries.iter().map(|entry| (number(&entry.person.name), entry.status)).collect()
}
