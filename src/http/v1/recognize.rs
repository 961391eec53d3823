//! `POST /v1/recognize`: the people in a photo, with distances, margins and candidates.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::gallery::search::Assignment;
use crate::http::extract::params::{MAX_FACES, MIN_PROBABILITY, THRESHOLD, TOP_K, parameter};
use crate::http::extract::photo::{Photo, PhotoFormSchema};
use crate::http::extract::query::{Checked, FromQuery, Pairs};
use crate::http::problem::{ApiError, PhotoProblems};
use crate::http::state::AppState;
use crate::http::wire::faces::{
    FaceBox, Image, Landmarks, PersonRef, WireCandidate, milliseconds, wire_distance,
};
use crate::pipeline::{RecognizeParams, RecognizedFace, Timings};
use crate::service::recognize::Recognized;
use crate::service::snapshot::Snapshot;

/// Parameters of a recognition.
#[derive(Debug, Default)]
pub struct RecognizeQuery {
    threshold: Option<f32>,
    top_k: Option<usize>,
    min_probability: Option<f32>,
    max_faces: Option<usize>,
    assignment: Option<Assignment>,
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
                "A face matches a person below this cosine distance; default: the service's setting.",
            ),
            TOP_K.document("People listed for each face, nearest first."),
            MIN_PROBABILITY
                .document("Faces of lower probability are left out; default: the service's setting."),
            MAX_FACES.document("Most faces, the largest first; default: all."),
            assignment.schema(Some(WireAssignment::schema())).build(),
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
        Ok(Self {
            threshold: query.number(&THRESHOLD)?,
            top_k: query.number(&TOP_K)?,
            min_probability: query.number(&MIN_PROBABILITY)?,
            max_faces: query.number(&MAX_FACES)?,
            assignment: query.take("assignment", "unique or independent", assignment)?,
        })
    }
}

impl RecognizeQuery {
    fn applied_to(&self, mut params: RecognizeParams) -> RecognizeParams {
        params.faces.min_probability = self.min_probability.unwrap_or(params.faces.min_probability);
        params.faces.max_faces = self.max_faces.or(params.faces.max_faces);
        params.matching.threshold = self.threshold.unwrap_or(params.matching.threshold);
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
    /// Cosine distance below which a face was taken for a person's.
    #[schema(example = 0.5)]
    threshold: f32,
    /// The faces, the largest first.
    faces: Vec<FaceResult>,
    /// How many of them are nobody's.
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
    /// Whose face it is; null when nobody is near enough.
    #[schema(required)]
    person: Option<PersonRef>,
    /// Cosine distance to that person's nearest photo, of an unknown face to the nearest person's; null
    /// when nobody is enrolled.
    #[schema(required, minimum = 0, maximum = 2, example = 0.202)]
    distance: Option<f32>,
    /// Distance of the nearest other person minus `distance`: how clear the answer is. Below zero when
    /// another face of the photo got the nearest person. Null for an unknown face and where nobody
    /// else is enrolled.
    #[schema(required, example = 0.766)]
    margin: Option<f32>,
    /// The nearest people, nearest first, `top_k` of them.
    candidates: Vec<WireCandidate>,
}

/// Whether somebody is near enough.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Decision {
    /// `person` is.
    Match,
    /// Nobody is.
    Unknown,
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
    fn new(recognized: &Recognized, threshold: f32) -> Self {
        let Recognized { recognition, snapshot } = recognized;
        let faces: Vec<_> = recognition.faces.iter().map(|face| FaceResult::new(face, snapshot)).collect();
        Self {
            image: recognition.photo.into(),
            model: snapshot.gallery.recipe().model.clone(),
            threshold,
            unknown_faces: faces.iter().filter(|face| face.person.is_none()).count(),
            faces,
            timings_ms: recognition.timings.into(),
        }
    }
}

impl FaceResult {
    fn new(face: &RecognizedFace, snapshot: &Snapshot) -> Self {
        let nearest = face.found.matched.or(face.found.candidates.first().copied());
        let person = face.found.matched.and_then(|found| snapshot.gallery.people().get(found.person));
        let candidates = face.found.candidates.iter();
        Self {
            r#box: (&face.detection.bbox).into(),
            landmarks: (&face.detection.landmarks).into(),
            probability: face.detection.probability,
            decision: if person.is_some() { Decision::Match } else { Decision::Unknown },
            person: person.map(|person| PersonRef::new(person, snapshot)),
            distance: nearest.map(|found| wire_distance(found.distance)),
            margin: face.found.margin,
            candidates: candidates.filter_map(|candidate| WireCandidate::new(candidate, snapshot)).collect(),
        }
    }
}

/// Recognise faces.
///
/// Finds the faces of a photo and the enrolled person nearest to each. Scope: `recognize`.
#[utoipa::path(
    post, operation_id = "recognize", path = "/v1/recognize", tag = "recognition",
    params(RecognizeQuery),
    request_body(description = "The photo", content((PhotoFormSchema = "multipart/form-data"), ("image/*"))),
    responses((status = 200, description = "The faces, the largest first; none is no error", body = RecognitionResponse), PhotoProblems),
)]
pub async fn recognize(
    State(app): State<AppState>,
    Checked(query): Checked<RecognizeQuery>,
    Photo(photo): Photo,
) -> Result<Json<RecognitionResponse>, ApiError> {
    let params = query.applied_to(app.service.default_params());
    let recognized = app.service.recognize(photo, params).await?;
    Ok(Json(RecognitionResponse::new(&recognized, params.matching.threshold)))
}
