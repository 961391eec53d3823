//! `facerec audit`, `GET /v1/audit` and `facerec evaluate`: findings and figures with known answers.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use axum::http::Method;
use facerec::audit::dismissals::{DismissalFile, DismissalStore};
use facerec::audit::{Action, Audit, Finding, audit};
use facerec::cohort::mixture::{Component, LocationScale, Mixture};
use facerec::cohort::{Calibration, Cohort, Origin, Projection};
use facerec::embed::Embedding;
use facerec::evaluate::{Share, evaluate};
use facerec::gallery::{Gallery, Person, store};
use facerec::nn::EMBEDDING_LEN;
use facerec::postgres::PostgresPeople;
use facerec::roster::Roster;
use serde_json::Value;

use crate::support::app::{Service, request};
use crate::support::faces::{between, embedding, gallery_of, person, recipe};
use crate::support::place::Place;
use crate::support::postgres;
use crate::support::server::{Server, facerec, sample_folder};

/// Dimensions of the made-up faces.
const DIMS: usize = 10;
const RATE: f64 = 0.01;

/// Strangers spread by 0.2 in each dimension: a score is five times the cosine.
fn cohort() -> Arc<Cohort> {
    let mut basis = vec![0.0; DIMS * EMBEDDING_LEN];
    (0..DIMS).for_each(|at| basis[at * EMBEDDING_LEN + at] = 1.0);
    let mut covariance = vec![0.0; DIMS * DIMS];
    (0..DIMS).for_each(|at| covariance[at * (DIMS + 1)] = 0.04);
    let mixture = Mixture::new(vec![Component { weight: 1.0, mean: vec![0.0; DIMS], covariance }]).unwrap();
    let origin = Origin {
        model: "casia".to_owned(),
        margin_px: 32,
        source: "synthetic".to_owned(),
        people: 10,
        photos: 20,
    };
    let calibration = Calibration::uncorrected(LocationScale { location: 0.0, scale: 0.2 });
    let projection = Projection::new(&basis, vec![0.0; DIMS]).unwrap();
    Arc::new(Cohort::new(origin, projection, mixture, calibration).unwrap())
}

/// A face along an axis, moved a little along the last one.
fn face(axis: usize, moved: f32) -> Embedding {
    let mut values = vec![0.0; EMBEDDING_LEN];
    values[axis] = 1.0;
    values[DIMS - 1] = moved;
    Embedding::new(values).unwrap()
}

/// Ada has a photo of Bob; Cleo and Cleopatra are one; Dora has one photo; Eve's two are unlike.
fn people() -> Vec<Person> {
    vec![
        person("Ada", &[face(0, 0.0), face(0, 0.1), face(1, 0.05), face(0, 0.2)]),
        person("Bob", &[face(1, 0.0), face(1, 0.1), face(1, 0.2)]),
        person("Cleo", &[face(2, 0.3), face(2, 0.3)]),
        person("Cleopatra", &[face(2, -0.3), face(2, -0.3)]),
        person("Dora", &[face(3, 0.0)]),
        person("Eve", &[face(4, 0.0), face(5, 0.0)]),
    ]
}

fn audit_of(people: Vec<Person>, roster: &Roster) -> Audit {
    let gallery = Gallery::new(recipe(), people).unwrap().with_cohort(cohort()).unwrap();
    audit(&gallery, roster, RATE).unwrap()
}

/// The findings with names in place of ids, sorted.
fn words(audit: &Audit, people: &[Person]) -> Vec<String> {
    let position = |photo_id: &str| {
        people.iter().find_map(|person| person.photos.iter().position(|photo| photo.id == photo_id))
    };
    let word = |finding: &Finding| match finding {
        Finding::SameFace { people: [a, b], .. } => {
            let mut names = [a.name.as_str(), b.name.as_str()];
            names.sort_unstable();
            format!("same face: {} {}", names[0], names[1])
        }
        Finding::UnlikePhoto { person, photo_id, set_aside, looks_like } => {
            let other = looks_like.as_ref().map(|other| other.name.as_str());
            format!("unlike: {} {:?} aside {set_aside} like {other:?}", person.name, position(photo_id))
        }
        Finding::FewPhotos { person, counting, set_aside, weak } => {
            format!("few: {} {counting} {set_aside} weak {weak}", person.name)
        }
        Finding::WeakPhotos { person, recognised, counting, weak } => {
            format!("weak: {} {recognised} of {counting} weak {weak}", person.name)
        }
        Finding::NameWithoutFace { name } => format!("no face: {name}"),
        Finding::FaceWithoutName { person } => format!("no name: {}", person.name),
    };
    let mut words: Vec<String> = audit.findings.iter().map(word).collect();
    words.sort_unstable();
    words
}

