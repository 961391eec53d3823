//! What is PostgreSQL's own: several processes on one database.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use facerec::attendance::{
    AttendanceStore, Channel, IdempotencyKey, Outcome, Page, PersonRecord, SessionFilter, Settlement, Status,
};
use facerec::error::Error;
use facerec::postgres::PostgresAttendance;
use facerec::student_id::StudentId;

use super::{BOTH, class_7a, eight, enrolled, lesson, matched, minutes, photo, statuses};
use crate::support::postgres::{self, Cluster, TestDatabase};

/// The attendance of a database as one process has it.
pub(super) fn open(database: &TestDatabase) -> PostgresAttendance {
    PostgresAttendance::open(database.open(), BOTH).unwrap()
}

/// Does the same in two processes at once.
fn at_once<T: Send>(database: &TestDatabase, work: impl Fn(&dyn AttendanceStore, i64) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(2);
    let replica = |number| {
        let store = open(database);
        barrier.wait();
        work(&store, number)
    };
    thread::scope(|scope| {
        let threads = [1, 2].map(|number| scope.spawn(move || replica(number)));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn two_processes_lose_nothing_and_write_nothing_twice() {
    let Some(database) = postgres::database() else { return };
    let store = open(&database);
    let session = class_7a(&store);
    let people: Vec<_> = (100..140).chain(200..240).map(|who| enrolled(who, &[])).collect();
    store.sync_people(&people, false).unwrap();
    at_once(&database, |store, number| {
        for who in number * 100..number * 100 + 40 {
            let faces = [matched(0, who, 0.8), matched(1, 1, 0.5)];
            store.mark(&session.id, &photo(who as u8, minutes(1)), &faces, minutes(1)).unwrap();
        }
    });
    assert_eq!(statuses(&store, &session).len(), 4 + 80);
    assert_eq!(store.session(&session.id).unwrap().photos, 80);
    assert_eq!(store.due(Channel::Legacy, minutes(2), 1000).unwrap().len(), 81);
}

#[test]
fn what_two_processes_begin_at_once_is_begun_once() {
    let Some(database) = postgres::database() else { return };
    let store = open(&database);
    store.sync_people(&[enrolled(1, &["7A"])], true).unwrap();
    for round in 0..10 {
        let key = IdempotencyKey { key: format!("key {round}"), request_sha256: [1; 32] };
        let begun = at_once(&database, |store, _| {
            let automatic = store.automatic_session(&format!("day {round}"), &lesson(None), eight()).unwrap();
            (automatic.id, store.create_session(&lesson(Some("7A")), Some(&key), eight()).unwrap().id)
        });
        assert_eq!(begun[0], begun[1]);
    }
    assert_eq!(store.sessions(&SessionFilter::default(), Page::ALL).unwrap().total, 20);
}

#[test]
fn a_list_is_closed_once_and_takes_no_photo_afterwards() {
    let Some(database) = postgres::database() else { return };
    let store = open(&database);
    for round in 0..10 {
        let session = class_7a(&store);
        let marked = at_once(&database, |store, number| {
            if number == 1 {
                store.close_session(&session.id, "Ms Frizzle", minutes(50)).unwrap();
                return true;
            }
            store.mark(&session.id, &photo(round, minutes(1)), &[matched(0, 1, 0.8)], minutes(1)).is_ok()
        });
        let expected = if marked[1] { Status::Present } else { Status::Absent };
        assert_eq!(statuses(&store, &session)[0], (1, expected));
        let again =
            at_once(&database, |store, _| store.close_session(&session.id, "B", minutes(51)).unwrap());
        assert_eq!(again[0], again[1]);
    }
    let closed = |message: &facerec::attendance::Message| message.body.contains("session.closed");
    let told = store.due(Channel::Webhook, minutes(60), 1000).unwrap();
    assert!(told.iter().filter(|message| closed(message)).count() <= 10);
}

#[test]
fn one_process_leads_and_another_one_after_it() {
    let Some(database) = postgres::database() else { return };
    let (first, second) = (open(&database), open(&database));
    assert!(first.leads().unwrap() && first.leads().unwrap());
    assert!(!second.leads().unwrap());
    // As the connection of a process that is killed ends.
    database.sql(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
         and database = (select oid from pg_database where datname = current_database())",
    );
    let end = Instant::now() + Duration::from_secs(10);
    while !second.leads().unwrap() {
        assert!(Instant::now() < end, "nobody leads");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(!first.leads().unwrap_or(false));
    assert!(!first.leads().unwrap(), "it asks over a new connection");
    drop(second);
    while !first.leads().unwrap() {
        assert!(Instant::now() < end, "nobody leads");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn ids_keep_their_types() {
    let Some(database) = postgres::database() else { return };
    let ids = [
        None,
        Some(StudentId::Integer(i64::MIN)),
        Some(StudentId::Number(0.1)),
        Some(StudentId::Number(1e300)),
        Some(StudentId::Text("0044, {\"A\"}".into())),
    ];
    let record = |(number, id): (usize, &Option<StudentId>)| PersonRecord {
        student_id: id.clone(),
        ..enrolled(number as i64, &[])
    };
    let records: Vec<PersonRecord> = ids.iter().enumerate().map(record).collect();
    let store = open(&database);
    store.sync_people(&records, true).unwrap();
    let read: Vec<_> = store.people(None).unwrap().into_iter().map(|person| person.student_id).collect();
    assert_eq!(read, ids);
    // What is the same is not written again.
    let version = || database.sql("select sum(xmin::text::bigint) from facerec_attendance.people");
    let before = version();
    store.sync_people(&records, true).unwrap();
    assert_eq!(version(), before);
}

#[test]
fn a_database_that_is_away_is_said_and_comes_back() {
    let Some(mut cluster) = Cluster::start() else { return };
    let store = PostgresAttendance::open(postgres::open(&cluster.url("postgres")), BOTH).unwrap();
    let session = class_7a(&store);
    store.mark(&session.id, &photo(1, minutes(1)), &[matched(0, 1, 0.8)], minutes(1)).unwrap();
    cluster.kill();
    let mark =
        || store.mark(&session.id, &photo(2, minutes(2)), &[matched(0, 2, 0.8)], minutes(2)).map(|_| ());
    for _ in 0..3 {
        assert!(matches!(mark(), Err(Error::Unavailable(_))));
        assert!(matches!(store.entries(&session.id), Err(Error::Unavailable(_))));
        assert!(matches!(store.leads(), Err(Error::Unavailable(_))));
    }
    cluster.resume();
    let end = Instant::now() + Duration::from_secs(10);
    while mark().is_err() {
        assert!(Instant::now() < end, "it does not come back");
        thread::sleep(Duration::from_millis(100));
    }
    assert!(store.leads().unwrap());
    let seen = statuses(&store, &session);
    assert_eq!(seen[..2], [(1, Status::Present), (2, Status::Present)]);
    let due = store.due(Channel::Webhook, minutes(3), 10).unwrap();
    let delivered = |message: &facerec::attendance::Message| Settlement {
        id: message.id.clone(),
        outcome: Outcome::Delivered,
    };
    store.settle(&due.iter().map(delivered).collect::<Vec<_>>(), minutes(3)).unwrap();
    assert_eq!(store.due(Channel::Webhook, minutes(3), 10).unwrap(), []);
}
