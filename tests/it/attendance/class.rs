//! A class over three sessions, from the first photo to the report.

use facerec::attendance::{
    AttendanceStore, Correction, NewSession, ReportQuery, Session, SessionPatch, SessionState, Status,
};
use jiff::ToSpan;

use super::{
    class_7a, eight, for_each_store, lesson, matched, minutes, person, photo, statuses, stranger, unsure,
};

for_each_store! {
    three_sessions_of_a_class_give_its_report,
    a_closed_session_takes_corrections_and_nothing_else,
    the_word_of_a_hand_stands_until_it_is_withdrawn,
}

fn say(status: Option<Status>, note: Option<&str>) -> Correction {
    Correction { status, by: "Ms Frizzle".into(), note: note.map(str::to_owned) }
}

/// The same lesson, so many days later.
fn later(store: &dyn AttendanceStore, days: i64) -> Session {
    let by = |at: jiff::Timestamp| at + (24 * days).hours();
    let new = NewSession { start: by(eight()), end: Some(by(minutes(45))), ..lesson(Some("7A")) };
    store.create_session(&new, None, by(eight())).unwrap()
}

fn three_sessions_of_a_class_give_its_report(store: &dyn AttendanceStore) {
    let first = class_7a(store);
    let (second, third, open) = (later(store, 1), later(store, 2), later(store, 3));
    let day = |session: &Session, number, minute: i64, faces: &[_]| {
        let photo = photo(number, session.what.start + minute.minutes());
        store.mark(&session.id, &photo, faces, photo.captured_at).unwrap();
    };
    day(&first, 1, 2, &[matched(0, 1, 0.8), matched(1, 2, 0.7), stranger(2)]);
    day(&first, 2, 15, &[matched(0, 3, 0.8)]);
    day(&second, 3, 0, &[matched(0, 1, 0.8), unsure(1, 3, 0.4), matched(2, 5, 0.9)]);
    day(&open, 4, 0, &[matched(0, 1, 0.8)]);
    let excused = say(Some(Status::Excused), Some("at the dentist"));
    store.correct(&second.id, &person(2).person_id, &excused, minutes(60)).unwrap();
    for session in [&first, &second, &third] {
        store.close_session(&session.id, "Ms Frizzle", minutes(10_000)).unwrap();
    }
    let report = store.report(&ReportQuery { group: Some("7A".into()), from: None, to: None }).unwrap();
    let ids: Vec<&str> = report.sessions.iter().map(|session| session.id.as_str()).collect();
    assert_eq!(ids, [&first.id, &second.id, &third.id]);
    assert_eq!(report.sessions[0].unknown_faces, 1);
    let rows: Vec<Vec<&str>> = report
        .people
        .iter()
        .map(|row| row.statuses.iter().map(|status| status.map_or("", Status::as_str)).collect())
        .collect();
    let expected = [
        ["present", "present", "absent"],
        ["present", "excused", "absent"],
        ["late", "unsure", "absent"],
        ["not_enrolled", "not_enrolled", "not_enrolled"],
    ];
    assert_eq!(rows, expected);
    let shares: Vec<Option<f64>> = report.people.iter().map(|row| row.counts.attended_share()).collect();
    assert_eq!(shares, [Some(2.0 / 3.0), Some(1.0 / 3.0), Some(1.0 / 3.0), None]);
    assert_eq!((report.total.countable(), report.total.of(Status::Absent)), (9, 3));

    let from = ReportQuery { from: Some(second.date), to: Some(second.date), group: None };
    assert_eq!(store.report(&from).unwrap().sessions.len(), 1);
    let history = store.history(&person(5).person_id).unwrap();
    assert_eq!((history.len(), history[0].entry.member), (1, false));
    let history = store.history(&person(1).person_id).unwrap();
    let dates: Vec<String> = history.iter().map(|item| item.session.date.to_string()).collect();
    assert_eq!(dates, ["2026-11-29", "2026-11-28", "2026-11-27", "2026-11-26"]);
}

fn a_closed_session_takes_corrections_and_nothing_else(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    let closed = store.close_session(&session.id, "Ms Frizzle", minutes(50)).unwrap();
    assert_eq!(closed.state, SessionState::Closed { at: minutes(50), by: "Ms Frizzle".into() });
    assert_eq!(store.close_session(&session.id, "another", minutes(55)).unwrap(), closed);
    let message = |result: facerec::error::Result<()>| result.unwrap_err().to_string();
    let mark = store.mark(&session.id, &photo(1, minutes(1)), &[matched(0, 1, 0.8)], minutes(51));
    assert_eq!(
        message(mark.map(|_| ())),
        "the session was closed at 2026-11-26T07:50:00Z: photos can't be added"
    );
    let move_it = SessionPatch { start: Some(minutes(1)), ..SessionPatch::default() };
    assert!(message(store.update_session(&session.id, &move_it).map(|_| ())).contains("only the title"));
    let rename = SessionPatch { title: Some("Physics".into()), ..SessionPatch::default() };
    assert_eq!(store.update_session(&session.id, &rename).unwrap().what.title, "Physics");
    // The list doesn't follow the group or the gallery any more.
    store.set_members("7A", &[person(5).person_id]).unwrap();
    store.sync_people(&[super::enrolled(4, &[])], false).unwrap();
    let expected = [(1, Status::Absent), (2, Status::Absent), (3, Status::Absent), (4, Status::NotEnrolled)];
    assert_eq!(statuses(store, &session), expected);
    let late = say(Some(Status::Late), Some("signed in"));
    store.correct(&session.id, &person(4).person_id, &late, minutes(60)).unwrap();
    assert_eq!(statuses(store, &session)[3], (4, Status::Late));
    store.correct(&session.id, &person(4).person_id, &say(None, None), minutes(61)).unwrap();
    assert_eq!(statuses(store, &session)[3], (4, Status::NotEnrolled));
    let recorded = store.corrections(&session.id).unwrap();
    let recorded: Vec<_> = recorded.iter().map(|one| (one.from, one.to, one.after_close, one.at)).collect();
    let expected = [
        (Some(Status::NotEnrolled), Status::Late, true, minutes(60)),
        (Some(Status::Late), Status::NotEnrolled, true, minutes(61)),
    ];
    assert_eq!(recorded, expected);
}

fn the_word_of_a_hand_stands_until_it_is_withdrawn(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    let correct = |correction: &Correction, minute| {
        store.correct(&session.id, &person(1).person_id, correction, minutes(minute)).unwrap()
    };
    let entry = correct(&say(Some(Status::Excused), Some("ill")), 1);
    assert_eq!((entry.status, entry.hand.unwrap().note.as_deref()), (Status::Excused, Some("ill")));
    let marked = store.mark(&session.id, &photo(1, minutes(2)), &[matched(0, 1, 0.8)], minutes(2)).unwrap();
    assert!(marked.changes.is_empty());
    assert_eq!(statuses(store, &session)[0], (1, Status::Excused));
    // The same again changes nothing and is not recorded again.
    correct(&say(Some(Status::Excused), Some("ill")), 3);
    assert_eq!(store.corrections(&session.id).unwrap().len(), 1);
    assert_eq!(correct(&say(None, None), 4).status, Status::Present);
    assert_eq!(store.corrections(&session.id).unwrap().len(), 2);
}