#[test]
fn an_audit_finds_what_is_wrong_and_nothing_else() {
    let people = people();
    let found = audit_of(people.clone(), &Roster::default());
    let expected = [
        "few: Dora 1 0 weak 0",
        "same face: Cleo Cleopatra",
        "unlike: Ada Some(2) aside true like Some(\"Bob\")",
        "weak: Eve 0 of 2 weak 0",
    ];
    assert_eq!(words(&found, &people), expected);
    assert_eq!((found.people, found.photos), (6, 14));
    let [pair] = &found.alike[..] else { panic!("{:?}", found.alike) };
    // The score of the pair is 5 x 0.835, the threshold of six people at 1 % is 2.88.
    assert!((pair.false_match_probability / 1.5e-5 - 1.0).abs() < 0.1, "{pair:?}");
    assert!((pair.confusion_rate - 0.903).abs() < 0.01, "{pair:?}");
    let effect = found.rates.iter().find(|effect| effect.false_name_rate == RATE).unwrap();
    assert_eq!((effect.recognised, effect.of), (10, 13), "all but Ada's photo of Bob and Eve's two");
    assert!((effect.false_match_probability - 0.002_002).abs() < 1e-5);
}

#[test]
fn people_known_by_photos_of_low_quality_only_are_found() {
    let marked = |mut person: Person, weak: &[bool]| {
        person.photos.iter_mut().zip(weak).for_each(|(photo, weak)| photo.weak = *weak);
        person
    };
    let people = vec![
        marked(person("Ada", &[face(0, 0.1), face(0, -0.1)]), &[true, true]),
        marked(person("Bob", &[face(1, 0.1), face(1, -0.1)]), &[true, false]),
        marked(person("Cleo", &[face(2, 0.0)]), &[true]),
    ];
    let found = audit_of(people.clone(), &Roster::default());
    assert_eq!(words(&found, &people), ["few: Cleo 1 0 weak 1", "weak: Ada 2 of 2 weak 2"]);
}

#[test]
fn the_order_of_people_and_photos_does_not_matter_to_an_audit() {
    let people = people();
    let expected = audit_of(people.clone(), &Roster::default());
    let mut turned = people.clone();
    for _ in 0..people.len() {
        turned.rotate_left(1);
        for person in &mut turned {
            person.photos.reverse();
        }
        turned.swap(0, 3);
        let found = audit_of(turned.clone(), &Roster::default());
        assert_eq!(words(&found, &people), words(&expected, &people));
        let effects =
            |audit: &Audit| audit.rates.iter().map(|rate| (rate.recognised, rate.of)).collect::<Vec<_>>();
        assert_eq!(effects(&found), effects(&expected));
        assert_eq!(found.alike[0].people, expected.alike[0].people);
    }
}

#[test]
fn an_audit_says_where_roster_and_gallery_disagree() {
    let roster = Roster::read_file(&sample_folder().join("roster.xlsx")).unwrap();
    let first = roster.rows()[0].name.to_string();
    let people =
        vec![person(&first, &[face(0, 0.0), face(0, 0.1)]), person("Zoe", &[face(1, 0.0), face(1, 0.1)])];
    let found = words(&audit_of(people.clone(), &roster), &people);
    assert_eq!(found.len(), roster.len(), "all rows but one have no face, and Zoe has no name: {found:?}");
    assert!(found.contains(&"no name: Zoe".to_owned()) && !found.contains(&format!("no face: {first}")));
    assert!(words(&audit_of(people.clone(), &Roster::default()), &people).is_empty());
}

#[test]
fn a_gallery_without_statistics_of_strangers_is_not_audited() {
    let error = audit(&Gallery::empty(recipe()), &Roster::default(), RATE).unwrap_err();
    assert!(error.to_string().contains("facerec strangers fit"), "{error}");
    let refused = Service::with(&twice()).get("/v1/audit");
    assert!(refused.problem(409, "conflict")["detail"].as_str().unwrap().contains("facerec strangers fit"));
}

