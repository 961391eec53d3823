//! Names by the rate of false names: scores against the reference's, templates, and decisions with known answers.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use facerec::cohort::{Cohort, file, stranger_probability, threshold};
use facerec::embed::Embedding;
use facerec::gallery::search::{Assignment, Decision, FaceMatch, MatchParams, MatchRule, search};
use facerec::gallery::{EnrolledPhoto, Gallery, Recipe};
use serde::Deserialize;

use crate::support::faces::{Random, between, embedding, person};
use crate::support::golden::{reference, reference_embedding_of};

const RATE: MatchParams =
    MatchParams { rule: MatchRule::FalseNameRate { rate: 0.01 }, top_k: 3, assignment: Assignment::Unique };

/// `tests/golden/decision.json`: what the numpy reference of the rule answers.
struct Golden {
    models: HashMap<String, Model>,
    thresholds: Vec<(f64, usize, f64)>,
    stranger_probabilities: Vec<(f64, usize, f64)>,
}

#[derive(Deserialize)]
struct Model {
    file: String,
    /// Photo and index of the face.
    faces: Vec<(String, usize)>,
    location: Vec<f64>,
    scale: Vec<f64>,
    scores: Vec<Vec<f32>>,
    template_of: Vec<(String, usize)>,
    template_scores: Vec<f32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Model(Model),
    Table(Vec<(f64, usize, f64)>),
}

fn golden() -> Golden {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/decision.json");
    let entries: HashMap<String, Entry> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut golden = Golden { models: HashMap::new(), thresholds: vec![], stranger_probabilities: vec![] };
    for (name, entry) in entries {
        match entry {
            Entry::Model(model) => drop(golden.models.insert(name, model)),
            Entry::Table(table) if name == "thresholds" => golden.thresholds = table,
            Entry::Table(table) => golden.stranger_probabilities = table,
        }
    }
    golden
}

fn shipped(file_name: &str) -> Cohort {
    file::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(file_name)).unwrap()
}

fn casia() -> Arc<Cohort> {
    Arc::new(shipped("strangers-casia-margin32.safetensors"))
}

fn gallery(people: &[(&str, Vec<Embedding>)]) -> Gallery {
    let recipe = Recipe { model: "casia".to_owned(), model_sha256: None, margin_px: 32 };
    let people = people.iter().map(|(name, photos)| person(name, photos)).collect();
    Gallery::new(recipe, people).unwrap().with_cohort(casia()).unwrap()
}

fn find(gallery: &Gallery, faces: &[Embedding]) -> Vec<FaceMatch> {
    search(gallery, faces, &RATE).unwrap()
}

fn name_of<'a>(gallery: &'a Gallery, found: &FaceMatch) -> Option<&'a str> {
    found.matched.map(|matched| gallery.people()[matched.person].name.as_str())
}

/// A photo of the person of that number: far from everybody else's.
fn photo_of(number: u64, photo: u64) -> Embedding {
    between(&embedding(number), &embedding(1_000_000 + number * 1000 + photo), 0.25)
}

#[test]
fn scores_of_the_shipped_statistics_are_those_of_the_reference() {
    let (golden, photos) = (golden(), reference());
    assert_eq!(golden.models.len(), 2);
    for (name, model) in &golden.models {
        let cohort = shipped(&model.file);
        let face = |(photo, at): &(String, usize)| reference_embedding_of(&photos, photo, *at, name);
        let faces: Vec<Embedding> = model.faces.iter().map(face).collect();
        let projected: Vec<Vec<f32>> = faces.iter().map(|face| cohort.project(face)).collect();
        for (at, values) in projected.iter().enumerate() {
            let found = cohort.mixture().location_scale(values);
            assert!((found.location - model.location[at]).abs() < 1e-4, "{name} {at}: {found:?}");
            assert!((found.scale - model.scale[at]).abs() < 1e-4, "{name} {at}: {found:?}");
        }
        let probes: Vec<_> = faces.iter().map(|face| cohort.probe(face)).collect();
        for (template, scores) in projected.iter().zip(&model.scores) {
            let template = cohort.template([template.as_slice()]);
            for (probe, score) in probes.iter().zip(scores) {
                assert!((template.score(probe) - score).abs() < 2e-3, "{name}: {score}");
            }
        }
        let several: Vec<Vec<f32>> = model.template_of.iter().map(|key| cohort.project(&face(key))).collect();
        let template = cohort.template(several.iter().map(Vec::as_slice));
        for (probe, score) in probes.iter().zip(&model.template_scores) {
            assert!((template.score(probe) - score).abs() < 2e-3, "{name}: template, {score}");
        }
    }
}

