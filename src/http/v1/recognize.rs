//! `POST /v1/recognize`: the people in a photo, with distances, margins and candidates.

use axum::extract::State;
use axum::{Extension, Json};
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::gallery::Gallery;
use crate::gallery::search::{Assignment, MatchRule};
use crate::http::extract::attendance_query::{group_parameter, take_group};
use crate::http::extract::params::{
    FALSE_NAME_RATE, MAX_FACES, MIN_PROBABILITY, THRESHOLD, TOP_K, parameter,
};
use crate::http::extract::photos::{Photos, PhotosFormSchema};
use crate::http::extract::query::{Checked, FromQuery, Pairs};
use crate::http::problem::{ApiError, ProblemCode, RecognizeProblems};
use crate::http::state::AppState;
use crate::http::v1::photo_results::{OneOrSeveral, run_each};
use crate::pipeline::RecognizeParams;
use crate::presentation::recognition::RecognitionResponse;
use crate::service::disclosure::Disclosure;
use crate::upload::base64_json::PhotosInJson;

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
    responses((status = 200, description = "The faces, the largest first; none is no error", body = OneOrSeveral<RecognitionResponse>), RecognizeProblems),
)]
pub async fn recognize(
    State(app): State<AppState>,
    Extension(disclosure): Extension<Disclosure>,
    Checked(query): Checked<RecognizeQuery>,
    photos: Photos,
) -> Result<Json<OneOrSeveral<RecognitionResponse>>, ApiError> {
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
    Ok(Json(run_each(photos, recognize).await?))
}