/// Two names for one face, and a third person.
fn twice() -> Gallery {
    let photos = |seed| {
        let own = embedding(seed);
        vec![between(&own, &embedding(seed + 100), 0.02), own]
    };
    gallery_of(&[photos(1), photos(1), photos(2)])
}

#[test]
fn the_audit_over_http_and_on_the_command_line_are_the_same() {
    let data = tempfile::tempdir().unwrap();
    store::write(&data.path().join(store::FILE_NAME), &twice()).unwrap();
    let service = Server::start(data, &["--model", "casia"]);
    let over_http = service.curl("/v1/audit", &[""; 0]).json();
    let kinds: Vec<&Value> =
        over_http["findings"].as_array().unwrap().iter().map(|finding| &finding["kind"]).collect();
    assert_eq!(kinds, ["same_face"], "{over_http}");
    let names: Vec<&Value> =
        over_http["findings"][0]["people"].as_array().unwrap().iter().map(|person| &person["name"]).collect();
    assert!(names.contains(&&"Person 0".into()) && names.contains(&&"Person 1".into()), "{names:?}");

    let audit = |arguments: &[&str]| {
        facerec().args(["audit", "--data"]).arg(service.data.path()).args(arguments).output().unwrap()
    };
    let output = audit(&["--json"]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), over_http);
    let text = String::from_utf8(audit(&[]).stdout).unwrap();
    assert!(text.starts_with("3 people, 6 photos: 1 findings\nsame face"), "{text}");

    let sound = tempfile::tempdir().unwrap();
    let two = Gallery::new(recipe(), twice().people().iter().skip(1).cloned().collect()).unwrap();
    store::write(&sound.path().join(store::FILE_NAME), &two).unwrap();
    let status = facerec().args(["audit", "--data"]).arg(sound.path()).status().unwrap();
    assert_eq!(status.code(), Some(0), "without findings");
}

#[test]
fn the_key_of_a_finding_does_not_depend_on_the_order_of_people_and_photos() {
    let people = people();
    let keys = |people: Vec<Person>| {
        let found = audit_of(people, &Roster::default());
        found.findings.iter().map(Finding::key).collect::<Vec<String>>()
    };
    let expected = keys(people.clone());
    assert!(expected.iter().all(|key| key.len() == 32), "{expected:?}");
    assert_eq!(expected.iter().collect::<BTreeSet<_>>().len(), 4, "each has a key of its own");
    let mut turned = people;
    turned.reverse();
    for person in &mut turned {
        person.photos.reverse();
    }
    assert_eq!(keys(turned), expected);
}

#[test]
fn a_misplaced_photo_is_for_moving_and_one_face_under_two_names_for_merging() {
    let found = audit_of(people(), &Roster::default());
    let actions: Vec<Action> = found.findings.iter().map(|finding| finding.actions()[0]).collect();
    assert_eq!(actions, [Action::Merge, Action::MovePhoto, Action::AddPhotos, Action::AddPhotos]);
    assert!(found.findings.iter().all(|finding| finding.actions().contains(&Action::Keep)));
}

#[test]
fn a_moved_photo_and_merged_people_are_no_findings_any_more() {
    let people = people();
    let id = |name: &str| people.iter().find(|person| person.name.as_str() == name).unwrap().id.clone();
    let gallery = Gallery::new(recipe(), people.clone()).unwrap().with_cohort(cohort()).unwrap();
    gallery.prepare();
    let moved = gallery.with_moved_photo(&id("Ada"), &people[0].photos[2].id, &id("Bob")).unwrap();
    let merged = moved.merged(&id("Cleopatra"), &id("Cleo")).unwrap();
    let left = audit(&merged, &Roster::default(), RATE).unwrap();
    assert_eq!(words(&left, &people), ["few: Dora 1 0 weak 0", "weak: Eve 0 of 2 weak 0"]);
    assert_eq!((left.people, left.photos), (5, 14), "no photo is lost");
    let photos: Vec<usize> = merged.people().iter().map(|person| person.photos.len()).collect();
    assert_eq!(photos, [3, 4, 4, 1, 2]);
}

/// A place for dismissals of each kind, with what holds it.
fn places() -> Vec<(Box<dyn DismissalStore>, Option<tempfile::TempDir>)> {
    let data = tempfile::tempdir().unwrap();
    let file: Box<dyn DismissalStore> = Box::new(DismissalFile::of(data.path()));
    let stored = postgres::database().map(|database| {
        let people = PostgresPeople::open(database.open(), &recipe(), Ok).unwrap();
        (Box::new(people.dismissals()) as Box<dyn DismissalStore>, None)
    });
    std::iter::once((file, Some(data))).chain(stored).collect()
}

