//! Bodies of sessions, corrections and groups.

use axum::extract::{FromRequest, Request};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::person_patch::present;
use super::query::invalid_parameter;
use super::small_object::{read_object, read_optional_object, read_small_object};
use crate::attendance::{NewSession, Status, time};
use crate::http::problem::ApiError;
use crate::service::attendance::sessions::SessionChange;

/// Maximum minutes until late: a day.
const MAX_LATE_MINUTES: u32 = 24 * 60;
/// Largest body with the members of a group, bytes: more than 10,000 of them.
const MAX_GROUP_BYTES: usize = 512 * 1024;
const JSON: &[&str] = &["application/json"];

/// A new session.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewSession)]
#[serde(deny_unknown_fields)]
pub struct NewSessionBody {
    /// What the list is headed with: 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500, example = "Maths")]
    title: String,
    /// Whose attendance is taken; null or absent for everybody.
    #[schema(required = false, example = "7A")]
    group: Option<String>,
    /// RFC 3339, or without an offset in the time zone; absent for now.
    #[schema(required = false, example = "2026-11-26T08:00:00+01:00")]
    start: Option<String>,
    /// As the start; photos taken later are refused. Absent for no end.
    #[schema(required = false, example = "2026-11-26T08:45:00+01:00")]
    end: Option<String>,
    /// IANA name; absent for the service's own.
    #[schema(required = false, example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// First seen later than this many minutes after the start is late; null or absent: nobody is late.
    #[schema(required = false, maximum = 1440, example = 10)]
    late_after_minutes: Option<u32>,
}

impl NewSessionBody {
    /// The session, checked but for its group.
    ///
    /// # Errors
    /// 400 for a value that is not allowed.
    pub fn session(self) -> Result<NewSession, ApiError> {
        let zone = self.time_zone.unwrap_or_else(time::system_zone);
        let instant = |text: Option<String>| text.map(|text| time::parse(&text, &zone)).transpose();
        let (start, end) = (instant(self.start)?, instant(self.end)?);
        let start = match start {
            Some(start) => start,
            None => time::to_millis(Timestamp::now())?,
        };
        let late_after_minutes = self.late_after_minutes.map(late_minutes).transpose()?;
        let (title, group) = (self.title, self.group);
        Ok(NewSession { title, group, zone, start, late_after_minutes, end })
    }

    /// What tells this request from another one with the same `Idempotency-Key`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("{self:?}")
    }
}

fn late_minutes(minutes: u32) -> Result<u32, ApiError> {
    if minutes <= MAX_LATE_MINUTES {
        return Ok(minutes);
    }
    let expected = format!("a whole number from 0 to {MAX_LATE_MINUTES}");
    Err(invalid_parameter("late_after_minutes", &expected, &minutes.to_string()))
}

impl<S: Sync> FromRequest<S> for NewSessionBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        read_small_object(
            request,
            JSON,
            "an object with title, and group, start, end, time_zone, late_after_minutes",
        )
        .await
    }
}

/// What is to change; what is left out stays (RFC 7396). Of a closed session only the title changes.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = SessionPatch)]
#[serde(deny_unknown_fields)]
#[allow(clippy::option_option, reason = "absent, null and a value are three things in a merge patch")]
pub struct SessionPatchBody {
    /// 1 to 500 characters.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 500, example = "Physics")]
    title: Option<String>,
    /// RFC 3339, or without an offset in the session's time zone; statuses follow.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, example = "2026-11-26T08:05:00+01:00")]
    start: Option<String>,
    /// As the start; null for no end.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, required = false, example = "2026-11-26T08:50:00+01:00")]
    end: Option<Option<String>>,
    /// Statuses follow; null: nobody is late.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>, required = false, maximum = 1440, example = 5)]
    late_after_minutes: Option<Option<u32>>,
}

impl SessionPatchBody {
    /// The change.
    ///
    /// # Errors
    /// 400 for too many minutes.
    pub fn change(self) -> Result<SessionChange, ApiError> {
        let minutes =
            self.late_after_minutes.map(|minutes| minutes.map(late_minutes).transpose()).transpose()?;
        Ok(SessionChange { title: self.title, start: self.start, late_after_minutes: minutes, end: self.end })
    }
}

impl<S: Sync> FromRequest<S> for SessionPatchBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let types = ["application/merge-patch+json", "application/json"];
        read_small_object(request, &types, "an object with title, start, end or late_after_minutes").await
    }
}

/// Who closes a session.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionClosing {
    /// A name, beside which that of the API key is written.
    #[schema(required = false, min_length = 1, max_length = 500, example = "Ms Frizzle")]
    pub by: Option<String>,
}

impl<S: Sync> FromRequest<S> for SessionClosing {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        read_optional_object(request, JSON, "no body, or an object with by").await
    }
}

/// A status that is set by hand.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum HandStatus {
    Present,
    Late,
    Absent,
    Excused,
}

/// A change of an entry by hand.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = EntryPatch)]
#[serde(deny_unknown_fields)]
pub struct EntryPatch {
    /// Null withdraws what was set by hand: what the photos show counts again.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required, example = "excused")]
    status: Option<HandStatus>,
    /// Why: 1 to 500 characters.
    #[schema(required = false, min_length = 1, max_length = 500, example = "at the dentist")]
    pub note: Option<String>,
    /// Who, beside which the name of the API key is written.
    #[schema(required = false, min_length = 1, max_length = 500, example = "Ms Frizzle")]
    pub by: Option<String>,
}

impl EntryPatch {
    /// The status; `None` to withdraw.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.status.map(|status| match status {
            HandStatus::Present => Status::Present,
            HandStatus::Late => Status::Late,
            HandStatus::Absent => Status::Absent,
            HandStatus::Excused => Status::Excused,
        })
    }
}

impl<S: Sync> FromRequest<S> for EntryPatch {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let types = ["application/merge-patch+json", "application/json"];
        read_small_object(request, &types, "an object with status, and note and by").await
    }
}

/// A change of a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupPatch {
    /// Another name, which no other group has: 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500, example = "8A")]
    pub name: String,
}

impl<S: Sync> FromRequest<S> for GroupPatch {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let types = ["application/merge-patch+json", "application/json"];
        read_small_object(request, &types, "an object with name").await
    }
}

/// What a person belongs to.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonGroups {
    /// Names of groups.
    #[schema(example = json!(["7A", "Choir"]))]
    pub groups: Vec<String>,
}

impl<S: Sync> FromRequest<S> for PersonGroups {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        read_small_object(request, JSON, "an object with groups, a list of names").await
    }
}

/// Who belongs to a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupMembership {
    /// Ids of people.
    #[schema(example = json!(["01JDK5Q2W7C1Z8N4T6R0YB3MXA"]))]
    pub members: Vec<String>,
}

impl<S: Sync> FromRequest<S> for GroupMembership {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        read_object(request, JSON, "an object with members, the ids of people", MAX_GROUP_BYTES).await
    }
}
