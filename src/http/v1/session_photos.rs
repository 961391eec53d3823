//! `POST /v1/sessions/{session_id}/photos`: who is in these photos, and what that changes.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::attendance::{self, Change, Marked, StoredResponse};
use crate::error::{Error, InputError};
use crate::http::extract::idempotency::Idempotency;
use crate::http::extract::session_photos::{SessionPhotosForm, SessionPhotosSchema};
use crate::http::problem::{ApiError, Problem, SessionPhotosProblems};
use crate::http::state::AppState;
use crate::presentation::attendance::Status;
use crate::presentation::faces::PersonRef;
use crate::presentation::recognition::RecognitionResponse;
use crate::service::attendance::idempotency::idempotency_key;
use crate::service::attendance::photos::RecordedPhoto;
use crate::service::disclosure::Disclosure;
use crate::service::recognize::Recognized;

/// A status that a photo changed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AttendanceChange)]
struct ChangeEntry {
    person: PersonRef,
    /// Before; null where there was none, and for callers who may not manage people.
    #[schema(required)]
    from: Option<Status>,
    /// After.
    to: Status,
}

/// What became of a photo.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionPhotoResult)]
struct PhotoResult {
    /// Its file name, else its number.
    #[schema(example = "class.jpg")]
    photo: String,
    /// By which entries refer to it.
    #[schema(example = "01KB9V2T4M6X8Z0B2D4F6H8J0K")]
    id: String,
    /// When it was taken, UTC.
    #[schema(format = DateTime, example = "2026-11-26T07:02:00Z")]
    captured_at: String,
    /// Who is in it, as from `/v1/recognize`; null where it can't be used.
    #[schema(required)]
    recognition: Option<RecognitionResponse>,
    /// What it changed. Callers who may not manage people get changes of people who were recognised, not of unsure ones.
    changes: Vec<ChangeEntry>,
    /// Recognised people who don't belong to the session's group.
    visitors: Vec<PersonRef>,
    /// Whether the session had this photo already.
    repeated: bool,
    /// Why it can't be used; null where it can.
    #[schema(required, value_type = Option<Problem>)]
    error: Option<Value>,
}

/// What became of photos.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionPhotosRecorded {
    /// Of the session.
    #[schema(example = "01KB9V1QFJ4T0Z6Q8Y3C5W7D2E")]
    session_id: String,
    /// One for each photo, in the order in which they came.
    photos: Vec<PhotoResult>,
}

impl SessionPhotosRecorded {
    fn new(
        session: &attendance::Session,
        labels: Vec<String>,
        recorded: Vec<RecordedPhoto>,
        told: &Told,
    ) -> Self {
        let photos =
            labels.into_iter().zip(recorded).map(|(label, photo)| told.photo(label, photo)).collect();
        Self { session_id: session.id.clone(), photos }
    }
}

/// How results are told.
struct Told {
    rule: crate::gallery::search::MatchRule,
    disclosure: Disclosure,
}

impl Told {
    fn photo(&self, label: String, recorded: RecordedPhoto) -> PhotoResult {
        let (id, captured_at) = (recorded.photo.id, recorded.photo.captured_at.to_string());
        let mut result = PhotoResult {
            photo: label,
            id,
            captured_at,
            recognition: None,
            changes: Vec::new(),
            visitors: Vec::new(),
            repeated: false,
            error: None,
        };
        match recorded.outcome {
            Ok((recognized, marked)) => self.add(&mut result, &recognized, &marked),
            Err(error) => result.error = Some(problem_of(error)),
        }
        result
    }

    fn add(&self, to: &mut PhotoResult, recognized: &Recognized, marked: &Marked) {
        to.recognition = Some(RecognitionResponse::new(recognized, self.rule, self.disclosure));
        to.changes = marked.changes.iter().filter_map(|change| self.change(change)).collect();
        to.visitors = marked.visitors.iter().map(PersonRef::from).collect();
        to.repeated = marked.known.is_some();
    }

    fn change(&self, change: &Change) -> Option<ChangeEntry> {
        let is_told = self.disclosure == Disclosure::Full || change.to.attended();
        let from = change.from.filter(|_| self.disclosure == Disclosure::Full);
        is_told.then(|| ChangeEntry {
            person: (&change.person).into(),
            from: from.map(Status::from),
            to: change.to.into(),
        })
    }
}

fn problem_of(error: InputError) -> Value {
    ApiError::from(error).problem()
}

/// Add photos to a session.
///
/// Recognises the faces of each photo, the people of the session's group first, and records who was seen. A photo that can't
/// be used has an `error` and is no obstacle to the others. A photo sent again changes nothing more; with the same
/// `Idempotency-Key` the whole response is repeated. At most 20 photos a request. Scope: `recognize`.
#[utoipa::path(
    post, operation_id = "add_session_photos", path = "/v1/sessions/{session_id}/photos", tag = "attendance",
    params(
        ("session_id" = String, Path, description = "Of the session", example = "01KB9V1QFJ4T0Z6Q8Y3C5W7D2E"),
        ("Idempotency-Key" = Option<String>, Header, pattern = "^[ -~]{1,128}$", description = "1 to 128 characters; the same for a repeated request"),
    ),
    request_body(description = "Photos", content((SessionPhotosSchema = "multipart/form-data"))),
    responses((status = 200, description = "What became of each photo", body = SessionPhotosRecorded), SessionPhotosProblems),
)]
pub async fn add(
    State(app): State<AppState>,
    Extension(disclosure): Extension<Disclosure>,
    Path(id): Path<String>,
    Idempotency(key): Idempotency,
    SessionPhotosForm { labels, photos }: SessionPhotosForm,
) -> Result<Response, ApiError> {
    let (key, photos) = match key {
        None => (None, photos),
        Some(key) => {
            let (checksum, photos) = app.service.checksum_of_photos(photos).await?;
            let told = [u8::from(disclosure == Disclosure::Full)];
            let parts: [&[u8]; 4] = [b"add_session_photos", id.as_bytes(), &checksum, &told];
            (Some(idempotency_key(&key, &parts)), photos)
        }
    };
    let told = Told { rule: app.service.default_params().matching.rule, disclosure };
    let work = async {
        let (session, recorded) = app.service.add_session_photos(&id, photos, Some(disclosure)).await?;
        let response = SessionPhotosRecorded::new(&session, labels, recorded, &told);
        let body = serde_json::to_vec(&response)
            .map_err(|error| Error::Internal(format!("a response can't be written: {error}")))?;
        Ok::<_, ApiError>(StoredResponse { status: StatusCode::OK.as_u16(), body })
    };
    let StoredResponse { status, body } = app.service.once(key, work).await?;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    Ok((status, [(CONTENT_TYPE, "application/json")], body).into_response())
}
