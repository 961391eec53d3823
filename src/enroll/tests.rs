use std::convert::Infallible;
use std::sync::Arc;

use super::face::{Choice, choose, quality_reasons};
use super::*;
use crate::detect::{DetectParams, Detection};
use crate::embed::Embedding;
use crate::gallery::{Person, Recipe};
use crate::geometry::{BBox, Landmarks, Point};
use crate::imaging::decode::DecodeLimits;
use crate::imaging::orient::Orientations;
use crate::imaging::{OrientedRgb, RgbView, Window};
use crate::nn::{
    DetectorNets, EMBEDDING_LEN, FaceInput, FaceNet, LevelSize, OnetOutput, Proposal, Refinement,
};
use crate::pipeline::PipelineParams;

/// Networks that see nothing: what is tested here begins after them.
struct Blind;

impl DetectorNets for Blind {
    fn pnet(&self, _: RgbView<'_>, levels: &[LevelSize], _: f32) -> Result<Vec<Vec<Proposal>>> {
        Ok(vec![Vec::new(); levels.len()])
    }

    fn rnet(&self, _: RgbView<'_>, _: &[Window], _: f32) -> Result<Vec<Option<Refinement>>> {
        Ok(Vec::new())
    }

    fn onet(&self, _: RgbView<'_>, _: &[Window]) -> Result<Vec<OnetOutput>> {
        Ok(Vec::new())
    }
}

impl FaceNet for Blind {
    fn embed(&self, _: &[FaceInput]) -> Result<Vec<Vec<f32>>> {
        Ok(Vec::new())
    }
}

fn pipeline() -> Pipeline {
    let params = PipelineParams {
        limits: DecodeLimits { max_megapixels: 64 },
        orientations: Orientations::All,
        detect: DetectParams::default(),
        probe_standardisation: Standardisation::FixedImage,
    };
    Pipeline::new(Arc::new(Blind), Arc::new(Blind), params)
}

/// A frontal face.
fn face(x1: f32, y1: f32, side: f32, probability: f32) -> Detection {
    let point = |x: f32, y: f32| Point { x: x1 + x * side, y: y1 + y * side };
    let landmarks = Landmarks {
        left_eye: point(0.3, 0.4),
        right_eye: point(0.7, 0.4),
        nose: point(0.5, 0.6),
        mouth_left: point(0.35, 0.78),
        mouth_right: point(0.65, 0.78),
    };
    Detection { bbox: BBox { x1, y1, x2: x1 + side, y2: y1 + side }, landmarks, probability }
}

fn photo() -> OrientedRgb {
    OrientedRgb::from_upright(400, 300, vec![0; 400 * 300 * 3]).unwrap()
}

/// The choice where every face has this sharpness.
fn chosen_at(faces: &[Detection], sharpness: impl Fn(&Detection) -> f32) -> Option<Choice> {
    choose(faces, &photo(), &GateParams::default(), sharpness)
}

fn chosen(faces: &[Detection]) -> Option<Choice> {
    chosen_at(faces, |_| 100.0)
}

fn only(face: Detection) -> Choice {
    Choice { face, reason: None, bystanders: vec![] }
}

fn several(face: Detection, measured: usize) -> Choice {
    Choice { face, reason: Some(Reason::SeveralFaces { measured }), bystanders: vec![] }
}

fn codes(reasons: &[Reason]) -> Vec<&'static str> {
    reasons.iter().map(Reason::code).collect()
}

#[test]
fn the_only_sure_face_counts_and_unsure_ones_dont() {
    let sure = face(10.0, 10.0, 60.0, 0.9);
    let unsure = face(150.0, 100.0, 100.0, 0.899);
    assert_eq!(chosen(&[unsure, sure]), Some(only(sure)));
    assert_eq!(chosen(&[]), None);
    assert_eq!(chosen(&[unsure]), Some(only(unsure)));
}

#[test]
fn of_several_sure_faces_the_main_one_is_named_as_one_too_many() {
    let middle = face(150.0, 100.0, 80.0, 0.95);
    let edge = face(0.0, 0.0, 90.0, 0.99);
    let unsure = face(100.0, 60.0, 200.0, 0.7);
    assert_eq!(chosen(&[unsure, edge, middle]), Some(several(middle, 2)));
}

