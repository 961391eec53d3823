//! Request bodies of move (`to`) and merge (`from`).

use axum::extract::{FromRequest, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::small_object::read_small_object;
use crate::http::problem::ApiError;

/// Where a photo goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveTarget {
    /// Id of the person.
    #[schema(example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")]
    pub to: String,
}

/// Who ceases to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeSource {
    /// Id of the person whose photos are taken over.
    #[schema(example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")]
    pub from: String,
}

/// A small JSON body that names another person.
pub trait OtherPerson: DeserializeOwned {
    /// What a message calls it.
    const EXPECTED: &'static str;
}

impl OtherPerson for MoveTarget {
    const EXPECTED: &'static str = "an object with to, the id of a person";
}

impl OtherPerson for MergeSource {
    const EXPECTED: &'static str = "an object with from, the id of a person";
}

/// The extractor of an [`OtherPerson`].
pub struct Other<T>(pub T);

impl<S: Sync, T: OtherPerson> FromRequest<S> for Other<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        read_small_object(request, &["application/json"], T::EXPECTED).await.map(Self)
    }
}
