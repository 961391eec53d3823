//! Data-quality audit of the gallery: photos of somebody else, one face under two names, few or weak photos, people
//! who look alike, and names without a face. The audit trail of who did what is another thing: `access_log`.
//!
//! An audit only reads, and [`dismissals`] are kept apart. Its result does not depend on the order of people and photos.

use std::collections::BTreeSet;

use crate::cohort::{normal, threshold};
use crate::error::{InputError, Result};
use crate::gallery::Gallery;
use crate::roster::Roster;

pub mod dismissals;
pub mod finding;
mod likeness;

use dismissals::Dismissals;
pub use finding::{Action, Finding, MIN_PHOTOS, PersonRef};
use likeness::{Face, Likeness, Pair};

/// The most alike pairs of people that are listed.
pub const MAX_PAIRS: usize = 20;
/// Rates of false names whose effect is told, besides the one in force.
const RATES: [f64; 3] = [0.001, 0.01, 0.05];

/// Two people and how often one would be taken for the other.
#[derive(Debug, Clone, PartialEq)]
pub struct AlikePair {
    /// In the order of their ids.
    pub people: [PersonRef; 2],
    /// Probability that two different people are this alike.
    pub false_match_probability: f64,
    /// Share of the photos of one that reach the threshold with the other, at most: scores of a pair's photos spread
    /// around their mean by less than strangers' scores, 1.
    pub confusion_rate: f64,
}

/// What a rate of false names means for the gallery.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateEffect {
    /// Share of strangers that may get a name.
    pub false_name_rate: f64,
    /// Probability that a stranger gets the name of one given person.
    pub false_match_probability: f64,
    /// Photos that are recognised when they are left out of their own template.
    pub recognised: usize,
    /// Photos that can be left out: those of people with others.
    pub of: usize,
}

/// The result.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// People of the gallery.
    pub people: usize,
    /// Their photos.
    pub photos: usize,
    /// The rate of false names that thresholds follow from.
    pub false_name_rate: f64,
    /// Sorted by kind, then by id or name.
    pub findings: Vec<Finding>,
    /// Those that were dismissed, in the same order; none before [`Audit::without_dismissed`].
    pub dismissed: Vec<Finding>,
    /// The most alike pairs, most alike first.
    pub alike: Vec<AlikePair>,
    /// By rate.
    pub rates: Vec<RateEffect>,
}

impl Audit {
    /// The same with the dismissed findings apart from the others.
    #[must_use]
    pub fn without_dismissed(self, dismissals: &Dismissals) -> Self {
        let (dismissed, findings) =
            self.findings.into_iter().partition(|finding| dismissals.contains(&finding.key()));
        Self { findings, dismissed, ..self }
    }
}

/// Checks the people of a gallery against each other and against the roster, where that has names. `rate` is the share of
/// strangers that may get a name.
///
/// # Errors
/// [`InputError::Conflict`] for a gallery without statistics of strangers.
pub fn audit(gallery: &Gallery, roster: &Roster, rate: f64) -> Result<Audit> {
    let Some(cohort) = gallery.cohort() else {
        let message = "an audit needs statistics of strangers, and there are none for the gallery's model and margin; make \
                       them with `facerec strangers fit`";
        return Err(InputError::Conflict(message.to_owned()).into());
    };
    let likeness = Likeness::measure(gallery, cohort);
    let auditor = Auditor { gallery, likeness: &likeness, rate };
    let mut findings = auditor.findings();
    findings.extend(roster_findings(gallery, roster));
    let mut rates: Vec<f64> = RATES.into_iter().chain([rate]).collect();
    rates.sort_unstable_by(f64::total_cmp);
    rates.dedup();
    Ok(Audit {
        people: gallery.len(),
        photos: gallery.photo_count(),
        false_name_rate: rate,
        findings,
        dismissed: Vec::new(),
        alike: auditor.alike(),
        rates: rates.into_iter().map(|rate| auditor.effect(rate)).collect(),
    })
}

struct Auditor<'a> {
    gallery: &'a Gallery,
    likeness: &'a Likeness,
    rate: f64,
}

