//! What callers of scope `recognize` are told: three matching candidates, rounded figures, no looser threshold.
//! Wider or finer results would let them list the enrolled people or work out embeddings.

use crate::gallery::search::{Candidate, FaceMatch, MatchRule};

/// Maximum number of candidates a face has for callers who may not manage people.
const MAX_CANDIDATES: usize = 3;
/// Distances, margins and scores have so many steps to the unit for them: finer ones help to work out an embedding by trial.
const STEPS: f32 = 1000.0;
/// Probabilities have so many digits for them.
const SIGNIFICANT_DIGITS: i32 = 2;

/// How much a caller is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disclosure {
    /// Everything; for callers who may manage people.
    Full,
    /// Only people who are alike enough to be a match, three at most, by a rule that is no looser than the service's own.
    Limited,
}

impl Disclosure {
    /// Of a caller who may manage people, or not.
    #[must_use]
    pub fn of(may_manage: bool) -> Self {
        if may_manage { Self::Full } else { Self::Limited }
    }

    /// Checks that a request's rule is no looser than the service's `own`.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn check_rule(self, own: MatchRule, asked: MatchRule) -> Result<(), String> {
        let refuse = |expected: String, found: String| {
            Err(format!("expected {expected}, or a caller who may manage people, found {found}"))
        };
        match (self, own, asked) {
            (Self::Full, ..) => Ok(()),
            (_, MatchRule::Distance { threshold: own }, MatchRule::Distance { threshold })
                if threshold > own =>
            {
                refuse(format!("a threshold of at most {own}, the service's own"), threshold.to_string())
            }
            (_, MatchRule::FalseNameRate { rate: own }, MatchRule::FalseNameRate { rate }) if rate > own => {
                refuse(format!("a false_name_rate of at most {own}, the service's own"), rate.to_string())
            }
            // Of a rate and a distance neither is the stricter one.
            (_, MatchRule::FalseNameRate { rate: own }, MatchRule::Distance { threshold }) => refuse(
                format!("a false_name_rate of at most {own}, as the service's own"),
                format!("the threshold {threshold}"),
            ),
            (_, MatchRule::Distance { threshold: own }, MatchRule::FalseNameRate { rate }) => refuse(
                format!("a threshold of at most {own}, as the service's own"),
                format!("the false_name_rate {rate}"),
            ),
            (_, MatchRule::Distance { .. }, MatchRule::Distance { .. })
            | (_, MatchRule::FalseNameRate { .. }, MatchRule::FalseNameRate { .. }) => Ok(()),
        }
    }

    /// Checks that the threshold of a comparison with an enrolled person is no looser than the service's `own`.
    ///
    /// # Errors
    /// As [`Disclosure::check_rule`].
    pub fn check_threshold(self, own: f32, asked: f32) -> Result<(), String> {
        self.check_rule(MatchRule::Distance { threshold: own }, MatchRule::Distance { threshold: asked })
    }

    /// The candidates of a face that are told.
    #[must_use]
    pub fn candidates(self, found: &FaceMatch) -> &[Candidate] {
        let told = match self {
            Self::Full => found.candidates.len(),
            Self::Limited => found.alike.min(MAX_CANDIDATES),
        };
        found.candidates.get(..told).unwrap_or(&found.candidates)
    }

    /// A probability as it is told: one that is as fine as a distance tells as much.
    #[must_use]
    pub fn probability(self, value: f64) -> f64 {
        match self {
            Self::Full => value,
            Self::Limited => {
                let digits = 10_f64.powi(SIGNIFICANT_DIGITS - 1 - value.log10().floor() as i32);
                (value * digits).round() / digits
            }
        }
    }

    /// A distance, margin or score as it is told.
    #[must_use]
    pub fn figure(self, value: f32) -> f32 {
        match self {
            Self::Full => value,
            Self::Limited => (value * STEPS).round() / STEPS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_who_may_not_manage_people_can_only_make_the_rule_stricter() {
        let distance = |threshold| MatchRule::Distance { threshold };
        let rate = |rate| MatchRule::FalseNameRate { rate };
        for (own, asked, passes) in [
            (distance(0.5), distance(0.5), true),
            (distance(0.5), distance(0.0), true),
            (distance(0.5), distance(0.501), false),
            (rate(0.01), rate(0.01), true),
            (rate(0.01), rate(0.000_001), true),
            (rate(0.01), rate(0.011), false),
            (rate(0.01), distance(0.1), false),
            (distance(0.5), rate(0.000_001), false),
        ] {
            assert_eq!(Disclosure::Limited.check_rule(own, asked).is_ok(), passes, "{own:?} {asked:?}");
            assert_eq!(Disclosure::Full.check_rule(own, asked), Ok(()));
        }
        let refused = Disclosure::Limited.check_rule(distance(0.5), distance(0.7)).unwrap_err();
        let expected = "expected a threshold of at most 0.5, the service's own, or a caller who may manage people, found 0.7";
        assert_eq!(refused, expected);
    }

    #[test]
    fn figures_have_three_decimals_for_those_who_may_not_manage_people() {
        assert_eq!(Disclosure::Limited.figure(0.202_49), 0.202);
        assert_eq!(Disclosure::Full.figure(0.202_49), 0.202_49);
        for (probability, told) in [(0.012_49, 0.012), (1.0, 1.0), (2.16e-7, 2.2e-7), (0.999, 1.0)] {
            let found = Disclosure::Limited.probability(probability);
            assert!((found / told - 1.0).abs() < 1e-12, "{probability}: {found}");
            assert_eq!(Disclosure::Full.probability(probability), probability);
        }
    }
}
