//! Recognition and detection of the faces of one photo.

use std::sync::Arc;

use super::Service;
use super::snapshot::Snapshot;
use crate::cancel::CancellationToken;
use crate::error::Result;
use crate::pipeline::{FaceParams, FoundFaces, Pipeline, Recognition, RecognizeParams};

/// The faces of a photo, and the state they were matched against.
pub struct Recognized {
    /// Faces and matches; person indices point into the snapshot's gallery.
    pub recognition: Recognition,
    /// People and roster.
    pub snapshot: Snapshot,
}

impl Service {
    /// Recognises the faces of a photo on a worker thread; afterwards the photo is kept, where photos are kept.
    ///
    /// # Errors
    /// [`Error::Busy`](crate::error::Error::Busy) when the queue is full; else as [`Pipeline::recognize`].
    pub async fn recognize<P>(&self, photo: P, params: RecognizeParams) -> Result<Recognized>
    where
        P: AsRef<[u8]> + Send + Sync + 'static,
    {
        let (service, photo) = (self.clone(), Arc::new(photo));
        let (keeping_service, kept) = (self.clone(), Arc::clone(&photo));
        let job = move |token: &CancellationToken| {
            let pipeline = service.pipeline().cancelled_by(token);
            service.recognize_with(&pipeline, (*photo).as_ref(), &params)
        };
        let keep = move || {
            if let Some(keeper) = &keeping_service.0.keeper {
                keeper.keep(keeping_service.pipeline(), (*kept).as_ref());
            }
        };
        self.workers().submit_then(job, keep)?.await
    }

    /// Recognises the faces of a photo on the calling thread; keeps no photo.
    ///
    /// # Errors
    /// As [`Pipeline::recognize`].
    pub fn recognize_blocking(&self, photo: &[u8], params: &RecognizeParams) -> Result<Recognized> {
        self.recognize_with(self.pipeline(), photo, params)
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
    ) -> Result<Recognized> {
        let snapshot = self.snapshot();
        let recognition = pipeline.recognize(photo, &snapshot.gallery, params)?;
        self.metrics().recognized(&recognition);
        Ok(Recognized { recognition, snapshot })
    }
}
