//! What every store does: people, groups, sessions, marks, corrections, repeated requests.

use facerec::attendance::{
    AttendanceStore, Correction, IdempotencyKey, Page, SessionFilter, SessionPatch, SessionState, Status,
    StoredResponse,
};
use jiff::ToSpan;

use super::{
    BERLIN, at, class_7a, eight, enrolled, for_each_store, lesson, matched, minutes, on_roster, person,
    photo, statuses, stranger, unsure,
};

for_each_store! {
    presence_is_decided_by_the_time_of_the_photo,
    unknown_faces_count_once_for_each_photo,
    of_a_photo_with_two_times_the_earlier_one_counts,
    photos_from_another_time_are_refused,
    who_is_enrolled_later_keeps_the_entries_of_the_roster,
    who_left_is_on_no_further_list_and_never_absent,
    groups_are_edited_and_sessions_follow_their_names,
    a_changed_start_changes_who_was_late,
    a_clock_change_during_a_lesson_makes_nobody_late,
    repeated_requests_get_the_first_response,
    one_session_for_each_automatic_key,
    what_is_not_there_or_not_allowed_is_said,
}

fn say(status: Option<Status>) -> Correction {
    Correction { status, by: "Ms Frizzle".into(), note: Some("at the dentist".into()) }
}

fn presence_is_decided_by_the_time_of_the_photo(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    let mark = |number, minute, faces: &[_]| {
        store.mark(&session.id, &photo(number, minutes(minute)), faces, minutes(60)).unwrap()
    };
    let marked = mark(1, 20, &[matched(0, 1, 0.8), unsure(1, 2, 0.5), matched(2, 5, 0.9)]);
    let changes: Vec<_> = marked.changes.iter().map(|change| (change.from, change.to)).collect();
    assert_eq!(changes, [(None, Status::Late), (None, Status::Unsure), (None, Status::Late)]);
    assert_eq!(marked.visitors, [person(5)]);
    // A photo that was taken earlier and comes later.
    let marked = mark(2, 5, &[matched(0, 1, 0.7)]);
    assert_eq!(marked.changes.len(), 1);
    assert_eq!((marked.changes[0].from, marked.changes[0].to), (Some(Status::Late), Status::Present));
    // Neither a doubt nor a later photo takes it away.
    assert!(mark(3, 30, &[unsure(0, 1, 0.95), matched(1, 1, 0.6)]).changes.is_empty());
    let entries = store.entries(&session.id).unwrap();
    let first = &entries[0];
    assert_eq!((first.first_seen, first.last_seen), (Some(minutes(5)), Some(minutes(30))));
    let best = first.photo.as_ref().unwrap();
    assert_eq!((first.score, best.id.as_str(), best.face_index), (Some(0.8), "photo-1", 0));
    let expected = [
        (1, Status::Present),
        (2, Status::Unsure),
        (3, Status::Absent),
        (4, Status::NotEnrolled),
        (5, Status::Late),
    ];
    assert_eq!(statuses(store, &session), expected);
    let members: Vec<bool> = entries.iter().map(|entry| entry.member).collect();
    assert_eq!(members, [true, true, true, true, false]);
}

fn unknown_faces_count_once_for_each_photo(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    let faces = [stranger(0), matched(1, 1, 0.8), stranger(2)];
    for (number, repeated) in [(1, false), (1, true), (2, false)] {
        let marked = store.mark(&session.id, &photo(number, minutes(1)), &faces, minutes(2)).unwrap();
        assert_eq!((marked.known.is_some(), marked.unknown_faces), (repeated, 2));
    }
    let session = store.session(&session.id).unwrap();
    assert_eq!((session.photos, session.unknown_faces), (2, 4));
}

fn of_a_photo_with_two_times_the_earlier_one_counts(store: &dyn AttendanceStore) {
    let times = |first, second| {
        let session = class_7a(store);
        for minute in [first, second] {
            store.mark(&session.id, &photo(1, minutes(minute)), &[matched(0, 1, 0.8)], minutes(30)).unwrap();
        }
        let entry = store.entries(&session.id).unwrap().swap_remove(0);
        (entry.status, entry.first_seen, entry.last_seen)
    };
    assert_eq!(times(5, 20), (Status::Present, Some(minutes(5)), Some(minutes(5))));
    // The last time is that of the order: what was recorded first is not taken back.
    assert_eq!(times(20, 5), (Status::Present, Some(minutes(5)), Some(minutes(20))));
}

