//! Who is nearest, who is near enough, and who gets whom.

use facerec::embed::Embedding;
use facerec::gallery::group_search::search_group_first;
use facerec::gallery::search::{
    Assignment, Candidate, Decision, FaceMatch, MatchParams, MatchRule, is_match, nearest,
    search as search_by_rule,
};
use facerec::gallery::{Gallery, Person};
use facerec::nn::EMBEDDING_LEN;
use proptest::prelude::*;

use crate::support::faces::{Random, between, embedding, gallery_of, recipe};

const UNIQUE: MatchParams =
    MatchParams { rule: MatchRule::Distance { threshold: 0.5 }, top_k: 3, assignment: Assignment::Unique };
const INDEPENDENT: MatchParams = MatchParams { assignment: Assignment::Independent, ..UNIQUE };

/// By distance, for which no statistics are needed.
fn search(gallery: &Gallery, faces: &[Embedding], params: &MatchParams) -> Vec<FaceMatch> {
    search_by_rule(gallery, faces, params).unwrap()
}

fn below(threshold: f32) -> MatchRule {
    MatchRule::Distance { threshold }
}

/// One direction for each person; a face is a mixture of them, so that its distances are known:
/// `1 - share` for shares whose squares add up to 1 at most (the rest goes to a direction of no one).
fn axis(person: usize) -> Vec<f32> {
    let mut values = vec![0.0; EMBEDDING_LEN];
    values[person] = 1.0;
    values
}

fn people(count: usize) -> Gallery {
    gallery_of(&(0..count).map(|p| vec![Embedding::new(axis(p)).unwrap()]).collect::<Vec<_>>())
}

fn face(distances: &[f32]) -> Embedding {
    let mut values = vec![0.0; EMBEDDING_LEN];
    for (value, distance) in values.iter_mut().zip(distances) {
        *value = 1.0 - distance;
    }
    let used: f32 = values.iter().map(|v| v * v).sum();
    assert!(used <= 1.0, "no such point");
    values[EMBEDDING_LEN - 1] = (1.0 - used).sqrt();
    Embedding::new(values).unwrap()
}

fn who(found: &[FaceMatch]) -> Vec<Option<usize>> {
    found.iter().map(|face| face.matched.map(|m| m.person)).collect()
}

#[test]
fn nobody_enrolled_means_unknown() {
    let found = search(&Gallery::empty(recipe()), &[embedding(1)], &UNIQUE);
    let nobody = FaceMatch {
        decision: Decision::Unknown,
        matched: None,
        candidates: vec![],
        alike: 0,
        margin: None,
        score: None,
        stranger_probability: None,
        already_matched: None,
    };
    assert_eq!(found, [nobody]);
    assert!(search(&people(3), &[], &UNIQUE).is_empty());
}

#[test]
fn the_nearest_photo_of_a_person_counts() {
    let target = embedding(1);
    let far = between(&embedding(2), &target, 0.2);
    let near = between(&embedding(2), &target, 0.8);
    let gallery = gallery_of(&[vec![embedding(3)], vec![far, near.clone()]]);
    let found = search(&gallery, std::slice::from_ref(&target), &UNIQUE);
    let matched = found[0].matched.unwrap();
    assert_eq!(matched.person, 1);
    assert!((matched.distance - target.cosine_distance(&near)).abs() < 1e-6);
}

#[test]
fn a_face_whose_person_is_another_face_is_unknown_and_says_so() {
    // Both faces are nearest to person 0; the second one is nearer. Person 1 is under the threshold, too.
    let faces = [face(&[0.30, 0.45, 1.0]), face(&[0.10, 0.9, 1.0])];
    let found = search(&people(3), &faces, &UNIQUE);
    assert_eq!(who(&found), [None, Some(0)]);
    assert_eq!((found[0].decision, found[0].already_matched), (Decision::Unknown, Some(1)));
    assert_eq!((found[0].margin, found[1].already_matched), (None, None));
    assert_eq!(found[0].candidates[0].person, 0, "the candidates say who is nearest");
    assert_eq!(who(&search(&people(3), &faces, &INDEPENDENT)), [Some(0), Some(0)]);
}

#[test]
fn twins_who_are_both_enrolled_both_get_their_name() {
    let faces = [face(&[0.30, 0.33, 1.0]), face(&[0.28, 0.40, 1.0])];
    let found = search(&people(3), &faces, &UNIQUE);
    assert_eq!(who(&found), [Some(1), Some(0)]);
    assert!(
        found.iter().all(|face| face.margin.unwrap() > 0.0),
        "to the next person, not to the twin's face"
    );
}

