use std::sync::Arc;

use super::*;
use crate::detect::DetectParams;
use crate::embed::Embedding;
use crate::gallery::{Person, Recipe};
use crate::geometry::{BBox, Landmarks, Point};
use crate::imaging::decode::DecodeLimits;
use crate::imaging::orient::Orientations;
use crate::imaging::{RgbView, Window};
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

    fn rnet(&self, _: RgbView<'_>, _: &[Window]) -> Result<Vec<Refinement>> {
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

fn chosen(faces: &[Detection]) -> Option<(Detection, Vec<Reason>)> {
    choose(faces, &photo(), &GateParams::default())
}

fn codes(reasons: &[Reason]) -> Vec<&'static str> {
    reasons.iter().map(Reason::code).collect()
}

#[test]
fn the_only_sure_face_counts_and_unsure_ones_dont() {
    let sure = face(10.0, 10.0, 60.0, 0.9);
    let unsure = face(150.0, 100.0, 100.0, 0.899);
    assert_eq!(chosen(&[unsure, sure]), Some((sure, vec![])));
    assert_eq!(chosen(&[]), None);
    let (found, reasons) = chosen(&[unsure]).unwrap();
    assert_eq!((found, reasons), (unsure, vec![Reason::LowProbability { measured: 0.899, needed: 0.9 }]));
}

#[test]
fn of_several_sure_faces_the_main_one_is_named_as_one_too_many() {
    let middle = face(150.0, 100.0, 80.0, 0.95);
    let edge = face(0.0, 0.0, 90.0, 0.99);
    let unsure = face(100.0, 60.0, 200.0, 0.7);
    assert_eq!(chosen(&[unsure, edge, middle]), Some((middle, vec![Reason::SeveralFaces { measured: 2 }])));
}

#[test]
fn a_face_far_behind_is_no_rival_but_a_larger_one_is() {
    let middle = face(160.0, 110.0, 80.0, 0.99);
    let quarter = face(10.0, 10.0, 20.0, 0.99); // a quarter of the side, 1/16 of the area
    let smaller = face(10.0, 10.0, 19.0, 0.99);
    assert_eq!(chosen(&[middle, smaller, smaller]), Some((middle, vec![])));
    assert_eq!(chosen(&[middle, quarter]), Some((middle, vec![Reason::SeveralFaces { measured: 2 }])));
    // A small one in the very middle is the main one; the large one is still there.
    let (small, large) = (face(190.0, 140.0, 20.0, 0.99), face(0.0, 0.0, 150.0, 0.99));
    assert_eq!(chosen(&[large, small]), Some((small, vec![Reason::SeveralFaces { measured: 2 }])));
}

