use super::*;
use mixture::Component;

/// No correction; the scale of the mean stranger is that of every vector.
pub(super) fn uncorrected() -> Calibration {
    Calibration::uncorrected(LocationScale { location: 0.0, scale: 0.2 })
}

/// Three dimensions, the first of the embedding; strangers around the origin with standard deviation 0.2.
pub(super) fn plain(calibration: Calibration) -> Cohort {
    let mut basis = vec![0.0; 3 * EMBEDDING_LEN];
    (0..3).for_each(|at| basis[at * EMBEDDING_LEN + at] = 1.0);
    let mut covariance = vec![0.0; 9];
    (0..3).for_each(|at| covariance[at * 4] = 0.04);
    let component = Component { weight: 1.0, mean: vec![0.0; 3], covariance };
    let origin = Origin {
        model: "casia".to_owned(),
        margin_px: 32,
        source: "synthetic".to_owned(),
        people: 10,
        photos: 20,
    };
    let projection = Projection::new(&basis, vec![0.0; 3]).unwrap();
    Cohort::new(origin, projection, Mixture::new(vec![component]).unwrap(), calibration).unwrap()
}

fn face(x: f32, y: f32, z: f32) -> Embedding {
    let mut values = vec![0.0; EMBEDDING_LEN];
    values[..3].copy_from_slice(&[x, y, z]);
    Embedding::new(values).unwrap()
}

#[test]
fn a_score_is_the_similarity_in_standard_deviations_of_strangers() {
    let cohort = plain(uncorrected());
    let template = cohort.template([cohort.project(&face(1.0, 0.0, 0.0)).as_slice()]);
    for (probe, score) in [(face(1.0, 0.0, 0.0), 5.0), (face(0.6, 0.8, 0.0), 3.0), (face(0.0, 0.0, 1.0), 0.0)]
    {
        assert!((template.score(&cohort.probe(&probe)) - score).abs() < 1e-4);
    }
}

#[test]
fn shift_and_spread_bring_scores_to_the_standard_normal() {
    let cohort = plain(Calibration { shift: -0.5, spread: 1.25, ..uncorrected() });
    let template = cohort.template([cohort.project(&face(1.0, 0.0, 0.0)).as_slice()]);
    assert!((template.score(&cohort.probe(&face(0.6, 0.8, 0.0))) - 3.5 / 1.25).abs() < 1e-4);
}

#[test]
fn more_photos_make_a_template_no_easier_to_match() {
    let cohort = plain(Calibration { photos_spread: 0.04, ..uncorrected() });
    let own = cohort.project(&face(1.0, 0.0, 0.0));
    let score = |photos: usize| {
        let template = cohort.template(std::iter::repeat_n(own.as_slice(), photos));
        template.score(&cohort.probe(&face(0.6, 0.8, 0.0)))
    };
    assert!((score(1) - 3.0).abs() < 1e-4);
    assert!((score(4) - 3.0 / 1.03).abs() < 1e-4);
}

/// Quantiles of strangers' scores with mean and covariance, vggface2 at margin 32, as measured; shift and spread are
/// fitted at two of them.
#[test]
fn the_normal_tail_gives_the_quantiles_that_were_measured() {
    let measured = [(1e-2, 2.40), (1e-3, 3.24), (1e-4, 3.88), (1e-5, 4.45)];
    let (near, far) = (normal::upper_quantile(1e-2), normal::upper_quantile(1e-4));
    let spread = (3.88 - 2.40) / (far - near);
    let shift = 2.40 - near * spread;
    for (probability, score) in measured {
        let found = shift + spread * normal::upper_quantile(probability);
        assert!((found - score).abs() < 0.05, "{probability}: expected {score}, found {found}");
    }
}

#[test]
fn the_threshold_rises_with_people_and_falls_with_the_rate() {
    let mut before = 0.0;
    for people in [1, 2, 30, 100, 700, 100_000] {
        let now = threshold(0.01, people);
        assert!(now > before && threshold(0.001, people) > now && threshold(0.1, people) < now);
        assert!((stranger_probability(now, people) / 0.01 - 1.0).abs() < 1e-6, "{people}");
        before = now;
    }
    assert!((threshold(0.01, 1) - 2.326_348).abs() < 1e-5);
}