impl Auditor<'_> {
    fn findings(&self) -> Vec<Finding> {
        let same: Vec<&Pair> = self.same_faces().collect();
        let same_people: BTreeSet<(usize, usize)> = same.iter().map(|pair| pair.people).collect();
        let mut found: Vec<Finding> = same.into_iter().map(|pair| self.same_face(pair)).collect();
        found.extend(self.likeness.faces.iter().filter_map(|face| self.unlike_photo(face, &same_people)));
        found.extend((0..self.gallery.len()).filter_map(|person| self.few_or_weak(person)));
        found.sort_by_cached_key(Finding::order);
        found
    }

    /// Pairs that are so alike that a gallery has any such pair of different people with the probability of the rate.
    fn same_faces(&self) -> impl Iterator<Item = &Pair> {
        let people = self.gallery.len();
        let least = threshold(self.rate, people * people.saturating_sub(1) / 2);
        self.likeness.pairs.iter().filter(move |pair| pair.score >= least)
    }

    fn same_face(&self, pair: &Pair) -> Finding {
        Finding::SameFace { people: self.pair(pair), false_match_probability: normal::upper_tail(pair.score) }
    }

    fn unlike_photo(&self, face: &Face, same: &BTreeSet<(usize, usize)>) -> Option<Finding> {
        let least = threshold(self.rate, self.gallery.len().saturating_sub(1));
        let best = face.best_other.filter(|other| {
            let pair = (face.person.min(other.person), face.person.max(other.person));
            other.score >= least && !same.contains(&pair)
        });
        let is_nearer = |other: f64| face.own_score.is_some_and(|own| own < other);
        let is_unlike = !face.counts || best.is_some_and(|other| is_nearer(other.score));
        is_unlike.then(|| Finding::UnlikePhoto {
            person: self.person(face.person),
            photo_id: face.photo_id.clone(),
            set_aside: !face.counts,
            looks_like: best.map(|other| self.person(other.person)),
        })
    }

    fn few_or_weak(&self, person: usize) -> Option<Finding> {
        let (counting, set_aside): (Vec<&Face>, Vec<&Face>) =
            self.likeness.faces.iter().filter(|face| face.person == person).partition(|face| face.counts);
        let (counting_photos, set_aside) = (counting.len(), set_aside.len());
        let weak = counting.iter().filter(|face| face.weak).count();
        if counting_photos < MIN_PHOTOS {
            return Some(Finding::FewPhotos {
                person: self.person(person),
                counting: counting_photos,
                set_aside,
                weak,
            });
        }
        let least = threshold(self.rate, self.gallery.len());
        let recognised =
            counting.iter().filter(|face| face.own_score.is_some_and(|own| own >= least)).count();
        (2 * recognised < counting_photos || weak == counting_photos).then(|| Finding::WeakPhotos {
            person: self.person(person),
            recognised,
            counting: counting_photos,
            weak,
        })
    }

    fn alike(&self) -> Vec<AlikePair> {
        let least = threshold(self.rate, self.gallery.len());
        let mut pairs: Vec<(f64, AlikePair)> = self
            .likeness
            .pairs
            .iter()
            .map(|pair| {
                let alike = AlikePair {
                    people: self.pair(pair),
                    false_match_probability: normal::upper_tail(pair.score),
                    confusion_rate: normal::upper_tail(least - pair.score),
                };
                (pair.score, alike)
            })
            .collect();
        pairs.sort_unstable_by(|(a, first), (b, second)| {
            b.total_cmp(a).then_with(|| first.people.cmp(&second.people))
        });
        pairs.into_iter().take(MAX_PAIRS).map(|(_, pair)| pair).collect()
    }

    fn effect(&self, rate: f64) -> RateEffect {
        let least = threshold(rate, self.gallery.len());
        let left_out: Vec<(&Face, f64)> =
            self.likeness.faces.iter().filter_map(|face| Some((face, face.own_score?))).collect();
        let is_recognised = |(face, own): &&(&Face, f64)| {
            *own >= least && face.best_other.is_none_or(|other| other.score < *own)
        };
        RateEffect {
            false_name_rate: rate,
            false_match_probability: normal::upper_tail(least),
            recognised: left_out.iter().filter(is_recognised).count(),
            of: left_out.len(),
        }
    }

    fn person(&self, at: usize) -> PersonRef {
        let person = &self.gallery.people()[at];
        PersonRef { id: person.id.clone(), name: person.name.clone() }
    }

    fn pair(&self, pair: &Pair) -> [PersonRef; 2] {
        let mut people = [self.person(pair.people.0), self.person(pair.people.1)];
        people.sort_unstable();
        people
    }
}

/// Names without a face and faces without a name, where the roster has names.
fn roster_findings(gallery: &Gallery, roster: &Roster) -> Vec<Finding> {
    if roster.is_empty() {
        return Vec::new();
    }
    let names: BTreeSet<&str> = roster.rows().iter().map(|row| row.name.key()).collect();
    let enrolled: BTreeSet<&str> = gallery.people().iter().map(|person| person.name.key()).collect();
    let missing = roster.rows().iter().filter(|row| !enrolled.contains(row.name.key()));
    let missing = missing.map(|row| Finding::NameWithoutFace { name: row.name.clone() });
    let unlisted = gallery.people().iter().filter(|person| !names.contains(person.name.key()));
    let unlisted = unlisted.map(|person| Finding::FaceWithoutName {
        person: PersonRef { id: person.id.clone(), name: person.name.clone() },
    });
    let mut found: Vec<Finding> = missing.chain(unlisted).collect();
    found.sort_by_cached_key(Finding::order);
    found
}
