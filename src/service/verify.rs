//! Verification: the distance between the main faces of two photos.

use super::Service;
use crate::access_log::Action;
use crate::detect::Detection;
use crate::error::Result;
use crate::gallery::search::is_match;

/// How far apart two faces are.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// Cosine distance.
    pub distance: f32,
    /// How likely the faces of two different people are to be this alike; `None` without statistics of strangers.
    pub false_match_probability: Option<f64>,
    /// Whether the distance is below the threshold.
    pub same: bool,
    /// The embedder.
    pub model: String,
    /// The main face of each photo.
    pub faces: [Detection; 2],
}

/// The result of a verification.
#[derive(Debug, Clone, PartialEq)]
pub enum VerifyOutcome {
    /// Both photos show a face.
    Compared(Verification),
    /// The photo of this index (0 or 1) shows none; the first one where neither does.
    NoFace(usize),
}

impl Service {
    /// Compares the main faces of two photos on a worker thread. Faces below `min_probability` don't count; faces
    /// below the cosine distance `threshold` are the same person's.
    ///
    /// # Errors
    /// [`Error::Busy`](crate::error::Error::Busy) when the queue is full; else as
    /// [`Pipeline::embed_main_face`](crate::pipeline::Pipeline::embed_main_face).
    pub async fn verify<P>(
        &self,
        photos: [P; 2],
        threshold: f32,
        min_probability: f32,
    ) -> Result<VerifyOutcome>
    where
        P: AsRef<[u8]> + Send + 'static,
    {
        let compared = self.work(move |service, pipeline| {
            let gallery = service.people().current();
            let recipe = gallery.recipe();
            let main_face =
                |photo: &P| pipeline.embed_main_face(photo.as_ref(), min_probability, recipe.margin_px);
            let [first, second] = &photos;
            // Both are read before either is judged: a broken photo is reported even where the other has no face.
            let (first, second) = (main_face(first)?, main_face(second)?);
            let Some((first, first_embedding)) = first else { return Ok(VerifyOutcome::NoFace(0)) };
            let Some((second, second_embedding)) = second else { return Ok(VerifyOutcome::NoFace(1)) };
            let distance = first_embedding.cosine_distance(&second_embedding);
            Ok(VerifyOutcome::Compared(Verification {
                distance,
                false_match_probability: gallery
                    .cohort()
                    .map(|cohort| cohort.false_match_probability(&first_embedding, &second_embedding)),
                same: is_match(distance, threshold),
                model: recipe.model.clone(),
                faces: [first, second],
            }))
        });
        let outcome = compared.await?;
        self.recorder().record(Action::Verify, []);
        Ok(outcome)
    }
}
