//! The rate of false names over HTTP, on the built program with the statistics that come with it.

use facerec::gallery::{Gallery, Recipe, store};
use serde_json::{Value, json};

use crate::support::http::{exchange, post, post_to};
use crate::support::server::{Server, facerec, sample_data, sample_folder};
use crate::support::{golden_path, photo};

fn recognised(server: &Server, query: &str) -> Vec<Value> {
    let request = post_to(&format!("/v1/recognize{query}"), "image/jpeg", &photo("group.jpg"));
    let answer = exchange(server.socket(), &request);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["faces"].as_array().unwrap().clone()
}

/// Index and probability of the face that a stranger would most likely reach.
fn least_sure(faces: &[Value]) -> (usize, f64) {
    let probability = |face: &Value| face["stranger_probability"].as_f64().unwrap();
    let all = faces.iter().map(probability).enumerate();
    all.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap()
}

#[test]
fn a_face_is_a_match_by_its_probability_and_unsure_up_to_ten_times_the_rate() {
    let server = Server::sample(&[]);
    let faces = recognised(&server, "");
    assert!(faces.iter().all(|face| face["decision"] == "match"), "{faces:?}");
    let (at, probability) = least_sure(&faces);
    assert!((1e-5..0.01).contains(&probability), "{probability}");
    // The faces, asked for another rate: a match, a match at ten times the rate, not even that.
    for (times, decision) in [(1.1, "match"), (0.5, "unsure"), (0.11, "unsure"), (0.09, "unknown")] {
        let face = &recognised(&server, &format!("?false_name_rate={}", probability * times))[at];
        assert_eq!(face["decision"], decision, "{times}: {face}");
        assert_eq!(face["person"].is_null(), decision != "match");
        assert_eq!(face["stranger_probability"], json!(probability));
    }
    let strict = Server::sample(&["--false-name-rate", &(probability / 2.0).to_string()]);
    let answer = exchange(strict.socket(), &post(&photo("group.jpg"))).json();
    let answer = answer.as_array().unwrap();
    assert_eq!(
        (answer.len(), answer.last()),
        (faces.len(), Some(&json!({"unknown_faces": 1}))),
        "{answer:?}"
    );
}

#[test]
fn a_comparison_says_how_likely_two_strangers_are_as_much_alike() {
    let server = Server::sample(&[]);
    let compared = |other: &str| {
        let mut curl = vec!["-F".to_owned(), format!("a=@{}", golden_path("photos/obama.jpg").display())];
        curl.extend(["-F".to_owned(), format!("b=@{}", golden_path(&format!("photos/{other}")).display())]);
        server.curl("/v1/verify", &curl).json()["false_match_probability"].as_f64().unwrap()
    };
    let (same, other) = (compared("obama2.jpg"), compared("biden.jpg"));
    assert!(same < 1e-4 && other > 0.01, "{same} {other}");
}

/// The sample's people, as if they had been cropped with a margin that no statistics are of.
fn margin_without_statistics() -> tempfile::TempDir {
    let data = sample_data();
    let path = data.path().join(store::FILE_NAME);
    let gallery = store::read(&path).unwrap();
    let recipe = Recipe { margin_px: 7, ..gallery.recipe().clone() };
    store::write(&path, &Gallery::new(recipe, gallery.people().iter().cloned().collect()).unwrap()).unwrap();
    data
}

#[test]
fn without_statistics_a_distance_decides_with_a_warning_and_a_rate_that_was_asked_for_is_refused() {
    let server = Server::start(margin_without_statistics(), &[]);
    assert!(server.log().contains("faces are matched by distance"), "{}", server.log());
    let face = &recognised(&server, "")[0];
    assert_eq!((&face["score"], &face["stranger_probability"]), (&Value::Null, &Value::Null));
    assert!(face["distance"].is_number(), "{face}");

    let data = margin_without_statistics();
    let refused = facerec()
        .args(["serve", "--port", "0", "--false-name-rate", "0.01", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("expected some for the model casia at margin 7"),
        "{said}"
    );
}

#[test]
fn statistics_are_made_of_enough_people_only_and_those_of_a_file_are_used() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("own.safetensors");
    let fit = facerec()
        .args(["strangers", "fit", "--model", "casia", "-o"])
        .arg(&file)
        .arg(sample_folder().join("people"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&fit.stderr).into_owned();
    assert!(
        !fit.status.success() && said.contains("expected photos of at least") && said.contains("found 3"),
        "{said}"
    );
    assert!(!file.exists(), "nothing is half done");

    let shipped = format!("{}/models/strangers-casia-margin32.safetensors", env!("CARGO_MANIFEST_DIR"));
    let server = Server::sample(&["--strangers", &shipped]);
    assert!(recognised(&server, "")[0]["stranger_probability"].is_number());
    // Those of another margin are not of this gallery.
    let other = format!("{}/models/strangers-vggface2-margin0.safetensors", env!("CARGO_MANIFEST_DIR"));
    let refused = facerec()
        .args(["serve", "--port", "0", "--false-name-rate", "0.01", "--strangers", &other, "--data"])
        .arg(sample_data().path())
        .output()
        .unwrap();
    assert!(!refused.status.success());
}
