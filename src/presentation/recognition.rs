//! Who is in a photo: faces, decisions, candidates.

use serde::Serialize;
use utoipa::ToSchema;

use super::faces::{
    FaceBox, Image, Landmarks, PersonRef, WireCandidate, milliseconds, wire_distance, wire_probability,
};
use crate::gallery::search::{self, MatchRule, score_threshold};
use crate::pipeline::{RecognizedFace, Timings};
use crate::service::disclosure::Disclosure;
use crate::service::recognize::Recognized;

/// Who is in the photo.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecognitionResponse {
    image: Image,
    /// The embedder; distances of different ones can't be compared.
    #[schema(example = "vggface2")]
    model: String,
    #[serde(flatten)]
    rule: WireRule,
    /// The faces, the largest first.
    faces: Vec<FaceResult>,
    /// How many further faces were found and left out, the smallest ones.
    #[schema(example = 0)]
    faces_omitted: usize,
    /// Number of candidate boxes, the smallest, that were dropped before R-Net or O-Net because the photo has so many.
    #[schema(example = 0)]
    candidates_omitted: usize,
    /// How many of them got no name, unsure ones included.
    #[schema(example = 1)]
    unknown_faces: usize,
    timings_ms: RecognitionTimings,
}

/// A face and whose it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecognizedFace)]
struct FaceResult {
    r#box: FaceBox,
    landmarks: Landmarks,
    /// How sure the detector is that it is a face.
    #[schema(minimum = 0, maximum = 1, example = 0.9999)]
    probability: f32,
    decision: Decision,
    /// Whose face it is; null when it is nobody's or that is not sure enough.
    #[schema(required)]
    person: Option<PersonRef>,
    /// Whether that person belongs to another group than was asked for. Null without a group, and for a face without a person.
    #[schema(required)]
    other_group: Option<bool>,
    /// Cosine distance to that person's nearest photo, of an unknown face to the nearest person's; null
    /// when nobody is enrolled.
    #[schema(required, minimum = 0, maximum = 2, example = 0.202)]
    distance: Option<f32>,
    /// Distance of the next most alike person minus `distance`: how clear it is. Null for a face without a person
    /// and where nobody else is enrolled.
    #[schema(required, example = 0.766)]
    margin: Option<f32>,
    /// Normalised similarity score of face and person, in standard deviations of people not enrolled (s-norm); without a
    /// person, of face and first candidate. Null where a distance decides.
    #[schema(required, example = 9.31)]
    score: Option<f32>,
    /// Probability that a person who is not enrolled reaches this score with anyone enrolled here. Null where a distance decides.
    #[schema(required, minimum = 0, maximum = 1, example = 0.0003)]
    stranger_probability: Option<f64>,
    /// Why the face has no person although one is alike enough.
    #[schema(required)]
    reason: Option<UnknownReason>,
    /// With the reason `person_already_matched`: the index in `faces` of the face that got the person.
    #[schema(required, example = 0)]
    other_face: Option<usize>,
    /// The most alike people, best first, `top_k` of them. Callers who may not manage people get those who are alike
    /// enough to be a match, three at most, and distances, margins and scores with three decimals, probabilities with two digits.
    candidates: Vec<WireCandidate>,
}

/// Whose face it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Decision {
    /// That of `person`.
    Match,
    /// Perhaps that of the most alike person, who is a candidate only for callers who may manage people: it would be a
    /// match at ten times the rate. Other endpoints count it as unknown.
    Unsure,
    /// Nobody's.
    Unknown,
}

impl From<search::Decision> for Decision {
    fn from(decision: search::Decision) -> Self {
        match decision {
            search::Decision::Match => Self::Match,
            search::Decision::Unsure => Self::Unsure,
            search::Decision::Unknown => Self::Unknown,
        }
    }
}

/// Why a face has no person although one is alike enough.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum UnknownReason {
    /// The person is `other_face`, which is more alike.
    PersonAlreadyMatched,
}

