//! The session of a photo that names none: of the old endpoint.

use jiff::{SignedDuration, Timestamp};

use super::Attendance;
use crate::attendance::{FaceResult, Marked, NewSession, Photo, Session, time};
use crate::config::AutomaticSessions;
use crate::error::Result;
use crate::service::caller::OWN_NAME;
use crate::service::snapshot::Snapshot;

/// How long after its end an automatic session is closed: photos of its time may wait to be recorded.
const CLOSED_AFTER: SignedDuration = SignedDuration::from_mins(10);

impl Attendance {
    /// Records a photo into the session that is open at its time, else into one that begins by itself. Whoever is not one of
    /// the `people` any more, or was forgotten since, is not recorded.
    ///
    /// # Errors
    /// [`InputError::Conflict`](crate::error::InputError::Conflict) where the automatic session was closed.
    pub(super) fn record(
        &self,
        automatic: AutomaticSessions,
        photo: &Photo,
        faces: &[FaceResult],
        people: impl Fn() -> Snapshot,
    ) -> Result<Marked> {
        self.sync(&people, true)?;
        let zone = time::system_zone();
        let session = if let Some(session) = self.begun_by_hand(photo.captured_at)? {
            session
        } else {
            let (key, new) = automatic_session(automatic, photo.captured_at, &zone)?;
            self.store.automatic_session(&key, &new, Timestamp::now())?
        };
        // Photos of the old endpoint are taken when they are received.
        self.mark_faces(&session.id, photo, faces, photo.captured_at, || people().gallery)
    }

    /// Closes the sessions that began by themselves and are over, and calls `closed` for each. One that can't be closed is
    /// left for the next time.
    ///
    /// # Errors
    /// [`DataError::Database`](crate::error::DataError::Database).
    pub(super) fn close_automatic(&self, now: Timestamp, closed: impl Fn()) -> Result<()> {
        let over = self.store.automatic_over(now.checked_sub(CLOSED_AFTER).unwrap_or(now))?;
        for id in &over {
            match self.store.close_session(id, OWN_NAME, now) {
                Ok(_) => closed(),
                Err(error) => tracing::error!(%error, session = id, "a session that is over can't be closed"),
            }
        }
        if !over.is_empty() {
            self.wake();
        }
        Ok(())
    }

    /// The open session that somebody began and that takes photos of this instant: of several the last that has started, else
    /// the next one. One without an end lasts until the end of its day.
    fn begun_by_hand(&self, at: Timestamp) -> Result<Option<Session>> {
        let mut open = self.store.open_around(at)?;
        open.retain(|session| takes(session, at));
        let started = open.iter().position(|session| session.what.start <= at);
        // Latest start first.
        Ok(match started {
            Some(place) => Some(open.swap_remove(place)),
            None => open.pop(),
        })
    }
}

fn takes(session: &Session, at: Timestamp) -> bool {
    let is_of_its_day = || time::civil(at, &session.what.zone).date() <= session.date;
    session.what.check_photo(at).is_ok() && (session.what.end.is_some() || is_of_its_day())
}