#[test]
fn a_smaller_face_is_a_bystander_and_is_told_where_it_is() {
    let middle = face(210.0, 100.0, 100.0, 0.99); // 60 pixels from the centre of 300: it says nothing
    let smaller = face(10.0, 10.0, 63.0, 0.99); // 0.397 of the area
    let rival = face(10.0, 10.0, 64.0, 0.99); // 0.41
    let bystanders = vec![smaller.bbox, smaller.bbox];
    assert_eq!(chosen(&[middle, smaller, smaller]), Some(Choice { face: middle, reason: None, bystanders }));
    assert_eq!(chosen(&[middle, rival]), Some(several(middle, 2)));
    // A small one in the very middle is the main one; the large one is still there.
    let (small, large) = (face(190.0, 140.0, 20.0, 0.99), face(0.0, 0.0, 150.0, 0.99));
    assert_eq!(chosen(&[large, small]), Some(several(small, 2)));
}

#[test]
fn beside_a_face_in_the_middle_one_aside_is_a_bystander_that_is_smaller_or_cut_off() {
    let taken = |main: Detection, other: Detection| chosen(&[main, other]).unwrap().reason.is_none();
    let middle = face(195.0, 100.0, 100.0, 0.99); // 45 pixels from the centre: 0.15 of 300
    let smaller = |x: f32| face(x, 110.0, 86.0, 0.99); // 0.74 of the area
    assert!(taken(middle, smaller(67.0))); // centre at 110: 0.3
    assert!(!taken(middle, smaller(69.0)));
    assert!(!taken(middle, face(50.0, 110.0, 88.0, 0.99))); // 0.77 of the area, and whole
    assert!(!taken(face(196.0, 100.0, 100.0, 0.99), smaller(50.0)));
    let cut_off = |outside: f32| face(-outside, 100.0, 100.0, 0.99);
    assert!(taken(middle, cut_off(10.0)));
    assert!(!taken(middle, cut_off(9.0)));
    assert!(taken(middle, face(310.0, 100.0, 100.0, 0.99))); // cut off on the right: the photo is 400 wide
}

#[test]
fn a_larger_face_is_a_bystander_only_at_the_edge_and_out_of_focus() {
    let middle = face(210.0, 100.0, 100.0, 0.99); // 60 pixels from the centre: 0.2
    let edge = face(0.0, 100.0, 80.0, 0.99); // 0.64 of the area, 160 pixels from the centre of 300
    let focus = |of_edge: f32| move |face: &Detection| if face.bbox.x1 < 1.0 { of_edge } else { 100.0 };
    let bystanders = vec![edge.bbox];
    assert_eq!(
        chosen_at(&[middle, edge], focus(70.0)),
        Some(Choice { face: middle, reason: None, bystanders })
    );
    assert_eq!(chosen_at(&[middle, edge], focus(71.0)), Some(several(middle, 2)));
    let nearer = face(20.0, 100.0, 80.0, 0.99);
    assert_eq!(
        chosen_at(&[middle, nearer], |face| if face.bbox.x1 < 21.0 { 10.0 } else { 100.0 }),
        Some(several(middle, 2))
    );
    let larger = face(0.0, 100.0, 87.0, 0.99); // 0.757 of the area
    assert_eq!(chosen_at(&[middle, larger], focus(10.0)), Some(several(middle, 2)));
}

#[test]
fn quality_is_judged_by_each_bound_and_the_bound_itself_is_good_enough() {
    let params = GateParams::default();
    let reasons = |face: &Detection, sharpness| quality_reasons(face, sharpness, &params);
    assert_eq!(reasons(&face(0.0, 0.0, 25.0, 0.95), params.min_sharpness), []);
    let bad = reasons(&face(0.0, 0.0, 24.5, 0.94), params.min_sharpness - 1.0);
    assert_eq!(codes(&bad), ["low_probability", "face_too_small", "blurred"]);
    assert_eq!(bad[1].measured_and_needed(), Some((24.5, 25.0)));
    assert!(bad.iter().all(Reason::is_weakness));

    let mut turned = face(0.0, 0.0, 100.0, 1.0);
    turned.landmarks.nose.x += 26.0; // 0.65 of the distance between the eyes: atan(1.3) = 52 degrees
    assert_eq!(codes(&reasons(&turned, 100.0)), ["extreme_pose"]);
    assert!(
        matches!(reasons(&turned, 100.0)[0], Reason::ExtremePose { axis: Axis::Yaw, measured, .. } if (51.0..54.0).contains(&measured))
    );
    let mut tilted = face(0.0, 0.0, 100.0, 1.0);
    (tilted.landmarks.left_eye.y, tilted.landmarks.right_eye.y) = (60.0, 20.0);
    assert!(
        reasons(&tilted, 100.0).iter().any(|r| matches!(r, Reason::ExtremePose { axis: Axis::Roll, .. }))
    );
}

