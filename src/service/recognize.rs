//! Recognition and detection of the faces of one photo.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use super::Service;
use super::disclosure::Disclosure;
use super::snapshot::Snapshot;
use crate::cancel::CancellationToken;
use crate::embed::Embedding;
use crate::error::Result;
use crate::gallery::Person;
use crate::gallery::group_search::search_group_first;
use crate::gallery::search::search;
use crate::imaging::OrientedRgb;
use crate::pipeline::{FaceParams, FoundFaces, Pipeline, Recognition, RecognizeParams};

/// The faces of a photo, and the state they were matched against.
pub struct Recognized {
    /// Faces and matches; person indices point into the snapshot's gallery.
    pub recognition: Recognition,
    /// People and roster.
    pub snapshot: Snapshot,
    /// Whose people were looked for first.
    pub group: Option<Arc<GroupMembers>>,
}

/// The people of a group who have a face.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMembers {
    /// The group's name.
    pub name: String,
    /// Their ids.
    pub ids: HashSet<String>,
}

impl GroupMembers {
    /// Whether a person belongs to the group.
    #[must_use]
    pub fn has(&self, person: &Person) -> bool {
        self.ids.contains(&person.id)
    }
}

impl Recognized {
    /// How many people the faces were compared with at first, from which the threshold follows: those of the group, or all.
    #[must_use]
    pub fn people_compared(&self) -> usize {
        let people = self.snapshot.gallery.people();
        let members = |group: &Arc<GroupMembers>| people.iter().filter(|person| group.has(person)).count();
        self.group.as_ref().map(members).filter(|count| *count > 0).unwrap_or(people.len())
    }
}

impl Service {
    /// Recognises the faces of a photo on a worker thread; afterwards the photo is kept, where photos are kept.
    /// `candidates` is what the response tells of them, for the access log; `None` where it tells none.
    ///
    /// # Errors
    /// [`Error::Busy`](crate::error::Error::Busy) when the queue is full; else as [`Pipeline::recognize`].
    pub async fn recognize<P>(
        &self,
        photo: P,
        params: RecognizeParams,
        candidates: Option<Disclosure>,
    ) -> Result<Recognized>
    where
        P: AsRef<[u8]> + Send + Sync + 'static,
    {
        self.recognize_in(photo, params, None, candidates).await
    }

    /// [`Service::recognize`], with the people of a group first.
    ///
    /// # Errors
    /// As [`Service::recognize`].
    pub async fn recognize_in<P>(
        &self,
        photo: P,
        params: RecognizeParams,
        group: Option<Arc<GroupMembers>>,
        candidates: Option<Disclosure>,
    ) -> Result<Recognized>
    where
        P: AsRef<[u8]> + Send + Sync + 'static,
    {
        let (service, keeping_service) = (self.clone(), self.clone());
        // The decoded photo, where photos are kept.
        let decoded = Arc::new(OnceLock::new());
        let kept = Arc::clone(&decoded);
        let job = move |token: &CancellationToken| {
            let pipeline = service.pipeline().cancelled_by(token);
            let (upright, recognized) = service.recognize_with(&pipeline, photo.as_ref(), &params, group)?;
            if service.0.keeper.is_some() {
                let _ = decoded.set(upright); // a job runs once
            }
            Ok(recognized)
        };
        let keep = move || {
            if let (Some(keeper), Some(photo)) = (&keeping_service.0.keeper, kept.get()) {
                keeper.keep(photo);
            }
        };
        let recognized: Recognized = self.workers().submit_then(job, keep)?.await?;
        self.recorder().record_recognized(&recognized, candidates);
        Ok(recognized)
    }

    /// Recognises the faces of a photo on the calling thread; keeps no photo.
    ///
    /// # Errors
    /// As [`Pipeline::recognize`].
    pub fn recognize_blocking(
        &self,
        photo: &[u8],
        params: &RecognizeParams,
        group: Option<Arc<GroupMembers>>,
    ) -> Result<Recognized> {
        Ok(self.recognize_with(self.pipeline(), photo, params, group)?.1)
    }

    /// Detects the faces of a photo on a worker thread.
    ///
    /// # Errors
    /// [`Error::Busy`](crate::error::Error::Busy) when the queue is full; else as [`Pipeline::find_faces`].
    pub async fn detect<P>(&self, photo: P, params: FaceParams) -> Result<FoundFaces>
    where
        P: AsRef<[u8]> + Send + 'static,
    {
        let found = self.work(move |service, pipeline| {
            let found = pipeline.find_faces(photo.as_ref(), &params)?;
            service.metrics().detected(&found);
            Ok(found)
        });
        found.await
    }

    fn recognize_with(
        &self,
        pipeline: &Pipeline,
        photo: &[u8],
        params: &RecognizeParams,
        group: Option<Arc<GroupMembers>>,
    ) -> Result<(OrientedRgb, Recognized)> {
        let snapshot = self.snapshot();
        let gallery = &*snapshot.gallery;
        let find = |faces: &[Embedding]| match &group {
            Some(group) => search_group_first(gallery, |person| group.has(person), faces, &params.matching),
            None => search(gallery, faces, &params.matching),
        };
        let margin_px = gallery.recipe().margin_px;
        let (upright, recognition) = pipeline.open_and_recognize(photo, margin_px, &params.faces, find)?;
        self.metrics().recognized(&recognition);
        Ok((upright, Recognized { recognition, snapshot, group }))
    }
}
