//! The tail of strangers' scores under the statistics that are shipped: what a rate of false names rests on.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use facerec::cohort::{Cohort, file, normal};
use facerec::embed::Embedding;
use facerec::nn::EMBEDDING_LEN;
use half::f16;
use zip::ZipArchive;

use crate::support::say;

/// Quantiles of strangers' scores against each other where mean and covariance alone normalise them, as measured on
/// people who were not in the fit (`vggface2`, margin 32).
const BY_COVARIANCE: [(f64, f64); 5] = [(1e-2, 2.40), (1e-3, 3.24), (1e-4, 3.88), (1e-5, 4.45), (1e-6, 5.24)];

/// Those of the people of the fit, with the statistics that are shipped, by `models/convert/strangers.py`: a photo of each
/// person. For people who are not in it they are higher, as the calibration foresees.
const MEASURED: [(&str, [(f64, f64); 4]); 3] = [
    ("vggface2_margin32", [(1e-2, 2.27), (1e-3, 3.03), (1e-4, 3.59), (1e-5, 4.07)]),
    ("casia_margin32", [(1e-2, 2.26), (1e-3, 3.01), (1e-4, 3.56), (1e-5, 4.07)]),
    ("vggface2_margin0", [(1e-2, 2.27), (1e-3, 3.03), (1e-4, 3.58), (1e-5, 4.07)]),
];
/// By how much a quantile may differ: of the rarest, 30 pairs lie above it.
const TOLERANCE: f64 = 0.02;

fn shipped(name: &str) -> Cohort {
    let name = format!("models/strangers-{}.safetensors", name.replace('_', "-"));
    file::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn the_tail_that_the_shipped_statistics_expect_is_nearer_to_normal_than_that_of_mean_and_covariance() {
    let calibration = shipped("vggface2_margin32").calibration();
    let mut before = 0.0;
    for (probability, by_covariance) in BY_COVARIANCE {
        let normal = normal::upper_quantile(probability);
        let expected = calibration.shift + calibration.spread * normal;
        assert!(expected > before && expected < by_covariance, "{probability}: {expected}");
        let (ours, theirs) = ((expected - normal).abs(), by_covariance - normal);
        assert!(ours < theirs, "{probability}: off by {ours}, not less than {theirs}");
        before = expected;
    }
}

/// Variable of the directory with the faces of the fit, `NAME.npz`: they are not a part of the project.
const FACES: &str = "FACEREC_TEST_STRANGERS";

/// Faces of people, the first of each; `None` where nobody says where they are.
fn faces(name: &str) -> Option<Vec<Embedding>> {
    let Some(directory) = std::env::var_os(FACES) else {
        say(&format!("{FACES} is not set: the scores of {name} are NOT tested in this run."));
        return None;
    };
    let file = File::open(Path::new(&directory).join(format!("{name}.npz"))).unwrap();
    let mut archive = ZipArchive::new(file).unwrap();
    let mut array = |name: &str| {
        let mut bytes = Vec::new();
        archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        // Format 1.0 of NumPy: magic, version, length of the header, header, values in order.
        let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        bytes.split_off(10 + header)
    };
    let values: Vec<f32> = array("embeddings.npy")
        .chunks_exact(2)
        .map(|value| f16::from_le_bytes([value[0], value[1]]).to_f32())
        .collect();
    let people = array("person.npy");
    let mut seen = std::collections::HashSet::new();
    let firsts = people.chunks_exact(4).zip(values.chunks_exact(EMBEDDING_LEN));
    let firsts = firsts.filter(|(person, _)| seen.insert(person.to_vec()));
    Some(firsts.map(|(_, values)| Embedding::new(values.to_vec()).unwrap()).collect())
}

#[test]
fn strangers_score_as_the_reference_of_the_rule_says() {
    for (name, quantiles) in MEASURED {
        let Some(faces) = faces(name) else { continue };
        let cohort = shipped(name);
        let probes: Vec<_> = faces.iter().map(|face| cohort.probe(face)).collect();
        let mut scores = Vec::with_capacity(faces.len() * faces.len() / 2);
        for (at, face) in faces.iter().enumerate() {
            let template = cohort.template([cohort.project(face).as_slice()]);
            scores.extend(probes[at + 1..].iter().map(|probe| template.score(probe)));
        }
        scores.sort_unstable_by(f32::total_cmp);
        for (probability, expected) in quantiles {
            let above = (scores.len() as f64 * probability).round() as usize;
            let found = f64::from(scores[scores.len() - 1 - above]);
            assert!(
                (found - expected).abs() <= TOLERANCE,
                "{name} at {probability}: {found}, not {expected}"
            );
        }
    }
}
