//! Responses to one photo, or to several in one request.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Ref, Schema, Type};

use crate::http::extract::photos::Photos;
use crate::http::extract::upload::ImageUpload;
use crate::http::problem::{ApiError, Problem};

/// The result for the photo, or one for each of several.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum OneOrSeveral<T> {
    /// Of one photo.
    One(T),
    /// Of several.
    Several(PhotoResults<T>),
}

/// One result for each photo, in order.
#[derive(Debug, Serialize, ToSchema)]
pub struct PhotoResults<T> {
    photos: Vec<PhotoResult<T>>,
}

/// The result for one of several photos.
#[derive(Debug, Serialize, ToSchema)]
pub struct PhotoResult<T> {
    /// The file's name; `photo 3` for one without.
    #[schema(example = "a.jpg")]
    photo: String,
    /// As for one photo; null where that failed.
    #[schema(required, schema_with = or_null::<T>)]
    result: Option<T>,
    /// Why it failed; null where it did not.
    #[schema(required, value_type = Option<Problem>)]
    problem: Option<Value>,
}

/// What is described as `T` or null: of an `Option` of a parameter the derived description leaves the null out.
fn or_null<T: ToSchema>() -> Schema {
    OneOfBuilder::new()
        .item(Ref::from_schema_name(T::name()))
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .description(Some("As for one photo; null where that failed."))
        .into()
}

/// Runs `work` on each photo, one after the other, so that one request takes one place in the queue.
///
/// # Errors
/// What `work` says of the only photo; of several, each has its own.
pub async fn run_each<T, F>(
    photos: Photos,
    work: impl Fn(ImageUpload) -> F,
) -> Result<OneOrSeveral<T>, ApiError>
where
    F: Future<Output = Result<T, ApiError>>,
{
    let photos = match photos {
        Photos::One(photo) => return work(photo).await.map(OneOrSeveral::One),
        Photos::Several(photos) => photos,
    };
    let mut results = Vec::with_capacity(photos.len());
    for (photo, upload) in photos {
        let (result, problem) = match work(upload).await {
            Ok(result) => (Some(result), None),
            Err(error) => {
                if let Some(cause) = &error.cause {
                    tracing::error!(code = error.code.code(), cause, "a photo failed");
                }
                (None, Some(error.problem()))
            }
        };
        results.push(PhotoResult { photo, result, problem });
    }
    Ok(OneOrSeveral::Several(PhotoResults { photos: results }))
}
