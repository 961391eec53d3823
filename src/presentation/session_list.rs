//! Lists of sessions, as much of each as the caller may see.

use serde::Serialize;
use utoipa::ToSchema;

use super::attendance::Session;
use crate::attendance::{self, Page};
use crate::service::disclosure::Disclosure;

/// What callers who may not manage people are told of a session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)] // a whole session is none of these
struct OpenSession {
    /// Of the session.
    #[schema(example = "01KB9V1QFJ4T0Z6Q8Y3C5W7D2E")]
    id: String,
    /// What the list is headed with.
    #[schema(example = "Maths")]
    title: String,
}

/// A session, as much as the caller may see.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum ListedSession {
    Full(Box<Session>),
    Open(OpenSession),
}

impl ListedSession {
    fn new(session: &attendance::Session, disclosure: Disclosure) -> Self {
        match disclosure {
            Disclosure::Full => Self::Full(Box::new(session.into())),
            Disclosure::Limited => {
                Self::Open(OpenSession { id: session.id.clone(), title: session.what.title.clone() })
            }
        }
    }
}

/// A part of the list of sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionsPage {
    /// Latest start first.
    sessions: Vec<ListedSession>,
    /// How many there are on all pages.
    #[schema(example = 1)]
    total: usize,
    /// How many were asked for.
    #[schema(example = 100)]
    limit: usize,
    /// How many were left out before these.
    #[schema(example = 0)]
    offset: usize,
}

impl SessionsPage {
    /// These sessions of `total`.
    #[must_use]
    pub fn new(sessions: &[attendance::Session], total: usize, page: Page, disclosure: Disclosure) -> Self {
        let sessions = sessions.iter().map(|session| ListedSession::new(session, disclosure)).collect();
        Self { sessions, total, limit: page.limit, offset: page.offset }
    }
}
