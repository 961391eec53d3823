//! From embeddings to names: who is most alike, and who is alike enough.

use std::fmt;

use super::Gallery;
use super::assign::{Assigned, Choice, assign_independent, assign_unique};
pub use super::nearest::Candidate;
use super::template::Scored;
use crate::cohort::{stranger_probability, threshold};
use crate::embed::Embedding;
use crate::error::{InputError, Result};

/// `unsure` is what would be a match at so many times the rate.
const UNSURE_RATES: f64 = 10.0;
/// The rate of `unsure` is no more than this: beyond it, most strangers would be.
const MAX_UNSURE_RATE: f64 = 0.5;
/// How much lower the score of a face's second choice may be, when the first went to another face of the photo.
const TWIN_SCORE: f32 = 1.5;
/// How high two people's templates score against each other before they may be twins. Chosen by trial with pairs of photos
/// of one person (docs/accuracy.md): without it, one pair in 200 names somebody else.
const TWIN_LIKENESS: f32 = 4.0;
/// How much farther, in cosine distance, a face's second choice may be where there are no scores.
const TWIN_DISTANCE: f32 = 0.05;
/// Most alike people that a decision takes into account: two choices and the next person, for the margin.
const CONSIDERED: usize = 3;

/// What makes a face a person's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MatchRule {
    /// By the score against the person's template: of strangers, a share `rate` gets any name of this gallery. The
    /// threshold rises with the number of people.
    FalseNameRate {
        /// Above 0, below 1.
        rate: f64,
    },
    /// By the cosine distance to the person's nearest photo.
    Distance {
        /// A face is a person's below it, 0 to 2.
        threshold: f32,
    },
}

impl fmt::Display for MatchRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FalseNameRate { rate } => write!(f, "false name rate {rate}"),
            Self::Distance { threshold } => write!(f, "distance below {threshold}"),
        }
    }
}

/// Whether two faces of one photo may get the same person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignment {
    /// No: most alike pairs first, over the whole photo.
    Unique,
    /// Yes: each face by itself, as the Flask service did.
    Independent,
}

/// Settings of the search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchParams {
    /// What makes a face a person's.
    pub rule: MatchRule,
    /// How many candidates to list for each face.
    pub top_k: usize,
    /// Whether a person may be given twice.
    pub assignment: Assignment,
}

/// How sure it is whose face it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The matched person's.
    Match,
    /// Perhaps the first candidate's: it would be a match at ten times the rate.
    Unsure,
    /// Nobody's.
    Unknown,
}

/// The result for one face.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceMatch {
    /// How sure it is.
    pub decision: Decision,
    /// The person of a match; else `None`.
    pub matched: Option<Candidate>,
    /// The most alike people, best first, `top_k` at most; at least the best when anyone is enrolled.
    pub candidates: Vec<Candidate>,
    /// How many of the candidates, from the first, are alike enough to be a match.
    pub alike: usize,
    /// Cosine distance of the next most alike person minus that of the match: how clear it is. `None` for other
    /// decisions and where there is nobody else.
    pub margin: Option<f32>,
    /// Score against the matched person, else against the best; `None` under [`MatchRule::Distance`].
    pub score: Option<f32>,
    /// How likely a stranger is to reach this score with anyone of this gallery; `None` where there is no score.
    pub stranger_probability: Option<f64>,
    /// The face of the photo, by index, that got the best person, for whom this one would be alike enough.
    pub already_matched: Option<usize>,
}

/// Whether a cosine distance is near enough; the one place where that is decided.
#[must_use]
pub fn is_match(distance: f32, threshold: f32) -> bool {
    distance < threshold
}

/// The score from which on a face is a match under `rule` among so many people; `None` under [`MatchRule::Distance`].
#[must_use]
pub fn score_threshold(people: usize, rule: MatchRule) -> Option<f64> {
    match rule {
        MatchRule::FalseNameRate { rate } => Some(threshold(rate, people)),
        MatchRule::Distance { .. } => None,
    }
}

/// For each face the `wanted` people with the nearest photos, nearest first.
#[must_use]
pub fn nearest(gallery: &Gallery, faces: &[Embedding], wanted: usize) -> Vec<Vec<Candidate>> {
    super::nearest::nearest(gallery.people(), faces, wanted, f32::INFINITY)
}

/// Those of [`nearest`] who are nearer than `distance`: the smaller that is, the faster they are found.
#[must_use]
pub fn nearest_within(
    gallery: &Gallery,
    faces: &[Embedding],
    wanted: usize,
    distance: f32,
) -> Vec<Vec<Candidate>> {
    let mut found = super::nearest::nearest(gallery.people(), faces, wanted, distance);
    for candidates in &mut found {
        candidates.retain(|candidate| is_match(candidate.distance.max(0.0), distance));
    }
    found
}