#[test]
fn a_dismissal_ends_when_its_photo_is_gone() {
    let people = people();
    let gallery = Gallery::new(recipe(), people.clone()).unwrap().with_cohort(cohort()).unwrap();
    let found = audit(&gallery, &Roster::default(), RATE).unwrap();
    let [same, unlike, ..] = &found.findings[..] else { panic!("{found:?}") };
    for (kept, _data) in places() {
        let dismiss = |gallery: &Gallery, key: &str| {
            kept.change(Box::new(|dismissals| dismissals.dismiss(gallery, &found.findings, key)))
        };
        dismiss(&gallery, &unlike.key()).unwrap();
        let dismissed = || kept.read().unwrap();
        assert!(dismissed().contains(&unlike.key()));
        let apart = found.clone().without_dismissed(&dismissed());
        assert_eq!((apart.dismissed.len(), apart.findings.len()), (1, 3));

        let without = gallery.without_photo(&people[0].id, &people[0].photos[2].id).unwrap();
        dismiss(&without, &same.key()).unwrap();
        assert!(dismissed().contains(&same.key()) && !dismissed().contains(&unlike.key()));
        let before = dismissed();
        assert!(dismiss(&gallery, "no key").unwrap_err().to_string().contains("the key of a finding"));
        assert_eq!(dismissed(), before);
        kept.change(Box::new(|dismissals| dismissals.withdraw(&same.key()))).unwrap();
        assert!(dismissed().is_empty());
        assert!(kept.change(Box::new(|dismissals| dismissals.withdraw(&same.key()))).is_err());
    }
}

#[test]
fn a_broken_file_of_dismissals_is_reported_and_stays_as_it_is() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("audit-dismissals.json");
    fs::write(&path, "{\"half").unwrap();
    let gallery = Gallery::new(recipe(), people()).unwrap().with_cohort(cohort()).unwrap();
    let found = audit(&gallery, &Roster::default(), RATE).unwrap();
    let (kept, key) = (DismissalFile::of(data.path()), found.findings[0].key());
    let refused =
        kept.change(Box::new(|dismissals| dismissals.dismiss(&gallery, &found.findings, &key))).unwrap_err();
    assert!(refused.to_string().contains("move it away"), "{refused}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"half");
}

/// The audit's answer, with dismissed findings where `query` says so.
fn findings(service: &Server, query: &str) -> Vec<Value> {
    let answer = service.curl(&format!("/v1/audit{query}"), &[""; 0]).json();
    answer["findings"].as_array().unwrap().clone()
}

#[test]
fn a_finding_is_dismissed_and_restored_over_http() {
    let data = tempfile::tempdir().unwrap();
    store::write(&data.path().join(store::FILE_NAME), &twice()).unwrap();
    let service = Server::start(data, &["--model", "casia"]);
    let key = findings(&service, "")[0]["key"].as_str().unwrap().to_owned();
    let address = format!("/v1/audit/dismissals/{key}");
    let send = |method: &str, path: &str| service.curl(path, &["-X", method]).status;
    assert_eq!(send("DELETE", &address), 404, "not dismissed yet");
    assert_eq!(send("PUT", "/v1/audit/dismissals/0"), 404, "no such finding");
    assert_eq!((send("PUT", &address), send("PUT", &address)), (204, 204));
    assert!(findings(&service, "").is_empty());
    let all = findings(&service, "?all=true");
    assert_eq!((&all[0]["key"], &all[0]["dismissed"]), (&key.as_str().into(), &true.into()));
    let file = fs::metadata(service.data.path().join("audit-dismissals.json")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);

    let data = service.kill();
    let mut audit = facerec();
    let audit = audit.args(["audit", "--data"]).arg(data.path()).output().unwrap();
    assert_eq!(audit.status.code(), Some(0), "a dismissed finding is none");
}