#[test]
fn a_face_with_nobody_under_the_threshold_is_unknown_without_a_reason() {
    let found = search(&people(2), &[face(&[0.60, 0.62]), face(&[0.10, 0.9])], &UNIQUE);
    assert_eq!(who(&found), [None, Some(0)]);
    assert_eq!((found[0].margin, found[0].already_matched), (None, None));
    assert!((found[0].candidates[0].distance - 0.60).abs() < 1e-5);
}

#[test]
fn ties_go_to_the_earlier_face_and_the_earlier_person() {
    let same = face(&[0.45, 0.45, 0.45]);
    let found = search(&people(3), &[same.clone(), same.clone()], &UNIQUE);
    assert_eq!(who(&found), [Some(0), Some(1)]);
    assert_eq!((found[0].margin, found[1].margin), (Some(0.0), Some(0.0)));
    let order: Vec<usize> = found[0].candidates.iter().map(|c| c.person).collect();
    assert_eq!(order, [0, 1, 2]);
}

#[test]
fn the_threshold_itself_is_too_far() {
    assert!(is_match(0.499_999, 0.5));
    assert!(!is_match(0.5, 0.5));
    assert!(!is_match(f32::NAN, 0.5));
    let gallery = people(1);
    let probe = [face(&[0.25])];
    let distance = search(&gallery, &probe, &UNIQUE)[0].matched.unwrap().distance;
    let at = MatchParams { rule: below(distance), ..UNIQUE };
    assert_eq!(who(&search(&gallery, &probe, &at)), [None]);
    assert_eq!(
        who(&search(&gallery, &probe, &MatchParams { assignment: Assignment::Independent, ..at })),
        [None]
    );
}

#[test]
fn at_least_the_nearest_is_listed_and_at_most_all() {
    let gallery = people(2);
    let probe = [face(&[0.6, 0.9])];
    let listed = |top_k| search(&gallery, &probe, &MatchParams { top_k, ..UNIQUE })[0].candidates.len();
    assert_eq!((listed(0), listed(1), listed(2), listed(50)), (1, 1, 2, 2));
    assert_eq!(search(&people(1), &[face(&[0.1])], &UNIQUE)[0].margin, None, "nobody else is enrolled");
}