#[test]
fn thresholds_and_probabilities_are_those_of_the_reference() {
    let golden = golden();
    for (rate, people, score) in golden.thresholds {
        assert!((threshold(rate, people) - score).abs() < 1e-5, "{rate} {people}");
    }
    for (score, people, probability) in golden.stranger_probabilities {
        let found = stranger_probability(score, people);
        assert!((found / probability - 1.0).abs() < 1e-4, "{score} {people}: {found}");
    }
}

#[test]
fn a_person_is_matched_and_a_stranger_is_not() {
    let gallery =
        gallery(&[("Ada", (0..3).map(|photo| photo_of(1, photo)).collect()), ("Ben", vec![photo_of(2, 0)])]);
    let found = find(&gallery, &[photo_of(1, 9), photo_of(2, 9), photo_of(3, 9)]);
    assert_eq!(
        found.iter().map(|face| name_of(&gallery, face)).collect::<Vec<_>>(),
        [Some("Ada"), Some("Ben"), None]
    );
    for face in &found[..2] {
        assert_eq!((face.decision, face.already_matched), (Decision::Match, None));
        assert!(face.stranger_probability.unwrap() <= 0.01 && face.margin.unwrap() > 0.0);
    }
    assert!(found[2].stranger_probability.unwrap() > 0.01);
    assert_eq!(found[2].candidates.len(), 2, "who is most alike is listed all the same");
}

#[test]
fn ten_times_the_rate_is_unsure_and_names_nobody() {
    let gallery = gallery(&[("Ada", vec![photo_of(1, 0)])]);
    // Less like Ada than a stranger is, so that all decisions come.
    let opposite = Embedding::new(photo_of(1, 0).values().iter().map(|value| -value).collect()).unwrap();
    let unlike = between(&photo_of(2, 0), &opposite, 0.4);
    let mut decisions = Vec::new();
    for step in 0..200 {
        let face = between(&photo_of(1, 0), &unlike, step as f32 / 200.0);
        let found = find(&gallery, &[face]).remove(0);
        let probability = found.stranger_probability.unwrap();
        let expected = match probability {
            p if p <= 0.01 => Decision::Match,
            p if p <= 0.1 => Decision::Unsure,
            _ => Decision::Unknown,
        };
        assert_eq!(found.decision, expected, "{probability}");
        assert_eq!(found.matched.is_some(), expected == Decision::Match);
        decisions.push(expected);
    }
    decisions.dedup();
    assert_eq!(decisions, [Decision::Match, Decision::Unsure, Decision::Unknown]);
}

#[test]
fn a_second_face_of_a_person_names_nobody_and_says_why() {
    let gallery = gallery(&[("Ada", vec![photo_of(1, 0)]), ("Ben", vec![photo_of(2, 0)])]);
    let found = find(&gallery, &[photo_of(1, 8), photo_of(1, 0)]);
    assert_eq!(found.iter().map(|face| name_of(&gallery, face)).collect::<Vec<_>>(), [None, Some("Ada")]);
    assert_eq!((found[0].decision, found[0].already_matched), (Decision::Unknown, Some(1)));
}

