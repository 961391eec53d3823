//! `POST /v1/recognize`: who is in the photo, how sure that is, and who else it could be.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::faces::{FaceBox, Image, Landmarks, PersonRef, WireCandidate, milliseconds, wire_distance};
use super::photo::{Photo, PhotoFormSchema};
use super::query::{Checked, FromQuery, Pairs};
use crate::gallery::search::Assignment;
use crate::http::error::ApiError;
use crate::http::problems::PhotoProblems;
use crate::http::state::{Answer, AppState};
use crate::pipeline::{RecognizeParams, RecognizedFace, Timings};

/// Most candidates listed for a face.
const MAX_TOP_K: usize = 100;
/// Most faces that may be asked for.
pub const MAX_FACES: usize = 10_000;

/// How a photo is looked at.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RecognizeQuery {
    /// A face is a person's when the cosine distance is below this; the service's own setting by default.
    #[param(minimum = 0, maximum = 2, example = 0.5, nullable = false)]
    threshold: Option<f32>,
    /// How many people to list for each face, the nearest first.
    #[param(minimum = 1, maximum = 100, default = 1, nullable = false)]
    top_k: Option<usize>,
    /// Faces that the detector is less sure of are left out; the service's own setting by default.
    #[param(minimum = 0, maximum = 1, example = 0.9, nullable = false)]
    min_probability: Option<f32>,
    /// Only so many faces, the largest; all by default.
    #[param(minimum = 1, maximum = 10_000, nullable = false)]
    max_faces: Option<usize>,
    /// `unique`: a person is in a photo once; the nearest pairs are joined first, over the whole photo.
    /// `independent`: each face by itself.
    #[param(value_type = Option<WireAssignment>, inline, nullable = false)]
    assignment: Option<Assignment>,
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
            threshold: query.number("threshold", 0.0, 2.0)?,
            top_k: query.whole("top_k", 1, MAX_TOP_K)?,
            min_probability: query.number("min_probability", 0.0, 1.0)?,
            max_faces: query.whole("max_faces", 1, MAX_FACES)?,
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
pub struct RecognitionAnswer {
    image: Image,
    /// The embedder; distances of different ones can't be compared.
    #[schema(example = "vggface2")]
    model: String,
    /// Cosine distance below which a face was taken for a person's.
    #[schema(example = 0.5)]
    threshold: f32,
    /// The faces, the largest first.
    faces: Vec<FaceAnswer>,
    /// How many of them are nobody's.
    #[schema(example = 1)]
    unknown_faces: usize,
    timings_ms: RecognitionTimings,
}

/// A face and whose it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecognizedFace)]
struct FaceAnswer {
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

impl RecognitionAnswer {
    fn new(answer: &Answer, threshold: f32) -> Self {
        let faces: Vec<_> =
            answer.recognition.faces.iter().map(|face| FaceAnswer::new(face, answer)).collect();
        Self {
            image: answer.recognition.photo.into(),
            model: answer.gallery.recipe().model.clone(),
            threshold,
            unknown_faces: faces.iter().filter(|face| face.person.is_none()).count(),
            faces,
            timings_ms: answer.recognition.timings.into(),
        }
    }
}

impl FaceAnswer {
    fn new(face: &RecognizedFace, answer: &Answer) -> Self {
        let Answer { gallery, roster, .. } = answer;
        let nearest = face.found.matched.or(face.found.candidates.first().copied());
        let person = face.found.matched.and_then(|found| gallery.people().get(found.person));
        Self {
            r#box: (&face.detection.bbox).into(),
            landmarks: (&face.detection.landmarks).into(),
            probability: face.detection.probability,
            decision: if person.is_some() { Decision::Match } else { Decision::Unknown },
            person: person.map(|person| PersonRef::new(person, roster)),
            distance: nearest.map(|found| wire_distance(found.distance)),
            margin: face.found.margin,
            candidates: face
                .found
                .candidates
                .iter()
                .filter_map(|candidate| WireCandidate::new(candidate, gallery, roster))
                .collect(),
        }
    }
}

/// Who is in this photo?
///
/// Finds the faces of a photo and the enrolled person nearest to each. Scope: `recognize`.
///
/// # Errors
/// As listed.
#[utoipa::path(
    post, operation_id = "recognize", path = "/v1/recognize", tag = "recognition",
    params(RecognizeQuery),
    request_body(description = "The photo", content((PhotoFormSchema = "multipart/form-data"), ("image/*"))),
    responses((status = 200, description = "The faces, the largest first; none is no error", body = RecognitionAnswer), PhotoProblems),
)]
pub async fn recognize(
    State(app): State<AppState>,
    Checked(query): Checked<RecognizeQuery>,
    Photo(photo): Photo,
) -> Result<Json<RecognitionAnswer>, ApiError> {
    let params = query.applied_to(app.recognize_params());
    let answer = app.recognize(photo, params).await?;
    Ok(Json(RecognitionAnswer::new(&answer, params.matching.threshold)))
}
