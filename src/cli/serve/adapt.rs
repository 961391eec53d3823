//! Galleries as the service uses them.

use crate::config::ServeArgs;
use crate::error::Result;
use crate::gallery::Gallery;
use crate::service::models::LoadedModels;
use crate::service::strangers::StrangerStatistics;

/// What becomes of each gallery that is read: one of another embedder is refused, statistics of strangers are added.
///
/// # Errors
/// When the statistics can't be read.
pub(super) fn adapt(
    args: &ServeArgs,
    loaded: &LoadedModels,
) -> Result<impl Fn(Gallery) -> Result<Gallery> + Send + Sync + 'static> {
    let embedder = loaded.embedder();
    let strangers = StrangerStatistics::load(&args.faces, args.models.models.as_deref(), &loaded.model)?;
    Ok(move |gallery: Gallery| {
        embedder.check(gallery.recipe())?;
        strangers.attach(gallery)
    })
}
