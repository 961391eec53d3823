//! Changes of a session, which its entries follow.

use super::value::values;
use super::{Sql, entries, sessions};
use crate::attendance::model::{Session, SessionPatch};
use crate::attendance::time;
use crate::error::Result;

pub(super) fn update(db: &dyn Sql, id: &str, patch: &SessionPatch) -> Result<Session> {
    let mut found = sessions::get(db, id)?;
    let only_title = SessionPatch { title: patch.title.clone(), ..SessionPatch::default() } == *patch;
    if !only_title {
        sessions::expect_open(&found.session, "of a closed session only the title can be changed")?;
    }
    let what = &mut found.session.what;
    if let Some(title) = &patch.title {
        title.clone_into(&mut what.title);
    }
    what.start = patch.start.unwrap_or(what.start);
    what.late_after_minutes = patch.late_after_minutes.unwrap_or(what.late_after_minutes);
    what.end = patch.end.unwrap_or(what.end);
    what.check()?;
    let date = time::civil(what.start, &what.zone).date().to_string();
    db.execute(
        "UPDATE sessions SET title = ?2, local_date = ?3, start_at = ?4, late_after_ms = ?5, end_at = ?6
         WHERE key = ?1",
        values![found.key, &what.title, date, what.start, sessions::late_after_ms(what), what.end],
    )?;
    if !only_title {
        entries::refresh(db, &found)?;
    }
    Ok(sessions::get(db, id)?.session)
}
