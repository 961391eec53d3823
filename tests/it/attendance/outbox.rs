//! What is written into the outbox and how it leaves.

use facerec::attendance::{AttendanceStore, Channel, Correction, Message, Outcome, Settlement, Status};
use jiff::ToSpan;
use serde_json::Value;

use super::{class_7a, eight, for_each_store, matched, minutes, person, photo, stranger};

for_each_store! {
    every_event_has_its_message_in_the_form_of_standard_webhooks,
    the_old_message_comes_once_for_each_student_of_a_session,
    messages_of_a_person_leave_in_order_and_others_pass,
    what_failed_for_good_is_kept_and_can_be_sent_again,
    a_clock_that_was_set_back_holds_nothing_up,
}

fn mark(
    store: &dyn AttendanceStore,
    id: &str,
    number: u8,
    minute: i64,
    faces: &[facerec::attendance::FaceResult],
) {
    store.mark(id, &photo(number, minutes(minute)), faces, minutes(minute)).unwrap();
}

fn bodies(messages: &[Message]) -> Vec<Value> {
    messages.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect()
}

/// Delivers everything; the bodies in the order in which they left.
fn drain(store: &dyn AttendanceStore, channel: Channel) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let due = store.due(channel, minutes(10_000), 100).unwrap();
        if due.is_empty() {
            return all;
        }
        all.extend(bodies(&due));
        let delivered =
            due.into_iter().map(|message| Settlement { id: message.id, outcome: Outcome::Delivered });
        store.settle(&delivered.collect::<Vec<_>>(), minutes(10_000)).unwrap();
    }
}

fn every_event_has_its_message_in_the_form_of_standard_webhooks(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    mark(store, &session.id, 1, 12, &[matched(0, 1, 0.5), stranger(1), stranger(2)]);
    let excused = Correction { status: Some(Status::Excused), by: "Ms Frizzle".into(), note: None };
    store.correct(&session.id, &person(1).person_id, &excused, minutes(13)).unwrap();
    store.close_session(&session.id, "Ms Frizzle", minutes(50)).unwrap();
    let messages = drain(store, Channel::Webhook);
    let of = |name: &str| messages.iter().find(|message| message["type"] == name).unwrap();
    let marked = of("attendance.marked");
    assert_eq!(marked["timestamp"], "2026-11-26T07:12:00Z");
    let data = &marked["data"];
    assert_eq!(
        data["person"],
        serde_json::json!({"id": "person-00001", "name": "Pupil 00001", "student_id": 1})
    );
    assert_eq!((&data["status"], &data["previous_status"]), (&"late".into(), &Value::Null));
    assert_eq!((&data["similarity"], &data["photo_id"]), (&0.5.into(), &"photo-1".into()));
    assert_eq!(data["session"]["id"], session.id.as_str());
    assert_eq!(data["session"]["time_zone"], "Europe/Berlin");
    let corrected = &of("attendance.corrected")["data"];
    assert_eq!((&corrected["previous_status"], &corrected["status"]), (&"late".into(), &"excused".into()));
    assert_eq!((&corrected["by"], &corrected["after_close"]), (&"Ms Frizzle".into(), &false.into()));
    assert_eq!(of("face.unknown")["data"]["faces"], 2);
    let counts = &of("session.closed")["data"]["counts"];
    assert_eq!(
        (&counts["excused"], &counts["absent"], &counts["not_enrolled"]),
        (&1.into(), &2.into(), &1.into())
    );
    assert_eq!(messages.len(), 4);
    assert_eq!(store.outbox_counts().unwrap().pending, 1, "the old service's, in its own channel");
}

fn the_old_message_comes_once_for_each_student_of_a_session(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    for (number, minute) in [(1, 1), (2, 12), (3, 5)] {
        mark(store, &session.id, number, minute, &[matched(0, 1, 0.8), matched(1, 2, 0.8)]);
    }
    let messages = drain(store, Channel::Legacy);
    assert_eq!(messages.len(), 2);
    for (message, student) in messages.iter().zip([1, 2]) {
        let mut fields: Vec<&str> = message.as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["date", "id", "status", "studentId"]);
        assert_eq!(message["studentId"], student);
        assert_eq!((&message["status"], &message["date"]), (&"present".into(), &"2026-11-26".into()));
    }
    assert_ne!(messages[0]["id"], messages[1]["id"]);
}

fn messages_of_a_person_leave_in_order_and_others_pass(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    mark(store, &session.id, 1, 20, &[matched(0, 1, 0.8)]);
    mark(store, &session.id, 2, 5, &[matched(0, 1, 0.8), matched(1, 2, 0.8)]);
    let due = |minute| store.due(Channel::Webhook, minutes(minute), 10).unwrap();
    let mut first = due(21);
    assert_eq!(first.len(), 2, "one of each person");
    first.sort_by_key(|message| message.body.contains("Pupil 00002"));
    let retry = Outcome::Retry { at: minutes(30), error: "500".into() };
    let settle = |message: &Message, outcome| {
        store.settle(&[Settlement { id: message.id.clone(), outcome }], minutes(21)).unwrap();
    };
    settle(&first[0], retry);
    settle(&first[1], Outcome::Delivered);
    assert_eq!(due(29), [], "the second of a person waits for the first");
    let again = due(30);
    assert_eq!((again.len(), &again[0].id, again[0].attempts), (1, &first[0].id, 1));
    settle(&again[0], Outcome::Delivered);
    assert_eq!(bodies(&due(30))[0]["data"]["previous_status"], "late");
}

fn what_failed_for_good_is_kept_and_can_be_sent_again(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    mark(store, &session.id, 1, 20, &[matched(0, 1, 0.8)]);
    mark(store, &session.id, 2, 5, &[matched(0, 1, 0.8)]);
    let [first] = &store.due(Channel::Webhook, minutes(21), 10).unwrap()[..] else { panic!("not one") };
    let dead = Settlement { id: first.id.clone(), outcome: Outcome::Dead { error: "410 Gone".into() } };
    store.settle(&[dead], minutes(22)).unwrap();
    let letters = store.dead_letters(10).unwrap();
    assert_eq!((letters.len(), &letters[0].id, letters[0].attempts), (1, &first.id, 1));
    assert_eq!(
        (letters[0].event.as_str(), letters[0].last_error.as_str()),
        ("attendance.marked", "410 Gone")
    );
    assert_eq!(store.outbox_counts().unwrap().dead, 1);
    let next = store.due(Channel::Webhook, minutes(23), 10).unwrap();
    assert_eq!(bodies(&next)[0]["data"]["status"], "present", "a dead message holds up nobody");
    assert!(store.resend("none", minutes(24)).is_err());
    store.resend(&first.id, minutes(24)).unwrap();
    assert_eq!(store.due(Channel::Webhook, minutes(24), 10).unwrap()[0].id, first.id);
    assert_eq!((store.resend_all(minutes(25)).unwrap(), store.outbox_counts().unwrap().dead), (0, 0));
}

fn a_clock_that_was_set_back_holds_nothing_up(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    store
        .mark(&session.id, &photo(1, minutes(1)), &[matched(0, 1, 0.8)], eight() + (24 * 365).hours())
        .unwrap();
    assert_eq!(store.due(Channel::Webhook, eight(), 10).unwrap().len(), 1);
    assert_eq!(store.due(Channel::Webhook, eight() + (24 * 364).hours(), 10).unwrap(), []);
}
