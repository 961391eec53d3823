//! Enrolment of people and of more photos: assessment on a worker thread, then one durable edit.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;

use super::Service;
use super::edit::Recorded;
use super::revalidation::Revalidation;
use crate::access_log::Action;
use crate::align::AlignedCrop;
use crate::enroll::{Leniency, Outcome, QualityGate, Reason};
use crate::error::{Error, InputError, Result};
use crate::file_name::FileName;
use crate::gallery::{EnrolledPhoto, Gallery, Person};
use crate::person_name::PersonName;
use crate::student_id::StudentId;
use crate::thumbnails::Thumbnail;

/// Somebody to be enrolled.
pub struct NewPerson {
    /// The name.
    pub name: PersonName,
    /// The person's own ID.
    pub student_id: Option<StudentId>,
    /// The last day on which the person is recognised; `None` for no end.
    pub expires: Option<Date>,
}

/// A photo to be enrolled.
pub struct NewPhoto<P> {
    /// The file's bytes.
    pub bytes: P,
    /// The file's name, if it came with one.
    pub file_name: Option<FileName>,
}

/// Photos of one person.
pub struct NewPhotos<P> {
    /// In order.
    pub photos: Vec<NewPhoto<P>>,
    /// Accept every photo that shows a face, of several faces the main one.
    pub force: bool,
}

/// The person after an enrolment, and what became of each photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Enrollment {
    /// The person's id.
    pub id: String,
    /// The person's name.
    pub name: PersonName,
    /// The person's own ID.
    pub student_id: Option<StudentId>,
    /// One for each photo, in order.
    pub outcomes: Vec<Outcome>,
}

impl Enrollment {
    fn new(person: &Person, outcomes: Vec<Outcome>) -> Self {
        let (id, name, student_id) = (person.id.clone(), person.name.clone(), person.student_id.clone());
        Self { id, name, student_id, outcomes }
    }
}

/// Why nothing was enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    /// Every photo was rejected; one outcome for each, in order.
    #[error("none of the {} photos can be enrolled", .0.len())]
    NoPhotoAccepted(Vec<Outcome>),
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<InputError> for EnrollError {
    fn from(error: InputError) -> Self {
        Self::Failed(error.into())
    }
}

/// Assessed photos, at least one of them accepted.
struct Assessment {
    accepted: Vec<EnrolledPhoto>,
    outcomes: Vec<Outcome>,
    /// Of the accepted photos; empty where none are kept.
    thumbnails: Arc<[Thumbnail]>,
    revalidation: Revalidation,
}

