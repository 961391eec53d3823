//! A part of a long list.

use utoipa::IntoParams;

use super::query::{FromQuery, Pairs};
use crate::http::error::ApiError;
use crate::person_name;

/// Most entries in one answer.
const MAX_LIMIT: usize = 1000;
/// Entries where nothing is said.
const DEFAULT_LIMIT: usize = 100;

/// Which part of a list is wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many entries at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    #[param(required = false)]
    pub limit: usize,
    /// How many entries to leave out before them.
    #[param(minimum = 0, maximum = 4_294_967_295_u32, default = 0)]
    #[param(required = false)]
    pub offset: usize,
    /// Only names that contain this, whatever the case.
    #[param(max_length = 200, nullable = false, example = "obama")]
    pub q: Option<String>,
}

impl FromQuery for PageQuery {
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError> {
        let text = |text: &str| {
            let short = text.chars().count() <= person_name::MAX_CHARS;
            short.then(|| person_name::normalize(text).to_lowercase())
        };
        Ok(Self {
            limit: query.whole("limit", 1, MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT),
            offset: query.whole("offset", 0, u32::MAX as usize)?.unwrap_or(0),
            q: query.take("q", &format!("at most {} characters", person_name::MAX_CHARS), text)?,
        })
    }
}

impl PageQuery {
    /// The entries of this page and how many there are on all pages.
    pub fn cut<'a, T>(&self, entries: &'a [T], name: impl Fn(&T) -> &str) -> (Vec<&'a T>, usize) {
        let wanted = |entry: &&T| self.q.as_ref().is_none_or(|q| name(entry).to_lowercase().contains(q));
        let found: Vec<&T> = entries.iter().filter(wanted).collect();
        let total = found.len();
        (found.into_iter().skip(self.offset).take(self.limit).collect(), total)
    }
}