/// An embedding at these distances from the first axes, which are people's.
fn embedding(distances: &[f32]) -> Embedding {
    let mut values = vec![0.0; EMBEDDING_LEN];
    values.iter_mut().zip(distances).for_each(|(value, distance)| *value = 1.0 - distance);
    let used: f32 = values.iter().map(|v| v * v).sum();
    assert!(used <= 1.0, "no such point");
    values[EMBEDDING_LEN - 1] = (1.0 - used).sqrt();
    Embedding::new(values).unwrap()
}

fn named(name: &str) -> PersonName {
    PersonName::parse(name).unwrap()
}

fn enrolled(name: &str, axis: usize, sha: u8) -> Person {
    let mut distances = [1.0; 3];
    distances[axis] = 0.0;
    let photo = EnrolledPhoto::new(embedding(&distances), Some([sha; 32]));
    Person::new(named(name), None, vec![photo])
}

fn gallery() -> Gallery {
    let recipe = Recipe { model: "casia".to_owned(), model_sha256: None, margin_px: 32 };
    Gallery::new(recipe, vec![enrolled("Ada", 0, 1), enrolled("Grace", 1, 2)]).unwrap()
}

/// What is said of photos that came together, none of them by force.
fn judged(gallery: &Gallery, photos: &[(&str, Embedding, [u8; 32])]) -> Vec<Vec<Reason>> {
    let photos: Vec<(PersonName, &Embedding, [u8; 32])> =
        photos.iter().map(|(name, face, sha)| (named(name), face, *sha)).collect();
    let candidate = |(name, embedding, sha256)| Candidate {
        name,
        embedding,
        sha256: Some(sha256),
        quality: 0.0,
        is_settled: false,
    };
    let candidates: Vec<Candidate<'_>> =
        photos.iter().map(|(name, face, sha)| candidate((name, *face, sha))).collect();
    let Ok(reasons) = judge::<Infallible>(gallery, GateParams::default(), &candidates, false, &mut || Ok(()));
    reasons
}

/// The codes for one photo in front of Ada and Grace.
fn alone(name: &str, distances: &[f32], sha: u8) -> Vec<Reason> {
    judged(&gallery(), &[(name, embedding(distances), [sha; 32])]).remove(0)
}

#[test]
fn a_face_like_another_persons_is_named_with_whom_and_how_near() {
    let grace = |reasons: &[Reason]| match reasons {
        [
            Reason::LooksLikeAnotherPerson { name, measured, needed, .. }
            | Reason::UnlikeOwnPhotos { name, measured, needed, .. },
        ] => {
            assert_eq!((name.as_str(), *needed), ("Grace", 0.4));
            *measured
        }
        _ => panic!("{reasons:?}"),
    };
    assert_eq!(alone("Joan", &[0.6, 0.41], 9), [], "far enough");
    assert_eq!(alone("Ada", &[0.1, 0.8], 9), [], "one's own nearness is fine");
    assert_eq!(alone("Ada", &[0.3, 0.35], 9), [], "alike, but nearer to herself");
    assert_eq!(alone("Ada", &[0.35, 0.3], 9), [], "two photos that agree outweigh one of another");
    let stray = alone("Ada", &[0.7, 0.3], 9);
    assert!((grace(&stray) - 0.3).abs() < 1e-5);
    assert_eq!(codes(&stray), ["unlike_own_photos"]);
    let other = alone("Joan", &[0.9, 0.2], 9);
    assert!((grace(&other) - 0.2).abs() < 1e-5);
    assert_eq!(codes(&other), ["looks_like_another_person"]);
}

