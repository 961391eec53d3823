//! Two people who are one, and groups that roster and hand both change.

use facerec::attendance::{AttendanceStore, Correction, Status};

use super::{class_7a, enrolled, for_each_store, matched, minutes, person, photo, statuses};

for_each_store! {
    a_merged_person_keeps_what_was_seen_and_said_of_both,
    a_person_whom_attendance_does_not_know_yet_takes_over_all_entries,
    groups_set_by_hand_stand_until_the_roster_changes,
}

fn a_merged_person_keeps_what_was_seen_and_said_of_both(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    let id = |number| person(number).person_id;
    store.mark(&session.id, &photo(1, minutes(20)), &[matched(0, 1, 0.8)], minutes(20)).unwrap();
    store.mark(&session.id, &photo(2, minutes(1)), &[matched(0, 2, 0.7)], minutes(21)).unwrap();
    assert_eq!(statuses(store, &session)[..2], [(1, Status::Late), (2, Status::Present)]);
    store.merge_people(&id(1), &id(2)).unwrap();
    assert_eq!(statuses(store, &session)[..2], [(1, Status::Present), (3, Status::Absent)]);
    let entry = &store.entries(&session.id).unwrap()[0];
    assert_eq!(
        (entry.first_seen, entry.last_seen, entry.score),
        (Some(minutes(1)), Some(minutes(20)), Some(0.8))
    );
    assert_eq!(store.groups_of(&id(1)).unwrap(), ["7A", "Choir"]);
    assert!(store.groups_of(&id(2)).is_err());
    // The word of a hand about the one who goes stands where there is none about the other.
    let excused = Correction { status: Some(Status::Excused), by: "Ms Frizzle".into(), note: None };
    store.correct(&session.id, &id(3), &excused, minutes(30)).unwrap();
    store.merge_people(&id(1), &id(3)).unwrap();
    assert_eq!(statuses(store, &session)[0], (1, Status::Excused));
    assert_eq!(store.corrections(&session.id).unwrap()[0].person_id, id(1));
    store.merge_people(&id(1), "nobody").unwrap();
    assert_eq!(store.entries(&session.id).unwrap().len(), 2);
}

fn a_person_whom_attendance_does_not_know_yet_takes_over_all_entries(store: &dyn AttendanceStore) {
    let session = class_7a(store);
    store.mark(&session.id, &photo(1, minutes(1)), &[matched(0, 1, 0.8)], minutes(1)).unwrap();
    store.merge_people("new", &person(1).person_id).unwrap();
    assert_eq!(store.history("new").unwrap().len(), 1);
    assert!(store.history(&person(1).person_id).is_err());
}

fn groups_set_by_hand_stand_until_the_roster_changes(store: &dyn AttendanceStore) {
    class_7a(store);
    let id = person(1).person_id;
    let groups = || store.groups_of(&id).unwrap();
    store.set_members("Chess", std::slice::from_ref(&id)).unwrap();
    store.sync_people(&[enrolled(1, &["7A"])], false).unwrap();
    assert_eq!(groups(), ["7A", "Chess"]);
    store.sync_people(&[enrolled(1, &["7B"])], false).unwrap();
    assert_eq!(groups(), ["7B"]);
    store.set_members("Chess", std::slice::from_ref(&id)).unwrap();
    store.sync_people(&[enrolled(1, &[])], false).unwrap();
    assert!(groups().is_empty());
    // Somebody whom the roster never gave a group keeps those made by hand.
    store.set_members("Chess", std::slice::from_ref(&id)).unwrap();
    store.sync_people(&[enrolled(1, &[])], false).unwrap();
    assert_eq!(groups(), ["Chess"]);
}