/// What decided; the members of the other rule are null.
#[derive(Debug, Serialize, ToSchema)]
struct WireRule {
    /// Share of strangers that may get a name from these people.
    #[schema(required, example = 0.01)]
    false_name_rate: Option<f64>,
    /// The score from which on a face is a match at that rate, in standard deviations of strangers.
    #[schema(required, example = 3.72)]
    score_threshold: Option<f64>,
    /// Cosine distance to the nearest photo below which a face is a match.
    #[schema(required, example = 0.5)]
    threshold: Option<f32>,
}

impl WireRule {
    fn new(rule: MatchRule, people: usize) -> Self {
        let (false_name_rate, threshold) = match rule {
            MatchRule::FalseNameRate { rate } => (Some(rate), None),
            MatchRule::Distance { threshold } => (None, Some(threshold)),
        };
        Self { false_name_rate, score_threshold: score_threshold(people, rule), threshold }
    }
}

/// Where the time went, milliseconds.
#[derive(Debug, Serialize, ToSchema)]
struct RecognitionTimings {
    #[schema(example = 14.1)]
    decode: f64,
    #[schema(example = 96.0)]
    detect: f64,
    #[schema(example = 61.5)]
    embed: f64,
    #[schema(example = 0.1)]
    r#match: f64,
}

impl From<Timings> for RecognitionTimings {
    fn from(timings: Timings) -> Self {
        Self {
            decode: milliseconds(timings.decode),
            detect: milliseconds(timings.detect),
            embed: milliseconds(timings.embed),
            r#match: milliseconds(timings.matching),
        }
    }
}

impl RecognitionResponse {
    /// Of a photo whose faces were matched by `rule`.
    #[must_use]
    pub fn new(recognized: &Recognized, rule: MatchRule, disclosure: Disclosure) -> Self {
        let Recognized { recognition, snapshot, .. } = recognized;
        let result = |face| FaceResult::new(face, recognized, disclosure);
        let faces: Vec<_> = recognition.faces.iter().map(result).collect();
        Self {
            image: recognition.photo.into(),
            model: snapshot.gallery.recipe().model.clone(),
            rule: WireRule::new(rule, recognized.people_compared()),
            unknown_faces: faces.iter().filter(|face| face.person.is_none()).count(),
            faces,
            faces_omitted: recognition.omitted.faces,
            candidates_omitted: recognition.omitted.candidates,
            timings_ms: recognition.timings.into(),
        }
    }
}

impl FaceResult {
    fn new(face: &RecognizedFace, recognized: &Recognized, disclosure: Disclosure) -> Self {
        let Recognized { snapshot, group, .. } = recognized;
        let figure = |value| disclosure.figure(value);
        let probability = |value| disclosure.probability(wire_probability(value));
        let nearest = face.found.matched.or(face.found.candidates.first().copied());
        let person = face.found.matched.and_then(|found| snapshot.gallery.people().get(found.person));
        let candidates = disclosure.candidates(&face.found).iter();
        let candidate = |candidate| WireCandidate::new(candidate, snapshot, disclosure);
        Self {
            r#box: (&face.detection.bbox).into(),
            landmarks: (&face.detection.landmarks).into(),
            probability: face.detection.probability,
            decision: face.found.decision.into(),
            person: person.map(|person| PersonRef::new(person, snapshot)),
            other_group: person.and_then(|person| Some(!group.as_ref()?.has(person))),
            distance: nearest.map(|found| figure(wire_distance(found.distance))),
            margin: face.found.margin.map(figure),
            score: face.found.score.map(figure),
            stranger_probability: face.found.stranger_probability.map(probability),
            reason: face.found.already_matched.map(|_| UnknownReason::PersonAlreadyMatched),
            other_face: face.found.already_matched,
            candidates: candidates.filter_map(candidate).collect(),
        }
    }
}