#[test]
fn quality_is_judged_by_each_bound_and_the_bound_itself_is_good_enough() {
    let params = GateParams::default();
    let reasons = |face: &Detection, sharpness| quality_reasons(face, sharpness, &params);
    assert_eq!(reasons(&face(0.0, 0.0, 48.0, 1.0), params.min_sharpness), []);
    let small = reasons(&face(0.0, 0.0, 47.5, 1.0), params.min_sharpness - 1.0);
    assert_eq!(codes(&small), ["face_too_small", "blurred"]);
    assert_eq!(small[0].measured_and_needed(), Some((47.5, 48.0)));

    let mut turned = face(0.0, 0.0, 100.0, 1.0);
    turned.landmarks.nose.x += 18.0; // 0.45 of the distance between the eyes: atan(0.9) = 42 degrees
    assert_eq!(codes(&reasons(&turned, 100.0)), ["extreme_pose"]);
    assert!(
        matches!(reasons(&turned, 100.0)[0], Reason::ExtremePose { axis: Axis::Yaw, measured, .. } if (41.0..43.0).contains(&measured))
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

#[test]
fn a_face_like_another_persons_is_named_with_whom_and_how_near() {
    let (pipeline, gallery) = (pipeline(), gallery());
    let gate = QualityGate::new(&pipeline, &gallery, GateParams::default());
    let reasons =
        |name: &str, distances: &[f32]| gate.identity.reasons(&named(name), &embedding(distances), &[9; 32]);
    assert_eq!(reasons("Joan", &[0.6, 0.41]), [], "far enough");
    assert_eq!(reasons("Ada", &[0.1, 0.8]), [], "one's own nearness is fine");
    assert_eq!(reasons("Ada", &[0.3, 0.35]), [], "alike, but nearer to herself");
    let nearer = reasons("Ada", &[0.36, 0.3]);
    let [Reason::LooksLikeAnotherPerson { person_id, name, measured, needed }] = &nearer[..] else {
        panic!("{nearer:?}")
    };
    assert_eq!((person_id.as_ref(), name.as_str()), (Some(&gallery.people()[1].id), "Grace"));
    assert!((measured - 0.3).abs() < 1e-5 && *needed == 0.4);
    assert_eq!(codes(&reasons("Joan", &[0.2, 0.9])), ["looks_like_another_person"]);
}

#[test]
fn the_same_photo_is_known_by_its_bytes_and_by_its_face() {
    let (pipeline, gallery) = (pipeline(), gallery());
    let gate = QualityGate::new(&pipeline, &gallery, GateParams::default());
    let by_bytes = gate.identity.reasons(&named("Ada"), &embedding(&[0.2]), &[1; 32]);
    let id = Some(gallery.people()[0].photos[0].id.clone());
    assert_eq!(by_bytes, [Reason::SamePhotoAgain { photo_id: id, measured: 0.0, needed: 0.005 }]);
    assert_eq!(
        codes(&gate.identity.reasons(&named("Ada"), &embedding(&[0.004]), &[9; 32])),
        ["same_photo_again"]
    );
    assert_eq!(gate.identity.reasons(&named("Ada"), &embedding(&[0.006]), &[9; 32]), []);
    // Somebody else's photo is another person's face, not a repetition.
    assert_eq!(
        codes(&gate.identity.reasons(&named("Grace"), &embedding(&[0.0]), &[1; 32])),
        ["looks_like_another_person"]
    );
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
    assert_eq!(found("Joan", &[&[0.9, 0.9], &[0.05, 1.0]]), Some("looks_like_another_person"));
    assert_eq!(found("Ada", &[&[0.004]]), Some("same_photo_again"));
}

#[test]
fn a_batch_is_held_against_itself() {
    let (pipeline, gallery) = (pipeline(), gallery());
    let mut gate = QualityGate::new(&pipeline, &gallery, GateParams::default());
    gate.identity.accepted.push(AcceptedPhoto {
        name: named("Joan"),
        embedding: embedding(&[1.0, 1.0, 0.0]),
        sha256: [7; 32],
    });
    assert_eq!(
        codes(&gate.identity.reasons(&named("Joan"), &embedding(&[1.0, 1.0, 0.2]), &[7; 32])),
        ["same_photo_again"]
    );
    let other = gate.identity.reasons(&named("Mary"), &embedding(&[1.0, 1.0, 0.2]), &[8; 32]);
    assert!(
        matches!(&other[..], [Reason::LooksLikeAnotherPerson { person_id: None, name, .. }] if *name == "Joan")
    );
}

#[test]
fn what_has_no_face_is_refused_whatever_is_forced() {
    let (pipeline, gallery) = (pipeline(), gallery());
    let mut gate = QualityGate::new(&pipeline, &gallery, GateParams::default());
    for force in [false, true] {
        let Outcome::Rejected { reasons } = gate.assess(&named("Ada"), b"no image", force).unwrap() else {
            panic!("accepted")
        };
        assert_eq!(codes(&reasons), ["not_an_image"]);
        assert!(!reasons[0].can_be_overridden());
        let mut png = Vec::new();
        let blank = image::RgbImage::new(40, 40);
        blank.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
        assert_eq!(
            gate.assess(&named("Ada"), &png, force).unwrap(),
            Outcome::Rejected { reasons: vec![Reason::NoFace] }
        );
    }
}
