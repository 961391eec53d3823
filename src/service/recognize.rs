//! Recognition and detection of the faces of one photo.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::attendance::photos::{face_results, photo_of};
use super::attendance::recording::Seen;
use super::disclosure::Disclosure;
pub use super::recognized::{GroupMembers, Recognized};
use super::{Service, caller};
use crate::access_log::Action;
use crate::attendance::{FaceResult, Marked};
use crate::cancel::CancellationToken;
use crate::embed::Embedding;
use crate::error::Result;
use crate::gallery::group_search::search_group_first;
use crate::gallery::search::search;
use crate::imaging::OrientedRgb;
use crate::pipeline::{FaceParams, FoundFaces, Pipeline, RecognizeParams};

/// Work after the response: with the photo's bytes and who is in it.
type AfterResponse = Box<dyn FnOnce(&Service, &[u8], Vec<FaceResult>) + Send>;

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
        self.recognize_then(photo, params, group, candidates, None).await
    }

    /// [`Service::recognize`]; afterwards it is recorded who was seen, where photos of the old endpoint are.
    ///
    /// # Errors
    /// As [`Service::recognize`].
    pub async fn recognize_and_record<P>(&self, photo: P, params: RecognizeParams) -> Result<Recognized>
    where
        P: AsRef<[u8]> + Send + Sync + 'static,
    {
        if self.0.recording.is_none() {
            return self.recognize(photo, params, None).await;
        }
        let (taken, recorder) = (Timestamp::now(), self.recorder());
        let told = move |marked: &Marked| {
            let people = marked.changes.iter().map(|change| change.person.person_id.as_str());
            recorder.record(Action::MarkAttendance, people);
        };
        let record = move |service: &Self, photo: &[u8], faces| {
            if let Some(recording) = &service.0.recording {
                let (photo, told, service) = (photo_of(photo, taken), Box::new(told), service.clone());
                let people = Box::new(move || service.recognized_people());
                recording.push(Seen { photo, faces, people, told });
            }
        };
        self.recognize_then(photo, params, None, None, Some(Box::new(record))).await
    }

    /// Recognises a photo. After the response `then` is called, and the photo is kept, where photos are kept.
    async fn recognize_then<P>(
        &self,
        photo: P,
        params: RecognizeParams,
        group: Option<Arc<GroupMembers>>,
        candidates: Option<Disclosure>,
        then: Option<AfterResponse>,
    ) -> Result<Recognized>
    where
        P: AsRef<[u8]> + Send + Sync + 'static,
    {
        let (service, later) = (self.clone(), self.clone());
        let photo = Arc::new(photo);
        let bytes = then.is_some().then(|| Arc::clone(&photo));
        let record = then.is_some();
        // The decoded photo and who is in it, for the work after the response.
        let found = Arc::new(OnceLock::new());
        let left = Arc::clone(&found);
        let job = move |token: &CancellationToken| {
            let pipeline = service.pipeline().cancelled_by(token);
            let (upright, recognized) =
                service.recognize_with(&pipeline, (*photo).as_ref(), &params, group)?;
            let upright = service.0.keeper.is_some().then_some(upright);
            let faces = record.then(|| face_results(&recognized));
            let _ = found.set((upright, faces)); // a job runs once
            Ok(recognized)
        };
        let after = move || {
            let Some((upright, faces)) = left.get() else { return };
            if let (Some(then), Some(bytes), Some(faces)) = (then, &bytes, faces) {
                then(&later, (**bytes).as_ref(), faces.clone());
            }
            if let (Some(keeper), Some(photo)) = (&later.0.keeper, upright) {
                keeper.keep(photo);
            }
        };
        let recognized: Recognized =
            self.workers().submit_then(caller::current().network(), job, after)?.await?;
        self.recorder().record_recognized(&recognized, candidates);
        Ok(recognized)
    }

    /// Recognises the faces of a photo on the calling thread, for a command, which tells matches only; keeps no photo.
    ///
    /// # Errors
    /// As [`Pipeline::recognize`].
    pub fn recognize_blocking(
        &self,
        photo: &[u8],
        params: &RecognizeParams,
        group: Option<Arc<GroupMembers>>,
    ) -> Result<Recognized> {
        let (_, recognized) = self.recognize_with(self.pipeline(), photo, params, group)?;
        self.recorder().record_recognized(&recognized, None);
        Ok(recognized)
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
        let snapshot = self.recognized_people();
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
