//! What commands do with people, wherever these are kept.

use std::sync::Arc;

use crate::attendance::AttendanceStore;
use crate::audit::dismissals::DismissalStore;
use crate::error::Result;
use crate::gallery::Gallery;
use crate::gallery::backend::{Edit, PeopleBackend};
use crate::roster::Roster;
use crate::service::roster::RosterStore;
use crate::service::snapshot::{Snapshot, today};
use crate::thumbnails::ThumbnailStore;

/// People in a place, and what lies beside them.
pub(in crate::cli) trait Kept {
    /// The people.
    fn people(&self) -> &dyn PeopleBackend;

    /// The roster.
    ///
    /// # Errors
    /// When it can't be read.
    fn roster(&self) -> anyhow::Result<RosterStore>;

    /// The dismissed findings.
    fn dismissals(&self) -> Box<dyn DismissalStore>;

    /// Attendance. Nobody is told of its changes.
    ///
    /// # Errors
    /// When it can't be opened.
    fn attendance(&self) -> Result<Arc<dyn AttendanceStore>>;

    /// The thumbnails of photos.
    ///
    /// # Errors
    /// When they can't be listed.
    fn thumbnails(&self) -> Result<Box<dyn ThumbnailStore>>;

    /// Removes the thumbnails whose photos are gone, and returns how many.
    ///
    /// # Errors
    /// When one can't be removed; what was done before is done.
    fn sweep_thumbnails(&self) -> anyhow::Result<usize>;

    /// The people's place in words.
    fn shown(&self) -> String;

    /// Prints on standard error what is odd about the roster.
    fn note_warnings(&self, roster: &Roster);

    /// People and roster at one moment.
    ///
    /// # Errors
    /// When roster or thumbnails can't be read.
    fn snapshot(&self) -> anyhow::Result<Snapshot> {
        let (gallery, roster) = (self.people().current(), self.roster()?.current());
        Ok(Snapshot { gallery, roster, thumbnails: self.thumbnails()?.ids(), day: today() })
    }

    /// Changes the people, has that recorded by `record`, which gets those afterwards, and removes the thumbnails whose photos are gone.
    ///
    /// # Errors
    /// What `edit` says, and then nothing has changed; what `record` says; as [`Kept::sweep_thumbnails`].
    fn edit(
        &self,
        edit: Edit,
        record: &mut dyn FnMut(&Gallery) -> anyhow::Result<()>,
    ) -> anyhow::Result<Arc<Gallery>> {
        let edited = self.people().edit(edit)?;
        let recorded = record(&edited);
        let swept = self.sweep_thumbnails();
        recorded?;
        swept?;
        Ok(edited)
    }
}
