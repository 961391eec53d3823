//! `POST /v1/verify`: whether two photos, or a photo and an enrolled person, show the same face.

use axum::extract::{FromRequest, Request, State};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

use crate::error::InputError;
use crate::http::extract::form::{Form, read_file};
use crate::http::extract::params::{FACE_A, FACE_B, MIN_PROBABILITY, THRESHOLD, parameter};
use crate::http::extract::query::{Checked, FromQuery, Pairs};
use crate::http::extract::refusals::{invalid, repeated_part, unknown_part};
use crate::http::extract::upload::ImageUpload;
use crate::http::problem::{ApiError, PairProblems, ProblemCode};
use crate::http::state::AppState;
use crate::presentation::faces::{DetectedFace, wire_distance, wire_probability};
use crate::service::disclosure::Disclosure;
use crate::service::verify::{Side, Unclear, VerifyOutcome, VerifyParams};

/// The form's parts, in order.
const PARTS: [&str; 2] = ["a", "b"];
/// Longest id of a person that is looked up, bytes.
const MAX_ID_BYTES: usize = 64;

/// How the photos are compared.
#[derive(Debug)]
pub struct VerifyQuery {
    threshold: Option<f32>,
    min_probability: Option<f32>,
    /// Which face of each photo.
    faces: [Option<usize>; 2],
    /// Who the face of the only photo is compared with.
    person_id: Option<String>,
}

impl IntoParams for VerifyQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let id = ObjectBuilder::new().schema_type(Type::String).max_length(Some(MAX_ID_BYTES));
        let person =
            parameter("person_id", "Compare photo `a` with this enrolled person, in place of photo `b`.");
        vec![
            THRESHOLD.document(
                "The faces are the same person's below this cosine distance; default: the service's setting. \
                 With `person_id` at most that, but for callers who may manage people.",
            ),
            MIN_PROBABILITY
                .document("Faces of lower probability don't count; default: the service's setting."),
            FACE_A.document("Which face of photo `a`, in the order of `/v1/detect`, where it shows several."),
            FACE_B.document("Which face of photo `b`, in the order of `/v1/detect`, where it shows several."),
            person.schema(Some(id)).example(Some("01JDK5Q2W7C1Z8N4T6R0YB3MXA".into())).build(),
        ]
    }
}

impl FromQuery for VerifyQuery {
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError> {
        let id = |text: &str| (1..=MAX_ID_BYTES).contains(&text.len()).then(|| text.to_owned());
        Ok(Self {
            threshold: query.number(&THRESHOLD)?,
            min_probability: query.number(&MIN_PROBABILITY)?,
            faces: [query.number(&FACE_A)?, query.number(&FACE_B)?],
            person_id: query.take("person_id", "the id of a person", id)?,
        })
    }
}

/// A form with two photos.
#[derive(ToSchema)]
#[schema(as = PhotoPair)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only documents the form")]
pub struct PhotoPairSchema {
    /// The one photo.
    #[schema(value_type = String, format = Binary)]
    a: Vec<u8>,
    /// The other photo; not with `person_id`.
    #[schema(value_type = String, format = Binary, required = false)]
    b: Option<Vec<u8>>,
}

/// The photos of the request.
pub struct Photos {
    a: ImageUpload,
    b: Option<ImageUpload>,
}

impl FromRequest<AppState> for Photos {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let expected = "the photos in parts `a` and `b`";
        let (_admission, mut form) = Form::admitted(request, app, app.limits.pair, expected).await?;
        let (mut a, mut b) = (None, None);
        while let Some(part) = form.next().await? {
            let (name, slot) = match part.name() {
                Some("a") => ("a", &mut a),
                Some("b") => ("b", &mut b),
                _ => return Err(unknown_part(&PARTS, part.name())),
            };
            if slot.replace(read_file(part, &app.uploads).await?).is_some() {
                return Err(repeated_part(name));
            }
        }
        Ok(Self { a: a.ok_or_else(|| missing("a"))?, b })
    }
}

fn missing(part: &str) -> ApiError {
    InputError::Missing(format!("expected a photo in part `{part}` of the form, found none")).into()
}

