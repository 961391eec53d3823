//! Verification: the distance between the faces of two photos, or of a photo and an enrolled person.

use std::sync::Arc;

use super::Service;
use super::snapshot::Snapshot;
use crate::access_log::Action;
use crate::detect::Detection;
use crate::embed::Embedding;
use crate::error::Result;
use crate::gallery::search::is_match;
use crate::gallery::{Gallery, Person};
use crate::pipeline::{OneFace, Pipeline};

/// How far apart two faces are.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// Cosine distance; to an enrolled person that to the nearest photo.
    pub distance: f32,
    /// How likely the faces of two different people are to be this alike; `None` without statistics of strangers.
    pub false_match_probability: Option<f64>,
    /// Whether the distance is below the threshold.
    pub same: bool,
    /// The embedder.
    pub model: String,
    /// The face of each photo.
    pub faces: Vec<Detection>,
}

/// The result of a verification.
#[derive(Debug, Clone, PartialEq)]
pub enum VerifyOutcome {
    /// Each photo shows the face.
    Compared(Verification),
    /// The photo of this index does not show one face to be compared; the first one where neither does.
    Unclear(usize, Unclear),
}

/// Why it is not clear which face of a photo is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unclear {
    /// There is none.
    NoFace,
    /// There are so many, and none was chosen.
    Several(usize),
    /// There are so many, and the one that was chosen is not among them.
    NotThere(usize),
}

/// A photo, and which of its faces is meant: an index in the order of detection, the largest first. `None` where there is
/// to be but one.
pub struct Side<P> {
    /// The file.
    pub photo: P,
    /// The face.
    pub face: Option<usize>,
}

/// When two faces are the same person's.
#[derive(Debug, Clone, Copy)]
pub struct VerifyParams {
    /// Cosine distance below which they are.
    pub threshold: f32,
    /// Faces of lower probability don't count.
    pub min_probability: f32,
}

type Found = (Detection, Embedding);

impl Service {
    /// Compares a face of each of two photos on a worker thread.
    ///
    /// # Errors
    /// [`Error::Busy`](crate::error::Error::Busy) when the queue is full; else as [`Pipeline::embed_one_face`].
    pub async fn verify<P>(&self, sides: [Side<P>; 2], params: VerifyParams) -> Result<VerifyOutcome>
    where
        P: AsRef<[u8]> + Send + 'static,
    {
        let compared = self.work(move |service, pipeline| {
            let gallery = service.people().current();
            let [first, second] = sides.map(|side| find(pipeline, &gallery, &side, params));
            // Both are read before either is judged: a broken photo is reported even where the other has no face.
            let (first, second) = (first?, second?);
            let (first, second) = match (first, second) {
                (Err(unclear), _) => return Ok(VerifyOutcome::Unclear(0, unclear)),
                (_, Err(unclear)) => return Ok(VerifyOutcome::Unclear(1, unclear)),
                (Ok(first), Ok(second)) => (first, second),
            };
            let pair = [&first.1, &second.1];
            Ok(VerifyOutcome::Compared(compared(&gallery, pair, vec![first.0, second.0], params)))
        });
        let outcome = compared.await?;
        self.recorder().record(Action::Verify, []);
        Ok(outcome)
    }

    /// Compares a face of a photo with the enrolled person `person_id` on a worker thread. A person who is expired is
    /// none.
    ///
    /// # Errors
    /// [`InputError::NotFound`](crate::error::InputError::NotFound); else as [`Service::verify`].
    pub async fn verify_person<P>(
        &self,
        side: Side<P>,
        person_id: String,
        params: VerifyParams,
    ) -> Result<VerifyOutcome>
    where
        P: AsRef<[u8]> + Send + 'static,
    {
        let id = person_id.clone();
        let compared = self.work(move |service, pipeline| {
            // Of now: who was deleted while the photo waited is compared with nobody.
            let snapshot = service.recognized_people();
            let (person, Snapshot { gallery, .. }) = (snapshot.person(&id)?, &snapshot);
            let (face, probe) = match find(pipeline, gallery, &side, params)? {
                Ok(found) => found,
                Err(unclear) => return Ok(VerifyOutcome::Unclear(0, unclear)),
            };
            let nearest = nearest_photo(person, &probe);
            Ok(VerifyOutcome::Compared(compared(gallery, [&probe, nearest], vec![face], params)))
        });
        let outcome = compared.await?;
        self.recorder().record(Action::Verify, [person_id.as_str()]);
        Ok(outcome)
    }
}

/// The face that is meant, with its embedding.
fn find<P: AsRef<[u8]>>(
    pipeline: &Pipeline,
    gallery: &Arc<Gallery>,
    side: &Side<P>,
    params: VerifyParams,
) -> Result<Result<Found, Unclear>> {
    let (bytes, margin_px) = (side.photo.as_ref(), gallery.recipe().margin_px);
    Ok(match pipeline.embed_one_face(bytes, params.min_probability, margin_px, side.face)? {
        OneFace::Found(face, embedding) => Ok((face, embedding)),
        OneFace::NotOne(0) => Err(Unclear::NoFace),
        OneFace::NotOne(faces) if side.face.is_some() => Err(Unclear::NotThere(faces)),
        OneFace::NotOne(faces) => Err(Unclear::Several(faces)),
    })
}

fn compared(
    gallery: &Gallery,
    pair: [&Embedding; 2],
    faces: Vec<Detection>,
    params: VerifyParams,
) -> Verification {
    let [first, second] = pair;
    let distance = first.cosine_distance(second);
    Verification {
        distance,
        false_match_probability: gallery.cohort().map(|cohort| cohort.false_match_probability(first, second)),
        same: is_match(distance, params.threshold),
        model: gallery.recipe().model.clone(),
        faces,
    }
}

/// The embedding of the person's photo that is nearest.
fn nearest_photo<'a>(person: &'a Person, probe: &Embedding) -> &'a Embedding {
    let embeddings = person.photos.iter().map(|photo| &photo.embedding);
    let nearest = embeddings.min_by(|a, b| probe.cosine_distance(a).total_cmp(&probe.cosine_distance(b)));
    // A person has at least one photo.
    nearest.unwrap_or(&person.photos[0].embedding)
}