#[test]
fn the_same_photo_is_known_by_its_bytes_and_by_its_face() {
    let by_bytes = alone("Ada", &[0.2], 1);
    assert!(matches!(
        by_bytes[..],
        [Reason::SamePhotoAgain { photo_id: Some(_), measured: 0.0, needed: 0.005 }]
    ));
    assert_eq!(codes(&alone("Ada", &[0.004], 9)), ["same_photo_again"]);
    assert_eq!(alone("Ada", &[0.006], 9), []);
    // Somebody else's photo is another person's face, not a repetition.
    assert_eq!(codes(&alone("Grace", &[0.0, 1.0], 1)), ["unlike_own_photos"]);
}

#[test]
fn photos_are_held_against_who_was_enrolled_since() {
    let gallery = gallery();
    let found = |name: &str, distances: &[&[f32]]| {
        let photos =
            distances.iter().zip(10..).map(|(at, sha)| EnrolledPhoto::new(embedding(at), Some([sha; 32])));
        let photos: Vec<_> = photos.collect();
        identity_conflict(&gallery, GateParams::default(), &named(name), &photos).map(|reason| reason.code())
    };
    assert_eq!(found("Joan", &[&[0.6, 0.6]]), None);
    assert_eq!(found("Joan", &[&[0.9, 0.9], &[0.05, 1.0]]), Some("unlike_own_photos"));
    assert_eq!(found("Joan", &[&[0.05, 1.0]]), Some("looks_like_another_person"));
    assert_eq!(found("Ada", &[&[0.004]]), Some("same_photo_again"));
}

/// Photos of somebody: alike, and each a little different from the others.
fn likenesses(person: usize, count: usize) -> Vec<Embedding> {
    let likeness = |nth: usize| {
        let mut values = vec![0.0; EMBEDDING_LEN];
        values[10 * person] = 1.0;
        values[10 * person + 1 + nth] = 0.4 + 0.01 * nth as f32;
        Embedding::new(values).unwrap()
    };
    (0..count).map(likeness).collect()
}

/// Stands for the file of a photo.
fn digest(face: &Embedding) -> [u8; 32] {
    let bytes: Vec<u8> = face.values().iter().flat_map(|value| value.to_le_bytes()).collect();
    Sha256::digest(&bytes).into()
}

/// The refused ones among photos of these people, told by person and by numbers, with the code and whom they look like.
fn refused(gallery: &Gallery, photos: &[(&str, Embedding)]) -> Vec<(String, Embedding, String)> {
    let files: Vec<(&str, Embedding, [u8; 32])> =
        photos.iter().map(|(name, face)| (*name, face.clone(), digest(face))).collect();
    let mut refused: Vec<(String, Embedding, String)> = judged(gallery, &files)
        .into_iter()
        .zip(photos)
        .filter_map(|(reasons, (name, face))| {
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            (!reasons.is_empty()).then(|| ((*name).to_owned(), face.clone(), reasons.join("; ")))
        })
        .collect();
    refused.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| by_numbers(&a.1, &b.1)));
    refused
}

fn nobody() -> Gallery {
    Gallery::empty(gallery().recipe().clone())
}

#[test]
fn a_misfiled_photo_is_refused_and_the_person_it_shows_is_enrolled_whatever_the_names() {
    for (first, second) in [("Aaron", "Zoe"), ("Zoe", "Aaron")] {
        let [own, shown] = [likenesses(0, 3), likenesses(1, 3)];
        let mut photos: Vec<(&str, Embedding)> = own.iter().map(|face| (first, face.clone())).collect();
        // Of the other there are two, and the third lies here.
        photos.insert(0, (first, shown[0].clone()));
        photos.extend(shown[1..].iter().map(|face| (second, face.clone())));
        let found = refused(&nobody(), &photos);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].0.as_str(), &found[0].1), (first, &shown[0]));
        assert!(
            found[0].2.starts_with("unlike_own_photos: ") && found[0].2.ends_with(second),
            "{}",
            found[0].2
        );
    }
}