/// The same by the book: all distances; of each face the two nearest people, the second one only where it is not
/// further by more than 0.05; nearest pairs first.
fn by_the_book(
    gallery: &Gallery,
    faces: &[Embedding],
    threshold: f32,
    assignment: Assignment,
) -> Vec<Option<usize>> {
    let distance = |face: &Embedding, person: usize| {
        let photos = &gallery.people()[person].photos;
        photos.iter().map(|p| p.embedding.cosine_distance(face)).fold(f32::INFINITY, f32::min)
    };
    let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
    for (at, face) in faces.iter().enumerate() {
        let mut own: Vec<_> = (0..gallery.len()).map(|person| (distance(face, person), at, person)).collect();
        own.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let unique = assignment == Assignment::Unique;
        own.truncate(if unique && own.len() > 1 && own[1].0 - own[0].0 <= 0.05 { 2 } else { 1 });
        pairs.extend(own);
    }
    pairs.retain(|(distance, ..)| is_match(*distance, threshold));
    pairs.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let mut found = vec![None; faces.len()];
    let mut taken = vec![false; gallery.len()];
    for (_, face, person) in pairs {
        let free = assignment == Assignment::Independent || !taken[person];
        if found[face].is_none() && free {
            found[face] = Some(person);
            taken[person] = true;
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_search_agrees_with_the_book(seed in 0_u64..1_000_000, people in 0_usize..40, faces in 0_usize..20, unique: bool) {
        let mut random = Random::new(seed);
        let common = embedding(seed + 1);
        let mut near = |toward: f32| between(&embedding(random.below(1 << 30) as u64), &common, toward);
        let enrolled: Vec<Vec<Embedding>> = (0..people).map(|p| (0..=p % 3).map(|_| near(0.4)).collect()).collect();
        let probes: Vec<Embedding> = (0..faces).map(|_| near(0.45)).collect();
        let gallery = gallery_of(&enrolled);
        let assignment = if unique { Assignment::Unique } else { Assignment::Independent };
        let params = MatchParams { rule: below(0.62), top_k: 2, assignment };
        prop_assert_eq!(who(&search(&gallery, &probes, &params)), by_the_book(&gallery, &probes, 0.62, assignment));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Galleries that make it hard: people with the same photo (ties), all photos nearly the same, people with one photo and with
    /// very many, and more people than stand together in memory.
    #[test]
    fn nobody_who_is_nearer_is_missing(seed in 0_u64..1_000_000, people in 1_usize..300, wanted in 1_usize..20, apart in 0_usize..4) {
        let mut random = Random::new(seed);
        let common = embedding(seed + 1);
        let toward = [0.0, 0.5, 0.99, 0.9999][apart];
        let near = |random: &mut Random| between(&embedding(random.below(60) as u64), &common, toward);
        let photos = |p: usize| match p % 50 { 49 => 120, rest => 1 + rest % 3 };
        let enrolled: Vec<Vec<Embedding>> =
            (0..people).map(|p| (0..photos(p)).map(|_| near(&mut random)).collect()).collect();
        let probes: Vec<Embedding> = (0..9).map(|_| near(&mut random)).chain([common.clone(), embedding(seed + 2)]).collect();
        let gallery = gallery_of(&enrolled);
        for (probe, found) in probes.iter().zip(nearest(&gallery, &probes, wanted)) {
            let distance = |of: &Vec<Embedding>| of.iter().map(|e| e.cosine_distance(probe)).fold(f32::INFINITY, f32::min);
            let mut book: Vec<Candidate> =
                enrolled.iter().enumerate().map(|(person, of)| Candidate { person, distance: distance(of) }).collect();
            book.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.person.cmp(&b.person)));
            book.truncate(wanted);
            prop_assert_eq!(found, book);
        }
    }
}

#[test]
fn distances_are_those_of_a_sum_in_double_precision() {
    let enrolled: Vec<Vec<Embedding>> = (0..50).map(|p| vec![embedding(p)]).collect();
    let probe = embedding(1000);
    let found =
        search(&gallery_of(&enrolled), std::slice::from_ref(&probe), &MatchParams { top_k: 50, ..UNIQUE });
    assert_eq!(found[0].candidates.len(), 50);
    for Candidate { person, distance } in &found[0].candidates {
        let (own, probe) = (enrolled[*person][0].values(), probe.values());
        let exact =
            1.0 - own.iter().zip(probe.iter()).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        assert!((exact - f64::from(*distance)).abs() < 1e-6);
    }
}

/// The people 0 and 1 are the group.
fn in_group(gallery: &Gallery, faces: &[Embedding]) -> Vec<FaceMatch> {
    let is_member = |person: &Person| ["Person 0", "Person 1"].contains(&person.name.as_str());
    search_group_first(gallery, is_member, faces, &UNIQUE).unwrap()
}

#[test]
fn people_of_the_group_come_first_and_a_face_that_is_clearly_somebody_elses_is_not_theirs() {
    let gallery = people(4);
    let members = face(&[0.4, 0.9, 0.7, 1.0]);
    let found = in_group(&gallery, &[members]);
    assert_eq!(who(&found), [Some(0)]);
    assert!(found[0].candidates.iter().all(|candidate| candidate.person < 2), "{found:?}");
    // Alike enough to a member, and more alike to somebody else.
    assert_eq!(who(&in_group(&gallery, &[face(&[0.49, 1.0, 0.2, 1.0])])), [Some(2)]);
    // Only somebody else is alike enough, and nobody is.
    assert_eq!(who(&in_group(&gallery, &[face(&[0.9, 1.0, 1.0, 0.3])])), [Some(3)]);
    assert_eq!(who(&in_group(&gallery, &[face(&[0.6, 0.6, 0.6, 0.6])])), [None]);
}

#[test]
fn nobody_is_given_twice_and_a_group_without_faces_changes_nothing() {
    let gallery = people(4);
    let faces = [face(&[0.3, 1.0, 1.0, 1.0]), face(&[0.2, 1.0, 1.0, 1.0]), face(&[1.0, 1.0, 0.3, 1.0])];
    let found = in_group(&gallery, &faces);
    assert_eq!(who(&found), [None, Some(0), Some(2)]);
    assert_eq!(found[0].already_matched, Some(1));
    let nobody = search_group_first(&gallery, |_| false, &faces, &UNIQUE).unwrap();
    assert_eq!(nobody, search(&gallery, &faces, &UNIQUE));
}