fn photos_from_another_time_are_refused(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    let mark = |minute| store.mark(&session.id, &photo(1, minutes(minute)), &[matched(0, 1, 0.8)], eight());
    let message = mark(46).unwrap_err().to_string();
    let expected = "the photo was taken at 2026-11-26T07:46:00Z: expected from 2026-11-26T06:00:00Z to 2026-11-26T07:45:00Z, the time of the session";
    assert_eq!(message, expected);
    assert!(mark(-61).is_err());
    assert_eq!(store.session(&session.id).unwrap().photos, 0);
    mark(-60).unwrap();
    mark(45).unwrap();
}

fn who_is_enrolled_later_keeps_the_entries_of_the_roster(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    let roster_id = store.people(Some("7A")).unwrap()[3].person_id.clone();
    store.correct(&session.id, &roster_id, &say(Some(Status::Present)), minutes(1)).unwrap();
    store.sync_people(&[enrolled(4, &["7A"])], false).unwrap();
    let people = store.people(Some("7A")).unwrap();
    assert_eq!((people.len(), people[3].enrolled), (4, true));
    assert_eq!(people[3].person_id, person(4).person_id);
    assert_eq!(statuses(store, &session)[3], (4, Status::Present));
    assert!(store.groups_of(&roster_id).is_err());
    // The roster alone changes nothing about the face.
    store.sync_people(&[on_roster(4, &["7A"])], false).unwrap();
    assert!(store.people(Some("7A")).unwrap()[3].enrolled);
}

fn who_left_is_on_no_further_list_and_never_absent(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    store.mark(&session.id, &photo(1, minutes(1)), &[matched(0, 2, 0.8)], minutes(1)).unwrap();
    // Pupil 1 lost the face, pupils 2 and 3 are gone altogether.
    store.sync_people(&[on_roster(1, &["7A"]), on_roster(4, &["7A"])], true).unwrap();
    let expected = [(1, Status::NotEnrolled), (2, Status::Present), (4, Status::NotEnrolled)];
    assert_eq!(statuses(store, &session), expected);
    store.close_session(&session.id, "Ms Frizzle", minutes(50)).unwrap();
    assert_eq!(statuses(store, &session), expected);
}

fn groups_are_edited_and_sessions_follow_their_names(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    let sizes = |store: &dyn AttendanceStore| {
        let groups = store.groups().unwrap();
        groups.into_iter().map(|group| (group.name, group.members)).collect::<Vec<_>>()
    };
    let expected = [("7A".to_owned(), 4), ("7B".to_owned(), 1), ("Choir".to_owned(), 1)];
    assert_eq!(sizes(store), expected);
    assert_eq!(store.groups_of(&person(2).person_id).unwrap(), ["7A", "Choir"]);
    store.rename_group("7A", "8A").unwrap();
    assert_eq!(store.session(&session.id).unwrap().what.group.as_deref(), Some("8A"));
    assert!(store.rename_group("8A", "7B").unwrap_err().to_string().contains("already"));
    store.set_members("8A", &[person(5).person_id]).unwrap();
    assert_eq!(statuses(store, &session), [(5, Status::Absent)]);
    store.delete_group("8A").unwrap();
    assert_eq!(store.session(&session.id).unwrap().what.group.as_deref(), Some("8A"));
    assert!(store.entries(&session.id).unwrap().is_empty(), "it is still no session of everybody");
    let everybody = store.create_session(&lesson(None), None, eight()).unwrap();
    assert_eq!(store.entries(&everybody.id).unwrap().len(), 5);
}

fn a_changed_start_changes_who_was_late(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    store.mark(&session.id, &photo(1, minutes(20)), &[matched(0, 1, 0.8)], minutes(20)).unwrap();
    let change = |patch: SessionPatch| store.update_session(&session.id, &patch).map(|_| ());
    change(SessionPatch { start: Some(minutes(10)), ..SessionPatch::default() }).unwrap();
    assert_eq!(statuses(store, &session)[0], (1, Status::Present));
    change(SessionPatch { late_after_minutes: Some(Some(5)), ..SessionPatch::default() }).unwrap();
    assert_eq!(statuses(store, &session)[0], (1, Status::Late));
    change(SessionPatch { late_after_minutes: Some(None), ..SessionPatch::default() }).unwrap();
    assert_eq!(statuses(store, &session)[0], (1, Status::Present));
    let ends_before = SessionPatch { end: Some(Some(minutes(-5))), ..SessionPatch::default() };
    assert!(change(ends_before).unwrap_err().to_string().contains("expected an end after its start"));
}

