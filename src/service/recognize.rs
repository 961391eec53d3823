//! Recognition and detection of the faces of one photo.

use std::sync::{Arc, OnceLock};

use super::Service;
use super::snapshot::Snapshot;
use crate::cancel::CancellationToken;
use crate::error::Result;
use crate::imaging::OrientedRgb;
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
        let (service, keeping_service) = (self.clone(), self.clone());
        // The decoded photo, where photos are kept.
        let decoded = Arc::new(OnceLock::new());
        let kept = Arc::clone(&decoded);
        let job = move |token: &CancellationToken| {
            let pipeline = service.pipeline().cancelled_by(token);
            let (upright, recognized) = service.recognize_with(&pipeline, photo.as_ref(), &params)?;
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
        self.recorder().record_recognized(&recognized);
        Ok(recognized)
    }

    /// Recognises the faces of a photo on the calling thread; keeps no photo.
    ///
    /// # Errors
    /// As [`Pipeline::recognize`].
    pub fn recognize_blocking(&self, photo: &[u8], params: &RecognizeParams) -> Result<Recognized> {
        Ok(self.recognize_with(self.pipeline(), photo, params)?.1)
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
    ) -> Result<(OrientedRgb, Recognized)> {
        let snapshot = self.snapshot();
        let (upright, recognition) = pipeline.open_and_recognize(photo, &snapshot.gallery, params)?;
        self.metrics().recognized(&recognition);
        Ok((upright, Recognized { recognition, snapshot }))
    }
}
