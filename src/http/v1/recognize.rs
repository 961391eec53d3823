//! `POST /v1/recognize`: the people in a photo, with distances, margins and candidates.

use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::gallery::Gallery;
use crate::gallery::search::{self, Assignment, MatchRule, score_threshold};
use crate::http::extract::attendance_query::{group_parameter, take_group};
use crate::http::extract::base64_json::PhotosInJson;
use crate::http::extract::params::{
    FALSE_NAME_RATE, MAX_FACES, MIN_PROBABILITY, THRESHOLD, TOP_K, parameter,
};
use crate::http::extract::photos::{Photos, PhotosFormSchema};
use crate::http::extract::query::{Checked, FromQuery, Pairs};
use crate::http::problem::{ApiError, ProblemCode, RecognizeProblems};
use crate::http::state::AppState;
use crate::http::v1::answers::{Answer, answer};
use crate::http::wire::faces::{
    FaceBox, Image, Landmarks, PersonRef, WireCandidate, milliseconds, wire_distance, wire_probability,
};
use crate::pipeline::{RecognizeParams, RecognizedFace, Timings};
use crate::service::disclosure::Disclosure;
use crate::service::recognize::Recognized;

/// Parameters of a recognition.
#[derive(Debug, Default)]
pub struct RecognizeQuery {
    false_name_rate: Option<f64>,
    threshold: Option<f32>,
    top_k: Option<usize>,
    min_probability: Option<f32>,
    max_faces: Option<usize>,
    assignment: Option<Assignment>,
    group: Option<String>,
}

impl IntoParams for RecognizeQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let assignment = parameter(
            "assignment",
            "`unique`: a person matches one face of a photo at most, nearest pairs first. `independent`: each face \
             is matched by itself.",
        );
        vec![
            THRESHOLD.document(
                "In place of the rate: a face matches the person of the nearest photo below this cosine distance. \
                 Where the service decides by a distance, at most its own, but for callers who may manage people.",
            ),
            FALSE_NAME_RATE.document(
                "False positive identification rate (FPIR): share of people not enrolled who may be given a name; the \
                 score threshold follows from it and from the number of people. Default: the service's setting, which only callers who may manage people can exceed.",
            ),
            TOP_K.document(
                "Maximum number of candidates for each face, best match first. Callers who may not manage people get matches only, three at most.",
            ),
            MIN_PROBABILITY
                .document("Faces of lower probability are left out; default: the service's setting."),
            MAX_FACES.document("Maximum number of faces, the largest first; default and limit: the service's setting."),
            assignment.schema(Some(WireAssignment::schema())).build(),
            group_parameter(
                "Compare with the people of this group first; `other_group` of a face says that it is somebody else's. Only \
                 for callers who may manage people: it tells who belongs to a group.",
            ),
        ]
    }
}

/// Whether two faces of one photo may get the same person.
#[derive(ToSchema)]
#[schema(as = Assignment, rename_all = "snake_case")]
#[allow(dead_code, reason = "only documents the values")]
enum WireAssignment {
    Unique,
    Independent,
}

impl FromQuery for RecognizeQuery {
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError> {
        let assignment = |text: &str| match text {
            "unique" => Some(Assignment::Unique),
            "independent" => Some(Assignment::Independent),
            _ => None,
        };
        let (false_name_rate, threshold) = (query.number(&FALSE_NAME_RATE)?, query.number(&THRESHOLD)?);
        if false_name_rate.is_some() && threshold.is_some() {
            let detail = "expected one of false_name_rate and threshold, found both";
            return Err(
                ApiError::new(ProblemCode::InvalidParameter, detail).with("parameter", "threshold".into())
            );
        }
        Ok(Self {
            false_name_rate,
            threshold,
            top_k: query.number(&TOP_K)?,
            min_probability: query.number(&MIN_PROBABILITY)?,
            max_faces: query.number(&MAX_FACES)?,
            assignment: query.take("assignment", "unique or independent", assignment)?,
            group: take_group(query)?,
        })
    }
}

impl RecognizeQuery {
    /// A rate needs statistics of strangers; the request is refused before its photo is worked on.
    fn check_statistics(&self, gallery: &Gallery) -> Result<(), ApiError> {
        if self.false_name_rate.is_none() || gallery.cohort().is_some() {
            return Ok(());
        }
        let recipe = gallery.recipe();
        let detail = format!(
            "false_name_rate: expected statistics of strangers for the model {} at margin {}, found none; use threshold",
            recipe.model, recipe.margin_px
        );
        Err(ApiError::new(ProblemCode::InvalidParameter, detail).with("parameter", "false_name_rate".into()))
    }

    fn applied_to(&self, mut params: RecognizeParams) -> RecognizeParams {
        params.faces.min_probability = self.min_probability.unwrap_or(params.faces.min_probability);
        params.faces = params.faces.at_most(self.max_faces);
        if let Some(rate) = self.false_name_rate {
            params.matching.rule = MatchRule::FalseNameRate { rate };
        }
        if let Some(threshold) = self.threshold {
            params.matching.rule = MatchRule::Distance { threshold };
        }
        params.matching.top_k = self.top_k.unwrap_or(params.matching.top_k);
        params.matching.assignment = self.assignment.unwrap_or(params.matching.assignment);
        params
    }
}

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

/// Recognise faces.
///
/// Detects the faces of a photo and identifies each (1:N, open set). Of several photos, in parts `photos` or in JSON as
/// `images`, each has a result. Scope: `recognize`.
#[utoipa::path(
    post, operation_id = "recognize", path = "/v1/recognize", tag = "recognition",
    params(RecognizeQuery),
    request_body(description = "The photo, or several", content(
        (PhotosFormSchema = "multipart/form-data"), ("image/*"), (PhotosInJson = "application/json"),
    )),
    responses((status = 200, description = "The faces, the largest first; none is no error", body = Answer<RecognitionResponse>), RecognizeProblems),
)]
pub async fn recognize(
    State(app): State<AppState>,
    Extension(disclosure): Extension<Disclosure>,
    Checked(query): Checked<RecognizeQuery>,
    photos: Photos,
) -> Result<Json<Answer<RecognitionResponse>>, ApiError> {
    query.check_statistics(&app.service.people().current())?;
    let own = app.service.default_params();
    let params = query.applied_to(own);
    disclosure
        .check_rule(own.matching.rule, params.matching.rule)
        .map_err(|detail| ApiError::new(ProblemCode::Forbidden, detail))?;
    let group = match &query.group {
        Some(_) if disclosure == Disclosure::Limited => {
            let detail = "group: expected none, or a caller who may manage people; photos of a session are compared with its group";
            return Err(ApiError::new(ProblemCode::Forbidden, detail));
        }
        Some(name) => Some(app.service.group_members(name).await?),
        None => None,
    };
    let recognize = |photo| {
        let (service, group) = (app.service.clone(), group.clone());
        async move {
            let recognized = service.recognize_in(photo, params, group, Some(disclosure)).await?;
            Ok(RecognitionResponse::new(&recognized, params.matching.rule, disclosure))
        }
    };
    Ok(Json(answer(photos, recognize).await?))
}
