//! Who is on a list: people of the gallery and the roster, whom no photo makes or brings back.

use facerec::attendance::{AttendanceStore, Correction, Forget, Page, PersonRecord, SessionFilter, Status};

use super::{
    at, class_7a, eight, enrolled, for_each_store, lesson, matched, minutes, on_roster, person, photo,
    statuses, unsure,
};

for_each_store! {
    a_photo_makes_no_people_and_brings_nobody_back,
    nothing_is_recorded_or_told_of_whoever_was_forgotten,
    whoever_left_without_a_word_is_on_no_list,
    two_spellings_of_a_name_are_one_row,
    a_name_that_somebody_gave_up_is_free_for_another,
    a_photo_that_is_sent_again_counts_by_its_earlier_time,
    sessions_are_listed_in_parts,
    sessions_around_an_instant_and_those_that_are_over_are_found,
}

fn say(status: Option<Status>) -> Correction {
    Correction { status, by: "Ms Frizzle".into(), note: None }
}

fn listed(store: &dyn AttendanceStore) -> Vec<String> {
    store.people(None).unwrap().into_iter().map(|person| person.name).collect()
}

fn a_photo_makes_no_people_and_brings_nobody_back(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    let left = [enrolled(1, &["7A"]), enrolled(3, &["7A"]), on_roster(4, &["7A"]), enrolled(5, &["7B"])];
    store.sync_people(&left, true).unwrap();
    let before = listed(store);
    let faces = [matched(0, 2, 0.8), matched(1, 9, 0.8), unsure(2, 8, 0.5)];
    let marked = store.mark(&session.id, &photo(1, minutes(1)), &faces, minutes(1)).unwrap();
    assert_eq!(marked.unknown_faces, 2, "pupils 8 and 9 are nobody");
    assert_eq!(listed(store), before);
    let next = store.create_session(&lesson(Some("7A")), None, eight()).unwrap();
    let numbers: Vec<i64> = statuses(store, &next).iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 3, 4], "pupil 2 has left the class");
}

fn nothing_is_recorded_or_told_of_whoever_was_forgotten(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    store.forget(&person(1).person_id, Forget::Remove).unwrap();
    let marked = store.mark(&session.id, &photo(1, minutes(1)), &[matched(0, 1, 0.8)], minutes(1)).unwrap();
    assert!(marked.changes.is_empty() && marked.unknown_faces == 1, "{marked:?}");
    assert!(statuses(store, &session).iter().all(|(number, _)| *number != 1));
    let told = store.due(facerec::attendance::Channel::Webhook, minutes(2), 10).unwrap();
    assert!(told.iter().all(|message| !message.body.contains("Pupil 00001")), "{told:?}");
    assert_eq!(store.due(facerec::attendance::Channel::Legacy, minutes(2), 10).unwrap(), []);
}

fn whoever_left_without_a_word_is_on_no_list(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    for status in [Some(Status::Excused), None] {
        store.correct(&session.id, &person(1).person_id, &say(status), minutes(1)).unwrap();
    }
    store.correct(&session.id, &person(2).person_id, &say(Some(Status::Excused)), minutes(1)).unwrap();
    store.sync_people(&[enrolled(3, &["7A"])], true).unwrap();
    let expected = [(2, Status::Excused), (3, Status::Absent)];
    assert_eq!(statuses(store, &session), expected, "of pupil 1 nothing is said");
    store.close_session(&session.id, "Ms Frizzle", minutes(50)).unwrap();
    assert_eq!(statuses(store, &session), expected);
}

fn two_spellings_of_a_name_are_one_row(store: &dyn AttendanceStore) {
    let record = |person_id: Option<&str>, name: &str| PersonRecord {
        person_id: person_id.map(str::to_owned),
        name: name.into(),
        student_id: None,
        groups: Some(vec!["7A".into()]),
    };
    store.sync_people(&[record(None, "ada  LOVELACE")], true).unwrap();
    let session = store.create_session(&lesson(Some("7A")), None, eight()).unwrap();
    let id = store.people(None).unwrap()[0].person_id.clone();
    store.correct(&session.id, &id, &say(Some(Status::Excused)), minutes(1)).unwrap();
    // Another spelling in the roster, then one of who is enrolled, then the roster's beside that.
    for (records, shown) in [
        (record(None, "Ada_Lovelace"), "Ada_Lovelace"),
        (record(Some("person-a"), "Ada Lovelace"), "Ada Lovelace"),
    ] {
        store.sync_people(&[records], true).unwrap();
        assert_eq!(listed(store), [shown]);
        let entries = store.entries(&session.id).unwrap();
        assert_eq!((entries.len(), entries[0].status), (1, Status::Excused));
    }
    store.sync_people(&[record(None, "ADA LOVELACE")], false).unwrap();
    let people = store.people(None).unwrap();
    assert_eq!((people.len(), people[0].name.as_str(), people[0].enrolled), (1, "Ada Lovelace", true));
}