#[test]
fn a_finding_is_dismissed_and_restored_on_the_command_line() {
    let folder = || {
        let data = tempfile::tempdir().unwrap();
        store::write(&data.path().join(store::FILE_NAME), &twice()).unwrap();
        data
    };
    for place in Place::each(folder) {
        let audit = |arguments: &[&str]| {
            let output = place.run(&[&["audit", "--json"], arguments].concat());
            let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            (output.status.code(), found["findings"].as_array().cloned().unwrap_or_default())
        };
        let (code, found) = audit(&[]);
        assert_eq!((code, found.len()), (Some(3), 1), "{found:?}");
        let key = found[0]["key"].as_str().unwrap();
        assert_eq!(audit(&["--dismiss", "no key"]).0, Some(1));
        assert_eq!(audit(&["--undismiss", key]).0, Some(1), "not dismissed yet");
        assert_eq!(audit(&["--dismiss", key]), (Some(0), Vec::new()));
        assert_eq!(audit(&[]), (Some(0), Vec::new()), "a dismissed finding is none");
        assert_eq!(audit(&["--all"]).1[0]["dismissed"], true);
        assert_eq!(audit(&["--undismiss", key]), (Some(3), found.clone()));
        assert_eq!(audit(&[]), (Some(3), found));
    }
}

#[test]
fn a_photo_is_moved_and_people_are_merged_over_http() {
    let service = Service::with(&twice());
    let gallery = service.gallery();
    let ids: Vec<&str> = gallery.people().iter().map(|person| person.id.as_str()).collect();
    let photo = &gallery.people()[0].photos[0].id;
    let post = |path: &str, body: &str| {
        service.send(request(Method::POST, path, "application/json", body.as_bytes().to_vec()))
    };
    let move_path = format!("/v1/people/{}/photos/{photo}/move", ids[0]);
    let merge_path = format!("/v1/people/{}/merge", ids[1]);
    let other = |member: &str, id: &str| format!("{{\"{member}\": \"{id}\"}}");
    post(&move_path, &other("to", ids[0])).problem(409, "conflict");
    post(&move_path, &other("to", "nobody")).problem(404, "not_found");
    post(&move_path, "{}").problem(400, "invalid_request");
    post(&merge_path, &other("from", ids[1])).problem(409, "conflict");
    post(&merge_path, &other("from", "nobody")).problem(404, "not_found");
    assert_eq!(service.gallery().photo_count(), 6, "nothing has changed");

    let target = post(&move_path, &other("to", ids[1])).expect(200);
    assert_eq!((target["id"].as_str(), target["photos"].as_array().unwrap().len()), (Some(ids[1]), 3));
    let last = format!("/v1/people/{}/photos/{}/move", ids[0], gallery.people()[0].photos[1].id);
    post(&last, &other("to", ids[1])).problem(409, "last_photo");
    let merged = post(&merge_path, &other("from", ids[0])).expect(200);
    assert_eq!((merged["name"].as_str(), merged["photos"].as_array().unwrap().len()), (Some("Person 1"), 4));
    service.get(&format!("/v1/people/{}", ids[0])).problem(404, "not_found");
    let on_disk = store::read(&service.data.path().join(store::FILE_NAME)).unwrap();
    assert_eq!((on_disk.len(), on_disk.photo_count()), (2, 6));
}

#[test]
fn an_evaluation_of_made_up_faces_has_the_known_figures() {
    // Five people with two photos each that are one's own; the fifth one's second photo shows the first.
    let mut people: Vec<Vec<Embedding>> = (0..5).map(|axis| vec![face(axis, 0.0), face(axis, 0.1)]).collect();
    people[4][1] = face(0, 0.05);
    let trials = evaluate(&cohort(), &people, None).unwrap();
    assert_eq!(trials.tpir(0.01), Share { count: 8, of: 10 });
    // Without their own person three photos get a name: the misplaced one that of the first person, and the first person's
    // two that of the fifth, whose template lies half way between the two faces (cosine 0.7, score 3.5 and more).
    assert_eq!(trials.fpir(0.001), Share { count: 3, of: 10 });

    let strangers = vec![vec![face(7, 0.0), face(8, 0.0)], vec![face(1, 0.0)], vec![]];
    let trials = evaluate(&cohort(), &people, Some(&strangers)).unwrap();
    assert_eq!(trials.fpir(0.001), Share { count: 1, of: 3 });
    assert_eq!(trials.tpir(0.01), Share { count: 8, of: 10 });
}

#[test]
fn an_evaluation_of_too_few_people_says_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let output = facerec().arg("evaluate").arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("expected photos of at least 5 people, found 2"), "{error}");
}