#[test]
fn twins_who_are_both_enrolled_both_get_their_name() {
    let ada = photo_of(1, 0);
    let eve = between(&ada, &embedding(77), 0.2);
    let gallery = gallery(&[("Ada", vec![ada.clone()]), ("Eve", vec![eve.clone()])]);
    // The second face is a little more like Ada than like her twin.
    let found = find(&gallery, &[ada.clone(), between(&ada, &eve, 0.48)]);
    assert_eq!(
        found.iter().map(|face| name_of(&gallery, face)).collect::<Vec<_>>(),
        [Some("Ada"), Some("Eve")]
    );
}

#[test]
fn a_second_face_of_a_person_never_gets_the_name_of_one_who_looks_different() {
    let (ada, ben) = (photo_of(1, 0), photo_of(2, 0));
    let gallery = gallery(&[("Ada", vec![ada.clone()]), ("Ben", vec![ben.clone()])]);
    let mut alike_both = 0;
    for step in 0..45 {
        // From Ada to before the middle between the two, beyond which Ben is the best.
        let face = between(&ada, &ben, step as f32 / 101.0);
        let alone = find(&gallery, std::slice::from_ref(&face)).remove(0);
        assert_eq!(name_of(&gallery, &alone), Some("Ada"), "step {step}");
        let only_ben = self::gallery(&[("Ben", vec![ben.clone()])]);
        alike_both +=
            usize::from(name_of(&only_ben, &find(&only_ben, std::slice::from_ref(&face))[0]).is_some());
        let both = find(&gallery, &[ada.clone(), face]);
        assert_eq!(name_of(&gallery, &both[1]), None, "step {step}");
    }
    assert!(alike_both > 5, "some faces would be Ben's if Ada were not enrolled: {alike_both}");
}

#[test]
fn the_order_of_people_and_photos_does_not_matter() {
    let photos = |number: u64| -> Vec<Embedding> {
        // One of the photos shows somebody else.
        (0..4).map(|photo| photo_of(number, photo)).chain([photo_of(900 + number, 0)]).collect()
    };
    let names: Vec<String> = (0..6).map(|number| format!("Person {number}")).collect();
    let mut people: Vec<(&str, Vec<Embedding>)> =
        (0..6).map(|number| (names[number].as_str(), photos(number as u64))).collect();
    let probes: Vec<Embedding> = (0..8).map(|number| photo_of(number, 77)).collect();
    let answers = |people: &[(&str, Vec<Embedding>)]| -> Vec<(Option<String>, Decision)> {
        let gallery = gallery(people);
        let found = find(&gallery, &probes);
        found.iter().map(|face| (name_of(&gallery, face).map(str::to_owned), face.decision)).collect()
    };
    let expected = answers(&people);
    assert_eq!(expected.iter().filter(|(name, _)| name.is_some()).count(), 6);
    let mut random = Random::new(5);
    for _ in 0..5 {
        let (a, b) = (random.below(6), random.below(6));
        people.swap(a, b);
        people[a].1.rotate_left(1 + random.below(4));
        people[b].1.reverse();
        assert_eq!(answers(&people), expected);
    }
}

#[test]
fn a_photo_of_somebody_else_is_set_aside_and_kept() {
    let mut photos: Vec<Embedding> = (0..4).map(|photo| photo_of(1, photo)).collect();
    photos.insert(1, photo_of(50, 0));
    let gallery = gallery(&[("Ada", photos)]);
    assert_eq!(gallery.template(0).unwrap().counts, [true, false, true, true, true]);
    assert_eq!(gallery.people()[0].photos.len(), 5);
    assert_eq!(find(&gallery, &[photo_of(50, 1)])[0].decision, Decision::Unknown, "it names nobody");
    let alone = self::gallery(&[("Ada", vec![photo_of(1, 0), photo_of(50, 0)])]);
    assert_eq!(alone.template(0).unwrap().counts, [true, true], "of two photos none is the odd one");
}

