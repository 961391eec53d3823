//! What is deleted, and what is forgotten.

use facerec::attendance::{
    AttendanceStore, Channel, Correction, Deleted, Forget, IdempotencyKey, NewSession, Outcome, ReportQuery,
    Settlement, Status, StoredResponse,
};

use super::{class_7a, eight, for_each_store, lesson, matched, minutes, person, photo};

for_each_store! {
    sessions_older_than_the_retention_are_deleted,
    a_message_about_somebody_who_left_outlives_the_session_until_it_is_delivered,
    a_removed_person_leaves_nothing,
    an_anonymised_person_leaves_counts_and_no_name,
}

fn sessions_older_than_the_retention_are_deleted(store: &dyn AttendanceStore) {
    let old = class_7a(store);
    let new = NewSession { start: minutes(60), end: None, ..lesson(None) };
    let new = store.create_session(&new, None, eight()).unwrap();
    store.mark(&old.id, &photo(1, minutes(1)), &[matched(0, 1, 0.8)], minutes(1)).unwrap();
    let deleted = store.delete_before(minutes(30)).unwrap();
    assert_eq!(deleted, Deleted { sessions: 1, messages: 0, responses: 0 });
    assert!(store.session(&old.id).is_err());
    assert!(store.session(&new.id).is_ok());
    assert!(store.history(&person(1).person_id).unwrap().is_empty());
    assert_eq!(store.people(None).unwrap().len(), 5);
    assert_eq!(store.outbox_counts().unwrap().pending, 2, "what is not yet told is still told");
}

fn a_message_about_somebody_who_left_outlives_the_session_until_it_is_delivered(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    store.mark(&session.id, &photo(1, minutes(1)), &[matched(0, 1, 0.8)], minutes(1)).unwrap();
    store.sync_people(&[], true).unwrap();
    store.delete_before(minutes(30)).unwrap();
    let due = store.due(Channel::Webhook, minutes(31), 10).unwrap();
    assert!(due[0].body.contains("Pupil 00001"), "{due:?}");
    for channel in Channel::ALL {
        let due = store.due(channel, minutes(31), 10).unwrap();
        let delivered =
            due.into_iter().map(|message| Settlement { id: message.id, outcome: Outcome::Delivered });
        store.settle(&delivered.collect::<Vec<_>>(), minutes(31)).unwrap();
    }
    store.delete_before(minutes(30)).unwrap();
    assert!(store.history(&person(1).person_id).is_err(), "nothing is left of somebody on no list");
}

/// A closed session with an entry of pupil 1: a photo, a note, and a response that names the pupil.
fn with_history(store: &dyn AttendanceStore) -> String {
    let session = class_7a(store);
    store.mark(&session.id, &photo(1, minutes(1)), &[matched(0, 1, 0.8)], minutes(1)).unwrap();
    let note = Correction { status: Some(Status::Late), by: "Ms Frizzle".into(), note: Some("bus".into()) };
    store.correct(&session.id, &person(1).person_id, &note, minutes(2)).unwrap();
    store.close_session(&session.id, "Ms Frizzle", minutes(50)).unwrap();
    let key = IdempotencyKey { key: "k".into(), request_sha256: [0; 32] };
    store.remember(&key, &StoredResponse { status: 200, body: b"Pupil 00001".to_vec() }, eight()).unwrap();
    session.id
}

fn assert_forgotten(store: &dyn AttendanceStore) {
    assert!(store.history(&person(1).person_id).is_err());
    let key = IdempotencyKey { key: "k".into(), request_sha256: [0; 32] };
    assert_eq!(store.recall(&key).unwrap(), None);
    for channel in facerec::attendance::Channel::ALL {
        let due = store.due(channel, minutes(100), 10).unwrap();
        assert!(due.iter().all(|message| !message.body.contains("Pupil 00001")), "{due:?}");
    }
    assert_eq!(store.forget(&person(1).person_id, Forget::Remove).unwrap(), 0);
}

fn a_removed_person_leaves_nothing(store: &dyn AttendanceStore) {
    let session = with_history(store);
    assert_eq!(store.forget(&person(1).person_id, Forget::Remove).unwrap(), 1);
    assert_forgotten(store);
    assert_eq!(store.entries(&session).unwrap().len(), 3);
    assert!(store.corrections(&session).unwrap().is_empty());
}

fn an_anonymised_person_leaves_counts_and_no_name(store: &dyn AttendanceStore) {
    let session = with_history(store);
    let before = store.report(&ReportQuery::default()).unwrap().total;
    assert_eq!(store.forget(&person(1).person_id, Forget::Anonymise).unwrap(), 1);
    assert_forgotten(store);
    let report = store.report(&ReportQuery::default()).unwrap();
    assert_eq!(report.total, before);
    let entries = store.entries(&session).unwrap();
    let entry = entries.iter().find(|entry| entry.status == Status::Late).unwrap();
    assert_eq!((entry.person.name.as_str(), &entry.person.student_id, &entry.photo), ("", &None, &None));
    assert_eq!(entry.hand.as_ref().unwrap().note, None);
    assert_eq!(store.corrections(&session).unwrap()[0].note, None);
    assert_eq!(store.people(None).unwrap().len(), 4);
}