/// What the numpy reference of the rule returns (`models/convert/strangers.py`).
#[test]
fn a_larger_gallery_counts_for_fewer_independent_comparisons_than_it_has_people() {
    for (people, expected) in [(30, 3.307_53), (100, 3.599_73), (300, 3.849_17), (700, 4.032_08)] {
        let found = threshold(0.01, people);
        let strict = normal::upper_quantile(-((-0.01_f64).ln_1p() / people as f64).exp_m1());
        assert!((found - expected).abs() < 1e-4 && found < strict, "{people}: {found}");
    }
    assert_eq!(stranger_probability(3.0, 0), 0.0, "nobody is enrolled");
}

#[test]
fn strangers_who_are_more_alike_never_raise_a_score() {
    let alike = |variance: f32, mean: f32| {
        let mut covariance = vec![0.0; 9];
        (0..3).for_each(|at| covariance[at * 4] = variance);
        let mixture = Mixture::new(vec![Component { weight: 1.0, mean: vec![mean; 3], covariance }]).unwrap();
        let plain = plain(uncorrected());
        Cohort::new(plain.origin, plain.projection, mixture, uncorrected()).unwrap()
    };
    let score = |cohort: &Cohort| {
        let template = cohort.template([cohort.project(&face(1.0, 0.2, 0.1)).as_slice()]);
        template.score(&cohort.probe(&face(0.9, 0.4, 0.3)))
    };
    let mut before = f32::INFINITY;
    for (variance, mean) in [(0.02, 0.0), (0.04, 0.0), (0.04, 0.1), (0.08, 0.2)] {
        let now = score(&alike(variance, mean));
        assert!(now < before, "variance {variance}, mean {mean}: {now} after {before}");
        before = now;
    }
}

#[test]
fn two_photos_verify_with_the_rate_of_their_score() {
    let cohort = plain(uncorrected());
    let probability = cohort.false_match_probability(&face(1.0, 0.0, 0.0), &face(0.6, 0.8, 0.0));
    assert!((probability / normal::upper_tail(3.0) - 1.0).abs() < 1e-3);
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let whole = plain(uncorrected());
    let two = Component { weight: 1.0, mean: vec![0.0; 2], covariance: vec![0.1, 0.0, 0.0, 0.1] };
    let mixture = Mixture::new(vec![two]).unwrap();
    let refused = Cohort::new(whole.origin.clone(), whole.projection.clone(), mixture, uncorrected());
    assert_eq!(refused.unwrap_err(), "expected a mixture of 3 dimensions, found 2");
    for calibration in [
        Calibration { shift: f64::NAN, ..uncorrected() },
        Calibration { spread: 0.0, ..uncorrected() },
        Calibration { photos_spread: -0.1, ..uncorrected() },
        Calibration { common: LocationScale { location: 0.0, scale: 0.0 }, ..uncorrected() },
    ] {
        assert!(
            Cohort::new(whole.origin.clone(), whole.projection.clone(), whole.mixture.clone(), calibration)
                .is_err()
        );
    }
    assert!(Projection::new(&[1.0; EMBEDDING_LEN], vec![0.0]).unwrap_err().contains("norm 1"));
    assert!(Projection::new(&[1.0; 7], vec![0.0]).is_err());
}

#[test]
fn the_template_of_a_single_face_is_that_of_its_numbers() {
    let cohort = plain(Calibration { shift: -0.5, spread: 1.25, photos_spread: 0.04, ..uncorrected() });
    for of in [face(0.6, 0.8, 0.0), face(0.48, -0.6, 0.64), face(0.0, 0.0, -1.0)] {
        let probe = cohort.probe(&of);
        let (single, template) = (cohort.single(&probe), cohort.template([probe.values.as_slice()]));
        for to in [face(1.0, 0.0, 0.0), face(0.0, 0.6, 0.8)] {
            let to = cohort.probe(&to);
            assert!((single.score(&to) - template.score(&to)).abs() < 1e-5);
        }
    }
}