#[test]
fn edits_give_the_templates_that_a_new_gallery_has() {
    let name = |number: u64| format!("Person {number}");
    let photos = |number: u64| (0..=number % 3).map(|photo| photo_of(number, photo)).collect::<Vec<_>>();
    let names: Vec<String> = (0..40).map(name).collect();
    let people: Vec<(&str, Vec<Embedding>)> =
        (0..40).map(|n| (names[n].as_str(), photos(n as u64))).collect();
    let before = gallery(&people);
    before.prepare();
    let (first, last) = (before.people()[0].id.clone(), before.people()[39].id.clone());
    let more = vec![EnrolledPhoto::new(photo_of(39, 7), None)];
    let edited = before.without_person(&first).unwrap().with_photos(&last, more).unwrap();
    let edited = edited.with_person(person("New", &[photo_of(99, 0)])).unwrap();
    let fresh = Gallery::new(edited.recipe().clone(), edited.people().iter().cloned().collect()).unwrap();
    let fresh = fresh.with_cohort(casia()).unwrap();
    let probes: Vec<Embedding> = (0..45).chain([99]).map(|number| photo_of(number, 50)).collect();
    assert_eq!(find(&edited, &probes), find(&fresh, &probes));
    for at in 0..edited.len() {
        assert_eq!(edited.template(at), fresh.template(at));
    }
    assert!(
        std::ptr::eq(before.template(5).unwrap(), edited.template(4).unwrap()),
        "shared, not computed again"
    );
}

#[test]
fn the_search_by_templates_finds_whom_comparing_all_finds() {
    let names: Vec<String> = (0..500).map(|number| format!("Person {number}")).collect();
    let people: Vec<(&str, Vec<Embedding>)> =
        (0..500).map(|n| (names[n].as_str(), vec![photo_of(n as u64, 0), photo_of(n as u64, 1)])).collect();
    let gallery = gallery(&people);
    let cohort = casia();
    let probes: Vec<Embedding> = (0..20).map(|number| photo_of(number * 40, 5)).collect();
    let params = MatchParams { top_k: 10, assignment: Assignment::Independent, ..RATE };
    for (probe, found) in probes.iter().zip(search(&gallery, &probes, &params).unwrap()) {
        let probe = cohort.probe(probe);
        let mut all: Vec<(f32, usize)> =
            (0..500).map(|at| (gallery.template(at).unwrap().template.score(&probe), at)).collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let expected: Vec<usize> = all.iter().take(10).map(|(_, at)| *at).collect();
        assert_eq!(found.candidates.iter().map(|c| c.person).collect::<Vec<_>>(), expected);
        assert_eq!(found.score.unwrap(), all[0].0, "to the last bit");
    }
}

#[test]
fn more_people_ask_for_a_higher_score() {
    let face = photo_of(1, 8);
    let mut before = 0.0;
    for people in [1, 10, 100] {
        let names: Vec<String> = (0..people).map(|number| format!("Person {number}")).collect();
        let list: Vec<(&str, Vec<Embedding>)> =
            (0..people).map(|n| (names[n].as_str(), vec![photo_of(n as u64 + 1, 0)])).collect();
        let found = find(&gallery(&list), std::slice::from_ref(&face)).remove(0);
        let probability = found.stranger_probability.unwrap();
        assert!(probability > before, "{people}");
        before = probability;
    }
}

#[test]
fn without_statistics_a_rate_is_refused_with_what_to_do() {
    let recipe = Recipe { model: "casia".to_owned(), model_sha256: None, margin_px: 7 };
    let plain = Gallery::new(recipe, vec![person("Ada", &[photo_of(1, 0)])]).unwrap();
    let message = search(&plain, &[photo_of(1, 0)], &RATE).unwrap_err().to_string();
    assert_eq!(
        message,
        "expected statistics of strangers for the model casia at margin 7, found none: use a distance threshold"
    );
    let message = plain.with_cohort(casia()).unwrap_err().to_string();
    assert!(message.contains("found those for casia at margin 32"), "{message}");
}
