//! Whatever order photos and hands come in, the list is the same.

use facerec::attendance::{Correction, Entry, FaceResult, SqliteStore, Status};
use proptest::prelude::*;

use super::{AttendanceStore, BOTH, class_7a, matched, minutes, person, photo, stranger, unsure};

#[derive(Debug, Clone)]
enum Step {
    Photo(u8, i64, Vec<FaceResult>),
    Hand(i64, Status),
}

fn faces() -> impl Strategy<Value = Vec<FaceResult>> {
    let face = (0_u8..3, 1_i64..6, 0_u8..4).prop_map(|(kind, who, score)| match kind {
        0 => matched(0, who, f32::from(score) / 4.0),
        1 => unsure(0, who, f32::from(score) / 4.0),
        _ => stranger(0),
    });
    proptest::collection::vec(face, 0..4).prop_map(|mut faces| {
        for (at, face) in (0..).zip(&mut faces) {
            face.face_index = at;
        }
        faces
    })
}

/// Photos of different content, and at most one word for each person.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let photos = proptest::collection::vec((0_i64..40, faces()), 1..6);
    let hands =
        proptest::collection::btree_map(1_i64..4, proptest::sample::select(Status::BY_HAND.to_vec()), 0..3);
    (photos, hands).prop_map(|(photos, hands)| {
        let photos = (0..).zip(photos).map(|(number, (minute, faces))| Step::Photo(number, minute, faces));
        photos.chain(hands.into_iter().map(|(who, status)| Step::Hand(who, status))).collect()
    })
}

/// The final list, and the session's photos and unknown faces.
fn outcome(steps: &[Step]) -> (Vec<Entry>, u64, u64) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path(), BOTH).unwrap();
    let session = class_7a(&store);
    for step in steps {
        match step {
            Step::Photo(number, minute, faces) => {
                store.mark(&session.id, &photo(*number, minutes(*minute)), faces, minutes(0)).unwrap();
            }
            Step::Hand(who, status) => {
                let correction = Correction { status: Some(*status), by: "A".into(), note: None };
                store.correct(&session.id, &person(*who).person_id, &correction, minutes(0)).unwrap();
            }
        }
    }
    let mut entries = store.entries(&session.id).unwrap();
    let roster_only = entries.iter_mut().find(|entry| !entry.person.enrolled);
    if let Some(entry) = roster_only {
        entry.person.person_id.clear(); // made at random
    }
    let session = store.session(&session.id).unwrap();
    (entries, session.photos, session.unknown_faces)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn photos_and_corrections_in_any_order_give_the_same_list(
        (steps, shuffled) in steps().prop_flat_map(|steps| (Just(steps.clone()), Just(steps).prop_shuffle())),
        again in 0_usize..6,
    ) {
        let mut repeated = shuffled;
        repeated.extend(repeated.get(again).cloned());
        prop_assert_eq!(outcome(&steps), outcome(&repeated));
    }
}