impl Service {
    /// Enrols a new person; durable and recognised when this returns.
    ///
    /// # Errors
    /// [`EnrollError::NoPhotoAccepted`]; [`InputError::NameTaken`]; [`InputError::Conflict`] when the gallery
    /// changed so that a photo is no longer acceptable; [`InputError::Locked`]; [`Error::Busy`] when the queue is
    /// full.
    pub async fn enroll<P: AsRef<[u8]> + Send + 'static>(
        &self,
        person: NewPerson,
        photos: NewPhotos<P>,
    ) -> Result<Enrollment, EnrollError> {
        let enrolled = self.enroll_new(person, photos).await;
        self.record_refusal(None, &enrolled);
        enrolled
    }

    async fn enroll_new<P: AsRef<[u8]> + Send + 'static>(
        &self,
        NewPerson { name, student_id, expires }: NewPerson,
        photos: NewPhotos<P>,
    ) -> Result<Enrollment, EnrollError> {
        let new_name = name.clone();
        let check_free = move |gallery: &Gallery| match gallery.person_by_name(&new_name) {
            Some(other) => Err(InputError::NameTaken { person_id: other.id.clone() }.into()),
            None => Ok(()),
        };
        let assessment = self.assess(name.clone(), photos, check_free.clone()).await?;
        let person = Person { expires, ..Person::new(name, student_id, assessment.accepted) };
        let named = named(&assessment.outcomes);
        let enrollment = Enrollment::new(&person, assessment.outcomes);
        let (revalidation, thumbnails) = (assessment.revalidation, assessment.thumbnails);
        let id = person.id.clone();
        let of = id.clone();
        let edit = move |gallery: &Gallery| {
            // Before the revalidation: a name taken meanwhile is reported as such.
            check_free(gallery)?;
            revalidation.check(gallery, &person.photos)?;
            gallery.with_person(person)
        };
        let edit = self.with_thumbnails(&thumbnails, edit);
        let recorded = Recorded::new(Action::Enroll, &[&id]).naming(named);
        self.edit_then(recorded, edit, move |service| service.keep_thumbnails(&of, &thumbnails)).await?;
        Ok(enrollment)
    }

    /// Adds photos to the person `id`; durable when this returns.
    ///
    /// # Errors
    /// [`InputError::NotFound`]; else as [`Service::enroll`].
    pub async fn add_photos<P: AsRef<[u8]> + Send + 'static>(
        &self,
        id: &str,
        photos: NewPhotos<P>,
    ) -> Result<Enrollment, EnrollError> {
        let added = self.add_more(id, photos).await;
        self.record_refusal(Some(id), &added);
        added
    }

    /// The name of the person `id`. Who is not known here may have been enrolled by another process a moment ago: an edit is applied
    /// to the newest people, and one that is refused writes nothing.
    async fn newest_name(&self, id: &str) -> Result<PersonName> {
        let name = |service: &Self| service.snapshot().person(id).map(|person| person.name.clone());
        if let Ok(known) = name(self) {
            return Ok(known);
        }
        let catch_up = |service: &Self| {
            let refused = || Error::from(InputError::NotFound(String::new()));
            match service.people().edit(move |_| Err(refused())) {
                Ok(_) | Err(Error::Input(_)) => Ok(()),
                Err(error) => Err(error),
            }
        };
        self.blocking(catch_up).await?;
        name(self)
    }

    async fn add_more<P: AsRef<[u8]> + Send + 'static>(
        &self,
        id: &str,
        photos: NewPhotos<P>,
    ) -> Result<Enrollment, EnrollError> {
        let name = self.newest_name(id).await?;
        let Assessment { accepted, outcomes, thumbnails, revalidation } =
            self.assess(name, photos, |_| Ok(())).await?;
        let key = id.to_owned();
        let edit = move |gallery: &Gallery| {
            revalidation.check(gallery, &accepted)?;
            gallery.with_photos(&key, accepted)
        };
        let edit = self.with_thumbnails(&thumbnails, edit);
        let recorded = Recorded::new(Action::AddPhotos, &[id]).naming(named(&outcomes));
        let of = id.to_owned();
        let keep = move |service: &Self| service.keep_thumbnails(&of, &thumbnails);
        let snapshot = self.edit_then(recorded, edit, keep).await?;
        Ok(Enrollment::new(snapshot.person(id)?, outcomes))
    }

    /// Records that nothing was enrolled for the person `id`, `None` for a new one: the response may name other people.
    fn record_refusal(&self, id: Option<&str>, enrolled: &Result<Enrollment, EnrollError>) {
        let recorder = self.recorder();
        match enrolled {
            Err(EnrollError::NoPhotoAccepted(outcomes)) => recorder.record_refused(id, &named(outcomes)),
            Err(EnrollError::Failed(Error::Input(InputError::NameTaken { person_id }))) => {
                recorder.record_refused(id, std::slice::from_ref(person_id));
            }
            Err(EnrollError::Failed(Error::Input(InputError::Conflict(_)))) => {
                recorder.record_refused(id, &[]);
            }
            // What failed for another reason concerns nobody.
            Ok(_) | Err(EnrollError::Failed(_)) => {}
        }
    }

    /// Assesses photos of the person `name` on a worker thread, if `check` accepts the gallery they are compared
    /// with.
    async fn assess<P: AsRef<[u8]> + Send + 'static>(
        &self,
        name: PersonName,
        photos: NewPhotos<P>,
        check: impl FnOnce(&Gallery) -> Result<()> + Send + 'static,
    ) -> Result<Assessment, EnrollError> {
        let NewPhotos { photos, force } = photos;
        let assessment = self.work(move |service, pipeline| {
            // Before the work: a locked directory must not cost an inference.
            service.people().ensure_writable()?;
            let gallery = service.people().current();
            check(&gallery)?;
            let params = service.settings().gate;
            let mut gate = QualityGate::new(pipeline, &gallery, params);
            let (mut file_names, mut crops) = (Vec::new(), Vec::new());
            for NewPhoto { bytes, file_name } in photos {
                let crop = gate.look(&name, bytes.as_ref())?;
                crops.push(crop.filter(|_| service.settings().keep_thumbnails));
                file_names.push(file_name);
            }
            let leniency = if force { Leniency::Force } else { Leniency::None };
            let (outcomes, near) = gate.judge_with_vicinity(leniency, &mut || pipeline.check_cancelled())?;
            let outcomes: Vec<Outcome> =
                outcomes.into_iter().zip(file_names).map(|(outcome, name)| outcome.named(name)).collect();
            let accepted = outcomes.iter().filter_map(Outcome::accepted).cloned().collect();
            let thumbnails = thumbnails_of(&outcomes, crops)?;
            let revalidation = Revalidation { gallery: Arc::clone(&gallery), near, params, name, force };
            Ok(Assessment { accepted, outcomes, thumbnails, revalidation })
        });
        let assessment = assessment.await?;
        if assessment.accepted.is_empty() {
            return Err(EnrollError::NoPhotoAccepted(assessment.outcomes));
        }
        Ok(assessment)
    }
}

/// The thumbnails of the accepted photos, out of the crops of all.
fn thumbnails_of(outcomes: &[Outcome], crops: Vec<Option<AlignedCrop>>) -> Result<Arc<[Thumbnail]>> {
    let photos = outcomes.iter().map(Outcome::accepted).zip(crops);
    photos.filter_map(|(photo, crop)| Some(Thumbnail::new(&photo?.id, crop?))).collect()
}

/// Ids of the people whom photos look like, each once.
fn named(outcomes: &[Outcome]) -> Vec<String> {
    let named: BTreeSet<&str> =
        outcomes.iter().flat_map(Outcome::reasons).filter_map(Reason::person_id).collect();
    named.into_iter().map(str::to_owned).collect()
}