fn a_name_that_somebody_gave_up_is_free_for_another(store: &dyn AttendanceStore) {
    let renamed = PersonRecord { name: "Eve".into(), ..enrolled(1, &[]) };
    store.sync_people(&[enrolled(1, &[])], true).unwrap();
    store.sync_people(&[renamed, on_roster(1, &[])], true).unwrap();
    let people = |store: &dyn AttendanceStore| -> Vec<(String, bool)> {
        store.people(None).unwrap().into_iter().map(|person| (person.name, person.enrolled)).collect()
    };
    assert_eq!(people(store), [("Eve".to_owned(), true), ("Pupil 00001".to_owned(), false)]);
    // Who comes back is not taken for a namesake.
    store.sync_people(&[on_roster(2, &[])], true).unwrap();
    store.sync_people(&[enrolled(2, &[])], true).unwrap();
    store.sync_people(&[on_roster(2, &[])], true).unwrap();
    let namesake =
        PersonRecord { person_id: Some("other".into()), name: "PUPIL 00002".into(), ..enrolled(2, &[]) };
    store.sync_people(&[enrolled(2, &[]), namesake], true).unwrap();
    let mut ids: Vec<String> =
        store.people(None).unwrap().into_iter().map(|person| person.person_id).collect();
    ids.sort();
    assert_eq!(ids, ["other", "person-00002"]);
}

fn a_photo_that_is_sent_again_counts_by_its_earlier_time(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    let mark = |minute| {
        store.mark(&session.id, &photo(1, minutes(minute)), &[matched(0, 1, 0.8)], minutes(70)).unwrap()
    };
    let seen = || {
        let entry = store.entries(&session.id).unwrap().remove(0);
        (entry.status, entry.first_seen.unwrap(), entry.last_seen.unwrap())
    };
    mark(20);
    assert_eq!(seen(), (Status::Late, minutes(20), minutes(20)));
    // Without a time of its own, it is that of the repetition: even after the end of the session.
    for later in [30, 60] {
        assert_eq!(mark(later).known, Some(photo(1, minutes(20))));
        assert_eq!(seen(), (Status::Late, minutes(20), minutes(20)));
    }
    let marked = mark(5);
    assert_eq!((marked.changes.len(), seen().0, seen().1), (1, Status::Present, minutes(5)));
    assert_eq!(store.session(&session.id).unwrap().photos, 1);
    let excused = say(Some(Status::Excused));
    store.correct(&session.id, &person(1).person_id, &excused, minutes(61)).unwrap();
    assert!(mark(1).changes.is_empty());
    assert_eq!(seen().0, Status::Excused);
}

fn sessions_are_listed_in_parts(store: &dyn AttendanceStore) {
    class_7a(store);
    store.automatic_session("a", &lesson(None), eight()).unwrap();
    for day in 27..30 {
        let mut lesson = lesson(Some("7A"));
        (lesson.start, lesson.end) = (at(&format!("2026-11-{day}T08:00:00+01:00")), None);
        store.create_session(&lesson, None, eight()).unwrap();
    }
    let page = |filter: &SessionFilter, limit, offset| {
        let page = store.sessions(filter, Page { limit, offset }).unwrap();
        let days: Vec<i8> = page.sessions.iter().map(|session| session.date.day()).collect();
        (days, page.total)
    };
    let all = SessionFilter::default();
    assert_eq!(page(&all, 2, 0), (vec![29, 28], 5));
    assert_eq!(page(&all, 2, 3), (vec![26, 26], 5));
    assert_eq!(page(&all, 2, 5), (vec![], 5));
    let by_hand = SessionFilter { by_hand_only: true, ..all.clone() };
    assert_eq!(page(&by_hand, 10, 3), (vec![26], 4));
    let of_class =
        SessionFilter { group: Some("7A".into()), to: Some(jiff::civil::date(2026, 11, 28)), ..all };
    assert_eq!(page(&of_class, 1, 1), (vec![27], 3));
}

fn sessions_around_an_instant_and_those_that_are_over_are_found(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    let automatic = store.automatic_session("a", &lesson(None), eight()).unwrap();
    let around = |minute| {
        let found = store.open_around(minutes(minute)).unwrap();
        found.into_iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!((around(-61).len(), around(46).len()), (0, 0));
    assert_eq!((around(-60), around(45)), (vec![session.id.clone()], vec![session.id.clone()]));
    assert_eq!(store.automatic_over(minutes(45)).unwrap(), Vec::<String>::new());
    assert_eq!(store.automatic_over(minutes(46)).unwrap(), std::slice::from_ref(&automatic.id));
    for id in [&session.id, &automatic.id] {
        store.close_session(id, "Ms Frizzle", minutes(50)).unwrap();
    }
    assert!(around(45).is_empty() && store.automatic_over(minutes(46)).unwrap().is_empty());
}