/// Finds the person of each face of one photo. Of equally alike people the one enrolled earlier comes first, and of two
/// equally alike faces the earlier one gets the person.
///
/// # Errors
/// [`InputError::Conflict`] for a rate where the gallery has no statistics of strangers.
pub fn search(gallery: &Gallery, faces: &[Embedding], params: &MatchParams) -> Result<Vec<FaceMatch>> {
    let wanted = params.top_k.max(CONSIDERED);
    let ranked = match params.rule {
        MatchRule::FalseNameRate { rate } => by_score(gallery, faces, rate, wanted)?,
        MatchRule::Distance { threshold } => by_distance(gallery, faces, threshold, wanted),
    };
    let choices: Vec<Vec<Choice>> =
        ranked.iter().map(|face| face.iter().map(Ranked::choice).collect()).collect();
    let assigned = match params.assignment {
        Assignment::Unique => {
            assign_unique(&choices, |first, second| may_be_twins(gallery, params.rule, first, second))
        }
        Assignment::Independent => assign_independent(&choices),
    };
    let results = ranked.iter().zip(assigned);
    Ok(results.map(|(face, assigned)| result(gallery.len(), face, assigned, params.top_k)).collect())
}

/// Whether a face whose first choice went to another face may be its second choice's: they are nearly as alike, and so
/// are the two people.
fn may_be_twins(gallery: &Gallery, rule: MatchRule, first: Choice, second: Choice) -> bool {
    let behind = first.likeness - second.likeness;
    match rule {
        MatchRule::FalseNameRate { .. } => {
            let likeness = gallery
                .templates()
                .and_then(|all| all.likeness(gallery.people(), first.person, second.person));
            behind <= TWIN_SCORE && likeness.is_some_and(|likeness| likeness >= TWIN_LIKENESS)
        }
        MatchRule::Distance { .. } => behind <= TWIN_DISTANCE,
    }
}

/// A person, and how alike a face is.
#[derive(Debug, Clone, Copy)]
struct Ranked {
    candidate: Candidate,
    score: Option<f32>,
    decision: Decision,
}

impl Ranked {
    fn choice(&self) -> Choice {
        Choice {
            person: self.candidate.person,
            likeness: self.score.unwrap_or(-self.candidate.distance),
            is_match: self.decision == Decision::Match,
        }
    }
}

fn by_score(gallery: &Gallery, faces: &[Embedding], rate: f64, wanted: usize) -> Result<Vec<Vec<Ranked>>> {
    let templates = gallery.templates().ok_or_else(|| {
        let recipe = gallery.recipe();
        InputError::Conflict(format!(
            "expected statistics of strangers for the model {} at margin {}, found none: use a distance threshold",
            recipe.model, recipe.margin_px
        ))
    })?;
    let unsure_rate = (rate * UNSURE_RATES).min(MAX_UNSURE_RATE).max(rate);
    let [sure, unsure] = [rate, unsure_rate].map(|rate| threshold(rate, gallery.len()));
    let rank = |scored: Scored| Ranked {
        candidate: Candidate { person: scored.person, distance: scored.distance },
        score: Some(scored.score),
        decision: match f64::from(scored.score) {
            score if score >= sure => Decision::Match,
            score if score >= unsure => Decision::Unsure,
            _ => Decision::Unknown,
        },
    };
    let best = templates.best(gallery.people(), faces, wanted);
    Ok(best.into_iter().map(|face| face.into_iter().map(rank).collect()).collect())
}

fn by_distance(gallery: &Gallery, faces: &[Embedding], threshold: f32, wanted: usize) -> Vec<Vec<Ranked>> {
    let rank = |candidate: Candidate| Ranked {
        candidate,
        score: None,
        decision: if is_match(candidate.distance, threshold) { Decision::Match } else { Decision::Unknown },
    };
    let nearest = nearest(gallery, faces, wanted);
    nearest.into_iter().map(|face| face.into_iter().map(rank).collect()).collect()
}

fn result(people: usize, ranked: &[Ranked], assigned: Assigned, top_k: usize) -> FaceMatch {
    let best = ranked.first();
    let best_decision = best.map_or(Decision::Unknown, |best| best.decision);
    let (own, runner_up) = match assigned {
        Assigned::Choice(at) => (ranked.get(at), ranked.get(at + 1)),
        Assigned::Nobody | Assigned::TakenBy(_) => (None, None),
    };
    let (decision, already_matched) = match assigned {
        Assigned::Choice(_) => (Decision::Match, None),
        Assigned::TakenBy(face) if best_decision != Decision::Unknown => (Decision::Unknown, Some(face)),
        Assigned::TakenBy(_) | Assigned::Nobody => (best_decision, None),
    };
    let score = own.or(best).and_then(|ranked| ranked.score);
    let margin = |own: &Ranked| Some(runner_up?.candidate.distance - own.candidate.distance);
    let listed = ranked.get(..top_k.max(1)).unwrap_or(ranked);
    FaceMatch {
        decision,
        matched: own.map(|own| own.candidate),
        candidates: listed.iter().map(|ranked| ranked.candidate).collect(),
        alike: listed.iter().take_while(|ranked| ranked.decision == Decision::Match).count(),
        margin: own.and_then(margin),
        score,
        stranger_probability: score.map(|score| stranger_probability(f64::from(score), people)),
        already_matched,
    }
}