/// Key and content of the automatic session of an instant.
fn automatic_session(
    automatic: AutomaticSessions,
    at: Timestamp,
    zone: &str,
) -> Result<(String, NewSession)> {
    let (date, midnight, next) = time::day(at, zone)?;
    let (key, start, end) = match automatic {
        AutomaticSessions::Daily => (format!("day {date} {zone}"), midnight, next),
        AutomaticSessions::Every { seconds } => {
            let length = i64::from(seconds);
            let number = at.duration_since(midnight).as_secs() / length;
            let from =
                |count: i64| midnight.checked_add(SignedDuration::from_secs(count * length)).unwrap_or(next);
            (format!("every {seconds} s {date} {zone} {number}"), from(number), from(number + 1).min(next))
        }
    };
    let title = match automatic {
        AutomaticSessions::Daily => date.to_string(),
        AutomaticSessions::Every { .. } => time::civil(start, zone).strftime("%Y-%m-%d %H:%M").to_string(),
    };
    let zone = zone.to_owned();
    Ok((key, NewSession { title, group: None, zone, start, late_after_minutes: None, end: Some(end) }))
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::attendance::{Channels, Decision, Forget, PersonRef, SqliteStore};
    use crate::embed::Embedding;
    use crate::gallery::{EnrolledPhoto, Gallery, Person, Recipe};
    use crate::nn::EMBEDDING_LEN;
    use crate::person_name::PersonName;
    use crate::service::snapshot::today;

    const BERLIN: &str = "Europe/Berlin";

    /// Somebody enrolled.
    pub(in crate::service::attendance) fn ada() -> Snapshot {
        let face = Embedding::new((0..EMBEDDING_LEN).map(|at| at as f32).collect()).unwrap();
        let name = PersonName::parse("Ada").unwrap();
        let person = Person::new(name, None, vec![EnrolledPhoto::new(face, None)]);
        let recipe = Recipe { model: "casia".to_owned(), model_sha256: None, margin_px: 32 };
        let gallery = Arc::new(Gallery::new(recipe, vec![person]).unwrap());
        Snapshot { gallery, roster: Arc::default(), thumbnails: Arc::default(), day: today() }
    }

    /// The attendance of a directory.
    pub(in crate::service::attendance) fn alone(directory: &Path) -> Attendance {
        Attendance::open_alone(Arc::new(SqliteStore::open(directory, Channels::default()).unwrap()))
    }

    #[test]
    fn what_was_seen_of_somebody_before_the_person_was_forgotten_is_not_recorded_afterwards() {
        let directory = tempfile::tempdir().unwrap();
        let attendance = alone(directory.path());
        let now = ada();
        let id = &now.gallery.people()[0].id;
        let record = |number: u8, captured_at: Timestamp| {
            let photo = Photo { id: number.to_string(), sha256: [number; 32], captured_at };
            let person = PersonRef { person_id: id.clone(), name: "Ada".into(), student_id: None };
            let face = FaceResult { face_index: 0, decision: Decision::Match { person, score: 0.9 } };
            let marked =
                attendance.record(AutomaticSessions::Daily, &photo, &[face], || now.clone()).unwrap();
            (marked.changes.len(), marked.unknown_faces)
        };
        let before = Timestamp::now();
        assert_eq!(record(1, before), (1, 0));
        assert_eq!(attendance.forget(id, Forget::Remove).unwrap(), 1);
        assert_eq!(record(2, before), (0, 1));
        assert_eq!(record(3, Timestamp::now() + SignedDuration::from_secs(1)), (1, 0));
    }

    fn of(automatic: AutomaticSessions, at: &str) -> (String, String, String, String) {
        let (key, new) = automatic_session(automatic, at.parse().unwrap(), BERLIN).unwrap();
        (key, new.title, new.start.to_string(), new.end.unwrap().to_string())
    }

    fn texts(all: [&str; 4]) -> (String, String, String, String) {
        let [a, b, c, d] = all.map(str::to_owned);
        (a, b, c, d)
    }

    #[test]
    fn a_day_is_that_of_the_zone_also_where_the_clock_changes() {
        let expected =
            ["day 2026-03-29 Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"];
        assert_eq!(of(AutomaticSessions::Daily, "2026-03-29T21:59:59Z"), texts(expected));
    }

    #[test]
    fn sessions_of_seconds_fill_the_day_and_end_with_it() {
        let every = |seconds| AutomaticSessions::Every { seconds };
        let expected = [
            "every 3600 s 2026-11-26 Europe/Berlin 8",
            "2026-11-26 08:00",
            "2026-11-26T07:00:00Z",
            "2026-11-26T08:00:00Z",
        ];
        assert_eq!(of(every(3600), "2026-11-26T07:59:59Z"), texts(expected));
        // 50,000 seconds are less than a day and more than half of one.
        let expected = [
            "every 50000 s 2026-11-26 Europe/Berlin 1",
            "2026-11-26 13:53",
            "2026-11-26T12:53:20Z",
            "2026-11-26T23:00:00Z",
        ];
        assert_eq!(of(every(50_000), "2026-11-26T22:00:00Z"), texts(expected));
    }
}
