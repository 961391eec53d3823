//! Photos of a session: recognised one after the other, and recorded.

use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{Attendance, lock};
use crate::access_log::Action;
use crate::attendance::{Decision, FaceResult, Marked, PersonRef, Photo, Session, time};
use crate::error::{Error, InputError, Result};
use crate::gallery::search;
use crate::gallery::{Gallery, Person, new_id};
use crate::service::Service;
use crate::service::disclosure::Disclosure;
use crate::service::recognized::{GroupMembers, Recognized};
use crate::service::snapshot::Snapshot;

/// A photo to record.
pub struct SessionPhoto<P> {
    /// The file.
    pub bytes: P,
    /// When it was taken, in RFC 3339 or in the session's time zone; `None` for now.
    pub captured_at: Option<String>,
}

/// What became of a photo.
pub struct RecordedPhoto {
    /// Its id, checksum and time.
    pub photo: Photo,
    /// Who is in it and what that changed, or why it can't be used.
    pub outcome: Result<(Recognized, Marked), InputError>,
}

impl Service {
    /// Checksum of photos and their times, which tells one request from another; with the photos.
    ///
    /// # Errors
    /// [`Error::Internal`] when the runtime shuts down.
    pub async fn checksum_of_photos<P>(
        &self,
        photos: Vec<SessionPhoto<P>>,
    ) -> Result<([u8; 32], Vec<SessionPhoto<P>>)>
    where
        P: AsRef<[u8]> + Send + 'static,
    {
        self.blocking(move |_| {
            let mut all = Sha256::new();
            for photo in &photos {
                all.update(Sha256::digest(photo.bytes.as_ref()));
                all.update(Sha256::digest(photo.captured_at.as_deref().unwrap_or_default()));
            }
            Ok((all.finalize().into(), photos))
        })
        .await
    }

    /// Recognises photos and records who is in them. A photo that can't be used changes nothing, and is no error of the
    /// others. Sent again, a photo changes nothing more. `told` is what the response tells of candidates, for the access log.
    ///
    /// # Errors
    /// [`InputError::NotFound`]; [`InputError::Conflict`] for a closed session; [`InputError::Invalid`] for a time that is
    /// none; [`Error::Busy`] when the queue is full: photos before that are recorded.
    pub async fn add_session_photos<P>(
        &self,
        session_id: &str,
        photos: Vec<SessionPhoto<P>>,
        told: Option<Disclosure>,
    ) -> Result<(Session, Vec<RecordedPhoto>)>
    where
        P: AsRef<[u8]> + Send + Sync + 'static,
    {
        let received = Timestamp::now();
        let id = session_id.to_owned();
        let open = self
            .attend(move |service, attendance| attendance.open_session(&service.recognized_people(), &id));
        let (session, group) = open.await?;
        let mut taken = Vec::with_capacity(photos.len());
        for photo in &photos {
            let at = photo.captured_at.as_deref().map(|text| time::parse(text, &session.what.zone));
            taken.push(at.transpose()?.unwrap_or(received));
        }
        let mut recorded = Vec::with_capacity(photos.len());
        for (photo, captured_at) in photos.into_iter().zip(taken) {
            let hashed =
                self.blocking(move |_| Ok((photo_of(photo.bytes.as_ref(), captured_at), photo.bytes)));
            let (photo, bytes) = hashed.await?;
            let recognized = self.recognize_in(bytes, self.default_params(), group.clone(), told).await;
            recorded.push(self.add_session_photo(&session.id, photo, recognized, received).await?);
        }
        let id = session.id;
        let session = self.attend(move |_, attendance| attendance.store().session(&id)).await?;
        Ok((session, recorded))
    }

    async fn add_session_photo(
        &self,
        session_id: &str,
        photo: Photo,
        recognized: Result<Recognized>,
        received: Timestamp,
    ) -> Result<RecordedPhoto> {
        let outcome = match recognized {
            Ok(recognized) => self.record_photo(session_id, photo.clone(), recognized, received).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok((recognized, marked)) => {
                let photo = marked.known.clone().unwrap_or(photo);
                Ok(RecordedPhoto { photo, outcome: Ok((recognized, marked)) })
            }
            Err(Error::Input(error)) => Ok(RecordedPhoto { photo, outcome: Err(error) }),
            Err(error) => Err(error),
        }
    }

    async fn record_photo(
        &self,
        session_id: &str,
        photo: Photo,
        recognized: Recognized,
        received: Timestamp,
    ) -> Result<(Recognized, Marked)> {
        let (recorder, id) = (self.recorder(), session_id.to_owned());
        self.attend(move |service, attendance| {
            let current = || service.people().current();
            let marked = attendance.mark(&id, &photo, &recognized, received, current)?;
            let people = marked.changes.iter().map(|change| change.person.person_id.as_str());
            recorder.record(Action::MarkAttendance, people);
            Ok((recognized, marked))
        })
        .await
    }
}

/// A photo with an id of its own, and the checksum of its bytes.
#[must_use]
pub fn photo_of(bytes: &[u8], captured_at: Timestamp) -> Photo {
    Photo { id: new_id(), sha256: Sha256::digest(bytes).into(), captured_at }
}