#[test]
fn the_order_of_people_and_photos_never_matters() {
    let faces: Vec<Vec<Embedding>> = (0..6).map(|person| likenesses(person, 5)).collect();
    let names = ["Ann", "Bea", "Cleo", "Dora", "Eve", "Fay"];
    let mut photos: Vec<(&str, Embedding)> = Vec::new();
    for (person, name) in names.iter().enumerate() {
        photos.extend(faces[person].iter().take(1 + person % 4).map(|face| (*name, face.clone())));
    }
    // Misfiled ones, one face under two names, and a copy.
    photos.push(("Ann", faces[1][4].clone()));
    photos.push(("Bea", faces[0][3].clone()));
    photos.push(("Cleo", faces[3][4].clone()));
    photos.push(("Dora", faces[2][4].clone()));
    photos.push(("Dora", faces[3][0].clone()));
    photos.push(("Gwen", faces[4][2].clone()));
    photos.push(("Hanna", faces[4][3].clone()));
    let expected = refused(&nobody(), &photos);
    assert!(expected.len() >= 5, "{expected:?}");
    let mut seed = 7_u64;
    for _ in 0..200 {
        for at in (1..photos.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            photos.swap(at, (seed >> 33) as usize % (at + 1));
        }
        assert_eq!(refused(&nobody(), &photos), expected);
    }
}

#[test]
fn of_two_people_with_one_photo_each_of_one_face_the_same_one_is_refused_in_either_order() {
    let faces = likenesses(0, 2);
    let photos = [("Ann", faces[0].clone()), ("Bob", faces[1].clone())];
    let swapped = [photos[1].clone(), photos[0].clone()];
    let found = refused(&nobody(), &photos);
    assert_eq!(found.len(), 1);
    assert_eq!(found, refused(&nobody(), &swapped));
    // It is the face that decides, not the name.
    let renamed = [("Bob", faces[0].clone()), ("Ann", faces[1].clone())];
    assert_eq!(refused(&nobody(), &renamed)[0].1, found[0].1);
}

#[test]
fn one_misfiled_photo_in_the_gallery_locks_nobody_out() {
    let [aaron, zoe] = [likenesses(0, 3), likenesses(1, 4)];
    let enrolled = |photos: &[&Embedding]| {
        let photos = photos.iter().map(|face| EnrolledPhoto::new((*face).clone(), None)).collect();
        Gallery::new(gallery().recipe().clone(), vec![Person::new(named("Aaron"), None, photos)]).unwrap()
    };
    let [one, two] =
        [[("Zoe", zoe[1].clone())].to_vec(), [("Zoe", zoe[1].clone()), ("Zoe", zoe[2].clone())].to_vec()];
    // Among others of Aaron's it is known to be a stray, for a single photo of Zoe too.
    assert_eq!(refused(&enrolled(&[&zoe[0], &aaron[0], &aaron[1]]), &one), []);
    assert_eq!(refused(&enrolled(&[&zoe[0], &aaron[0]]), &one), []);
    // Alone it is outweighed by two.
    assert_eq!(refused(&enrolled(&[&zoe[0]]), &two), []);
    let found = refused(&enrolled(&[&zoe[0]]), &one);
    assert!(found[0].2.starts_with("looks_like_another_person: "), "{found:?}");
    // Two of hers are two of hers: a second name for that face is refused.
    assert_eq!(refused(&enrolled(&[&zoe[0], &zoe[3]]), &one).len(), 1);
}

#[test]
fn copies_of_one_photo_are_no_second_witness() {
    let zoe = likenesses(1, 2);
    let photos = vec![EnrolledPhoto::new(zoe[0].clone(), None)];
    let gallery =
        Gallery::new(gallery().recipe().clone(), vec![Person::new(named("Aaron"), None, photos)]).unwrap();
    let found = refused(&gallery, &[("Zoe", zoe[1].clone()), ("Zoe", zoe[1].clone())]);
    assert_eq!(found.len(), 2, "{found:?}");
}

/// A photo that was looked at.
fn seen(name: &str, face: &Embedding, reasons: Vec<Reason>, merit: f32) -> Look {
    let (embedding, sha256) = (face.clone(), digest(face));
    let name = named(name);
    Look::Face(Box::new(Face { name, embedding, sha256, reasons, bystanders: vec![], merit, is_sure: true }))
}

