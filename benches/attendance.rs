//! The largest report: 10,000 people by 200 sessions, two million entries.

use criterion::{Criterion, criterion_group, criterion_main};
use facerec::attendance::export::{report_table, write_csv, xlsx};
use facerec::attendance::{
    AttendanceStore, Channels, Decision, FaceResult, NewSession, PersonRecord, PersonRef, Photo, ReportQuery,
    SqliteStore,
};
use jiff::{Timestamp, ToSpan};

const PEOPLE: u32 = 10_000;
const SESSIONS: u32 = 200;
/// Of the people, seen in each session; the others are absent.
const SEEN: u32 = 200;

fn person(number: u32) -> PersonRef {
    PersonRef { person_id: format!("id-{number:05}"), name: format!("Person {number:05}"), student_id: None }
}

fn fill(store: &SqliteStore) {
    let record = |number| {
        let PersonRef { person_id, name, student_id } = person(number);
        PersonRecord { person_id: Some(person_id), name, student_id, groups: Some(vec!["All".into()]) }
    };
    store.sync_people(&(0..PEOPLE).map(record).collect::<Vec<_>>(), true).unwrap();
    let first: Timestamp = "2026-01-05T08:00:00Z".parse().unwrap();
    for number in 0..SESSIONS {
        let start = first + (24 * i64::from(number)).hours();
        let new = NewSession {
            title: format!("Day {number}"),
            group: Some("All".into()),
            zone: "Europe/Berlin".into(),
            start,
            late_after_minutes: Some(10),
            end: None,
        };
        let session = store.create_session(&new, None, start).unwrap();
        let face = |index| FaceResult {
            face_index: index,
            decision: Decision::Match { person: person((number * 37 + index * 13) % PEOPLE), score: 0.8 },
        };
        let faces: Vec<FaceResult> = (0..SEEN).map(face).collect();
        let photo = Photo { id: "photo".into(), sha256: [0; 32], captured_at: start };
        store.mark(&session.id, &photo, &faces, start).unwrap();
        store.close_session(&session.id, "bench", start).unwrap();
    }
}

fn report(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path(), Channels::default()).unwrap();
    fill(&store);
    let query = ReportQuery { group: Some("All".into()), ..ReportQuery::default() };
    let mut group = criterion.benchmark_group("attendance");
    group.sample_size(10);
    group.bench_function("report of 10,000 people by 200 sessions", |bencher| {
        bencher.iter(|| store.report(&query).unwrap());
    });
    let report = store.report(&query).unwrap();
    assert_eq!((report.people.len(), report.sessions.len()), (PEOPLE as usize, SESSIONS as usize));
    group.bench_function("its CSV", |bencher| {
        bencher.iter(|| write_csv(report_table(&report), true, std::io::sink()).unwrap());
    });
    group.bench_function("its workbook", |bencher| {
        bencher.iter(|| xlsx(report_table(&report)).unwrap().len());
    });
    group.finish();
}

criterion_group!(benches, report);
criterion_main!(benches);