impl Attendance {
    /// A session that takes photos, and whose people are looked for first.
    ///
    /// # Errors
    /// [`InputError::NotFound`]; [`InputError::Conflict`] for a closed session.
    pub fn open_session(
        &self,
        snapshot: &Snapshot,
        id: &str,
    ) -> Result<(Session, Option<Arc<GroupMembers>>)> {
        let session = self.store.session(id)?;
        if !session.is_open() {
            let message = "the session is closed: photos can't be added";
            return Err(InputError::Conflict(message.to_owned()).into());
        }
        let group = match &session.what.group {
            Some(name) => self.group_members(snapshot, name).map(Some),
            None => Ok(None),
        };
        match group {
            Ok(group) => Ok((session, group)),
            Err(Error::Input(InputError::NotFound(_))) => Ok((session, None)), // the group was deleted
            Err(error) => Err(error),
        }
    }

    /// Records who was recognised in a photo that was `received` then. Whoever is not in the gallery of now, `current`, any
    /// more, or was forgotten since, is not recorded.
    ///
    /// # Errors
    /// [`InputError::NotFound`]; [`InputError::Conflict`] for a closed session, and for a photo of another time.
    pub fn mark(
        &self,
        session_id: &str,
        photo: &Photo,
        recognized: &Recognized,
        received: Timestamp,
        current: impl Fn() -> Arc<Gallery>,
    ) -> Result<Marked> {
        self.expect_session(session_id)?;
        self.mark_faces(session_id, photo, &face_results(recognized), received, current)
    }

    /// [`Attendance::mark`] with the faces of a photo.
    pub(super) fn mark_faces(
        &self,
        session_id: &str,
        photo: &Photo,
        faces: &[FaceResult],
        received: Timestamp,
        current: impl Fn() -> Arc<Gallery>,
    ) -> Result<Marked> {
        // Nobody is forgotten between the question and the mark.
        let _turn = lock(&self.syncing);
        let gallery = current();
        let is_known = |id: &str| gallery.person(id).is_some() && !self.was_forgotten_since(id, received);
        let faces = of_known_people(faces, is_known);
        let marked = self.store.mark(session_id, photo, &faces, Timestamp::now())?;
        self.wake();
        Ok(marked)
    }
}

/// Faces, of which those of people who are not known any more are nobody's.
fn of_known_people(faces: &[FaceResult], is_known: impl Fn(&str) -> bool) -> Vec<FaceResult> {
    let is_current = |face: &FaceResult| match &face.decision {
        Decision::Match { person, .. } | Decision::Unsure { person, .. } => is_known(&person.person_id),
        Decision::Unknown => true,
    };
    faces.iter().map(|face| if is_current(face) { face.clone() } else { face.of_nobody() }).collect()
}

/// The faces of a photo, as attendance knows them.
pub(in crate::service) fn face_results(recognized: &Recognized) -> Vec<FaceResult> {
    let snapshot = &recognized.snapshot;
    let person_of = |index: usize| {
        let person = snapshot.gallery.people().get(index)?;
        Some(person_ref(person, snapshot))
    };
    let decision = |found: &search::FaceMatch| {
        let candidate = match found.decision {
            search::Decision::Match => found.matched,
            search::Decision::Unsure => found.candidates.first().copied(),
            search::Decision::Unknown => None,
        };
        let Some((person, score)) =
            candidate.and_then(|found| Some((person_of(found.person)?, 1.0 - found.distance)))
        else {
            return Decision::Unknown;
        };
        match found.decision {
            search::Decision::Match => Decision::Match { person, score },
            search::Decision::Unsure | search::Decision::Unknown => Decision::Unsure { person, score },
        }
    };
    let faces = (0..).zip(&recognized.recognition.faces);
    faces.map(|(face_index, face)| FaceResult { face_index, decision: decision(&face.found) }).collect()
}

fn person_ref(person: &Person, snapshot: &Snapshot) -> PersonRef {
    PersonRef {
        person_id: person.id.clone(),
        name: person.name.to_string(),
        student_id: snapshot.student_id(person).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;
    use crate::attendance::{Forget, NewSession};
    use crate::service::attendance::automatic::tests::{ada, alone};

    #[test]
    fn a_photo_received_before_somebody_was_forgotten_does_not_bring_the_person_back() {
        let directory = tempfile::tempdir().unwrap();
        let attendance = alone(directory.path());
        let people = ada();
        let id = &people.gallery.people()[0].id;
        let received = Timestamp::now();
        let new = NewSession {
            title: "Maths".into(),
            group: None,
            zone: "UTC".into(),
            start: received,
            late_after_minutes: None,
            end: None,
        };
        let session = attendance.begin(|| people.clone(), &new, None).unwrap();
        let mark = |number: u8, captured_at: Timestamp, received: Timestamp| {
            let photo = Photo { id: number.to_string(), sha256: [number; 32], captured_at };
            let person = PersonRef { person_id: id.clone(), name: "Ada".into(), student_id: None };
            let face = FaceResult { face_index: 0, decision: Decision::Match { person, score: 0.9 } };
            let current = || Arc::clone(&people.gallery);
            // As before each use: the store may have forgotten the person's row.
            attendance.sync(|| people.clone(), false).unwrap();
            let marked = attendance.mark_faces(&session.id, &photo, &[face], received, current).unwrap();
            (marked.changes.len(), marked.unknown_faces)
        };
        assert_eq!(mark(1, received, received), (1, 0));
        assert_eq!(attendance.forget(id, Forget::Remove).unwrap(), 1);
        // When a photo was taken says nothing about when it was recognised.
        assert_eq!(mark(2, received + 1.hour(), received), (0, 1));
        assert_eq!(mark(3, received, Timestamp::now() + 1.second()), (1, 0));
    }
}