#[test]
fn of_a_person_with_weak_photos_only_the_best_is_kept_and_marked() {
    let blurred = || vec![Reason::Blurred { measured: 9.0, needed: 20.0 }];
    let several = || vec![Reason::SeveralFaces { measured: 2 }];
    let [ann, bob, cleo, dora] = [0, 1, 2, 3].map(|person| likenesses(person, 3));
    let photos = || {
        vec![
            seen("Ann", &ann[0], blurred(), -2.0),
            seen("Ann", &ann[1], blurred(), -1.0),
            seen("Bob", &bob[0], vec![], 1.0),
            seen("Bob", &bob[1], blurred(), -1.0),
            // Her best one is Bob's.
            seen("Cleo", &bob[2], blurred(), 0.0),
            seen("Cleo", &cleo[0], blurred(), -3.0),
            // Whose face it is, nobody knows.
            seen("Dora", &dora[0], several(), 3.0),
        ]
    };
    let (pipeline, gallery) = (pipeline(), nobody());
    let judged = |leniency, photos| {
        let gate =
            QualityGate { pipeline: &pipeline, gallery: &gallery, params: GateParams::default(), photos };
        let Ok(outcomes) = gate.judge::<Infallible>(leniency, &mut || Ok(()));
        let outcomes = outcomes.into_iter().map(|outcome| match outcome {
            Outcome::Accepted { photo, overridden, .. } => (photo.weak, codes(&overridden)),
            Outcome::Rejected { reasons } => (false, [&["refused"], &codes(&reasons)[..]].concat()),
        });
        outcomes.collect::<Vec<_>>()
    };
    let (refused, kept) = ((false, vec!["refused", "blurred"]), (true, vec!["blurred"]));
    let expected = [
        refused.clone(),
        kept.clone(),
        (false, vec![]),
        refused.clone(),
        (false, vec!["refused", "blurred", "looks_like_another_person"]),
        kept.clone(),
        (false, vec!["refused", "several_faces"]),
    ];
    assert_eq!(judged(Leniency::KeepBest, photos()), expected);
    let mut backwards = photos();
    backwards.reverse();
    let mut expected_backwards = expected.to_vec();
    expected_backwards.reverse();
    assert_eq!(judged(Leniency::KeepBest, backwards), expected_backwards);
    assert_eq!(judged(Leniency::None, photos())[1], refused);
    assert_eq!(judged(Leniency::Force, photos())[0], kept);
}

#[test]
fn the_second_pass_ends_when_it_is_cancelled() {
    let (pipeline, gallery) = (pipeline(), gallery());
    let judged = |checks: usize| {
        let mut gate = QualityGate::new(&pipeline, &gallery, GateParams::default());
        gate.photos =
            (0..3 * 64).map(|at| seen("Ada", &embedding(&[0.01 * at as f32]), vec![], 0.0)).collect();
        let mut left = checks;
        let mut check = || {
            left = left.checked_sub(1).ok_or(Error::Cancelled)?;
            Ok(())
        };
        let outcomes = gate.judge(Leniency::None, &mut check);
        (outcomes.map(|outcomes| outcomes.len()), left)
    };
    assert!(matches!(judged(2), (Err(Error::Cancelled), 0)));
    let (outcomes, left) = judged(1000);
    assert_eq!(outcomes.unwrap(), 3 * 64);
    assert!(left < 1000 - 2, "it was asked more often than it was let go on above");
}

#[test]
fn what_has_no_face_is_refused_whatever_is_forced() {
    let (pipeline, gallery) = (pipeline(), gallery());
    let look = |bytes: &[u8], leniency| {
        let mut gate = QualityGate::new(&pipeline, &gallery, GateParams::default());
        gate.look(&named("Ada"), bytes).unwrap();
        gate.judge::<Error>(leniency, &mut || Ok(())).unwrap().remove(0)
    };
    for leniency in [Leniency::None, Leniency::KeepBest, Leniency::Force] {
        let Outcome::Rejected { reasons } = look(b"no image", leniency) else { panic!("accepted") };
        assert_eq!(codes(&reasons), ["not_an_image"]);
        assert!(!reasons[0].can_be_overridden());
        let mut png = Vec::new();
        let blank = image::RgbImage::new(40, 40);
        blank.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
        assert_eq!(look(&png, leniency), Outcome::Rejected { reasons: vec![Reason::NoFace] });
    }
}