fn a_clock_change_during_a_lesson_makes_nobody_late(store: &dyn AttendanceStore) {
    store.sync_people(&[enrolled(1, &[]), enrolled(2, &[])], true).unwrap();
    // At 02:00 clocks go to 03:00; at the other end of summer, at 03:00 back to 02:00.
    for (start, date) in
        [("2026-03-29T01:55:00+01:00", "2026-03-29"), ("2026-10-25T02:55:00+02:00", "2026-10-25")]
    {
        let mut night = lesson(None);
        (night.start, night.end) = (at(start), None);
        let session = store.create_session(&night, None, eight()).unwrap();
        assert_eq!((session.date.to_string().as_str(), session.what.zone.as_str()), (date, BERLIN));
        let mark = |number, minute: i64, who| {
            let photo = photo(number, at(start) + minute.minutes());
            store.mark(&session.id, &photo, &[matched(0, who, 0.8)], eight()).unwrap();
        };
        mark(1, 10, 1);
        mark(2, 11, 2);
        assert_eq!(statuses(store, &session), [(1, Status::Present), (2, Status::Late)]);
    }
}

fn repeated_requests_get_the_first_response(store: &dyn AttendanceStore) {
    let key = |request| IdempotencyKey {
        key: "key A\u{1f}retry-1".replace('\u{1f}', "/"),
        request_sha256: [request; 32],
    };
    store.sync_people(&[enrolled(1, &["7A"])], true).unwrap();
    let create = |request| store.create_session(&lesson(Some("7A")), Some(&key(request)), eight());
    let first = create(1).unwrap();
    assert_eq!(create(1).unwrap().id, first.id);
    assert_eq!(store.sessions(&SessionFilter::default(), Page::ALL).unwrap().total, 1);
    let message = create(2).unwrap_err().to_string();
    assert_eq!(message, "this Idempotency-Key was used for another request: expected a new key");
    assert_eq!(store.recall(&key(1)).unwrap(), None);
    let response = StoredResponse { status: 201, body: b"{}".to_vec() };
    store.remember(&key(1), &response, eight()).unwrap();
    store.remember(&key(1), &StoredResponse { status: 500, body: vec![] }, eight()).unwrap();
    assert_eq!(store.recall(&key(1)).unwrap(), Some(response));
    assert!(store.recall(&key(2)).is_err());
}

fn one_session_for_each_automatic_key(store: &dyn AttendanceStore) {
    let of = |key: &str| store.automatic_session(key, &lesson(None), eight()).unwrap().id;
    let first = of("2026-11-26");
    assert_eq!(of("2026-11-26"), first);
    assert_ne!(of("2026-11-27"), first);
}

fn what_is_not_there_or_not_allowed_is_said(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    let message = |result: facerec::error::Result<()>| result.unwrap_err().to_string();
    assert_eq!(message(store.session("none").map(|_| ())), "there is no session with the id \"none\"");
    assert_eq!(message(store.people(Some("9Z")).map(|_| ())), "there is no group \"9Z\"");
    let correct =
        |person: &str, status| store.correct(&session.id, person, &say(status), eight()).map(|_| ());
    assert_eq!(
        message(correct("nobody", Some(Status::Present))),
        "attendance knows no person with the id \"nobody\""
    );
    let not_by_hand = message(correct(&person(1).person_id, Some(Status::NotEnrolled)));
    assert_eq!(
        not_by_hand,
        "status: expected one of present, late, absent, excused by hand, found not_enrolled"
    );
    let nowhere = facerec::attendance::NewSession { zone: "Mars/Olympus".into(), ..lesson(None) };
    assert!(message(store.create_session(&nowhere, None, eight()).map(|_| ())).contains("Mars/Olympus"));
    let nan = [matched(0, 1, f32::NAN)];
    assert!(
        message(store.mark(&session.id, &photo(1, eight()), &nan, eight()).map(|_| ())).contains("finite")
    );
    assert_eq!(store.session(&session.id).unwrap().state, SessionState::Open);
}