/// How far apart two faces are.
#[derive(Debug, Serialize, ToSchema)]
pub struct Verification {
    /// Cosine distance; to an enrolled person that to the nearest photo. For callers who may not manage people it has three
    /// decimals, and the probability two digits.
    #[schema(minimum = 0, maximum = 2, example = 0.191)]
    distance: f32,
    /// How likely the faces of two different people are to be this alike: the false match rate of a threshold at this
    /// pair. Null where the service has no statistics of strangers for its embedder.
    #[schema(required, minimum = 0, maximum = 1, example = 2.1e-7)]
    false_match_probability: Option<f64>,
    /// Whether it is below the threshold.
    same: bool,
    #[schema(example = 0.5)]
    threshold: f32,
    /// The embedder; distances of different ones can't be compared.
    #[schema(example = "vggface2")]
    model: String,
    a: DetectedFace,
    /// Null where an enrolled person takes its place.
    #[schema(required)]
    b: Option<DetectedFace>,
}

/// Compare two faces.
///
/// Compares the faces of two photos, or with `person_id` the face of photo `a` with an enrolled person. A photo with several
/// faces is refused unless `face_a` or `face_b` says which is meant. Scope: `recognize`.
///
/// # Errors
/// Among others 422 `no_face` and `several_faces`: `part` names the photo.
#[utoipa::path(
    post, operation_id = "verify", path = "/v1/verify", tag = "recognition",
    params(VerifyQuery),
    request_body(description = "Two photos, or one", content((PhotoPairSchema = "multipart/form-data"))),
    responses((status = 200, description = "How far apart they are", body = Verification), PairProblems),
)]
pub async fn verify(
    State(app): State<AppState>,
    Extension(disclosure): Extension<Disclosure>,
    Checked(query): Checked<VerifyQuery>,
    Photos { a, b }: Photos,
) -> Result<Json<Verification>, ApiError> {
    let own_threshold = app.service.default_threshold();
    let params = VerifyParams {
        threshold: query.threshold.unwrap_or(own_threshold),
        min_probability: query.min_probability.unwrap_or(app.service.default_params().faces.min_probability),
    };
    let [face_a, face_b] = query.faces;
    let a = Side { photo: a, face: face_a };
    let outcome = match (query.person_id, b) {
        (None, Some(photo)) => app.service.verify([a, Side { photo, face: face_b }], params).await?,
        (Some(_), None) if face_b.is_some() => {
            return Err(invalid("expected no face_b with person_id: there is no photo `b`".to_owned()));
        }
        (Some(id), None) => {
            disclosure
                .check_threshold(own_threshold, params.threshold)
                .map_err(|detail| ApiError::new(ProblemCode::Forbidden, detail))?;
            app.service.verify_person(a, id, params).await?
        }
        (None, None) => return Err(missing("b")),
        (Some(_), Some(_)) => {
            return Err(invalid("expected part `b` or person_id, found both".to_owned()));
        }
    };
    match outcome {
        VerifyOutcome::Unclear(index, why) => {
            Err(unclear(PARTS.get(index).copied().unwrap_or_default(), why))
        }
        VerifyOutcome::Compared(compared) => {
            let mut faces = compared.faces.iter().map(DetectedFace::from);
            let probability = |value| disclosure.probability(wire_probability(value));
            Ok(Json(Verification {
                distance: disclosure.figure(wire_distance(compared.distance)),
                false_match_probability: compared.false_match_probability.map(probability),
                same: compared.same,
                threshold: params.threshold,
                model: compared.model,
                a: faces.next().ok_or_else(|| missing("a"))?,
                b: faces.next(),
            }))
        }
    }
}

fn unclear(part: &str, why: Unclear) -> ApiError {
    let (code, detail) = match why {
        Unclear::NoFace => {
            (ProblemCode::NoFace, format!("expected a face in the photo of part `{part}`, found none"))
        }
        Unclear::Several(faces) => (
            ProblemCode::SeveralFaces,
            format!(
                "expected one face in the photo of part `{part}`, found {faces}: choose one with face_{part}, 0 to {}",
                faces - 1
            ),
        ),
        Unclear::NotThere(faces) => (
            ProblemCode::InvalidParameter,
            format!("face_{part}: expected 0 to {}, since the photo shows {faces} faces", faces - 1),
        ),
    };
    ApiError::new(code, detail).with("part", part.into())
}
